use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::LEAST;
use crate::config::{Color, Config, ConfigError, Overrides, Surroundings, ThemeChoice};

struct Host {
    root: tempfile::TempDir,
    variables: BTreeMap<String, String>,
}

impl Host {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let variables = BTreeMap::from([("HOME".to_owned(), root.path().join("home").display().to_string())]);
        Self { root, variables }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    fn with(mut self, name: &str, value: impl AsRef<Path>) -> Self {
        self.variables.insert(name.to_owned(), value.as_ref().display().to_string());
        self
    }

    fn file(self, path: &str, text: &str) -> Self {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    fn surroundings(&self) -> Surroundings {
        Surroundings { variables: self.variables.clone(), directory: self.path("work") }
    }

    fn load(&self, flags: Overrides) -> Result<Config, ConfigError> {
        Config::load(&self.surroundings(), flags)
    }
}

/// A configuration that says which one it is.
fn marked(cluster: &str) -> String {
    LEAST.replace("\"shop\"", &format!("\"{cluster}\""))
}

fn cluster(config: &Config) -> &str {
    &config.component("staging", None).unwrap().1.site.as_ref().unwrap().cluster
}

#[test]
fn a_file_is_looked_for_from_the_flag_down_to_the_home_directory() {
    let mut host = Host::new();
    assert!(matches!(host.load(Overrides::default()), Err(ConfigError::NotFound { looked }) if looked.len() == 2));
    host = host.file("home/.config/cutover/config.toml", &marked("home"));
    assert_eq!(cluster(&host.load(Overrides::default()).unwrap()), "home");
    let xdg = host.path("xdg");
    host = host.with("XDG_CONFIG_HOME", xdg).file("xdg/cutover/config.toml", &marked("xdg"));
    assert_eq!(cluster(&host.load(Overrides::default()).unwrap()), "xdg");
    host = host.file("work/cutover.toml", &marked("here"));
    assert_eq!(cluster(&host.load(Overrides::default()).unwrap()), "here");
    host = host.file("work/var.toml", &marked("variable")).with("CUTOVER_CONFIG", "var.toml");
    assert_eq!(cluster(&host.load(Overrides::default()).unwrap()), "variable");
    host = host.file("work/flag.toml", &marked("flag"));
    let flags = Overrides { config: Some("flag.toml".into()), ..Overrides::default() };
    assert_eq!(cluster(&host.load(flags).unwrap()), "flag");
}

#[test]
fn a_file_that_is_named_must_be_there() {
    let host = Host::new().file("work/cutover.toml", LEAST).with("CUTOVER_CONFIG", "gone.toml");
    assert!(
        matches!(host.load(Overrides::default()), Err(ConfigError::Unreadable { path, .. }) if path.ends_with("gone.toml"))
    );
}

#[test]
fn flags_outrank_variables_and_variables_the_file() {
    let file = format!("read_only = true\nscreen = {{ color = \"always\" }}\n{LEAST}");
    let host = Host::new().file("work/cutover.toml", &file);
    let config = host.load(Overrides::default()).unwrap();
    assert_eq!((config.read_only, config.screen.color, config.screen.ascii), (true, Color::Always, false));
    let host = host.with("CUTOVER_READ_ONLY", "0").with("CUTOVER_COLOR", "never").with("CUTOVER_PROFILE", "mine");
    let config = host.load(Overrides::default()).unwrap();
    assert_eq!((config.read_only, config.screen.color), (false, Color::Never));
    assert_eq!(config.environment("staging").unwrap().profile.as_deref(), Some("mine"));
    let flags = Overrides { read_only: Some(true), ascii: Some(true), ..Overrides::default() };
    let config = host.load(flags).unwrap();
    assert_eq!((config.read_only, config.screen.color, config.screen.ascii), (true, Color::Never, true));
}

#[test]
fn the_journal_is_kept_where_it_is_said_or_in_the_state_directory() {
    let host = Host::new().file("work/cutover.toml", LEAST);
    let journal = |host: &Host| host.load(Overrides::default()).unwrap().engine.journal;
    assert_eq!(journal(&host), host.path("home/.local/state/cutover"));
    let state = host.path("state");
    let host = host.with("XDG_STATE_HOME", state);
    assert_eq!(journal(&host), host.path("state/cutover"));
    let host = host.file("work/cutover.toml", &format!("engine = {{ journal = \"kept\" }}\n{LEAST}"));
    assert_eq!(journal(&host), host.path("work/kept"));
    let host = host.file("work/cutover.toml", &format!("engine = {{ journal = \"~/kept\" }}\n{LEAST}"));
    assert_eq!(journal(&host), host.path("home/kept"));
    let host = host.with("CUTOVER_JOURNAL", "elsewhere");
    assert_eq!(journal(&host), host.path("work/elsewhere"));
}

#[test]
fn the_screens_files_lie_beside_the_configuration_unless_they_are_said_not_to() {
    let screen = |theme: &str, keymap: &str| {
        let section = format!("[screen]\ntheme = \"{theme}\"\nkeymap = \"{keymap}\"\n");
        let host = Host::new().file("etc/cutover.toml", &format!("{LEAST}\n{section}"));
        let flags = Overrides { config: Some(host.path("etc/cutover.toml")), ..Overrides::default() };
        let screen = host.load(flags).unwrap().screen;
        let short = |path: PathBuf| path.strip_prefix(host.root.path()).map(Path::to_owned).unwrap_or(path);
        let theme = match screen.theme {
            ThemeChoice::File(path) => ThemeChoice::File(short(path)),
            choice => choice,
        };
        (theme, short(screen.keymap.unwrap()))
    };
    let file = |path: &str| ThemeChoice::File(path.into());
    assert_eq!(screen("light", "keys.toml"), (ThemeChoice::Light, "etc/keys.toml".into()));
    assert_eq!(screen("mine.toml", "~/keys.toml"), (file("etc/mine.toml"), "home/keys.toml".into()));
    assert_eq!(screen("/x/mine", "/x/keys"), (file("/x/mine"), "/x/keys".into()));
}

#[test]
fn variables_that_cannot_be_meant_are_refused() {
    let said = |name: &str, value: &str| {
        Host::new()
            .file("work/cutover.toml", LEAST)
            .with(name, value)
            .load(Overrides::default())
            .map_err(|e| e.to_string())
    };
    assert_eq!(said("CUTOVER_READ_ONLY", "yes").unwrap_err(), "CUTOVER_READ_ONLY=yes: write 1 or 0");
    assert_eq!(said("CUTOVER_COLOR", "blue").unwrap_err(), "CUTOVER_COLOR=blue: write auto, always or never");
    let slip = said("CUTOVER_READONLY", "1").unwrap_err();
    assert_eq!(slip, "CUTOVER_READONLY=1: this is not read; did you mean CUTOVER_READ_ONLY?");
    assert!(said("CUTOVER_BUILD_NUMBER", "7").is_ok());
    assert!(said("CUTOVER_COLOR", "").is_ok());
}

#[test]
fn a_file_that_is_too_large_or_not_text_is_refused() {
    let refused = |bytes: &[u8]| {
        let host = Host::new().file("work/cutover.toml", "");
        std::fs::write(host.path("work/cutover.toml"), bytes).unwrap();
        matches!(host.load(Overrides::default()), Err(ConfigError::Unreadable { .. }))
    };
    assert!(refused(&[0xff, 0xfe]));
    assert!(refused(&vec![b'#'; (1 << 20) + 1]));
}
