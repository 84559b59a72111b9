//! Putting an engine's parts together.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::sync::Arc;

use color_eyre::eyre::{Result, WrapErr};

use super::back::{self, Back};
use super::channels::{self, Means};
use super::foreign;
use super::versions;
use crate::clock::Clock;
use crate::cloud::{Cloud, Sight, Survey};
use crate::config::{Config, PlanContext, Request};
use crate::domain::command::Actor;
use crate::domain::components::{ComponentIndex, Components};
use crate::domain::foreign::Then;
use crate::domain::ids::{ComponentName, ReleaseId, Version};
use crate::domain::late;
use crate::domain::origin::Origin;
use crate::domain::plan::Plan;
use crate::domain::redact::Redactor;
use crate::engine::settings::{LogFeed, Parts, Polls, Settings};
use crate::engine::{Processes, Programs};
use crate::journal::Journal;
use crate::judge::Judge;
use crate::judge::beside::Beside;
use crate::judge::live::Live;

/// What is to be released.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    /// Environment.
    pub(super) environment: String,
    /// What is released.
    pub(super) lineup: Components<ComponentName>,
    /// The version of each.
    pub(super) versions: Components<Version>,
    /// What is known to serve of each without services.
    pub(super) serving: Components<Option<Version>>,
    /// Set when it goes back to an earlier release.
    pub(super) back: Option<Back>,
    /// Images by their digests, where these are settled already.
    pub(super) pinned: Components<Option<Version>>,
    /// How it came about.
    pub(super) origin: Origin,
    /// The commit that the versions were made of, if known.
    pub(super) git_sha: Option<String>,
    /// Set when it takes over what somebody else deploys, or watches it: its version is what is found there.
    pub(super) foreign: Option<Taking>,
}

/// What is done with a deployment that somebody else began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Taking {
    /// The one that was seen; `None` means whichever is under way, and nothing if none is.
    pub(super) deployment: Option<String>,
    /// What is done with it first.
    pub(super) then: Then,
    /// Why, if said.
    pub(super) reason: Option<String>,
}

/// What was found of each component; nothing of one without services.
pub(super) type Surveys = Components<Option<Survey>>;

/// Plans releases of one thing: all but the release's number is known.
pub(super) struct Planner {
    config: Config,
    wanted: Wanted,
    surveys: Surveys,
    /// What is under way there, where that is what is watched or taken over.
    pub(super) sight: Option<Sight>,
    /// The plan as it would be for release 0: shows that it can be made.
    pub(super) draft: Plan,
}

impl Planner {
    /// Surveys the components and plans.
    pub(super) async fn new(
        config: Config,
        wanted: Wanted,
        context: &PlanContext,
        clouds: &Components<Arc<dyn Cloud>>,
    ) -> Result<Self> {
        let mut wanted = wanted;
        let mut surveys = context.targets.map(|_| None);
        let sight = match &wanted.foreign {
            Some(taking) => Some(foreign::look(&clouds[ComponentIndex::FIRST], context, taking).await?),
            None => None,
        };
        if let Some(sight) = &sight {
            wanted.versions[ComponentIndex::FIRST] = foreign::version(sight);
            surveys[ComponentIndex::FIRST] = Some(sight.survey.clone());
        }
        for (of, target) in context.targets.iter().filter(|_| sight.is_none()) {
            if let Some(target) = target {
                let survey = clouds[of].survey(target).await;
                surveys[of] = Some(survey.wrap_err("failed to look at the services as they are")?);
            }
        }
        versions::pin(&config, &mut wanted, clouds).await?;
        let draft = make(&config, &wanted, &surveys, sight.as_ref(), ReleaseId(0))?;
        wanted.git_sha.clone_from(&draft.git_sha);
        if let Some(back) = &wanted.back {
            back::refuse_impossible(back, &draft, &surveys, clouds).await?;
        }
        Ok(Self { config, wanted, surveys, sight, draft })
    }

    /// The plan of the release with this number.
    pub(super) fn plan(&self, id: ReleaseId) -> Plan {
        // The number only fills in a variable: what could be planned without it can be planned with it.
        make(&self.config, &self.wanted, &self.surveys, self.sight.as_ref(), id).unwrap_or_else(|_| self.draft.clone())
    }
}

fn make(
    config: &Config,
    wanted: &Wanted,
    surveys: &Surveys,
    sight: Option<&Sight>,
    release: ReleaseId,
) -> Result<Plan> {
    let request = Request {
        environment: &wanted.environment,
        components: &wanted.lineup,
        versions: &wanted.versions,
        serving: &wanted.serving,
        release,
    };
    let mut plan = config.plan(&request, surveys)?;
    plan.origin = wanted.origin.clone();
    plan.git_sha.clone_from(&wanted.git_sha);
    for (of, planned) in plan.components.iter_mut() {
        planned.pinned.image.clone_from(&wanted.pinned[of]);
    }
    if let Some((taking, sight)) = wanted.foreign.as_ref().zip(sight) {
        plan = sight.afoot.plan(plan, taking.then, taking.reason.clone());
    }
    if let Some(back) = &wanted.back {
        let warm = back::is_warm(back, &plan, surveys);
        plan = back.way.plan(plan, back.wish.reason.clone(), warm);
    }
    late::fill_digests(&mut plan);
    if late::fill_git_sha(&mut plan, wanted.git_sha.as_deref()) {
        let sha = versions::git_sha(&plan.origin)?;
        late::fill_git_sha(&mut plan, Some(&sha));
        plan.git_sha = Some(sha);
    }
    Ok(plan)
}

/// The parts of an engine that runs `plan`.
pub(super) fn parts(
    plan: &Plan,
    context: &PlanContext,
    means: &Means,
    journal: Box<dyn Journal>,
    clock: Clock,
    actor: Actor,
    is_demo: bool,
) -> Parts {
    let redactor = redactor(plan);
    let notifier = Arc::new(channels::open(&context.channels, means, &redactor));
    let programs: Arc<dyn Programs> = Arc::new(Processes);
    let settings = Settings {
        polls: polls(&context.polls),
        period: context.period,
        redactor,
        variables: BTreeMap::new(),
        logs: if context.live_tail { LogFeed::Live } else { LogFeed::Polled },
        is_demo,
    };
    let judges = plan.components.indexed(|of, component| -> Box<dyn Judge> {
        Box::new(Beside::new(component.signals.clone()).with_requests(Live::of(plan, of)))
    });
    let (clouds, web) = (means.clouds.clone(), Arc::clone(&means.web));
    Parts { clouds, web, journal, judges, notifier, programs, clock, actor, settings }
}

pub(super) fn polls(polls: &crate::config::Polls) -> Polls {
    Polls {
        weights: polls.weight,
        capacity: polls.capacity,
        alarms: polls.alarms,
        signals: polls.signals,
        logs: polls.logs,
        identity: polls.identity,
        most_cents: polls.most_cents,
        ..Polls::default()
    }
}

/// Masks the values of what the plan names as secret, and of every variable whose name says so.
pub(super) fn redactor(plan: &Plan) -> Redactor {
    let is_secret = |name: &str| plan.secrets.iter().any(|secret| secret == name) || Redactor::is_secret_name(name);
    // What is not UTF-8 is shown as this makes of it, and so masked as well.
    let variables = std::env::vars_os().map(|pair| (lossy(&pair.0), lossy(&pair.1)));
    Redactor::new(variables.filter(|(name, _)| is_secret(name)).map(|(_, value)| value))
}

fn lossy(text: &OsStr) -> String {
    text.to_string_lossy().into_owned()
}
