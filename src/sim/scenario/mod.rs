//! Scenarios: worlds written down as TOML.

mod api_faults;
mod check;
pub(crate) mod codedeploy;
mod error;
pub(crate) mod schema;
mod span;

use std::time::Duration;

use std::path::Path;

use crate::document;

pub use api_faults::{ApiFault, ApiFaultKind};
pub use error::ScenarioError;
pub(crate) use schema::Schema;
pub use span::Percent;

/// A scenario that comes with the program: its name and text.
macro_rules! embedded {
    ($($name:literal),+ $(,)?) => {
        &[$(($name, include_str!(concat!("../../../assets/scenarios/", $name, ".toml")))),+]
    };
}

const EMBEDDED: &[(&str, &str)] = embedded![
    "healthy",
    "errors",
    "slow",
    "subtle",
    "crash-loop",
    "unfit",
    "dependency",
    "quiet",
    "throttled",
    "cold-start",
    "alarm-at-start",
    "hostile-logs",
];

/// How the services of a world are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Two services that take turns, each with its target group.
    TwoServices,
    /// One service with both target groups, between which ECS shifts traffic.
    TwoRevisions,
    /// One service with both target groups, between which CodeDeploy shifts traffic.
    TwoTaskSets,
    /// One service with the first target group, whose tasks ECS replaces.
    OneService,
}

/// A world written down, ready to be made.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Its name, such as `errors`.
    pub name: String,
    /// One sentence about what it shows.
    pub summary: String,
    /// Faults of the AWS API, carried out by the wire layer.
    pub api_faults: Vec<ApiFault>,
    pub(crate) schema: Schema,
}

impl Scenario {
    /// The names of the scenarios that come with the program.
    pub fn names() -> impl Iterator<Item = &'static str> {
        EMBEDDED.iter().map(|&(name, _)| name)
    }

    /// The scenario of that name that comes with the program.
    pub fn named(name: &str) -> Result<Self, ScenarioError> {
        match EMBEDDED.iter().find(|&&(known, _)| known == name) {
            Some((name, text)) => Self::parse(name, text),
            None => Err(ScenarioError::Unknown {
                name: name.to_owned(),
                suggestion: document::nearest(name, Self::names()).map(str::to_owned),
                known: Self::names().collect::<Vec<_>>().join(", "),
            }),
        }
    }

    /// The scenario in a file.
    pub fn load(path: &Path) -> Result<Self, ScenarioError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ScenarioError::Unreadable { path: path.to_owned(), source })?;
        Self::parse(&path.display().to_string(), &text)
    }

    /// Reads a scenario from TOML; `name` stands for it in error messages.
    pub fn parse(name: &str, text: &str) -> Result<Self, ScenarioError> {
        let mut schema: Schema = toml::from_str(text).map_err(|error| ScenarioError::invalid(name, text, &error))?;
        schema.complete();
        schema.check().map_err(|(key, message)| ScenarioError::at_key(name, text, key, message))?;
        Ok(Self {
            name: name.to_owned(),
            summary: schema.summary.clone(),
            api_faults: schema.api_faults.clone(),
            schema,
        })
    }

    /// The host that users reach the application at.
    pub fn host(&self) -> &str {
        &self.schema.app.host
    }

    /// Sets how long a task that `RunTask` starts takes, and the exit code of its container.
    #[must_use]
    pub fn with_one_off(mut self, lasting: Duration, exit_code: i32) -> Self {
        self.schema.one_off.lasting = lasting;
        self.schema.one_off.exit_code = exit_code;
        self
    }

    /// The same world with its two services laid out another way. A world of any other number of services stays as it is.
    #[must_use]
    pub fn laid_out(mut self, layout: Layout) -> Self {
        let [first, second] = self.schema.service.as_slice() else { return self };
        let (first, second) = (first.clone(), second.clone());
        let name = self.schema.app.family.clone();
        let own = first.target_group().to_owned();
        match layout {
            Layout::TwoServices => {}
            Layout::TwoRevisions => {
                self.schema.service = vec![schema::Service {
                    name,
                    alternate_target_group: Some(second.target_group().to_owned()),
                    alternate_test_host: second.test_host,
                    target_group: Some(own),
                    ..first
                }];
            }
            Layout::TwoTaskSets => {
                self.schema.codedeploy.get_or_insert_default();
            }
            Layout::OneService => {
                for rule in &mut self.schema.rule {
                    rule.weights.retain(|group, _| *group == own);
                }
                self.schema.service = vec![schema::Service { name, target_group: Some(own), ..first }];
            }
        }
        self
    }

    /// Sets how many requests a second users send, on average; 0 for none.
    #[must_use]
    pub fn with_rate(mut self, requests_per_second: f64) -> Self {
        self.schema.traffic.rate = requests_per_second.max(0.0);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_that_comes_along_is_valid_and_says_what_it_shows() {
        for name in Scenario::names() {
            let scenario = Scenario::named(name).unwrap_or_else(|error| panic!("{error}"));
            assert!(!scenario.summary.is_empty(), "{name} has no summary");
        }
    }

    #[test]
    fn mistakes_are_named_with_their_place_and_a_suggestion() {
        let said = |text| Scenario::parse("mine.toml", text).unwrap_err().to_string();
        let typo = said("summary = \"x\"\n[new]\nerors = \"8%\"\n");
        assert!(typo.starts_with("mine.toml:3:1: unknown field `erors`"), "{typo}");
        assert!(typo.ends_with("did you mean `errors`?"), "{typo}");
        let share = said("[new]\nerrors = \"8\"\n");
        assert!(share.starts_with("mine.toml:2:10: `8` is not a share"), "{share}");
        let group = said("[[rule]]\nweights = { api-bleu = 100 }\n");
        let alarm =
            said("[[alarm]]\nname = \"a\"\n[[alarm.metric]]\nnamespace = \"x\"\nname = \"y\"\nstat = \"p200\"\n");
        assert!(alarm.contains("alarm `a` has a metric `m1` that cannot be"), "{alarm}");
        assert!(group.starts_with("mine.toml:2:1: no service has the target group `api-bleu`"), "{group}");
    }

    #[test]
    fn every_key_is_documented() {
        let documentation = include_str!("../../../docs/scenarios.md");
        let tables = [
            "",
            "[aws]",
            "[app]",
            "[[page]]",
            "[[service]]",
            "[codedeploy]",
            "[[codedeploy.configuration]]",
            "[[codedeploy.hook]]",
            "[[rule]]",
            "[health_check]",
            "[tasks]",
            "[one_off]",
            "[[hook]]",
            "[traffic]",
            "[old]",
            "[new]",
            "[new.cold_start]",
            "[new.crash]",
            "[new.answers]",
            "[[dependency]]",
            "[metrics]",
            "[[alarm]]",
            "[[alarm]]\n[[alarm.metric]]",
            "[logs]",
            "[consistency]",
            "[estate]",
            "[[estate.image]]",
            "[[estate.secret]]",
            "[[estate.snapshot]]",
            "[[estate.flags]]",
            "[[estate.lock_table]]",
            "[[api_faults]]",
        ];
        for table in tables {
            let refused = Scenario::parse("keys", &format!("{table}\nno_such_key = 1\n")).unwrap_err();
            let ScenarioError::Invalid { message, .. } = refused else { panic!("{table}: {refused}") };
            let keys: Vec<&str> = message.split('`').skip(3).step_by(2).collect();
            assert!(!keys.is_empty(), "{table}: {message}");
            for key in keys {
                let shown = [format!("`{key}`"), format!("`[{key}]`"), format!("`[[{key}]]`")];
                assert!(shown.iter().any(|shown| documentation.contains(shown)), "{table} {key} is not documented");
            }
        }
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_nearest() {
        let said = Scenario::named("crashloop").unwrap_err().to_string();
        assert!(said.contains("did you mean `crash-loop`?"), "{said}");
    }
}
