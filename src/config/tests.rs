use std::path::Path;

use super::*;

const EXAMPLE: &str = include_str!("../../config.example.toml");

fn read(text: &str) -> Result<Config, Problems> {
    Config::read("cutover.toml", text, Path::new("/state"))
}

#[test]
fn the_example_is_read_without_a_mistake() {
    if let Err(problems) = read(EXAMPLE) {
        panic!("{problems}");
    }
}
