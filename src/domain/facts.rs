//! What looking back needs to know of a release, asked in one place: audit, account, metrics and incident report read a
//! release through these functions alone, and not through its shape.

use super::components::ComponentIndex;
use super::event::FiringAlarm;
use super::ids::ComponentName;
use super::percent::Percent;
use super::plan::{Plan, StagePlan};
use super::release::{Release, Stage, Unwinding};
use super::signal::Verdict;
use super::time::Timestamp;

/// The name of a component where there are several: where there is one, everything is about it. None of what a journal
/// says of a component that the plan does not have.
pub fn name(plan: &Plan, of: ComponentIndex) -> Option<ComponentName> {
    let is_one_of_several = plan.components.count() > 1 && plan.components.holds(of);
    is_one_of_several.then(|| plan.components[of].name.clone())
}

/// Every component of a release, in its plan's order.
pub fn components(release: &Release) -> impl Iterator<Item = ComponentIndex> + use<> {
    release.components.indices()
}

/// Green's weight as set, and as last read back.
pub fn weights(release: &Release, of: ComponentIndex) -> (Percent, Option<Percent>) {
    let traffic = &release.components[of].traffic;
    (traffic.set, traffic.observed)
}

/// The newest verdicts.
pub fn verdicts(release: &Release, of: ComponentIndex) -> &[Verdict] {
    &release.components[of].verdicts
}

/// The alarms that fire.
pub fn firing(release: &Release, of: ComponentIndex) -> &[FiringAlarm] {
    &release.components[of].firing
}

/// Every stage with its plan, in the pipeline's order.
pub fn stages(release: &Release) -> impl Iterator<Item = (&StagePlan, &Stage)> {
    release.plan.stages.iter().zip(&release.stages)
}

/// The way back, once it has begun.
pub fn way_back(release: &Release) -> Option<&Unwinding> {
    release.unwinding.as_ref()
}

/// Whether all production traffic of every component that has any to shift is on its green, as read back.
pub fn is_fully_on_green(release: &Release) -> bool {
    let shifted = || components(release).filter(|of| release.plan.components[*of].sides.is_some());
    shifted().next().is_some() && shifted().all(|of| weights(release, of).1 == Some(Percent::FULL))
}

/// Since when green has been less than fully healthy while it took traffic.
pub fn unhealthy_since(release: &Release, of: ComponentIndex) -> Option<Timestamp> {
    release.components[of].unhealthy_since
}

/// Since when green has had production traffic, if it ever had any.
pub fn exposed_since(release: &Release, of: ComponentIndex) -> Option<Timestamp> {
    release.components[of].traffic_span().map(|(since, _)| since)
}

/// Whether green may have had production traffic at any time.
pub fn was_exposed(release: &Release, of: ComponentIndex) -> bool {
    release.components[of].has_shifted()
}

/// Whether green has production traffic now, as far as is known.
pub fn is_exposed(release: &Release, of: ComponentIndex) -> bool {
    release.components[of].is_green_live()
}
