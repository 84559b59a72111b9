//! What looking back needs to know of a release, asked in one place: audit, account, metrics and incident report read a
//! release through these functions alone, and not through its shape.

use super::event::FiringAlarm;
use super::percent::Percent;
use super::plan::StagePlan;
use super::release::{Release, Stage, Unwinding};
use super::signal::Verdict;
use super::time::Timestamp;

/// Green's weight as set, and as last read back.
pub fn weights(release: &Release) -> (Percent, Option<Percent>) {
    (release.traffic.set, release.traffic.observed)
}

/// The newest verdicts.
pub fn verdicts(release: &Release) -> &[Verdict] {
    &release.verdicts
}

/// The alarms that fire.
pub fn firing(release: &Release) -> &[FiringAlarm] {
    &release.firing
}

/// Every stage with its plan, in the pipeline's order.
pub fn stages(release: &Release) -> impl Iterator<Item = (&StagePlan, &Stage)> {
    release.plan.stages.iter().zip(&release.stages)
}

/// The way back, once it has begun.
pub fn way_back(release: &Release) -> Option<&Unwinding> {
    release.unwinding.as_ref()
}

/// Whether all production traffic is on green, as read back.
pub fn is_fully_on_green(release: &Release) -> bool {
    release.traffic.observed == Some(Percent::FULL)
}

/// Since when green has been less than fully healthy while it took traffic.
pub fn unhealthy_since(release: &Release) -> Option<Timestamp> {
    release.unhealthy_since
}

/// Since when green has had production traffic, if it ever had any.
pub fn exposed_since(release: &Release) -> Option<Timestamp> {
    release.traffic_span().map(|(since, _)| since)
}
