//! Whose credentials these are, until when, what they may do, and whether this host's clock agrees with AWS's.

use std::time::Duration;

use super::Look;
use super::item::{unconfigured, unread};
use crate::cloud::{CloudError, ErrorKind, Identity, LOCK_KEY, LockTable};
use crate::domain::checklist::{Item, Mark};
use crate::domain::flag::FlagPlan;
use crate::domain::gate::age;
use crate::domain::plan::{Plan, StageKind};
use crate::domain::program::Runs;
use crate::domain::time::Timestamp;

/// Credentials that end sooner than this do not outlast a release.
const SOON: Duration = Duration::from_hours(1);

/// AWS refuses requests whose time is five minutes off; clocks that far apart drift on.
const APART: Duration = Duration::from_mins(1);

pub(super) async fn look(look: &Look<'_>) -> Vec<Item> {
    let identity = look.reach.cloud.identity().await;
    let here = look.around.clock.now();
    let time = look.inspect().time().await;
    let identity = match identity {
        Ok(identity) => identity,
        Err(error) if error.kind == ErrorKind::Expired && !is_on_ecs(look) => {
            return vec![Item::fine("identity", "no credentials, and none are needed: nothing is on ECS")];
        }
        Err(error) => return vec![unread("identity", &error), skew(here, time)],
    };
    let mut items = vec![account(&identity, &look.environment.account), expiry(&identity, here), skew(here, time)];
    items.push(changes(look, &identity));
    items.extend(lock_table(look).await);
    items
}

fn is_on_ecs(look: &Look<'_>) -> bool {
    look.environment.components.values().any(|component| component.site.is_some())
}

fn account(identity: &Identity, wanted: &str) -> Item {
    let seen = format!("{} ({})", identity.account, identity.arn);
    Item::held("account", identity.account == wanted, seen, || {
        format!("choose another profile or role: the environment is account {wanted}")
    })
}

fn expiry(identity: &Identity, now: Timestamp) -> Item {
    let name = "expiry";
    match identity.expires {
        _ if identity.is_renewed => Item::fine(name, "renewed before they end"),
        None => Item::unknown(
            name,
            "nothing says when they end",
            "set AWS_CREDENTIAL_EXPIRATION beside AWS_SESSION_TOKEN if they do",
        ),
        Some(at) => {
            let left = at.since(now);
            Item::held(name, left >= SOON, format!("they end in {}", age(left)), || {
                "log in again, or use a profile or role whose credentials are renewed".to_owned()
            })
        }
    }
}

/// How far this host's clock and AWS's are apart.
fn skew(here: Timestamp, there: Result<Option<Timestamp>, CloudError>) -> Item {
    let name = "clock";
    match there {
        Ok(Some(there)) => {
            // The other says whole seconds only.
            let apart = here.since(there).max(there.since(here));
            let seen = format!("{} s apart from AWS's", apart.as_secs());
            Item::held(name, apart <= APART, seen, || "set it: `timedatectl set-ntp true`".to_owned())
        }
        Ok(None) => Item::unknown(name, "AWS's answer does not say what time it is", "compare it by hand"),
        Err(error) => unread(name, &error),
    }
}

/// The table for leases, where hosts share one.
async fn lock_table(look: &Look<'_>) -> Vec<Item> {
    let Some(table) = &look.environment.lock_table else {
        return vec![unconfigured(
            "lock table",
            "one, if several hosts release here: `lock = { table = \"cutover-locks\" }`",
        )];
    };
    let leases = look.reach.cloud.leases();
    let found = leases.lock_table(table).await;
    let mut items = vec![table_is_right(table, found, || look.aws(&create_table(table)))];
    if items.iter().all(|item| item.mark == Mark::Fine) {
        let read = leases.lease(table, "cutover/doctor").await;
        items.push(match read {
            Ok(_) => {
                Item::fine("leases", "they can be read; dynamodb:PutItem cannot be tried without changing something")
            }
            Err(error) => unread("leases", &error),
        });
    }
    items
}

fn create_table(table: &str) -> String {
    format!(
        "dynamodb create-table --table-name {table} --billing-mode PAY_PER_REQUEST --attribute-definitions AttributeName=LockID,AttributeType=S --key-schema AttributeName=LockID,KeyType=HASH"
    )
}

fn table_is_right(table: &str, found: Result<LockTable, CloudError>, make: impl Fn() -> String) -> Item {
    let name = format!("lock table {table}");
    match found {
        Ok(LockTable { status, key }) => {
            let is_right = key == [LOCK_KEY] && matches!(status.as_str(), "ACTIVE" | "UPDATING");
            Item::held(name, is_right, format!("{status}, key {}", key.join(", ")), || {
                format!("name another table: its only key must be {LOCK_KEY}. `{}` makes one", make())
            })
        }
        Err(error) if error.kind == ErrorKind::NotFound => Item::wrong(name, "there is none", format!("`{}`", make())),
        Err(error) => unread(name, &error),
    }
}

/// What a release changes cannot be tried without changing it.
fn changes(look: &Look<'_>, identity: &Identity) -> Item {
    let actions = match look.plan {
        Ok(plan) => actions(plan, look.channels().any(|(_, channel)| channel.kind() == "sns")),
        Err(_) => actions_of_releases(true),
    };
    let source = principal(&identity.arn);
    let command =
        format!("aws iam simulate-principal-policy --policy-source-arn {source} --action-names {}", actions.join(" "));
    let seen = format!("{} cannot be tried without changing something", actions.join(", "));
    Item::unknown("permission to change", seen, format!("ask IAM, as somebody who may: `{command}`"))
}

/// What a release calls to change something.
fn actions(plan: &Plan, tells_topics: bool) -> Vec<&'static str> {
    let has_sides = plan.components.iter().any(|(_, component)| component.sides.is_some());
    let mut actions = if has_sides { actions_of_releases(tells_topics) } else { Vec::new() };
    let runs_tasks = plan.stages.iter().any(|stage| {
        (0..4).filter_map(|part| stage.kind.part(part)).any(|part| matches!(part.runs, Runs::Task(_)))
            || matches!(stage.kind, StageKind::Task(_))
    });
    if runs_tasks {
        actions.extend(["ecs:RunTask", "ecs:StopTask"]);
    }
    if plan.stages.iter().any(|stage| matches!(stage.kind, StageKind::Flag(FlagPlan::AppConfig(_)))) {
        actions.extend([
            "appconfig:CreateHostedConfigurationVersion",
            "appconfig:StartDeployment",
            "appconfig:StopDeployment",
        ]);
    }
    if !has_sides && tells_topics {
        actions.push("sns:Publish");
    }
    actions
}

fn actions_of_releases(tells_topics: bool) -> Vec<&'static str> {
    let mut actions = vec![
        "ecs:UpdateService",
        "ecs:RegisterTaskDefinition",
        "ecs:TagResource",
        "ecs:ListTaskDefinitions",
        "elasticloadbalancing:ModifyRule",
        "iam:PassRole",
    ];
    actions.extend(tells_topics.then_some("sns:Publish"));
    actions
}

/// IAM knows roles, not their sessions.
fn principal(arn: &str) -> String {
    match arn.split_once(":assumed-role/").map(|(head, rest)| (head, rest.split('/').next().unwrap_or_default())) {
        Some((head, role)) => format!("{}:role/{role}", head.replacen(":sts:", ":iam:", 1)),
        None => arn.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_795_161_600);

    fn identity(expires: Option<Duration>, is_renewed: bool) -> Identity {
        let arn = "arn:aws:sts::123456789012:assumed-role/release/me".to_owned();
        Identity { account: "123456789012".to_owned(), arn, expires: expires.map(|left| NOW + left), is_renewed }
    }

    #[test]
    fn only_the_configured_account_is_right() {
        assert_eq!(account(&identity(None, false), "123456789012").mark, Mark::Fine);
        assert_eq!(account(&identity(None, false), "210987654321").mark, Mark::Wrong);
    }

    #[test]
    fn credentials_outlast_a_release_or_are_renewed() {
        let mark = |left: u64, is_renewed| expiry(&identity(Some(Duration::from_mins(left)), is_renewed), NOW).mark;
        assert_eq!([mark(59, false), mark(61, false), mark(1, true)], [Mark::Wrong, Mark::Fine, Mark::Fine]);
        assert_eq!(expiry(&identity(None, false), NOW).mark, Mark::Unknown);
    }

    #[test]
    fn a_clock_may_be_off_by_a_minute_either_way() {
        let mark =
            |off: Duration| [skew(NOW + off, Ok(Some(NOW))), skew(NOW, Ok(Some(NOW + off)))].map(|item| item.mark);
        assert_eq!(mark(Duration::from_mins(1)), [Mark::Fine; 2]);
        assert_eq!(mark(Duration::from_secs(61)), [Mark::Wrong; 2]);
        let lost = CloudError { kind: ErrorKind::Timeout, operation: "sts:GetCallerIdentity", message: String::new() };
        assert_eq!([skew(NOW, Ok(None)).mark, skew(NOW, Err(lost)).mark], [Mark::Unknown; 2]);
    }

    #[test]
    fn a_lock_table_is_there_and_has_the_right_key() {
        let table = |status: &str, key: &[&str]| {
            let key = key.iter().map(|&key| key.to_owned()).collect();
            table_is_right("locks", Ok(LockTable { status: status.to_owned(), key }), String::new).mark
        };
        assert_eq!([table("ACTIVE", &["LockID (S)"]), table("DELETING", &["LockID (S)"])], [Mark::Fine, Mark::Wrong]);
        assert_eq!([table("ACTIVE", &["id (S)"]), table("ACTIVE", &["LockID (S)", "at (N)"])], [Mark::Wrong; 2]);
        let missing =
            CloudError { kind: ErrorKind::NotFound, operation: "dynamodb:DescribeTable", message: String::new() };
        assert_eq!(table_is_right("locks", Err(missing), String::new).mark, Mark::Wrong);
    }

    #[test]
    fn iam_is_asked_about_the_role_and_not_its_session() {
        assert_eq!(principal(&identity(None, false).arn), "arn:aws:iam::123456789012:role/release");
        assert_eq!(principal("arn:aws:iam::123456789012:user/me"), "arn:aws:iam::123456789012:user/me");
    }
}
