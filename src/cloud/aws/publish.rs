//! Messages to people by SNS.

use aws_sdk_sns::config;
use aws_sdk_sns::types::MessageAttributeValue;

use super::Aws;
use super::connect::sent_once;
use super::errors::{during, unexpected};
use crate::cloud::{CloudError, Message};

const PUBLISH: &str = "sns:Publish";

/// Name of the attribute that carries a message's key, by which receivers tell repeats.
const KEY: &str = "cutover.key";

/// Longest subject that SNS takes, in characters.
const SUBJECT: usize = 100;

/// Longest body sent, in bytes. SNS takes 256 KiB, the attributes among them.
const BODY: usize = 255 * 1024;

/// Longest key that a FIFO topic takes, in characters.
const FIFO_KEY: usize = 128;

/// Publishes once: a lost answer is an error, and sending again the caller's choice.
pub(super) async fn publish(aws: &Aws, topic: &str, message: &Message<'_>) -> Result<(), CloudError> {
    let mut call =
        aws.sns.publish().topic_arn(topic).subject(subject_of(message.subject)).message(cut(message.body, BODY));
    for (name, value) in [(KEY, message.key)].iter().chain(message.attributes) {
        let value = MessageAttributeValue::builder().data_type("String").string_value(*value).build();
        let value = value.map_err(|error| unexpected(PUBLISH, error.to_string()))?;
        call = call.message_attributes(*name, value);
    }
    if has_order(topic) {
        call = call.message_group_id("cutover").message_deduplication_id(fifo_key(message.key));
    }
    let once = config::Builder::new().retry_config(sent_once());
    call.customize().config_override(once).send().await.map_err(during(PUBLISH))?;
    Ok(())
}

fn has_order(topic: &str) -> bool {
    topic.strip_suffix(".fifo").is_some()
}

/// A subject as SNS takes it: ASCII, on one line, at most a hundred characters, not blank.
fn subject_of(text: &str) -> String {
    let mut subject = String::new();
    for c in text.trim().chars() {
        match c {
            '→' => subject.push_str("->"),
            '–' | '—' | '·' => subject.push('-'),
            '…' => subject.push_str("..."),
            '‘' | '’' => subject.push('\''),
            '“' | '”' => subject.push('"'),
            c if c.is_whitespace() => subject.push(' '),
            c if c.is_ascii_graphic() => subject.push(c),
            _ => subject.push('?'),
        }
    }
    subject.truncate(SUBJECT);
    if subject.is_empty() { "cutover".to_owned() } else { subject }
}

/// The end of a key is what tells messages of one release apart, and is what is kept of a long one.
fn fifo_key(key: &str) -> String {
    let plain: Vec<char> = key.chars().map(|c| if c.is_ascii_graphic() { c } else { '-' }).collect();
    plain.iter().skip(plain.len().saturating_sub(FIFO_KEY)).collect()
}

fn cut(text: &str, most: usize) -> &str {
    let end = text.floor_char_boundary(most);
    text.get(..end).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::cloud::Cloud as _;
    use crate::cloud::aws::testing::{Reply, Script, xml, xml_error};

    #[test]
    fn a_subject_is_what_sns_takes_whatever_was_written() {
        assert_eq!(subject_of("api 4f2c1e9 → 9ab03d7 ·\nrolled back ✔"), "api 4f2c1e9 -> 9ab03d7 - rolled back ?");
        assert_eq!(subject_of(" \n"), "cutover");
        let long = subject_of(&"→".repeat(99));
        assert!(long.is_ascii() && long.len() == SUBJECT, "{long}");
    }

    #[test]
    fn a_long_key_keeps_its_end_and_a_body_is_cut_between_characters() {
        let key = format!("{}é/41/rolled back", "x".repeat(200));
        let plain = fifo_key(&key);
        assert!(plain.len() == FIFO_KEY && plain.ends_with("x-/41/rolled-back"), "{plain}");
        assert_eq!(cut("aé", 2), "a");
    }

    const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:releases";

    fn message() -> Message<'static> {
        let attributes = &[("severity", "info"), ("environment", "production")];
        Message { key: "production/api/41/begun", subject: "api → 9ab03d7", body: "begun", attributes }
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_carries_its_key_and_a_fifo_topic_gets_it_twice() {
        let script = Script::new().on("Publish", xml("Publish", "<MessageId>1</MessageId>"));
        let aws = script.aws();
        aws.publish(TOPIC, &message()).await.unwrap();
        aws.publish(&format!("{TOPIC}.fifo"), &message()).await.unwrap();
        let [plain, fifo] = [0, 1].map(|at| script.sent("Publish")[at].form());
        assert_eq!(plain["Subject"], "api -> 9ab03d7");
        let attributes: BTreeMap<&str, &str> = (1..=3)
            .map(|at| format!("MessageAttributes.entry.{at}"))
            .map(|entry| (&*plain[&format!("{entry}.Name")], &*plain[&format!("{entry}.Value.StringValue")]))
            .collect();
        let wanted = [(KEY, message().key), ("environment", "production"), ("severity", "info")];
        assert_eq!(attributes, BTreeMap::from(wanted));
        assert!(!plain.contains_key("MessageDeduplicationId"), "{plain:?}");
        assert_eq!((&*fifo["MessageDeduplicationId"], &*fifo["MessageGroupId"]), (message().key, "cutover"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_lost_answer_is_the_callers_to_deal_with() {
        for reply in [Reply::Lost, xml_error(400, "Throttling", "Rate exceeded"), xml_error(500, "InternalError", "")] {
            let script = Script::new().on("Publish", reply);
            assert!(script.aws().publish(TOPIC, &message()).await.unwrap_err().is_transient());
            assert_eq!(script.count(), 1);
        }
    }
}
