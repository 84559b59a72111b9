//! What can be wrong with a configuration, said so that it can be put right.

use std::fmt;
use std::path::PathBuf;

use crate::document;
use crate::domain::percent::Percent;

/// Why there is no configuration, or none for what is asked.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// There is no file anywhere it is looked for.
    #[error(
        "no configuration file; looked for {}; write one after config.example.toml, name it with --config, or try `cutover demo`",
        list(looked)
    )]
    NotFound {
        /// Where it was looked for.
        looked: Vec<PathBuf>,
    },
    /// The file is there and cannot be read.
    #[error("cannot read configuration {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file has mistakes: all of them.
    #[error("{0}")]
    Invalid(Problems),
    /// An environment variable or flag that settings are taken from has a value that cannot be meant.
    #[error("{name}={value}: {wanted}")]
    BadSetting {
        /// The variable.
        name: String,
        /// Its value.
        value: String,
        /// What it may be.
        wanted: String,
    },
    /// A name asked for is not in the configuration.
    #[error("{}", unknown_name(kind, name, nearest.as_deref(), known))]
    Unknown {
        /// `environment`, `component`.
        kind: &'static str,
        /// The name asked for.
        name: String,
        /// The nearest name there is.
        nearest: Option<String>,
        /// All names there are.
        known: Vec<String>,
    },
    /// An environment has several components, and none was named.
    #[error("environment `{environment}` has several components; name one of {}", known.join(", "))]
    WhichComponent {
        /// The environment.
        environment: String,
        /// Its components.
        known: Vec<String>,
    },
    /// The version is not an image reference.
    #[error(
        "`{version}` is not an image reference; write one such as `registry/api:9ab03d7` or `registry/api@sha256:…`"
    )]
    BadVersion {
        /// As given.
        version: String,
    },
    /// Both sides have traffic: one of them is to be replaced.
    #[error(
        "production traffic is split: {}; a release replaces one side's tasks, so give all of it to one side first: finish what split it, or set the weights of the listener rule to 100 and 0",
        weights.iter().map(|(service, weight)| format!("`{service}` has {weight}")).collect::<Vec<_>>().join(" and ")
    )]
    SplitTraffic {
        /// Each service with its weight.
        weights: [(String, Percent); 2],
    },
    /// Somebody else changes a service at this moment.
    #[error("a deployment of service `{service}` is under way; wait until it has ended, or end it")]
    UnderDeployment {
        /// The service.
        service: String,
    },
    /// A step that AWS, which shifts on a clock of its own, does not take.
    #[error(
        "a step of component `{component}` is {weight}, and CodeDeploy shifts {course}: {problem}; change the pipeline's `steps`, or the deployment group's configuration"
    )]
    OutOfStep {
        /// The component.
        component: String,
        /// The step's.
        weight: Percent,
        /// What is wrong with it.
        problem: &'static str,
        /// What it goes through.
        course: String,
    },
    /// What serves runs no tasks, so nothing says how many green needs.
    #[error("service `{service}` serves and wants no tasks; start it, or set `tasks` of component `{component}`")]
    NothingServes {
        /// The service that has the traffic.
        service: String,
        /// The component.
        component: String,
    },
}

impl ConfigError {
    /// Whether nothing is wrong with what was written or asked, but with how the services stand.
    pub fn is_about_the_services(&self) -> bool {
        matches!(self, Self::SplitTraffic { .. } | Self::UnderDeployment { .. })
    }
}

fn list(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}

/// Every mistake of a file, in the order of the file. Never empty.
#[derive(Clone, Debug, PartialEq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.0 {
            writeln!(f, "{problem}\n")?;
        }
        let file = self.0.first().map_or("the configuration", |problem| problem.file.as_str());
        match self.0.len() {
            1 => write!(f, "1 mistake in {file}"),
            several => write!(f, "{several} mistakes in {file}"),
        }
    }
}

/// One mistake and where it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// The file, as it was named.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1, in characters.
    pub column: usize,
    /// What is wrong.
    pub mistake: Mistake,
    /// The line, fit for a terminal and with secrets masked.
    pub excerpt: String,
    /// How many characters of the line are meant, 1 or more.
    pub width: usize,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, column) = (self.line, self.column);
        writeln!(f, "{}:{line}:{column}: {}", self.file, self.mistake)?;
        let gutter = line.to_string().len().max(4);
        writeln!(f, "{line:>gutter$} | {}", self.excerpt)?;
        write!(f, "{:gutter$} | {}{}", "", " ".repeat(column.saturating_sub(1)), "^".repeat(self.width))
    }
}

/// What is wrong, by kind; the message ends with the remedy.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Mistake {
    /// It is not TOML.
    #[error("{0}")]
    Syntax(String),
    /// A key that means nothing here.
    #[error("{}", unknown_key(key, place, nearest.as_deref(), known))]
    UnknownKey {
        /// The key.
        key: String,
        /// The table it stands in.
        place: String,
        /// The nearest key that means something.
        nearest: Option<String>,
        /// All keys that do.
        known: Vec<String>,
    },
    /// A key that must be there.
    #[error("missing key `{key}` in {place}; add `{example}`, for example")]
    MissingKey {
        /// The key.
        key: String,
        /// The table it is missing in.
        place: String,
        /// A line that would do.
        example: String,
    },
    /// A value of another type than wanted.
    #[error("`{text}` is {found}; write {wanted}")]
    WrongType {
        /// As written.
        text: String,
        /// Its type, with its article.
        found: &'static str,
        /// What to write.
        wanted: String,
    },
    /// A value of the right type that cannot be meant.
    #[error("`{text}` is not {what}; write {wanted}")]
    BadValue {
        /// As written.
        text: String,
        /// What it should be, with its article.
        what: &'static str,
        /// What to write.
        wanted: String,
    },
    /// A name that is defined nowhere.
    #[error("{}", unknown_name(kind, name, nearest.as_deref(), known))]
    UnknownName {
        /// What it should name.
        kind: &'static str,
        /// The name.
        name: String,
        /// The nearest that is defined.
        nearest: Option<String>,
        /// All that are.
        known: Vec<String>,
    },
    /// The same name twice where names tell things apart.
    #[error("{kind} `{name}` is there already, on line {first}; each may be there once")]
    Repeated {
        /// What it names.
        kind: &'static str,
        /// The name.
        name: String,
        /// Line of the first.
        first: usize,
    },
    /// Variables that are defined nowhere.
    #[error("{}", unknown_variables(unknown, known))]
    UnknownVariables {
        /// The names between the braces, each with the nearest that is defined.
        unknown: Vec<(String, Option<String>)>,
        /// All that are.
        known: Vec<String>,
    },
    /// A secret written down.
    #[error("{what} must not be written here; {remedy}")]
    Secret {
        /// What it looks like.
        what: &'static str,
        /// How to refer to it instead.
        remedy: &'static str,
    },
    /// Each part is well, but they do not go together.
    #[error("{what}; {remedy}")]
    Contradiction {
        /// What does not go together.
        what: String,
        /// What to do about it.
        remedy: String,
    },
}

fn unknown_key(key: &str, place: &str, nearest: Option<&str>, known: &[String]) -> String {
    match nearest {
        Some(nearest) => format!("unknown key `{key}` in {place}; did you mean `{nearest}`?"),
        None if known.is_empty() => format!("unknown key `{key}` in {place}; it takes none"),
        None => format!("unknown key `{key}` in {place}; it takes {}", known.join(", ")),
    }
}

fn unknown_name(kind: &str, name: &str, nearest: Option<&str>, known: &[String]) -> String {
    match nearest {
        Some(nearest) => format!("unknown {kind} `{name}`; did you mean `{nearest}`?"),
        None if known.is_empty() => format!("unknown {kind} `{name}`; none is defined"),
        None => format!("unknown {kind} `{name}`; there is {}", known.join(", ")),
    }
}

fn unknown_variables(unknown: &[(String, Option<String>)], known: &[String]) -> String {
    let said = |(name, nearest): &(String, Option<String>)| match nearest {
        Some(nearest) => format!("unknown variable `${{{name}}}`, perhaps meant as `${{{nearest}}}`"),
        None => format!("unknown variable `${{{name}}}`, to be written `$${{{name}}}` if a shell knows it"),
    };
    let all = unknown.iter().map(said).collect::<Vec<_>>().join("; ");
    format!("{all}; known are {}", known.join(" "))
}

/// The candidate that `wrong` is most likely a slip of, if any is near enough.
pub(crate) fn nearest<'a>(wrong: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    document::nearest(wrong, candidates).map(str::to_owned)
}
