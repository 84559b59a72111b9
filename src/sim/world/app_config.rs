//! AppConfig: hosted profiles of feature flags, their versions, and the deployments of these.

use std::time::Duration;

use serde_json::{Map, Value as Json, json};

use super::{ApiError, ApiResult, World};
use crate::domain::time::Timestamp;
use crate::sim::scenario::schema;

/// How long clients are taken back to the version before.
const GOING_BACK: Duration = Duration::from_secs(10);

/// For so long after it is complete a deployment may be reverted.
const REVERTIBLE: Duration = Duration::from_hours(72);

/// A way to deploy: AWS's own, by the names that they have everywhere.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Strategy {
    /// Its id.
    pub id: &'static str,
    /// How long it takes until all clients are given the version.
    pub deploys: Duration,
    /// How long its alarms are watched after that.
    pub bakes: Duration,
    /// The share of clients that is added at a time, in percent.
    pub growth: f64,
}

const AT_ONCE: Strategy =
    Strategy { id: "AppConfig.AllAtOnce", deploys: Duration::ZERO, bakes: Duration::from_mins(10), growth: 100.0 };

const STRATEGIES: [Strategy; 3] = [
    AT_ONCE,
    Strategy {
        id: "AppConfig.Linear50PercentEvery30Seconds",
        deploys: Duration::from_mins(1),
        bakes: Duration::from_mins(1),
        growth: 50.0,
    },
    Strategy {
        id: "AppConfig.Linear20PercentEvery6Minutes",
        deploys: Duration::from_mins(30),
        bakes: Duration::from_mins(30),
        growth: 20.0,
    },
];

/// Something with an id and a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// An application with one environment and one profile.
#[derive(Clone, Debug)]
pub(super) struct Application {
    itself: Named,
    environment: Named,
    profile: Named,
    /// The contents of its versions; the first is number 1.
    versions: Vec<Json>,
    deployments: Vec<Begun>,
    /// Deployments after the first are taken back by an alarm.
    is_alarmed: bool,
}

/// A deployment that was begun.
#[derive(Clone, Debug)]
struct Begun {
    version: u32,
    strategy: Strategy,
    description: Option<String>,
    at: Timestamp,
    /// When somebody stopped it, or an alarm.
    stopped: Option<Timestamp>,
}

/// A deployment as it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Deployment {
    /// Its number within the environment.
    pub number: usize,
    /// The profile.
    pub profile: Named,
    /// The version.
    pub version: u32,
    /// How it is deployed.
    pub strategy: Strategy,
    /// What was said of it.
    pub description: Option<String>,
    /// AWS's word for how far it has come.
    pub state: &'static str,
    /// The share of clients that are given it.
    pub percent: f64,
    /// When it began.
    pub at: Timestamp,
    /// When it was complete, or all had been taken back.
    pub ended: Option<Timestamp>,
}

/// Input of `StartDeployment`.
#[derive(Clone, Copy, Debug)]
pub struct StartDeployment<'a> {
    /// The profile, by id.
    pub profile: &'a str,
    /// The version, as text.
    pub version: &'a str,
    /// The strategy, by id.
    pub strategy: &'a str,
    /// What is said of it.
    pub description: Option<&'a str>,
}

impl Begun {
    /// AWS's word for how far it has come, the share of clients, and when it ended.
    fn stands(&self, now: Timestamp) -> (&'static str, f64, Option<Timestamp>) {
        if let Some(stopped) = self.stopped.filter(|stopped| *stopped <= now) {
            let was_complete = stopped >= self.complete_at();
            let back = stopped + GOING_BACK;
            return match (now < back, was_complete) {
                (true, _) => ("ROLLING_BACK", self.share(stopped), None),
                (false, true) => ("REVERTED", 0.0, Some(back)),
                (false, false) => ("ROLLED_BACK", 0.0, Some(back)),
            };
        }
        let state = match now {
            now if now < self.at + self.strategy.deploys => "DEPLOYING",
            now if now < self.complete_at() => "BAKING",
            _ => return ("COMPLETE", 100.0, Some(self.complete_at())),
        };
        (state, self.share(now), None)
    }

    fn complete_at(&self) -> Timestamp {
        self.at + self.strategy.deploys + self.strategy.bakes
    }

    fn share(&self, now: Timestamp) -> f64 {
        let Strategy { deploys, growth, .. } = self.strategy;
        let step = deploys.as_secs_f64() * growth / 100.0;
        let steps = if step > 0.0 { (now.since(self.at).as_secs_f64() / step).floor() + 1.0 } else { 1.0 };
        (growth * steps).min(100.0)
    }
}

/// What one of the two tables of a version has of a flag.
fn member<'c>(content: &'c Json, table: &str, flag: &str) -> Option<&'c Json> {
    content.get(table)?.get(flag)
}

fn not_found(what: &str) -> ApiError {
    ApiError::not_found("ResourceNotFoundException", format!("Could not find {what} for account"))
}

fn bad(message: impl Into<String>) -> ApiError {
    ApiError::new("BadRequestException", message)
}

impl World {
    /// Makes what the scenario says there is: each profile with its flags, deployed an hour ago.
    pub(super) fn set_up_app_config(&mut self) {
        for flags in self.schema.estate.flags.clone() {
            self.add_flags(&flags);
        }
    }

    /// Makes sure that there is a flag, off, whatever the scenario says: for whoever brings a configuration of their own.
    pub fn has_flag(&mut self, application: &str, environment: &str, profile: &str, flag: &str) {
        let is_it = |known: &&mut Application| {
            [(&known.itself, application), (&known.environment, environment), (&known.profile, profile)]
                .iter()
                .all(|(known, wanted)| known.name == *wanted)
        };
        if let Some(known) = self.app_config.iter_mut().find(is_it) {
            let flags = known.versions.iter_mut().filter_map(|content| content.get_mut("flags")?.as_object_mut());
            for flags in flags {
                flags.insert(flag.to_owned(), json!({ "name": flag }));
            }
            return;
        }
        self.add_flags(&schema::EstateFlags {
            application: application.to_owned(),
            environment: environment.to_owned(),
            profile: profile.to_owned(),
            flags: vec![flag.to_owned()],
            ..schema::EstateFlags::default()
        });
    }

    fn add_flags(&mut self, flags: &schema::EstateFlags) {
        let number = self.app_config.len() + 1;
        let named = |kind: &str, name: &str| Named { id: format!("{kind}{number:06x}"), name: name.to_owned() };
        let entry = |flag: &String| (flag.clone(), json!({ "name": flag }));
        let known: Map<String, Json> = flags.flags.iter().map(entry).collect();
        let value = |flag: &String| (flag.clone(), json!({ "enabled": flags.on.contains(flag) }));
        let values: Map<String, Json> = flags.flags.iter().map(value).collect();
        let first = Begun {
            version: 1,
            strategy: AT_ONCE,
            description: None,
            at: self.start - Duration::from_hours(1),
            stopped: None,
        };
        self.app_config.push(Application {
            itself: named("a", &flags.application),
            environment: named("e", &flags.environment),
            profile: named("p", &flags.profile),
            versions: vec![json!({ "version": "1", "flags": known, "values": values })],
            deployments: vec![first],
            is_alarmed: flags.alarmed,
        });
    }

    /// `ListApplications`.
    pub fn list_config_applications(&self) -> Vec<Named> {
        self.app_config.iter().map(|application| application.itself.clone()).collect()
    }

    /// `ListEnvironments`.
    pub fn list_config_environments(&self, application: &str) -> ApiResult<Vec<Named>> {
        Ok(vec![self.config_application(application)?.environment.clone()])
    }

    /// `ListConfigurationProfiles`.
    pub fn list_config_profiles(&self, application: &str) -> ApiResult<Vec<Named>> {
        Ok(vec![self.config_application(application)?.profile.clone()])
    }

    /// `GetHostedConfigurationVersion`.
    pub fn hosted_version(&self, application: &str, profile: &str, version: &str) -> ApiResult<Json> {
        let application = self.config_application(application)?;
        let number: usize = version.parse().map_err(|_| bad("VersionNumber must be a number"))?;
        let content = number.checked_sub(1).and_then(|at| application.versions.get(at));
        content
            .filter(|_| application.profile.id == profile)
            .cloned()
            .ok_or_else(|| not_found("HostedConfigurationVersion"))
    }

    /// `CreateHostedConfigurationVersion`: the number of the version.
    pub fn create_hosted_version(&mut self, application: &str, profile: &str, content: Json) -> ApiResult<usize> {
        if !content.get("flags").is_some_and(Json::is_object) || content.get("version") != Some(&json!("1")) {
            return Err(bad("Invalid feature flag configuration: version and flags are required"));
        }
        let now = self.now;
        let application = self.config_application_mut(application)?;
        if application.profile.id != profile {
            return Err(not_found("ConfigurationProfile"));
        }
        application.versions.push(content);
        let (number, name) = (application.versions.len(), application.profile.name.clone());
        self.ledger.change(
            now,
            "CreateHostedConfigurationVersion",
            vec![("profile", name), ("version", number.to_string())],
        );
        Ok(number)
    }

    /// `ListDeployments`: the newest first.
    pub fn list_config_deployments(&self, application: &str, environment: &str) -> ApiResult<Vec<Deployment>> {
        let application = self.config_environment(application, environment)?;
        let all = application.deployments.iter().enumerate();
        Ok(all.map(|(at, begun)| self.config_deployment(application, at, begun)).rev().collect())
    }

    /// `GetDeployment`.
    pub fn get_config_deployment(&self, application: &str, environment: &str, number: &str) -> ApiResult<Deployment> {
        let all = self.list_config_deployments(application, environment)?;
        all.into_iter().find(|it| it.number.to_string() == number).ok_or_else(|| not_found("Deployment"))
    }

    fn config_deployment(&self, application: &Application, at: usize, begun: &Begun) -> Deployment {
        let (state, percent, ended) = begun.stands(self.now);
        Deployment {
            number: at + 1,
            profile: application.profile.clone(),
            version: begun.version,
            strategy: begun.strategy,
            description: begun.description.clone(),
            state,
            percent,
            at: begun.at,
            ended,
        }
    }

    /// `StartDeployment`: its number.
    pub fn start_config_deployment(
        &mut self,
        application: &str,
        environment: &str,
        start: &StartDeployment<'_>,
    ) -> ApiResult<Deployment> {
        let now = self.now;
        let (application_id, environment_id) = (application, environment);
        self.config_environment(application, environment)?;
        let application = self.config_application_mut(application)?;
        if application.profile.id != start.profile {
            return Err(not_found("ConfigurationProfile"));
        }
        let version: u32 = start.version.parse().map_err(|_| bad("ConfigurationVersion must be a number"))?;
        if version == 0 || usize::try_from(version).map_or(true, |version| version > application.versions.len()) {
            return Err(not_found("HostedConfigurationVersion"));
        }
        let strategy = STRATEGIES.into_iter().find(|known| known.id == start.strategy);
        let strategy = strategy.ok_or_else(|| not_found("DeploymentStrategy"))?;
        let is_under_way = |begun: &Begun| begun.stands(now).2.is_none();
        if application.deployments.iter().any(is_under_way) {
            let message = "Another deployment is already in progress for this environment";
            return Err(ApiError { code: "ConflictException", message: message.to_owned(), status: 409 });
        }
        let half = (strategy.deploys + strategy.bakes) / 2;
        application.deployments.push(Begun {
            version,
            strategy,
            description: start.description.map(str::to_owned),
            at: now,
            stopped: application.is_alarmed.then_some(now + half),
        });
        let name = application.profile.name.clone();
        self.ledger.change(now, "StartDeployment", vec![("profile", name), ("version", version.to_string())]);
        let newest = self.list_config_deployments(application_id, environment_id)?.into_iter().next();
        newest.ok_or_else(|| not_found("Deployment"))
    }

    /// `StopDeployment`: one that is complete is only reverted when that is allowed, and not too long ago.
    pub fn stop_config_deployment(
        &mut self,
        application: &str,
        environment: &str,
        number: &str,
        allow_revert: bool,
    ) -> ApiResult<Deployment> {
        let now = self.now;
        let known = self.get_config_deployment(application, environment, number)?;
        let may_stop = match known.state {
            "DEPLOYING" => true,
            "BAKING" => allow_revert,
            "COMPLETE" => allow_revert && known.ended.is_some_and(|ended| now.since(ended) < REVERTIBLE),
            _ => false,
        };
        if !may_stop {
            return Err(bad(format!("Cannot stop deployment {number} in state {}", known.state)));
        }
        let of = self.config_application_mut(application)?;
        if let Some(begun) = of.deployments.get_mut(known.number - 1) {
            begun.stopped = Some(now);
        }
        self.ledger.change(now, "StopDeployment", vec![("deployment", number.to_owned())]);
        self.get_config_deployment(application, environment, number)
    }

    /// Whether clients are given a flag as on; `None` when there is none.
    pub fn flag_is_on(&self, flag: &str) -> Option<bool> {
        let holds = |application: &&Application| {
            application.versions.first().is_some_and(|content| member(content, "flags", flag).is_some())
        };
        let application = self.app_config.iter().find(holds)?;
        let given = application.deployments.iter().rev().find(|begun| {
            let (state, percent, _) = begun.stands(self.now);
            percent > 0.0 && state != "ROLLING_BACK"
        })?;
        let content = application.versions.get(usize::try_from(given.version).ok()?.checked_sub(1)?)?;
        Some(member(content, "values", flag).and_then(|value| value.get("enabled")?.as_bool()).unwrap_or(false))
    }

    fn config_application(&self, id: &str) -> ApiResult<&Application> {
        self.app_config.iter().find(|known| known.itself.id == id).ok_or_else(|| not_found("Application"))
    }

    fn config_application_mut(&mut self, id: &str) -> ApiResult<&mut Application> {
        self.app_config.iter_mut().find(|known| known.itself.id == id).ok_or_else(|| not_found("Application"))
    }

    fn config_environment(&self, application: &str, environment: &str) -> ApiResult<&Application> {
        let application = self.config_application(application)?;
        if application.environment.id == environment { Ok(application) } else { Err(not_found("Environment")) }
    }
}
