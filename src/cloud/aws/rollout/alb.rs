//! The `alb` driver: the weights of two target groups in the forward action of a listener rule, or of a listener.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_elasticloadbalancingv2::config;
use aws_sdk_elasticloadbalancingv2::types::{Action, ActionTypeEnum, ForwardActionConfig, TargetGroupTuple};

use crate::cloud::aws::connect::hasty;
use crate::cloud::aws::errors::{during, not_found, unexpected};
use crate::cloud::aws::{Aws, lock};
use crate::cloud::{CloudError, ErrorKind};
use crate::domain::percent::Percent;
use crate::domain::plan::Sides;

const DESCRIBE_RULES: &str = "elasticloadbalancing:DescribeRules";
const DESCRIBE_LISTENERS: &str = "elasticloadbalancing:DescribeListeners";
const MODIFY_RULE: &str = "elasticloadbalancing:ModifyRule";
const MODIFY_LISTENER: &str = "elasticloadbalancing:ModifyListener";

/// Rules or listeners asked for by one call.
const BATCH: usize = 20;

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

/// The same for many rules and listeners, by few calls. The answer has those that are there, by ARN, with their actions.
pub(in crate::cloud::aws) async fn actions(
    aws: &Aws,
    arns: &BTreeSet<&str>,
) -> Result<HashMap<String, Vec<Action>>, CloudError> {
    let (rules, listeners): (Vec<&str>, Vec<&str>) = arns.iter().partition(|arn| arn.contains(":listener-rule/"));
    let mut found = HashMap::new();
    for batch in rules.chunks(BATCH) {
        let arns = batch.iter().map(|arn| (*arn).to_owned()).collect();
        match aws.elb.describe_rules().set_rule_arns(Some(arns)).send().await.map_err(during(DESCRIBE_RULES)) {
            Ok(answer) => {
                let rules = answer.rules.unwrap_or_default().into_iter();
                found.extend(rules.filter_map(|rule| Some((rule.rule_arn?, rule.actions.unwrap_or_default()))));
            }
            // One that is not there fails the whole call.
            Err(error) if error.kind == ErrorKind::NotFound => found.extend(singly(aws, batch, Resource::Rule).await?),
            Err(error) => return Err(error),
        }
    }
    for batch in listeners.chunks(BATCH) {
        let arns = batch.iter().map(|arn| (*arn).to_owned()).collect();
        let call = aws.elb.describe_listeners().set_listener_arns(Some(arns));
        match call.send().await.map_err(during(DESCRIBE_LISTENERS)) {
            Ok(answer) => {
                let listeners = answer.listeners.unwrap_or_default().into_iter();
                found.extend(
                    listeners.filter_map(|one| Some((one.listener_arn?, one.default_actions.unwrap_or_default()))),
                );
            }
            Err(error) if error.kind == ErrorKind::NotFound => {
                found.extend(singly(aws, batch, Resource::Listener).await?);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

async fn singly<'a>(
    aws: &Aws,
    arns: &[&'a str],
    resource: impl Fn(&'a str) -> Resource<'a>,
) -> Result<Vec<(String, Vec<Action>)>, CloudError> {
    let mut found = Vec::new();
    for arn in arns {
        match read(aws, resource(arn)).await {
            Ok(actions) => found.push(((*arn).to_owned(), actions)),
            Err(error) if matches!(error.kind, ErrorKind::NotFound | ErrorKind::Unexpected) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// The share of `second`'s weight in actions of `rule` that were read.
pub(in crate::cloud::aws) fn share_in(
    actions: Option<&Vec<Action>>,
    rule: &str,
    first: &str,
    second: &str,
) -> Result<Percent, CloudError> {
    let resource = Resource::of(rule)?;
    let actions = actions.ok_or_else(|| not_found(resource.reads(), format!("there is no {rule}")))?;
    let share = Split::find(actions, first, second).and_then(|split| split.second_share());
    share.map_err(|problem| unexpected(resource.reads(), format!("{rule}: {problem}")))
}

/// The same where an action may forward to one of them alone: the other then has none.
pub(in crate::cloud::aws) async fn share_of_either(
    aws: &Aws,
    rule: &str,
    first: &str,
    second: &str,
) -> Result<Percent, CloudError> {
    let resource = Resource::of(rule)?;
    let actions = read(aws, resource).await?;
    if let Some(alone) = alone(&actions) {
        let share = [(first, Percent::ZERO), (second, Percent::FULL)].into_iter().find(|(arn, _)| *arn == alone);
        let elsewhere = || unexpected(resource.reads(), format!("{rule}: it forwards to {}", name_of(Some(alone))));
        return share.map(|(_, share)| share).ok_or_else(elsewhere);
    }
    let share = Split::find(&actions, first, second).and_then(|split| split.second_share());
    share.map_err(|problem| unexpected(resource.reads(), format!("{rule}: {problem}")))
}

/// The one target group that some actions forward to.
fn alone(actions: &[Action]) -> Option<&str> {
    let forward = actions.iter().find(|action| action.r#type == Some(ActionTypeEnum::Forward))?;
    match forward.forward_config.as_ref().map_or(&[][..], ForwardActionConfig::target_groups) {
        [] => forward.target_group_arn(),
        [only] => only.target_group_arn(),
        _ => None,
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::Cloud as _;
    use crate::cloud::aws::testing::{BLUE, GREEN, LISTENER, RULE, Reply, Script, Sent, sides, xml, xml_error};
    use crate::cloud::{ErrorKind, Rollout};

    fn forward(groups: &[(&str, i32)]) -> Action {
        let tuple =
            |&(arn, weight): &(&str, i32)| TargetGroupTuple::builder().target_group_arn(arn).weight(weight).build();
        let config = ForwardActionConfig::builder().set_target_groups(Some(groups.iter().map(tuple).collect())).build();
        Action::builder().r#type(ActionTypeEnum::Forward).forward_config(config).build()
    }

    fn second_share(first: i32, second: i32) -> Result<Percent, String> {
        Split::find(&[forward(&[(BLUE, first), (GREEN, second)])], BLUE, GREEN)?.second_share()
    }

    fn rule_of(blue: i32, green: i32) -> String {
        format!(
            "<Rules><member><RuleArn>{RULE}</RuleArn><Priority>10</Priority><IsDefault>false</IsDefault><Actions><member>\
             <Type>authenticate-oidc</Type><Order>1</Order><AuthenticateOidcConfig><Issuer>https://id</Issuer>\
             <AuthorizationEndpoint>https://id/a</AuthorizationEndpoint><TokenEndpoint>https://id/t</TokenEndpoint>\
             <UserInfoEndpoint>https://id/u</UserInfoEndpoint><ClientId>c</ClientId></AuthenticateOidcConfig></member><member>\
             <Type>forward</Type><Order>2</Order><ForwardConfig><TargetGroups>\
             <member><TargetGroupArn>{GREEN}</TargetGroupArn><Weight>{green}</Weight></member>\
             <member><TargetGroupArn>{BLUE}</TargetGroupArn><Weight>{blue}</Weight></member></TargetGroups>\
             <TargetGroupStickinessConfig><Enabled>true</Enabled><DurationSeconds>60</DurationSeconds>\
             </TargetGroupStickinessConfig></ForwardConfig></member></Actions></member></Rules>"
        )
    }

    #[test]
    fn weights_on_any_scale_read_as_percent_and_the_ends_are_exact() {
        let read = |first, second| second_share(first, second).unwrap().get();
        assert_eq!([read(90, 10), read(1, 1), read(300, 100), read(0, 7), read(999, 0)], [10, 50, 25, 100, 0]);
        // A little traffic is not none, and almost all of it not all.
        assert_eq!([read(999, 1), read(1, 999)], [1, 99]);
        assert!(second_share(0, 0).is_err());
    }

    #[test]
    fn a_rule_that_does_more_or_less_than_split_between_the_two_is_refused() {
        let third = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/other/cc";
        let redirect = Action::builder().r#type(ActionTypeEnum::Redirect).build();
        let pair = forward(&[(BLUE, 1), (GREEN, 1)]);
        let refused = [
            vec![],
            vec![redirect],
            vec![pair.clone(), pair.clone()],
            vec![forward(&[(BLUE, 1)])],
            vec![forward(&[(BLUE, 1), (third, 1)])],
            vec![forward(&[(BLUE, 1), (GREEN, 1), (third, 0)])],
            vec![Action::builder().r#type(ActionTypeEnum::Forward).target_group_arn(BLUE).build()],
        ];
        for actions in refused {
            assert!(reweighted(actions.clone(), BLUE, GREEN, Percent::ZERO).is_err(), "{actions:?}");
        }
        let problem = reweighted(vec![forward(&[(BLUE, 1), (third, 1)])], BLUE, GREEN, Percent::ZERO).unwrap_err();
        assert!(problem.ends_with("it forwards to api-a and other"), "{problem}");
        let unknown = Action::builder().r#type(ActionTypeEnum::from("newest-type")).build();
        assert!(reweighted(vec![unknown, pair], BLUE, GREEN, Percent::ZERO).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn setting_a_weight_sends_both_and_leaves_all_else_as_it_was() {
        let script = Script::new()
            .on("DescribeRules", xml("DescribeRules", &rule_of(90, 10)))
            .on("ModifyRule", xml("ModifyRule", "<Rules/>"));
        let aws = script.aws();
        assert_eq!(aws.weight(&sides()).await.unwrap().get(), 10);
        aws.set_weight(&Rollout::of(&sides()), Percent::clamped(50)).await.unwrap();
        aws.set_weight(&Rollout::of(&sides()), Percent::ZERO).await.unwrap();

        let sent: Vec<_> = script.sent("ModifyRule").iter().map(Sent::form).collect();
        let groups = "Actions.member.2.ForwardConfig.TargetGroups.member";
        let weights = |form: &std::collections::HashMap<String, String>| {
            [1, 2].map(|at| {
                let field = |name: &str| form[&format!("{groups}.{at}.{name}")].clone();
                (field("TargetGroupArn"), field("Weight"))
            })
        };
        let wanted =
            |blue: &str, green: &str| [(BLUE.to_owned(), blue.to_owned()), (GREEN.to_owned(), green.to_owned())];
        assert_eq!(weights(&sent[0]), wanted("50", "50"));
        assert_eq!(weights(&sent[1]), wanted("100", "0"));
        for form in &sent {
            assert_eq!(form["RuleArn"], RULE);
            assert_eq!(form["Actions.member.2.ForwardConfig.TargetGroupStickinessConfig.DurationSeconds"], "60");
            assert_eq!(form["Actions.member.1.AuthenticateOidcConfig.ClientId"], "c");
            assert_eq!(form["Actions.member.1.AuthenticateOidcConfig.UseExistingClientSecret"], "true");
        }
        assert_eq!(script.sent("DescribeRules").len(), 1, "what was read is not read again to go back");
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_remembered_of_a_rule_is_dropped_when_the_load_balancer_refuses_it() {
        let script = Script::new()
            .on("DescribeRules", xml("DescribeRules", &rule_of(90, 10)))
            .on("ModifyRule", xml_error(400, "TargetGroupNotFound", "One or more target groups not found"))
            .on("ModifyRule", xml("ModifyRule", "<Rules/>"));
        let aws = script.aws();
        assert_eq!(aws.set_weight(&Rollout::of(&sides()), Percent::ZERO).await.unwrap_err().kind, ErrorKind::NotFound);
        aws.set_weight(&Rollout::of(&sides()), Percent::ZERO).await.unwrap();
        assert_eq!(script.sent("DescribeRules").len(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_listener_is_changed_by_its_default_actions() {
        let rule = rule_of(100, 0);
        let actions = rule.split("<Actions>").nth(1).unwrap().split("</Actions>").next().unwrap();
        let listener = format!("<Listeners><member><DefaultActions>{actions}</DefaultActions></member></Listeners>");
        let script = Script::new()
            .on("DescribeListeners", xml("DescribeListeners", &listener))
            .on("ModifyListener", xml("ModifyListener", "<Listeners/>"));
        let sides = Sides { rule: LISTENER.to_owned(), ..sides() };
        script.aws().set_weight(&Rollout::of(&sides), Percent::clamped(10)).await.unwrap();
        let form = script.sent("ModifyListener")[0].form();
        assert_eq!(form["ListenerArn"], LISTENER);
        assert_eq!(form["DefaultActions.member.2.ForwardConfig.TargetGroups.member.2.Weight"], "10");
    }

    #[tokio::test(start_paused = true)]
    async fn the_arn_of_something_else_is_refused_before_anything_is_sent() {
        let script = Script::new();
        let sides = Sides { rule: BLUE.to_owned(), ..sides() };
        assert_eq!(script.aws().weight(&sides).await.unwrap_err().kind, ErrorKind::Unexpected);
        assert_eq!(script.count(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_load_balancer_is_asked_again_after_three_seconds() {
        let script = Script::new()
            .on("DescribeRules", xml("DescribeRules", &rule_of(90, 10)))
            .on("ModifyRule", Reply::Silent)
            .on("ModifyRule", xml("ModifyRule", "<Rules/>"));
        let begun = tokio::time::Instant::now();
        script.aws().set_weight(&Rollout::of(&sides()), Percent::ZERO).await.unwrap();
        assert_eq!(script.sent("ModifyRule").len(), 2);
        assert!((3..5).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
    }
}
