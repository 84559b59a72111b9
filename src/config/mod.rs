//! The configuration: read strictly, every mistake found at once and said with its place and its remedy.
//!
//! Defaults give way to the file, the file to a few environment variables, and these to flags. [`Config::read`] turns
//! text into a checked [`Config`]; [`Config::plan`] turns that and a look at the cloud into the plan of a release.

mod channel;
mod checks;
mod gate;
mod load;
mod model;
mod plan;
mod policy;
mod problem;
mod reader;
mod schema;
mod secrets;
mod sections;
mod show;
mod site;
mod syntax;
mod template;
mod values;

#[cfg(test)]
mod tests;

pub use channel::{Address, Channel, Receiver, SecretSource};
pub use gate::{Backup, BackupOf, Gate, Looker, Secrets};
pub use load::{Overrides, Surroundings, VARIABLES};
pub use model::{
    Check, Checks, Color, Command, Component, Config, Engine, Environment, Expected, JsonWanted, Pipeline, Polls,
    RedirectWanted, Screen, Service, Site, Stage, StageWork, TextWanted, ThemeChoice, Via,
};
pub use plan::{PlanContext, Request};
pub use policy::PolicyRules;
pub use problem::{ConfigError, Mistake, Problem, Problems};
pub use schema::schema;
pub use template::{Template, Variable};
pub use values::{parse_duration, parse_share, show_duration};
