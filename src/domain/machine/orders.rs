//! Commands: taken or refused at once, and followed until their effect is seen.

use std::time::Duration;

use super::Machine;
use crate::domain::command::{Actor, Command, CommandKind, Order, Ordered, Progress, Refusal};
use crate::domain::guard;
use crate::domain::ids::Revision;
use crate::domain::plan::StageKind;
use crate::domain::release::{Ending, StageStatus, StepPhase, Tone, Work};
use crate::domain::signal::{Policy, Ruling};

impl Machine<'_> {
    pub(super) fn order(&mut self, order: Order) {
        let answer = self.examine(&order).map(|()| {
            self.carry_out(order);
            self.release.revision
        });
        self.reaction.answer = Some(answer);
    }

    fn examine(&self, order: &Order) -> Result<(), Refusal> {
        let kind = order.command.kind();
        if let Some(ended) = &self.release.ended {
            return Err(Refusal::Ended { status: ended.ending.word().to_owned() });
        }
        if let Some(seen) = order.seen
            && seen != self.release.revision
            && !kind.is_always_timely()
        {
            return Err(self.stale(seen));
        }
        guard::possible(self.release, kind).map_err(|why| Refusal::NotNow { why })?;
        match &order.command {
            Command::Approve { phrase } => self.examine_approval(phrase, &order.by),
            Command::Skip { reason } if reason.trim().is_empty() => {
                Err(Refusal::NotNow { why: "a stage is only skipped with a reason".to_owned() })
            }
            _ => Ok(()),
        }
    }

    fn stale(&self, seen: Revision) -> Refusal {
        let newest = self.release.timeline.iter().rev().find(|moment| moment.revision > seen);
        Refusal::Stale {
            seen,
            what: newest.map_or_else(|| "the release changed".to_owned(), |moment| moment.text.clone()),
            by: newest.and_then(|moment| moment.by.clone()),
        }
    }

    fn carry_out(&mut self, order: Order) {
        let Order { command, by, .. } = order;
        let kind = command.kind();
        if matches!(kind, CommandKind::Rollback | CommandKind::Abort) {
            self.overtake_orders();
        }
        let progress = match kind {
            CommandKind::Promote | CommandKind::PromoteFull | CommandKind::Rollback | CommandKind::Abort => {
                Progress::Accepted
            }
            CommandKind::Pause
            | CommandKind::Resume
            | CommandKind::Retry
            | CommandKind::Skip
            | CommandKind::Approve => Progress::Observed,
        };
        let ordered = Ordered { command: command.clone(), by: by.clone(), accepted: self.now, progress, at: self.now };
        self.release.orders.push(ordered);
        self.reaction.changed = true;
        match command {
            Command::Promote => self.promote(&by),
            Command::PromoteFull => {
                if let Some(stage) = self.release.current() {
                    self.jump_to_last(stage, by.name);
                }
            }
            Command::Pause => self.pause(&by),
            Command::Resume => self.resume(&by),
            Command::Rollback { reason } => {
                self.go_back(because("rollback ordered", reason), Some(&by));
            }
            Command::Abort { reason } => {
                self.turn_round(because("abort ordered", reason), Some(&by), Ending::Aborted, false);
            }
            Command::Retry => self.retry(&by),
            Command::Skip { reason } => self.skip(&by, &reason),
            Command::Approve { .. } => self.approve(&by),
        }
    }

    fn promote(&mut self, by: &Actor) {
        let Some(stage) = self.release.current() else { return };
        match self.stage(stage).map(|(_, stage)| stage.work) {
            Some(Work::Step { index, phase: StepPhase::Baking { .. } | StepPhase::AtGate { .. } }) => {
                let Some(step) = self.release.plan.shift().and_then(|plan| plan.steps.get(index)).copied() else {
                    return;
                };
                let why = if self.is_evidence_in() {
                    "promoted".to_owned()
                } else {
                    format!("promoted over: {}", self.missing_evidence())
                };
                self.leave_step(stage, index, step, why, Some(by.name.clone()));
            }
            Some(Work::Until(_)) => self.cut_wait_short(stage, by),
            _ => {}
        }
    }

    /// The rest of a watch or hold is left out.
    fn cut_wait_short(&mut self, stage: usize, by: &Actor) {
        let text = format!("{}: the rest of the wait was left out", self.stage_name(stage));
        self.turn(Tone::Plain, text, Some(by.name.clone()));
        if matches!(self.stage(stage).map(|(plan, _)| &plan.kind), Some(StageKind::Verify(_))) {
            self.pass(stage, format!("cut short by {}", by.name));
        } else {
            let now = self.now;
            self.edit_stage(stage, |stage| stage.work = Work::Until(now));
        }
        self.promotion_observed();
    }

    fn pause(&mut self, by: &Actor) {
        self.release.hold = Some(crate::domain::release::Hold {
            since: self.now,
            by: Some(by.clone()),
            why: format!("paused by {}", by.name),
        });
        self.turn(Tone::Warning, "paused".to_owned(), Some(by.name.clone()));
        self.tell_paused(&format!("by {}", by.name));
    }

    fn resume(&mut self, by: &Actor) {
        let Some(hold) = self.release.hold.take() else { return };
        if hold.by.is_none() {
            // A human has seen what failed and goes on: the same failure does not stop the same step again.
            self.waive_failing();
        }
        self.make_up_for(self.now.since(hold.since));
        let traffic = self.release.traffic;
        self.turn(Tone::Plain, "resumed".to_owned(), Some(by.name.clone()));
        let is_safe = if traffic.observed > Some(traffic.set) { self.is_blue_enough() } else { self.is_green_up() };
        if traffic.drift_since.is_some() && !self.is_setting_weight() && is_safe {
            self.release.traffic.drift_since = None;
            self.ask(crate::domain::effect::Effect::SetWeight { green: traffic.set });
        }
    }

    /// Time spent held does not count against any time-out.
    fn make_up_for(&mut self, held: Duration) {
        let now = self.now;
        for flight in &mut self.release.in_flight {
            if flight.intent.effect.sets_weight() && flight.retry_at.is_some() {
                flight.retry_at = Some(now);
            }
        }
        let Some(index) = self.release.current() else { return };
        self.edit_stage(index, |stage| {
            stage.started = stage.started.map(|started| started + held);
            if let Work::Step { phase, .. } = &mut stage.work {
                match phase {
                    StepPhase::Raising { since } | StepPhase::Settling { since } => *since = *since + held,
                    StepPhase::AtGate { limit: Some(limit), .. } => *limit = *limit + held,
                    StepPhase::Baking { .. } | StepPhase::AtGate { limit: None, .. } => {}
                }
            }
        });
    }

    fn waive_failing(&mut self) {
        let failing = self
            .release
            .verdicts
            .iter()
            .filter(|verdict| verdict.ruling == Ruling::Fail && verdict.policy == Policy::Pause)
            .map(|verdict| verdict.signal.clone());
        let failing: Vec<_> = failing.filter(|signal| !self.release.waived.contains(signal)).collect();
        self.release.waived.extend(failing);
    }

    fn retry(&mut self, by: &Actor) {
        let Some(index) = self.release.current() else { return };
        let text = format!("{} is tried again", self.stage_name(index));
        self.edit_stage(index, |stage| {
            stage.status = StageStatus::Pending;
            stage.work = Work::Idle;
        });
        self.turn(Tone::Plain, text, Some(by.name.clone()));
    }

    fn skip(&mut self, by: &Actor, reason: &str) {
        let Some(index) = self.release.current() else { return };
        if self.skip_gate(index, by, reason) {
            return;
        }
        let text = format!("{} skipped: {reason}", self.stage_name(index));
        self.leave_out(index, format!("skipped: {reason}"));
        self.turn(Tone::Warning, text, Some(by.name.clone()));
    }

    /// The stage is left out.
    pub(super) fn leave_out(&mut self, index: usize, note: String) {
        let now = self.now;
        self.edit_stage(index, |stage| {
            stage.status = StageStatus::Skipped;
            stage.ended = Some(now);
            stage.work = Work::Idle;
            stage.note = note;
        });
    }

    /// A promoted weight has been seen in the load balancer.
    pub(super) fn promotion_observed(&mut self) {
        self.advance_orders(Progress::Observed, |kind| matches!(kind, CommandKind::Promote | CommandKind::PromoteFull));
    }

    /// What was ordered before will not be seen any more.
    pub(super) fn overtake_orders(&mut self) {
        self.advance_orders(Progress::Overtaken, |kind| {
            matches!(kind, CommandKind::Promote | CommandKind::PromoteFull)
        });
    }

    pub(super) fn settle_orders_at_end(&mut self) {
        self.advance_orders(Progress::Observed, |_| true);
    }

    fn advance_orders(&mut self, to: Progress, pick: impl Fn(CommandKind) -> bool) {
        let now = self.now;
        for ordered in &mut self.release.orders {
            if ordered.progress == Progress::Accepted && pick(ordered.command.kind()) {
                ordered.progress = to;
                ordered.at = now;
                self.reaction.changed = true;
            }
        }
    }
}

fn because(what: &str, reason: Option<String>) -> String {
    match reason.filter(|reason| !reason.trim().is_empty()) {
        Some(reason) => format!("{what}: {reason}"),
        None => what.to_owned(),
    }
}
