use super::*;

const DAY: i64 = 86_400;

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(secs)
}

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn run(release: u64, begun: i64, ended: i64, ending: Ending) -> Run {
    let timing = Timing {
        deployed: (ending == Ending::Succeeded).then(|| at(ended - 10)),
        working: secs(u64::try_from(ended - begun - 10).unwrap()),
        ..Timing::default()
    };
    Run {
        release: ReleaseId(release),
        environment: "production".into(),
        components: vec!["api".into()],
        begun: at(begun),
        ended: at(ended),
        ending,
        reached_users: !matches!(ending, Ending::Failed),
        timing,
    }
}

/// Ten days: four successes, one rollback, one failed rollback that the last success mends, one that never reached
/// anybody, and one from before the window.
fn runs() -> Vec<Run> {
    let mut waited = run(2, DAY, DAY + 1_010, Ending::Succeeded);
    waited.timing.working = secs(400);
    waited.timing.waiting = secs(600);
    let mut back = run(3, 2 * DAY, 2 * DAY + 500, Ending::RolledBack);
    back.timing.harmed = Some(at(2 * DAY + 300));
    back.timing.decided = Some(at(2 * DAY + 340));
    back.timing.restored = Some(at(2 * DAY + 352));
    let mut stuck = run(4, 3 * DAY, 3 * DAY + 900, Ending::RollbackFailed);
    stuck.timing.harmed = Some(at(3 * DAY + 100));
    stuck.timing.decided = Some(at(3 * DAY + 130));
    vec![
        run(1, -DAY, -DAY + 310, Ending::Succeeded),
        run(1, 0, 310, Ending::Succeeded),
        waited,
        back,
        stuck,
        run(5, 3 * DAY + 1_000, 3 * DAY + 1_110, Ending::Succeeded),
        run(6, 4 * DAY, 4 * DAY + 60, Ending::Failed),
        run(7, 5 * DAY, 5 * DAY + 210, Ending::Succeeded),
    ]
}

#[test]
fn the_figures_are_those_computed_by_hand() {
    let metrics = metrics(&runs(), at(0), at(10 * DAY));
    assert_eq!((metrics.releases, metrics.succeeded, metrics.failed_changes), (7, 4, 2));
    assert_eq!(metrics.stopped_before_traffic, 1);
    // Four successes in ten days.
    assert!((metrics.deployments_a_day - 0.4).abs() < 1e-12);
    // Six of the seven reached users, two of them failed there.
    assert!((metrics.change_failure_percent.unwrap() - 100.0 / 3.0).abs() < 1e-9);
    // 100, 200, 300 and 1000 s until all traffic was on green: the lower middle one is 200 s.
    let spread = |count, median, longest| Spread { count, median_ms: Some(median), longest_ms: Some(longest) };
    assert_eq!(metrics.deployment, spread(4, 200_000, 1_000_000));
    assert_eq!(metrics.working, spread(4, 200_000, 400_000));
    assert_eq!(metrics.waiting, spread(4, 0, 600_000));
    // From 340 to 352.
    assert_eq!(metrics.rollback, spread(1, 12_000, 12_000));
    // 300 to 352, and from 100 until the next success had all traffic at 1100.
    assert_eq!(metrics.restore, spread(2, 52_000, 1_000_000));
    assert_eq!(metrics.not_restored, 0);
}

#[test]
fn what_nothing_has_mended_yet_is_not_counted_as_mended() {
    let all = runs();
    let without_successes: Vec<Run> = all.iter().filter(|run| run.ending != Ending::Succeeded).cloned().collect();
    let metrics = metrics(&without_successes, at(0), at(10 * DAY));
    assert_eq!((metrics.restore.count, metrics.not_restored), (1, 1));
    assert!((metrics.change_failure_percent.unwrap() - 100.0).abs() < f64::EPSILON);
    // A success of something else mends nothing.
    let mut other = run(9, 4 * DAY, 4 * DAY + 60, Ending::Succeeded);
    other.components = vec!["web".into()];
    let with_other: Vec<Run> = without_successes.into_iter().chain([other]).collect();
    assert_eq!(super::metrics(&with_other, at(0), at(10 * DAY)).not_restored, 1);
}

#[test]
fn a_failure_of_several_is_mended_once_the_last_of_them_serves_well_again() {
    let mut both = run(1, 0, 1_000, Ending::RollbackFailed);
    both.components = vec!["api".into(), "web".into()];
    both.timing.harmed = Some(at(500));
    let api = run(2, 2_000, 2_510, Ending::Succeeded);
    let half = [both.clone(), api.clone()];
    assert_eq!(super::metrics(&half, at(0), at(DAY)).not_restored, 1, "web still serves badly");
    let mut web = run(3, 3_000, 3_510, Ending::Succeeded);
    web.components = vec!["web".into()];
    let restore = super::metrics(&[both, api, web], at(0), at(DAY)).restore;
    assert_eq!(restore, Spread { count: 1, median_ms: Some(3_000_000), longest_ms: Some(3_000_000) });
}

#[test]
fn nothing_released_is_no_failure_and_no_success() {
    let metrics = metrics(&[], at(0), at(DAY));
    assert_eq!((metrics.releases, metrics.change_failure_percent, metrics.deployment.median_ms), (0, None, None));
    let never_served = [run(1, 0, 60, Ending::Failed)];
    assert_eq!(super::metrics(&never_served, at(0), at(DAY)).change_failure_percent, None);
}

/// A release whose green has had production traffic since second 100.
fn exposed() -> Release {
    let mut release = crate::app::fixture::release(crate::app::fixture::Scene::Baking);
    let api = &mut release.components[ComponentIndex::FIRST];
    api.verdicts.clear();
    api.traffic.green_since = Some(at(100));
    release
}

#[test]
fn working_and_waiting_add_up_to_the_time_until_green_has_all_traffic() {
    let mut release = exposed();
    let mut watch = Stopwatch::default();
    watch.look(&release, at(0));
    watch.look(&release, at(50));
    release.hold = Some(crate::domain::release::Hold { since: at(50), by: None, why: String::new() });
    watch.look(&release, at(50));
    watch.look(&release, at(80));
    release.hold = None;
    watch.look(&release, at(90));
    watch.look(&release, at(95));
    release.components[ComponentIndex::FIRST].traffic.observed = Some(crate::domain::percent::Percent::FULL);
    watch.look(&release, at(110));
    // What comes after that is watching and cleaning up.
    watch.look(&release, at(900));
    let timing = watch.timing();
    // Paused from 50 to 90; working from 0 to 50 and from 90 to 110.
    assert_eq!((timing.working, timing.waiting), (secs(70), secs(40)));
    assert_eq!((timing.deployed, timing.deployment()), (Some(at(110)), Some(secs(110))));
}

#[test]
fn harm_counts_from_what_its_signs_are_of_and_not_once_they_have_gone() {
    let alarm = |since: i64| {
        vec![crate::domain::event::FiringAlarm { name: "a".into(), since: at(since), reason: String::new() }]
    };
    let mut release = exposed();
    let mut watch = Stopwatch::default();
    release.components[ComponentIndex::FIRST].firing = alarm(150);
    watch.look(&release, at(170));
    release.components[ComponentIndex::FIRST].firing.clear();
    watch.look(&release, at(180));
    // The first alarm has gone by itself. This one began before green had traffic, and harms from then on.
    release.components[ComponentIndex::FIRST].firing = alarm(60);
    watch.look(&release, at(200));
    assert_eq!(watch.timing().harmed, None, "nobody has decided that it was harm");
    let back = crate::app::fixture::release(crate::app::fixture::Scene::RollingBack).unwinding.unwrap();
    release.unwinding = Some(crate::domain::release::Unwinding { since: at(210), restored: None, ..back.clone() });
    watch.look(&release, at(210));
    release.unwinding = Some(crate::domain::release::Unwinding { since: at(210), restored: Some(at(213)), ..back });
    watch.look(&release, at(213));
    let timing = watch.timing();
    assert_eq!((timing.harmed, timing.decided, timing.restored), (Some(at(100)), Some(at(210)), Some(at(213))));
    assert_eq!(timing.rollback(), Some(secs(3)));
}
