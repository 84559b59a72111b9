//! Backups: that the newest is fresh, and that they are made by themselves.

use super::Look;
use super::item::{unconfigured, unread};
use crate::cloud::{CloudError, Snapshot};
use crate::domain::checklist::Item;
use crate::domain::gate::{BackupPlan, BackupSource, Condition, age};
use crate::domain::time::Timestamp;

pub(super) async fn look(look: &Look<'_>) -> Vec<Item> {
    if let Some(item) = look.unplanned("backups") {
        return vec![item];
    }
    let plans = look.conditions().into_iter().filter_map(|condition| match condition {
        Condition::Backup(plan) => Some(plan),
        _ => None,
    });
    let mut items = Vec::new();
    for plan in plans {
        let what = plan.source.what();
        if let BackupSource::Command(command) = &plan.source {
            let remedy = format!("run it: `{}`", command.run.join(" "));
            items.push(Item::unknown(format!("backup of {what}"), "a program tells, which is not run here", remedy));
            continue;
        }
        let newest = look.reach.cloud.estate().newest_snapshot(&plan.source).await;
        let aws = |command: &str| look.aws(command);
        items.push(fresh(plan, newest, look.around.clock.now(), aws));
        items.push(kept(&plan.source, look.inspect().backup_retention(&plan.source).await, aws));
    }
    if items.is_empty() {
        let key = "them in a gate: `backups = [{ database = \"shop\", fresher_than = \"24h\" }]`";
        items.push(unconfigured("backups", key));
    }
    items
}

fn fresh(
    plan: &BackupPlan,
    newest: Result<Option<Snapshot>, CloudError>,
    now: Timestamp,
    aws: impl Fn(&str) -> String,
) -> Item {
    let name = format!("backup of {}", plan.source.what());
    let make = || match &plan.source {
        BackupSource::Database(database) => format!(
            "`{}`",
            aws(&format!(
                "rds create-db-snapshot --db-instance-identifier {database} --db-snapshot-identifier {database}-by-hand"
            ))
        ),
        BackupSource::Cluster(cluster) => format!(
            "`{}`",
            aws(&format!(
                "rds create-db-cluster-snapshot --db-cluster-identifier {cluster} --db-cluster-snapshot-identifier {cluster}-by-hand"
            ))
        ),
        BackupSource::Command(command) => command.run.join(" "),
    };
    match newest {
        Ok(Some(snapshot)) => {
            let old = now.since(snapshot.at);
            Item::held(name, old <= plan.fresher_than, format!("{}, {} old", snapshot.id, age(old)), make)
        }
        Ok(None) => Item::wrong(name, "there is no finished snapshot of it", make()),
        Err(error) => unread(name, &error),
    }
}

fn kept(source: &BackupSource, retention: Result<Option<u32>, CloudError>, aws: impl Fn(&str) -> String) -> Item {
    let name = format!("automated backups of {}", source.what());
    let remedy = || match source {
        BackupSource::Database(database) => format!(
            "`{}`",
            aws(&format!(
                "rds modify-db-instance --db-instance-identifier {database} --backup-retention-period 7 --apply-immediately"
            ))
        ),
        BackupSource::Cluster(cluster) => format!(
            "`{}`",
            aws(&format!(
                "rds modify-db-cluster --db-cluster-identifier {cluster} --backup-retention-period 7 --apply-immediately"
            ))
        ),
        BackupSource::Command(command) => command.run.join(" "),
    };
    match retention {
        Ok(Some(0)) => Item::wrong(name, "off", remedy()),
        Ok(Some(days)) => Item::fine(name, format!("kept for {days} days")),
        Ok(None) => Item::wrong(name, "there is no such database", "correct its name in the gate's `backups`"),
        Err(error) => unread(name, &error),
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::checklist::Mark;
    use std::time::Duration;

    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_795_161_600);

    #[test]
    fn a_backup_is_there_fresh_and_made_by_itself() {
        let source = BackupSource::Database("shop".to_owned());
        let plan = BackupPlan { source: source.clone(), fresher_than: Duration::from_hours(24) };
        let taken = |hours| Ok(Some(Snapshot { id: "one".to_owned(), at: NOW - Duration::from_hours(hours) }));
        assert_eq!(fresh(&plan, taken(24), NOW, str::to_owned).mark, Mark::Fine);
        assert_eq!(fresh(&plan, taken(25), NOW, str::to_owned).mark, Mark::Wrong);
        assert_eq!(fresh(&plan, Ok(None), NOW, str::to_owned).mark, Mark::Wrong);
        let marks = [Some(7), Some(0), None].map(|days| kept(&source, Ok(days), str::to_owned).mark);
        assert_eq!(marks, [Mark::Fine, Mark::Wrong, Mark::Wrong]);
    }
}
