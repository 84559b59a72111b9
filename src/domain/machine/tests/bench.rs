//! A release in a cloud that does as it is asked, for tests of the machine.

use super::*;

/// A component's place in the cloud.
#[derive(Clone)]
pub(super) struct Spot {
    pub(super) weight: Percent,
    pub(super) capacity: Capacities,
    pub(super) firing: Vec<FiringAlarm>,
}

/// A release in a cloud that does at once what it is asked to, unless told otherwise.
pub(super) struct Bench {
    pub(super) release: Release,
    pub(super) now: Timestamp,
    pub(super) spots: Components<Spot>,
    /// Effects asked for and not yet ended.
    pub(super) open: Vec<Intent>,
    pub(super) asked: Vec<Effect>,
}

impl Bench {
    pub(super) fn new(plan: Plan) -> Self {
        let capacity = |name: &str, count| Capacity {
            task_definition: side(name).task_definition,
            desired: count,
            running: count,
            healthy: count,
            registered: count,
            steady: true,
            ..Capacity::default()
        };
        let spots = plan.components.map(|_| Spot {
            weight: Percent::ZERO,
            capacity: Capacities { blue: capacity("blue", 4), green: capacity("green", 0), deployment: None },
            firing: Vec::new(),
        });
        Self {
            release: Release::planned(ReleaseId(41), plan),
            now: Timestamp::from_secs(1_000_000),
            spots,
            open: Vec::new(),
            asked: Vec::new(),
        }
    }

    /// The place of the first component.
    pub(super) fn api(&mut self) -> &mut Spot {
        &mut self.spots[API]
    }

    pub(super) fn begun() -> Self {
        let mut bench = Self::new(plan());
        let _ = bench.tell(Event::Requested { by: captain() });
        bench
    }

    pub(super) fn tell(&mut self, event: Event) -> Reaction {
        let before = self.release.clone();
        let reaction = step(&mut self.release, event, self.now);
        if !reaction.changed {
            assert_eq!(before, self.release, "a reaction that says nothing changed must leave nothing changed");
            assert!(reaction.start.is_empty() && reaction.cancel.is_empty());
        }
        self.open.retain(|intent| !reaction.cancel.contains(&intent.id));
        let mut started: Vec<_> = reaction.start.iter().map(|intent| intent.id).collect();
        started.sort();
        started.dedup();
        assert_eq!(started.len(), reaction.start.len(), "I5: one effect is started twice at once");
        for intent in &reaction.start {
            self.check_asked(intent, &before);
            self.asked.push(intent.effect.clone());
            self.open.push(intent.clone());
        }
        for (of, component) in self.release.components.iter() {
            if before.components[of].restored != component.restored {
                assert!(component.capacities.as_ref().is_some_and(|both| both.blue.healthy >= 3), "I3");
            }
        }
        if before.ended.is_none() {
            self.check_state();
        }
        reaction
    }

    /// I1, I2 and I4 on what is asked for.
    pub(super) fn check_asked(&self, intent: &Intent, before: &Release) {
        if let Effect::SetWeight { component, green } = intent.effect {
            let seen = self.release.components[component].capacities.as_ref();
            assert!(self.release.plan.allows(component, green), "I1: {green} is not in the plan");
            if green > Percent::ZERO {
                assert!(before.unwinding.is_none(), "I2: green raised after turning round");
                assert!(self.release.unwinding.is_none(), "I2: green raised while turning round");
                let green = seen.map(|both| both.green.healthy);
                assert!(green >= Some(4), "I4: traffic onto {green:?} healthy targets");
            } else {
                let blue = seen.map(|both| both.blue.healthy);
                assert!(blue >= Some(3), "I4: traffic back onto {blue:?} healthy targets");
            }
        }
        if before.ended.is_some() {
            assert!(matches!(intent.effect, Effect::Notify(_)), "an ended release acts: {intent:?}");
        }
    }

    /// I3 on what is claimed.
    pub(super) fn check_state(&self) {
        let Some(ended) = &self.release.ended else { return };
        let is_at = |weight, shifted: bool| {
            let components =
                self.release.components.iter().filter(|(_, component)| !shifted || component.has_shifted());
            components.map(|(_, component)| component.traffic.observed).all(|observed| observed == Some(weight))
        };
        match ended.ending {
            Ending::Succeeded => assert!(is_at(Percent::FULL, false), "I3"),
            Ending::RolledBack => {
                assert!(is_at(Percent::ZERO, true), "I3");
                assert!(
                    !self.release.has_shifted()
                        || self.release.unwinding.as_ref().is_some_and(|back| back.restored.is_some()),
                    "I3: {:#?}",
                    self.release
                );
            }
            Ending::Aborted if self.release.has_shifted() => assert!(is_at(Percent::ZERO, true), "I3"),
            Ending::Failed | Ending::Aborted => assert!(!self.release.has_shifted(), "I3"),
            Ending::RollbackFailed => {}
        }
    }

    pub(super) fn end(&mut self, intent: &Intent, outcome: Outcome) {
        self.open.retain(|open| open.id != intent.id);
        let _ = self.tell(Event::EffectEnded { id: intent.id, attempt: intent.attempt, outcome });
    }

    /// Does what the oldest open effect asks for.
    pub(super) fn carry_out(&mut self) -> bool {
        let Some(intent) = self.open.first().cloned() else { return false };
        let outcome = match &intent.effect {
            Effect::CheckGate { .. } | Effect::RunChecks { .. } | Effect::WarmUp { .. } => {
                Outcome::Checked(vec![CheckResult::new("it", true, "")])
            }
            Effect::RunCommand { .. } | Effect::UndoCommand { .. } => {
                Outcome::Exited { code: Some(0), tail: Vec::new() }
            }
            Effect::RegisterTaskDefinition { .. } => Outcome::Registered(TaskDefinitionArn("td/api:9".to_owned())),
            Effect::Scale { component, side, desired, task_definition } => {
                let both = &mut self.spots[*component].capacity;
                let capacity = match side {
                    Side::Blue => &mut both.blue,
                    Side::Green => &mut both.green,
                };
                (capacity.desired, capacity.running, capacity.healthy) = (*desired, *desired, *desired);
                if let Some(arn) = task_definition {
                    capacity.task_definition = arn.clone();
                }
                Outcome::Done
            }
            Effect::SetWeight { component, green } => {
                self.spots[*component].weight = *green;
                Outcome::Done
            }
            Effect::StopTask { .. } | Effect::Notify(_) => Outcome::Done,
        };
        self.end(&intent, outcome);
        true
    }

    pub(super) fn look(&mut self) {
        for component in self.spots.indices() {
            let Spot { weight: green, capacity: capacities, firing } = self.spots[component].clone();
            let _ = self.tell(Event::WeightObserved { component, green });
            let _ = self.tell(Event::CapacityObserved { component, capacities });
            let _ = self.tell(Event::AlarmsObserved { component, firing });
        }
    }

    /// Carries out and looks until nothing moves without time passing.
    pub(super) fn settle(&mut self) {
        for _ in 0..200 {
            while self.carry_out() {}
            let before = self.release.clone();
            self.look();
            if self.open.is_empty() && before == self.release {
                return;
            }
        }
        panic!("never settles");
    }

    pub(super) fn wait(&mut self, span: Duration) {
        self.now = self.now + span;
        let _ = self.tell(Event::Ticked);
    }

    pub(super) fn judge(&mut self, ruling: Ruling, policy: Policy) {
        for component in self.spots.indices() {
            let _ = self.tell(Event::Judged { component, verdicts: vec![verdict(ruling, policy)] });
        }
    }

    pub(super) fn order(&mut self, command: Command) -> Result<Revision, Refusal> {
        let seen = Some(self.release.revision);
        let order = Order { command, stage: None, by: captain(), seen };
        self.tell(Event::Ordered(order)).answer.expect("I7: every order is answered")
    }

    pub(super) fn to_bake_at_ten() -> Self {
        let mut bench = Self::begun();
        bench.settle();
        assert!(
            matches!(bench.release.step(API), Some((0, StepPhase::Baking { .. }))),
            "{:#?}",
            bench.release.timeline
        );
        bench
    }

    pub(super) fn ending(&self) -> Option<Ending> {
        self.release.ended.as_ref().map(|ended| ended.ending)
    }

    pub(super) fn finish_well(&mut self) {
        for _ in 0..60 {
            self.settle();
            if self.release.ended.is_some() {
                return;
            }
            self.wait(MINUTE);
            self.judge(Ruling::Pass, Policy::Rollback);
        }
    }

    pub(super) fn asked_weights(&self) -> Vec<u8> {
        let weight = |effect: &Effect| match effect {
            Effect::SetWeight { green, .. } => Some(green.get()),
            _ => None,
        };
        self.asked.iter().filter_map(weight).collect()
    }
}
