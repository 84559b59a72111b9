mod documented;
mod example;
mod forms;
mod gates;
mod loading;
mod mistakes;
mod never_panics;
mod own_stages;
mod schema;
mod showing;

use std::path::Path;

use super::*;

/// What the demo runs.
const EXAMPLE: &str = include_str!("../../../config.example.toml");

/// The least that is a configuration.
const LEAST: &str = include_str!("least.toml");

/// A configuration with a value of every kind that the example leaves out.
const RARE: &str = include_str!("rare.toml");

fn read(text: &str) -> Result<Config, Problems> {
    Config::read("cutover.toml", text, Path::new("/state"))
}
