use aws_sdk_elasticloadbalancingv2::error::ProvideErrorMetadata as _;
use aws_sdk_elasticloadbalancingv2::operation::describe_target_health::DescribeTargetHealthError;
use aws_sdk_elasticloadbalancingv2::operation::modify_rule::ModifyRuleError;
use aws_sdk_elasticloadbalancingv2::types::TargetHealthStateEnum;

use super::*;

#[tokio::test(start_paused = true)]
async fn weights_are_set_and_read_back() {
    let account = Account::new();
    let elb = account.elbv2();
    let (blue, green) = (account.target_group("api-blue").await, account.target_group("api-green").await);
    let rules = elb.describe_rules().listener_arn(account.listener().await).send().await.unwrap();
    assert_eq!(rules.rules().last().unwrap().priority(), Some("default"));
    let rule = rules.rules().iter().find(|rule| rule.is_default() == Some(false)).unwrap();
    let action = forward(&[(&blue, 90), (&green, 10)]);
    elb.modify_rule().rule_arn(rule.rule_arn().unwrap()).actions(action).send().await.unwrap();

    let read = elb.describe_rules().rule_arns(rule.rule_arn().unwrap()).send().await.unwrap();
    let forwarded = read.rules()[0].actions()[0].forward_config().unwrap();
    let weights: Vec<_> = forwarded.target_groups().iter().map(TargetGroupTuple::weight).collect();
    assert_eq!(weights, [Some(90), Some(10)]);
    assert_eq!(forwarded.target_group_stickiness_config().unwrap().enabled(), Some(false));
    assert_eq!(read.rules()[0].conditions().len(), rule.conditions().len());
}

#[tokio::test(start_paused = true)]
async fn a_listeners_default_action_is_changed() {
    let account = Account::new();
    let blue = account.target_group("api-blue").await;
    let listener = account.listener().await;
    let changed =
        account.elbv2().modify_listener().listener_arn(&listener).default_actions(forward(&[(&blue, 1)])).send().await;
    let changed = changed.unwrap();
    assert_eq!(changed.listeners()[0].default_actions()[0].target_group_arn(), Some(blue.as_str()));
    let described = account.elbv2().describe_listeners().listener_arns(&listener).send().await.unwrap();
    assert_eq!(described.listeners()[0].port(), Some(443));
}

#[tokio::test(start_paused = true)]
async fn targets_are_shown_with_their_health() {
    let account = Account::new();
    let blue = account.target_group("api-blue").await;
    let health = account.elbv2().describe_target_health().target_group_arn(&blue).send().await.unwrap();
    let states: Vec<_> = health
        .target_health_descriptions()
        .iter()
        .map(|target| target.target_health().unwrap().state().unwrap().clone())
        .collect();
    assert_eq!(states, vec![TargetHealthStateEnum::Healthy; 6]);
    let tags = account.elbv2().describe_tags().resource_arns(&blue).send().await.unwrap();
    assert_eq!(tags.tag_descriptions()[0].resource_arn(), Some(blue.as_str()));
}

#[tokio::test(start_paused = true)]
async fn target_groups_are_paged() {
    let elb = Account::new().elbv2();
    let first = elb.describe_target_groups().page_size(1).send().await.unwrap();
    assert_eq!(first.target_groups().len(), 1);
    let second = elb.describe_target_groups().page_size(1).marker(first.next_marker().unwrap()).send().await.unwrap();
    assert_ne!(first.target_groups()[0].target_group_arn(), second.target_groups()[0].target_group_arn());
    assert!(elb.describe_target_groups().marker("made-up").send().await.is_err());
}

#[tokio::test(start_paused = true)]
async fn refusals_are_the_sdks_own_error_variants() {
    let account = Account::new();
    let elb = account.elbv2();
    let ghost = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/ghost/0123456789abcdef";
    let refused = elb.describe_target_health().target_group_arn(ghost).send().await.unwrap_err();
    assert!(matches!(refused.into_service_error(), DescribeTargetHealthError::TargetGroupNotFoundException(_)));
    let blue = account.target_group("api-blue").await;
    let rule = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:listener-rule/app/shop/1/2/3";
    let refused = elb.modify_rule().rule_arn(rule).actions(forward(&[(&blue, 1)])).send().await.unwrap_err();
    assert!(matches!(refused.into_service_error(), ModifyRuleError::RuleNotFoundException(_)));
    let refused = elb.modify_rule().rule_arn(rule).actions(forward(&[(&blue, 1_000)])).send().await.unwrap_err();
    assert_eq!(refused.code(), Some("ValidationError"));
}
