//! What an engine may still do for a release once it can keep nothing any more: at most bring all traffic to blue.

use super::components::ComponentIndex;
use super::effect::Effect;
use super::ids::Side;
use super::percent::Percent;
use super::plan::StageKind;
use super::release::{Release, StageStatus, Work};

/// What is right to do without a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LastResort {
    /// Nothing: green never had traffic, or the release has ended.
    Nothing,
    /// Nothing, although green has the traffic: blue was told to go, and may not be there to take it back, or what it made
    /// of the data is being undone.
    KeepGreen,
    /// All traffic to blue. Asking for it twice changes nothing, and whoever takes the release up again sees it.
    BringBack {
        /// Blue was seen with enough healthy targets. If not, it has to be looked at first.
        is_blue_ready: bool,
        /// A raise was under way, and may still take effect.
        may_rise: bool,
    },
}

/// What is right to do for a component of `release` without a journal.
pub fn last_resort(release: &Release, of: ComponentIndex) -> LastResort {
    let component = &release.components[of];
    if release.ended.is_some() || !component.has_shifted() {
        return LastResort::Nothing;
    }
    if is_blue_leaving(release, of) || is_blue_unfit(release) {
        return LastResort::KeepGreen;
    }
    let (rollback, wanted) = (release.plan.rollback, release.plan.components[of].wanted(Side::Blue));
    let is_raise = |effect: &Effect| matches!(effect, Effect::SetWeight { component, green } if *component == of && *green > Percent::ZERO);
    LastResort::BringBack {
        // Where no blue stands beside green, it comes up as it takes the traffic.
        is_blue_ready: !release.plan.components[of].driver().is_side_by_side()
            || (component.capacities.as_ref()).is_some_and(|both| rollback.is_enough(both.blue.dependable(), wanted)),
        may_rise: component.traffic.unsure || release.in_flight.iter().any(|flight| is_raise(&flight.intent.effect)),
    }
}

/// What is right to do for the release as a whole: what is most urgent of its components.
pub fn most_urgent(release: &Release) -> LastResort {
    let resorts = || release.components.indices().map(|of| last_resort(release, of));
    let brings_back = resorts().find(|resort| matches!(resort, LastResort::BringBack { .. }));
    brings_back.or_else(|| resorts().find(|resort| *resort == LastResort::KeepGreen)).unwrap_or(LastResort::Nothing)
}

/// Whether what blue made of the data was begun to be undone, on the way back to an earlier release.
fn is_blue_unfit(release: &Release) -> bool {
    let Some(earlier) = release.plan.origin.earlier() else { return false };
    let mut stages = release.plan.stages.iter().zip(&release.stages);
    stages.any(|(plan, stage)| stage.attempts > 0 && earlier.undoes.iter().any(|undoes| undoes.by == plan.name))
}

/// Whether blue was asked to go, whatever became of that.
fn is_blue_leaving(release: &Release, of: ComponentIndex) -> bool {
    let is_cleaning = release.plan.stages.iter().zip(&release.stages).any(|(plan, stage)| {
        matches!(plan.kind, StageKind::Cleanup(_))
            && plan.component == Some(of)
            && (stage.work == Work::Asked || matches!(stage.status, StageStatus::Passed | StageStatus::Failed))
    });
    let is_going = |effect: &Effect| matches!(effect, Effect::Scale { component, side: Side::Blue, desired: 0, .. } if *component == of);
    is_cleaning || release.in_flight.iter().any(|flight| is_going(&flight.intent.effect))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::fixture::{self, Scene};
    use crate::domain::effect::Intent;
    use crate::domain::ids::EffectId;
    use crate::domain::release::InFlight;
    use crate::domain::time::Timestamp;

    fn under_way(effect: Effect) -> InFlight {
        let intent = Intent { id: EffectId(1), attempt: 1, effect };
        InFlight { intent, since: Timestamp::default(), retry_at: None, error: None }
    }

    fn resort(change: impl Fn(&mut Release)) -> LastResort {
        let mut release = fixture::release(Scene::Baking);
        change(&mut release);
        last_resort(&release, ComponentIndex::FIRST)
    }

    #[test]
    fn traffic_comes_back_only_from_a_green_that_may_have_it_and_to_a_blue_that_stays() {
        let back = |is_blue_ready, may_rise| LastResort::BringBack { is_blue_ready, may_rise };
        assert_eq!(resort(|_| {}), back(true, false));
        assert_eq!(resort(|release| release.components[ComponentIndex::FIRST].capacities = None), back(false, false));
        let raise = |green| under_way(Effect::SetWeight { component: ComponentIndex::FIRST, green });
        assert_eq!(resort(|release| release.in_flight = vec![raise(Percent::FULL)]), back(true, true));
        assert_eq!(resort(|release| release.in_flight = vec![raise(Percent::ZERO)]), back(true, false));
        let going =
            Effect::Scale { component: ComponentIndex::FIRST, side: Side::Blue, desired: 0, task_definition: None };
        assert_eq!(resort(|release| release.in_flight = vec![under_way(going.clone())]), LastResort::KeepGreen);
        for scene in [Scene::Deploying, Scene::Succeeded, Scene::RolledBack] {
            assert_eq!(last_resort(&fixture::release(scene), ComponentIndex::FIRST), LastResort::Nothing, "{scene:?}");
        }
    }
}
