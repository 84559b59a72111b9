//! Stages that run something to an end and go by how it ended.

use super::Machine;
use crate::domain::components::ComponentIndex;
use crate::domain::effect::{Effect, Failure, Outcome};
use crate::domain::one_off::Piece;
use crate::domain::plan::Undo;
use crate::domain::release::{StageStatus, Tone, Work};

impl Machine<'_> {
    /// Begins a part of what a stage runs; the stage is done when there is none left.
    pub(super) fn start_part(&mut self, index: usize, part: usize) {
        let of = self.definition_component(index);
        let is_registered = self.at(of).task_definition.is_some();
        let next = self.stage(index).and_then(|(plan, _)| {
            let part = plan.kind.part(part)?;
            Some((part.name, part.runs.needs_definition()))
        });
        let Some((name, needs_definition)) = next else {
            // A flag of AppConfig has no exit code: what its deployment came to says more.
            let said = self.release.stages.get(index).filter(|_| self.is_flag(index));
            let said = said.and_then(|stage| stage.output.last().cloned());
            return self.pass(index, said.unwrap_or_else(|| "exit 0".to_owned()));
        };
        if needs_definition && !is_registered {
            self.edit_stage(index, |stage| stage.work = Work::Registering(part));
            self.note(index, "registering the task definition");
            return self.register(of);
        }
        self.edit_stage(index, |stage| {
            stage.work = Work::Part(part);
            stage.parts = stage.parts.max(part + 1);
        });
        if !name.is_empty() {
            self.note(index, name);
        }
        self.ask(Effect::RunCommand { stage: index, part });
    }

    /// The component whose task definition a stage runs: its own, or the first.
    pub(super) fn definition_component(&self, index: usize) -> ComponentIndex {
        self.component_of(index).unwrap_or(ComponentIndex::FIRST)
    }

    /// A part has ended.
    pub(super) fn part_ended(&mut self, index: usize, part: usize, outcome: Outcome) {
        if !self.is_running(index) {
            return;
        }
        let name = self.stage(index).and_then(|(plan, _)| plan.kind.part(part)).map(|part| part.name);
        let what = name.filter(|name| !name.is_empty()).map(|name| format!("{name}: ")).unwrap_or_default();
        match outcome {
            Outcome::Exited { code, tail } => {
                self.keep_output(index, tail);
                match code {
                    Some(0) => self.start_part(index, part + 1),
                    code => self.fail(index, format!("{what}{}", in_words(code))),
                }
            }
            Outcome::Measured { code, tail, checks } => {
                self.keep_output(index, tail);
                let failed: Vec<String> = checks
                    .iter()
                    .filter(|check| !check.passed)
                    .map(|check| format!("{}: {}", check.name, check.detail))
                    .collect();
                let note = super::pipeline::tally(&checks);
                self.edit_stage(index, |stage| stage.checks = checks);
                match (failed.is_empty(), code) {
                    (true, Some(0)) => self.pass(index, note),
                    (true, code) => self.fail(index, format!("all limits hold, and yet: {}", in_words(code))),
                    (false, _) => self.fail(index, failed.join("; ")),
                }
            }
            Outcome::Built { tail, image } => {
                self.keep_output(index, tail);
                let of = self.definition_component(index);
                if self.at(of).task_definition.is_some() {
                    return self
                        .fail(index, "the task definition was registered before the image was built".to_owned());
                }
                let note = format!("pinned {image}");
                self.at_mut(of).built = Some(image);
                self.pass(index, note);
            }
            Outcome::Misreported { tail, why } => {
                self.keep_output(index, tail);
                self.fail(index, format!("{what}{why}"));
            }
            Outcome::Failed(Failure { message: why, .. }) | Outcome::NeverRan { why } => {
                self.fail(index, format!("{what}{why}"));
            }
            Outcome::Checked(_) | Outcome::NotYet { .. } | Outcome::Registered(_) | Outcome::Done => {}
        }
    }

    /// What the parts of a stage wrote, one after the other.
    fn keep_output(&mut self, index: usize, tail: Vec<String>) {
        self.edit_stage(index, |stage| stage.output.extend(tail));
    }

    /// After an engine was lost: what a program did meanwhile is unknown unless it may be run again.
    pub(super) fn doubt_commands(&mut self) {
        let doubtful: Vec<(usize, bool)> = self
            .release
            .in_flight
            .iter()
            .filter_map(|flight| match flight.intent.effect {
                // What may be done twice may not always be undone twice: `upgrade head` and `downgrade -1`, for a pair. A
                // task on ECS that undoes something is found again, and not run twice; a flag of AppConfig that is off is off.
                Effect::UndoCommand { stage } if !self.is_task(stage, Piece::Undo) && !self.is_flag(stage) => {
                    Some((stage, true))
                }
                Effect::RunCommand { stage, part } if !self.is_repeatable(stage, part) => Some((stage, false)),
                _ => None,
            })
            .collect();
        for (index, undo) in doubtful {
            self.cancel_where(|effect| {
                matches!(effect, Effect::RunCommand { stage, .. } | Effect::UndoCommand { stage } if *stage == index)
            });
            if undo {
                self.undo_unknown(index);
            } else {
                self.doubt(index);
            }
        }
    }

    fn is_task(&self, index: usize, piece: Piece) -> bool {
        self.stage(index).is_some_and(|(plan, _)| piece.task(&plan.kind).is_some())
    }

    fn is_flag(&self, index: usize) -> bool {
        self.stage(index).is_some_and(|(plan, _)| matches!(plan.kind.undo(), Some(Undo::Flag(_))))
    }

    fn is_repeatable(&self, index: usize, part: usize) -> bool {
        let part = self.stage(index).and_then(|(plan, _)| plan.kind.part(part));
        part.is_some_and(|part| part.runs.is_repeatable())
    }

    fn doubt(&mut self, index: usize) {
        if self.release.unwinding.is_some() {
            return;
        }
        let (now, name) = (self.now, self.stage_name(index));
        let why = "the engine ended while its program ran; how that ended is unknown";
        self.edit_stage(index, |stage| {
            stage.status = StageStatus::Failed;
            stage.ended = Some(now);
            stage.note = why.to_owned();
            stage.work = Work::Idle;
        });
        self.turn(Tone::Warning, format!("{name}: {why}; look, then retry, skip or roll back"), None);
        self.tell_waiting(index, why);
    }
}

fn in_words(code: Option<i32>) -> String {
    match code {
        Some(code) => format!("exit {code}"),
        None => "ended by a signal".to_owned(),
    }
}
