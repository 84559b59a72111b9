//! A release of two components: their stages in one plan.

use cutover::domain::components::{ComponentIndex, Components};
use cutover::domain::ids::StageName;
use cutover::domain::plan::{Plan, StageKind, StagePlan};

/// What is drawn of a second component and of how it goes along with the first.
#[derive(Clone, Debug)]
pub(crate) struct Pair {
    /// The scenario of its world.
    pub(crate) scenario: &'static str,
    /// Requests a second.
    pub(crate) rate: f64,
    /// Each component is verified by a stage of its own, and not both by one.
    pub(crate) verifies_each: bool,
    /// The second is deployed and shifted after the first, and not beside it.
    pub(crate) in_turn: bool,
    /// Traffic goes back one component after the other.
    pub(crate) back_in_turn: bool,
}

impl Pair {
    /// A good release, side by side with the first.
    pub(crate) fn plain() -> Self {
        Self { scenario: "healthy", rate: 12.0, verifies_each: false, in_turn: false, back_in_turn: false }
    }

    /// Stages that are about a component come once for each, side by side; the others come once and wait for all
    /// that came before.
    pub(crate) fn join(&self, plans: &[Plan]) -> Plan {
        let [first, ..] = plans else { unreachable!("a release has components") };
        let components: Vec<_> = plans.iter().map(|plan| plan.components[ComponentIndex::FIRST].clone()).collect();
        let mut plan = Plan { components: Components::try_from(components).unwrap(), ..first.clone() };
        plan.rollback.one_by_one = self.back_in_turn;
        plan.stages.clear();
        let mut before: Vec<usize> = Vec::new();
        let runs: Vec<Vec<&[StagePlan]>> = plans.iter().map(|plan| self.runs(&plan.stages)).collect();
        for (at, first) in runs[0].iter().enumerate() {
            if first.first().is_some_and(|stage| self.is_common(stage)) {
                before = chain(&mut plan.stages, first, before, |stage| StagePlan { component: None, ..stage });
                continue;
            }
            let is_shift = first.iter().any(|stage| matches!(stage.kind, StageKind::Shift(_)));
            let mut ends = Vec::new();
            for (of, runs) in plan.components.indices().zip(&runs) {
                let name = &plan.components[of].name;
                let after = if self.in_turn && is_shift && !ends.is_empty() { ends.clone() } else { before.clone() };
                let own = runs.get(at).copied().unwrap_or_default();
                ends.extend(chain(&mut plan.stages, own, after, |stage| StagePlan {
                    name: StageName::from(format!("{}-{name}", stage.name).as_str()),
                    component: Some(of),
                    ..stage
                }));
            }
            before = ends;
        }
        assert!(plan.is_sound());
        plan
    }

    /// Stages of a plan that follow one another and are all common, or all the component's. Plans differ in what they have
    /// between the common ones.
    fn runs<'a>(&self, stages: &'a [StagePlan]) -> Vec<&'a [StagePlan]> {
        let mut runs: Vec<&[StagePlan]> =
            stages.chunk_by(|one, next| self.is_common(one) == self.is_common(next)).collect();
        if stages.last().is_some_and(|last| self.is_common(last)) {
            runs.push(&[]);
        }
        runs
    }

    fn is_common(&self, stage: &StagePlan) -> bool {
        stage.component.is_none() || (!self.verifies_each && matches!(stage.kind, StageKind::Verify(_)))
    }
}

/// Puts stages one after the other behind those with the indices `after`; the last one's index.
fn chain(
    all: &mut Vec<StagePlan>,
    stages: &[StagePlan],
    mut after: Vec<usize>,
    make: impl Fn(StagePlan) -> StagePlan,
) -> Vec<usize> {
    for stage in stages {
        let index = all.len();
        all.push(StagePlan { after, ..make(stage.clone()) });
        after = vec![index];
    }
    after
}
