//! Effects: asking for them, giving them up, trying them again, and what their ends mean.

use std::time::Duration;

use super::Machine;
use crate::domain::components::ComponentIndex;
use crate::domain::effect::{Effect, Failure, Intent, Notice, Outcome, Severity};
use crate::domain::ids::{EffectId, Side};
use crate::domain::percent::Percent;
use crate::domain::plan::StageKind;
use crate::domain::release::{InFlight, Tone};

/// The first pause before another try; it doubles from there.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// The longest pause between tries while going forward.
const LONGEST_PAUSE: Duration = Duration::from_secs(20);

/// The longest pause between tries of what brings traffic back: a rollback is never far from its next try.
const LONGEST_PAUSE_BACK: Duration = Duration::from_secs(4);

/// A try that would not be safe now is looked at again after this long.
const POSTPONED: Duration = Duration::from_secs(1);

/// While the release is held nothing is tried again; whoever resumes makes it due.
const UNTIL_RESUMED: Duration = Duration::from_hours(24);

/// A message that its channel has not taken after this many tries is given up, and said to be. One that is critical is
/// only said to be late, and tried on.
const NOTICE_TRIES: u32 = 8;

/// The longest pause between later tries of a critical message.
const LONGEST_PAUSE_LATE: Duration = Duration::from_mins(1);

impl Machine<'_> {
    /// Asks for an effect.
    pub(super) fn ask(&mut self, effect: Effect) -> EffectId {
        if let Effect::SetWeight { component, green } = &effect {
            // From here on green may have it, whatever becomes of the call.
            let traffic = &mut self.at_mut(*component).traffic;
            traffic.peak = traffic.peak.max(*green);
        }
        self.note_task(&effect);
        self.release.effects = self.release.effects.saturating_add(1);
        let id = EffectId(self.release.effects);
        let intent = Intent { id, attempt: 1, effect };
        self.release.in_flight.push(InFlight { intent: intent.clone(), since: self.now, retry_at: None, error: None });
        self.reaction.changed = true;
        self.reaction.start.push(intent);
        id
    }

    /// Gives up the effects that `pick` picks.
    pub(super) fn cancel_where(&mut self, pick: impl Fn(&Effect) -> bool) {
        self.cancel_picked(|flight| pick(&flight.intent.effect));
    }

    fn cancel_picked(&mut self, pick: impl Fn(&InFlight) -> bool) {
        let (gone, kept): (Vec<InFlight>, Vec<InFlight>) =
            std::mem::take(&mut self.release.in_flight).into_iter().partition(pick);
        self.release.in_flight = kept;
        if !gone.is_empty() {
            self.reaction.changed = true;
            for flight in &gone {
                match flight.intent.effect {
                    Effect::SetWeight { component, .. } => {
                        // Giving a call up does not call it back.
                        let traffic = &mut self.at_mut(component).traffic;
                        traffic.unsure = true;
                        traffic.observed = None;
                    }
                    Effect::Scale { component, .. } => self.at_mut(component).capacities = None,
                    _ => {}
                }
            }
            let ids: Vec<EffectId> = gone.iter().map(InFlight::id).collect();
            self.reaction.start.retain(|intent| !ids.contains(&intent.id));
            self.reaction.cancel.extend(ids);
        }
    }

    /// Gives up what a stage has under way, and nothing of the stages beside it.
    pub(super) fn cancel_stage(&mut self, index: usize) {
        let owned: Vec<EffectId> = self
            .release
            .in_flight
            .iter()
            .filter(|flight| self.owns(index, &flight.intent.effect))
            .map(InFlight::id)
            .collect();
        self.cancel_picked(|flight| owned.contains(&flight.id()));
    }

    /// Whether an effect is the work of a stage. Of what changes its component's place that is what only its kind asks for;
    /// a task definition that another stage waits for as well is not its own.
    pub(super) fn owns(&self, index: usize, effect: &Effect) -> bool {
        let Some((plan, _)) = self.stage(index) else { return false };
        let is_ours = |of: ComponentIndex| plan.component == Some(of);
        match effect {
            // What was given up is seen to its end, whatever becomes of the stage.
            Effect::StopTask { .. } | Effect::Notify(_) => false,
            Effect::CheckGate { stage }
            | Effect::RunCommand { stage, .. }
            | Effect::WarmUp { stage }
            | Effect::UndoCommand { stage }
            | Effect::RunChecks { stage } => *stage == index,
            Effect::SetWeight { component, .. } => matches!(plan.kind, StageKind::Shift(_)) && is_ours(*component),
            Effect::Scale { component, side: Side::Green, .. } => {
                matches!(plan.kind, StageKind::Deploy) && is_ours(*component)
            }
            Effect::Scale { component, side: Side::Blue, .. } => {
                matches!(plan.kind, StageKind::Cleanup(_)) && is_ours(*component)
            }
            Effect::RegisterTaskDefinition { component } => {
                let asks = matches!(plan.kind, StageKind::Deploy) || plan.kind.part(0).is_some();
                let mut others = self.release.active().filter(|other| *other != index);
                asks && self.definition_component(index) == *component
                    && !others.any(|other| self.waits_for_definition(other, *component))
            }
        }
    }

    /// Gives up everything but messages, for what happened is still to be told, and the stopping of tasks.
    pub(super) fn cancel_all(&mut self) {
        self.cancel_where(|effect| !matches!(effect, Effect::Notify(_) | Effect::StopTask { .. }));
    }

    pub(super) fn is_in_flight(&self, pick: impl Fn(&Effect) -> bool) -> bool {
        self.release.in_flight.iter().any(|flight| pick(&flight.intent.effect))
    }

    pub(super) fn is_setting_weight(&self, of: ComponentIndex) -> bool {
        self.is_in_flight(|effect| effect.sets_weight_of(of))
    }

    /// Starts the tries that are due.
    pub(super) fn retry_due(&mut self) {
        let now = self.now;
        let mut flights = std::mem::take(&mut self.release.in_flight);
        for flight in &mut flights {
            if flight.retry_at.is_none_or(|at| at > now) {
                continue;
            }
            self.reaction.changed = true;
            if !self.is_still_safe(&flight.intent.effect) {
                let is_held = self.release.hold.is_some();
                flight.retry_at = Some(now + if is_held { UNTIL_RESUMED } else { POSTPONED });
                continue;
            }
            flight.retry_at = None;
            flight.intent.attempt = flight.intent.attempt.saturating_add(1);
            self.reaction.start.push(flight.intent.clone());
        }
        self.release.in_flight = flights;
    }

    /// What was safe when it was first asked for may no longer be: traffic only goes where targets are healthy.
    fn is_still_safe(&self, effect: &Effect) -> bool {
        match effect {
            Effect::SetWeight { component, green } if *green == Percent::ZERO => self.may_go_to_blue(*component),
            Effect::SetWeight { component, green } => self.raise_is_blocked(*component, *green).is_none(),
            _ => true,
        }
    }

    pub(super) fn effect_ended(&mut self, id: EffectId, attempt: u32, outcome: Outcome) {
        let Some(position) = self
            .release
            .in_flight
            .iter()
            .position(|flight| flight.id() == id && flight.intent.attempt == attempt && flight.retry_at.is_none())
        else {
            // Given up meanwhile, or an end told twice.
            return;
        };
        self.reaction.changed = true;
        if let Outcome::Failed(failure) = &outcome
            && self.is_worth_retrying(position, failure)
        {
            self.retry_later(position, failure);
            return;
        }
        let flight = self.release.in_flight.remove(position);
        self.effect_settled(flight.intent.effect, outcome);
    }

    fn is_worth_retrying(&self, position: usize, failure: &Failure) -> bool {
        let Some(flight) = self.release.in_flight.get(position) else { return false };
        match &flight.intent.effect {
            // The way back is never given up while the cloud may still take it.
            Effect::SetWeight { green, .. } if *green == Percent::ZERO => true,
            Effect::Scale { side: Side::Blue, .. } if self.release.unwinding.is_some() => true,
            Effect::Notify(notice) => notice.severity == Severity::Critical || flight.intent.attempt < NOTICE_TRIES,
            // Only of a task on ECS, which a repeated request finds again.
            Effect::RunCommand { .. } | Effect::UndoCommand { .. } => failure.transient,
            effect => failure.transient && effect.is_repeatable(),
        }
    }

    fn retry_later(&mut self, position: usize, failure: &Failure) {
        let is_back = self.release.unwinding.is_some();
        let now = self.now;
        if let Some(flight) = self.release.in_flight.get_mut(position) {
            // Whoever receives messages needs as long to come back whichever way the release goes.
            let is_hasty = is_back && !matches!(flight.intent.effect, Effect::Notify(_));
            let is_late = matches!(flight.intent.effect, Effect::Notify(_)) && flight.intent.attempt >= NOTICE_TRIES;
            let longest = match (is_hasty, is_late) {
                (true, _) => LONGEST_PAUSE_BACK,
                (false, true) => LONGEST_PAUSE_LATE,
                (false, false) => LONGEST_PAUSE,
            };
            flight.retry_at = Some(now + pause_before(flight.intent.attempt, longest));
            flight.error = Some(failure.message.clone());
            if let Effect::Notify(notice) = &flight.intent.effect
                && flight.intent.attempt == NOTICE_TRIES
            {
                let text = format!("{}; it is tried again until it can be", unsent(notice, failure));
                self.line(Tone::Bad, text, None);
            }
        }
    }

    /// As the release ends, whatever is still to be told is tried once more without a pause: the engine does not stay for
    /// long.
    pub(super) fn hurry_notices(&mut self) {
        for flight in &mut self.release.in_flight {
            if matches!(flight.intent.effect, Effect::Notify(_)) && flight.retry_at.is_some() {
                flight.retry_at = Some(self.now);
            }
        }
    }

    /// An effect has come to its end for good.
    fn effect_settled(&mut self, effect: Effect, outcome: Outcome) {
        if let (Effect::RunCommand { stage, .. } | Effect::UndoCommand { stage }, true) =
            (&effect, matches!(outcome, Outcome::Exited { .. } | Outcome::NeverRan { .. }))
        {
            self.task_gone(*stage);
        }
        match effect {
            Effect::CheckGate { stage } | Effect::RunChecks { stage } | Effect::WarmUp { stage } => {
                self.checks_ended(stage, outcome);
            }
            Effect::RunCommand { stage, part } => self.part_ended(stage, part, outcome),
            Effect::UndoCommand { stage } => self.undo_ended(stage, outcome),
            Effect::StopTask { stage, .. } => self.stop_ended(stage, outcome),
            Effect::RegisterTaskDefinition { component } => self.registered(component, outcome),
            Effect::Scale { component, side, desired, task_definition } => {
                self.scaled(component, side, desired, task_definition.is_some(), outcome);
            }
            Effect::SetWeight { component, green } => self.weight_set(component, green, outcome),
            Effect::Notify(notice) => {
                if let Outcome::Failed(failure) = outcome {
                    self.line(Tone::Warning, unsent(&notice, &failure), None);
                }
            }
        }
    }

    /// A new engine goes on with a release whose last one is gone.
    pub(super) fn recovered(&mut self, by: &crate::domain::command::Actor) {
        if self.release.begun.is_none() || self.release.ended.is_some() {
            // Messages may still be owed.
            self.restart_in_flight();
            return;
        }
        self.turn(
            Tone::Warning,
            "a new engine took over; looking at the cloud first".to_owned(),
            Some(by.name.clone()),
        );
        // What the last engine knew may no longer be so. Nothing goes forward before it has been read again.
        let alarms = self.release.plan.components.map(|plan| !plan.alarms.is_empty());
        for (of, component) in self.release.components.iter_mut() {
            component.traffic.observed = None;
            component.traffic.drift_since = None;
            component.capacities = None;
            component.unhealthy_since = None;
            component.alarms_lost = alarms[of].then(|| "not read yet".to_owned());
            component.verdicts.clear();
        }
        self.restart_bakes();
        // Before anything new is asked for: that is not to be tried again beside its first try.
        self.restart_in_flight();
        self.doubt_commands();
    }

    /// Tries again whatever was under way and may be repeated.
    fn restart_in_flight(&mut self) {
        for flight in &mut self.release.in_flight {
            flight.retry_at = Some(self.now);
            // The time without an engine counts against no time-out.
            flight.since = self.now;
            self.reaction.changed = true;
        }
    }
}

fn unsent(notice: &Notice, failure: &Failure) -> String {
    format!("`{}` could not be sent to {}: {}", notice.subject, notice.channel, failure.message)
}

/// The pause after try number `attempt`.
fn pause_before(attempt: u32, longest: Duration) -> Duration {
    let doublings = attempt.saturating_sub(1).min(16);
    FIRST_PAUSE.saturating_mul(1 << doublings).min(longest)
}
