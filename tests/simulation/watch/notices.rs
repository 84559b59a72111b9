//! I9: who was told what.

use std::collections::BTreeMap;

use cutover::domain::components::ComponentIndex;
use cutover::domain::effect::{Effect, Intent, Notice, Outcome, Severity};
use cutover::domain::event::Event;
use cutover::domain::ids::EffectId;
use cutover::domain::plan::{OnFailure, StageKind};
use cutover::domain::release::{Release, StageStatus, StepPhase};
use cutover::domain::time::Timestamp;
use cutover::sim::World;

use super::{Invariant, State, Watch};

/// A message that is not critical is given up after this many tries.
const TRIES: u32 = 8;

/// Every message of the journal, and what came of it.
#[derive(Debug, Default)]
pub(super) struct Notices {
    /// By effect.
    all: BTreeMap<EffectId, Told>,
    /// How often each transition happened, by the last part of its key.
    expected: BTreeMap<String, usize>,
    /// Messages that told of a lost journal.
    lost_journal: usize,
}

#[derive(Debug, Default)]
struct Told {
    key: String,
    channel: String,
    attempt: u32,
    /// Deliveries of the present attempt.
    delivered: u32,
    deliveries: u32,
    is_sent: bool,
    failures: u32,
    is_critical: bool,
}

impl Notices {
    /// A message is asked for; whether it was sent already.
    pub(super) fn asked(&mut self, intent: &Intent, notice: &Notice) -> bool {
        let known =
            self.all.values().any(|told| told.is_sent && told.key == notice.key && told.channel == notice.channel);
        let told = self.all.entry(intent.id).or_default();
        told.key.clone_from(&notice.key);
        told.channel.clone_from(&notice.channel);
        told.attempt = intent.attempt;
        told.is_critical = notice.severity == Severity::Critical;
        told.delivered = 0;
        known
    }

    pub(super) fn ended(&mut self, event: &Event, before: &Release) {
        let Event::EffectEnded { id, attempt, outcome } = event else { return };
        let is_awaited = before.in_flight.iter().any(|flight| flight.id() == *id && flight.intent.attempt == *attempt);
        if let Some(told) = self.all.get_mut(id).filter(|_| is_awaited) {
            match outcome {
                Outcome::Done => told.is_sent = true,
                _ => told.failures += 1,
            }
        }
    }

    fn expect(&mut self, what: &str) {
        *self.expected.entry(what.to_owned()).or_default() += 1;
    }
}

impl State {
    /// Looks at what arrived.
    pub(super) fn delivered(&mut self, of: ComponentIndex, world: &World, now: Timestamp) {
        let new: Vec<_> = world.deliveries()[self.places[of].deliveries..].to_vec();
        self.places[of].deliveries += new.len();
        for delivery in new {
            let Some((_, key)) = delivery.attributes.iter().find(|(name, _)| name == "cutover.key") else { continue };
            let channel = channel_of(&delivery.topic_arn);
            let text = format!("{} {}", delivery.subject.as_deref().unwrap_or_default(), delivery.message);
            self.keeps_secret("a message", &text, now);
            if self.is_broken && key.rsplit('/').next().is_some_and(|what| what.starts_with("journal-lost")) {
                self.notices.lost_journal += 1;
                continue;
            }
            let open = self.open.iter().find(|intent| match &intent.effect {
                Effect::Notify(notice) => notice.key == *key && notice.channel == channel,
                _ => false,
            });
            let Some(id) = open.map(|intent| intent.id) else {
                self.violate(Invariant::I5, now, format!("{key} was sent to {channel} without an open intent"));
                continue;
            };
            let Some(told) = self.notices.all.get_mut(&id) else { continue };
            told.delivered += 1;
            told.deliveries += 1;
            let twice = told.delivered > 1;
            self.require(!twice, Invariant::I9, now, || format!("{key} was sent to {channel} twice by one try"));
        }
    }

    /// What of the release's change has to be told.
    pub(super) fn transitions(&mut self, before: &Release) {
        let after = self.mirror.clone();
        let notices = &mut self.notices;
        if before.begun.is_none() && after.begun.is_some() {
            notices.expect("begun");
        }
        if before.unwinding.is_none() && after.unwinding.is_some() {
            notices.expect("going-back");
        }
        if before.ended.is_none() && after.ended.is_some() {
            notices.expect("ended");
        }
        if before.hold.is_none() && after.hold.is_some() {
            notices.expect("paused");
        }
        let is_overdue = |release: &Release| release.unwinding.as_ref().is_some_and(|unwinding| unwinding.escalated);
        if !is_overdue(before) && is_overdue(&after) {
            notices.expect("overdue");
        }
        let baking = |release: &Release, of| match release.step(of) {
            Some((index, StepPhase::Baking { since, .. })) => Some((index, since)),
            _ => None,
        };
        for (of, component) in after.plan.components.iter() {
            if let Some((index, _)) = baking(&after, of).filter(|_| baking(&after, of) != baking(before, of))
                && let Some(step) = after.plan.shift(of).and_then(|shift| shift.steps.get(index))
            {
                notices.expect(&format!("step-{}-{}", component.name, step.weight.get()));
            }
        }
        let stages = after.plan.stages.iter().zip(before.stages.iter().zip(&after.stages));
        for (plan, (_, later)) in stages.filter(|(_, (earlier, later))| earlier.status != later.status) {
            match later.status {
                StageStatus::Waiting => notices.expect(&format!("waiting-{}", plan.name)),
                StageStatus::Failed if after.unwinding.is_none() && plan.on_failure == OnFailure::Wait => {
                    notices.expect(&format!("waiting-{}", plan.name));
                }
                StageStatus::Passed if matches!(plan.kind, StageKind::Notify) => {
                    notices.expect(&format!("stage-{}", plan.name));
                }
                _ => {}
            }
        }
    }
}

impl Watch {
    /// How many messages told of a lost journal.
    pub(crate) fn told_of_lost_journal(&self) -> usize {
        self.with(|state, _| state.notices.lost_journal)
    }

    /// The release has ended and its engine with it: everybody was told everything, but for what is not critical and eight
    /// tries could not deliver, or what was still owed when the engine ended while the cloud misbehaved.
    pub(crate) fn told_all(&self, cloud_behaves: bool) {
        self.with(|state, now| {
            state.look(now);
            let channels = state.plan.notify.clone();
            let mut missing = Vec::new();
            for told in state.notices.all.values() {
                let is_given_up = told.failures >= TRIES && !told.is_critical;
                let is_excused = is_given_up || (!cloud_behaves && told.failures > 0);
                if told.deliveries == 0 && !is_excused {
                    missing.push(format!("{} never reached {}", told.key, told.channel));
                }
            }
            for (what, expected) in &state.notices.expected {
                for channel in &channels {
                    let asked = state
                        .notices
                        .all
                        .values()
                        .filter(|told| told.channel == *channel && told.key.rsplit('/').next() == Some(what));
                    let asked = asked.count();
                    if asked < *expected {
                        missing.push(format!("{what} happened {expected} times and {channel} was told {asked} times"));
                    }
                }
            }
            for what in missing {
                state.violate(Invariant::I9, now, what);
            }
        });
    }
}

fn channel_of(topic: &str) -> &'static str {
    if topic.ends_with(":oncall") { "oncall" } else { "team" }
}
