//! Text with variables, such as `deploy ${component}`.

use toml::de::DeValue;

use super::problem::{Mistake, nearest};
use super::reader::Item;
use super::values;

/// What a variable stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variable {
    /// `${version}`: the part of the new image reference that tells versions apart.
    Version,
    /// `${image}`: the whole reference of the new image.
    Image,
    /// `${from}`: the version that serves when the release is made.
    From,
    /// `${environment}`: the environment's name.
    Environment,
    /// `${component}`: the component's name.
    Component,
    /// `${release}`: the release's number.
    Release,
    /// `${account}`: the environment's AWS account.
    Account,
    /// `${region}`: the environment's AWS region.
    Region,
    /// `${cluster}`: the component's ECS cluster.
    Cluster,
    /// `${digest}`: the digest of the new image, filled in once it is known.
    Digest,
    /// `${git_sha}`: the commit that the new version was made of.
    GitSha,
    /// `${url}`: the component's URL, without a slash at its end.
    Url,
}

impl Variable {
    /// All of them, by their names.
    pub const ALL: [(&'static str, Self); 12] = [
        ("version", Self::Version),
        ("image", Self::Image),
        ("digest", Self::Digest),
        ("git_sha", Self::GitSha),
        ("from", Self::From),
        ("environment", Self::Environment),
        ("component", Self::Component),
        ("release", Self::Release),
        ("account", Self::Account),
        ("region", Self::Region),
        ("cluster", Self::Cluster),
        ("url", Self::Url),
    ];

    /// Its name, as written between the braces.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, variable)| *variable == self).map_or("", |(name, _)| name)
    }
}

/// Text with variables, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Variable(Variable),
}

impl Template {
    /// Reads text. Only `${` means something; `$${` stands for `${` itself. The error is everything between braces that
    /// is no variable.
    pub fn parse(text: &str) -> Result<Self, Vec<String>> {
        let mut pieces = Vec::new();
        let mut unknown = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find("${") {
            let (before, from) = rest.split_at(at);
            let after = from.get(2..).unwrap_or_default();
            rest = after;
            if let Some(before) = before.strip_suffix('$') {
                plain.push_str(before);
                plain.push_str("${");
                continue;
            }
            plain.push_str(before);
            let Some((name, after)) = after.split_once('}') else {
                unknown.push(after.to_owned());
                break;
            };
            rest = after;
            let variable = Variable::ALL.iter().find(|(known, _)| *known == name).map(|(_, variable)| *variable);
            let Some(variable) = variable else {
                unknown.push(name.to_owned());
                continue;
            };
            if !plain.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut plain)));
            }
            pieces.push(Piece::Variable(variable));
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        if unknown.is_empty() { Ok(Self(pieces)) } else { Err(unknown) }
    }

    /// The text with every variable replaced by what `value` says it stands for.
    pub fn expand<'v>(&self, value: impl Fn(Variable) -> &'v str) -> String {
        self.0
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => text.as_str(),
                Piece::Variable(variable) => value(*variable),
            })
            .collect()
    }

    /// Whether it holds this variable.
    pub fn holds(&self, wanted: Variable) -> bool {
        self.0.contains(&Piece::Variable(wanted))
    }

    /// The text as it is written in a configuration.
    pub fn written(&self) -> String {
        self.0
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => text.replace("${", "$${"),
                Piece::Variable(variable) => format!("${{{}}}", variable.name()),
            })
            .collect()
    }
}

/// Reads text with variables; it may be empty.
pub(super) fn template(item: Item<'_>) -> Result<Template, Mistake> {
    let DeValue::String(text) = item.get() else { return Err(item.wrong_type("a string in quotes")) };
    Template::parse(text).map_err(|unknown| {
        let known = || Variable::ALL.iter().map(|(name, _)| *name);
        let unknown = unknown.into_iter().map(|name| {
            let nearest = nearest(&name, known());
            (name.chars().take(40).collect(), nearest)
        });
        let known = known().map(|name| format!("${{{name}}}")).collect();
        Mistake::UnknownVariables { unknown: unknown.collect(), known }
    })
}

/// Reads text with variables that is not empty.
pub(super) fn some_template(item: Item<'_>) -> Result<Template, Mistake> {
    values::text(item)?;
    template(item)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_replaced_and_doubled_dollars_left_to_the_shell() {
        let expand = |text: &str| Template::parse(text).map(|template| template.expand(Variable::name));
        assert_eq!(expand("tag ${version}, ${release}"), Ok("tag version, release".to_owned()));
        assert_eq!(expand("$HOME $(id) $$ 5$ $${HOME}"), Ok("$HOME $(id) $$ 5$ ${HOME}".to_owned()));
        assert_eq!(expand(""), Ok(String::new()));
        assert_eq!(expand("${versoin}"), Err(vec!["versoin".to_owned()]));
        assert_eq!(expand("${a} ${version"), Err(vec!["a".to_owned(), "version".to_owned()]));
    }

    #[test]
    fn a_template_is_shown_as_it_was_written() {
        for text in ["a ${version} b", "$${HOME}", "${from}${image}", "plain"] {
            assert_eq!(Template::parse(text).map(|template| template.written()).as_deref(), Ok(text));
        }
    }
}
