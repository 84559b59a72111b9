//! `cutover demo`

use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use super::words::{Headless, speed};
use crate::domain::plan::Driver;

const EXAMPLES: &str = "\
Examples:
  cutover demo                              a release that goes well
  cutover demo --scenario errors            one that fails 8 % of its requests, and is rolled back
  cutover demo --speed 60 --seed 7          a minute a second, and the same every time
  cutover demo --headless --format json     as CI sees it
  cutover demo --driver native              ECS shifts, and waits before each step
  cutover demo --config cutover.toml        your own pipeline, its programs named and not run

Scenarios that come along:
  healthy  errors  slow  subtle  crash-loop  dependency  quiet  throttled  cold-start
  alarm-at-start  hostile-logs  unfit
Write your own after docs/scenarios.md.";

/// Run a release against a simulated AWS: no account, no network
#[derive(Clone, Debug, PartialEq, Args)]
#[command(after_help = EXAMPLES)]
pub struct Demo {
    /// What happens: a scenario that comes along, or a file
    #[arg(long, value_name = "NAME|FILE", default_value = "healthy")]
    pub scenario: String,
    /// How many times faster than real time
    #[arg(long, value_name = "N", default_value = "10", value_parser = speed)]
    pub speed: f64,
    /// Chance, as a number: the same gives the same run
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Which environment of the file that --config names is rehearsed, if it has several
    #[arg(long = "env", value_name = "ENV", value_parser = NonEmptyStringValueParser::new())]
    pub environment: Option<String>,
    /// Who shifts traffic
    #[arg(long, value_name = "DRIVER", default_value = "alb", value_parser = driver)]
    pub driver: Driver,
    /// Without a screen.
    #[command(flatten)]
    pub headless: Headless,
    /// End with the release, instead of staying on its last screen
    #[arg(long)]
    pub exit_at_end: bool,
}

fn driver(text: &str) -> Result<Driver, String> {
    const KNOWN: [Driver; 4] = [Driver::Alb, Driver::Native, Driver::CodeDeploy, Driver::Rolling];
    let found = KNOWN.into_iter().find(|driver| driver.word() == text);
    found.ok_or_else(|| format!("there is {}", KNOWN.map(Driver::word).join(", ")))
}
