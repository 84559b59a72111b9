//! Gates: waiting for a window, and for the people who must agree.
//!
//! Approvals are kept with the stage and counted by name, so that they may come from any terminal, in any order, before
//! and after the window has opened. What held when nobody had agreed yet may no longer hold once everybody has: then it
//! is looked at again.

use std::time::Duration;

use super::Machine;
use crate::domain::command::{Actor, Refusal};
use crate::domain::effect::{CheckResult, Effect};
use crate::domain::gate::{Approval, ApprovalPlan, GatePlan};
use crate::domain::plan::StageKind;
use crate::domain::release::{Release, StageStatus, Tone, Work};
use crate::domain::time::Timestamp;

/// Conditions that held longer ago than this are looked at again before the gate opens.
const FRESH: Duration = Duration::from_mins(2);

/// When an approval lapses, on which the gate may be counting.
pub(super) fn deadlines(release: &Release) -> impl Iterator<Item = Timestamp> {
    let active = release.active().filter_map(|index| release.plan.stage(index).zip(release.stages.get(index)));
    active.flat_map(|(plan, stage)| {
        let lasting = match &plan.kind {
            StageKind::Gate(gate) => gate.asks().and_then(|asks| asks.expires),
            _ => None,
        };
        lasting.into_iter().flat_map(|lasting| stage.voices.approvals.iter().map(move |given| given.at + lasting))
    })
}

/// An alarm that began to fire later than this is news to the gates that the release has behind it: the beginning of the last
/// one that passed, for it looked after that, or the moment at which somebody went past it; the release's own beginning where
/// there are no gates. `None` while the first of them is still to be passed.
pub(super) fn passed_since(release: &Release) -> Option<Timestamp> {
    let gates = release.plan.stages.iter().zip(&release.stages);
    let mut gates =
        gates.filter(|(plan, _)| matches!(plan.kind, StageKind::Gate(_))).map(|(_, stage)| stage).peekable();
    let first = gates.peek().copied();
    if first.is_some_and(|gate| !gate.status.is_done()) {
        return None;
    }
    let behind = gates.filter_map(|gate| match gate.status {
        StageStatus::Passed => gate.started,
        StageStatus::Skipped => gate.ended,
        _ => None,
    });
    behind.max().or_else(|| release.begun.as_ref().map(|begun| begun.at))
}

impl Machine<'_> {
    /// The conditions cannot hold before `until`.
    pub(super) fn gate_not_yet(&mut self, index: usize, results: Vec<CheckResult>, until: Timestamp) {
        let why = results.iter().find(|result| !result.passed).map(|result| result.detail.clone()).unwrap_or_default();
        let text = format!("{} waits: {why}", self.stage_name(index));
        self.edit_stage(index, |stage| {
            stage.checks = results;
            stage.note = why;
            stage.work = Work::Until(until);
        });
        self.turn(Tone::Warning, text, None);
    }

    /// All conditions hold.
    pub(super) fn gate_holds(&mut self, index: usize, note: String) {
        let Some(gate) = self.gate(index).cloned() else { return };
        if self.missing_approvals(index) == 0 {
            let note = match self.approvers(index) {
                names if names.is_empty() => note,
                names => format!("approved by {names}"),
            };
            return self.pass(index, note);
        }
        let why = self.asked_for(index, &gate);
        let note = why.clone();
        self.edit_stage(index, |stage| {
            stage.status = StageStatus::Waiting;
            stage.work = Work::Confirming;
            stage.note = note;
        });
        let text = format!("{} waits for a human: {why}", self.stage_name(index));
        self.turn(Tone::Warning, text, None);
        self.tell_waiting(index, &why);
    }

    /// Moves a gate that is at work: looks again when its window may have opened.
    pub(super) fn work_gate(&mut self, index: usize, work: Work, bound: Timestamp) -> bool {
        let Work::Until(until) = work else { return self.time_out(index, bound) };
        let lapsed = self.lapse(index);
        if self.now < until || self.release.hold.is_some() {
            return lapsed;
        }
        self.look_again(index);
        true
    }

    /// Moves a gate that waits for people.
    pub(super) fn wait_gate(&mut self, index: usize) -> bool {
        self.lapse(index)
    }

    /// Whether `by` may approve what the gate asks for.
    pub(super) fn examine_approval(&self, stage: Option<usize>, phrase: &str, by: &Actor) -> Result<(), Refusal> {
        let not_now = |why: String| Err(Refusal::NotNow { why });
        let Some((index, gate)) = stage.and_then(|index| Some((index, self.gate(index)?))) else {
            return not_now("no gate is waiting".to_owned());
        };
        if let Some(wanted) = gate.confirm.as_ref().filter(|wanted| *wanted != phrase.trim()) {
            return Err(Refusal::WrongPhrase { wanted: wanted.clone() });
        }
        let Some(asks) = gate.asks() else { return not_now("this gate asks for no approval".to_owned()) };
        if !asks.by.is_empty() && !asks.by.contains(&by.name) {
            return not_now(format!("{} may not approve this; {} may", by.name, asks.by.join(", ")));
        }
        if asks.not_requester && self.requester() == Some(by.name.as_str()) {
            return not_now(format!("{} asked for this release; somebody else must approve it", by.name));
        }
        let given = self.release.stages.get(index).map(|stage| stage.voices.approvals.as_slice()).unwrap_or_default();
        if given.iter().any(|given| given.by.name == by.name && counts(given, &asks, self.now)) {
            let left = self.missing_approvals(index);
            return not_now(format!("{} has approved already; {left} more must", by.name));
        }
        Ok(())
    }

    /// Takes an approval that has been examined.
    pub(super) fn approve(&mut self, index: usize, by: &Actor) {
        let Some(gate) = self.gate(index).cloned() else { return };
        let approval = Approval { by: by.clone(), at: self.now };
        self.edit_stage(index, |stage| {
            stage.voices.approvals.retain(|given| given.by.name != approval.by.name);
            stage.voices.approvals.push(approval);
        });
        let name = self.stage_name(index);
        let left = self.missing_approvals(index);
        let more = if left > 0 { format!("; {left} more needed") } else { String::new() };
        self.line(Tone::Plain, format!("{name} approved{more}"), Some(by.name.clone()));
        let Some((_, stage)) = self.stage(index) else { return };
        if stage.work != Work::Confirming {
            return;
        }
        if left > 0 {
            // The same revision: whoever approves at the same time has seen the same release.
            let why = self.asked_for(index, &gate);
            return self.note(index, &why);
        }
        let looked = stage.started.unwrap_or(self.now);
        if let Some(reason) = stage.voices.past_conditions.clone() {
            let note = format!("skipped by {reason}; approved by {}", self.approvers(index));
            self.leave_out(index, note);
        } else if self.now.since(looked) > FRESH && !gate.conditions.is_empty() {
            self.look_again(index);
        } else {
            let names = self.approvers(index);
            self.pass(index, format!("approved by {names}"));
        }
    }

    /// Goes past what a gate waits for or has failed on; `true` when approvals are still asked for, or the gate goes on.
    pub(super) fn skip_gate(&mut self, index: usize, by: &Actor, reason: &str) -> bool {
        let Some(gate) = self.gate(index).cloned() else { return false };
        let Some((_, stage)) = self.stage(index) else { return false };
        let said = format!("{}: {reason}", by.name);
        if matches!(stage.work, Work::Until(_)) {
            let text = format!("{} goes past its window: {reason}", self.stage_name(index));
            self.edit_stage(index, |stage| stage.voices.past_window = Some(said));
            self.turn(Tone::Warning, text, Some(by.name.clone()));
            self.look_again(index);
            return true;
        }
        if gate.approval.is_none() {
            return false;
        }
        let text = format!("{}: its conditions are left out: {reason}", self.stage_name(index));
        self.edit_stage(index, |stage| {
            stage.voices.past_conditions = Some(said);
            stage.ended = None;
        });
        self.turn(Tone::Warning, text, Some(by.name.clone()));
        if self.missing_approvals(index) == 0 {
            return false;
        }
        let why = self.asked_for(index, &gate);
        let note = why.clone();
        self.edit_stage(index, |stage| {
            stage.status = StageStatus::Waiting;
            stage.work = Work::Confirming;
            stage.note = note;
        });
        self.tell_waiting(index, &why);
        true
    }

    fn look_again(&mut self, index: usize) {
        let now = self.now;
        self.edit_stage(index, |stage| {
            stage.status = StageStatus::Running;
            stage.work = Work::Asked;
            stage.started = Some(now);
            stage.note = "looking at the conditions".to_owned();
        });
        let text = format!("{}: its conditions are looked at again", self.stage_name(index));
        self.turn(Tone::Plain, text, None);
        self.ask(Effect::CheckGate { stage: index });
    }

    /// Forgets approvals that no longer count; whether there were any.
    fn lapse(&mut self, index: usize) -> bool {
        let Some(gate) = self.gate(index).cloned() else { return false };
        let Some(asks) = gate.asks() else { return false };
        let now = self.now;
        let given = self.release.stages.get(index).map(|stage| stage.voices.approvals.clone()).unwrap_or_default();
        let (kept, gone): (Vec<Approval>, Vec<Approval>) =
            given.into_iter().partition(|given| counts(given, &asks, now));
        if gone.is_empty() {
            return false;
        }
        self.edit_stage(index, |stage| stage.voices.approvals = kept);
        let name = self.stage_name(index);
        for lapsed in gone {
            self.turn(Tone::Warning, format!("{name}: the approval of {} has lapsed", lapsed.by.name), None);
        }
        if self.stage(index).is_some_and(|(_, stage)| stage.work == Work::Confirming) {
            let why = self.asked_for(index, &gate);
            self.note(index, &why);
        }
        true
    }

    fn missing_approvals(&self, index: usize) -> usize {
        let Some(asks) = self.gate(index).and_then(GatePlan::asks) else { return 0 };
        let given = self.release.stages.get(index).map(|stage| stage.voices.approvals.as_slice()).unwrap_or_default();
        let counted = given.iter().filter(|given| counts(given, &asks, self.now)).count();
        usize::try_from(asks.count).unwrap_or(usize::MAX).saturating_sub(counted)
    }

    /// What is asked of people, in words.
    fn asked_for(&self, index: usize, gate: &GatePlan) -> String {
        let typed = gate.confirm.as_ref().map(|phrase| format!("type `{phrase}` to go on"));
        let Some(asks) = &gate.approval else { return typed.unwrap_or_default() };
        let mut text = format!("needs {}", asks.describe());
        match self.approvers(index) {
            names if names.is_empty() => {}
            names => text.push_str(&format!("; given by {names}")),
        }
        if let Some(typed) = typed {
            text.push_str(&format!("; {typed}"));
        }
        text
    }

    fn approvers(&self, index: usize) -> String {
        let given = self.release.stages.get(index).map(|stage| stage.voices.approvals.as_slice()).unwrap_or_default();
        given.iter().map(|given| given.by.name.as_str()).collect::<Vec<_>>().join(", ")
    }

    fn requester(&self) -> Option<&str> {
        self.release.begun.as_ref().map(|begun| begun.by.name.as_str())
    }

    fn gate(&self, index: usize) -> Option<&GatePlan> {
        match &self.release.plan.stage(index)?.kind {
            StageKind::Gate(gate) => Some(gate),
            _ => None,
        }
    }
}

fn counts(given: &Approval, asks: &ApprovalPlan, now: Timestamp) -> bool {
    asks.expires.is_none_or(|lasting| now < given.at + lasting)
}
