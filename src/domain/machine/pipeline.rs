//! Going forward, stage by stage.

use super::Machine;
use crate::domain::capacity::CRASH_LOOP;
use crate::domain::command::Actor;
use crate::domain::components::ComponentIndex;
use crate::domain::effect::{CheckResult, Effect, Outcome};
use crate::domain::gate::GateVoices;
use crate::domain::ids::{Side, TaskDefinitionArn};
use crate::domain::percent::Percent;
use crate::domain::plan::{OnFailure, StageKind, StagePlan, VerifyPlan};
use crate::domain::release::{Ending, Release, Stage, StageStatus, Tone, Work};
use crate::domain::time::Timestamp;

/// When a running stage wants to be looked at again.
pub(super) fn deadlines(release: &Release) -> impl Iterator<Item = Timestamp> {
    let active = release.active().filter_map(|index| release.plan.stage(index).zip(release.stages.get(index)));
    let running =
        active.filter(|(_, stage)| stage.status == StageStatus::Running && !matches!(stage.work, Work::Step { .. }));
    let bounds = running.flat_map(|(plan, stage)| {
        let watch = match stage.work {
            Work::Until(until) => Some(until),
            Work::Idle
            | Work::Asked
            | Work::Part(_)
            | Work::Registering(_)
            | Work::Confirming
            | Work::Settling
            | Work::Step { .. } => None,
        };
        watch.into_iter().chain(bound(plan, stage))
    });
    bounds.chain(super::gate::deadlines(release))
}

/// When the time of a stage that has begun is up. A shift has a bound for each weight instead.
pub(in crate::domain) fn bound(plan: &StagePlan, stage: &Stage) -> Option<Timestamp> {
    Some(stage.started? + plan.timeout + plan.kind.waits())
}

/// Findings of a failed stage that are told in a sentence; the table has all of them.
const TOLD: usize = 3;

impl Machine<'_> {
    /// Moves one stage of those whose turn it is by one; whether any did.
    pub(super) fn go_forward(&mut self) -> bool {
        let active: Vec<usize> = self.release.active().collect();
        if active.is_empty() {
            return self.finish();
        }
        active.into_iter().any(|index| self.go_on(index))
    }

    fn go_on(&mut self, index: usize) -> bool {
        let Some((_, stage)) = self.stage(index) else { return false };
        match stage.status {
            StageStatus::Pending => self.release.hold.is_none() && !self.waits_for_stop(index) && self.start(index),
            StageStatus::Running => self.work(index),
            StageStatus::Waiting => self.wait(index),
            StageStatus::Passed | StageStatus::Failed | StageStatus::Skipped | StageStatus::Undone => false,
        }
    }

    /// All stages are done. Success is what was seen, not what was asked for.
    fn finish(&mut self) -> bool {
        let mut components = self.release.components.indices();
        if components.any(|of| self.release.plan.shift(of).is_some() && !self.is_settled_at(of, Percent::FULL)) {
            return false;
        }
        if self.is_stopping_any() {
            return false;
        }
        let versions = self.release.plan.components.iter();
        let mut versions: Vec<String> = versions.map(|(_, component)| component.to.to_string()).collect();
        versions.dedup();
        let why = format!("{} serves", versions.join(", "));
        self.end(Ending::Succeeded, why);
        true
    }

    fn start(&mut self, index: usize) -> bool {
        let Some((plan, _)) = self.stage(index) else { return false };
        let (kind, name) = (plan.kind.clone(), plan.name.clone());
        let now = self.now;
        if matches!(kind, StageKind::Build(_)) && self.release.plan.origin.forbids_building() {
            let how = self.release.plan.origin.words().unwrap_or_default();
            self.leave_out(index, format!("nothing is built: {how}"));
            return true;
        }
        self.edit_stage(index, |stage| {
            stage.status = StageStatus::Running;
            stage.started = Some(now);
            stage.ended = None;
            stage.attempts = stage.attempts.saturating_add(1);
            stage.note = String::new();
            stage.checks.clear();
            stage.output.clear();
            stage.voices = GateVoices::default();
            stage.work = Work::Asked;
        });
        self.turn(Tone::Plain, format!("{name} begins"), None);
        match kind {
            StageKind::Gate(_) => {
                self.ask(Effect::CheckGate { stage: index });
            }
            StageKind::Build(_)
            | StageKind::Command(_)
            | StageKind::Task(_)
            | StageKind::Migrate(_)
            | StageKind::Load(_)
            | StageKind::Flag(_) => {
                let begun = self.stage(index).map_or(0, |(_, stage)| stage.parts);
                self.start_part(index, kind.resumes_at(begun));
            }
            StageKind::WarmUp(_) => {
                self.ask(Effect::WarmUp { stage: index });
            }
            StageKind::Wait(wait) => {
                let until = now + wait.span;
                self.edit_stage(index, |stage| stage.work = Work::Until(until));
            }
            StageKind::Deploy => self.start_deploy(index),
            StageKind::Smoke(_) => {
                self.ask(Effect::RunChecks { stage: index });
            }
            StageKind::Shift(_) => self.start_shift(index),
            StageKind::Verify(verify) => self.start_verify(index, &verify),
            StageKind::Notify => {
                self.tell_stage(index);
                self.pass(index, "sent on its way".to_owned());
            }
            StageKind::StatusPage(page) => {
                let note = page.status.word().to_owned();
                self.tell_status_page(index, page);
                self.pass(index, note);
            }
            StageKind::Cleanup(cleanup) => {
                let until = now + cleanup.hold;
                self.edit_stage(index, |stage| stage.work = Work::Until(until));
                self.note(index, "blue stays warm: a rollback is one call until then");
            }
        }
        true
    }

    fn work(&mut self, index: usize) -> bool {
        let Some((plan, stage)) = self.stage(index) else { return false };
        let (bound, work) = (bound(plan, stage).unwrap_or(self.now + plan.timeout), stage.work);
        match &plan.kind {
            StageKind::Shift(_) => self.shift(index),
            StageKind::Deploy => self.deploy(index) || self.time_out(index, bound),
            StageKind::Verify(_) => self.verify(index, work, bound),
            StageKind::Cleanup(_) => self.clean_up(index, work, bound),
            StageKind::Wait(_) => self.wait_over(index, work),
            StageKind::Gate(_) => self.work_gate(index, work, bound),
            StageKind::Build(_)
            | StageKind::Command(_)
            | StageKind::Task(_)
            | StageKind::Migrate(_)
            | StageKind::Smoke(_)
            | StageKind::WarmUp(_)
            | StageKind::Load(_)
            | StageKind::Flag(_)
            | StageKind::Notify
            | StageKind::StatusPage(_) => self.time_out(index, bound),
        }
    }

    /// Fails the stage if its time is up; whether it was.
    pub(super) fn time_out(&mut self, index: usize, bound: Timestamp) -> bool {
        if self.now < bound {
            return false;
        }
        let seconds = self.stage(index).map(|(plan, _)| plan.timeout.as_secs()).unwrap_or_default();
        let met = self
            .release
            .in_flight
            .iter()
            .filter(|flight| self.owns(index, &flight.intent.effect))
            .find_map(|flight| flight.error.clone())
            .map(|error| format!("; last: {error}"))
            .unwrap_or_default();
        self.fail(index, format!("not done within its time-out of {seconds} s{met}"));
        true
    }

    /// A stage that waits for a human: nothing to do but to see whether the gate's evidence has come.
    fn wait(&mut self, index: usize) -> bool {
        match self.stage(index).map(|(plan, _)| &plan.kind) {
            Some(StageKind::Shift(_)) => self.shift(index),
            Some(StageKind::Gate(_)) => self.wait_gate(index),
            _ => false,
        }
    }

    /// A stage did not work.
    pub(super) fn fail(&mut self, index: usize, why: String) {
        let now = self.now;
        let Some((plan, _)) = self.stage(index) else { return };
        let (name, on_failure) = (plan.name.to_string(), plan.on_failure);
        let why_kept = why.clone();
        self.edit_stage(index, |stage| {
            stage.status = StageStatus::Failed;
            stage.ended = Some(now);
            stage.work = Work::Idle;
            stage.note = why_kept;
        });
        self.cancel_stage(index);
        self.turn(Tone::Bad, format!("{name} failed: {why}"), None);
        match on_failure {
            OnFailure::Rollback => self.go_back(format!("{name} failed: {why}"), None),
            OnFailure::Wait => self.tell_waiting(index, &why),
        }
    }

    /// A gate's conditions or HTTP checks have been looked at.
    pub(super) fn checks_ended(&mut self, index: usize, outcome: Outcome) {
        if !self.is_running(index) {
            return;
        }
        let results = match outcome {
            Outcome::Checked(results) => results,
            Outcome::NotYet { results, until } => return self.gate_not_yet(index, results, until),
            Outcome::Failed(failure) => return self.fail(index, failure.message),
            Outcome::Exited { .. }
            | Outcome::NeverRan { .. }
            | Outcome::Misreported { .. }
            | Outcome::Measured { .. }
            | Outcome::Built { .. }
            | Outcome::Registered(_)
            | Outcome::Done => return,
        };
        let mut failed: Vec<String> = results.iter().filter(|result| !result.passed).map(ToString::to_string).collect();
        if let Some(more) = failed.len().checked_sub(TOLD).filter(|more| *more > 0) {
            failed.truncate(TOLD);
            failed.push(format!("and {more} more"));
        }
        let note = tally(&results);
        self.edit_stage(index, |stage| stage.checks = results);
        if !failed.is_empty() {
            return self.fail(index, failed.join("; "));
        }
        let Some((plan, _)) = self.stage(index) else { return };
        match &plan.kind {
            StageKind::Gate(_) => self.gate_holds(index, note),
            StageKind::Verify(verify) => {
                let until = self.now + verify.watch;
                self.edit_stage(index, |stage| stage.work = Work::Until(until));
                self.note(index, &note);
            }
            _ => self.pass(index, note),
        }
    }

    fn start_deploy(&mut self, index: usize) {
        let Some(of) = self.component_of(index) else { return };
        self.note(index, "registering the task definition");
        match self.at(of).task_definition.clone() {
            Some(arn) => self.bring_up(of, index, arn),
            None => self.register(of),
        }
    }

    /// Green's task definition is there, or not: whatever waits for it goes on.
    pub(super) fn registered(&mut self, of: ComponentIndex, outcome: Outcome) {
        let arn = match outcome {
            Outcome::Registered(arn) => Ok(arn),
            Outcome::Failed(failure) => Err(failure.message),
            _ => return,
        };
        if let Ok(arn) = &arn {
            let text = format!("{}task definition {} registered", self.whose(of), arn.short());
            self.line(Tone::Plain, text, None);
            self.at_mut(of).task_definition = Some(arn.clone());
        }
        let waiting: Vec<usize> = self.release.active().filter(|index| self.waits_for_definition(*index, of)).collect();
        for index in waiting {
            match (&arn, self.stage(index).map(|(_, stage)| stage.work)) {
                (Err(why), _) => self.fail(index, why.clone()),
                (Ok(_), Some(Work::Registering(part))) => self.start_part(index, part),
                (Ok(arn), _) => self.bring_up(of, index, arn.clone()),
            }
        }
    }

    pub(super) fn waits_for_definition(&self, index: usize, of: ComponentIndex) -> bool {
        self.is_running(index)
            && self.definition_component(index) == of
            && self.stage(index).is_some_and(|(plan, stage)| match stage.work {
                Work::Registering(_) => true,
                Work::Asked => matches!(plan.kind, StageKind::Deploy),
                _ => false,
            })
    }

    fn bring_up(&mut self, of: ComponentIndex, index: usize, arn: TaskDefinitionArn) {
        if !self.driver(of).is_side_by_side() {
            self.pass(index, "nothing is started beside blue: its tasks are replaced in the shift".to_owned());
            return;
        }
        let desired = self.wanted(of, Side::Green);
        self.note(index, &format!("starting {desired} tasks"));
        self.ask(Effect::Scale { component: of, side: Side::Green, desired, task_definition: Some(arn) });
    }

    /// A service has taken a new size, or not.
    pub(super) fn scaled(
        &mut self,
        of: ComponentIndex,
        side: Side,
        desired: u32,
        with_definition: bool,
        outcome: Outcome,
    ) {
        let failure = match outcome {
            Outcome::Failed(failure) => Some(failure.message),
            _ => None,
        };
        if self.release.unwinding.is_some() {
            return self.scaled_going_back(of, side, failure);
        }
        // What was read before says nothing about what comes up, or goes down, now.
        self.forget_capacity(of);
        let is_at_work = |index: &usize| {
            self.component_of(*index) == Some(of)
                && self.is_running(*index)
                && match self.release.plan.stage(*index).map(|plan| &plan.kind) {
                    Some(StageKind::Deploy) => side == Side::Green,
                    Some(StageKind::Cleanup(_)) => side == Side::Blue,
                    _ => false,
                }
        };
        let Some(index) = self.release.active().find(is_at_work) else { return };
        if let Some(failure) = failure {
            return self.fail(index, failure);
        }
        match self.release.plan.stage(index).map(|plan| &plan.kind) {
            Some(StageKind::Deploy) if with_definition => {
                self.edit_stage(index, |stage| stage.work = Work::Settling);
                self.note(index, &format!("waiting for {desired} healthy targets"));
            }
            Some(StageKind::Cleanup(_)) => self.pass(index, "blue scaled down".to_owned()),
            _ => {}
        }
    }

    /// Whether deploying moved on: green is up, or will never be.
    fn deploy(&mut self, index: usize) -> bool {
        let Some((plan, stage)) = self.stage(index) else { return false };
        let Some(of) = plan.component.filter(|_| stage.work == Work::Settling) else { return false };
        let Some(green) = self.at(of).capacities.as_ref().map(|both| both.green.clone()) else { return false };
        let wanted = self.wanted(of, Side::Green);
        if Some(&green.task_definition) != self.at(of).task_definition.as_ref() {
            // What was read is older than what was asked for.
            return false;
        }
        let trouble = green.trouble.clone().unwrap_or_else(|| "no reason given".to_owned());
        if green.rollout_failed {
            self.fail(index, format!("{trouble} (ECS gave the deployment up)"));
            return true;
        }
        if green.failed_tasks >= CRASH_LOOP {
            self.fail(index, format!("{trouble} ({} tasks died at start)", green.failed_tasks));
            return true;
        }
        self.note(index, &format!("{}/{wanted} running, {}/{wanted} healthy", green.running, green.healthy));
        if self.is_green_up(of) {
            self.pass(index, format!("{wanted}/{wanted} healthy"));
            return true;
        }
        false
    }

    /// Whether green runs the new version on all its tasks, all healthy.
    pub(super) fn is_green_up(&self, of: ComponentIndex) -> bool {
        let wanted = self.wanted(of, Side::Green);
        let component = self.at(of);
        component.capacities.as_ref().is_some_and(|both| {
            both.green.steady
                && both.green.running >= wanted
                && both.green.healthy >= wanted
                && component.task_definition.as_ref().is_none_or(|arn| *arn == both.green.task_definition)
        })
    }

    fn start_verify(&mut self, index: usize, verify: &VerifyPlan) {
        if verify.checks.is_empty() {
            let until = self.now + verify.watch;
            self.edit_stage(index, |stage| stage.work = Work::Until(until));
        } else {
            self.ask(Effect::RunChecks { stage: index });
        }
    }

    /// Asks for green's task definition, once.
    pub(super) fn register(&mut self, of: ComponentIndex) {
        let is_asked = self
            .is_in_flight(|effect| matches!(effect, Effect::RegisterTaskDefinition { component } if *component == of));
        if !is_asked {
            self.ask(Effect::RegisterTaskDefinition { component: of });
        }
    }

    fn wait_over(&mut self, index: usize, work: Work) -> bool {
        let is_over = matches!(work, Work::Until(until) if self.now >= until);
        if !is_over || self.release.hold.is_some() {
            return false;
        }
        self.pass(index, String::new());
        true
    }

    fn verify(&mut self, index: usize, work: Work, bound: Timestamp) -> bool {
        let Work::Until(until) = work else { return self.time_out(index, bound) };
        if self.now < until || self.release.hold.is_some() {
            return false;
        }
        let missing = self.evidence_missing_for(index);
        if missing.is_empty() {
            self.pass(index, "all signals within their limits".to_owned());
            return true;
        }
        self.note(index, &format!("waiting for evidence: {missing}"));
        if self.now < bound {
            return false;
        }
        self.fail(index, format!("no sufficient evidence: {missing}"));
        true
    }

    /// What is still missing of the evidence on a stage's component, or on all of them; empty when all is there.
    fn evidence_missing_for(&self, index: usize) -> String {
        let only = self.component_of(index);
        let components = self.release.components.indices().filter(|of| only.is_none_or(|only| only == *of));
        let missing = components.filter(|of| !self.is_evidence_in(*of));
        let missing: Vec<String> =
            missing.map(|of| format!("{}{}", self.whose(of), self.missing_evidence(of))).collect();
        missing.join("; ")
    }

    fn clean_up(&mut self, index: usize, work: Work, bound: Timestamp) -> bool {
        let Some((of, until)) = self.component_of(index).zip(match work {
            Work::Until(until) => Some(until),
            _ => None,
        }) else {
            return self.time_out(index, bound);
        };
        if self.now < until || self.release.hold.is_some() {
            return false;
        }
        if let Some(other) = self.blue_is_another_s(of) {
            self.leave_out(
                index,
                format!("left alone: blue runs {other} by now, which is not this release's to take down"),
            );
            self.turn(
                Tone::Warning,
                format!("{}: blue runs {other} by now, and is left alone", self.stage_name(index)),
                None,
            );
            return true;
        }
        if let Some(why) = self.blue_is_needed(of) {
            self.note(index, &format!("blue stays up: {why}"));
            return self.time_out(index, bound);
        }
        self.edit_stage(index, |stage| stage.work = Work::Asked);
        self.note(index, "scaling blue down");
        self.ask(Effect::Scale { component: of, side: Side::Blue, desired: 0, task_definition: None });
        true
    }

    /// A new release takes over during the warm hold. Blue is left as it is: it becomes the new release's green, whose tasks
    /// are replaced when that is deployed, and green here, which serves, becomes what the new release goes back to.
    pub(super) fn superseded(&mut self, by: &Actor) {
        if self.release.warm_hold().is_none_or(|hold| hold.is_ending) {
            return;
        }
        let stages = self.release.stages.iter().enumerate();
        let left: Vec<usize> = stages.filter(|(_, stage)| !stage.status.is_done()).map(|(index, _)| index).collect();
        for index in left {
            self.leave_out(index, "superseded: a new release takes blue over".to_owned());
        }
        let text = "the warm hold ends: a new release takes over, and blue is left to it".to_owned();
        self.turn(Tone::Plain, text, Some(by.name.clone()));
    }

    /// What blue runs, when it is no longer what it ran when the release was made: somebody else has use for it.
    fn blue_is_another_s(&self, of: ComponentIndex) -> Option<String> {
        let known = &self.release.plan.components[of].sides.as_ref()?.blue.task_definition;
        let blue = &self.at(of).capacities.as_ref()?.blue;
        let is_known = blue.unread.is_some() || blue.desired == 0 || blue.task_definition == *known;
        (!is_known).then(|| blue.task_definition.short().to_owned())
    }

    /// What speaks against taking blue down now.
    fn blue_is_needed(&self, of: ComponentIndex) -> Option<&'static str> {
        if !self.is_settled_at(of, Percent::FULL) {
            return Some("green is not observed at 100 %");
        }
        if !self.is_green_up(of) {
            return Some("green is not fully healthy");
        }
        let component = self.at(of);
        if !component.firing.is_empty() || component.alarms_lost.is_some() {
            return Some("an alarm fires or cannot be read");
        }
        None
    }

    pub(super) fn is_running(&self, index: usize) -> bool {
        self.release.unwinding.is_none()
            && self.release.ended.is_none()
            && self.stage(index).is_some_and(|(_, stage)| stage.status == StageStatus::Running)
    }
}

/// `14/14`, or nothing when there was nothing to check.
pub(super) fn tally(results: &[CheckResult]) -> String {
    if results.is_empty() {
        return String::new();
    }
    let (passed, all) = CheckResult::tally(results);
    format!("{passed}/{all}")
}
