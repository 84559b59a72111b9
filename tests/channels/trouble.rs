use std::sync::Arc;
use std::time::Duration;

use cutover::domain::effect::{Failure, Severity};
use cutover::domain::notice::Transition;
use cutover::domain::redact::Redactor;
use cutover::notify::webhook::Webhook;
use cutover::notify::{Channels, Notifier as _, Secret};
use cutover::sim::FaultPlan;
use cutover::sim::scenario::{ApiFault, ApiFaultKind, Percent};
use cutover::sim::world::inbox::Receiver;
use tokio::time::Instant;

use super::{Post, notice};

const URL: &str = "https://hooks.example.com/hooks/hunter2hunter2";

fn channel(post: &Post) -> Webhook {
    Webhook::new(post.http(), Secret::new(URL), None)
}

async fn failure(post: &Post, kind: ApiFaultKind) -> Failure {
    post.trouble(kind, "webhook:*");
    channel(post).send(&notice(Transition::Begun, Severity::Info), 1).await.unwrap_err()
}

#[tokio::test(start_paused = true)]
async fn trouble_that_passes_is_told_from_trouble_that_stays() {
    let post = Post::new();
    for passing in [
        ApiFaultKind::Throttling,
        ApiFaultKind::ServerError,
        ApiFaultKind::HtmlError,
        ApiFaultKind::LostRequest,
        ApiFaultKind::LostResponse,
        ApiFaultKind::Timeout,
    ] {
        assert!(failure(&post, passing).await.transient, "{passing}");
    }
    let refused = failure(&post, ApiFaultKind::ExpiredCredentials).await;
    assert_eq!((refused.transient, &*refused.message), (false, "refused with status 401: not now"));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_never_comes_is_given_up_after_ten_seconds() {
    let post = Post::new();
    let begun = Instant::now();
    assert_eq!(failure(&post, ApiFaultKind::Timeout).await.message, "no answer within 10 s");
    assert_eq!(begun.elapsed(), Duration::from_secs(10));
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_wants_to_be_left_alone_is() {
    let post = Post::new();
    let channel = channel(&post);
    let mut fault = ApiFault::new(ApiFaultKind::Throttling, Percent::all()).on(&["webhook:*"]);
    fault.delay = Duration::from_secs(30);
    post.sim.wire().set_faults(FaultPlan::of(vec![fault]));
    let sent = notice(Transition::Begun, Severity::Info);
    assert!(channel.send(&sent, 1).await.unwrap_err().transient);
    post.peace();
    let asked = Instant::now();
    channel.send(&sent, 2).await.unwrap();
    let waited = asked.elapsed();
    assert!(waited >= Duration::from_secs(29) && waited < Duration::from_secs(32), "{waited:?}");
    assert_eq!(post.letters(Receiver::Webhook).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn no_secret_is_sent_or_said() {
    let post = Post::new();
    let mut channels = Channels::new(Redactor::new(["hunter2hunter2".to_owned()]));
    channels.add("x", Arc::new(channel(&post)));
    let mut sent = notice(Transition::Waiting, Severity::Warning);
    sent.subject = "hunter2hunter2 leaked".to_owned();
    sent.body = "first\u{1b}[2J\nhunter2hunter2".to_owned();
    sent.facts.detail = "connecting with hunter2hunter2".to_owned();
    for finding in &mut sent.facts.findings {
        finding.reason = "password=hunter2".to_owned();
    }
    channels.send(&sent, 1).await.unwrap();
    let body = &post.letters(Receiver::Webhook)[0].body;
    assert!(!body.contains("hunter2") && !body.contains('\u{1b}') && body.contains("first␛[2J\\n••••"), "{body}");
    let lost =
        channels.send(&cutover::domain::effect::Notice { channel: "y".to_owned(), ..sent }, 1).await.unwrap_err();
    assert_eq!(lost.message, "there is no channel `y`");
    assert_eq!(format!("{:?}", Secret::new(URL)), "Secret(••••)");
}

#[tokio::test(start_paused = true)]
async fn a_url_that_is_none_is_refused_without_repeating_it() {
    let post = Post::new();
    for url in ["/hooks/hunter2hunter2", "hunter2hunter2", "https://"] {
        let channel = Webhook::new(post.http(), Secret::new(url), None);
        let failure = channel.send(&notice(Transition::Begun, Severity::Info), 1).await.unwrap_err();
        assert!(!failure.transient && !failure.message.contains("hunter2"), "{failure:?}");
    }
}
