//! Putting an engine's parts together.

use std::collections::BTreeMap;
use std::sync::Arc;

use color_eyre::eyre::{Result, WrapErr};

use crate::clock::Clock;
use crate::cloud::Cloud;
use crate::config::{Config, PlanContext, Request};
use crate::domain::command::Actor;
use crate::domain::ids::{ReleaseId, Version};
use crate::domain::plan::Plan;
use crate::domain::redact::Redactor;
use crate::engine::settings::{Parts, Polls, Settings};
use crate::engine::{Processes, Programs};
use crate::journal::Journal;
use crate::judge::threshold::Threshold;
use crate::notify::sns::SnsChannels;
use crate::web::Web;

/// What is to be released.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    /// Environment.
    pub(super) environment: String,
    /// Component; `None` takes the only one.
    pub(super) component: Option<String>,
    /// Image.
    pub(super) version: Version,
}

/// Plans releases of one thing: all but the release's number is known.
pub(super) struct Planner {
    config: Config,
    wanted: Wanted,
    survey: crate::cloud::Survey,
    /// The plan as it would be for release 0: shows that it can be made.
    pub(super) draft: Plan,
}

impl Planner {
    /// Surveys the component and plans.
    pub(super) async fn new(config: Config, wanted: Wanted, context: &PlanContext, cloud: &dyn Cloud) -> Result<Self> {
        let survey = cloud.survey(&context.target).await.wrap_err("failed to look at the services as they are")?;
        let draft = make(&config, &wanted, &survey, ReleaseId(0))?;
        Ok(Self { config, wanted, survey, draft })
    }

    /// The plan of the release with this number.
    pub(super) fn plan(&self, id: ReleaseId) -> Plan {
        // The number only fills in a variable: what could be planned without it can be planned with it.
        make(&self.config, &self.wanted, &self.survey, id).unwrap_or_else(|_| self.draft.clone())
    }
}

fn make(config: &Config, wanted: &Wanted, survey: &crate::cloud::Survey, release: ReleaseId) -> Result<Plan> {
    let request = Request {
        environment: &wanted.environment,
        component: wanted.component.as_deref(),
        version: &wanted.version,
        release,
    };
    Ok(config.plan(&request, survey)?)
}

/// What the engine reaches outside.
pub(super) struct Outside {
    pub(super) cloud: Arc<dyn Cloud>,
    pub(super) web: Arc<dyn Web>,
    pub(super) journal: Box<dyn Journal>,
}

/// The parts of an engine that runs `plan`.
pub(super) fn parts(
    plan: &Plan,
    context: &PlanContext,
    outside: Outside,
    clock: Clock,
    actor: Actor,
    is_demo: bool,
) -> Parts {
    let Outside { cloud, web, journal } = outside;
    let notifier = Arc::new(SnsChannels::new(Arc::clone(&cloud), context.topics.clone()));
    let programs: Arc<dyn Programs> = Arc::new(Processes);
    let settings = Settings {
        log_groups: context.logs.clone(),
        polls: polls(&context.polls),
        period: context.period,
        redactor: redactor(plan),
        variables: BTreeMap::new(),
        is_demo,
    };
    let judge = Box::new(Threshold::new(plan.signals.clone()));
    Parts { cloud, web, journal, judge, notifier, programs, clock, actor, settings }
}

fn polls(polls: &crate::config::Polls) -> Polls {
    Polls {
        weights: polls.weight,
        capacity: polls.capacity,
        alarms: polls.alarms,
        signals: polls.signals,
        logs: polls.logs,
        identity: polls.identity,
        ..Polls::default()
    }
}

/// Masks the values of what the plan names as secret, and of every variable whose name says so.
fn redactor(plan: &Plan) -> Redactor {
    let is_secret = |name: &str| plan.secrets.iter().any(|secret| secret == name) || Redactor::is_secret_name(name);
    Redactor::new(std::env::vars().filter(|(name, _)| is_secret(name)).map(|(_, value)| value))
}
