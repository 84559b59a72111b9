//! RDS: the newest snapshot of an instance or a cluster.

use aws_sdk_rds::primitives::DateTime;

use super::Aws;
use super::errors::during;
use crate::cloud::{CloudError, ErrorKind, Snapshot};
use crate::domain::gate::BackupSource;
use crate::domain::time::Timestamp;

const INSTANCE: &str = "rds:DescribeDBSnapshots";
const CLUSTER: &str = "rds:DescribeDBClusterSnapshots";

/// The only state in which a database can be restored from it.
const AVAILABLE: &str = "available";

/// The newest snapshot that is available, automated and manual ones alike. RDS gives them in no useful order.
pub(super) async fn newest(aws: &Aws, source: &BackupSource) -> Result<Option<Snapshot>, CloudError> {
    let all = match source {
        BackupSource::Database(name) => of_instance(aws, name).await,
        BackupSource::Cluster(name) => of_cluster(aws, name).await,
        BackupSource::Command(_) => return Ok(None),
    };
    match all {
        Ok(all) => Ok(all.into_iter().max_by_key(|snapshot| snapshot.at)),
        Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

async fn of_instance(aws: &Aws, name: &str) -> Result<Vec<Snapshot>, CloudError> {
    let call = aws.rds.describe_db_snapshots().db_instance_identifier(name);
    let mut pages = call.into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        let snapshots = page.map_err(during(INSTANCE))?.db_snapshots.unwrap_or_default();
        found.extend(snapshots.into_iter().filter_map(|it| {
            usable(it.db_snapshot_identifier, it.status.as_deref(), it.snapshot_create_time.as_ref())
        }));
    }
    Ok(found)
}

async fn of_cluster(aws: &Aws, name: &str) -> Result<Vec<Snapshot>, CloudError> {
    let call = aws.rds.describe_db_cluster_snapshots().db_cluster_identifier(name);
    let mut pages = call.into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        let snapshots = page.map_err(during(CLUSTER))?.db_cluster_snapshots.unwrap_or_default();
        found.extend(snapshots.into_iter().filter_map(|it| {
            usable(it.db_cluster_snapshot_identifier, it.status.as_deref(), it.snapshot_create_time.as_ref())
        }));
    }
    Ok(found)
}

fn usable(id: Option<String>, status: Option<&str>, at: Option<&DateTime>) -> Option<Snapshot> {
    let at = Timestamp::from_millis(at?.to_millis().ok()?);
    (status == Some(AVAILABLE)).then_some(Snapshot { id: id?, at })
}
