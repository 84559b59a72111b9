use cutover::domain::effect::Severity;
use cutover::domain::notice::{Route, Transition};
use cutover::domain::release::Ending;
use cutover::notify::pagerduty::PagerDuty;
use cutover::notify::{Notifier as _, Secret};
use cutover::sim::scenario::ApiFaultKind;
use cutover::sim::world::inbox::{PagerIncident, Receiver};

use super::{KEY, Post, by_somebody, ended, notice};

/// The route that a configuration has unless it says otherwise.
pub(crate) fn usual() -> Route {
    let events = vec![Transition::Waiting, Transition::Overdue, Transition::Ended];
    Route { min_severity: Severity::Critical, events, environments: None }
}

fn pager(post: &Post, key: &str) -> PagerDuty {
    PagerDuty::new(post.http(), "https://events.pagerduty.com".to_owned(), Secret::new(key), usual())
}

fn incidents(post: &Post) -> Vec<PagerIncident> {
    post.sim.with(|world, _| world.pager_incidents().to_vec())
}

#[tokio::test(start_paused = true)]
async fn an_overdue_rollback_opens_one_incident_that_its_good_end_resolves() {
    let post = Post::new();
    let channel = pager(&post, KEY);
    let mut overdue = notice(Transition::Overdue, Severity::Critical);
    overdue.subject = "x".repeat(3_000);
    channel.send(&overdue, 1).await.unwrap();
    channel.send(&overdue, 2).await.unwrap();
    let open = incidents(&post);
    assert_eq!((open.len(), open[0].status, open[0].triggers), (1, "triggered", 2));
    assert_eq!((open[0].summary.chars().count(), &*open[0].severity), (1_024, "critical"));
    assert!(open[0].dedup_key.starts_with("cutover/production/api/41/"), "{}", open[0].dedup_key);
    channel.send(&ended(Ending::RolledBack), 1).await.unwrap();
    assert_eq!(incidents(&post)[0].status, "resolved");
}

#[tokio::test(start_paused = true)]
async fn a_failed_rollback_stays_open_and_a_clean_one_pages_nobody() {
    let post = Post::new();
    let channel = pager(&post, KEY);
    for quiet in [
        notice(Transition::Begun, Severity::Info),
        notice(Transition::Waiting, Severity::Warning),
        notice(Transition::GoingBack, Severity::Critical),
        ended(Ending::RolledBack),
        ended(Ending::Succeeded),
    ] {
        channel.send(&quiet, 1).await.unwrap();
    }
    assert_eq!(incidents(&post), []);
    channel.send(&ended(Ending::RollbackFailed), 1).await.unwrap();
    assert_eq!(incidents(&post)[0].status, "triggered");
}

#[tokio::test(start_paused = true)]
async fn a_human_acknowledges_and_a_decision_resolves() {
    let post = Post::new();
    let channel = pager(&post, KEY);
    channel.send(&notice(Transition::Waiting, Severity::Critical), 1).await.unwrap();
    channel.send(&notice(Transition::GoingBack, Severity::Critical), 1).await.unwrap();
    assert_eq!(incidents(&post)[0].status, "triggered", "the release itself turned round: nobody has come yet");
    channel.send(&by_somebody(notice(Transition::GoingBack, Severity::Critical)), 1).await.unwrap();
    assert_eq!(incidents(&post)[0].status, "acknowledged");
    channel.send(&notice(Transition::Step, Severity::Info), 1).await.unwrap();
    assert_eq!(incidents(&post)[0].status, "resolved");
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_opens_no_second_incident() {
    let post = Post::new();
    let channel = pager(&post, KEY);
    post.trouble(ApiFaultKind::LostResponse, "pagerduty:*");
    assert!(channel.send(&notice(Transition::Overdue, Severity::Critical), 1).await.unwrap_err().transient);
    post.peace();
    channel.send(&notice(Transition::Overdue, Severity::Critical), 2).await.unwrap();
    assert_eq!(incidents(&post).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_test_proves_the_key_and_pages_nobody() {
    let post = Post::new();
    pager(&post, KEY).send(&notice(Transition::Test, Severity::Info), 1).await.unwrap();
    assert_eq!(incidents(&post), []);
    assert_eq!(post.letters(Receiver::PagerDuty)[0].path, "/v2/change/enqueue");
    let failure = pager(&post, "short").send(&notice(Transition::Test, Severity::Info), 1).await.unwrap_err();
    assert!(!failure.transient && failure.message.contains("'routing_key' must be 32 characters"), "{failure:?}");
}
