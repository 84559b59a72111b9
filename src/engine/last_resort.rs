//! The end of an engine whose journal cannot be written any more.
//!
//! It may do nothing that the engine after it would have to know of. To bring all traffic to blue is safe all the same:
//! asking for it twice changes nothing, and whoever takes the release up again sees it in the load balancer. So green's
//! users are not left alone with a version that nobody watches any more.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::join;

use super::clean::Cleaner;
use crate::clock::Clock;
use crate::cloud::{Cloud, Rollout};
use crate::domain::components::{ComponentIndex, Components};
use crate::domain::effect::{Notice, Severity};
use crate::domain::last_resort::{LastResort, last_resort};
use crate::domain::notice::{Facts, Transition};
use crate::domain::percent::Percent;
use crate::domain::plan::{Plan, RollbackPlan, Sides};
use crate::domain::release::Release;
use crate::journal::JournalError;
use crate::notify::Notifier;

/// Traffic that is not back by then needs a human: the load balancer has refused all the time.
const BOUND: Duration = Duration::from_mins(10);

/// A raise that was given up may take effect this much later: the longest that one call may take.
const LANDING: Duration = Duration::from_secs(15);

/// The first pause between tries; it doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(4);

/// Each channel is tried this often.
const NOTICE_TRIES: u32 = 3;

/// Where production traffic was when the engine ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrafficLeft {
    /// Nothing was done: green never had any, or the release has ended.
    Untouched,
    /// All of it was observed on blue.
    OnBlue,
    /// Green has some, or may have.
    OnGreen {
        /// Why it is not on blue.
        why: String,
    },
}

impl fmt::Display for TrafficLeft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Untouched => f.write_str("no traffic was moved"),
            Self::OnBlue => f.write_str("all traffic was brought back to blue, and observed there"),
            Self::OnGreen { why } => write!(f, "green may still have traffic: {why}; move it by hand"),
        }
    }
}

/// Why an engine ended before its release.
#[derive(Debug, thiserror::Error)]
#[error(
    "{journal}; {traffic}. Nothing more is done until the journal can be written: make room for it, then `cutover attach` takes the release up again"
)]
pub struct JournalLost {
    /// What the journal said.
    #[source]
    pub journal: JournalError,
    /// Where production traffic was left.
    pub traffic: TrafficLeft,
}

/// What an engine without a journal needs.
pub(super) struct LastWill {
    pub(super) clouds: Components<Arc<dyn Cloud>>,
    pub(super) notifier: Arc<dyn Notifier>,
    pub(super) clock: Clock,
    pub(super) cleaner: Cleaner,
}

impl LastWill {
    /// Brings the traffic of every component back where that is right, and tells the release's channels. Ends within a
    /// bound.
    pub(super) async fn carry_out(&self, release: &Release, journal: &JournalError) -> TrafficLeft {
        let lost = |what: &str| format!("JOURNAL LOST, {what}");
        let resorts: Vec<(ComponentIndex, LastResort)> =
            release.components.indices().map(|of| (of, last_resort(release, of))).collect();
        let brings_back = resorts.iter().any(|(_, resort)| matches!(resort, LastResort::BringBack { .. }));
        if !brings_back {
            let kept = resorts.iter().find(|(_, resort)| *resort == LastResort::KeepGreen);
            let end = kept.map_or(TrafficLeft::Untouched, |(of, _)| kept_on_green(&release.plan, *of));
            self.tell(release, "journal-lost", &lost("the engine ends"), &format!("{journal}\n{end}")).await;
            return end;
        }
        let (subject, why) = (lost("bringing all traffic back to blue"), journal.to_string());
        let ends = join_all(resorts.into_iter().map(|(of, resort)| self.resort(&release.plan, of, resort)));
        let (ends, ()) = join!(ends, self.tell(release, "journal-lost", &subject, &why));
        let on_green = ends.into_iter().find(|end| matches!(end, TrafficLeft::OnGreen { .. }));
        let subject =
            lost(if on_green.is_none() { "all traffic is back on blue" } else { "TRAFFIC IS NOT BACK ON BLUE" });
        let end = on_green.unwrap_or(TrafficLeft::OnBlue);
        self.tell(release, "journal-lost-end", &subject, &format!("{journal}\n{end}")).await;
        end
    }

    async fn resort(&self, plan: &Plan, of: ComponentIndex, resort: LastResort) -> TrafficLeft {
        let Some(sides) = &plan.components[of].sides else { return TrafficLeft::Untouched };
        match resort {
            LastResort::Nothing => TrafficLeft::Untouched,
            LastResort::KeepGreen => kept_on_green(plan, of),
            LastResort::BringBack { is_blue_ready, may_rise } => {
                let way = Way { cloud: self.clouds[of].as_ref(), sides, rollback: plan.rollback };
                match self.bring_back(&way, is_blue_ready, may_rise).await {
                    TrafficLeft::OnGreen { why } => TrafficLeft::OnGreen { why: format!("{}{why}", plan.whose(of)) },
                    end => end,
                }
            }
        }
    }

    /// Sets green's weight to 0 until that is observed, and a raise that was given up cannot undo it any more.
    async fn bring_back(&self, way: &Way<'_>, mut is_blue_ready: bool, may_rise: bool) -> TrafficLeft {
        let began = self.clock.now();
        let sure = if may_rise { began + LANDING } else { began };
        let mut pause = FIRST_PAUSE;
        loop {
            let looked = self.clock.now();
            let why = match way.try_once(&mut is_blue_ready).await {
                Ok(()) if looked >= sure => return TrafficLeft::OnBlue,
                Ok(()) => "a raise that was under way may still take effect".to_owned(),
                Err(why) => why,
            };
            if self.clock.now() >= began + BOUND {
                return TrafficLeft::OnGreen { why: self.cleaner.text(&why) };
            }
            self.clock.sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Tells every channel, as well as it goes: nothing can be kept of who was told.
    async fn tell(&self, release: &Release, what: &str, subject: &str, body: &str) {
        let plan = &release.plan;
        let (environment, component) = (&plan.environment, plan.components_named());
        let key = format!("{environment}/{component}/{}/r{}/{what}", release.id, release.revision);
        let notices = plan.notify.iter().map(|channel| Notice {
            channel: channel.clone(),
            key: key.clone(),
            severity: Severity::Critical,
            subject: self.cleaner.text(&format!("[{environment}] {component} {}: {subject}", release.id)),
            body: body.lines().map(|line| self.cleaner.text(line)).collect::<Vec<_>>().join("\n"),
            facts: Box::new(Facts::of(release, Transition::JournalLost, &self.cleaner.text(subject), self.clock.now())),
        });
        let tries = notices.map(|notice| async move {
            for attempt in 1..=NOTICE_TRIES {
                if self.notifier.send(&notice, attempt).await.is_ok() {
                    return;
                }
                self.clock.sleep(LONGEST_PAUSE).await;
            }
        });
        join_all(tries).await;
    }
}

fn kept_on_green(plan: &Plan, of: ComponentIndex) -> TrafficLeft {
    TrafficLeft::OnGreen { why: format!("{}blue was being taken down, so it keeps it", plan.whose(of)) }
}

/// What one component's traffic is brought back by.
struct Way<'a> {
    cloud: &'a dyn Cloud,
    sides: &'a Sides,
    rollback: RollbackPlan,
}

impl Way<'_> {
    async fn try_once(&self, is_blue_ready: &mut bool) -> Result<(), String> {
        if !*is_blue_ready {
            let blue = self.cloud.capacity(self.sides).await.map_err(|error| error.to_string())?.blue;
            let wanted = self.sides.blue.desired;
            if !self.rollback.is_enough(blue.dependable(), wanted) {
                return Err(format!("blue has {} of {wanted} healthy targets", blue.healthy));
            }
            *is_blue_ready = true;
        }
        let set = self.cloud.set_weight(&Rollout::of(self.sides), Percent::ZERO).await;
        set.map_err(|error| error.to_string())?;
        match self.cloud.weight(self.sides).await {
            Ok(Percent::ZERO) => Ok(()),
            Ok(green) => Err(format!("the load balancer still gives green {green}")),
            Err(error) => Err(error.to_string()),
        }
    }
}
