//! Going back: traffic first, then the stages, from the last to the first.

use std::time::Duration;

use super::Machine;
use crate::domain::command::Actor;
use crate::domain::components::ComponentIndex;
use crate::domain::effect::{Effect, Failure, Outcome};
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
        Effect::Scale { component, side: Side::Green, .. } => release.deploy_stage(*component) == Some(index),
        _ => false,
    };
    release.in_flight.iter().find(|flight| is_undo(&flight.intent.effect)).map(|flight| flight.since)
}

impl Machine<'_> {
    /// Turns the release round. From here on nothing raises green's weight.
    pub(super) fn go_back(&mut self, cause: String, by: Option<&Actor>) {
        let ending = match (self.release.has_reached_users(), by) {
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
        let components = self.release.components.indices();
        let doubtful: Vec<ComponentIndex> = components.filter(|of| self.was_blue_taken_down(*of)).collect();
        self.cancel_all();
        (0..self.release.stages.len()).for_each(|index| self.stop_again(index));
        self.release.hold = None;
        self.stop_active_stages();
        self.overtake_orders();
        let is_unsure = self.release.components.iter().any(|(_, component)| component.traffic.unsure);
        let not_before = is_unsure.then(|| self.now + LANDING);
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
        let verb = if self.release.has_reached_users() { "rolling back" } else { "stopping" };
        // A stage that failed has just said why.
        let is_said = self.release.timeline.last().is_some_and(|last| last.text == cause);
        let text = if is_said { verb.to_owned() } else { format!("{verb}: {cause}") };
        self.turn(Tone::Bad, text, by.map(|actor| actor.name.clone()));
        self.tell_going_back(&cause);
        if undo {
            self.switch_flags_off();
        }
        for of in self.release.components.indices() {
            if doubtful.contains(&of) && self.at(of).has_shifted() && self.driver(of).is_side_by_side() {
                self.bring_blue_up_again(of);
            }
        }
    }

    /// Features are switched off at once, beside the traffic: what they did to users ends soonest that way.
    fn switch_flags_off(&mut self) {
        let flags = self.release.plan.stages.iter().enumerate();
        let flags = flags.filter(|(_, stage)| matches!(stage.kind, StageKind::Flag(_))).map(|(index, _)| index);
        let flags: Vec<usize> = flags.collect();
        for index in flags.into_iter().rev() {
            self.undo(index);
        }
    }

    /// Whether blue was asked to go. Whatever became of that, a capacity read before says nothing any more.
    fn was_blue_taken_down(&self, of: ComponentIndex) -> bool {
        self.release.plan.stages.iter().zip(&self.release.stages).any(|(plan, stage)| {
            matches!(plan.kind, StageKind::Cleanup(_))
                && plan.component == Some(of)
                && (stage.work == Work::Asked || matches!(stage.status, StageStatus::Passed | StageStatus::Failed))
        })
    }

    fn bring_blue_up_again(&mut self, of: ComponentIndex) {
        let wanted = self.wanted(of, Side::Blue);
        let whose = self.whose(of);
        self.line(Tone::Warning, format!("{whose}blue was being taken down: {wanted} tasks wanted again"), None);
        self.forget_capacity(of);
        self.ask(Effect::Scale { component: of, side: Side::Blue, desired: wanted, task_definition: None });
    }

    fn stop_active_stages(&mut self) {
        let active: Vec<usize> = self.release.active().collect();
        for index in active {
            self.stop_stage(index);
        }
    }

    fn stop_stage(&mut self, index: usize) {
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
            Some(UnwindPhase::Undo { left }) => match self.green_seen_live() {
                Some(of) => self.restore_traffic_again(of),
                // What undoes something does not run beside what it undoes.
                None if self.is_stopping_any() => false,
                None => self.undo_next(left),
            },
            None => false,
        }
    }

    fn green_seen_live(&self) -> Option<ComponentIndex> {
        self.release
            .components
            .position(|component| component.traffic.observed.is_some_and(|green| green > Percent::ZERO))
    }

    /// Somebody else, or a call that landed late, has given green traffic: nothing is taken down under it.
    fn restore_traffic_again(&mut self, of: ComponentIndex) -> bool {
        self.cancel_where(
            |effect| matches!(effect, Effect::Scale { component, side: Side::Green, .. } if *component == of),
        );
        if let Some(index) = self.release.deploy_stage(of).filter(|index| self.is_undoing(*index)) {
            self.edit_stage(index, |stage| {
                stage.status = StageStatus::Failed;
                stage.work = Work::Idle;
            });
        }
        let whose = self.whose(of);
        self.line(Tone::Bad, format!("{whose}green was seen with traffic again: bringing it back first"), None);
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
        if self.is_all_back() {
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
        for of in self.release.components.indices() {
            if !self.at(of).has_shifted() || self.is_back(of) {
                continue;
            }
            if self.restore(of) {
                return true;
            }
            if self.release.plan.rollback.one_by_one {
                break;
            }
        }
        false
    }

    /// Moves the traffic of one component a bit further back; whether it did.
    fn restore(&mut self, of: ComponentIndex) -> bool {
        if self.was_blue_taken_down(of) && self.is_scaling_blue(of) {
            // Healthy targets that are still seen may be on their way out.
            return false;
        }
        if !self.may_go_to_blue(of) {
            return self.scale_blue_first(of);
        }
        self.ask_for_blue(of)
    }

    fn is_all_back(&mut self) -> bool {
        let now = self.now;
        let mut is_all = true;
        for of in self.release.components.indices() {
            if !self.at(of).has_shifted() {
                continue;
            }
            let is_back = self.is_back(of);
            is_all &= is_back;
            if is_back && self.at(of).restored.is_none() {
                self.at_mut(of).restored = Some(now);
                self.reaction.changed = true;
            }
        }
        is_all
    }

    /// Blue was seen to have all the traffic, and healthy targets to take it.
    fn is_back(&self, of: ComponentIndex) -> bool {
        self.is_settled_at(of, Percent::ZERO) && self.is_blue_enough(of)
    }

    /// Whether all traffic may be sent to blue now: it is there to take it, or comes up as it takes it.
    pub(super) fn may_go_to_blue(&self, of: ComponentIndex) -> bool {
        !self.driver(of).is_side_by_side() || self.is_blue_enough(of)
    }

    pub(super) fn is_blue_enough(&self, of: ComponentIndex) -> bool {
        let wanted = self.wanted(of, Side::Blue);
        let rollback = self.release.plan.rollback;
        self.at(of).capacities.as_ref().is_some_and(|both| rollback.is_enough(both.blue.dependable(), wanted))
    }

    /// Traffic is never sent where nobody can take it: blue comes up first.
    fn scale_blue_first(&mut self, of: ComponentIndex) -> bool {
        let wanted = self.wanted(of, Side::Blue);
        let Some(blue) = self.at(of).capacities.as_ref().map(|both| both.blue.clone()) else { return false };
        // Without ECS's word on how many it is to run, asking for `wanted` could take some away.
        if self.is_scaling_blue(of) || blue.unread.is_some() || blue.desired >= wanted {
            return false;
        }
        let (whose, healthy) = (self.whose(of), blue.healthy);
        let text =
            format!("{whose}blue has {healthy} of {wanted} healthy targets: scaling it up before traffic goes back");
        self.line(Tone::Warning, text, None);
        self.ask(Effect::Scale { component: of, side: Side::Blue, desired: wanted, task_definition: None });
        true
    }

    fn is_scaling_blue(&self, of: ComponentIndex) -> bool {
        self.is_in_flight(
            |effect| matches!(effect, Effect::Scale { component, side: Side::Blue, .. } if *component == of),
        )
    }

    fn ask_for_blue(&mut self, of: ComponentIndex) -> bool {
        if self.is_setting_weight(of) {
            return false;
        }
        let traffic = self.at(of).traffic;
        let is_asked = traffic.set == Percent::ZERO
            && !traffic.unsure
            && traffic.drift_since.is_none_or(|since| self.now < since + ASK_AGAIN);
        if is_asked {
            return false;
        }
        self.at_mut(of).traffic.drift_since = None;
        self.ask(Effect::SetWeight { component: of, green: Percent::ZERO });
        true
    }

    fn escalate_if_late(&mut self) {
        let Some(unwinding) = &self.release.unwinding else { return };
        if unwinding.escalated || self.now < unwinding.since + self.release.plan.rollback.escalate_after {
            return;
        }
        self.edit_unwinding(|unwinding| unwinding.escalated = true);
        let mut back =
            self.release.in_flight.iter().filter(|flight| !matches!(flight.intent.effect, Effect::Notify(_)));
        let why = back.find_map(|flight| flight.error.clone()).unwrap_or_else(|| {
            let mut shifted = self.release.components.indices().filter(|of| self.at(*of).has_shifted());
            if shifted.all(|of| self.is_blue_enough(of)) {
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
        self.cancel_stage(index);
        self.undo_failed(index, &why);
        true
    }

    /// Begins to undo a stage; false when there is nothing to undo.
    fn undo(&mut self, index: usize) -> bool {
        let Some((plan, stage)) = self.stage(index) else { return false };
        let component = plan.component;
        let effect = match &plan.kind {
            kind if kind.undoes_itself() && stage.has_left_something(kind) => Effect::UndoCommand { stage: index },
            StageKind::Deploy if stage.attempts > 0 && !self.release.plan.rollback.keep_green => {
                let Some(component) = component else { return false };
                Effect::Scale { component, side: Side::Green, desired: 0, task_definition: None }
            }
            _ => return false,
        };
        let is_program = matches!(effect, Effect::UndoCommand { .. });
        if let Some(why) = self.unstopped(index).filter(|_| is_program) {
            self.edit_stage(index, |stage| stage.undo_tried = true);
            self.undo_failed(index, &format!("not begun, for {why}"));
            return true;
        }
        self.edit_stage(index, |stage| {
            stage.status = StageStatus::Running;
            stage.work = Work::Asked;
            stage.note = "undoing".to_owned();
            stage.undo_tried |= is_program;
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
            if unwinding.phase == (UnwindPhase::Undo { left: left + 1 }) {
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
            Outcome::Failed(Failure { message: why, .. }) | Outcome::NeverRan { why } => self.undo_failed(index, &why),
            _ => {}
        }
    }

    /// A service has taken a new size on the way back, or not.
    pub(super) fn scaled_going_back(&mut self, of: ComponentIndex, side: Side, failure: Option<String>) {
        match (side, failure) {
            (Side::Blue, Some(failure)) => {
                let whose = self.whose(of);
                self.line(Tone::Bad, format!("{whose}blue could not be scaled up: {failure}"), None);
            }
            // What was read before says nothing about what comes up now.
            (Side::Blue, None) => self.forget_capacity(of),
            (Side::Green, failure) => {
                let deploy = self.release.deploy_stage(of);
                let Some(index) = deploy.filter(|index| self.is_undoing(*index)) else { return };
                match failure {
                    Some(failure) => self.undo_failed(index, &failure),
                    None => self.undone(index),
                }
            }
        }
    }

    pub(super) fn forget_capacity(&mut self, of: ComponentIndex) {
        self.at_mut(of).capacities = None;
        self.reaction.changed = true;
    }

    /// The way back is at its end.
    fn arrive(&mut self) -> bool {
        let Some(unwinding) = self.release.unwinding.clone() else { return false };
        let mut shifted = self.release.components.indices().filter(|of| self.at(*of).has_shifted());
        if shifted.any(|of| !self.is_settled_at(of, Percent::ZERO)) {
            // A new engine has not read the weights yet: nothing is claimed that was not seen.
            return false;
        }
        let unstopped = (0..self.release.stages.len()).filter_map(|index| {
            let why = self.unstopped(index)?;
            let is_said = unwinding.trouble.as_ref().is_some_and(|trouble| trouble.contains(&why));
            (!is_said).then(|| format!("{}: {why}", self.stage_name(index)))
        });
        let troubles: Vec<String> = unwinding.trouble.iter().cloned().chain(unstopped).collect();
        match (!troubles.is_empty()).then(|| troubles.join("; ")) {
            Some(trouble) => self.end(Ending::RollbackFailed, format!("{}; {trouble}", unwinding.cause)),
            None => self.end(unwinding.ending, unwinding.cause),
        }
        true
    }
}
