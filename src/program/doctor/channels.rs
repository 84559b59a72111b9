//! Channels: that somebody is told, and that what they need is there. No message is sent.

use super::Look;
use super::item::{unconfigured, unread};
use crate::cloud::TopicFacts;
use crate::config::{Address, Channel, Receiver, SecretSource};
use crate::domain::checklist::Item;
use crate::program::channels::Vault;

pub(super) async fn look(look: &Look<'_>) -> Vec<Item> {
    let mut items = Vec::new();
    for (name, channel) in look.channels() {
        items.push(match &channel.receiver {
            Receiver::Sns { topic } => match look.inspect().topic(topic).await {
                Ok(found) => judge(name, topic, found, |command| look.aws(command)),
                Err(error) => unread(format!("channel {name}"), &error),
            },
            _ => kept(name, channel, look.around.kept),
        });
    }
    if items.is_empty() {
        let key = "a channel (`[channels.team]`), and name it on the component: `notify = [\"team\"]`";
        items.push(unconfigured("channels", key));
    }
    items
}

fn judge(name: &str, topic: &str, found: Option<TopicFacts>, aws: impl Fn(&str) -> String) -> Item {
    let label = format!("channel {name}");
    let subscribe =
        aws(&format!("sns subscribe --topic-arn {topic} --protocol email --notification-endpoint team@example.com"));
    let subscribe = format!("`{subscribe}`");
    match found {
        None => Item::wrong(label, "there is no such topic", "create it, or correct `topic` in the configuration"),
        Some(TopicFacts { confirmed: 0, pending: 0 }) => Item::wrong(label, "nobody has subscribed", subscribe),
        Some(TopicFacts { confirmed: 0, pending }) => Item::wrong(
            label,
            format!("{pending} subscribed, and nobody has confirmed it"),
            "follow the link in the message that SNS sent them",
        ),
        Some(TopicFacts { confirmed, .. }) => Item::fine(label, format!("{confirmed} confirmed subscriptions")),
    }
}

/// A channel that is no topic needs its secrets; whether it takes them only a message tells.
fn kept(name: &str, channel: &Channel, vault: Vault) -> Item {
    let label = format!("channel {name}");
    let sources: Vec<&SecretSource> = match &channel.receiver {
        Receiver::Sns { .. } => Vec::new(),
        Receiver::SlackWebhook { url } => vec![url],
        Receiver::SlackThread { token, .. } => vec![token],
        Receiver::PagerDuty { routing_key, .. } => vec![routing_key],
        Receiver::Statuspage { api_key, .. } => vec![api_key],
        Receiver::Webhook { url, secret } => {
            let url = match url {
                Address::Plain(_) => None,
                Address::Secret(source) => Some(source),
            };
            url.into_iter().chain(secret).collect()
        }
    };
    match sources.iter().find_map(|source| vault(source).err()) {
        Some(why) => Item::wrong(label, why, "set it where engines are started, then try `cutover notify test`"),
        None => Item::unknown(
            label,
            format!("{}: its secrets are there; whether it takes them only a message tells", channel.kind()),
            format!("`cutover notify test {name}`"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::checklist::Mark;

    #[test]
    fn a_topic_is_there_and_somebody_has_confirmed() {
        let mark =
            |confirmed, pending| judge("team", "arn", Some(TopicFacts { confirmed, pending }), str::to_owned).mark;
        assert_eq!(
            [mark(1, 0), mark(0, 0), mark(0, 3), mark(2, 3)],
            [Mark::Fine, Mark::Wrong, Mark::Wrong, Mark::Fine]
        );
        assert_eq!(judge("team", "arn", None, str::to_owned).mark, Mark::Wrong);
    }

    #[test]
    fn a_secret_that_is_missing_is_wrong_and_one_that_is_there_proves_nothing() {
        let source = || SecretSource::Variable("KEY".to_owned());
        let receiver = Receiver::PagerDuty { routing_key: source(), url: String::new() };
        let channel = Channel { route: crate::domain::notice::Route::default(), receiver };
        assert_eq!(kept("pager", &channel, |_| Err("the variable KEY is not set".to_owned())).mark, Mark::Wrong);
        assert_eq!(kept("pager", &channel, |_| Ok("key".to_owned())).mark, Mark::Unknown);
    }
}
