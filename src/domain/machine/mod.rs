//! The release state machine: `step(release, event, now) → reaction`.
//!
//! It decides by level, not by edge: every event first changes what is known, then the machine looks at all
//! of it and moves as far as it can. So a lost, late or repeated observation costs time, never correctness, and after a
//! crash the same function goes on from the replayed state.
//!
//! No I/O, no clock: `now` comes in, effects go out, and [`deadline`] says when it wants to be told that time has
//! passed.

mod credentials;
mod effects;
mod gate;
mod observe;
mod one_off;
mod orders;
mod pipeline;
mod programs;
mod shift;
mod tell;
mod unwind;

#[cfg(test)]
mod tests;

use std::time::Duration;

use super::command::Refusal;
use super::components::ComponentIndex;
use super::effect::Intent;
use super::event::Event;
use super::foreign::Then;
use super::ids::{EffectId, Revision, Side};
use super::outlook::left_behind;
use super::percent::Percent;
use super::plan::{Driver, StagePlan};
use super::release::{Begun, Component, Ended, Ending, Moment, Release, Stage, StageStatus, StepPhase, Tone, Work};
use super::time::Timestamp;

/// Timeline lines kept with a release; the journal keeps them all.
const TIMELINE: usize = 400;

/// A read weight may lag the one set by this much before the difference counts.
pub(super) const SETTLE: Duration = Duration::from_secs(15);

/// What follows from an event.
#[must_use = "effects that nobody carries out leave the release hanging"]
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reaction {
    /// Whether the release is different now. An event that changes nothing need not be kept.
    pub changed: bool,
    /// Effects to carry out, after their intent is kept.
    pub start: Vec<Intent>,
    /// Effects to give up: what they would still do is no longer wanted.
    pub cancel: Vec<EffectId>,
    /// The answer, if the event was an order: the revision it made, or why it was refused.
    pub answer: Option<Result<Revision, Refusal>>,
}

/// Tells `release` that `event` happened at `now`.
pub fn step(release: &mut Release, event: Event, now: Timestamp) -> Reaction {
    let mut machine = Machine { release, now, reaction: Reaction::default() };
    machine.take(event);
    machine.advance();
    machine.reaction
}

/// When the release, last told something at `told`, wants [`Event::Ticked`] next; `None` while only other events can
/// move it. What was due by then has been looked at: if something holds it back, a pause for one, time alone will not
/// move it.
pub fn deadline(release: &Release, told: Timestamp) -> Option<Timestamp> {
    let retries = release.in_flight.iter().filter_map(|flight| flight.retry_at);
    let moves = (release.ended.is_none()).then(|| {
        let there = shift::deadlines(release).chain(pipeline::deadlines(release));
        there.chain(unwind::deadlines(release)).chain(one_off::deadlines(release))
    });
    retries.chain(moves.into_iter().flatten()).filter(|at| *at > told).min()
}

/// A release being told something.
struct Machine<'a> {
    release: &'a mut Release,
    now: Timestamp,
    reaction: Reaction,
}

impl Machine<'_> {
    fn take(&mut self, event: Event) {
        if event.component().is_some_and(|of| !self.release.components.holds(of)) {
            return;
        }
        match event {
            Event::Requested { by } => self.begin(by),
            Event::Ordered(order) => self.order(order),
            Event::EffectEnded { id, attempt, outcome } => self.effect_ended(id, attempt, outcome),
            Event::TaskStarted { effect, task } => self.task_started(effect, task),
            Event::WeightObserved { component, green } => self.weight_observed(component, green),
            Event::CapacityObserved { component, capacities } => self.capacity_observed(component, capacities),
            Event::AlarmsObserved { component, firing } => self.alarms_observed(component, firing),
            Event::AlarmsLost { component, why, firing } => self.alarms_lost(component, why, firing),
            Event::Judged { component, verdicts } => self.judged(component, verdicts),
            Event::CredentialsEnding { expires } => self.credentials_ending(expires),
            Event::Ticked => {}
            Event::Superseded { by } => self.superseded(&by),
            Event::Recovered { by } => self.recovered(&by),
        }
    }

    /// Moves as far as is possible now.
    fn advance(&mut self) {
        self.retry_due();
        while self.release.begun.is_some() && self.release.ended.is_none() {
            self.stop_strays();
            let moved = if self.release.unwinding.is_some() {
                self.unwind()
            } else {
                self.follow_back() || self.give_up_unhealthy() || self.give_up_alarmed() || self.go_forward()
            };
            if !moved {
                break;
            }
        }
    }

    fn begin(&mut self, by: super::command::Actor) {
        if self.release.begun.is_some() {
            return;
        }
        let Release { id, plan, .. } = &*self.release;
        let earlier = plan.origin.earlier().and_then(|earlier| earlier.reason.as_ref());
        let reason = earlier.or_else(|| plan.origin.foreign().and_then(|foreign| foreign.reason.as_ref()));
        let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
        let text = format!("release {id} begins: {}{}{reason}", plan.moves(), plan.origin.suffix());
        let name = by.name.clone();
        self.release.begun = Some(Begun { at: self.now, by: by.clone() });
        self.turn(Tone::Plain, text, Some(name));
        self.tell_begun();
        self.take_over(&by);
    }

    /// A deployment of somebody else's that is only taken over to be taken back goes back at once.
    fn take_over(&mut self, by: &super::command::Actor) {
        let Some(foreign) = self.release.plan.origin.foreign().filter(|foreign| foreign.then == Then::Back) else {
            return;
        };
        let cause = foreign.reason.clone().unwrap_or_else(|| "taken over to be rolled back".to_owned());
        for of in self.release.components.indices() {
            // How far it has come is not known here, and may change until the way back is asked for.
            let traffic = &mut self.at_mut(of).traffic;
            (traffic.peak, traffic.unsure) = (Percent::FULL, true);
        }
        self.go_back(cause, Some(by));
    }

    /// Ends the release.
    fn end(&mut self, ending: Ending, why: String) {
        let tone = match ending {
            Ending::Succeeded => Tone::Good,
            Ending::RolledBack | Ending::Aborted => Tone::Warning,
            Ending::RollbackFailed | Ending::Failed => Tone::Bad,
        };
        self.release.ended = Some(Ended { at: self.now, ending, why: why.clone() });
        self.release.hold = None;
        self.cancel_all();
        self.hurry_notices();
        self.settle_orders_at_end();
        let is_said = self.release.timeline.iter().rev().any(|moment| moment.text.ends_with(&why));
        let text = if is_said { ending.word().to_owned() } else { format!("{}: {why}", ending.word()) };
        self.turn(tone, text, None);
        let left = left_behind(self.release).into_iter().map(|(_, left)| format!("left as it is: {left}"));
        let left: Vec<String> = left.collect();
        for line in &left {
            self.line(Tone::Warning, line.clone(), None);
        }
        self.tell_ended(ending, &[vec![why], left].concat().join("\n"));
    }

    /// A change that whoever steers must know of: a new revision, and a line of the timeline.
    fn turn(&mut self, tone: Tone, text: String, by: Option<String>) {
        self.release.revision = self.release.revision.next();
        self.line(tone, text, by);
    }

    /// A line of the timeline within the present revision.
    fn line(&mut self, tone: Tone, text: String, by: Option<String>) {
        self.reaction.changed = true;
        let timeline = &mut self.release.timeline;
        if timeline.len() >= TIMELINE {
            timeline.remove(0);
        }
        let number = timeline.last().map_or(1, |last| last.number + 1);
        timeline.push(Moment { number, at: self.now, revision: self.release.revision, tone, text, by });
    }

    fn stage(&self, index: usize) -> Option<(&StagePlan, &Stage)> {
        Some((self.release.plan.stage(index)?, self.release.stages.get(index)?))
    }

    /// Changes a stage; every change of a stage goes through here.
    fn edit_stage(&mut self, index: usize, edit: impl FnOnce(&mut Stage)) {
        if let Some(stage) = self.release.stages.get_mut(index) {
            edit(stage);
            self.reaction.changed = true;
        }
    }

    /// Changes a stage's note, if it says something else.
    fn note(&mut self, index: usize, note: &str) {
        if self.release.stages.get(index).is_some_and(|stage| stage.note != note) {
            let note = note.to_owned();
            self.edit_stage(index, |stage| stage.note = note);
        }
    }

    fn stage_name(&self, index: usize) -> String {
        self.release.plan.stage(index).map(|plan| plan.name.to_string()).unwrap_or_default()
    }

    /// A stage is done.
    fn pass(&mut self, index: usize, note: String) {
        let now = self.now;
        let text = format!("{} passed{}{note}", self.stage_name(index), if note.is_empty() { "" } else { ": " });
        self.edit_stage(index, |stage| {
            stage.status = StageStatus::Passed;
            stage.ended = Some(now);
            stage.work = Work::Idle;
            stage.note = note;
        });
        self.turn(Tone::Good, text, None);
    }

    /// A component as far as it has come.
    fn at(&self, of: ComponentIndex) -> &Component {
        &self.release.components[of]
    }

    /// The same, to change it; whoever does says so in the reaction.
    fn at_mut(&mut self, of: ComponentIndex) -> &mut Component {
        &mut self.release.components[of]
    }

    /// The way a component's traffic is shifted.
    fn driver(&self, of: ComponentIndex) -> Driver {
        self.release.plan.components[of].driver()
    }

    /// Tasks that a component's side is to run.
    fn wanted(&self, of: ComponentIndex, side: Side) -> u32 {
        self.release.plan.components[of].wanted(side)
    }

    /// `api: ` before what is said of a component, where there are several.
    fn whose(&self, of: ComponentIndex) -> String {
        self.release.plan.whose(of)
    }

    /// Whether the load balancer was seen to give green this weight and nothing else has been asked for since.
    fn is_settled_at(&self, of: ComponentIndex, weight: Percent) -> bool {
        let traffic = &self.at(of).traffic;
        traffic.set == weight && traffic.observed == Some(weight) && !traffic.unsure && !self.is_setting_weight(of)
    }
}

/// Whether a component's shift is in one of the phases that `wanted` picks.
fn is_in_phase(release: &Release, of: ComponentIndex, wanted: impl Fn(StepPhase) -> bool) -> bool {
    release.step(of).is_some_and(|(_, phase)| wanted(phase))
}
