//! RDS: the newest snapshot of an instance or a cluster.

use super::Aws;
use crate::cloud::{CloudError, ErrorKind, Snapshot};
use crate::domain::gate::BackupSource;
use crate::domain::time::Timestamp;

/// How RDS names the snapshots of one kind of database.
struct Kind {
    operation: &'static str,
    action: &'static str,
    database: &'static str,
    record: &'static str,
    id: &'static str,
}

const INSTANCE: Kind = Kind {
    operation: "rds:DescribeDBSnapshots",
    action: "DescribeDBSnapshots",
    database: "DBInstanceIdentifier",
    record: "DBSnapshot",
    id: "DBSnapshotIdentifier",
};

const CLUSTER: Kind = Kind {
    operation: "rds:DescribeDBClusterSnapshots",
    action: "DescribeDBClusterSnapshots",
    database: "DBClusterIdentifier",
    record: "DBClusterSnapshot",
    id: "DBClusterSnapshotIdentifier",
};

/// The only state in which a database can be restored from it.
const AVAILABLE: &str = "available";

/// Pages that are read at most: RDS keeps far fewer snapshots of one database.
const PAGES: usize = 100;

/// The newest snapshot that is available, automated and manual ones alike. RDS gives them in no useful order.
pub(super) async fn newest(aws: &Aws, source: &BackupSource) -> Result<Option<Snapshot>, CloudError> {
    let all = match source {
        BackupSource::Database(name) => all(aws, &INSTANCE, name).await,
        BackupSource::Cluster(name) => all(aws, &CLUSTER, name).await,
        BackupSource::Command(_) => return Ok(None),
    };
    match all {
        Ok(all) => Ok(all.into_iter().max_by_key(|snapshot| snapshot.at)),
        Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

async fn all(aws: &Aws, kind: &Kind, name: &str) -> Result<Vec<Snapshot>, CloudError> {
    let mut found = Vec::new();
    let mut marker = None;
    for _ in 0..PAGES {
        let mut parameters = vec![(kind.database, name.to_owned())];
        parameters.extend(marker.map(|marker| ("Marker", marker)));
        let page = aws.rds.describe(kind.operation, kind.action, kind.record, parameters).await?;
        found.extend(page.records.iter().filter_map(|fields| usable(kind, fields)));
        marker = page.marker;
        if marker.is_none() {
            break;
        }
    }
    Ok(found)
}

fn usable(kind: &Kind, fields: &[(String, String)]) -> Option<Snapshot> {
    let field = |name: &str| fields.iter().find(|(known, _)| known == name).map(|(_, text)| text.as_str());
    let at: jiff::Timestamp = field("SnapshotCreateTime")?.parse().ok()?;
    let at = Timestamp::from_millis(at.as_millisecond());
    (field("Status") == Some(AVAILABLE)).then_some(Snapshot { id: field(kind.id)?.to_owned(), at })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::Cloud as _;
    use crate::cloud::aws::testing::{Reply, Script, xml, xml_error};

    fn database() -> BackupSource {
        BackupSource::Database("shop".to_owned())
    }

    fn snapshot(id: &str, status: &str, at: &str) -> String {
        format!(
            "<DBSnapshot><DBSnapshotIdentifier>{id}</DBSnapshotIdentifier><Status>{status}</Status>\
             <TagList><Tag><Key>a</Key></Tag></TagList><SnapshotCreateTime>{at}</SnapshotCreateTime></DBSnapshot>"
        )
    }

    #[tokio::test(start_paused = true)]
    async fn the_newest_available_snapshot_of_all_pages_counts() {
        let first = snapshot("old", "available", "2026-11-19T08:00:00.123Z");
        let second = snapshot("new", "available", "2026-11-20T08:00:00Z")
            + &snapshot("unfinished", "creating", "2026-11-20T09:00:00Z");
        let page =
            |marker: &str, all: &str| xml("DescribeDBSnapshots", &format!("{marker}<DBSnapshots>{all}</DBSnapshots>"));
        let script = Script::new()
            .on("DescribeDBSnapshots", page("<Marker>more</Marker>", &first))
            .on("DescribeDBSnapshots", page("", &second));
        let newest = script.aws().estate().newest_snapshot(&database()).await.unwrap().unwrap();
        assert_eq!((newest.id.as_str(), newest.at), ("new", Timestamp::from_secs(1_795_161_600)));
        let [one, two] = [0, 1].map(|at| script.sent("DescribeDBSnapshots")[at].form());
        assert_eq!((one["DBInstanceIdentifier"].as_str(), one["Version"].as_str()), ("shop", "2014-10-31"));
        assert_eq!((one.get("Marker"), two["Marker"].as_str()), (None, "more"));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_there_is_none_and_trouble_is_told_by_its_kind_after_retries() {
        async fn asked(reply: Reply) -> (Result<Option<Snapshot>, ErrorKind>, usize) {
            let script = Script::new().on("DescribeDBSnapshots", reply);
            let newest = script.aws().estate().newest_snapshot(&database()).await;
            (newest.map_err(|error| error.kind), script.count())
        }
        let gone = xml_error(404, "DBInstanceNotFound", "DBInstance shop not found.");
        assert_eq!(asked(gone).await, (Ok(None), 1));
        assert_eq!(asked(xml_error(403, "AccessDenied", "no")).await, (Err(ErrorKind::Denied), 1));
        assert_eq!(asked(xml_error(400, "Throttling", "Rate exceeded")).await, (Err(ErrorKind::Throttled), 3));
        assert_eq!(asked(xml_error(500, "InternalFailure", "")).await, (Err(ErrorKind::Unavailable), 3));
        assert_eq!(asked(Reply::Lost).await, (Err(ErrorKind::Transport), 3));
        assert_eq!(asked(Reply::Silent).await.0, Err(ErrorKind::Timeout));
        let page = Reply::Answer(200, "text/html", b"Please log in".to_vec());
        assert_eq!(asked(page).await, (Err(ErrorKind::Unexpected), 1));
    }
}
