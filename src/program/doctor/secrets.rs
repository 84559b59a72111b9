//! Secrets of Secrets Manager: that they are there, and rotate. Their values are never read.

use std::time::Duration;

use super::Look;
use super::item::{unconfigured, unread};
use crate::cloud::Secret;
use crate::domain::checklist::Item;
use crate::domain::gate::{Condition, age};
use crate::domain::time::Timestamp;

/// How often a secret is to be rotated where no gate says it.
const USUAL: Duration = Duration::from_hours(90 * 24);

pub(super) async fn look(look: &Look<'_>) -> Vec<Item> {
    if let Some(item) = look.unplanned("secrets") {
        return vec![item];
    }
    let mut wanted: Vec<(String, Duration)> = look
        .conditions()
        .into_iter()
        .filter_map(|condition| match condition {
            Condition::Secret(secret) => Some((secret.name.clone(), secret.rotated_within.unwrap_or(USUAL))),
            _ => None,
        })
        .collect();
    for name in referred(look).await {
        if !wanted.iter().any(|(known, _)| *known == name) {
            wanted.push((name, USUAL));
        }
    }
    if wanted.is_empty() {
        let key = "them in a gate: `secrets = { names = [\"shop/api/database\"], rotated_within = \"90d\" }`";
        return vec![unconfigured("secrets", key)];
    }
    let mut items = Vec::new();
    for (name, within) in wanted {
        items.push(match look.reach.cloud.estate().secret(&name).await {
            Ok(found) => judge(&name, found.as_ref(), within, look.around.clock.now(), |command| look.aws(command)),
            Err(error) => unread(format!("secret {name}"), &error),
        });
    }
    items
}

/// Those that the task definition refers to.
async fn referred(look: &Look<'_>) -> Vec<String> {
    let Some(sides) = look.planned().and_then(|planned| planned.sides.as_ref()) else { return Vec::new() };
    let definition = look.inspect().task_definition(&sides.blue.task_definition).await;
    // That it cannot be read is told where the task definition is looked at.
    let containers = definition.map(|definition| definition.containers).unwrap_or_default();
    let secrets = containers.into_iter().flat_map(|container| container.secrets);
    let mut arns: Vec<String> =
        secrets.map(|(_, from)| from).filter(|from| from.contains(":secretsmanager:")).map(whole).collect();
    arns.sort_unstable();
    arns.dedup();
    arns
}

/// An ARN may go on with a key and a version of the secret.
fn whole(from: String) -> String {
    from.splitn(8, ':').take(7).collect::<Vec<_>>().join(":")
}

fn judge(name: &str, found: Option<&Secret>, within: Duration, now: Timestamp, aws: impl Fn(&str) -> String) -> Item {
    let label = format!("secret {name}");
    let rotate = || {
        let rules = "--rotation-rules AutomaticallyAfterDays=90";
        format!("`{}`", aws(&format!("secretsmanager rotate-secret --secret-id {name} {rules}")))
    };
    let Some(secret) = found else {
        return Item::wrong(label, "there is no such secret", "create it, or correct its name");
    };
    if secret.deleted.is_some() {
        let remedy = format!("`{}`", aws(&format!("secretsmanager restore-secret --secret-id {name}")));
        return Item::wrong(label, "it waits to be deleted", remedy);
    }
    if !secret.rotates {
        return Item::wrong(label, "it is there, and never rotates", rotate());
    }
    match secret.rotated.or(secret.created) {
        Some(at) => {
            let old = now.since(at);
            Item::held(label, old <= within, format!("rotated {} ago", age(old)), || {
                format!("more than {}: {}", age(within), rotate())
            })
        }
        None => Item::wrong(label, "it has never been rotated", rotate()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::checklist::Mark;

    const NOW: Timestamp = Timestamp::from_secs(1_795_161_600);

    fn mark(change: impl FnOnce(&mut Secret)) -> Mark {
        let mut secret = Secret {
            name: "db".to_owned(),
            rotates: true,
            rotated: Some(NOW - Duration::from_hours(24 * 20)),
            created: None,
            deleted: None,
        };
        change(&mut secret);
        judge("db", Some(&secret), USUAL, NOW, str::to_owned).mark
    }

    #[test]
    fn a_secret_is_there_and_rotates() {
        assert_eq!(mark(|_| {}), Mark::Fine);
        assert_eq!(mark(|it| it.rotates = false), Mark::Wrong);
        assert_eq!(mark(|it| it.rotated = Some(NOW - Duration::from_hours(24 * 91))), Mark::Wrong);
        assert_eq!(mark(|it| it.rotated = None), Mark::Wrong);
        assert_eq!(mark(|it| (it.rotated, it.created) = (None, Some(NOW))), Mark::Fine);
        assert_eq!(mark(|it| it.deleted = Some(NOW)), Mark::Wrong);
        assert_eq!(judge("db", None, USUAL, NOW, str::to_owned).mark, Mark::Wrong);
    }

    #[test]
    fn a_key_of_a_secret_is_part_of_it() {
        let arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop-Ab12Cd";
        assert_eq!(whole(format!("{arn}:password::")), arn);
        assert_eq!(whole(arn.to_owned()), arn);
    }
}
