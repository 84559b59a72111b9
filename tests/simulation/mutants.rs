//! Broken engines: each invariant's check catches the one that breaks it.

use std::time::Duration;

use cutover::domain::command::CommandKind;
use cutover::domain::plan::Driver;

use crate::cloud::Lie;
use crate::drive;
use crate::more::{More, Place};
use crate::pair::Pair;
use crate::parts::Sabotage;
use crate::trial::{Ambush, Disturbance, Fate, Life, Press, Prey, Seen, Trial};
use crate::watch::Invariant;

/// Runs the release with and without the sabotage: only the sabotage may be caught, as what it is.
fn is_caught(sabotage: Sabotage, invariant: Invariant, change: impl Fn(&mut Trial)) {
    let mut trial = Trial::plain(7);
    change(&mut trial);
    let honest = drive::run(&trial, None);
    assert!(honest.violations.is_empty(), "{honest}");
    let report = drive::run(&trial, Some(sabotage));
    let first = report.violations.first().map(|violation| violation.invariant);
    assert_eq!(first, Some(invariant), "{sabotage:?} with seed {}: {report}", trial.seed);
    println!("{sabotage:?} with seed {}: {}", trial.seed, report.violations[0]);
}

fn as_it_is(_: &mut Trial) {}

fn rolls_back(trial: &mut Trial) {
    trial.calm = Duration::from_mins(5);
    let at = Duration::from_secs(200);
    trial.presses = vec![Press { at, operator: 0, command: CommandKind::Rollback, seen: Seen::Newest, aim: None }];
}

#[test]
fn a_weight_that_is_not_in_the_plan() {
    is_caught(Sabotage::Cloud(Lie::SetsAThird), Invariant::I1, as_it_is);
}

#[test]
fn a_raise_after_the_rollback_has_begun() {
    is_caught(Sabotage::Cloud(Lie::RaisesAfterZero), Invariant::I2, rolls_back);
}

#[test]
fn a_success_without_all_the_traffic() {
    is_caught(Sabotage::Cloud(Lie::SwallowsFull), Invariant::I3, |trial| trial.shape.cleans_up = false);
}

#[test]
fn a_rollback_that_left_traffic_on_green() {
    is_caught(Sabotage::Cloud(Lie::SwallowsZero), Invariant::I3, rolls_back);
}

#[test]
fn traffic_onto_targets_that_are_not_there() {
    // A task of green dies every twelve seconds, from the first step on.
    is_caught(Sabotage::Cloud(Lie::SaysHealthy), Invariant::I4, |trial| {
        trial.calm = Duration::from_mins(16);
        let crash = |at| (Duration::from_secs(at), Disturbance::TaskCrashes("api-green"));
        trial.disturbances = (60..900).step_by(12).map(crash).collect();
    });
}

#[test]
fn a_side_taken_down_under_its_traffic() {
    is_caught(Sabotage::Cloud(Lie::SwallowsFull), Invariant::I4, as_it_is);
}

#[test]
fn an_effect_without_its_intent() {
    is_caught(Sabotage::JournalDropsIntents, Invariant::I5, as_it_is);
}

#[test]
fn a_task_definition_registered_twice() {
    is_caught(Sabotage::Cloud(Lie::RegistersTwice), Invariant::I5, as_it_is);
}

#[test]
fn a_program_run_twice() {
    is_caught(Sabotage::ProgramsRunTwice, Invariant::I5, as_it_is);
}

#[test]
fn an_engine_that_acts_without_a_journal() {
    is_caught(Sabotage::JournalHidesItsFailure, Invariant::I5, |trial| {
        trial.calm = Duration::from_mins(5);
        let fate = Fate::LosesJournal { append: 12, is_kept: false };
        trial.lives = vec![Life { skew: 0, speed: 1.0, fate, gap: Duration::from_secs(10) }];
    });
}

#[test]
fn a_promotion_without_evidence() {
    is_caught(Sabotage::JudgePasses, Invariant::I6, |trial| trial.rate = 0.5);
}

#[test]
fn an_order_without_an_answer() {
    is_caught(Sabotage::OrdersAreLost, Invariant::I7, rolls_back);
}

#[test]
fn a_release_that_never_ends() {
    is_caught(Sabotage::Cloud(Lie::NeverSetsZero), Invariant::I7, rolls_back);
}

#[test]
fn a_message_that_is_never_sent() {
    is_caught(Sabotage::NotifierDrops, Invariant::I9, as_it_is);
}

#[test]
fn a_message_that_is_sent_twice() {
    is_caught(Sabotage::NotifierDoubles, Invariant::I9, as_it_is);
}

#[test]
fn a_secret_in_the_cloud_s_own_words_reaches_nobody() {
    let report = drive::run(&Trial::plain(7), Some(Sabotage::Cloud(Lie::TellsSecret)));
    assert!(report.violations.is_empty(), "{report}");
}

#[test]
fn a_secret_in_a_program_s_output() {
    is_caught(Sabotage::NoRedactor, Invariant::I10, as_it_is);
}

#[test]
fn a_journal_that_does_not_tell_everything() {
    is_caught(Sabotage::JournalDropsTheEnd, Invariant::Replay, |trial| {
        trial.disturbances = vec![(Duration::from_secs(20), Disturbance::TaskCrashes("api-green"))];
    });
}

/// Beside an honest first component. It is the last one's cloud that lies.
fn is_caught_beside(lie: Lie, invariant: Invariant, change: impl Fn(&mut Trial)) {
    is_caught(Sabotage::Cloud(lie), invariant, |trial| {
        trial.pair = Some(Pair::plain());
        change(trial);
    });
}

#[test]
fn what_a_second_component_is_set_to() {
    is_caught_beside(Lie::SetsAThird, Invariant::I1, as_it_is);
    is_caught_beside(Lie::RaisesAfterZero, Invariant::I2, rolls_back);
}

#[test]
fn what_is_claimed_of_a_second_component() {
    is_caught_beside(Lie::SwallowsFull, Invariant::I3, |trial| trial.shape.cleans_up = false);
    is_caught_beside(Lie::SwallowsZero, Invariant::I3, rolls_back);
}

#[test]
fn a_second_component_whose_targets_are_not_there() {
    is_caught_beside(Lie::SaysHealthy, Invariant::I4, |trial| {
        trial.calm = Duration::from_mins(16);
        let crash = |at| (Duration::from_secs(at), Disturbance::TaskCrashes("web-green"));
        trial.disturbances = (60..900).step_by(12).map(crash).collect();
    });
    is_caught_beside(Lie::SwallowsFull, Invariant::I4, as_it_is);
}

#[test]
fn a_second_component_s_task_definition_registered_twice() {
    is_caught_beside(Lie::RegistersTwice, Invariant::I5, as_it_is);
}

#[test]
fn a_second_component_promoted_without_evidence() {
    is_caught(Sabotage::JudgePasses, Invariant::I6, |trial| {
        trial.pair = Some(Pair { rate: 0.5, ..Pair::plain() });
    });
}

#[test]
fn a_second_component_that_never_comes_back() {
    is_caught_beside(Lie::NeverSetsZero, Invariant::I7, rolls_back);
}

/// The same of a deployment inside AWS.
fn is_caught_inside(drivers: &[Driver], sabotage: Sabotage, invariant: Invariant, change: impl Fn(&mut Trial)) {
    for driver in drivers {
        is_caught(sabotage, invariant, |trial| {
            *trial = trial.clone().driven_by(*driver);
            change(trial);
        });
    }
}

/// By an operator, as soon as green has its first users.
fn goes_back_early(trial: &mut Trial) {
    trial.calm = Duration::from_mins(5);
    let weight = trial.shape.steps[0].weight.get();
    trial.ambush =
        Some(Ambush { effect: Prey::Weight(weight), after: Duration::from_secs(45), command: CommandKind::Rollback });
}

#[test]
fn a_deployment_that_is_let_on_further_than_was_asked_for() {
    is_caught_inside(&[Driver::Native], Sabotage::Cloud(Lie::LetsOnToAll), Invariant::I1, as_it_is);
}

#[test]
fn a_deployment_that_is_let_on_after_the_rollback_has_begun() {
    is_caught_inside(&[Driver::Native], Sabotage::Cloud(Lie::LetsOnForZero), Invariant::I2, goes_back_early);
}

#[test]
fn what_is_claimed_of_a_deployment() {
    let full = Sabotage::Cloud(Lie::SwallowsFull);
    is_caught_inside(&[Driver::Native], full, Invariant::I3, |trial| trial.shape.cleans_up = false);
    is_caught_inside(
        &[Driver::Native, Driver::CodeDeploy],
        Sabotage::Cloud(Lie::SwallowsZero),
        Invariant::I3,
        goes_back_early,
    );
}

#[test]
fn a_deployment_that_takes_blue_down_under_its_traffic() {
    is_caught_inside(&[Driver::Native], Sabotage::Cloud(Lie::SwallowsFull), Invariant::I4, as_it_is);
}

#[test]
fn a_deployment_without_its_intent() {
    is_caught_inside(&[Driver::CodeDeploy], Sabotage::JournalDropsIntents, Invariant::I5, as_it_is);
    is_caught_inside(
        &[Driver::Native, Driver::CodeDeploy],
        Sabotage::Cloud(Lie::StopsForNothing),
        Invariant::I5,
        as_it_is,
    );
}

#[test]
fn a_deployment_promoted_without_evidence() {
    is_caught_inside(&[Driver::Native], Sabotage::JudgePasses, Invariant::I6, |trial| trial.rate = 0.5);
}

/// With a migration on ECS that takes so long, undone on ECS if at all.
fn migrates(lasts: Duration, undo: Option<Place>) -> impl Fn(&mut Trial) {
    move |trial| {
        let mut more = More { seeds: None, lasts, ..More::plain() };
        more.migration.as_mut().unwrap().undo = undo;
        trial.more = Some(more);
    }
}

const HOUR: Duration = Duration::from_hours(1);

#[test]
fn a_task_that_outlives_its_release() {
    is_caught(Sabotage::Cloud(Lie::SwallowsStops), Invariant::Leftover, migrates(HOUR, None));
}

#[test]
fn an_undo_beside_its_migration() {
    for undo in [Place::Here, Place::Ecs] {
        is_caught(Sabotage::Cloud(Lie::SwallowsStops), Invariant::Migration, migrates(HOUR, Some(undo)));
    }
}

#[test]
fn a_migration_that_runs_twice_at_once() {
    is_caught(Sabotage::Cloud(Lie::RunsTasksTwice), Invariant::Migration, migrates(Duration::from_secs(20), None));
}

#[test]
fn something_new_after_a_failed_migration() {
    is_caught(Sabotage::Cloud(Lie::SaysTasksSucceed), Invariant::Migration, |trial| {
        migrates(Duration::from_secs(20), None)(trial);
        trial.more.as_mut().unwrap().exit_code = 3;
    });
}

#[test]
fn a_flag_that_is_on_while_the_weights_go_back() {
    is_caught(Sabotage::FlagsAreCommands, Invariant::Flags, |trial| {
        trial.more = Some(More::plain());
        trial.calm = Duration::from_mins(10);
        trial.ambush =
            Some(Ambush { effect: Prey::Weight(50), after: Duration::from_secs(10), command: CommandKind::Rollback });
    });
}
