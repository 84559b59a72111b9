use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cutover::domain::effect::Severity;
use cutover::domain::notice::Transition;
use cutover::notify::webhook::Webhook;
use cutover::notify::{Notifier as _, Secret};
use cutover::sim::world::inbox::{Letter, Receiver};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::json;
use sha2::Sha256;

use super::{KEY, Post, by_somebody, notice};

const URL: &str = "https://hooks.example.com/hooks/cutover?team=shop";

fn expected_signature(letter: &Letter) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(KEY.as_bytes()).unwrap();
    let [id, at] = ["webhook-id", "webhook-timestamp"].map(|name| letter.header(name).unwrap());
    mac.update(format!("{id}.{at}.{}", letter.body).as_bytes());
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

#[tokio::test(start_paused = true)]
async fn a_receiver_can_check_who_sent_it_when_and_whether_it_is_a_repeat() {
    let post = Post::new();
    let channel = Webhook::new(post.http(), Secret::new(URL), Some(Secret::new(KEY)));
    let sent = by_somebody(notice(Transition::GoingBack, Severity::Critical));
    channel.send(&sent, 1).await.unwrap();
    post.pass(Duration::from_secs(30)).await;
    channel.send(&sent, 2).await.unwrap();
    let letters = post.letters(Receiver::Webhook);
    assert_eq!((letters[0].path.as_str(), letters[0].query.as_str()), ("/hooks/cutover", "team=shop"));
    for letter in &letters {
        assert_eq!(letter.header("webhook-signature"), Some(&*expected_signature(letter)));
        assert_eq!(letter.header("webhook-id"), Some(&*sent.key));
        let at: i64 = letter.header("webhook-timestamp").unwrap().parse().unwrap();
        assert!((letter.at.secs() - at).abs() <= 1, "{at}");
    }
    assert_ne!(letters[0].header("webhook-timestamp"), letters[1].header("webhook-timestamp"));
}

#[tokio::test(start_paused = true)]
async fn the_document_has_what_its_schema_says() {
    let post = Post::new();
    let channel = Webhook::new(post.http(), Secret::new(URL), None);
    let sent = by_somebody(notice(Transition::Step, Severity::Info));
    channel.send(&sent, 1).await.unwrap();
    let letter = post.letters(Receiver::Webhook).remove(0);
    assert_eq!(letter.header("webhook-signature"), None);
    let (document, facts) = (letter.json(), &sent.facts);
    assert_eq!(document["type"], "release.step");
    let data = &document["data"];
    assert_eq!(data["key"], sent.key.as_str());
    assert_eq!(
        (&data["environment"], &data["component"], &data["release"]),
        (&json!("production"), &json!("api"), &json!(41))
    );
    assert_eq!(data["weight"], json!({ "set": facts.set, "observed": facts.observed }));
    assert_eq!(data["actor"], json!({ "name": "captain", "host": "bastion" }));
    assert_eq!(data["commands"]["rollback"], "cutover rollback --env production --component api");
    assert_eq!(data["verdicts"].as_array().unwrap().len(), facts.findings.len());
    let manual = include_str!("../../docs/notifications.md");
    for key in data.as_object().unwrap().keys() {
        assert!(manual.contains(&format!("| `{key}` |")), "docs/notifications.md lacks {key}");
    }
}
