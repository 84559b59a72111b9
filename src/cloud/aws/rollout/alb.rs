//! The `alb` driver: the weights of two target groups in the forward action of a listener rule, or of a listener.

use aws_sdk_elasticloadbalancingv2::config;
use aws_sdk_elasticloadbalancingv2::types::{Action, ActionTypeEnum, ForwardActionConfig, TargetGroupTuple};

use crate::cloud::CloudError;
use crate::cloud::aws::connect::hasty;
use crate::cloud::aws::errors::{during, not_found, unexpected};
use crate::cloud::aws::{Aws, lock};
use crate::domain::percent::Percent;
use crate::domain::plan::Sides;

const DESCRIBE_RULES: &str = "elasticloadbalancing:DescribeRules";
const DESCRIBE_LISTENERS: &str = "elasticloadbalancing:DescribeListeners";
const MODIFY_RULE: &str = "elasticloadbalancing:ModifyRule";
const MODIFY_LISTENER: &str = "elasticloadbalancing:ModifyListener";

/// Green's weight as the load balancer has it.
pub(in crate::cloud::aws) async fn weight(aws: &Aws, sides: &Sides) -> Result<Percent, CloudError> {
    share(aws, &sides.rule, &sides.blue.target_group, &sides.green.target_group).await
}

/// The share of `second`'s weight, of both target groups' weights on `rule`.
pub(in crate::cloud::aws) async fn share(
    aws: &Aws,
    rule: &str,
    first: &str,
    second: &str,
) -> Result<Percent, CloudError> {
    let resource = Resource::of(rule)?;
    let actions = read(aws, resource).await?;
    let share = Split::find(&actions, first, second).and_then(|split| split.second_share());
    lock(&aws.rules).insert(rule.to_owned(), actions);
    share.map_err(|problem| unexpected(resource.reads(), format!("{rule}: {problem}")))
}

/// Sets both weights in one call.
///
/// A modification replaces all of a rule's actions, so those last read are sent back with other weights. They are read
/// anew only when they never have been: whoever reads weights does it every few seconds, and a rollback must not
/// depend on a read that may be throttled.
pub(in crate::cloud::aws) async fn set_weight(aws: &Aws, sides: &Sides, green: Percent) -> Result<(), CloudError> {
    let rule = sides.rule.as_str();
    let resource = Resource::of(rule)?;
    let known = lock(&aws.rules).get(rule).cloned();
    let actions = match known {
        Some(actions) => actions,
        None => {
            let actions = read(aws, resource).await?;
            lock(&aws.rules).insert(rule.to_owned(), actions.clone());
            actions
        }
    };
    let (blue_group, green_group) = (&sides.blue.target_group, &sides.green.target_group);
    let result = match reweighted(actions, blue_group, green_group, green) {
        Ok(actions) => modify(aws, resource, actions).await,
        Err(problem) => Err(unexpected(resource.writes(), format!("{rule}: {problem}"))),
    };
    if result.as_ref().is_err_and(|error| !error.is_transient()) {
        // What is remembered may be what is wrong.
        lock(&aws.rules).remove(rule);
    }
    result
}

/// What a configured ARN names.
#[derive(Clone, Copy)]
enum Resource<'a> {
    Rule(&'a str),
    Listener(&'a str),
}

impl<'a> Resource<'a> {
    fn of(arn: &'a str) -> Result<Self, CloudError> {
        if arn.contains(":listener-rule/") {
            Ok(Self::Rule(arn))
        } else if arn.contains(":listener/") {
            Ok(Self::Listener(arn))
        } else {
            let message = format!("`{arn}` is the ARN of neither a listener rule nor a listener; configure one");
            Err(unexpected(DESCRIBE_RULES, message))
        }
    }

    fn reads(self) -> &'static str {
        match self {
            Self::Rule(_) => DESCRIBE_RULES,
            Self::Listener(_) => DESCRIBE_LISTENERS,
        }
    }

    fn writes(self) -> &'static str {
        match self {
            Self::Rule(_) => MODIFY_RULE,
            Self::Listener(_) => MODIFY_LISTENER,
        }
    }
}

async fn read(aws: &Aws, resource: Resource<'_>) -> Result<Vec<Action>, CloudError> {
    match resource {
        Resource::Rule(arn) => {
            let answer = aws.elb.describe_rules().rule_arns(arn).send().await.map_err(during(DESCRIBE_RULES))?;
            let rule = answer.rules.unwrap_or_default().into_iter().next();
            let rule = rule.ok_or_else(|| not_found(DESCRIBE_RULES, format!("there is no rule {arn}")))?;
            if rule.is_default == Some(true) {
                let problem = format!("{arn} is a listener's default rule; configure the listener's ARN instead");
                return Err(unexpected(DESCRIBE_RULES, problem));
            }
            Ok(rule.actions.unwrap_or_default())
        }
        Resource::Listener(arn) => {
            let call = aws.elb.describe_listeners().listener_arns(arn);
            let answer = call.send().await.map_err(during(DESCRIBE_LISTENERS))?;
            let listener = answer.listeners.unwrap_or_default().into_iter().next();
            let listener = listener.ok_or_else(|| not_found(DESCRIBE_LISTENERS, format!("there is no {arn}")))?;
            Ok(listener.default_actions.unwrap_or_default())
        }
    }
}

async fn modify(aws: &Aws, resource: Resource<'_>, actions: Vec<Action>) -> Result<(), CloudError> {
    let hasty = config::Builder::new().timeout_config(hasty());
    match resource {
        Resource::Rule(arn) => {
            let call = aws.elb.modify_rule().rule_arn(arn).set_actions(Some(actions));
            call.customize().config_override(hasty).send().await.map_err(during(MODIFY_RULE))?;
        }
        Resource::Listener(arn) => {
            let call = aws.elb.modify_listener().listener_arn(arn).set_default_actions(Some(actions));
            call.customize().config_override(hasty).send().await.map_err(during(MODIFY_LISTENER))?;
        }
    }
    Ok(())
}

/// The weights of two target groups, 0 to 999 each.
struct Split {
    first: u64,
    second: u64,
}

impl Split {
    /// Finds the one forward action and the weights in it, or says why it does not split traffic between just these.
    fn find(actions: &[Action], first: &str, second: &str) -> Result<Self, String> {
        let mut forwards = actions.iter().filter(|action| action.r#type == Some(ActionTypeEnum::Forward));
        let (Some(forward), None) = (forwards.next(), forwards.next()) else {
            return Err("it must have exactly one forward action".to_owned());
        };
        let groups = forward.forward_config.as_ref().map_or(&[][..], ForwardActionConfig::target_groups);
        let weight_of = |arn: &str| {
            let group = groups.iter().find(|group| group.target_group_arn.as_deref() == Some(arn));
            // A target group alone in its action has no weight of its own.
            group.map(|group| u64::try_from(group.weight.unwrap_or(1)).unwrap_or_default())
        };
        match (groups, weight_of(first), weight_of(second)) {
            ([_, _], Some(first), Some(second)) => Ok(Self { first, second }),
            _ => {
                let found: Vec<&str> = groups.iter().map(|group| name_of(group.target_group_arn())).collect();
                Err(format!(
                    "it must forward to the target groups {} and {} with weights, and to no others; it forwards to {}",
                    name_of(Some(first)),
                    name_of(Some(second)),
                    if found.is_empty() { "none by weight".to_owned() } else { found.join(" and ") },
                ))
            }
        }
    }

    /// The second's share in percent. Only none of the traffic is 0, and only all of it 100.
    fn second_share(&self) -> Result<Percent, String> {
        match (self.first, self.second) {
            (0, 0) => Err("both target groups have weight 0, so that it forwards nothing".to_owned()),
            (_, 0) => Ok(Percent::ZERO),
            (0, _) => Ok(Percent::FULL),
            (first, second) => Ok(Percent::clamped(Percent::share(second, first + second).get().clamp(1, 99))),
        }
    }
}

/// The same actions with green's weight `weight` and blue's the rest; all else stays: stickiness, authentication.
fn reweighted(mut actions: Vec<Action>, blue: &str, green: &str, weight: Percent) -> Result<Vec<Action>, String> {
    Split::find(&actions, blue, green)?;
    for action in &mut actions {
        if let Some(oidc) = &mut action.authenticate_oidc_config {
            // The secret is never read back; without this the modification would demand it.
            oidc.use_existing_client_secret = Some(true);
        }
        if action.r#type != Some(ActionTypeEnum::Forward) {
            continue;
        }
        // The load balancer refuses it next to two weighted target groups.
        action.target_group_arn = None;
        let tuple = |arn: &str, weight: Percent| {
            TargetGroupTuple::builder().target_group_arn(arn).weight(i32::from(weight.get())).build()
        };
        if let Some(forward) = &mut action.forward_config {
            forward.target_groups = Some(vec![tuple(blue, weight.rest()), tuple(green, weight)]);
        }
    }
    Ok(actions)
}

/// A target group's name, from its ARN.
fn name_of(arn: Option<&str>) -> &str {
    let arn = arn.unwrap_or("?");
    arn.split('/').nth(1).unwrap_or(arn)
}
