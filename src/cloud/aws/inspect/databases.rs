//! RDS: for how long a database keeps its automated backups.

use super::super::Aws;
use crate::cloud::{CloudError, ErrorKind};
use crate::domain::gate::BackupSource;

pub(super) async fn retention(aws: &Aws, source: &BackupSource) -> Result<Option<u32>, CloudError> {
    let (operation, action, record, key, name) = match source {
        BackupSource::Database(name) => {
            ("rds:DescribeDBInstances", "DescribeDBInstances", "DBInstance", "DBInstanceIdentifier", name)
        }
        BackupSource::Cluster(name) => {
            ("rds:DescribeDBClusters", "DescribeDBClusters", "DBCluster", "DBClusterIdentifier", name)
        }
        BackupSource::Command(_) => return Ok(None),
    };
    let page = match aws.rds.describe(operation, action, record, vec![(key, name.clone())]).await {
        Ok(page) => page,
        Err(error) if error.kind == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let days = page.records.iter().flatten().find(|(name, _)| name == "BackupRetentionPeriod");
    // A database that says nothing of it keeps none.
    Ok(page.records.first().map(|_| days.and_then(|(_, days)| days.parse().ok()).unwrap_or_default()))
}
