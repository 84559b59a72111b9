//! Tasks on ECS: which may be running, and how those that were given up come to an end. What undoes a stage, its next try
//! and the end of the release wait for that.

use std::time::Duration;

use super::Machine;
use crate::domain::effect::{Effect, Outcome};
use crate::domain::ids::EffectId;
use crate::domain::one_off::{OneOff, Piece};
use crate::domain::plan::StagePlan;
use crate::domain::release::{Release, StageStatus, Tone};
use crate::domain::time::Timestamp;

/// A task that was given up is tried to be stopped for as long as its stage may take, and for this long at least: ECS gives
/// a container up to two minutes to end by itself.
const STOPPED_WITHIN: Duration = Duration::from_mins(5);

/// When the stopping of a task is given up.
pub(super) fn deadlines(release: &Release) -> impl Iterator<Item = Timestamp> {
    release.in_flight.iter().filter_map(|flight| match flight.intent.effect {
        Effect::StopTask { stage, .. } => Some(flight.since + within(release.plan.stage(stage)?)),
        _ => None,
    })
}

fn within(plan: &StagePlan) -> Duration {
    plan.timeout.max(STOPPED_WITHIN)
}

impl Machine<'_> {
    /// A task is about to be asked for.
    pub(super) fn note_task(&mut self, effect: &Effect) {
        let (stage, piece) = match effect {
            Effect::RunCommand { stage, part } => (*stage, Piece::Part(*part)),
            Effect::UndoCommand { stage } => (*stage, Piece::Undo),
            _ => return,
        };
        let now = self.now;
        let attempt = match self.stage(stage) {
            Some((plan, state)) if piece.task(&plan.kind).is_some() => state.attempts,
            _ => return,
        };
        let one_off = OneOff { piece, attempt, asked: now, task: None, unstopped: None };
        self.edit_stage(stage, |stage| stage.one_off = Some(one_off));
    }

    /// ECS has said which task it runs: whoever follows it from here on need not look for it.
    pub(super) fn task_started(&mut self, effect: EffectId, task: String) {
        let flight = self.release.in_flight.iter().find(|flight| flight.id() == effect);
        let is_run = |effect: &Effect| matches!(effect, Effect::RunCommand { .. } | Effect::UndoCommand { .. });
        let stage =
            flight.filter(|flight| is_run(&flight.intent.effect)).and_then(|flight| flight.intent.effect.stage());
        let Some(index) = stage else { return };
        let is_new = |one_off: &OneOff| one_off.task.as_ref() != Some(&task);
        if !self.stage(index).and_then(|(_, stage)| stage.one_off.as_ref()).is_some_and(is_new) {
            return;
        }
        let text = format!("{}: ECS runs task {task}", self.stage_name(index));
        self.edit_stage(index, |stage| {
            if let Some(one_off) = &mut stage.one_off {
                one_off.task = Some(task);
            }
        });
        self.line(Tone::Plain, text, None);
    }

    /// The task of a stage is known to have ended.
    pub(super) fn task_gone(&mut self, index: usize) {
        self.edit_stage(index, |stage| stage.one_off = None);
    }

    /// Has every task stopped that may be running and that nobody follows any more; gives up those that will not stop.
    pub(super) fn stop_strays(&mut self) {
        for index in 0..self.release.stages.len() {
            self.stop_stray(index);
        }
        let now = self.now;
        let late: Vec<(usize, Option<String>)> = self
            .release
            .in_flight
            .iter()
            .filter_map(|flight| match flight.intent.effect {
                Effect::StopTask { stage, .. } => {
                    let within = within(self.release.plan.stage(stage)?);
                    (now >= flight.since + within).then(|| (stage, flight.error.clone()))
                }
                _ => None,
            })
            .collect();
        for (index, error) in late {
            self.cancel_where(|effect| is_stopping(effect, index));
            let last = error.map(|error| format!("; last: {error}")).unwrap_or_default();
            let seconds = self.stage(index).map(|(plan, _)| within(plan).as_secs()).unwrap_or_default();
            self.not_stopped(index, format!("not stopped within {seconds} s{last}"));
        }
    }

    fn stop_stray(&mut self, index: usize) {
        let Some((_, stage)) = self.stage(index) else { return };
        let Some(task) = stage.one_off.clone().filter(|one_off| one_off.unstopped.is_none()) else { return };
        let is_seen_to = |effect: &Effect| {
            let is_of_task =
                matches!(effect, Effect::RunCommand { .. } | Effect::UndoCommand { .. } | Effect::StopTask { .. });
            is_of_task && effect.stage() == Some(index)
        };
        if !self.is_in_flight(is_seen_to) {
            self.ask(Effect::StopTask { stage: index, task });
        }
    }

    /// Whether a task that was given up may still be running and is being stopped.
    pub(super) fn is_stopping_any(&self) -> bool {
        self.is_in_flight(|effect| matches!(effect, Effect::StopTask { .. }))
    }

    /// Whether a stage must not begin yet: a task of its own last try, or of a stage before it, is being stopped.
    pub(super) fn waits_for_stop(&self, index: usize) -> bool {
        let after = self.stage(index).map(|(plan, _)| plan.after.as_slice()).unwrap_or_default();
        self.is_in_flight(|effect| match effect {
            Effect::StopTask { stage, .. } => *stage == index || after.contains(stage),
            _ => false,
        })
    }

    /// A task has been stopped, or not.
    pub(super) fn stop_ended(&mut self, index: usize, outcome: Outcome) {
        match outcome {
            Outcome::Failed(failure) => self.not_stopped(index, failure.message),
            _ => {
                let known = self.stage(index).and_then(|(_, stage)| stage.one_off.as_ref()?.task.clone());
                if let Some(task) = known {
                    let text = format!("{}: task {task} has stopped", self.stage_name(index));
                    self.line(Tone::Plain, text, None);
                }
                self.task_gone(index);
            }
        }
    }

    fn not_stopped(&mut self, index: usize, why: String) {
        let kept = why.clone();
        self.edit_stage(index, |stage| {
            if let Some(one_off) = &mut stage.one_off {
                one_off.unstopped = Some(kept);
            }
        });
        let Some(trouble) = self.unstopped(index) else { return };
        self.line(Tone::Bad, format!("{}: {trouble}", self.stage_name(index)), None);
        if self.is_next_try(index) {
            self.fail(index, trouble);
        }
    }

    fn is_next_try(&self, index: usize) -> bool {
        self.release.unwinding.is_none()
            && self.stage(index).is_some_and(|(_, stage)| stage.status == StageStatus::Pending)
    }

    /// What is to be said of a task that could not be stopped.
    pub(super) fn unstopped(&self, index: usize) -> Option<String> {
        let (_, stage) = self.stage(index)?;
        let one_off = stage.one_off.as_ref()?;
        let why = one_off.unstopped.as_ref()?;
        Some(format!("{} may still run: {why}", one_off.named()))
    }

    /// What could not be stopped before is worth another try.
    pub(super) fn stop_again(&mut self, index: usize) {
        let is_left = |stage: &crate::domain::release::Stage| {
            stage.one_off.as_ref().is_some_and(|one_off| one_off.unstopped.is_some())
        };
        if self.stage(index).is_some_and(|(_, stage)| is_left(stage)) {
            self.edit_stage(index, |stage| {
                if let Some(one_off) = &mut stage.one_off {
                    one_off.unstopped = None;
                }
            });
        }
    }
}

fn is_stopping(effect: &Effect, index: usize) -> bool {
    matches!(effect, Effect::StopTask { stage, .. } if *stage == index)
}
