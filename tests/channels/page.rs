use cutover::domain::effect::{Notice, Severity};
use cutover::domain::notice::{PageStatus, Route, Transition};
use cutover::domain::release::Ending;
use cutover::notify::statuspage::{Page, Statuspage};
use cutover::notify::{Notifier as _, Secret};
use cutover::sim::scenario::ApiFaultKind;
use cutover::sim::world::inbox::{PageIncident, Receiver};

use super::{KEY, Post, ended, notice};

fn page(post: &Post) -> Statuspage {
    let page = Page {
        base: "https://api.statuspage.io".to_owned(),
        page: "p1".to_owned(),
        component: "c1".to_owned(),
        title: "The shop".to_owned(),
    };
    Statuspage::new(post.http(), Secret::new(KEY), page, Route::default())
}

fn incidents(post: &Post) -> Vec<PageIncident> {
    post.sim.with(|world, _| world.page_incidents().to_vec())
}

fn statuses(post: &Post) -> Vec<String> {
    post.sim.with(|world, _| world.page_statuses("c1"))
}

fn saying(mut notice: Notice, status: PageStatus) -> Notice {
    notice.facts.page = Some(status);
    notice
}

#[tokio::test(start_paused = true)]
async fn a_stage_announces_work_and_the_end_takes_it_back() {
    let post = Post::new();
    let channel = page(&post);
    let stage = saying(notice(Transition::StatusPage, Severity::Info), PageStatus::UnderMaintenance);
    channel.send(&notice(Transition::Begun, Severity::Info), 1).await.unwrap();
    channel.send(&stage, 1).await.unwrap();
    channel.send(&saying(ended(Ending::Succeeded), PageStatus::Operational), 1).await.unwrap();
    assert_eq!(statuses(&post), ["under_maintenance", "operational"]);
    assert_eq!(incidents(&post), []);
    let letter = &post.letters(Receiver::Statuspage)[0];
    assert_eq!((&*letter.method, &*letter.path), ("PATCH", "/v1/pages/p1/components/c1"));
}

#[tokio::test(start_paused = true)]
async fn a_rollback_is_an_incident_that_tells_readers_nothing_internal() {
    let post = Post::new();
    let channel = page(&post);
    channel.send(&notice(Transition::GoingBack, Severity::Critical), 1).await.unwrap();
    channel.send(&notice(Transition::Overdue, Severity::Critical), 1).await.unwrap();
    channel.send(&ended(Ending::RolledBack), 1).await.unwrap();
    let all = incidents(&post);
    assert_eq!((all.len(), &*all[0].status, all[0].updates.len()), (1, "resolved", 3));
    assert_eq!(statuses(&post), ["degraded_performance", "partial_outage", "operational"]);
    for internal in ["because of", "9ab03d7", "bastion", "errors:"] {
        assert!(!all[0].updates.concat().contains(internal) && !all[0].name.contains(internal), "{all:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn lost_answers_repeat_neither_the_incident_nor_what_it_says() {
    let post = Post::new();
    let course = [
        notice(Transition::GoingBack, Severity::Critical),
        notice(Transition::Overdue, Severity::Critical),
        ended(Ending::RolledBack),
    ];
    for notice in course {
        // Each from an engine of its own: nothing is remembered between them.
        let channel = page(&post);
        post.trouble(ApiFaultKind::LostResponse, "statuspage:P*");
        assert!(channel.send(&notice, 1).await.unwrap_err().transient);
        post.peace();
        page(&post).send(&notice, 2).await.unwrap();
    }
    let all = incidents(&post);
    assert_eq!((all.len(), all[0].updates.len(), &*all[0].status), (1, 3, "resolved"));
}

#[tokio::test(start_paused = true)]
async fn a_release_that_users_never_met_and_a_test_show_nothing() {
    let post = Post::new();
    let channel = page(&post);
    let mut unseen = notice(Transition::GoingBack, Severity::Critical);
    unseen.facts.shifted = false;
    channel.send(&unseen, 1).await.unwrap();
    channel.send(&ended(Ending::RolledBack), 1).await.unwrap();
    channel.send(&notice(Transition::Test, Severity::Info), 1).await.unwrap();
    assert_eq!((incidents(&post).len(), statuses(&post).len()), (0, 0));
    assert!(post.letters(Receiver::Statuspage).iter().all(|letter| letter.method == "GET"));
}
