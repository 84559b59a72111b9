//! What belongs to a service: its target group, the rule in front of it, the service behind the rule's other target group,
//! its log groups and its alarms.

use color_eyre::eyre::{Result, WrapErr};

use crate::cloud::{AlarmFacts, Attachment, GroupFacts, Inspect, RuleFacts, ServiceFacts};
use crate::domain::plan::Driver;
use crate::program::output::Refused;

/// What was found of a service.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) service: ServiceFacts,
    /// Its tasks in a target group.
    pub(super) attachment: Option<Attachment>,
    /// That target group.
    pub(super) group: Option<GroupFacts>,
    /// The rule that sends it traffic: the one that splits by weight, if any does.
    pub(super) rule: Option<RuleFacts>,
    /// The rule's other target group, by ARN.
    pub(super) other_group: Option<String>,
    /// The service behind that.
    pub(super) twin: Option<ServiceFacts>,
    /// The container that is released.
    pub(super) container: Option<String>,
    /// Its image.
    pub(super) image: Option<String>,
    pub(super) logs: Vec<String>,
    pub(super) alarms: Vec<String>,
}

impl Found {
    /// The driver that the service is set up for.
    pub(super) fn driver(&self) -> Driver {
        let is_replaced = self.service.controller == "ECS" && self.service.strategy == "ROLLING";
        match (shifts_itself(&self.service), self.lacks().is_empty(), &self.rule) {
            (true, true, _) => Driver::Native,
            (false, true, _) => Driver::Alb,
            (false, false, Some(_)) if is_replaced => Driver::Rolling,
            (_, false, _) => Driver::Command,
        }
    }

    /// What is not there that shifting traffic step by step takes.
    pub(super) fn lacks(&self) -> Vec<String> {
        let mut lacks = Vec::new();
        let is_driven =
            |it: &ServiceFacts| it.controller == "ECS" && (it.strategy == "ROLLING" || shifts_itself(&self.service));
        for service in [Some(&self.service), self.twin.as_ref()].into_iter().flatten() {
            if !is_driven(service) {
                let (name, controller, strategy) = (&service.name, &service.controller, &service.strategy);
                lacks.push(if controller == "CODE_DEPLOY" {
                    format!(
                        "service {name} is shifted by CodeDeploy; that takes `driver = \"codedeploy\"` with the names of its application and deployment group, as in assets/drivers/codedeploy.toml"
                    )
                } else {
                    format!(
                        "service {name} has controller {controller} and strategy {strategy}; it takes ECS and ROLLING"
                    )
                });
            }
        }
        match (&self.attachment, &self.rule, &self.other_group, &self.twin) {
            (None, ..) => lacks.push(format!("service {} is behind no target group", self.service.name)),
            (_, None, ..) => lacks.push("no listener rule of its load balancer sends it traffic".to_owned()),
            (_, Some(rule), None, _) => lacks.push(format!(
                "rule {} sends traffic to {} target group; it takes two, with weights",
                rule.arn,
                rule.weights.len()
            )),
            (_, _, Some(group), None) => {
                lacks.push(format!("no service of the cluster is behind the rule's other target group, {group}"));
            }
            (Some(_), Some(_), Some(_), Some(_)) => {}
        }
        lacks
    }

    /// Both services with their target groups, whichever has the traffic first.
    pub(super) fn sides(&self) -> Option<[(&ServiceFacts, &str); 2]> {
        let (attachment, other, twin) = (self.attachment.as_ref()?, self.other_group.as_ref()?, self.twin.as_ref()?);
        let (own, other) = ((&self.service, attachment.target_group.as_str()), (twin, other.as_str()));
        let weight = |group: &str| {
            let weights = self.rule.iter().flat_map(|rule| &rule.weights);
            weights.filter(|(arn, _)| arn == group).map(|(_, weight)| *weight).sum::<u32>()
        };
        Some(if weight(own.1) >= weight(other.1) { [own, other] } else { [other, own] })
    }
}

/// Whether ECS can shift the service's traffic between two target groups of its own. By which strategy is said with each
/// deployment.
fn shifts_itself(service: &ServiceFacts) -> bool {
    service.controller == "ECS" && service.shifts
}

/// Looks at everything that belongs to a service.
pub(super) async fn find(account: &dyn Inspect, cluster: &str, name: &str) -> Result<Found> {
    let service = match account.service(name).await.wrap_err("failed to look at the service")? {
        Some(service) if service.status == "ACTIVE" => service,
        _ => return Err(unknown(account, cluster, name).await),
    };
    let attachment = service.attachments.first().cloned();
    let group = match &attachment {
        Some(attachment) => {
            account.target_group(&attachment.target_group).await.wrap_err("failed to look at its target group")?
        }
        None => None,
    };
    let rule = match (&attachment, &group) {
        (Some(attachment), Some(group)) => rule(account, &attachment.target_group, group).await?,
        _ => None,
    };
    let other_group = rule.as_ref().zip(attachment.as_ref()).and_then(|(rule, own)| other(rule, &own.target_group));
    let twin = match &other_group {
        Some(_) if shifts_itself(&service) => Some(service.clone()),
        Some(group) => {
            let all = account.services().await.wrap_err("failed to look at the cluster's services")?;
            all.into_iter()
                .find(|it| it.name != service.name && it.attachments.iter().any(|at| at.target_group == *group))
        }
        None => None,
    };
    let definition =
        account.task_definition(&service.task_definition).await.wrap_err("failed to look at its task definition")?;
    let named = attachment.as_ref().map(|attachment| attachment.container.as_str());
    let released = definition.containers.iter().find(|it| Some(it.name.as_str()) == named);
    let released = released.or(definition.containers.first());
    let mut logs: Vec<String> = definition.containers.iter().filter_map(|it| it.log_group.clone()).collect();
    logs.sort_unstable();
    logs.dedup();
    let names = [Some(&service), twin.as_ref()].into_iter().flatten().map(|it| it.name.clone()).collect::<Vec<_>>();
    let groups: Vec<&str> =
        attachment.iter().map(|it| it.target_group.as_str()).chain(other_group.as_deref()).collect();
    let all = account.all_alarms().await.wrap_err("failed to look at the alarms")?;
    let balancers = group.as_ref().map(|group| group.load_balancers.as_slice()).unwrap_or_default();
    let alarms = all.iter().filter(|alarm| is_about(alarm, cluster, &names, &groups, balancers));
    Ok(Found {
        container: released.map(|it| it.name.clone()),
        image: released.map(|it| it.image.clone()),
        alarms: alarms.map(|alarm| alarm.name.as_str().to_owned()).collect(),
        service,
        attachment,
        group,
        rule,
        other_group,
        twin,
        logs,
    })
}

async fn unknown(account: &dyn Inspect, cluster: &str, name: &str) -> color_eyre::Report {
    let there = account.services().await.unwrap_or_default();
    let names: Vec<&str> = there.iter().map(|it| it.name.as_str()).collect();
    let known = if names.is_empty() { String::new() } else { format!("; there is {}", names.join(", ")) };
    Refused::usage(format!("there is no active service `{name}` in cluster `{cluster}`{known}"))
}

/// The rule that sends a target group traffic; one that splits it between two comes first.
async fn rule(account: &dyn Inspect, group: &str, facts: &GroupFacts) -> Result<Option<RuleFacts>> {
    let mut found: Option<RuleFacts> = None;
    for balancer in &facts.load_balancers {
        for listener in account.listeners(balancer).await.wrap_err("failed to look at the listeners")? {
            for rule in account.rules(&listener.arn).await.wrap_err("failed to look at the listener's rules")? {
                if !rule.weights.iter().any(|(arn, _)| arn == group) {
                    continue;
                }
                let splits = |rule: &RuleFacts| rule.forwards == 1 && rule.weights.len() == 2;
                if found.as_ref().is_none_or(|known| splits(&rule) && !splits(known)) {
                    found = Some(rule);
                }
            }
        }
    }
    Ok(found)
}

/// The rule's other target group, if it has exactly two.
fn other(rule: &RuleFacts, own: &str) -> Option<String> {
    match rule.weights.as_slice() {
        [(one, _), (two, _)] if rule.forwards == 1 => Some(if one == own { two.clone() } else { one.clone() }),
        _ => None,
    }
}

/// Whether what an alarm measures belongs to the services, by the values of its dimensions.
fn is_about(alarm: &AlarmFacts, cluster: &str, services: &[String], groups: &[&str], balancers: &[String]) -> bool {
    let has = |value: &str| alarm.dimensions.iter().any(|dimension| dimension == value);
    // `targetgroup/NAME/ID` and `app/NAME/ID` are how CloudWatch names them.
    let groups = groups.iter().filter_map(|arn| arn.rsplit(':').next());
    let balancers = balancers.iter().filter_map(|arn| arn.split_once(":loadbalancer/").map(|(_, rest)| rest));
    let is_of_service = has(cluster) && services.iter().any(|name| has(name));
    is_of_service || groups.chain(balancers).any(has)
}
