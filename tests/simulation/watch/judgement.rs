//! I6: the way to a higher weight is opened by evidence, or by a human.

use std::time::Duration;

use cutover::domain::command::CommandKind;
use cutover::domain::components::ComponentIndex;
use cutover::domain::event::Event;
use cutover::domain::release::{Release, StepPhase};
use cutover::domain::signal::{Policy, Ruling, SignalPlan, Verdict};
use cutover::domain::time::Timestamp;

use super::{Invariant, State};

/// A newest point older than this is no evidence.
const STALE: Duration = Duration::from_mins(5);

/// What the journal's events said last of a component.
#[derive(Debug, Default)]
pub(super) struct Judgement {
    /// Verdicts since the present step began to bake.
    verdicts: Vec<Verdict>,
    has_alarm: bool,
}

impl State {
    pub(super) fn judged(&mut self, event: &Event, before: &Release, at: Timestamp, now: Timestamp) {
        match event {
            Event::Judged { component, verdicts } => {
                self.places[*component].judgement.verdicts.clone_from(verdicts);
            }
            Event::AlarmsObserved { component, firing } => {
                self.places[*component].judgement.has_alarm = !firing.is_empty();
            }
            Event::AlarmsLost { component, .. } => self.places[*component].judgement.has_alarm = true,
            Event::Recovered { .. } => {
                self.places.iter_mut().for_each(|(_, place)| place.judgement.verdicts.clear());
            }
            _ => {}
        }
        for of in self.plan.components.indices() {
            self.judged_of(of, event, before, at, now);
        }
    }

    fn judged_of(&mut self, of: ComponentIndex, event: &Event, before: &Release, at: Timestamp, now: Timestamp) {
        let (earlier, later) = (before.step(of), self.mirror.step(of));
        if let (Some((from, _)), Some((to, _))) = (earlier, later)
            && to > from
            && !self.is_promotion_of(of, event)
        {
            self.justified(of, from, at, now);
        }
        let bakes = |step: Option<(usize, StepPhase)>| match step {
            Some((index, StepPhase::Baking { since, .. })) => Some((index, since)),
            _ => None,
        };
        if bakes(later).is_some() && bakes(later) != bakes(earlier) {
            self.places[of].judgement.verdicts.clear();
        }
    }

    /// The step was left by the release itself: every signal that can hold it up spoke for it, on enough fresh samples,
    /// and no more of them than green has really served.
    fn justified(&mut self, of: ComponentIndex, step: usize, at: Timestamp, now: Timestamp) {
        let served = self.sims[of].with(|world, _| world.truth().new.requests);
        let name = self.component(of).name.clone();
        let verdicts = std::mem::take(&mut self.places[of].judgement.verdicts);
        for signal in self.component(of).signals.clone().iter().filter(|signal| signal.policy != Policy::Observe) {
            if self.mirror.components[of].waived.contains(&signal.name) {
                continue;
            }
            let verdict = verdicts.iter().find(|verdict| verdict.signal == signal.name);
            let trouble = match verdict {
                None => Some("no verdict".to_owned()),
                Some(verdict) => trouble(signal, verdict, served, at),
            };
            self.require(trouble.is_none(), Invariant::I6, now, || {
                format!("step {step} of {name} was left although {} has {}", signal.name, trouble.unwrap_or_default())
            });
        }
        let has_alarm = self.places[of].judgement.has_alarm;
        self.require(!has_alarm, Invariant::I6, now, || format!("step {step} of {name} was left under an alarm"));
        self.places[of].judgement.verdicts = verdicts;
    }

    /// Whether a human has ordered just this component on.
    fn is_promotion_of(&self, of: ComponentIndex, event: &Event) -> bool {
        let Event::Ordered(order) = event else { return false };
        let is_promotion = matches!(order.command.kind(), CommandKind::Promote | CommandKind::PromoteFull);
        let stage = self.mirror.orders.last().and_then(|ordered| self.plan.stage(ordered.stage?));
        is_promotion && stage.is_some_and(|stage| stage.component == Some(of))
    }
}

fn trouble(signal: &SignalPlan, verdict: &Verdict, served: u64, at: Timestamp) -> Option<String> {
    let needed = if signal.measure.rests_on_requests() { signal.min_samples } else { 0 };
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
