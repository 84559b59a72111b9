//! Relational Database Service: databases and their snapshots.

use super::input::Input;
use super::page::page;
use super::service::Service;
use super::value::{Fields, Value};
use crate::sim::world::estate::{Database, DbSnapshot, SnapshotOf};
use crate::sim::world::{ApiResult, World};

/// Records a page, unless asked otherwise, at least and at most.
const PAGE: usize = 100;
const PAGES: std::ops::RangeInclusive<i64> = 20..=100;

pub(super) fn call(world: &World, operation: &str, input: Input<'_>) -> ApiResult<Value> {
    match operation {
        "DescribeDBSnapshots" => {
            let of = input.text("DBInstanceIdentifier")?;
            let found = world.describe_db_snapshots(of, input.text("DBSnapshotIdentifier")?)?;
            paged(operation, input, found, ("DBSnapshots", "DBSnapshot"), instance_snapshot)
        }
        "DescribeDBClusterSnapshots" => {
            let of = input.text("DBClusterIdentifier")?;
            let found = world.describe_db_cluster_snapshots(of, input.text("DBClusterSnapshotIdentifier")?)?;
            paged(operation, input, found, ("DBClusterSnapshots", "DBClusterSnapshot"), cluster_snapshot)
        }
        "DescribeDBInstances" => {
            let found = world.describe_db_instances(input.text("DBInstanceIdentifier")?)?;
            paged(operation, input, found, ("DBInstances", "DBInstance"), |it| database(it, "DBInstance"))
        }
        "DescribeDBClusters" => {
            let found = world.describe_db_clusters(input.text("DBClusterIdentifier")?)?;
            paged(operation, input, found, ("DBClusters", "DBCluster"), |it| database(it, "DBCluster"))
        }
        _ => Err(Service::Rds.unknown_operation(operation)),
    }
}

fn database(it: Database, kind: &'static str) -> Fields {
    let (id, status) = match kind {
        "DBInstance" => ("DBInstanceIdentifier", "DBInstanceStatus"),
        _ => ("DBClusterIdentifier", "Status"),
    };
    Fields::new()
        .with(id, it.name)
        .with(status, "available")
        .with("Engine", "postgres")
        .with("BackupRetentionPeriod", it.retention_days)
}

fn paged<T>(
    operation: &str,
    input: Input<'_>,
    found: Vec<T>,
    (list, element): (&'static str, &'static str),
    show: impl Fn(T) -> Fields,
) -> ApiResult<Value> {
    let size = input.count("MaxRecords", PAGES)?.unwrap_or(PAGE);
    let (shown, next) = page(Service::Rds, operation, found, input.text("Marker")?, size)?;
    let shown = Value::Named(element, shown.into_iter().map(|it| show(it).into()).collect());
    Ok(Fields::new().maybe("Marker", next).with(list, shown).into())
}

fn instance_snapshot(it: DbSnapshot) -> Fields {
    common(Fields::new().with("DBSnapshotIdentifier", it.id.clone()).with("DBSnapshotArn", it.arn.clone()), it)
}

fn cluster_snapshot(it: DbSnapshot) -> Fields {
    let named =
        Fields::new().with("DBClusterSnapshotIdentifier", it.id.clone()).with("DBClusterSnapshotArn", it.arn.clone());
    common(named, it)
}

fn common(named: Fields, it: DbSnapshot) -> Fields {
    let named = match it.of {
        SnapshotOf::Instance(name) => named.with("DBInstanceIdentifier", name),
        SnapshotOf::Cluster(name) => named.with("DBClusterIdentifier", name),
    };
    let progress = if it.status == "available" { 100 } else { 40 };
    named
        .with("SnapshotCreateTime", it.at)
        .with("Engine", "postgres")
        .with("Status", it.status)
        .with("SnapshotType", it.kind)
        .with("PercentProgress", progress)
}
