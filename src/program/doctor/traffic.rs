//! The rule that splits traffic, the two target groups behind it, and HTTPS in front of it.

use std::time::Duration;

use super::Look;
use super::item::unread;
use crate::cloud::{GroupFacts, HealthCheck, ListenerFacts, RuleFacts};
use crate::config::Site;
use crate::domain::checklist::Item;
use crate::domain::gate::{Condition, HealthCheckPlan};
use crate::domain::plan::Driver;

/// A broken target is to be out within this long, and a new one in within [`IN`].
const OUT: Duration = Duration::from_secs(90);
const IN: Duration = Duration::from_mins(1);

pub(super) async fn look(look: &Look<'_>) -> Vec<Item> {
    let Some(site) = look.site else {
        return vec![Item::fine("traffic", "nobody shifts it: driver command")];
    };
    let groups = site.services.each_ref().map(|service| service.target_group.as_str());
    let mut items = Vec::new();
    let mut serving = None;
    match look.inspect().rule(&site.listener_rule).await {
        Ok(Some(rule)) => {
            serving = rule.weights.iter().max_by_key(|(_, weight)| *weight).map(|(group, _)| group.clone());
            if look.component.driver == Driver::Rolling {
                items.push(leads(&rule, groups[0]));
            } else {
                items.extend(split(&rule, groups));
            }
        }
        Ok(None) => items.push(Item::wrong(
            "rule",
            format!("there is no {}", site.listener_rule),
            "correct `listener_rule` in the configuration",
        )),
        Err(error) => items.push(unread("rule", &error)),
    }
    let wanted = look.conditions().into_iter().find_map(|condition| match condition {
        Condition::Drift(drift) if drift.health_check != HealthCheckPlan::default() => Some(&drift.health_check),
        _ => None,
    });
    let [first, _] = &site.services;
    let is_one = look.component.driver == Driver::Rolling;
    let services = if is_one { std::slice::from_ref(first) } else { site.services.as_slice() };
    for service in services {
        let arn = &service.target_group;
        match look.inspect().target_group(arn).await {
            Ok(Some(group)) => {
                let command = look.aws(&format!("elbv2 describe-target-health --target-group-arn {arn}"));
                items.push(health(&group, serving.as_deref() == Some(arn), &command));
                items.push(checked(look, arn, &group, wanted));
            }
            Ok(None) => items.push(Item::wrong(
                format!("target group of {}", service.service),
                format!("there is no {arn}"),
                "correct `target_group` in the configuration",
            )),
            Err(error) => items.push(unread(format!("target group of {}", service.service), &error)),
        }
    }
    items.push(https(look, site).await);
    items
}

/// The rule must lead to the one target group.
fn leads(rule: &RuleFacts, group: &str) -> Item {
    let found: Vec<&str> = rule.weights.iter().map(|(arn, _)| arn.split('/').nth(1).unwrap_or(arn)).collect();
    Item::held(
        "rule",
        rule.weights.iter().any(|(arn, _)| arn == group),
        format!("it forwards to {}", found.join(" and ")),
        || "let it forward to the service's target group, or correct `listener_rule`".to_owned(),
    )
}

/// The rule must split all it gets between exactly these two, by weight.
fn split(rule: &RuleFacts, groups: [&str; 2]) -> Vec<Item> {
    // `targetgroup/NAME/ID`.
    let name = |arn: &str| arn.split('/').nth(1).unwrap_or(arn).to_owned();
    let found: Vec<String> = rule.weights.iter().map(|(arn, weight)| format!("{} {weight}", name(arn))).collect();
    let is_between = rule.forwards == 1
        && rule.weights.len() == 2
        && groups.iter().all(|group| rule.weights.iter().any(|(arn, _)| arn == group));
    let seen = match rule.forwards {
        0 => "it forwards nothing".to_owned(),
        1 => format!("it forwards to {}", found.join(" and ")),
        several => format!("it has {several} forward actions"),
    };
    let mut items = vec![Item::held("rule", is_between, seen, || {
        format!("let it have one forward action with the target groups {} and {}", name(groups[0]), name(groups[1]))
    })];
    if !is_between {
        return items;
    }
    let sum: u32 = rule.weights.iter().map(|(_, weight)| weight).sum();
    let is_whole = rule.weights.iter().any(|(_, weight)| *weight == 0);
    items.push(Item::held("weights", sum > 0, format!("{}, together {sum}", found.join(" and ")), || {
        "give one of them all: 100 and 0".to_owned()
    }));
    if sum > 0 {
        let remedy = "wait for the release that split it, or set the weights to 100 and 0: the next one replaces one side's tasks";
        items.push(Item::held("one side serves", is_whole, found.join(" and "), || remedy.to_owned()));
    }
    if rule.is_sticky {
        items.push(Item::unknown(
            "stickiness",
            "on: clients stay with their target group, so that weights change later for them",
            "switch target-group stickiness off on the rule, unless sessions need it",
        ));
    }
    items
}

fn health(group: &GroupFacts, serves: bool, command: &str) -> Item {
    let name = format!("targets of {}", group.name);
    let seen = format!("{} of {} healthy", group.healthy, group.registered);
    match (serves, group.registered) {
        (false, 0) => Item::fine(name, "none: it does not serve"),
        (true, 0) => Item::wrong(name, "none, and it serves", "start its service's tasks"),
        _ => Item::held(name, group.healthy == group.registered, seen, || format!("the reasons: `{command}`")),
    }
}

/// What the gate says that the health check must be; otherwise whether it finds a broken target soon enough.
fn checked(look: &Look<'_>, arn: &str, group: &GroupFacts, wanted: Option<&HealthCheckPlan>) -> Item {
    let remedy = || {
        let figures = "--health-check-interval-seconds 30 --health-check-timeout-seconds 5 --healthy-threshold-count 2 --unhealthy-threshold-count 3";
        format!("`{}`", look.aws(&format!("elbv2 modify-target-group --target-group-arn {arn} {figures}")))
    };
    let wrong = match wanted {
        Some(wanted) => differences(&group.health_check, wanted),
        None => slowness(&group.health_check),
    };
    let name = format!("health check of {}", group.name);
    let seen = in_words(&group.health_check);
    let remedy = || match wanted {
        Some(_) => "correct it, or `drift.health_check` in the gate".to_owned(),
        None => remedy(),
    };
    if wrong.is_empty() {
        Item::fine(name, seen)
    } else {
        Item::wrong(name, format!("{seen}: {}", wrong.join("; ")), remedy())
    }
}

fn in_words(check: &HealthCheck) -> String {
    let secs = |span: Option<Duration>| span.map_or_else(|| "?".to_owned(), |span| span.as_secs().to_string());
    let count = |count: Option<u32>| count.map_or_else(|| "?".to_owned(), |count| count.to_string());
    format!(
        "{} every {} s, time-out {} s, healthy after {}, unhealthy after {}",
        check.path.as_deref().unwrap_or("?"),
        secs(check.interval),
        secs(check.timeout),
        count(check.healthy),
        count(check.unhealthy)
    )
}

fn differences(is: &HealthCheck, wanted: &HealthCheckPlan) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut compare = |name: &str, differs: bool, wanted: String| {
        if differs {
            wrong.push(format!("{name} is to be {wanted}"));
        }
    };
    let secs = |span: Duration| format!("{} s", span.as_secs());
    if let Some(path) = &wanted.path {
        compare("path", is.path.as_ref() != Some(path), path.clone());
    }
    for (name, is, wanted) in [("interval", is.interval, wanted.interval), ("time-out", is.timeout, wanted.timeout)] {
        if let Some(wanted) = wanted {
            compare(name, is != Some(wanted), secs(wanted));
        }
    }
    for (name, is, wanted) in [("healthy", is.healthy, wanted.healthy), ("unhealthy", is.unhealthy, wanted.unhealthy)] {
        if let Some(wanted) = wanted {
            compare(name, is != Some(wanted), wanted.to_string());
        }
    }
    wrong
}

fn slowness(check: &HealthCheck) -> Vec<String> {
    let (Some(interval), Some(timeout)) = (check.interval, check.timeout) else { return Vec::new() };
    let (healthy, unhealthy) = (check.healthy.unwrap_or(1), check.unhealthy.unwrap_or(1));
    let mut wrong = Vec::new();
    if timeout >= interval {
        wrong.push("the time-out is not shorter than the interval".to_owned());
    }
    for (what, takes, most) in
        [("a broken target stays in", interval * unhealthy, OUT), ("a new one stays out", interval * healthy, IN)]
    {
        if takes > most {
            wrong.push(format!("{what} for {} s, longer than {} s", takes.as_secs(), most.as_secs()));
        }
    }
    wrong
}

async fn https(look: &Look<'_>, site: &Site) -> Item {
    let name = "HTTPS enforced";
    let Some(balancer) = load_balancer(&site.listener_rule) else {
        return Item::unknown(name, "the load balancer is not known", "look at its listeners in the console");
    };
    match look.inspect().listeners(&balancer).await {
        Ok(listeners) => enforced(name, &listeners),
        Err(error) => unread(name, &error),
    }
}

fn enforced(name: &str, listeners: &[ListenerFacts]) -> Item {
    let has_https = listeners.iter().any(|it| it.protocol == "HTTPS" || it.protocol == "TLS");
    let plain = listeners.iter().filter(|it| it.protocol == "HTTP");
    let open: Vec<String> = plain
        .filter(|it| it.default.redirects_to.as_deref() != Some("HTTPS"))
        .map(|it| format!("port {}", it.port))
        .collect();
    if !has_https {
        return Item::wrong(name, "no listener speaks HTTPS", "add an HTTPS listener with a certificate of ACM");
    }
    Item::held(
        name,
        open.is_empty(),
        if open.is_empty() {
            "plain HTTP is redirected, or not served".to_owned()
        } else {
            format!("{} serves plain HTTP", open.join(", "))
        },
        || "let its default action redirect to HTTPS, port 443, with HTTP_301".to_owned(),
    )
}

/// `…:loadbalancer/app/NAME/ID` of the ARN of its listener or rule.
fn load_balancer(rule: &str) -> Option<String> {
    let (head, rest) = rule.split_once(":listener-rule/").or_else(|| rule.split_once(":listener/"))?;
    let parts: Vec<&str> = rest.split('/').take(3).collect();
    (parts.len() == 3).then(|| format!("{head}:loadbalancer/{}", parts.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::checklist::Mark;

    fn rule(weights: &[(&str, u32)]) -> RuleFacts {
        let weights = weights.iter().map(|(arn, weight)| ((*arn).to_owned(), *weight)).collect();
        RuleFacts { forwards: 1, weights, ..RuleFacts::default() }
    }

    fn wrong(rule: &RuleFacts) -> Vec<String> {
        let items = split(rule, ["blue", "green"]);
        items.into_iter().filter(|item| item.mark == Mark::Wrong).map(|item| item.name).collect()
    }

    #[test]
    fn a_rule_splits_between_exactly_the_two_and_one_has_it_all() {
        assert_eq!(wrong(&rule(&[("blue", 100), ("green", 0)])), [""; 0]);
        assert_eq!(wrong(&rule(&[("green", 1), ("blue", 0)])), [""; 0]);
        assert_eq!(wrong(&rule(&[("blue", 90), ("green", 10)])), ["one side serves"]);
        assert_eq!(wrong(&rule(&[("blue", 0), ("green", 0)])), ["weights"]);
        assert_eq!(wrong(&rule(&[("blue", 100)])), ["rule"]);
        assert_eq!(wrong(&rule(&[("blue", 100), ("other", 0)])), ["rule"]);
        assert_eq!(wrong(&rule(&[("blue", 1), ("green", 0), ("other", 0)])), ["rule"]);
        assert_eq!(wrong(&RuleFacts::default()), ["rule"]);
    }

    fn check(interval: u64, timeout: u64, healthy: u32, unhealthy: u32) -> HealthCheck {
        HealthCheck {
            path: Some("/healthz".to_owned()),
            interval: Some(Duration::from_secs(interval)),
            timeout: Some(Duration::from_secs(timeout)),
            healthy: Some(healthy),
            unhealthy: Some(unhealthy),
        }
    }

    #[test]
    fn a_health_check_is_quick_enough_or_as_the_gate_says() {
        assert_eq!(slowness(&check(30, 5, 2, 3)), [""; 0]);
        assert_eq!(slowness(&check(30, 30, 2, 3)).len(), 1);
        assert_eq!(slowness(&check(30, 5, 5, 2)), ["a new one stays out for 150 s, longer than 60 s"]);
        assert_eq!(slowness(&check(60, 5, 2, 5)).len(), 2);
        let wanted =
            HealthCheckPlan { interval: Some(Duration::from_secs(10)), healthy: Some(3), ..HealthCheckPlan::default() };
        assert_eq!(differences(&check(30, 5, 2, 3), &wanted), ["interval is to be 10 s", "healthy is to be 3"]);
        assert_eq!(differences(&check(10, 5, 3, 3), &wanted), [""; 0]);
    }

    #[test]
    fn plain_http_leads_to_https() {
        let listener = |protocol: &str, to: Option<&str>| ListenerFacts {
            protocol: protocol.to_owned(),
            default: RuleFacts { redirects_to: to.map(str::to_owned), ..RuleFacts::default() },
            ..ListenerFacts::default()
        };
        let mark = |all: &[ListenerFacts]| enforced("https", all).mark;
        assert_eq!(mark(&[listener("HTTPS", None), listener("HTTP", Some("HTTPS"))]), Mark::Fine);
        assert_eq!(mark(&[listener("HTTPS", None)]), Mark::Fine);
        assert_eq!(mark(&[listener("HTTPS", None), listener("HTTP", None)]), Mark::Wrong);
        assert_eq!(mark(&[listener("HTTP", Some("HTTPS"))]), Mark::Wrong);
    }

    #[test]
    fn a_rules_load_balancer_is_in_its_arn() {
        let of = |rule: &str| load_balancer(&format!("arn:aws:elasticloadbalancing:eu-west-1:1:{rule}"));
        let wanted = Some("arn:aws:elasticloadbalancing:eu-west-1:1:loadbalancer/app/shop/1c46".to_owned());
        assert_eq!(of("listener-rule/app/shop/1c46/883b/828d"), wanted);
        assert_eq!(of("listener/app/shop/1c46/883b"), wanted);
        assert_eq!(of("targetgroup/x/1"), None);
    }
}
