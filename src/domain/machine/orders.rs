//! Commands: taken or refused at once, and followed until their effect is seen.

use std::time::Duration;

use super::Machine;
use crate::domain::command::{Actor, Command, CommandKind, Order, Ordered, Progress, Refusal};
use crate::domain::components::ComponentIndex;
use crate::domain::effect::Effect;
use crate::domain::guard;
use crate::domain::ids::{AlarmName, Revision};
use crate::domain::plan::StageKind;
use crate::domain::release::{Ending, Hold, StageStatus, StepPhase, Tone, Work};
use crate::domain::signal::{Policy, Ruling};

impl Machine<'_> {
    pub(super) fn order(&mut self, order: Order) {
        let answer = self.examine(&order).map(|stage| {
            self.carry_out(order, stage);
            self.release.revision
        });
        self.reaction.answer = Some(answer);
    }

    /// The stage that it is for, if it is for one, or why it is refused.
    fn examine(&self, order: &Order) -> Result<Option<usize>, Refusal> {
        let kind = order.command.kind();
        if let Some(ended) = &self.release.ended {
            return Err(Refusal::Ended { status: ended.ending.word().to_owned() });
        }
        let allowed = self.release.plan.lets(kind.into(), order.by.arn.as_deref());
        allowed.map_err(|why| Refusal::NotAllowed { why })?;
        if let Some(seen) = order.seen
            && seen != self.release.revision
            && !kind.is_always_timely()
        {
            return Err(self.stale(seen));
        }
        let stage = guard::target(self.release, kind, order.stage.as_ref()).map_err(|why| Refusal::NotNow { why })?;
        match &order.command {
            Command::Approve { phrase } => self.examine_approval(stage, phrase, &order.by).map(|()| stage),
            Command::Skip { reason } if reason.trim().is_empty() => {
                Err(Refusal::NotNow { why: "a stage is only skipped with a reason".to_owned() })
            }
            Command::Acknowledge { note, .. } if note.trim().is_empty() => {
                Err(Refusal::NotNow { why: "an alarm is only acknowledged with a note".to_owned() })
            }
            _ => Ok(stage),
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

    fn carry_out(&mut self, order: Order, stage: Option<usize>) {
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
            | CommandKind::Approve
            | CommandKind::Acknowledge => Progress::Observed,
        };
        let (command_kept, by_kept) = (command.clone(), by.clone());
        let ordered = Ordered { command: command_kept, stage, by: by_kept, accepted: self.now, progress, at: self.now };
        self.release.orders.push(ordered);
        self.reaction.changed = true;
        match (command, stage) {
            (Command::Pause, _) => self.pause(&by),
            (Command::Resume, _) => self.resume(&by),
            (Command::Rollback { reason }, _) => {
                self.go_back(because("rollback ordered", reason), Some(&by));
            }
            (Command::Abort { reason }, _) => {
                self.turn_round(because("abort ordered", reason), Some(&by), Ending::Aborted, false);
            }
            (Command::Acknowledge { alarm, note }, _) => self.acknowledge(&alarm, &note, &by),
            (Command::Promote, Some(stage)) => self.promote(stage, &by),
            (Command::PromoteFull, Some(stage)) => self.jump_to_last(stage, by.name),
            (Command::Retry, Some(stage)) => self.retry(stage, &by),
            (Command::Skip { reason }, Some(stage)) => self.skip(stage, &by, &reason),
            (Command::Approve { .. }, Some(stage)) => self.approve(stage, &by),
            (
                Command::Promote
                | Command::PromoteFull
                | Command::Retry
                | Command::Skip { .. }
                | Command::Approve { .. },
                None,
            ) => {}
        }
    }

    fn promote(&mut self, stage: usize, by: &Actor) {
        match self.stage(stage).map(|(_, stage)| stage.work) {
            Some(Work::Step { index, phase: StepPhase::Baking { .. } | StepPhase::AtGate { .. } }) => {
                let component = self.component_of(stage);
                let Some((of, step)) = component.zip(self.shift_step(stage, index)) else { return };
                let why = if self.is_evidence_in(of) {
                    "promoted".to_owned()
                } else {
                    format!("promoted over: {}", self.missing_evidence(of))
                };
                self.leave_step(stage, index, step, why, Some(by.name.clone()));
            }
            Some(Work::Until(_)) => self.cut_wait_short(stage, by),
            _ => {}
        }
    }

    /// Kept, shown and told, and nothing else: an alarm that somebody looks after rolls back all the same. No new revision:
    /// what others are about to say is not out of date by it.
    fn acknowledge(&mut self, alarm: &AlarmName, note: &str, by: &Actor) {
        self.line(Tone::Plain, format!("alarm {alarm} acknowledged: {note}"), Some(by.name.clone()));
        self.tell_acknowledged(alarm, note);
    }

    /// The rest of a watch or hold is left out.
    fn cut_wait_short(&mut self, stage: usize, by: &Actor) {
        let kind = self.stage(stage).map(|(plan, _)| &plan.kind);
        let is_wait = matches!(kind, Some(StageKind::Verify(_) | StageKind::Wait(_)));
        let what = if is_wait { "the rest of the wait is left out" } else { "the warm hold ends, blue goes down now" };
        self.turn(Tone::Plain, format!("{}: {what}", self.stage_name(stage)), Some(by.name.clone()));
        if is_wait {
            self.pass(stage, format!("cut short by {}", by.name));
        } else {
            let now = self.now;
            self.edit_stage(stage, |stage| stage.work = Work::Until(now));
        }
        self.promotion_observed(stage);
    }

    fn pause(&mut self, by: &Actor) {
        self.release.hold = Some(Hold { since: self.now, by: Some(by.clone()), why: format!("paused by {}", by.name) });
        self.stop_raising();
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
        self.turn(Tone::Plain, "resumed".to_owned(), Some(by.name.clone()));
        for of in self.release.components.indices() {
            self.set_again(of);
        }
    }

    /// Whoever resumes wants the release's own weight back where somebody else has changed it.
    fn set_again(&mut self, of: ComponentIndex) {
        let traffic = self.at(of).traffic;
        let takes_back = traffic.observed > Some(traffic.set);
        if let Some(observed) = traffic.observed.filter(|_| takes_back && self.driver(of).is_deployment()) {
            // Such a deployment only goes on, or all the way back: whoever resumes takes it from where it is.
            let traffic = &mut self.at_mut(of).traffic;
            (traffic.set, traffic.drift_since) = (observed, None);
            return;
        }
        let is_safe = if takes_back { self.is_blue_enough(of) } else { self.is_green_up(of) };
        if traffic.drift_since.is_some() && !self.is_setting_weight(of) && is_safe {
            self.at_mut(of).traffic.drift_since = None;
            self.ask(Effect::SetWeight { component: of, green: traffic.set });
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
        let active: Vec<usize> = self.release.active().collect();
        for index in active {
            self.make_up_for_in(index, held);
        }
    }

    fn make_up_for_in(&mut self, index: usize, held: Duration) {
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
        for (_, component) in self.release.components.iter_mut() {
            let failing = component.verdicts.iter().filter(|verdict| {
                verdict.ruling == Ruling::Fail
                    && verdict.policy == Policy::Pause
                    && !component.waived.contains(&verdict.signal)
            });
            let failing: Vec<_> = failing.map(|verdict| verdict.signal.clone()).collect();
            component.waived.extend(failing);
        }
    }

    fn retry(&mut self, index: usize, by: &Actor) {
        let text = format!("{} is tried again", self.stage_name(index));
        self.stop_again(index);
        self.edit_stage(index, |stage| {
            stage.status = StageStatus::Pending;
            stage.work = Work::Idle;
        });
        self.turn(Tone::Plain, text, Some(by.name.clone()));
    }

    fn skip(&mut self, index: usize, by: &Actor, reason: &str) {
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
    pub(super) fn promotion_observed(&mut self, stage: usize) {
        self.advance_orders(Progress::Observed, |ordered| is_promotion(ordered) && ordered.stage == Some(stage));
    }

    /// What was ordered before will not be seen any more.
    pub(super) fn overtake_orders(&mut self) {
        self.advance_orders(Progress::Overtaken, is_promotion);
    }

    pub(super) fn settle_orders_at_end(&mut self) {
        self.advance_orders(Progress::Observed, |_| true);
    }

    fn advance_orders(&mut self, to: Progress, pick: impl Fn(&Ordered) -> bool) {
        let now = self.now;
        for ordered in &mut self.release.orders {
            if ordered.progress == Progress::Accepted && pick(ordered) {
                ordered.progress = to;
                ordered.at = now;
                self.reaction.changed = true;
            }
        }
    }
}

fn is_promotion(ordered: &Ordered) -> bool {
    matches!(ordered.command, Command::Promote | Command::PromoteFull)
}

fn because(what: &str, reason: Option<String>) -> String {
    match reason.filter(|reason| !reason.trim().is_empty()) {
        Some(reason) => format!("{what}: {reason}"),
        None => what.to_owned(),
    }
}
