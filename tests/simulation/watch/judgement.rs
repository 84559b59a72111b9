//! I6: the way to a higher weight is opened by evidence, or by a human.

use std::time::Duration;

use cutover::domain::command::CommandKind;
use cutover::domain::event::Event;
use cutover::domain::release::{Release, StepPhase};
use cutover::domain::signal::{Measure, Policy, Ruling, SignalPlan, Verdict};
use cutover::domain::time::Timestamp;
use cutover::sim::World;

use super::{Invariant, State};

/// A newest point older than this is no evidence.
const STALE: Duration = Duration::from_mins(5);

/// What the journal's events said last.
#[derive(Debug, Default)]
pub(super) struct Judgement {
    /// Verdicts since the present step began to bake.
    verdicts: Vec<Verdict>,
    has_alarm: bool,
}

impl State {
    pub(super) fn judged(&mut self, event: &Event, before: &Release, at: Timestamp, world: &World, now: Timestamp) {
        match event {
            Event::Judged(verdicts) => self.judgement.verdicts.clone_from(verdicts),
            Event::AlarmsObserved(firing) => self.judgement.has_alarm = !firing.is_empty(),
            Event::AlarmsLost { .. } => self.judgement.has_alarm = true,
            Event::Recovered { .. } => self.judgement.verdicts.clear(),
            _ => {}
        }
        let (earlier, later) = (before.step(), self.mirror.step());
        if let (Some((from, _)), Some((to, _))) = (earlier, later)
            && to > from
            && !is_promotion(event)
        {
            self.justified(from, at, world, now);
        }
        let bakes = |step: Option<(usize, StepPhase)>| match step {
            Some((index, StepPhase::Baking { since, .. })) => Some((index, since)),
            _ => None,
        };
        if bakes(later).is_some() && bakes(later) != bakes(earlier) {
            self.judgement.verdicts.clear();
        }
    }

    /// The step was left by the release itself: every signal that can hold it up spoke for it, on enough fresh samples,
    /// and no more of them than green has really served.
    fn justified(&mut self, step: usize, at: Timestamp, world: &World, now: Timestamp) {
        let served = world.truth().new.requests;
        let verdicts = std::mem::take(&mut self.judgement.verdicts);
        for signal in self.plan.signals.clone().iter().filter(|signal| signal.policy != Policy::Observe) {
            if self.mirror.waived.contains(&signal.name) {
                continue;
            }
            let verdict = verdicts.iter().find(|verdict| verdict.signal == signal.name);
            let trouble = match verdict {
                None => Some("no verdict".to_owned()),
                Some(verdict) => trouble(signal, verdict, served, at),
            };
            self.require(trouble.is_none(), Invariant::I6, now, || {
                format!("step {step} was left although {} has {}", signal.name, trouble.unwrap_or_default())
            });
        }
        self.require(!self.judgement.has_alarm, Invariant::I6, now, || format!("step {step} was left under an alarm"));
        self.judgement.verdicts = verdicts;
    }
}

fn trouble(signal: &SignalPlan, verdict: &Verdict, served: u64, at: Timestamp) -> Option<String> {
    let needed = match signal.measure {
        Measure::Cpu | Measure::Memory => 0,
        Measure::TargetErrors | Measure::ClientErrors | Measure::ResponseTime(_) | Measure::RequestRate => {
            signal.min_samples
        }
    };
    if verdict.ruling != Ruling::Pass {
        return Some(format!("the ruling {}", verdict.ruling.word()));
    }
    if verdict.samples < needed {
        return Some(format!("{} of {needed} samples", verdict.samples));
    }
    if verdict.samples > served {
        return Some(format!("{} samples and green has served {served}", verdict.samples));
    }
    if verdict.newest.is_none_or(|newest| at.since(newest) > STALE) {
        return Some(format!("nothing newer than {:?}", verdict.newest));
    }
    match (verdict.green, signal.max) {
        (Some(green), Some(max)) if green > max => Some(format!("{green} above {max}")),
        _ => None,
    }
}

fn is_promotion(event: &Event) -> bool {
    match event {
        Event::Ordered(order) => matches!(order.command.kind(), CommandKind::Promote | CommandKind::PromoteFull),
        _ => false,
    }
}
