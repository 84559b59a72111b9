//! Going back: traffic first, then the stages, from the last to the first.

use std::time::Duration;

use super::Machine;
use crate::domain::command::Actor;
use crate::domain::effect::{Effect, Outcome};
use crate::domain::ids::Side;
use crate::domain::percent::Percent;
use crate::domain::plan::StageKind;
use crate::domain::release::{Ending, Release, StageStatus, Tone, UnwindPhase, Unwinding, Work};
use crate::domain::time::{Elapsed, Timestamp};

/// A read that still shows green's weight this long after zero was accepted is answered by asking for zero again.
const ASK_AGAIN: Duration = Duration::from_secs(5);

/// A call that was given up may take effect this much later: the longest that one call may take.
const LANDING: Duration = Duration::from_secs(15);

/// When the way back wants to be looked at again.
pub(super) fn deadlines(release: &Release) -> impl Iterator<Item = Timestamp> {
    let unwinding = release.unwinding.as_ref();
    let is_restoring = unwinding.is_some_and(|unwinding| unwinding.phase == UnwindPhase::Traffic);
    let escalation = unwinding.filter(|unwinding| is_restoring && !unwinding.escalated);
    let escalation = escalation.map(|unwinding| unwinding.since + release.plan.rollback.escalate_after);
    let landing = unwinding.and_then(|unwinding| unwinding.not_before);
    let is_undoing = unwinding.is_some() && !is_restoring;
    let undo = release
        .stages
        .iter()
        .zip(&release.plan.stages)
        .enumerate()
        .filter(move |(_, (stage, _))| is_undoing && stage.work == Work::Asked && stage.status == StageStatus::Running)
        .filter_map(|(index, (_, plan))| undo_asked(release, index).map(|asked| asked + plan.timeout));
    escalation.into_iter().chain(landing).chain(undo)
}

/// When the undo of a stage was asked for, if it is under way.
fn undo_asked(release: &Release, index: usize) -> Option<Timestamp> {
    let is_undo = |effect: &Effect| match effect {
        Effect::UndoCommand { stage } => *stage == index,
        Effect::Scale { side: Side::Green, .. } => release.deploy_stage() == Some(index),
        _ => false,
    };
    release.in_flight.iter().find(|flight| is_undo(&flight.intent.effect)).map(|flight| flight.since)
}

impl Machine<'_> {
    /// Turns the release round. From here on nothing raises green's weight.
    pub(super) fn go_back(&mut self, cause: String, by: Option<&Actor>) {
        let ending = match (self.release.has_shifted(), by) {
            (true, _) => Ending::RolledBack,
            (false, Some(_)) => Ending::Aborted,
            (false, None) => Ending::Failed,
        };
        self.turn_round(cause, by, ending, true);
    }

    /// Turns the release round towards a given ending.
    pub(super) fn turn_round(&mut self, cause: String, by: Option<&Actor>, ending: Ending, undo: bool) {
        if self.release.unwinding.is_some() || self.release.ended.is_some() {
            return;
        }
        let is_blue_doubtful = self.was_blue_taken_down();
        self.cancel_all();
        self.release.hold = None;
        self.stop_current_stage();
        self.overtake_orders();
        let not_before = self.release.traffic.unsure.then(|| self.now + LANDING);
        self.release.unwinding = Some(Unwinding {
            not_before,
            since: self.now,
            cause: cause.clone(),
            by: by.cloned(),
            ending,
            undo,
            phase: UnwindPhase::Traffic,
            escalated: false,
            restored: None,
            trouble: None,
        });
        let verb = if self.release.has_shifted() { "rolling back" } else { "stopping" };
        // A stage that failed has just said why.
        let is_said = self.release.timeline.last().is_some_and(|last| last.text == cause);
        let text = if is_said { verb.to_owned() } else { format!("{verb}: {cause}") };
        self.turn(Tone::Bad, text, by.map(|actor| actor.name.clone()));
        self.tell_going_back(&cause);
        if is_blue_doubtful && self.release.has_shifted() {
            self.bring_blue_up_again();
        }
    }

    /// Whether blue was asked to go. Whatever became of that, a capacity read before says nothing any more.
    fn was_blue_taken_down(&self) -> bool {
        self.release.plan.stages.iter().zip(&self.release.stages).any(|(plan, stage)| {
            matches!(plan.kind, StageKind::Cleanup(_))
                && (stage.work == Work::Asked || matches!(stage.status, StageStatus::Passed | StageStatus::Failed))
        })
    }

    fn bring_blue_up_again(&mut self) {
        let wanted = self.release.plan.sides.blue.desired;
        self.line(Tone::Warning, format!("blue was being taken down: {wanted} tasks wanted again"), None);
        self.forget_capacity();
        self.ask(Effect::Scale { side: Side::Blue, desired: wanted, task_definition: None });
    }

    fn stop_current_stage(&mut self) {
        let Some(index) = self.release.current() else { return };
        let Some((_, stage)) = self.stage(index) else { return };
        if matches!(stage.status, StageStatus::Running | StageStatus::Waiting) {
            let now = self.now;
            self.edit_stage(index, |stage| {
                stage.status = StageStatus::Failed;
                stage.ended = Some(now);
                stage.work = Work::Idle;
                if !stage.note.is_empty() {
                    stage.note.insert_str(0, "stopped: ");
                }
            });
        }
    }

    /// Moves the way back by one; whether it did.
    pub(super) fn unwind(&mut self) -> bool {
        match self.release.unwinding.as_ref().map(|unwinding| unwinding.phase) {
            Some(UnwindPhase::Traffic) => self.restore_traffic(),
            Some(UnwindPhase::Undo { .. }) if self.is_green_seen_live() => self.restore_traffic_again(),
            Some(UnwindPhase::Undo { left }) => self.undo_next(left),
            None => false,
        }
    }

    fn is_green_seen_live(&self) -> bool {
        self.release.traffic.observed.is_some_and(|green| green > Percent::ZERO)
    }

    /// Somebody else, or a call that landed late, has given green traffic: nothing is taken down under it.
    fn restore_traffic_again(&mut self) -> bool {
        self.cancel_where(|effect| matches!(effect, Effect::Scale { side: Side::Green, .. }));
        if let Some(index) = self.release.deploy_stage().filter(|index| self.is_undoing(*index)) {
            self.edit_stage(index, |stage| {
                stage.status = StageStatus::Failed;
                stage.work = Work::Idle;
            });
        }
        self.line(Tone::Bad, "green was seen with traffic again: bringing it back first".to_owned(), None);
        self.edit_unwinding(|unwinding| {
            unwinding.phase = UnwindPhase::Traffic;
            if unwinding.ending == Ending::Failed {
                unwinding.ending = Ending::RolledBack;
            }
        });
        true
    }

    fn edit_unwinding(&mut self, edit: impl FnOnce(&mut Unwinding)) {
        if let Some(unwinding) = &mut self.release.unwinding {
            edit(unwinding);
            self.reaction.changed = true;
        }
    }

    fn restore_traffic(&mut self) -> bool {
        if !self.release.has_shifted() {
            return self.begin_undo();
        }
        if self.is_back() {
            let now = self.now;
            let (restored, not_before) =
                self.release.unwinding.as_ref().map(|back| (back.restored, back.not_before)).unwrap_or_default();
            if restored.is_some() {
                return not_before.is_none_or(|not_before| now >= not_before) && self.begin_undo();
            }
            self.edit_unwinding(|unwinding| unwinding.restored = Some(now));
            let since = self.release.unwinding.as_ref().map_or(now, |unwinding| unwinding.since);
            self.line(Tone::Good, format!("all traffic observed on blue after {}", Elapsed(now.since(since))), None);
            return true;
        }
        self.escalate_if_late();
        if self.was_blue_taken_down() && self.is_scaling_blue() {
            // Healthy targets that are still seen may be on their way out.
            return false;
        }
        if !self.is_blue_enough() {
            return self.scale_blue_first();
        }
        self.ask_for_blue()
    }

    /// Blue was seen to have all the traffic, and healthy targets to take it.
    fn is_back(&self) -> bool {
        self.is_settled_at(Percent::ZERO) && self.is_blue_enough()
    }

    pub(super) fn is_blue_enough(&self) -> bool {
        let wanted = self.release.plan.sides.blue.desired;
        let rollback = self.release.plan.rollback;
        // Targets that are still healthy while their service is being taken down will not be for long.
        self.release
            .capacities
            .as_ref()
            .is_some_and(|both| rollback.is_enough(both.blue.healthy.min(both.blue.desired), wanted))
    }

    /// Traffic is never sent where nobody can take it: blue comes up first.
    fn scale_blue_first(&mut self) -> bool {
        let wanted = self.release.plan.sides.blue.desired;
        let Some(blue) = self.release.capacities.as_ref().map(|both| both.blue.clone()) else { return false };
        if self.is_scaling_blue() || blue.desired >= wanted {
            return false;
        }
        let text =
            format!("blue has {} of {wanted} healthy targets: scaling it up before traffic goes back", blue.healthy);
        self.line(Tone::Warning, text, None);
        self.ask(Effect::Scale { side: Side::Blue, desired: wanted, task_definition: None });
        true
    }

    fn is_scaling_blue(&self) -> bool {
        self.is_in_flight(|effect| matches!(effect, Effect::Scale { side: Side::Blue, .. }))
    }

    fn ask_for_blue(&mut self) -> bool {
        if self.is_setting_weight() {
            return false;
        }
        let traffic = self.release.traffic;
        let is_asked = traffic.set == Percent::ZERO
            && !traffic.unsure
            && traffic.drift_since.is_none_or(|since| self.now < since + ASK_AGAIN);
        if is_asked {
            return false;
        }
        self.release.traffic.drift_since = None;
        self.ask(Effect::SetWeight { green: Percent::ZERO });
        true
    }

    fn escalate_if_late(&mut self) {
        let Some(unwinding) = &self.release.unwinding else { return };
        if unwinding.escalated || self.now < unwinding.since + self.release.plan.rollback.escalate_after {
            return;
        }
        self.edit_unwinding(|unwinding| unwinding.escalated = true);
        let why = self.release.in_flight.iter().find_map(|flight| flight.error.clone()).unwrap_or_else(|| {
            if self.is_blue_enough() {
                "the weights still show green".to_owned()
            } else {
                "blue has too few healthy targets".to_owned()
            }
        });
        self.turn(Tone::Bad, format!("traffic is not back on blue yet: {why}; still trying"), None);
        self.tell_overdue(&why);
    }

    fn begin_undo(&mut self) -> bool {
        let stages = self.release.stages.len();
        let undo = self.release.unwinding.as_ref().is_some_and(|unwinding| unwinding.undo);
        self.edit_unwinding(|unwinding| unwinding.phase = UnwindPhase::Undo { left: if undo { stages } else { 0 } });
        true
    }

    fn undo_next(&mut self, left: usize) -> bool {
        let Some(index) = left.checked_sub(1) else { return self.arrive() };
        if self.is_undoing(index) {
            return self.undo_timed_out(index);
        }
        if !self.undo(index) {
            self.edit_unwinding(|unwinding| unwinding.phase = UnwindPhase::Undo { left: index });
        }
        true
    }

    fn is_undoing(&self, index: usize) -> bool {
        self.stage(index).is_some_and(|(_, stage)| stage.work == Work::Asked && stage.status == StageStatus::Running)
    }

    fn undo_timed_out(&mut self, index: usize) -> bool {
        let Some((plan, _)) = self.stage(index) else { return false };
        if undo_asked(self.release, index).is_some_and(|asked| self.now < asked + plan.timeout) {
            return false;
        }
        let why = format!("not undone within {} s", plan.timeout.as_secs());
        self.cancel_all();
        self.undo_failed(index, &why);
        true
    }

    /// Begins to undo a stage; false when there is nothing to undo.
    fn undo(&mut self, index: usize) -> bool {
        let Some((plan, stage)) = self.stage(index) else { return false };
        let was_done = stage.status == StageStatus::Passed;
        let effect = match &plan.kind {
            StageKind::Command(command) if was_done && command.undo.is_some() => Effect::UndoCommand { stage: index },
            StageKind::Deploy if stage.attempts > 0 && !self.release.plan.rollback.keep_green => {
                Effect::Scale { side: Side::Green, desired: 0, task_definition: None }
            }
            _ => return false,
        };
        self.edit_stage(index, |stage| {
            stage.status = StageStatus::Running;
            stage.work = Work::Asked;
            stage.note = "undoing".to_owned();
        });
        self.ask(effect);
        true
    }

    fn undone(&mut self, index: usize) {
        self.edit_stage(index, |stage| {
            stage.status = StageStatus::Undone;
            stage.work = Work::Idle;
            stage.note = "undone".to_owned();
        });
        let text = format!("{} undone", self.stage_name(index));
        self.line(Tone::Plain, text, None);
        self.go_on_undoing(index);
    }

    fn undo_failed(&mut self, index: usize, why: &str) {
        let name = self.stage_name(index);
        let note = format!("undo failed: {why}");
        self.edit_stage(index, |stage| {
            stage.status = StageStatus::Failed;
            stage.work = Work::Idle;
            stage.note.clone_from(&note);
        });
        self.line(Tone::Bad, format!("{name}: {note}"), None);
        self.edit_unwinding(|unwinding| {
            let trouble = format!("{name}: {note}");
            unwinding.trouble = Some(match unwinding.trouble.take() {
                Some(earlier) => format!("{earlier}; {trouble}"),
                None => trouble,
            });
        });
        self.go_on_undoing(index);
    }

    /// Goes on with the stages before `left`, unless traffic has to be brought back again first.
    fn go_on_undoing(&mut self, left: usize) {
        self.edit_unwinding(|unwinding| {
            if unwinding.phase != UnwindPhase::Traffic {
                unwinding.phase = UnwindPhase::Undo { left };
            }
        });
    }

    pub(super) fn undo_unknown(&mut self, index: usize) {
        self.undo_failed(index, "the engine ended while the undo ran; how that ended is unknown");
    }

    /// An undo program has ended.
    pub(super) fn undo_ended(&mut self, index: usize, outcome: Outcome) {
        if !self.is_undoing(index) {
            return;
        }
        match outcome {
            Outcome::Exited { code: Some(0), tail } => {
                self.edit_stage(index, |stage| stage.output = tail);
                self.undone(index);
            }
            Outcome::Exited { code, tail } => {
                self.edit_stage(index, |stage| stage.output = tail);
                let why = code.map_or_else(|| "ended by a signal".to_owned(), |code| format!("exit {code}"));
                self.undo_failed(index, &why);
            }
            Outcome::Failed(failure) => self.undo_failed(index, &failure.message),
            Outcome::Checked(_) | Outcome::NotYet { .. } | Outcome::Registered(_) | Outcome::Done => {}
        }
    }

    /// A service has taken a new size on the way back, or not.
    pub(super) fn scaled_going_back(&mut self, side: Side, failure: Option<String>) {
        match (side, failure) {
            (Side::Blue, Some(failure)) => {
                self.line(Tone::Bad, format!("blue could not be scaled up: {failure}"), None);
            }
            // What was read before says nothing about what comes up now.
            (Side::Blue, None) => self.forget_capacity(),
            (Side::Green, failure) => {
                let Some(index) = self.release.deploy_stage().filter(|index| self.is_undoing(*index)) else { return };
                match failure {
                    Some(failure) => self.undo_failed(index, &failure),
                    None => self.undone(index),
                }
            }
        }
    }

    pub(super) fn forget_capacity(&mut self) {
        self.release.capacities = None;
        self.reaction.changed = true;
    }

    /// The way back is at its end.
    fn arrive(&mut self) -> bool {
        let Some(unwinding) = self.release.unwinding.clone() else { return false };
        if self.release.has_shifted() && !self.is_settled_at(Percent::ZERO) {
            // A new engine has not read the weights yet: nothing is claimed that was not seen.
            return false;
        }
        match unwinding.trouble {
            Some(trouble) => self.end(Ending::RollbackFailed, format!("{}; {trouble}", unwinding.cause)),
            None => self.end(unwinding.ending, unwinding.cause),
        }
        true
    }
}
