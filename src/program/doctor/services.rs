//! The cluster and its two services, and whether they are what the driver works on.

use super::Look;
use super::item::unread;
use crate::cloud::{ClusterFacts, ServiceFacts};
use crate::config::Service;
use crate::domain::checklist::Item;
use crate::domain::gate::{Breaker, Condition};
use crate::domain::plan::Driver;

pub(super) async fn look(look: &Look<'_>) -> Vec<Item> {
    let Some(site) = look.site else {
        return vec![Item::fine("driver", "command: the pipeline's programs release it; there are no services")];
    };
    let mut items = match look.inspect().cluster().await {
        Ok(cluster) => vec![self::cluster(&site.cluster, cluster.as_ref())],
        Err(error) => vec![unread("cluster", &error)],
    };
    let wanted = look.conditions().into_iter().find_map(|condition| match condition {
        Condition::Drift(drift) => drift.circuit_breaker,
        _ => None,
    });
    let mut desired = 0;
    // Where the sides are revisions of one service, there is only one to look at.
    let driver = look.component.driver;
    let [first, _] = &site.services;
    let services = if driver.is_deployment() { std::slice::from_ref(first) } else { site.services.as_slice() };
    for service in services {
        match look.inspect().service(&service.service).await {
            Ok(Some(found)) if found.status == "ACTIVE" => {
                desired += found.desired;
                let events =
                    look.aws(&format!("ecs describe-services --cluster {} --services {}", site.cluster, found.name));
                items.extend(judge(&found, (driver, service), &site.container, wanted, &events));
                if found.breaker == Breaker::Off && wanted.is_none() && !driver.is_deployment() {
                    items.push(breaker_off(look, &site.cluster, &found.name));
                }
            }
            Ok(_) => items.push(Item::wrong(
                format!("service {}", service.service),
                format!("there is no active service of this name in cluster {}", site.cluster),
                look.aws(&format!("ecs list-services --cluster {}", site.cluster)),
            )),
            Err(error) => items.push(unread(format!("service {}", service.service), &error)),
        }
    }
    items.push(Item::held("tasks", desired > 0, format!("{desired} wanted by both services"), || {
        let first = &site.services[0].service;
        let command = format!("ecs update-service --cluster {} --service {first} --desired-count 2", site.cluster);
        format!("start the one that serves: `{}`", look.aws(&command))
    }));
    // There is no SDK client for it here, and none is wanted for one question.
    let resource = format!("service/{}/{}", site.cluster, site.services[0].service);
    let command =
        format!("application-autoscaling describe-scalable-targets --service-namespace ecs --resource-ids {resource}");
    items.push(Item::unknown("auto scaling", "not read by cutover", format!("look: `{}`", look.aws(&command))));
    items
}

fn cluster(name: &str, found: Option<&ClusterFacts>) -> Item {
    let label = format!("cluster {name}");
    match found {
        Some(found) if found.status == "ACTIVE" => Item::fine(label, format!("active, {} services", found.services)),
        Some(found) => Item::wrong(label, format!("it is {}", found.status), "create it anew, or name another"),
        None => Item::wrong(label, "there is no such cluster", "correct `cluster` in the configuration"),
    }
}

/// What the driver needs of a service.
fn judge(
    found: &ServiceFacts,
    (driver, configured): (Driver, &Service),
    container: &str,
    wanted: Option<Breaker>,
    events: &str,
) -> Vec<Item> {
    let label = |what: &str| format!("{}: {what}", found.name);
    // A deployment says its strategy itself; two services that take turns must not shift anything on their own.
    let controller = if driver == Driver::CodeDeploy { "CODE_DEPLOY" } else { "ECS" };
    let is_driven = found.controller == controller && (driver.is_deployment() || found.strategy == "ROLLING");
    let deployer = format!("controller {}, {}, {}", found.controller, found.strategy.to_lowercase(), found.launch);
    let steady = format!(
        "{} of {} tasks run, {} deployment{}",
        found.running,
        found.desired,
        found.deployments,
        if found.deployments == 1 { "" } else { "s" }
    );
    let mut items = vec![
        Item::held(label("steady"), found.is_steady && found.running == found.desired, steady, || {
            format!("wait until its deployment has ended; its events say why it has not: `{events}`")
        }),
        Item::held(label("deployments"), is_driven, deployer, || {
            format!(
                "the driver `{}` deploys services whose controller is {controller}{}; recreate the service so",
                driver.word(),
                if driver.is_deployment() { "" } else { " and whose strategy is ROLLING" }
            )
        }),
        attachment(found, configured, container),
    ];
    if driver == Driver::Native {
        items.push(Item::held(label("revisions"), found.shifts, shifting(found), || {
            "give its load balancer an `advancedConfiguration`: the alternate target group, the production rule and a role that may change it".to_owned()
        }));
    }
    if let Some(wanted) = wanted {
        items.push(Item::held(label("circuit breaker"), found.breaker == wanted, found.breaker.word(), || {
            format!("set it to `{}`, or correct `drift.circuit_breaker` in the gate", wanted.word())
        }));
    }
    items
}

fn shifting(found: &ServiceFacts) -> &'static str {
    if found.shifts {
        "ECS can shift traffic between two target groups"
    } else {
        "it has one target group and no rule to shift"
    }
}

/// The service's tasks must register with the configured target group, by the configured container.
fn attachment(found: &ServiceFacts, configured: &Service, container: &str) -> Item {
    let name = format!("{}: target group", found.name);
    let group = group_name(&configured.target_group);
    match found.attachments.as_slice() {
        [only] if only.target_group == configured.target_group && only.container == container => {
            Item::fine(name, format!("{container}:{} in {group}", only.port))
        }
        [only] if only.target_group == configured.target_group => Item::wrong(
            name,
            format!("its container {} answers, not {container}", only.container),
            format!("set `container = \"{}\"` in the configuration, or change the service", only.container),
        ),
        [] => Item::wrong(name, "its tasks are in no target group", format!("attach it to {group}")),
        others => {
            let others: Vec<&str> = others.iter().map(|other| group_name(&other.target_group)).collect();
            Item::wrong(
                name,
                format!("its tasks are in {}", others.join(" and ")),
                format!("attach it to {group} alone, or correct `target_group` in the configuration"),
            )
        }
    }
}

/// `targetgroup/NAME/ID` is how its ARN ends.
fn group_name(arn: &str) -> &str {
    arn.split('/').nth(1).unwrap_or(arn)
}

fn breaker_off(look: &Look<'_>, cluster: &str, service: &str) -> Item {
    let command = look.aws(&format!(
        "ecs update-service --cluster {cluster} --service {service} --deployment-configuration 'deploymentCircuitBreaker={{enable=true,rollback=false}}'"
    ));
    Item::unknown(
        format!("{service}: circuit breaker"),
        "off: ECS goes on starting tasks that die; cutover gives up after three",
        format!("to have ECS stop as well: `{command}`"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::Attachment;
    use crate::domain::checklist::Mark;
    use crate::domain::ids::TaskDefinitionArn;

    const GROUP: &str = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/api/1";

    fn service() -> ServiceFacts {
        ServiceFacts {
            shifts: false,
            name: "api-blue".to_owned(),
            status: "ACTIVE".to_owned(),
            desired: 2,
            running: 2,
            deployments: 1,
            is_steady: true,
            controller: "ECS".to_owned(),
            launch: "FARGATE".to_owned(),
            strategy: "ROLLING".to_owned(),
            breaker: Breaker::Fail,
            task_definition: TaskDefinitionArn::from("api:1"),
            attachments: vec![Attachment { target_group: GROUP.to_owned(), container: "api".to_owned(), port: 80 }],
        }
    }

    fn wrong(change: impl FnOnce(&mut ServiceFacts), wanted: Option<Breaker>) -> Vec<String> {
        let mut found = service();
        change(&mut found);
        let configured = Service { service: found.name.clone(), target_group: GROUP.to_owned(), url: None };
        let items = judge(&found, (Driver::Alb, &configured), "api", wanted, "aws");
        items.into_iter().filter(|item| item.mark == Mark::Wrong).map(|item| item.name).collect()
    }

    #[test]
    fn each_thing_that_the_driver_needs_is_missed_by_itself() {
        assert_eq!(wrong(|_| {}, Some(Breaker::Fail)), [""; 0]);
        assert_eq!(wrong(|it| it.running = 1, None), ["api-blue: steady"]);
        assert_eq!(wrong(|it| it.is_steady = false, None), ["api-blue: steady"]);
        assert_eq!(wrong(|it| it.controller = "CODE_DEPLOY".to_owned(), None), ["api-blue: deployments"]);
        assert_eq!(wrong(|it| it.strategy = "BLUE_GREEN".to_owned(), None), ["api-blue: deployments"]);
        assert_eq!(wrong(|it| it.attachments.clear(), None), ["api-blue: target group"]);
        assert_eq!(wrong(|it| it.attachments[0].container = "proxy".to_owned(), None), ["api-blue: target group"]);
        assert_eq!(wrong(|it| it.attachments[0].target_group.push('2'), None), ["api-blue: target group"]);
        assert_eq!(wrong(|_| {}, Some(Breaker::Rollback)), ["api-blue: circuit breaker"]);
    }

    #[test]
    fn a_cluster_is_there_and_active() {
        let facts = |status: &str| ClusterFacts { status: status.to_owned(), services: 2 };
        assert_eq!(cluster("shop", Some(&facts("ACTIVE"))).mark, Mark::Fine);
        assert_eq!(cluster("shop", Some(&facts("INACTIVE"))).mark, Mark::Wrong);
        assert_eq!(cluster("shop", None).mark, Mark::Wrong);
    }
}
