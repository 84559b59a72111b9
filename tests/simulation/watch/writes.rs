//! I1, I2, I4 and I5: what reaches the cloud, and the programs.

use std::cmp::Ordering;

use cutover::domain::command::{CommandKind, Ordered};
use cutover::domain::components::ComponentIndex;
use cutover::domain::effect::Effect;
use cutover::domain::ids::Side;
use cutover::domain::percent::Percent;
use cutover::domain::plan::Driver;
use cutover::domain::time::Timestamp;
use cutover::sim::World;
use cutover::sim::world::Change;

use super::{Invariant, State, Watch, group};

impl State {
    /// The engine has changed something in a component's world.
    pub(super) fn changed(&mut self, of: ComponentIndex, change: &Change, world: &World, now: Timestamp) {
        // Bringing traffic back to blue and telling people that is all that is safe without one.
        let is_safe = change.operation == "Publish"
            || change.operation == "ModifyRule" && self.green_of(of, change) == Some(0)
            || self.is_way_back(of, change);
        self.require(!self.is_broken || is_safe, Invariant::I5, now, || {
            format!("{} without a journal", change.operation)
        });
        match change.operation {
            "ModifyRule" => self.weights_set(of, change, now),
            "UpdateService" if self.sides(of).driver == Driver::Alb => self.service_updated(of, change, now),
            "RegisterTaskDefinition" => {
                self.places[of].registrations += 1;
                let number = self.places[of].registrations;
                self.require(number == 1, Invariant::I5, now, || format!("{number} task definitions registered"));
                self.comes_after_a_failed_migration(of, change.operation, now);
                self.has_intent(
                    change,
                    now,
                    |effect| matches!(effect, Effect::RegisterTaskDefinition { component } if *component == of),
                );
            }
            "RunTask" => self.task_run(of, change, now),
            "StopTask" => self.has_intent(change, now, |effect| matches!(effect, Effect::StopTask { .. })),
            // Looked at with their keys, in the order of their arrival.
            "Publish" => {}
            _ if self.sides(of).driver.is_deployment() => self.deployment_changed(of, change, world, now),
            other => self.violate(Invariant::I5, now, format!("{other} is none of the engine's operations")),
        }
        self.notice_truth(of, world, now);
    }

    pub(super) fn has_intent(&mut self, change: &Change, now: Timestamp, is_it: impl Fn(&Effect) -> bool) {
        let found = self.open.iter().any(|intent| is_it(&intent.effect));
        if !found {
            let what = format!("{} {:?} has no open intent; open: {:?}", change.operation, change.facts, self.open);
            self.violate(Invariant::I5, now, what);
        }
    }

    /// The weight that a change of the rule gives green.
    fn green_of(&self, of: ComponentIndex, change: &Change) -> Option<u32> {
        weight_of(change, group(&self.sides(of).green))
    }

    fn weights_set(&mut self, of: ComponentIndex, change: &Change, now: Timestamp) {
        let weights = fact(change, "weights");
        let sides = self.sides(of).clone();
        let rule = fact(change, "arn");
        self.require(rule == sides.rule, Invariant::I1, now, || format!("{rule} set, which is not the component's"));
        self.require(sides.driver == Driver::Alb, Invariant::I1, now, || format!("{rule} is AWS's to set"));
        let (Some(blue), Some(green)) = (weight_of(change, group(&sides.blue)), self.green_of(of, change)) else {
            return self.violate(Invariant::I1, now, format!("the rule lost a side: {weights}"));
        };
        let allowed = u8::try_from(green).ok().and_then(Percent::new).is_some_and(|green| self.plan.allows(of, green));
        self.require(blue + green == 100 && allowed, Invariant::I1, now, || format!("weights set to {weights}"));

        let is_going_back = self.mirror.unwinding.is_some() || self.mirror.ended.is_some();
        let status = self.mirror.status().word();
        self.require(!(is_going_back && green > 0), Invariant::I2, now, || {
            format!("green set to {green} after the journal had {status}")
        });

        self.goes_back_in_turn(of, now);
        self.flags_are_off(of, green, now);
        let before = self.truth(of).map_or(0, |truth| truth.green);
        self.gains(of, before, green, now);
        if self.is_broken && green == 0 {
            return;
        }
        self.has_intent(change, now, |effect| match effect {
            Effect::SetWeight { component, green: asked } => *component == of && u32::from(asked.get()) == green,
            _ => false,
        });
    }

    /// The side that gains traffic has enough healthy targets — or had them at some moment since the engine began the
    /// last [`super::READS`] reads of capacity that were answered, less the age of a stale read: it cannot know better.
    fn gains(&mut self, of: ComponentIndex, before: u32, green: u32, now: Timestamp) {
        let rollback = self.plan.rollback;
        let (wanted_blue, wanted_green) = (self.healthy_wanted(of, Side::Blue), self.healthy_wanted(of, Side::Green));
        let enough = match green.cmp(&before) {
            Ordering::Greater => self.capacity_was(of, now, |truth| truth.healthy_green >= wanted_green as usize),
            Ordering::Less => {
                self.capacity_was(of, now, |truth| rollback.is_enough(truth.healthy_blue as u32, wanted_blue))
            }
            Ordering::Equal => true,
        };
        let truth = self.truth(of);
        self.require(enough, Invariant::I4, now, || {
            format!("green {before} → {green}, onto too few healthy targets: {truth:?}")
        });
    }

    fn service_updated(&mut self, of: ComponentIndex, change: &Change, now: Timestamp) {
        let (service, desired) = (fact(change, "service"), fact(change, "desiredCount"));
        let definition = fact(change, "taskDefinition");
        let sides = self.sides(of).clone();
        self.has_intent(change, now, |effect| match effect {
            Effect::Scale { component, side, desired: asked, task_definition } => {
                *component == of
                    && sides.of(*side).service == service
                    && asked.to_string() == desired
                    && task_definition.as_ref().is_none_or(|asked| asked.as_str() == definition)
            }
            _ => false,
        });
        let is_green = service == sides.green.service;
        if is_green && desired != "0" {
            self.comes_after_a_failed_migration(of, change.operation, now);
        }
        if is_green || desired == "0" {
            let is_idle = self.weight_was(of, now, |truth| truth.green == if is_green { 0 } else { 100 });
            let truth = self.truth(of);
            self.require(is_idle, Invariant::I4, now, || {
                format!("{service} replaced or taken down under traffic: {truth:?}")
            });
        }
    }
}

/// The weight that a change of the rule gives a target group.
fn weight_of(change: &Change, group: &str) -> Option<u32> {
    let pair = fact(change, "weights").split(' ').find_map(|pair| pair.strip_prefix(group)?.strip_prefix('='));
    pair.and_then(|weight| weight.parse().ok())
}

pub(super) fn fact<'a>(change: &'a Change, name: &str) -> &'a str {
    change.facts.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value)
}

impl Watch {
    /// A program of a command stage is started.
    pub(crate) fn program_started(&self, name: &str, is_undo: bool, is_repeatable: bool) {
        self.with(|state, now| {
            state.look(now);
            state.require(!state.is_broken, Invariant::I5, now, || format!("{name} without a journal"));
            let is_it = |effect: &Effect| match effect {
                Effect::RunCommand { .. } => !is_undo,
                Effect::UndoCommand { .. } => is_undo,
                _ => false,
            };
            let found = state.open.iter().any(|intent| is_it(&intent.effect));
            state.require(found, Invariant::I5, now, || format!("{name} runs without an intent in the journal"));
            state.programs.push(name.to_owned());
            state.migration_begins(name, now);
            state.running.push(name.to_owned());
            let runs = state.programs.iter().filter(|run| *run == name).count();
            let is_retry = |ordered: &&Ordered| ordered.command.kind() == CommandKind::Retry;
            let retries = state.mirror.orders.iter().filter(is_retry).count();
            let allowed = 1 + if is_undo { 0 } else { retries };
            state.require(is_repeatable || runs <= allowed, Invariant::I5, now, || {
                format!("{name} may not be repeated and runs for the {runs}. time, with {retries} retries ordered")
            });
        });
    }
}
