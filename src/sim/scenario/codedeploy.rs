//! The keys of a scenario's `[codedeploy]`.

use std::time::Duration;

use serde::Deserialize;

use super::schema::Schema;
use super::span;

/// CodeDeploy in the place of ECS's own deployments: one service, behind the target groups of all `[[service]]`s.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct CodeDeploy {
    pub(crate) application: String,
    pub(crate) group: String,
    pub(crate) service: String,
    pub(crate) config: String,
    pub(crate) configuration: Vec<Configuration>,
    #[serde(with = "span")]
    pub(crate) ready_wait: Duration,
    #[serde(with = "span")]
    pub(crate) termination_wait: Duration,
    pub(crate) test_listener: bool,
    pub(crate) alarms: Option<Vec<String>>,
    pub(crate) roll_back_on: Vec<RollsBackOn>,
    pub(crate) hook: Vec<Hook>,
}

impl Default for CodeDeploy {
    fn default() -> Self {
        Self {
            application: "api".to_owned(),
            group: "api".to_owned(),
            service: "api".to_owned(),
            config: "CodeDeployDefault.ECSCanary10Percent5Minutes".to_owned(),
            configuration: Vec::new(),
            ready_wait: Duration::from_mins(30),
            termination_wait: Duration::from_mins(10),
            test_listener: true,
            alarms: None,
            roll_back_on: vec![RollsBackOn::Failure, RollsBackOn::Alarm, RollsBackOn::Stop],
            hook: Vec::new(),
        }
    }
}

/// A deployment configuration beside those that every account has: `percent` at once or in steps, by `interval`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Configuration {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) percent: u32,
    #[serde(with = "span")]
    pub(crate) interval: Duration,
}

impl Default for Configuration {
    fn default() -> Self {
        Self { name: String::new(), kind: Kind::Linear, percent: 10, interval: Duration::from_mins(1) }
    }
}

/// How a deployment configuration shifts traffic.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    AllAtOnce,
    Canary,
    Linear,
}

/// What brings a deployment's traffic back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum RollsBackOn {
    Failure,
    Alarm,
    Stop,
}

/// What the functions that a deployment names for a lifecycle event do.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Hook {
    pub(crate) event: String,
    pub(crate) end: HookEnd,
    #[serde(with = "span")]
    pub(crate) after: Duration,
}

impl Default for Hook {
    fn default() -> Self {
        Self { event: "AfterAllowTestTraffic".to_owned(), end: HookEnd::Succeeded, after: Duration::from_secs(5) }
    }
}

/// How a function ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum HookEnd {
    Succeeded,
    Failed,
    /// It never says.
    Silent,
}

impl CodeDeploy {
    /// What its functions do at a lifecycle event: they succeed after a moment unless a scenario says otherwise.
    pub(crate) fn hook_at(&self, event: &str) -> Hook {
        let hook = self.hook.iter().find(|hook| hook.event == event);
        hook.cloned().unwrap_or_else(|| Hook { event: event.to_owned(), ..Hook::default() })
    }

    /// The key to blame, and what is wrong with it.
    pub(super) fn check(&self, schema: &Schema) -> Result<(), (&'static str, String)> {
        if schema.service.len() != 2 {
            return Err(("codedeploy", "[codedeploy] needs two [[service]]s: the pair of target groups".to_owned()));
        }
        for own in &self.configuration {
            // <https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_CreateDeploymentConfig.html>: AWS keeps the
            // prefix for itself; shares are below the whole and intervals whole minutes.
            if own.name.is_empty() || own.name.starts_with(PREDEFINED) {
                let message = format!("a configuration of your own needs a name that does not begin with {PREDEFINED}");
                return Err(("name", message));
            }
            if !(1..=99).contains(&own.percent) || own.interval < Duration::from_mins(1) {
                let message = format!("`{}` needs a percent between 1 and 99 and an interval of 1m or more", own.name);
                return Err(("percent", message));
            }
        }
        let hooked =
            ["BeforeInstall", "AfterInstall", "AfterAllowTestTraffic", "BeforeAllowTraffic", "AfterAllowTraffic"];
        match self.hook.iter().find(|hook| !hooked.contains(&hook.event.as_str())) {
            Some(hook) => {
                let known = hooked.join(", ");
                Err(("event", format!("no function runs at `{}`; they run at {known}", hook.event)))
            }
            None => Ok(()),
        }
    }
}

/// What the names of the deployment configurations that every account has begin with.
pub(crate) const PREDEFINED: &str = "CodeDeployDefault.";
