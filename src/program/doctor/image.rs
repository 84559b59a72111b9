//! What the service that serves runs: its image, its container, and what the task definition keeps where.

use super::Look;
use super::item::unread;
use crate::cloud::{CloudError, ContainerFacts, ErrorKind, Image, Scan};
use crate::domain::checklist::Item;
use crate::domain::gate::{Condition, OnMissing, Risk};
use crate::domain::ids::Version;
use crate::domain::redact::Redactor;

pub(super) async fn look(look: &Look<'_>) -> Vec<Item> {
    let Some(site) = look.site else {
        return vec![Item::fine("task definition", "none: driver command")];
    };
    let Some(sides) = look.planned().and_then(|planned| planned.sides.as_ref()) else {
        let why = look.plan.err().unwrap_or("nothing is known of what serves");
        return vec![Item::wrong("what serves", why, "correct what the other groups show, and run it again")];
    };
    let definition = match look.inspect().task_definition(&sides.blue.task_definition).await {
        Ok(definition) => definition,
        Err(error) => return vec![unread("task definition", &error)],
    };
    let Some(container) = definition.containers.iter().find(|it| it.name == site.container) else {
        let names: Vec<&str> = definition.containers.iter().map(|it| it.name.as_str()).collect();
        return vec![Item::wrong(
            format!("container {}", site.container),
            format!("{} has {}", definition.arn, names.join(", ")),
            "correct `container` in the configuration",
        )];
    };
    let version = Version(container.image.clone());
    let estate = look.reach.cloud.estate();
    let mut items = vec![named(container), there(&version, estate.image(&version).await)];
    let gate = look.conditions().into_iter().find_map(|condition| match condition {
        Condition::Image(image) => Some((image.findings_below, image.on_missing)),
        _ => None,
    });
    let (limit, on_missing) = gate.unwrap_or((None, OnMissing::Pass));
    items.push(scanned(limit, on_missing, estate.scan(&version).await));
    items.push(logged(container, &look.component.logs));
    items.push(kept(container));
    items.push(if container.has_health_check {
        Item::fine("container health check", "the container has one of its own")
    } else {
        Item::unknown(
            "container health check",
            "none: the load balancer's alone tells whether it works",
            "add `healthCheck` to the container, if it can be ill in ways that the load balancer does not see",
        )
    });
    items
}

/// A tag that moves is no version.
fn named(container: &ContainerFacts) -> Item {
    let image = &container.image;
    let last = image.rsplit('/').next().unwrap_or_default();
    let tag = last.split_once('@').map_or_else(|| last.split_once(':').map(|(_, tag)| tag), |(_, digest)| Some(digest));
    match tag {
        Some(tag) if tag != "latest" => Item::fine("image named", image),
        _ => Item::wrong("image named", image, "release an image by its digest, or by a tag that never moves"),
    }
}

fn there(version: &Version, found: Result<Option<Image>, CloudError>) -> Item {
    let name = "image in ECR";
    match found {
        Ok(Some(image)) => {
            Item::fine(name, format!("{version} is {}", image.digest.get(..19).unwrap_or(&image.digest)))
        }
        Ok(None) => Item::wrong(
            name,
            format!("{} is not there: no new task of it can start", version.0),
            "push it again, and keep images of running versions in the repository's lifecycle policy",
        ),
        Err(error) if error.kind == ErrorKind::Unexpected => {
            Item::unknown(name, "not an image of ECR", "make sure that its registry keeps it")
        }
        Err(error) => unread(name, &error),
    }
}

fn scanned(limit: Option<Risk>, on_missing: OnMissing, found: Result<Scan, CloudError>) -> Item {
    let name = "image scan";
    let without = |why: String| match on_missing {
        OnMissing::Fail => Item::wrong(name, why, "switch scan on push on for the repository"),
        OnMissing::Pass => Item::unknown(name, why, "switch scan on push on for the repository"),
    };
    match found {
        Ok(Scan::Finished { findings, .. }) => {
            let all: Vec<String> = findings.iter().rev().map(|(risk, count)| format!("{count} {risk}")).collect();
            let seen = if all.is_empty() { "no findings".to_owned() } else { all.join(", ") };
            let Some(limit) = limit else {
                return Item::unknown(
                    name,
                    seen,
                    "configure what may be found: `image = { findings_below = \"high\" }` in a gate",
                );
            };
            let holds = findings.keys().all(|risk| *risk < limit);
            Item::held(name, holds, seen, || format!("release an image without findings that are {limit} or worse"))
        }
        Ok(Scan::UnderWay) => Item::unknown(name, "under way", "run it again"),
        Ok(Scan::NotScanned) => without("it was not scanned".to_owned()),
        Ok(Scan::Unavailable(why)) => without(why),
        Err(error) if error.kind == ErrorKind::Unexpected || error.kind == ErrorKind::NotFound => {
            Item::unknown(name, error.to_string(), "scan it where its registry is")
        }
        Err(error) => unread(name, &error),
    }
}

/// Its lines must go where the cockpit looks.
fn logged(container: &ContainerFacts, groups: &[String]) -> Item {
    let name = "log configuration";
    match (&container.log_driver, &container.log_group) {
        (None, _) => Item::wrong(name, "the container's lines go nowhere", "give it `logConfiguration` with awslogs"),
        (Some(_), Some(group)) => Item::held(name, groups.contains(group), format!("lines go to {group}"), || {
            format!("add it to the component: `logs = [\"{group}\"]`")
        }),
        (Some(driver), None) => Item::unknown(
            name,
            format!("{driver}: cutover follows CloudWatch Logs only"),
            "name the log groups in `logs` if the lines end up there",
        ),
    }
}

/// Names alone are looked at: values stay where they are.
fn kept(container: &ContainerFacts) -> Item {
    let name = "secrets by reference";
    let plain: Vec<&str> = container
        .variables
        .iter()
        .map(String::as_str)
        .filter(|name| Redactor::is_secret_name(name) && !points(name))
        .collect();
    let seen = if plain.is_empty() {
        format!("{} of them, none in plain text", container.secrets.len())
    } else {
        format!("{} in plain text", plain.join(", "))
    };
    Item::held(name, plain.is_empty(), seen, || {
        "move it to Secrets Manager, refer to it in the container's `secrets`, and rotate it: task definitions are kept for ever".to_owned()
    })
}

/// What only says where a secret is.
fn points(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["_file", "_path", "_arn", "_name", "_id", "_url", "_endpoint"].iter().any(|ending| name.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use crate::domain::checklist::Mark;
    use std::collections::BTreeMap;

    use super::*;

    fn container() -> ContainerFacts {
        ContainerFacts {
            name: "api".to_owned(),
            image: "registry/api:9ab03d7".to_owned(),
            log_driver: Some("awslogs".to_owned()),
            log_group: Some("/ecs/api".to_owned()),
            ..ContainerFacts::default()
        }
    }

    #[test]
    fn an_image_has_a_name_that_does_not_move() {
        let mark = |image: &str| named(&ContainerFacts { image: image.to_owned(), ..container() }).mark;
        assert_eq!(mark("registry:5000/api:9ab03d7"), Mark::Fine);
        assert_eq!(mark("registry/api@sha256:4f2c"), Mark::Fine);
        assert_eq!(mark("registry:5000/api"), Mark::Wrong);
        assert_eq!(mark("registry/api:latest"), Mark::Wrong);
    }

    #[test]
    fn lines_go_where_they_are_looked_for() {
        let groups = ["/ecs/api".to_owned()];
        assert_eq!(logged(&container(), &groups).mark, Mark::Fine);
        assert_eq!(logged(&container(), &[]).mark, Mark::Wrong);
        assert_eq!(logged(&ContainerFacts { log_driver: None, ..container() }, &groups).mark, Mark::Wrong);
        let elsewhere = ContainerFacts { log_driver: Some("awsfirelens".to_owned()), log_group: None, ..container() };
        assert_eq!(logged(&elsewhere, &groups).mark, Mark::Unknown);
    }

    #[test]
    fn a_secret_in_plain_text_is_known_by_its_name() {
        let mark = |name: &str| kept(&ContainerFacts { variables: vec![name.to_owned()], ..container() }).mark;
        assert_eq!(mark("DB_PASSWORD"), Mark::Wrong);
        assert_eq!(mark("DB_PASSWORD_FILE"), Mark::Fine);
        assert_eq!(mark("LOG_LEVEL"), Mark::Fine);
    }

    #[test]
    fn findings_are_held_against_what_the_gate_allows() {
        let found = |risk| Ok(Scan::Finished { at: None, findings: BTreeMap::from([(risk, 2)]) });
        let mark = |limit, found| scanned(limit, OnMissing::Fail, found).mark;
        assert_eq!(mark(Some(Risk::High), found(Risk::Medium)), Mark::Fine);
        assert_eq!(mark(Some(Risk::High), found(Risk::High)), Mark::Wrong);
        assert_eq!(mark(None, found(Risk::Critical)), Mark::Unknown);
        assert_eq!(mark(None, Ok(Scan::NotScanned)), Mark::Wrong);
        assert_eq!(scanned(None, OnMissing::Pass, Ok(Scan::NotScanned)).mark, Mark::Unknown);
    }
}
