use cutover::domain::effect::{Notice, Severity};
use cutover::domain::notice::{Route, Transition};
use cutover::notify::slack::{SlackThread, SlackWebhook};
use cutover::notify::{Notifier as _, Secret};
use cutover::sim::scenario::ApiFaultKind;
use cutover::sim::world::inbox::{Receiver, SlackMessage};

use super::{Post, notice};

const WEBHOOK: &str = "https://hooks.slack.com/services/T0/B0/simulated";

fn bot(post: &Post, route: Route) -> SlackThread {
    let token = Secret::new("xoxb-simulated");
    SlackThread::new(post.http(), "https://slack.com".to_owned(), token, "C0123456789".to_owned(), route)
}

fn messages(post: &Post) -> Vec<SlackMessage> {
    post.sim.with(|world, _| world.slack_messages().to_vec())
}

fn course() -> Vec<Notice> {
    vec![
        notice(Transition::Begun, Severity::Info),
        notice(Transition::Step, Severity::Info),
        notice(Transition::GoingBack, Severity::Critical),
        notice(Transition::Ended, Severity::Critical),
    ]
}

#[tokio::test(start_paused = true)]
async fn a_webhook_gets_blocks_that_slack_takes_whatever_the_text() {
    let post = Post::new();
    let channel = SlackWebhook::new(post.http(), Secret::new(WEBHOOK));
    let mut long = notice(Transition::Waiting, Severity::Warning);
    long.subject = "&".repeat(400);
    long.facts.detail = "<!channel> & ".repeat(1_000);
    for finding in &mut long.facts.findings {
        finding.reason = ">".repeat(5_000);
    }
    for notice in [notice(Transition::Waiting, Severity::Warning), long, notice(Transition::Test, Severity::Info)] {
        channel.send(&notice, 1).await.unwrap();
    }
    let letters = post.letters(Receiver::Slack);
    assert_eq!(letters.iter().map(|letter| letter.status).collect::<Vec<_>>(), [200, 200, 200]);
    assert!(letters.iter().all(|letter| letter.path == "/services/T0/B0/simulated" && letter.method == "POST"));
    let first = &letters[0].body;
    for said in
        ["*Stage*", "*Green's weight*", "observed", "because of &lt;this&gt; &amp; that", "cutover rollback --env"]
    {
        assert!(first.contains(said), "{said} is missing: {first}");
    }
    assert!(!letters[1].body.contains("<!channel>"), "nobody is called by what a log says");
}

#[tokio::test(start_paused = true)]
async fn a_bot_keeps_a_release_in_one_thread_whose_head_says_where_it_stands() {
    let post = Post::new();
    let channel = bot(&post, Route::default());
    for notice in course() {
        channel.send(&notice, 1).await.unwrap();
    }
    let messages = messages(&post);
    let heads: Vec<&SlackMessage> = messages.iter().filter(|message| message.thread.is_none()).collect();
    assert_eq!((heads.len(), messages.len()), (1, 4));
    assert!(messages.iter().skip(1).all(|message| message.thread.as_deref() == Some(heads[0].ts.as_str())));
    assert_eq!(heads[0].edits, 3);
    let text = heads[0].content["text"].as_str().unwrap();
    assert!(text.contains("rolled-back"), "{text}");
    let broadcast: Vec<bool> = messages.iter().skip(1).map(|it| it.content["reply_broadcast"] == true).collect();
    assert_eq!(broadcast, [false, true, true], "what is critical is shown outside of the thread, too");
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_doubles_neither_the_head_nor_an_answer() {
    let post = Post::new();
    let channel = bot(&post, Route::default());
    for notice in course() {
        post.trouble(ApiFaultKind::LostResponse, "slack:chat.postMessage");
        assert!(channel.send(&notice, 1).await.unwrap_err().transient);
        post.peace();
        channel.send(&notice, 2).await.unwrap();
    }
    assert_eq!(messages(&post).len(), 4);
    assert_eq!(messages(&post).iter().filter(|message| message.thread.is_none()).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_lost_change_of_the_head_does_not_repeat_the_answer() {
    let post = Post::new();
    let channel = bot(&post, Route::default());
    channel.send(&course()[0], 1).await.unwrap();
    post.trouble(ApiFaultKind::ServerError, "slack:chat.update");
    assert!(channel.send(&course()[1], 1).await.unwrap_err().transient);
    post.peace();
    channel.send(&course()[1], 2).await.unwrap();
    let messages = messages(&post);
    assert_eq!((messages.len(), messages[0].edits), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn a_new_engine_goes_on_in_the_thread_of_the_last_one() {
    let post = Post::new();
    for (engine, notice) in course().into_iter().enumerate() {
        bot(&post, Route::default()).send(&notice, 1).await.unwrap_or_else(|failure| panic!("{engine}: {failure:?}"));
    }
    assert_eq!(messages(&post).iter().filter(|message| message.thread.is_none()).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_thread_is_found_below_hundreds_of_others() {
    let post = Post::new();
    bot(&post, Route::default()).send(&course()[0], 1).await.unwrap();
    let others = bot(&post, Route::default());
    for release in 0..450 {
        let mut other = notice(Transition::Begun, Severity::Info);
        other.facts.release = cutover::domain::ids::ReleaseId(1_000 + release);
        others.send(&other, 1).await.unwrap();
    }
    bot(&post, Route::default()).send(&course()[1], 1).await.unwrap();
    let messages = messages(&post);
    assert_eq!(messages.last().unwrap().thread.as_deref(), Some(messages[0].ts.as_str()));
}

#[tokio::test(start_paused = true)]
async fn what_is_not_wanted_begins_no_thread_and_still_changes_its_head() {
    let post = Post::new();
    let route = Route { min_severity: Severity::Critical, ..Route::default() };
    let channel = bot(&post, route);
    for notice in &course()[..2] {
        channel.send(notice, 1).await.unwrap();
    }
    assert_eq!(messages(&post), []);
    channel.send(&course()[2], 1).await.unwrap();
    let mut quiet = course().remove(3);
    quiet.severity = Severity::Info;
    channel.send(&quiet, 1).await.unwrap();
    let messages = messages(&post);
    assert_eq!((messages.len(), messages[0].edits), (2, 1), "a head, one answer, and the end on the head alone");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_the_web_api_is_said_and_not_tried_for_ever() {
    let post = Post::new();
    let token = Secret::new("wrong");
    let base = "https://slack.com".to_owned();
    let channel = SlackThread::new(post.http(), base, token, "C0123456789".to_owned(), Route::default());
    let failure = channel.send(&course()[0], 1).await.unwrap_err();
    assert_eq!((failure.transient, &*failure.message), (false, "Slack refuses chat.postMessage: invalid_auth"));
}
