//! The shift: one weight after the other, each set, read back, baked and judged.

use std::time::Duration;

use super::{Machine, SETTLE, is_in_phase};
use crate::domain::effect::{Effect, Outcome};
use crate::domain::event::FiringAlarm;
use crate::domain::percent::Percent;
use crate::domain::plan::{GateKind, ShiftPlan, ShiftStep, StageKind};
use crate::domain::release::{Hold, Release, StageStatus, StepPhase, Tone, Work};
use crate::domain::signal::{Ruling, Verdict};
use crate::domain::time::{Elapsed, Timestamp};

/// A new engine leaves blue up for at least this long.
const FIRST_LOOK: Duration = Duration::from_mins(1);

/// When the shift wants to be looked at again.
pub(super) fn deadlines(release: &Release) -> impl Iterator<Item = Timestamp> {
    let health = release.unhealthy_since.zip(release.plan.shift()).map(|(since, plan)| since + plan.unhealthy_for);
    let health = health.filter(|_| release.unwinding.is_none());
    let phase = release.step().and_then(|(_, phase)| {
        let timeout = release.current().and_then(|index| release.plan.stage(index)).map(|plan| plan.timeout)?;
        match phase {
            StepPhase::Raising { since } | StepPhase::Settling { since } => Some(since + timeout),
            StepPhase::Baking { until, .. } => Some(until),
            StepPhase::AtGate { limit, .. } => limit,
        }
    });
    health.into_iter().chain(phase)
}

impl Machine<'_> {
    /// Begins at the first step; tried again, where traffic stands: nothing is taken from green only to be given back.
    pub(super) fn start_shift(&mut self, index: usize) {
        let set = self.release.traffic.set;
        let step = self.shift_plan(index).and_then(|plan| plan.steps.iter().rposition(|step| step.weight <= set));
        self.enter(index, step.unwrap_or(0), StepPhase::Raising { since: self.now });
    }

    fn enter(&mut self, stage: usize, index: usize, phase: StepPhase) {
        self.edit_stage(stage, |stage| {
            stage.status = StageStatus::Running;
            stage.work = Work::Step { index, phase };
        });
    }

    fn shift_plan(&self, stage: usize) -> Option<&ShiftPlan> {
        match &self.release.plan.stage(stage)?.kind {
            StageKind::Shift(plan) => Some(plan),
            _ => None,
        }
    }

    fn shift_step(&self, stage: usize, index: usize) -> Option<ShiftStep> {
        self.shift_plan(stage)?.steps.get(index).copied()
    }

    /// Moves the shift by one; whether it did.
    pub(super) fn shift(&mut self, stage: usize) -> bool {
        let Some(Work::Step { index, phase }) = self.stage(stage).map(|(_, stage)| stage.work) else { return false };
        let Some(step) = self.shift_step(stage, index) else { return false };
        match phase {
            StepPhase::Raising { since } => self.raise(stage, index, step, since),
            StepPhase::Settling { since } => self.settle(stage, index, step, since),
            StepPhase::Baking { since, until } => self.now >= until && self.reach_gate(stage, index, step, since),
            StepPhase::AtGate { watched, limit, .. } => self.try_gate(stage, index, step, watched, limit),
        }
    }

    /// Asks for the step's weight as soon as nothing speaks against it.
    fn raise(&mut self, stage: usize, index: usize, step: ShiftStep, since: Timestamp) -> bool {
        if self.release.traffic.set == step.weight && !self.release.traffic.unsure && !self.is_setting_weight() {
            self.enter(stage, index, StepPhase::Settling { since: self.now });
            return true;
        }
        if self.is_setting_weight() {
            return self.time_out_step(stage, since);
        }
        if let Some(why) = self.raise_is_blocked(step.weight) {
            self.note(stage, &format!("{} waits: {why}", step.weight));
            return self.time_out_step(stage, since);
        }
        self.note(stage, &format!("setting {}", step.weight));
        self.ask(Effect::SetWeight { green: step.weight });
        true
    }

    /// What speaks against giving green more traffic now.
    pub(super) fn raise_is_blocked(&self, to: Percent) -> Option<String> {
        if self.release.hold.is_some() {
            return Some("paused".to_owned());
        }
        let traffic = &self.release.traffic;
        let Some(observed) = traffic.observed else {
            return Some("the present weights have not been read yet".to_owned());
        };
        // Whoever changed them by hand had a reason. What is asked for may have landed without its answer.
        if observed != traffic.set && observed != to && !traffic.unsure {
            return Some(format!("green is at {observed}, and this release set {}", traffic.set));
        }
        if observed > to && !self.is_blue_enough() {
            return Some("blue has too few healthy targets to take traffic back".to_owned());
        }
        if !self.is_green_up() {
            let wanted = self.release.plan.sides.green.desired;
            let healthy = self.release.capacities.as_ref().map(|both| both.green.healthy);
            return Some(match healthy {
                Some(healthy) => format!("green has {healthy} of {wanted} healthy targets"),
                None => "green's capacity has not been read yet".to_owned(),
            });
        }
        if self.release.alarms_lost.is_some() {
            return Some("the alarms cannot be read".to_owned());
        }
        self.release.firing.first().map(|alarm| format!("alarm {} is firing", alarm.name))
    }

    fn time_out_step(&mut self, stage: usize, since: Timestamp) -> bool {
        let Some((plan, _)) = self.stage(stage) else { return false };
        if self.now < since + plan.timeout || self.release.hold.is_some() {
            return false;
        }
        let note = self.stage(stage).map(|(_, stage)| stage.note.clone()).unwrap_or_default();
        self.fail(stage, format!("the weight could not be changed in time ({note})"));
        true
    }

    /// The load balancer has taken a weight, or not.
    pub(super) fn weight_set(&mut self, green: Percent, outcome: Outcome) {
        let failure = match outcome {
            Outcome::Failed(failure) => Some(failure.message),
            Outcome::Checked(_)
            | Outcome::NotYet { .. }
            | Outcome::Exited { .. }
            | Outcome::Registered(_)
            | Outcome::Done => None,
        };
        if let Some(failure) = failure {
            if let Some(index) = self.release.current().filter(|index| self.is_running(*index)) {
                self.fail(index, format!("the weight {green} could not be set: {failure}"));
            }
            return;
        }
        let now = self.now;
        let traffic = &mut self.release.traffic;
        traffic.set = green;
        traffic.unsure = false;
        traffic.drift_since = None;
        if green > Percent::ZERO && traffic.green_since.is_none() {
            traffic.green_since = Some(now);
        }
        if traffic.observed != Some(green) {
            // To be read again; what was read before the change says nothing about it.
            traffic.observed = None;
        }
        self.reaction.changed = true;
    }

    fn settle(&mut self, stage: usize, index: usize, step: ShiftStep, since: Timestamp) -> bool {
        if !self.is_settled_at(step.weight) {
            let is_ignored = self.now >= since + SETTLE && !self.is_setting_weight();
            if is_ignored && self.raise_is_blocked(step.weight).is_none() {
                // Accepted, and not there: ask again.
                self.enter(stage, index, StepPhase::Settling { since: self.now });
                self.ask(Effect::SetWeight { green: step.weight });
                return true;
            }
            return self.time_out_step(stage, since);
        }
        let until = self.now + step.bake;
        self.release.waived.clear();
        self.release.verdicts.clear();
        self.enter(stage, index, StepPhase::Baking { since: self.now, until });
        self.note(stage, &format!("{} baking", step.weight));
        let text = format!("green observed at {}, baking for {}", step.weight, Elapsed(step.bake));
        self.turn(Tone::Good, text, None);
        self.promotion_observed();
        self.tell_step(step);
        true
    }

    fn reach_gate(&mut self, stage: usize, index: usize, step: ShiftStep, watched: Timestamp) -> bool {
        if self.release.hold.is_some() {
            return false;
        }
        let limit = match step.gate {
            GateKind::Automatic => self.shift_plan(stage).map(|plan| self.now + plan.patience),
            GateKind::Human => None,
        };
        self.enter(stage, index, StepPhase::AtGate { watched, since: self.now, limit });
        if step.gate == GateKind::Human {
            self.wait_for_human(stage, &format!("{} baked: promote to go on", step.weight));
        }
        true
    }

    /// Whether the gate opened, or gave up waiting for evidence.
    fn try_gate(
        &mut self,
        stage: usize,
        index: usize,
        step: ShiftStep,
        watched: Timestamp,
        limit: Option<Timestamp>,
    ) -> bool {
        let Some(limit) = limit else { return false };
        if self.release.hold.is_some() {
            return false;
        }
        if self.is_evidence_in() {
            self.leave_step(stage, index, step, "the gate opened: all signals within their limits".to_owned(), None);
            return true;
        }
        let missing = self.missing_evidence();
        if self.now < limit {
            self.note(stage, &format!("{} waits for evidence: {missing}", step.weight));
            return false;
        }
        self.enter(stage, index, StepPhase::AtGate { watched, since: self.now, limit: None });
        self.wait_for_human(stage, &format!("{} has not enough evidence: {missing}", step.weight));
        true
    }

    fn wait_for_human(&mut self, stage: usize, why: &str) {
        let note = why.to_owned();
        self.edit_stage(stage, |stage| {
            stage.status = StageStatus::Waiting;
            stage.note = note;
        });
        self.turn(Tone::Warning, format!("waiting for a human: {why}"), None);
        self.tell_waiting(stage, why);
    }

    /// Goes from a finished step to the next, or past the last.
    pub(super) fn leave_step(&mut self, stage: usize, index: usize, step: ShiftStep, why: String, by: Option<String>) {
        match self.shift_step(stage, index + 1) {
            Some(next) => {
                self.turn(Tone::Plain, format!("{} → {}: {why}", step.weight, next.weight), by);
                self.enter(stage, index + 1, StepPhase::Raising { since: self.now });
            }
            None => {
                self.line(Tone::Plain, why, by);
                self.pass(stage, format!("green at {}", step.weight));
                self.promotion_observed();
            }
        }
    }

    /// Goes to the last step now.
    pub(super) fn jump_to_last(&mut self, stage: usize, by: String) {
        let Some(last) = self.shift_plan(stage).map(|plan| plan.steps.len().saturating_sub(1)) else { return };
        self.cancel_where(|effect| matches!(effect, Effect::SetWeight { .. }));
        self.turn(Tone::Plain, "straight to 100 %".to_owned(), Some(by));
        self.enter(stage, last, StepPhase::Raising { since: self.now });
    }

    /// Whether every signal that can hold the release up speaks for it. No verdict at all speaks for nothing.
    pub(super) fn is_evidence_in(&self) -> bool {
        let verdicts = &self.release.verdicts;
        let judged = self.release.plan.signals.iter().all(|signal| {
            verdicts
                .iter()
                .any(|verdict| verdict.signal == signal.name && (verdict.opens_gate() || self.is_waived(verdict)))
        });
        judged && self.release.firing.is_empty() && self.release.alarms_lost.is_none()
    }

    /// A human has seen this failure and gone on. Silence is never excused.
    fn is_waived(&self, verdict: &Verdict) -> bool {
        matches!(verdict.ruling, Ruling::Fail | Ruling::Marginal) && self.release.waived.contains(&verdict.signal)
    }

    /// What keeps the gate shut, in words.
    pub(super) fn missing_evidence(&self) -> String {
        let mut missing: Vec<String> = Vec::new();
        for signal in &self.release.plan.signals {
            match self.release.verdicts.iter().find(|verdict| verdict.signal == signal.name) {
                None => missing.push(format!("{} not judged yet", signal.name)),
                Some(verdict) if verdict.opens_gate() => {}
                Some(verdict) if verdict.ruling == Ruling::NoData && verdict.needed > verdict.samples => {
                    missing.push(format!("{} {} of {} requests", signal.name, verdict.samples, verdict.needed));
                }
                Some(verdict) => missing.push(format!("{} {}", signal.name, verdict.ruling.word())),
            }
        }
        missing.extend(self.release.firing.iter().map(|alarm: &FiringAlarm| format!("alarm {} firing", alarm.name)));
        missing.extend(self.release.alarms_lost.iter().map(|_| "the alarms cannot be read".to_owned()));
        missing.join(", ")
    }

    /// Rolls back when an alarm fires while green has traffic; whether it did.
    pub(super) fn give_up_alarmed(&mut self) -> bool {
        let Some(name) = self.release.firing.first().map(|alarm| alarm.name.clone()) else { return false };
        if !self.is_being_judged() {
            return false;
        }
        self.go_back(format!("alarm {name} fires"), None);
        true
    }

    /// Rolls back when green has been short of healthy targets for too long, in whichever stage; whether it did.
    pub(super) fn give_up_unhealthy(&mut self) -> bool {
        let Some(grace) = self.release.plan.shift().map(|plan| plan.unhealthy_for) else { return false };
        if !self.release.is_green_live() {
            return false;
        }
        let Some(since) = self.release.unhealthy_since else { return false };
        let Some(green) = self.release.capacities.as_ref().map(|both| both.green.healthy) else { return false };
        if green > 0 && self.now < since + grace {
            return false;
        }
        let wanted = self.release.plan.sides.green.desired;
        self.go_back(format!("green has {green} of {wanted} healthy targets"), None);
        true
    }

    /// After an engine was lost, time that nobody watched does not count as baked.
    pub(super) fn restart_bake(&mut self) {
        let Some(stage) = self.release.current() else { return };
        let Some((index, phase)) = self.release.step() else {
            return self.restart_watch(stage);
        };
        let now = self.now;
        match phase {
            StepPhase::Raising { .. } => self.enter(stage, index, StepPhase::Raising { since: now }),
            StepPhase::Settling { .. } | StepPhase::Baking { .. } => {
                self.enter(stage, index, StepPhase::Settling { since: now });
            }
            StepPhase::AtGate { limit: Some(_), .. } => self.enter(stage, index, StepPhase::Settling { since: now }),
            StepPhase::AtGate { limit: None, .. } => {}
        }
    }

    fn restart_watch(&mut self, stage: usize) {
        let now = self.now;
        let work = match self.stage(stage).map(|(plan, stage)| (&plan.kind, stage.work)) {
            Some((StageKind::Verify(verify), Work::Until(_))) => Work::Until(now + verify.watch),
            // Whoever took the release up again may want to roll back while that is one call.
            Some((StageKind::Cleanup(_), Work::Until(until))) => Work::Until(until.max(now + FIRST_LOOK)),
            Some((_, work)) => work,
            None => return,
        };
        self.edit_stage(stage, |stage| {
            if stage.status == StageStatus::Running {
                stage.started = Some(now);
                stage.work = work;
            }
        });
    }

    /// Holds the release by its own decision.
    pub(super) fn hold(&mut self, why: String) {
        if self.release.hold.is_some() {
            return;
        }
        self.release.hold = Some(Hold { since: self.now, by: None, why: why.clone() });
        self.turn(Tone::Warning, format!("paused: {why}"), None);
        self.tell_paused(&why);
    }

    /// Whether verdicts may act now: green takes production traffic and the release still goes forward.
    pub(super) fn is_being_judged(&self) -> bool {
        self.release.unwinding.is_none()
            && self.release.ended.is_none()
            && self.release.begun.is_some()
            && self.release.is_green_live()
            && !is_in_phase(self.release, |phase| {
                matches!(phase, StepPhase::Raising { .. }) && self.release.traffic.observed.is_none()
            })
    }
}
