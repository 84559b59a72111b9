//! Elastic Load Balancing v2.

use super::input::Input;
use super::page::page;
use super::service::Service;
use super::value::{Fields, Value};
use crate::sim::world::elb::{
    Action, Condition, Listener, LoadBalancer, Protocol, Rule, TargetGroup, TargetHealth, WeightedTargetGroup,
};
use crate::sim::world::{ApiResult, World};

/// Resources a page, at most and unless asked otherwise.
const PAGE: i64 = 400;
pub(super) fn call(world: &mut World, operation: &str, input: Input<'_>) -> ApiResult<Value> {
    match operation {
        "DescribeLoadBalancers" => {
            let found = world.describe_load_balancers(&input.texts("LoadBalancerArns")?, &input.texts("Names")?)?;
            paged(operation, input, "LoadBalancers", found, load_balancer)
        }
        "DescribeListeners" => {
            let found = world.describe_listeners(input.text("LoadBalancerArn")?, &input.texts("ListenerArns")?)?;
            paged(operation, input, "Listeners", found, listener)
        }
        "DescribeRules" => {
            let found = world.describe_rules(input.text("ListenerArn")?, &input.texts("RuleArns")?)?;
            paged(operation, input, "Rules", found, rule)
        }
        "DescribeTargetGroups" => {
            let (arns, names) = (input.texts("TargetGroupArns")?, input.texts("Names")?);
            let found = world.describe_target_groups(input.text("LoadBalancerArn")?, &arns, &names)?;
            paged(operation, input, "TargetGroups", found, target_group)
        }
        "DescribeTargetHealth" => {
            let targets = world.describe_target_health(input.required("TargetGroupArn")?)?;
            let wanted = input.members("Targets")?.iter().map(|it| it.string("Id")).collect::<ApiResult<Vec<_>>>()?;
            let shown = targets
                .into_iter()
                .filter(|target| wanted.is_empty() || wanted.iter().flatten().any(|id| *id == target.id))
                .map(target_health);
            Ok(Fields::new().with("TargetHealthDescriptions", Value::list(shown)).into())
        }
        "ModifyRule" => {
            let conditions = input.raw("Conditions").map(|_| conditions(input)).transpose()?;
            let changed = world.modify_rule(input.required("RuleArn")?, conditions, actions(input, "Actions")?)?;
            Ok(Fields::new().with("Rules", vec![rule(changed)]).into())
        }
        "ModifyListener" => {
            let actions = actions(input, "DefaultActions")?;
            let changed = world.modify_listener(input.required("ListenerArn")?, actions)?;
            Ok(Fields::new().with("Listeners", vec![listener(changed)]).into())
        }
        "DescribeTags" => {
            let arns = input.texts("ResourceArns")?;
            if arns.is_empty() || arns.len() > 20 {
                return Err(input.invalid("ResourceArns must contain between 1 and 20 items"));
            }
            let shown = world.describe_elb_tags(&arns)?.into_iter().map(|(arn, tags)| {
                let tags = tags.into_iter().map(|tag| Fields::new().with("Key", tag.key).with("Value", tag.value));
                Fields::new().with("ResourceArn", arn).with("Tags", Value::list(tags))
            });
            Ok(Fields::new().with("TagDescriptions", Value::list(shown)).into())
        }
        _ => Err(Service::Elbv2.unknown_operation(operation)),
    }
}

fn paged<T>(
    operation: &str,
    input: Input<'_>,
    name: &'static str,
    found: Vec<T>,
    encode: fn(T) -> Fields,
) -> ApiResult<Value> {
    let size = input.count("PageSize", 1..=PAGE)?.unwrap_or(PAGE as usize);
    let (shown, next) = page(Service::Elbv2, operation, found, input.text("Marker")?, size)?;
    Ok(Fields::new().with(name, Value::list(shown.into_iter().map(encode))).maybe("NextMarker", next).into())
}

fn conditions(input: Input<'_>) -> ApiResult<Vec<Condition>> {
    input
        .members("Conditions")?
        .into_iter()
        .map(|it| {
            let field = it.required("Field")?.to_owned();
            let detail = match field.as_str() {
                "host-header" => "HostHeaderConfig",
                "path-pattern" => "PathPatternConfig",
                _ => return Err(it.invalid(format!("Condition field '{field}' is not simulated"))),
            };
            let mut values = it.texts("Values")?;
            if let Some(config) = it.member(detail) {
                values.extend(config.texts("Values")?);
            }
            Ok(Condition { field, values })
        })
        .collect()
}

fn actions(input: Input<'_>, name: &str) -> ApiResult<Option<Vec<Action>>> {
    if input.raw(name).is_none() {
        return Ok(None);
    }
    input.members(name)?.into_iter().map(action).collect::<ApiResult<_>>().map(Some)
}

fn action(input: Input<'_>) -> ApiResult<Action> {
    let detail = |name: &str| input.member(name).ok_or_else(|| input.missing(name));
    let text = |of: Input<'_>, name: &str| of.string(name).map(Option::unwrap_or_default);
    match input.required("Type")? {
        "forward" => forward(input),
        "redirect" => {
            let to = detail("RedirectConfig")?;
            Ok(Action::Redirect {
                status_code: to.required("StatusCode")?.to_owned(),
                protocol: text(to, "Protocol")?,
                port: text(to, "Port")?,
            })
        }
        "fixed-response" => {
            let with = detail("FixedResponseConfig")?;
            Ok(Action::FixedResponse {
                status_code: with.required("StatusCode")?.to_owned(),
                body: text(with, "MessageBody")?,
            })
        }
        kind => Err(input.invalid(format!("Action type '{kind}' must be one of 'forward,redirect,fixed-response'"))),
    }
}

fn forward(input: Input<'_>) -> ApiResult<Action> {
    let Some(config) = input.member("ForwardConfig") else {
        let target_group_arn = input.required("TargetGroupArn")?.to_owned();
        return Ok(Action::Forward {
            target_groups: vec![WeightedTargetGroup { target_group_arn, weight: 1 }],
            stickiness_seconds: None,
        });
    };
    let target_groups = config
        .members("TargetGroups")?
        .into_iter()
        .map(|it| {
            let weight = it.natural("Weight")?.unwrap_or(1);
            Ok(WeightedTargetGroup { target_group_arn: it.required("TargetGroupArn")?.to_owned(), weight })
        })
        .collect::<ApiResult<Vec<_>>>()?;
    let stickiness = config.member("TargetGroupStickinessConfig");
    let stickiness_seconds = match stickiness {
        Some(it) if it.flag("Enabled")? == Some(true) => {
            Some(it.natural("DurationSeconds")?.ok_or_else(|| it.missing("DurationSeconds"))?)
        }
        _ => None,
    };
    Ok(Action::Forward { target_groups, stickiness_seconds })
}

fn load_balancer(it: LoadBalancer) -> Fields {
    let zones = ["a", "b"].map(|zone| {
        Fields::new()
            .with("ZoneName", format!("{}{zone}", region_of(&it.arn)))
            .with("SubnetId", format!("subnet-{zone}"))
    });
    Fields::new()
        .with("LoadBalancerArn", it.arn)
        .with("DNSName", it.dns_name)
        .with("CanonicalHostedZoneId", "Z32O12XQLNTSW2")
        .with("CreatedTime", it.created_at)
        .with("LoadBalancerName", it.name)
        .with("Scheme", "internet-facing")
        .with("VpcId", it.vpc_id)
        .with("State", Fields::new().with("Code", "active"))
        .with("Type", "application")
        .with("AvailabilityZones", Value::list(zones))
        .with("IpAddressType", "ipv4")
}

/// The fourth part of an ARN.
fn region_of(arn: &str) -> &str {
    arn.split(':').nth(3).unwrap_or_default()
}

fn listener(it: Listener) -> Fields {
    let certificates = it.certificate_arn.map(|arn| Fields::new().with("CertificateArn", arn));
    let policy = (it.protocol == Protocol::Https).then_some("ELBSecurityPolicy-TLS13-1-2-2021-06");
    Fields::new()
        .with("ListenerArn", it.arn)
        .with("LoadBalancerArn", it.load_balancer_arn)
        .with("Port", it.port)
        .with("Protocol", it.protocol.as_str())
        .unless_empty("Certificates", certificates)
        .maybe("SslPolicy", policy)
        .with("DefaultActions", actions_shown(it.default_actions))
}

fn rule(it: Rule) -> Fields {
    let conditions = it.conditions.into_iter().map(|condition| {
        let config = match condition.field.as_str() {
            "host-header" => "HostHeaderConfig",
            _ => "PathPatternConfig",
        };
        let values = condition.values;
        Fields::new()
            .with("Field", condition.field)
            .with("Values", values.clone())
            .with(config, Fields::new().with("Values", values))
    });
    Fields::new()
        .with("RuleArn", it.arn)
        .with("Priority", it.priority.map_or_else(|| "default".to_owned(), |priority| priority.to_string()))
        .with("Conditions", Value::list(conditions))
        .with("Actions", actions_shown(it.actions))
        .with("IsDefault", it.priority.is_none())
}

fn actions_shown(actions: Vec<Action>) -> Value {
    Value::list((1_i64..).zip(actions).map(|(order, action)| action_shown(action, order)))
}

/// AWS repeats a lone target group next to the forward configuration, where older clients look for it.
fn action_shown(action: Action, order: i64) -> Fields {
    match action {
        Action::Forward { target_groups, stickiness_seconds } => {
            let lone = match target_groups.as_slice() {
                [only] => Some(only.target_group_arn.clone()),
                _ => None,
            };
            let groups = target_groups
                .into_iter()
                .map(|group| Fields::new().with("TargetGroupArn", group.target_group_arn).with("Weight", group.weight));
            let stickiness = Fields::new()
                .with("Enabled", stickiness_seconds.is_some())
                .maybe("DurationSeconds", stickiness_seconds);
            let config =
                Fields::new().with("TargetGroups", Value::list(groups)).with("TargetGroupStickinessConfig", stickiness);
            Fields::new()
                .with("Type", "forward")
                .maybe("TargetGroupArn", lone)
                .with("Order", order)
                .with("ForwardConfig", config)
        }
        Action::Redirect { status_code, protocol, port } => {
            let config = Fields::new().with("Protocol", protocol).with("Port", port).with("StatusCode", status_code);
            Fields::new().with("Type", "redirect").with("Order", order).with("RedirectConfig", config)
        }
        Action::FixedResponse { status_code, body } => {
            let config = Fields::new().with("MessageBody", body).with("StatusCode", status_code);
            Fields::new().with("Type", "fixed-response").with("Order", order).with("FixedResponseConfig", config)
        }
    }
}

fn target_group(it: TargetGroup) -> Fields {
    Fields::new()
        .with("TargetGroupArn", it.arn)
        .with("TargetGroupName", it.name)
        .with("Protocol", "HTTP")
        .with("Port", it.port)
        .with("VpcId", it.vpc_id)
        .with("HealthCheckProtocol", "HTTP")
        .with("HealthCheckPort", "traffic-port")
        .with("HealthCheckEnabled", true)
        .with("HealthCheckIntervalSeconds", it.health_check.interval_seconds)
        .with("HealthCheckTimeoutSeconds", it.health_check.timeout_seconds)
        .with("HealthyThresholdCount", it.health_check.healthy_threshold)
        .with("UnhealthyThresholdCount", it.health_check.unhealthy_threshold)
        .with("HealthCheckPath", it.health_check.path)
        .with("Matcher", Fields::new().with("HttpCode", it.health_check.matcher))
        .with("LoadBalancerArns", it.load_balancer_arns)
        .with("TargetType", "ip")
        .with("ProtocolVersion", "HTTP1")
        .with("IpAddressType", "ipv4")
}

fn target_health(it: TargetHealth) -> Fields {
    let target = Fields::new().with("Id", it.id).with("Port", it.port).with("AvailabilityZone", it.availability_zone);
    let health =
        Fields::new().with("State", it.state.as_str()).maybe("Reason", it.reason).maybe("Description", it.description);
    Fields::new()
        .with("Target", target)
        .with("HealthCheckPort", i64::from(it.port).to_string())
        .with("TargetHealth", health)
}
