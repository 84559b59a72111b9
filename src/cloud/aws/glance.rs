//! Many components at once.

use std::collections::BTreeSet;

use aws_sdk_ecs::types::{DeploymentRolloutState, Service};
use tokio::try_join;

use super::errors::not_found;
use super::rollout::alb;
use super::services::{count, definition_of, describe_many, is_named, primary};
use super::{Aws, last_part};
use crate::cloud::{CloudError, Glance, ServiceGlance, Target};
use crate::domain::percent::Percent;
use crate::domain::plan::Driver;

/// Looks at components of one cluster: the split of traffic and both services of each.
pub(super) async fn glance(aws: &Aws, targets: &[Target]) -> Result<Vec<Result<Glance, CloudError>>, CloudError> {
    let split = targets.iter().filter(|target| splits(target.driver));
    let rules: BTreeSet<&str> = split.map(|target| target.rule.as_str()).collect();
    let names: BTreeSet<&str> =
        targets.iter().flat_map(|target| &target.services).map(|service| service.service.as_str()).collect();
    let (actions, services) = try_join!(alb::actions(aws, &rules), describe_many(aws, &names))?;
    let glance = |target: &Target| {
        let [first, second] = &target.services;
        let (rule, groups) = (target.rule.as_str(), [first.target_group.as_str(), second.target_group.as_str()]);
        let [one, other] = groups;
        let share =
            if splits(target.driver) { alb::share_in(actions.get(rule), rule, one, other)? } else { Percent::ZERO };
        let services = [found(aws, &services, &first.service)?, found(aws, &services, &second.service)?];
        Ok(Glance { weights: [share.rest(), share], services })
    };
    Ok(targets.iter().map(glance).collect())
}

/// Whether a rule splits traffic between two target groups.
fn splits(driver: Driver) -> bool {
    match driver {
        Driver::Alb | Driver::Native | Driver::CodeDeploy => true,
        Driver::Rolling | Driver::Command => false,
    }
}

fn found(aws: &Aws, services: &[Service], name: &str) -> Result<ServiceGlance, CloudError> {
    let service = services.iter().find(|service| is_named(service, name)).ok_or_else(|| {
        let cluster = last_part(&aws.cluster);
        not_found("ecs:DescribeServices", format!("there is no active service `{name}` in cluster `{cluster}`"))
    })?;
    let primary = primary(service)?;
    Ok(ServiceGlance {
        task_definition: definition_of(primary),
        desired: count(service.desired_count),
        running: count(service.running_count),
        is_deploying: service.deployments().len() > 1
            || primary.rollout_state == Some(DeploymentRolloutState::InProgress),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cloud::aws::testing::{BLUE, GREEN, RULE, Script, json, xml, xml_error};
    use crate::cloud::{ErrorKind, Estate as _, ServiceTarget};

    fn target(number: usize) -> Target {
        let service =
            |service: String, target_group: &str| ServiceTarget { service, target_group: target_group.to_owned() };
        let services = [service(format!("api-{number}-a"), BLUE), service(format!("api-{number}-b"), GREEN)];
        Target {
            driver: Driver::Alb,
            rule: format!("{RULE}{number}"),
            services,
            container: "api".to_owned(),
            group: None,
        }
    }

    fn rule(number: usize) -> String {
        format!(
            "<member><RuleArn>{RULE}{number}</RuleArn><Actions><member><Type>forward</Type><ForwardConfig>\
             <TargetGroups><member><TargetGroupArn>{BLUE}</TargetGroupArn><Weight>{}</Weight></member>\
             <member><TargetGroupArn>{GREEN}</TargetGroupArn><Weight>{}</Weight></member></TargetGroups>\
             </ForwardConfig></member></Actions></member>",
            100 - number,
            number
        )
    }

    fn services(count: usize) -> serde_json::Value {
        let service = |name: String| {
            json!({ "serviceName": name, "status": "ACTIVE", "desiredCount": 6, "runningCount": 5, "deployments": [
                { "status": "PRIMARY", "taskDefinition": format!("{name}:7"), "rolloutState": "COMPLETED" }] })
        };
        let both = |number| [format!("api-{number}-a"), format!("api-{number}-b")];
        json!({ "services": (0..count).flat_map(both).map(service).collect::<Vec<_>>() })
    }

    #[tokio::test(start_paused = true)]
    async fn a_hundred_services_are_looked_at_by_thirteen_calls() {
        let rules: String = (0..50).map(rule).collect();
        let script = Script::new()
            .on("DescribeRules", xml("DescribeRules", &format!("<Rules>{rules}</Rules>")))
            .on("DescribeServices", json(services(50)));
        let targets: Vec<Target> = (0..50).map(target).collect();
        let found = script.aws().glance(&targets).await.unwrap();
        assert_eq!((found.len(), script.count()), (50, 10 + 3));
        let last = found[49].as_ref().unwrap();
        assert_eq!((last.weights[1], last.serving(), last.services[1].running), (Percent::clamped(49), 0, 5));
        assert_eq!(last.services[1].task_definition.as_str(), "api-49-b:7");
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_that_ecs_rolls_has_no_rule_to_ask_for() {
        let script = Script::new().on("DescribeServices", json(services(1)));
        let rolling = Target { driver: Driver::Rolling, rule: String::new(), ..target(0) };
        let found = script.aws().glance(&[rolling]).await.unwrap();
        assert_eq!((script.count(), found[0].as_ref().unwrap().weights[0]), (1, Percent::FULL));
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_is_not_there_fails_alone() {
        let script = Script::new()
            .on("DescribeRules", xml_error(400, "RuleNotFound", "One or more rules not found"))
            .on("DescribeRules", xml("DescribeRules", &format!("<Rules>{}</Rules>", rule(0))))
            .on("DescribeRules", xml_error(400, "RuleNotFound", "One or more rules not found"))
            .on("DescribeServices", json(services(1)));
        let found = script.aws().glance(&[target(0), target(1)]).await.unwrap();
        assert!(found[0].is_ok(), "{found:?}");
        assert_eq!(found[1].as_ref().unwrap_err().kind, ErrorKind::NotFound);
    }
}
