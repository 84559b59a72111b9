//! The same release, and the same faults, on every driver: the real configuration, engine, journal and SDK against the
//! simulated AWS, on paused time.
//!
//! `CUTOVER_WRITE_DOCS=1 cargo test --test drivers` writes the table of docs/drivers.md anew.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

#[path = "../../benches/support/web.rs"]
mod web;

mod foreign;
mod lost;
mod place;
mod steering;
mod table;

use cutover::domain::plan::Driver;
use cutover::domain::release::Ending;

use place::Place;

const DRIVERS: [Driver; 4] = [Driver::Alb, Driver::Native, Driver::CodeDeploy, Driver::Rolling];

/// What comes of a scenario, by whichever driver it is met.
async fn ends(scenario: &str, driver: Driver) -> place::End {
    let place = Place::new(scenario, driver);
    let end = place.release().await;
    place.check(&end);
    end
}

#[tokio::test(start_paused = true)]
async fn a_good_version_serves_all_users_on_every_driver() {
    for driver in DRIVERS {
        let end = ends("healthy", driver).await;
        assert_eq!(end.ending(), Some(Ending::Succeeded), "{driver:?}: {}", end.told());
        assert_eq!(end.truth.harmed(), end.truth.new.harmed, "{driver:?}: nobody is harmed by the shift itself");
    }
}

#[tokio::test(start_paused = true)]
async fn a_version_that_fails_requests_is_rolled_back_on_every_driver() {
    for driver in DRIVERS {
        let end = ends("errors", driver).await;
        assert_eq!(end.ending(), Some(Ending::RolledBack), "{driver:?}: {}", end.told());
    }
}

#[tokio::test(start_paused = true)]
async fn a_version_that_does_not_start_never_serves_anybody() {
    for driver in DRIVERS {
        let end = ends("crash-loop", driver).await;
        // ECS replaces tasks as they come up: going back from that is a rollback, not a refusal beforehand.
        let wanted = if driver == Driver::Rolling { Ending::RolledBack } else { Ending::Failed };
        assert_eq!(end.ending(), Some(wanted), "{driver:?}: {}", end.told());
    }
}

#[tokio::test(start_paused = true)]
async fn an_alarm_that_fires_beforehand_keeps_every_driver_from_beginning() {
    for driver in DRIVERS {
        let end = ends("alarm-at-start", driver).await;
        assert_eq!(end.ending(), Some(Ending::Failed), "{driver:?}: {}", end.told());
        assert!(end.told().contains("alarm"), "{driver:?}: {}", end.told());
        assert_eq!(end.truth.new.requests, 0, "{driver:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn throttling_and_lost_answers_change_no_outcome() {
    for driver in DRIVERS {
        let end = ends("throttled", driver).await;
        assert_eq!(end.ending(), Some(Ending::Succeeded), "{driver:?}: {}", end.told());
        let begins = if driver == Driver::CodeDeploy { "CreateDeployment" } else { "UpdateService" };
        let begun = end.changes(begins).len();
        // A deployment whose answer was lost is found, not begun again.
        assert!(driver == Driver::Alb || begun == 1, "{driver:?}: {begun} deployments");
    }
}
