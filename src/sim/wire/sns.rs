//! Simple Notification Service.

use serde_json::Value as Json;

use super::input::Input;
use super::page::page;
use super::service::Service;
use super::value::{Fields, Value};
use crate::sim::world::sns::{Publish, Subscription};
use crate::sim::world::{ApiResult, World};

/// Topics and subscriptions a page, as AWS returns them; the client cannot choose.
const PAGE: usize = 100;

pub(super) fn call(world: &mut World, operation: &str, input: Input<'_>) -> ApiResult<Value> {
    match operation {
        "CreateTopic" => {
            let arn = world.create_topic(input.required("Name")?)?;
            Ok(Fields::new().with("TopicArn", arn).into())
        }
        "ListTopics" => {
            let (topics, next) = page(Service::Sns, operation, world.list_topics()?, token(input)?, PAGE)?;
            let topics = topics.into_iter().map(|arn| Fields::new().with("TopicArn", arn));
            Ok(Fields::new().with("Topics", Value::list(topics)).maybe("NextToken", next).into())
        }
        "GetTopicAttributes" => topic_attributes(world, input),
        "Subscribe" => {
            let protocol = input.required("Protocol")?;
            let endpoint = input.text("Endpoint")?.unwrap_or_default();
            let subscription = world.subscribe(input.required("TopicArn")?, protocol, endpoint)?;
            Ok(Fields::new().with("SubscriptionArn", subscription.arn).into())
        }
        "ListSubscriptionsByTopic" => {
            let topic = world.get_topic(input.required("TopicArn")?)?;
            let (subscriptions, next) = page(Service::Sns, operation, topic.subscriptions, token(input)?, PAGE)?;
            let owner = world.get_caller_identity()?.account;
            let subscriptions = subscriptions.into_iter().map(|it| subscription(it, &owner));
            Ok(Fields::new().with("Subscriptions", Value::list(subscriptions)).maybe("NextToken", next).into())
        }
        "Publish" => {
            let topic_arn = input.text("TopicArn")?.or(input.text("TargetArn")?);
            let publish = Publish {
                topic_arn: topic_arn
                    .ok_or_else(|| input.invalid("Invalid parameter: TopicArn or TargetArn"))?
                    .to_owned(),
                message: input.text("Message")?.unwrap_or_default().to_owned(),
                subject: input.string("Subject")?,
                attributes: attributes(input),
            };
            Ok(Fields::new().with("MessageId", world.publish(publish)?).into())
        }
        _ => Err(Service::Sns.unknown_operation(operation)),
    }
}

fn token(input: Input<'_>) -> ApiResult<Option<&str>> {
    Ok(input.text("NextToken")?.filter(|token| !token.is_empty()))
}

/// `MessageAttributes` of the types that can be read as text; binary ones keep their base64.
fn attributes(input: Input<'_>) -> Vec<(String, String)> {
    let entries = input.raw("MessageAttributes").and_then(Json::as_object);
    entries
        .into_iter()
        .flatten()
        .filter_map(|(name, value)| {
            let value = value.get("StringValue").or_else(|| value.get("BinaryValue"))?;
            Some((name.clone(), value.as_str()?.to_owned()))
        })
        .collect()
}

fn topic_attributes(world: &World, input: Input<'_>) -> ApiResult<Value> {
    let topic = world.get_topic(input.required("TopicArn")?)?;
    let owner = world.get_caller_identity()?.account;
    let entry = |name: &str, value: String| (name.to_owned(), Value::Text(value));
    let attributes = vec![
        entry("Owner", owner),
        entry("SubscriptionsConfirmed", topic.subscriptions.len().to_string()),
        entry("SubscriptionsDeleted", "0".into()),
        entry("SubscriptionsPending", "0".into()),
        entry("TopicArn", topic.arn),
    ];
    Ok(Fields::new().with("Attributes", Value::Map(attributes)).into())
}

fn subscription(it: Subscription, owner: &str) -> Fields {
    Fields::new()
        .with("TopicArn", it.topic_arn)
        .with("Protocol", it.protocol)
        .with("SubscriptionArn", it.arn)
        .with("Owner", owner)
        .with("Endpoint", it.endpoint)
}
