use aws_sdk_sns::operation::publish::PublishError;
use aws_sdk_sns::types::MessageAttributeValue;

use super::*;

#[tokio::test(start_paused = true)]
async fn a_topic_is_made_subscribed_published_to_and_listed() {
    let account = Account::new();
    let sns = account.sns();
    let topic = sns.create_topic().name("drills").send().await.unwrap();
    let topic = topic.topic_arn().unwrap();
    sns.subscribe().topic_arn(topic).protocol("email").endpoint("captain@shop.test").send().await.unwrap();
    let stage = MessageAttributeValue::builder().data_type("String").string_value("shift").build().unwrap();
    let published = sns
        .publish()
        .topic_arn(topic)
        .subject("release 41")
        .message("10 % & <rising>")
        .message_attributes("stage", stage)
        .send()
        .await
        .unwrap();
    assert!(published.message_id().is_some());
    let topics = sns.list_topics().send().await.unwrap();
    assert!(topics.topics().iter().any(|it| it.topic_arn() == Some(topic)), "{topics:?}");
    let subscriptions = sns.list_subscriptions_by_topic().topic_arn(topic).send().await.unwrap();
    assert_eq!(subscriptions.subscriptions()[0].endpoint(), Some("captain@shop.test"));
    let attributes = sns.get_topic_attributes().topic_arn(topic).send().await.unwrap();
    assert_eq!(attributes.attributes().unwrap()["SubscriptionsConfirmed"], "1");
}

#[tokio::test(start_paused = true)]
async fn refusals_are_the_sdks_own_error_variants() {
    let ghost = "arn:aws:sns:eu-west-1:123456789012:ghost";
    let refused = Account::new().sns().publish().topic_arn(ghost).message("x").send().await.unwrap_err();
    assert!(matches!(refused.into_service_error(), PublishError::NotFoundException(_)));
}
