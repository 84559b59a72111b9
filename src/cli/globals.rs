//! Flags that go with every verb.

use std::path::PathBuf;

use clap::Args;

use super::words::color;
use crate::config::{Color, Overrides};

const CONFIG_HELP: &str =
    "Configuration file [default: $CUTOVER_CONFIG, ./cutover.toml, $XDG_CONFIG_HOME/cutover/config.toml]";

/// Flags that go with every verb.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
#[command(next_help_heading = "Everywhere")]
pub struct Globals {
    /// Configuration file.
    #[arg(long, global = true, value_name = "FILE", help = CONFIG_HELP)]
    pub config: Option<PathBuf>,
    /// Colour: auto, always or never
    #[arg(long, global = true, value_name = "WHEN", value_parser = color())]
    pub color: Option<Color>,
    /// Draw with ASCII characters alone
    #[arg(long, global = true)]
    pub ascii: bool,
    /// Only look: nothing can be changed
    #[arg(long, global = true)]
    pub read_only: bool,
}

impl Globals {
    /// The settings that these flags lay over the file's.
    pub fn overrides(&self) -> Overrides {
        Overrides {
            config: self.config.clone(),
            color: self.color,
            // A flag that is not given says nothing.
            ascii: self.ascii.then_some(true),
            read_only: self.read_only.then_some(true),
            ..Overrides::default()
        }
    }
}
