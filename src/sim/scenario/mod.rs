//! Scenarios: worlds written down as TOML.

mod api_faults;
mod error;
mod span;

pub use api_faults::{ApiFault, ApiFaultKind};
pub use error::ScenarioError;
pub use span::Percent;

/// A world written down, ready to be made.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Its name, such as `errors`.
    pub name: String,
    /// Faults of the AWS API, carried out by the wire layer.
    pub api_faults: Vec<ApiFault>,
}

impl Scenario {
    /// The names of the scenarios that come with the program.
    pub fn names() -> impl Iterator<Item = &'static str> {
        ["healthy"].into_iter()
    }

    /// The scenario of that name that comes with the program.
    pub fn named(name: &str) -> Result<Self, ScenarioError> {
        Self::parse(name, "")
    }

    /// Reads a scenario from TOML; `name` stands for it in error messages.
    pub fn parse(name: &str, _text: &str) -> Result<Self, ScenarioError> {
        Ok(Self { name: name.to_owned(), api_faults: Vec::new() })
    }
}
