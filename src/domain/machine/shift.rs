//! The shift: one weight after the other, each set, read back, baked and judged.

use std::time::Duration;

use super::{Machine, SETTLE, is_in_phase};
use crate::domain::components::ComponentIndex;
use crate::domain::effect::{Effect, Outcome};
use crate::domain::event::FiringAlarm;
use crate::domain::ids::Side;
use crate::domain::percent::Percent;
use crate::domain::plan::{Driver, GateKind, ShiftPlan, ShiftStep, StageKind};
use crate::domain::release::{Hold, Release, StageStatus, StepPhase, Tone, Work};
use crate::domain::signal::{Ruling, Verdict};
use crate::domain::time::{Elapsed, Timestamp};

/// A new engine leaves blue up for at least this long.
const FIRST_LOOK: Duration = Duration::from_mins(1);

/// When the shift wants to be looked at again.
pub(super) fn deadlines(release: &Release) -> impl Iterator<Item = Timestamp> {
    let health = release.components.iter().filter_map(|(of, component)| {
        let since = component.unhealthy_since.filter(|_| release.unwinding.is_none())?;
        Some(since + release.plan.shift(of)?.unhealthy_for)
    });
    let phases = release.stages.iter().zip(&release.plan.stages).filter_map(|(stage, plan)| {
        if !matches!(stage.status, StageStatus::Running | StageStatus::Waiting) {
            return None;
        }
        match stage.work {
            Work::Step { phase: StepPhase::Raising { since } | StepPhase::Settling { since }, .. } => {
                Some(since + plan.timeout)
            }
            Work::Step { phase: StepPhase::Baking { until, .. }, .. } => Some(until),
            Work::Step { phase: StepPhase::AtGate { limit, .. }, .. } => limit,
            _ => None,
        }
    });
    health.chain(phases)
}

impl Machine<'_> {
    /// Begins at the first step; tried again, where traffic stands: nothing is taken from green only to be given back.
    pub(super) fn start_shift(&mut self, index: usize) {
        let Some(of) = self.component_of(index) else { return };
        let set = self.at(of).traffic.set;
        let step = self.shift_plan(index).and_then(|plan| plan.steps.iter().rposition(|step| step.weight <= set));
        self.enter(index, step.unwrap_or(0), StepPhase::Raising { since: self.now });
    }

    fn enter(&mut self, stage: usize, index: usize, phase: StepPhase) {
        self.edit_stage(stage, |stage| {
            stage.status = StageStatus::Running;
            stage.work = Work::Step { index, phase };
        });
    }

    pub(super) fn component_of(&self, stage: usize) -> Option<ComponentIndex> {
        self.release.plan.stage(stage)?.component
    }

    /// The stage at work that shifts a component's traffic.
    fn shifting(&self, of: ComponentIndex) -> Option<usize> {
        self.release.active().find(|index| self.component_of(*index) == Some(of) && self.shift_plan(*index).is_some())
    }

    fn shift_plan(&self, stage: usize) -> Option<&ShiftPlan> {
        match &self.release.plan.stage(stage)?.kind {
            StageKind::Shift(plan) => Some(plan),
            _ => None,
        }
    }

    pub(super) fn shift_step(&self, stage: usize, index: usize) -> Option<ShiftStep> {
        self.shift_plan(stage)?.steps.get(index).copied()
    }

    /// Moves the shift by one; whether it did.
    pub(super) fn shift(&mut self, stage: usize) -> bool {
        let Some(Work::Step { index, phase }) = self.stage(stage).map(|(_, stage)| stage.work) else { return false };
        let Some((of, step)) = self.component_of(stage).zip(self.shift_step(stage, index)) else { return false };
        match phase {
            StepPhase::Raising { since } => self.raise(of, stage, index, step, since),
            StepPhase::Settling { since } => self.settle(of, stage, index, step, since),
            StepPhase::Baking { since, until } => self.now >= until && self.reach_gate(stage, index, step, since),
            StepPhase::AtGate { watched, limit, .. } => self.try_gate(of, stage, index, step, watched, limit),
        }
    }

    /// Asks for the step's weight as soon as nothing speaks against it.
    fn raise(&mut self, of: ComponentIndex, stage: usize, index: usize, step: ShiftStep, since: Timestamp) -> bool {
        let traffic = self.at(of).traffic;
        if traffic.set == step.weight && !traffic.unsure && !self.is_setting_weight(of) {
            self.enter(stage, index, StepPhase::Settling { since: self.now });
            return true;
        }
        if self.is_setting_weight(of) {
            return self.time_out_step(stage, since);
        }
        if let Some(why) = self.raise_is_blocked(of, step.weight) {
            self.note(stage, &format!("{} waits: {why}", step.weight));
            return self.time_out_step(stage, since);
        }
        self.note(stage, &format!("setting {}", step.weight));
        self.ask(Effect::SetWeight { component: of, green: step.weight });
        true
    }

    /// What speaks against giving green more traffic now.
    pub(super) fn raise_is_blocked(&self, of: ComponentIndex, to: Percent) -> Option<String> {
        if self.release.hold.is_some() {
            return Some("paused".to_owned());
        }
        let component = self.at(of);
        let traffic = &component.traffic;
        let Some(observed) = traffic.observed else {
            return Some("the present weights have not been read yet".to_owned());
        };
        let driver = self.driver(of);
        // A deployment inside AWS passes through what lies between, and may be taken up again there.
        let is_on_the_way = driver.is_deployment() && (traffic.set..=to).contains(&observed);
        // Whoever changed them by hand had a reason. What is asked for may have landed without its answer.
        if observed != traffic.set && observed != to && !traffic.unsure && !is_on_the_way {
            return Some(format!("green is at {observed}, and this release set {}", traffic.set));
        }
        if !driver.is_side_by_side() {
            // Neither side is there to be looked at beforehand: what comes up is part of the shift.
            return self.alarm_in_the_way(of);
        }
        if observed > to && !self.is_blue_enough(of) {
            return Some("blue has too few healthy targets to take traffic back".to_owned());
        }
        if !self.is_green_up(of) {
            let wanted = self.wanted(of, Side::Green);
            let healthy = component.capacities.as_ref().map(|both| both.green.healthy);
            return Some(match healthy {
                Some(healthy) => format!("green has {healthy} of {wanted} healthy targets"),
                None => "green's capacity has not been read yet".to_owned(),
            });
        }
        self.alarm_in_the_way(of)
    }

    fn alarm_in_the_way(&self, of: ComponentIndex) -> Option<String> {
        if self.leaves_harm() {
            return None;
        }
        let component = self.at(of);
        if component.alarms_lost.is_some() {
            return Some("the alarms cannot be read".to_owned());
        }
        component.firing.first().map(|alarm| format!("alarm {} is firing", alarm.name))
    }

    /// Stops, at its next pause, a shift that goes on only while it is told to.
    pub(super) fn stop_raising(&mut self) {
        for of in self.release.components.indices() {
            if self.driver(of) == Driver::Native {
                self.cancel_where(
                    |effect| matches!(effect, Effect::SetWeight { component, green } if *component == of && *green > Percent::ZERO),
                );
            }
        }
    }

    /// Goes back with a deployment inside AWS that has gone another way than forward by itself: a circuit breaker, an
    /// alarm, a pause that nobody answered, or somebody else. Whether it did.
    pub(super) fn follow_back(&mut self) -> bool {
        let Some(why) = self.release.components.indices().find_map(|of| self.is_given_up(of)) else { return false };
        if self.leaves_harm() {
            let is_news = self.release.hold.is_none();
            self.hold(why);
            return is_news;
        }
        self.go_back(why, None);
        true
    }

    fn is_given_up(&self, of: ComponentIndex) -> Option<String> {
        let component = self.at(of);
        let deployment = component.capacities.as_ref()?.deployment.as_ref()?;
        let is_ours = component.task_definition.as_ref() == Some(&deployment.task_definition);
        // Before it is up, the stage that brings it up says what its failure leads to.
        let deploy = self.release.deploy_stage(of).and_then(|index| self.release.stages.get(index));
        let is_up = deploy.is_none_or(|stage| stage.status == StageStatus::Passed);
        (self.driver(of).is_deployment() && deployment.course.is_given_up() && is_ours && is_up).then(|| {
            let deployer = self.driver(of).deployer();
            format!("{}{deployer} went back by itself: {}", self.whose(of), deployment.why_given_up())
        })
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
    pub(super) fn weight_set(&mut self, of: ComponentIndex, green: Percent, outcome: Outcome) {
        let failure = match outcome {
            Outcome::Failed(failure) => Some(failure.message),
            _ => None,
        };
        if let Some(failure) = failure {
            if let Some(index) = self.shifting(of).filter(|index| self.is_running(*index)) {
                self.fail(index, format!("the weight {green} could not be set: {failure}"));
            }
            return;
        }
        let now = self.now;
        let traffic = &mut self.at_mut(of).traffic;
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

    fn settle(&mut self, of: ComponentIndex, stage: usize, index: usize, step: ShiftStep, since: Timestamp) -> bool {
        if !self.is_settled_at(of, step.weight) {
            let is_ignored = self.now >= since + SETTLE && !self.is_setting_weight(of);
            if is_ignored && self.raise_is_blocked(of, step.weight).is_none() {
                // Accepted, and not there: ask again.
                self.enter(stage, index, StepPhase::Settling { since: self.now });
                self.ask(Effect::SetWeight { component: of, green: step.weight });
                return true;
            }
            return self.time_out_step(stage, since);
        }
        let until = self.now + step.bake;
        let component = self.at_mut(of);
        component.waived.clear();
        component.verdicts.clear();
        self.enter(stage, index, StepPhase::Baking { since: self.now, until });
        self.note(stage, &format!("{} baking", step.weight));
        let whose = self.whose(of);
        let text = format!("{whose}green observed at {}, baking for {}", step.weight, Elapsed(step.bake));
        self.turn(Tone::Good, text, None);
        self.promotion_observed(stage);
        self.tell_step(of, step);
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
        of: ComponentIndex,
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
        if self.is_evidence_in(of) {
            self.leave_step(stage, index, step, "the gate opened: all signals within their limits".to_owned(), None);
            return true;
        }
        let missing = self.missing_evidence(of);
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
                let whose = self.component_of(stage).map(|of| self.whose(of)).unwrap_or_default();
                self.turn(Tone::Plain, format!("{whose}{} → {}: {why}", step.weight, next.weight), by);
                self.enter(stage, index + 1, StepPhase::Raising { since: self.now });
            }
            None => {
                self.line(Tone::Plain, why, by);
                self.pass(stage, format!("green at {}", step.weight));
                self.promotion_observed(stage);
            }
        }
    }

    /// Goes to the last step now.
    pub(super) fn jump_to_last(&mut self, stage: usize, by: String) {
        let Some(last) = self.shift_plan(stage).map(|plan| plan.steps.len().saturating_sub(1)) else { return };
        let Some(of) = self.component_of(stage) else { return };
        self.cancel_where(|effect| effect.sets_weight_of(of));
        let text = format!("{}straight to 100 %", self.whose(of));
        self.turn(Tone::Plain, text, Some(by));
        self.enter(stage, last, StepPhase::Raising { since: self.now });
    }

    /// Whether it goes back to an earlier release. What fires or lacks then speaks of what it leaves.
    pub(super) fn leaves_harm(&self) -> bool {
        self.release.plan.origin.earlier().is_some()
    }

    /// Whether every signal that can hold the release up speaks for it. No verdict at all speaks for nothing.
    pub(super) fn is_evidence_in(&self, of: ComponentIndex) -> bool {
        if self.leaves_harm() {
            return true;
        }
        let component = self.at(of);
        // A human has seen a waived failure and gone on. Silence is never excused.
        let is_waived = |verdict: &Verdict| {
            matches!(verdict.ruling, Ruling::Fail | Ruling::Marginal) && component.waived.contains(&verdict.signal)
        };
        let judged = self.release.plan.components[of].signals.iter().all(|signal| {
            let mut verdicts = component.verdicts.iter().filter(|verdict| verdict.signal == signal.name);
            verdicts.any(|verdict| verdict.opens_gate() || is_waived(verdict))
        });
        judged && component.firing.is_empty() && component.alarms_lost.is_none()
    }

    /// What keeps the gate shut, in words.
    pub(super) fn missing_evidence(&self, of: ComponentIndex) -> String {
        let component = self.at(of);
        let mut missing: Vec<String> = Vec::new();
        for signal in &self.release.plan.components[of].signals {
            match component.verdicts.iter().find(|verdict| verdict.signal == signal.name) {
                None => missing.push(format!("{} not judged yet", signal.name)),
                Some(verdict) if verdict.opens_gate() => {}
                Some(verdict) if verdict.ruling == Ruling::NoData && verdict.needed > verdict.samples => {
                    missing.push(format!("{} {} of {} requests", signal.name, verdict.samples, verdict.needed));
                }
                Some(verdict) => missing.push(format!("{} {}", signal.name, verdict.ruling.word())),
            }
        }
        missing.extend(component.firing.iter().map(|alarm: &FiringAlarm| format!("alarm {} firing", alarm.name)));
        missing.extend(component.alarms_lost.iter().map(|_| "the alarms cannot be read".to_owned()));
        missing.join(", ")
    }

    /// Goes back when an alarm fires while green has traffic, or has begun to since the gates were passed; whether it did.
    pub(super) fn give_up_alarmed(&mut self) -> bool {
        if self.leaves_harm() {
            return false;
        }
        let gates_passed = super::gate::passed_since(self.release);
        let alarmed = self.release.components.indices().find_map(|of| {
            let is_judged = self.is_being_judged(of);
            let is_news = |alarm: &&FiringAlarm| is_judged || gates_passed.is_some_and(|since| alarm.since > since);
            let alarm = self.at(of).firing.iter().find(is_news)?;
            Some(format!("{}alarm {} fires", self.whose(of), alarm.name))
        });
        let Some(why) = alarmed else { return false };
        self.go_back(why, None);
        true
    }

    /// Rolls back when green has been short of healthy targets for too long, in whichever stage; whether it did.
    pub(super) fn give_up_unhealthy(&mut self) -> bool {
        let Some(why) = self.release.components.indices().find_map(|of| self.is_unhealthy(of)) else { return false };
        if self.leaves_harm() {
            // What it would turn round to is what it leaves, and what that made of the data may be gone already.
            let is_news = self.release.hold.is_none();
            self.hold(why);
            return is_news;
        }
        self.go_back(why, None);
        true
    }

    fn is_unhealthy(&self, of: ComponentIndex) -> Option<String> {
        let component = self.at(of);
        let grace = self.release.plan.shift(of)?.unhealthy_for;
        let since = component.unhealthy_since.filter(|_| component.is_green_live())?;
        let green = component.capacities.as_ref()?.green.healthy;
        if green > 0 && self.now < since + grace {
            return None;
        }
        let wanted = self.wanted(of, Side::Green);
        Some(format!("{}green has {green} of {wanted} healthy targets", self.whose(of)))
    }

    /// After an engine was lost, time that nobody watched does not count as baked.
    pub(super) fn restart_bakes(&mut self) {
        let active: Vec<usize> = self.release.active().collect();
        for stage in active {
            self.restart_bake(stage);
        }
    }

    fn restart_bake(&mut self, stage: usize) {
        let Some((_, state)) = self.stage(stage) else { return };
        let at_work = matches!(state.status, StageStatus::Running | StageStatus::Waiting);
        let Work::Step { index, phase } = state.work else { return self.restart_watch(stage) };
        if !at_work {
            return;
        }
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

    /// Whether green takes more and more traffic by AWS's own clock, held or not.
    pub(super) fn cannot_be_held(&self) -> bool {
        self.release.unwinding.is_none()
            && self.release.ended.is_none()
            && self.release.components.iter().any(|(of, component)| {
                let is_whole = component.traffic.observed == Some(Percent::FULL);
                self.release.has_its_own_clock(of) && component.has_shifted() && !is_whole
            })
    }

    /// Holds the release by its own decision.
    pub(super) fn hold(&mut self, why: String) {
        if self.release.hold.is_some() {
            return;
        }
        if self.cannot_be_held() && !self.leaves_harm() {
            let deployers = self.release.components.indices().filter(|of| self.release.has_its_own_clock(*of));
            let deployer = deployers.map(|of| self.driver(of).deployer()).next().unwrap_or("ECS");
            return self.go_back(format!("{why}; {deployer} goes on by itself and cannot be held"), None);
        }
        self.release.hold = Some(Hold { since: self.now, by: None, why: why.clone() });
        self.stop_raising();
        self.turn(Tone::Warning, format!("paused: {why}"), None);
        self.tell_paused(&why);
    }

    /// Whether verdicts may act now: green takes production traffic and the release still goes forward.
    pub(super) fn is_being_judged(&self, of: ComponentIndex) -> bool {
        let component = self.at(of);
        self.release.unwinding.is_none()
            && self.release.ended.is_none()
            && self.release.begun.is_some()
            && component.is_green_live()
            && !is_in_phase(self.release, of, |phase| {
                matches!(phase, StepPhase::Raising { .. }) && component.traffic.observed.is_none()
            })
    }
}
