//! Migrations, flags, and tasks on ECS: what runs beside what, and what comes after what.

use cutover::domain::components::ComponentIndex;
use cutover::domain::effect::Effect;
use cutover::domain::plan::StageKind;
use cutover::domain::release::{Release, StageStatus};
use cutover::domain::time::Timestamp;
use cutover::sim::World;
use cutover::sim::world::Change;
use cutover::sim::world::ecs::{Task, TaskStatus};

use super::writes::fact;
use super::{Invariant, State, Watch};

/// A task on ECS that a release started, as the world has it.
#[derive(Clone, Debug)]
pub(super) struct OneOff {
    started_by: String,
    /// What it runs: the first word.
    command: String,
    is_alive: bool,
}

impl State {
    /// A task is started: once for each part of each try.
    pub(super) fn task_run(&mut self, of: ComponentIndex, change: &Change, now: Timestamp) {
        self.has_intent(change, now, |effect| matches!(effect, Effect::RunCommand { .. } | Effect::UndoCommand { .. }));
        let (started_by, command) = (fact(change, "startedBy").to_owned(), fact(change, "command").to_owned());
        let is_new = self.places[of].one_offs.iter().all(|known| known.started_by != started_by);
        self.require(is_new, Invariant::I5, now, || format!("{started_by} was run twice"));
        self.migration_begins(&command, now);
        self.places[of].one_offs.push(OneOff { started_by, command, is_alive: true });
    }

    /// Looks which tasks still run, and how the others ended.
    pub(super) fn tasks_run(&mut self, of: ComponentIndex, world: &World) {
        let mut ended = Vec::new();
        for one_off in self.places[of].one_offs.iter_mut().filter(|one_off| one_off.is_alive) {
            let task: Option<Task> = world.tasks_started_by(&one_off.started_by).into_iter().next();
            // What is only put away no longer does anything.
            one_off.is_alive = task.as_ref().is_some_and(|task| task.last_status < TaskStatus::Deprovisioning);
            if !one_off.is_alive {
                let code = task.and_then(|task| task.containers.first()?.exit_code);
                ended.push((one_off.command.clone(), code == Some(0)));
            }
        }
        for (command, well) in ended {
            self.migration_ended(&command, well);
        }
    }

    /// A migration or its undo begins: none of the two runs.
    pub(super) fn migration_begins(&mut self, command: &str, now: Timestamp) {
        let Some((_, component)) = step_of(command) else { return };
        let here = self.running.iter().map(String::as_str);
        let there = self.places.iter().flat_map(|(_, place)| &place.one_offs).filter(|task| task.is_alive);
        let running = here.chain(there.map(|task| task.command.as_str()));
        let is_same = |other: &&str| step_of(other).is_some_and(|(_, other)| other == component);
        let beside: Vec<String> = running.filter(is_same).map(str::to_owned).collect();
        self.require(beside.is_empty(), Invariant::Migration, now, || {
            format!("{command} begins while {beside:?} runs")
        });
    }

    fn migration_ended(&mut self, command: &str, well: bool) {
        if let Some(("apply", component)) = step_of(command) {
            self.applied.insert(component.to_owned(), well);
        }
    }

    /// Nothing new is brought up, of a component whose migration has failed and that nobody has gone past.
    pub(super) fn comes_after_a_failed_migration(&mut self, of: ComponentIndex, what: &str, now: Timestamp) {
        let name = self.component(of).name.to_string();
        let is_skipped = self.plan.stages.iter().zip(&self.mirror.stages).any(|(plan, stage)| {
            matches!(plan.kind, StageKind::Migrate(_))
                && plan.component == Some(of)
                && stage.status == StageStatus::Skipped
        });
        let has_failed = self.applied.get(&name) == Some(&false);
        self.require(!has_failed || is_skipped, Invariant::Migration, now, || {
            format!("{what} for {name}, whose migration has failed")
        });
    }

    /// On the way back, every feature that may be on is being switched off before green loses traffic.
    pub(super) fn flags_are_off(&mut self, of: ComponentIndex, green: u32, now: Timestamp) {
        let undoes = self.mirror.unwinding.as_ref().is_some_and(|unwinding| unwinding.undo);
        if !undoes || self.truth(of).is_none_or(|truth| truth.green <= green) {
            return;
        }
        let stages = self.plan.stages.iter().zip(&self.mirror.stages);
        let mut flags = stages.filter(|(plan, _)| matches!(plan.kind, StageKind::Flag(_)));
        let on = flags.find(|(_, stage)| stage.parts > 0 && !stage.undo_tried).map(|(plan, _)| plan.name.clone());
        self.require(on.is_none(), Invariant::Flags, now, || {
            format!("the weights go back while {on:?} is on and nobody switches it off")
        });
    }

    /// A release that ends leaves no task at work, but for one that could not be stopped and is said to be.
    pub(super) fn leaves_no_task(&mut self, before: &Release, now: Timestamp) {
        if self.mirror.ended.is_none() || before.ended.is_some() {
            return;
        }
        let is_told = self
            .mirror
            .stages
            .iter()
            .any(|stage| stage.one_off.as_ref().is_some_and(|one_off| one_off.unstopped.is_some()));
        let left: Vec<OneOff> =
            self.places.iter().flat_map(|(_, place)| place.one_offs.clone()).filter(|task| task.is_alive).collect();
        self.require(left.is_empty() || is_told, Invariant::Leftover, now, || format!("ended with {left:?} at work"));
    }
}

/// The step of a migration that a command is, and the component that it is of.
fn step_of(command: &str) -> Option<(&str, &str)> {
    command.split_once('-').filter(|(step, _)| matches!(*step, "apply" | "unapply"))
}

impl Watch {
    /// A program has ended; without a code it was ended.
    pub(crate) fn program_ended(&self, name: &str, code: Option<i32>) {
        self.with(|state, _| {
            if let Some(at) = state.running.iter().position(|running| running == name) {
                state.running.remove(at);
            }
            state.migration_ended(name, code == Some(0));
        });
    }
}
