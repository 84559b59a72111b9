//! Who may do what to releases of an environment, by the AWS identity that they have.

use serde::{Deserialize, Serialize};

use super::command::CommandKind;

/// Something that a rule can allow. It is written as its word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Deed {
    /// Beginning a release.
    Release,
    /// Giving a command of this kind; to roll back is also to go back to an earlier release.
    Order(CommandKind),
}

impl Deed {
    /// All of them, in the order in which they are listed to people.
    pub fn all() -> impl Iterator<Item = Self> {
        [Self::Release].into_iter().chain(CommandKind::ALL.into_iter().map(Self::Order))
    }

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Order(kind) => kind.word(),
        }
    }
}

impl From<CommandKind> for Deed {
    fn from(kind: CommandKind) -> Self {
        Self::Order(kind)
    }
}

impl From<Deed> for String {
    fn from(deed: Deed) -> Self {
        deed.word().to_owned()
    }
}

impl TryFrom<String> for Deed {
    type Error = String;

    fn try_from(word: String) -> Result<Self, Self::Error> {
        Self::all().find(|deed| deed.word() == word).ok_or_else(|| format!("no deed is called `{word}`"))
    }
}

/// Who may do what in one environment. Whatever no rule allows is not allowed: whoever is named by none only looks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// What anybody may do, also those whose identity is not known.
    pub everybody: Vec<Deed>,
    /// The rules that are of this environment, in the order of the configuration.
    pub rules: Vec<Rule>,
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// Whose identities it is about.
    pub who: Vec<Pattern>,
    /// What they may do.
    pub may: Vec<Deed>,
}

/// A pattern of ARNs: `*` stands for any characters, `?` for any one. A role's own ARN stands for every session of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pattern(pub String);

impl Pattern {
    /// Whether it means this identity.
    pub fn means(&self, arn: &str) -> bool {
        matches(&self.0, arn) || self.sessions().is_some_and(|sessions| matches(&sessions, arn))
    }

    /// `arn:aws:sts::…:assumed-role/NAME/*` of a role's own ARN, whose path its sessions do not show.
    fn sessions(&self) -> Option<String> {
        let (head, role) = self.0.split_once(":role/")?;
        let head = head.replacen(":iam:", ":sts:", 1);
        let name = role.rsplit('/').next().unwrap_or(role);
        Some(format!("{head}:assumed-role/{name}/*"))
    }
}

/// Whether `text` is as `pattern` says, from its first character to its last.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut place) = (0, 0);
    // Where the last star was, and where what it stands for ends so far.
    let mut star: Option<(usize, usize)> = None;
    while let Some(character) = text.get(place) {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, place));
                at += 1;
            }
            Some(wanted) if *wanted == '?' || wanted == character => {
                at += 1;
                place += 1;
            }
            _ => match star {
                Some((star_at, taken)) => {
                    star = Some((star_at, taken + 1));
                    at = star_at + 1;
                    place = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(at).all(|rest| *rest == '*')
}

impl Policy {
    /// Whether anybody may do it, whoever they are.
    pub fn is_open(&self, deed: Deed) -> bool {
        self.everybody.contains(&deed)
    }

    /// Whether somebody may do it.
    ///
    /// # Errors
    ///
    /// Why not: which rule names them, or that none does, and which rules allow it.
    pub fn allows(&self, deed: Deed, arn: Option<&str>) -> Result<(), String> {
        if self.is_open(deed) {
            return Ok(());
        }
        let (word, allowing) = (deed.word(), self.rules.iter().filter(|rule| rule.may.contains(&deed)));
        let allowing: Vec<&Rule> = allowing.collect();
        let names: Vec<String> = allowing.iter().map(|rule| format!("`{}`", rule.name)).collect();
        let remedy = match names.as_slice() {
            [] => "no rule allows it to anybody".to_owned(),
            [one] => format!("rule {one} allows it"),
            several => format!("rules {} allow it", several.join(", ")),
        };
        let Some(arn) = arn else {
            return Err(format!("policy: whose {word} this is, is not known, since AWS did not say; {remedy}"));
        };
        let is_named = |rule: &&Rule| rule.who.iter().any(|pattern| pattern.means(arn));
        if allowing.iter().any(is_named) {
            return Ok(());
        }
        let naming: Vec<String> = self.rules.iter().filter(is_named).map(|rule| format!("`{}`", rule.name)).collect();
        let standing = match naming.as_slice() {
            [] => format!("no rule names {arn}, which may only look"),
            several => format!("rule {} names {arn} and does not allow {word}", several.join(", ")),
        };
        Err(format!("policy: {standing}; {remedy}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAPTAIN: &str = "arn:aws:sts::123456789012:assumed-role/release-captain/maria";
    const VISITOR: &str = "arn:aws:sts::123456789012:assumed-role/developer/ken";

    fn rule(name: &str, who: &str, may: &[Deed]) -> Rule {
        Rule { name: name.to_owned(), who: vec![Pattern(who.to_owned())], may: may.to_vec() }
    }

    #[test]
    fn patterns_mean_whole_identities_and_a_role_means_its_sessions() {
        let means = |pattern: &str, arn: &str| Pattern(pattern.to_owned()).means(arn);
        for pattern in [
            CAPTAIN,
            "arn:aws:sts::*:assumed-role/release-captain/*",
            "arn:aws:sts::123456789012:assumed-role/release-capt??n/*",
            "arn:aws:iam::123456789012:role/release-captain",
            "arn:aws:iam::123456789012:role/teams/shop/release-captain",
            "arn:aws:iam::*:role/release-*",
            "*",
            "*captain*m*a",
        ] {
            assert!(means(pattern, CAPTAIN), "{pattern}");
        }
        for pattern in [
            "arn:aws:sts::123456789012:assumed-role/release-captain",
            "arn:aws:sts::123456789012:assumed-role/release-captain/",
            "arn:aws:sts::999999999999:assumed-role/release-captain/*",
            "arn:aws:iam::123456789012:role/captain",
            "release-captain",
            "",
            "*maria?",
        ] {
            assert!(!means(pattern, CAPTAIN), "{pattern}");
        }
    }

    #[test]
    fn a_deed_is_kept_as_its_word() {
        let words: Vec<&str> = Deed::all().map(Deed::word).collect();
        let kept = serde_json::to_string(&Deed::all().collect::<Vec<_>>()).unwrap();
        assert_eq!(kept, serde_json::to_string(&words).unwrap());
        assert_eq!(serde_json::from_str::<Vec<Deed>>(&kept).unwrap(), Deed::all().collect::<Vec<_>>());
        assert!(serde_json::from_str::<Deed>("\"undo\"").is_err());
    }

    #[test]
    fn what_no_rule_allows_is_refused_by_name() {
        let policy = Policy {
            everybody: vec![Deed::Order(CommandKind::Pause), Deed::Order(CommandKind::Rollback)],
            rules: vec![
                rule(
                    "captains",
                    "arn:aws:sts::*:assumed-role/release-captain/*",
                    &[Deed::Release, Deed::Order(CommandKind::Promote)],
                ),
                rule("developers", "arn:aws:iam::123456789012:role/developer", &[Deed::Order(CommandKind::Retry)]),
            ],
        };
        assert_eq!(policy.allows(Deed::Order(CommandKind::Rollback), None), Ok(()));
        assert_eq!(policy.allows(Deed::Order(CommandKind::Promote), Some(CAPTAIN)), Ok(()));
        assert_eq!(policy.allows(Deed::Order(CommandKind::Retry), Some(VISITOR)), Ok(()));
        let refused = |deed, arn| policy.allows(deed, arn).unwrap_err();
        assert_eq!(
            refused(Deed::Order(CommandKind::Promote), Some(VISITOR)),
            format!("policy: rule `developers` names {VISITOR} and does not allow promote; rule `captains` allows it")
        );
        assert_eq!(
            refused(Deed::Order(CommandKind::Promote), Some("arn:aws:iam::1:user/eve")),
            "policy: no rule names arn:aws:iam::1:user/eve, which may only look; rule `captains` allows it"
        );
        assert_eq!(
            refused(Deed::Order(CommandKind::Skip), None),
            "policy: whose skip this is, is not known, since AWS did not say; no rule allows it to anybody"
        );
    }
}
