//! From a file, the environment and flags to a configuration.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::de::DeTable;

use super::model::{Color, Config, ThemeChoice};
use super::problem::{ConfigError, Mistake, Problem, Problems, nearest};
use super::reader::{Reader, Spot};
use super::{secrets, sections, syntax};
use crate::document::{Document, Place};
use crate::domain::redact::{Redactor, printable};

/// Environment variables that settings are taken from, and what each stands for.
pub const VARIABLES: [(&str, &str); 6] = [
    ("CUTOVER_CONFIG", "the configuration file"),
    ("CUTOVER_JOURNAL", "directory of the journal"),
    ("CUTOVER_PROFILE", "AWS profile, in place of every environment's own"),
    ("CUTOVER_READ_ONLY", "1 to change nothing, 0 to allow it"),
    ("CUTOVER_GIT_SHA", "the commit that images were made of, for `${git_sha}`"),
    ("CUTOVER_COLOR", "auto, always or never"),
];

/// More than any configuration needs: a bigger file is another file.
const LARGEST: usize = 1 << 20;

/// What a program finds around it.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// Environment variables.
    pub variables: BTreeMap<String, String>,
    /// Working directory.
    pub directory: PathBuf,
}

/// Settings that outrank the file. `None` leaves what the file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// The file itself.
    pub config: Option<PathBuf>,
    /// Directory of the journal.
    pub journal: Option<PathBuf>,
    /// AWS profile.
    pub profile: Option<String>,
    /// Whether anything may be changed.
    pub read_only: Option<bool>,
    /// Whether output is in colour.
    pub color: Option<Color>,
    /// Whether only ASCII characters are drawn.
    pub ascii: Option<bool>,
}

impl Surroundings {
    /// Those of this process. Variables that are not UTF-8 are left out.
    pub fn of_process() -> Self {
        let variables =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Self { variables: variables.collect(), directory: std::env::current_dir().unwrap_or_default() }
    }

    /// A variable that is set to something.
    fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    fn home(&self) -> PathBuf {
        self.variable("HOME").map_or_else(|| self.directory.clone(), PathBuf::from)
    }

    /// A directory of the user, after the XDG rules: relative ones do not count.
    fn xdg(&self, name: &str, default: &str) -> PathBuf {
        let set = self.variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
        set.unwrap_or_else(|| self.home().join(default)).join("cutover")
    }

    /// Where the journal is kept unless something else is said.
    pub fn state_dir(&self) -> PathBuf {
        self.xdg("XDG_STATE_HOME", ".local/state")
    }

    /// Where a file is looked for when none is named, in this order.
    pub fn search_path(&self) -> [PathBuf; 2] {
        [self.directory.join("cutover.toml"), self.xdg("XDG_CONFIG_HOME", ".config").join("config.toml")]
    }

    /// `path` with a leading `~` replaced, taken from `base` if it is relative.
    fn resolve(&self, path: &Path, base: &Path) -> PathBuf {
        match path.strip_prefix("~") {
            Ok(rest) => self.home().join(rest),
            Err(_) => base.join(path),
        }
    }
}

impl Overrides {
    /// What the environment variables say.
    pub fn from_environment(surroundings: &Surroundings) -> Result<Self, ConfigError> {
        for (name, value) in &surroundings.variables {
            // A slip in a name such as CUTOVER_READONLY must not go unnoticed.
            let known = || VARIABLES.iter().map(|(name, _)| *name);
            let is_ours = name.starts_with("CUTOVER_") && !known().any(|known| known == name);
            if let Some(nearest) = nearest(name, known()).filter(|_| is_ours) {
                return Err(bad(name, value, &format!("this is not read; did you mean {nearest}?")));
            }
        }
        let read_only = surroundings.variable("CUTOVER_READ_ONLY").map(|value| match value {
            "1" | "true" => Ok(true),
            "0" | "false" => Ok(false),
            _ => Err(bad("CUTOVER_READ_ONLY", value, "write 1 or 0")),
        });
        let color = surroundings.variable("CUTOVER_COLOR").map(|value| {
            let found = Color::WORDS.iter().find(|(word, _)| *word == value).map(|(_, color)| *color);
            found.ok_or_else(|| bad("CUTOVER_COLOR", value, "write auto, always or never"))
        });
        Ok(Self {
            config: surroundings.variable("CUTOVER_CONFIG").map(PathBuf::from),
            journal: surroundings.variable("CUTOVER_JOURNAL").map(PathBuf::from),
            profile: surroundings.variable("CUTOVER_PROFILE").map(str::to_owned),
            read_only: read_only.transpose()?,
            color: color.transpose()?,
            ascii: None,
        })
    }

    /// These settings, and `weaker` where they say nothing.
    #[must_use]
    pub fn or(self, weaker: Self) -> Self {
        Self {
            config: self.config.or(weaker.config),
            journal: self.journal.or(weaker.journal),
            profile: self.profile.or(weaker.profile),
            read_only: self.read_only.or(weaker.read_only),
            color: self.color.or(weaker.color),
            ascii: self.ascii.or(weaker.ascii),
        }
    }
}

fn bad(name: &str, value: &str, wanted: &str) -> ConfigError {
    let value = Redactor::default().clean(value);
    ConfigError::BadSetting { name: name.to_owned(), value, wanted: wanted.to_owned() }
}

impl Config {
    /// Finds and reads the file, and lays the environment variables and then `flags` over it.
    pub fn load(surroundings: &Surroundings, flags: Overrides) -> Result<Self, ConfigError> {
        let overrides = flags.or(Overrides::from_environment(surroundings)?);
        let path = match &overrides.config {
            Some(path) => surroundings.resolve(path, &surroundings.directory),
            None => {
                let looked = surroundings.search_path();
                let found = looked.iter().find(|path| path.exists()).cloned();
                found.ok_or_else(|| ConfigError::NotFound { looked: looked.to_vec() })?
            }
        };
        let text = read_file(&path)?;
        let shown = path.strip_prefix(&surroundings.directory).unwrap_or(&path).display().to_string();
        let mut config = Self::read(&shown, &text, &surroundings.state_dir()).map_err(ConfigError::Invalid)?;
        let base = path.parent().unwrap_or(&surroundings.directory);
        config.engine.journal = match &overrides.journal {
            Some(path) => surroundings.resolve(path, &surroundings.directory),
            None => surroundings.resolve(&config.engine.journal, base),
        };
        for channel in config.channels.values_mut() {
            channel.resolve(|path| surroundings.resolve(path, base));
        }
        let files = [
            config.screen.keymap.as_mut(),
            match &mut config.screen.theme {
                ThemeChoice::File(path) => Some(path),
                ThemeChoice::Auto | ThemeChoice::Dark | ThemeChoice::Light => None,
            },
        ];
        for path in files.into_iter().flatten() {
            *path = surroundings.resolve(path, base);
        }
        config.lay_over(&overrides);
        Ok(config)
    }

    /// Reads `text`; `file` stands for it in messages. The journal is kept in `state_dir` unless it says otherwise.
    pub fn read(file: &str, text: &str, state_dir: &Path) -> Result<Self, Problems> {
        let (root, syntax) = DeTable::parse_recoverable(text);
        if !syntax.is_empty()
            && let Some(what) = syntax::another_format(text)
        {
            return Err(problems(file, text, vec![(0..0, Mistake::Syntax(what.to_owned()))], &[]));
        }
        let reader = Reader::new(text);
        let hidden = secrets::refuse(&reader, root.get_ref());
        let config = sections::read(&reader, &root, file, state_dir);
        let mut mistakes = without_echoes(reader.into_mistakes());
        if !syntax.is_empty() {
            // What follows from text that could not be read is no mistake of its own.
            mistakes.retain(|(_, mistake)| {
                matches!(
                    mistake,
                    Mistake::Secret { .. } | Mistake::UnknownKey { .. } | Mistake::UnknownVariables { .. }
                )
            });
        }
        let errors = syntax.iter().map(|error| (error.span().unwrap_or(0..0), error.message()));
        mistakes.extend(syntax::told(text, errors).map(|(spot, told)| (spot, Mistake::Syntax(told))));
        if mistakes.is_empty() { Ok(config) } else { Err(problems(file, text, mistakes, &hidden)) }
    }

    fn lay_over(&mut self, overrides: &Overrides) {
        self.read_only = overrides.read_only.unwrap_or(self.read_only);
        self.screen.color = overrides.color.unwrap_or(self.screen.color);
        self.screen.ascii = overrides.ascii.unwrap_or(self.screen.ascii);
        if let Some(profile) = &overrides.profile {
            for environment in self.environments.values_mut() {
                environment.profile = Some(profile.clone());
            }
        }
    }
}

fn read_file(path: &Path) -> Result<String, ConfigError> {
    use std::io::Read as _;
    let unreadable = |source| ConfigError::Unreadable { path: path.to_owned(), source };
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(unreadable)?;
    file.take(LARGEST as u64 + 1).read_to_string(&mut text).map_err(unreadable)?;
    if text.len() > LARGEST {
        let why = "it is larger than 1 MiB, which no configuration is";
        return Err(unreadable(std::io::Error::new(std::io::ErrorKind::InvalidData, why)));
    }
    Ok(text)
}

/// The mistakes without the keys that are missing only because they are misspelt.
fn without_echoes(mut mistakes: Vec<(Spot, Mistake)>) -> Vec<(Spot, Mistake)> {
    let misspelt = |(_, mistake): &(Spot, Mistake)| match mistake {
        Mistake::UnknownKey { place, nearest: Some(nearest), .. } => Some((nearest.clone(), place.clone())),
        _ => None,
    };
    let misspelt: Vec<(String, String)> = mistakes.iter().filter_map(misspelt).collect();
    mistakes.retain(|(_, mistake)| match mistake {
        Mistake::MissingKey { key, place, .. } => !misspelt.iter().any(|(name, at)| name == key && at == place),
        _ => true,
    });
    mistakes
}

/// The mistakes in the order of the file, each once, however many environments it was found in.
fn problems(file: &str, text: &str, mut mistakes: Vec<(Spot, Mistake)>, hidden: &[Range<usize>]) -> Problems {
    mistakes.sort_by_key(|(spot, _)| spot.start);
    let mut found: Vec<Problem> = Vec::new();
    for (spot, mistake) in mistakes {
        let problem = problem(file, text, &spot, mistake, hidden);
        if !found.contains(&problem) {
            found.push(problem);
        }
    }
    Problems(found)
}

fn problem(file: &str, text: &str, spot: &Spot, mistake: Mistake, hidden: &[Range<usize>]) -> Problem {
    let before = text.get(..spot.start).unwrap_or(text);
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let end = text.get(start..).and_then(|rest| rest.find('\n')).map_or(text.len(), |at| start + at);
    let count = |from: usize, to: usize| text.get(from..to).map_or(0, |part| part.chars().count());
    // One stand-in a character, so that columns stay true.
    let excerpt: String = text
        .get(start..end)
        .unwrap_or_default()
        .char_indices()
        .map(|(at, c)| if hidden.iter().any(|secret| secret.contains(&(start + at))) { '•' } else { c })
        .collect();
    // A value that could not be read was not looked at for secrets either.
    let excerpt = match mistake {
        Mistake::Syntax(_) => Redactor::default().mask(&excerpt).into_owned(),
        _ => excerpt,
    };
    let Place { file, line, column } = Document { name: file, text }.place(spot);
    Problem {
        file,
        line,
        column,
        mistake: masked(mistake, text, hidden),
        excerpt: printable(excerpt.trim_end()).into_owned(),
        width: count(spot.start, spot.end.min(end)).max(1),
    }
}

/// A mistake without what a secret says: some mistakes quote what they are about.
fn masked(mistake: Mistake, text: &str, hidden: &[Range<usize>]) -> Mistake {
    let secret = |quoted: &str| {
        let bare = quoted.trim_matches(['"', '\'', '…']);
        !bare.is_empty() && hidden.iter().filter_map(|spot| text.get(spot.clone())).any(|secret| secret.contains(bare))
    };
    let mask =
        |quoted: String| if secret(&quoted) { "••••".to_owned() } else { printable(&quoted).into_owned() };
    match mistake {
        Mistake::WrongType { text, found, wanted } => Mistake::WrongType { text: mask(text), found, wanted },
        Mistake::BadValue { text, what, wanted } => Mistake::BadValue { text: mask(text), what, wanted },
        Mistake::UnknownName { kind, name, nearest, known } => {
            Mistake::UnknownName { kind, name: mask(name), nearest, known }
        }
        Mistake::UnknownKey { key, place, nearest, known } => {
            Mistake::UnknownKey { key: mask(key), place: printable(&place).into_owned(), nearest, known }
        }
        Mistake::Repeated { kind, name, first } => Mistake::Repeated { kind, name: mask(name), first },
        Mistake::UnknownVariables { unknown, known } => {
            let unknown = unknown.into_iter().map(|(name, nearest)| (mask(name), nearest)).collect();
            Mistake::UnknownVariables { unknown, known }
        }
        Mistake::MissingKey { key, place, example } => {
            Mistake::MissingKey { key, place: printable(&place).into_owned(), example }
        }
        Mistake::Contradiction { what, remedy } => {
            Mistake::Contradiction { what: printable(&what).into_owned(), remedy }
        }
        Mistake::Syntax(message) => Mistake::Syntax(printable(&message).into_owned()),
        Mistake::Secret { what, remedy } => Mistake::Secret { what, remedy },
    }
}
