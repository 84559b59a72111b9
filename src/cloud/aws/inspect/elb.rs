//! Rules, listeners and target groups.

use aws_sdk_elasticloadbalancingv2::types::{
    Action, ActionTypeEnum, Listener, Rule, RuleCondition, TargetGroupStickinessConfig,
};

use super::super::Aws;
use super::super::capacity::{counted, targets};
use super::super::deployed::{DESCRIBE_GROUPS, health_check};
use super::super::errors::during;
use super::super::services::count;
use crate::cloud::{CloudError, ErrorKind, GroupFacts, ListenerFacts, RuleFacts};

const RULES: &str = "elasticloadbalancing:DescribeRules";
const LISTENERS: &str = "elasticloadbalancing:DescribeListeners";

pub(super) async fn rule(aws: &Aws, arn: &str) -> Result<Option<RuleFacts>, CloudError> {
    if !arn.contains(":listener-rule/") {
        let found = aws.elb.describe_listeners().listener_arns(arn).send().await.map_err(during(LISTENERS));
        let listener = there(found)?.and_then(|found| found.listeners.unwrap_or_default().into_iter().next());
        return Ok(listener.map(|it| of_listener(&it).default));
    }
    let found = there(aws.elb.describe_rules().rule_arns(arn).send().await.map_err(during(RULES)))?;
    Ok(found.and_then(|found| found.rules().first().map(of_rule)))
}

pub(super) async fn rules(aws: &Aws, listener: &str) -> Result<Vec<RuleFacts>, CloudError> {
    let found = aws.elb.describe_rules().listener_arn(listener).into_paginator().items().send();
    let found = found.collect::<Result<Vec<Rule>, _>>().await.map_err(during(RULES))?;
    // Of the default rule only the listener can be changed.
    let own = |it: &Rule| if it.is_default == Some(true) { listener.to_owned() } else { of_rule(it).arn };
    Ok(found.iter().map(|it| RuleFacts { arn: own(it), ..of_rule(it) }).collect())
}

pub(super) async fn listeners(aws: &Aws, load_balancer: &str) -> Result<Vec<ListenerFacts>, CloudError> {
    let pages = aws.elb.describe_listeners().load_balancer_arn(load_balancer).into_paginator().items().send();
    let found = pages.collect::<Result<Vec<Listener>, _>>().await.map_err(during(LISTENERS))?;
    Ok(found.iter().map(of_listener).collect())
}

pub(super) async fn target_group(aws: &Aws, arn: &str) -> Result<Option<GroupFacts>, CloudError> {
    let found = aws.elb.describe_target_groups().target_group_arns(arn).send().await.map_err(during(DESCRIBE_GROUPS));
    let Some(group) = there(found)?.and_then(|found| found.target_groups.unwrap_or_default().into_iter().next()) else {
        return Ok(None);
    };
    let (healthy, registered) = counted(&targets(aws, arn).await?);
    Ok(Some(GroupFacts {
        name: group.target_group_name().unwrap_or_default().to_owned(),
        health_check: health_check(&group),
        load_balancers: group.load_balancer_arns().to_vec(),
        healthy,
        registered,
    }))
}

/// What is not there is no trouble.
fn there<T>(found: Result<T, CloudError>) -> Result<Option<T>, CloudError> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn of_rule(it: &Rule) -> RuleFacts {
    let conditions = it.conditions().iter().map(condition).collect();
    RuleFacts { arn: it.rule_arn().unwrap_or_default().to_owned(), conditions, ..of_actions(it.actions()) }
}

fn of_listener(it: &Listener) -> ListenerFacts {
    let arn = it.listener_arn().unwrap_or_default().to_owned();
    ListenerFacts {
        default: RuleFacts { arn: arn.clone(), ..of_actions(it.default_actions()) },
        arn,
        port: it.port().map(count).unwrap_or_default(),
        protocol: it.protocol().map(|protocol| protocol.as_str().to_owned()).unwrap_or_default(),
    }
}

fn condition(it: &RuleCondition) -> String {
    let mut values: Vec<&str> = it.values().iter().map(String::as_str).collect();
    values.extend(it.host_header_config().iter().flat_map(|it| it.values()).map(String::as_str));
    values.extend(it.path_pattern_config().iter().flat_map(|it| it.values()).map(String::as_str));
    values.sort_unstable();
    values.dedup();
    format!("{} {}", it.field().unwrap_or_default(), values.join(" or ")).trim_end().to_owned()
}

fn of_actions(actions: &[Action]) -> RuleFacts {
    let mut forwards = actions.iter().filter(|action| action.r#type() == Some(&ActionTypeEnum::Forward));
    let count_of = u32::try_from(forwards.clone().count()).unwrap_or(u32::MAX);
    let forward = forwards.next().and_then(|action| action.forward_config());
    let group = |it: &aws_sdk_elasticloadbalancingv2::types::TargetGroupTuple| {
        // A target group alone in its action has no weight of its own.
        Some((it.target_group_arn()?.to_owned(), it.weight().map_or(1, count)))
    };
    let stickiness = forward.and_then(|forward| forward.target_group_stickiness_config());
    let redirect = actions.iter().find_map(|action| action.redirect_config());
    RuleFacts {
        arn: String::new(),
        conditions: Vec::new(),
        forwards: count_of,
        weights: forward.map(|forward| forward.target_groups().iter().filter_map(group).collect()).unwrap_or_default(),
        is_sticky: stickiness.and_then(TargetGroupStickinessConfig::enabled).unwrap_or_default(),
        redirects_to: redirect.and_then(|it| it.protocol()).map(str::to_owned),
    }
}
