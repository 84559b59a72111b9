//! What lies around a service: images and their scans, secrets, snapshots of databases.

use std::time::Duration;

use super::ecs::digest_of;
use super::words::words;
use super::{ApiError, ApiResult, World};
use crate::domain::time::Timestamp;
use crate::sim::scenario::schema;

words! {
    /// How far an image scan has come.
    ScanStatus {
        InProgress = "IN_PROGRESS",
        Complete = "COMPLETE",
        Failed = "FAILED",
        UnsupportedImage = "UNSUPPORTED_IMAGE",
    }
}

/// An image of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EcrImage {
    /// The repository's name.
    pub repository: String,
    /// Its digest, `sha256:…`.
    pub digest: String,
    /// Its tags.
    pub tags: Vec<String>,
    /// When it was pushed.
    pub pushed_at: Timestamp,
    /// Its scan; `None` when nobody has asked for one.
    pub scan: Option<ImageScan>,
}

/// An image's scan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageScan {
    /// How far it has come.
    pub status: ScanStatus,
    /// AWS's sentence about that.
    pub description: String,
    /// When it ended, or would.
    pub completed_at: Timestamp,
    /// How many findings there are of each severity, by AWS's word; none while it is not complete.
    pub findings: Vec<(String, u32)>,
}

/// How an image is named in a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageId {
    /// Its digest.
    pub digest: Option<String>,
    /// A tag.
    pub tag: Option<String>,
}

/// A secret, without its value: this world has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret {
    /// Its ARN.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// Whether rotation is switched on, and after how many days.
    pub rotation_days: Option<u32>,
    /// When it was last rotated.
    pub rotated_at: Option<Timestamp>,
    /// When it was created.
    pub created_at: Timestamp,
    /// Since when it waits to be deleted.
    pub deleted_at: Option<Timestamp>,
}

/// What a snapshot is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SnapshotOf {
    /// A database instance.
    Instance(String),
    /// A database cluster.
    Cluster(String),
}

/// A snapshot of a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DbSnapshot {
    /// Its identifier.
    pub id: String,
    /// Its ARN.
    pub arn: String,
    /// What it is of.
    pub of: SnapshotOf,
    /// `available`, `creating`, `failed`, …
    pub status: String,
    /// `automated` or `manual`.
    pub kind: String,
    /// When it was taken.
    pub at: Timestamp,
}

/// A database, or a cluster of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Database {
    /// Its identifier.
    pub name: String,
    /// Days that automated backups are kept; 0 makes none.
    pub retention_days: u32,
}

/// Everything around the service.
#[derive(Clone, Debug, Default)]
pub(super) struct Estate {
    images: Vec<EcrImage>,
    secrets: Vec<Secret>,
    snapshots: Vec<DbSnapshot>,
}

impl World {
    /// Makes what the scenario says there is. Ages count from the scenario's beginning.
    pub(super) fn set_up_estate(&mut self) {
        let estate = self.schema.estate.clone();
        let images = estate.image.unwrap_or_else(|| self.usual_images());
        self.estate.images = images.iter().map(|image| self.image_of(image)).collect();
        self.estate.secrets = estate.secret.iter().map(|secret| self.secret_of(secret)).collect();
        self.estate.snapshots =
            estate.snapshot.iter().enumerate().map(|(at, snapshot)| self.snapshot_of(at, snapshot)).collect();
    }

    /// What the world starts with, and the image that the documentation releases.
    fn usual_images(&self) -> Vec<schema::EstateImage> {
        let image = |tag: &str, pushed: Duration| schema::EstateImage {
            tag: tag.to_owned(),
            pushed,
            ..schema::EstateImage::default()
        };
        vec![image(&self.schema.app.tag, Duration::from_hours(200)), image("9ab03d7", Duration::from_hours(1))]
    }

    fn image_of(&self, image: &schema::EstateImage) -> EcrImage {
        let (aws, app) = (&self.schema.aws, &self.schema.app);
        let repository = image.repository.clone().unwrap_or_else(|| app.repository.clone());
        let reference = format!("{}.dkr.ecr.{}.amazonaws.com/{repository}:{}", aws.account, aws.region, image.tag);
        let pushed_at = self.start - image.pushed;
        let scan = |status, description: &str, completed_at| ImageScan {
            status,
            description: description.to_owned(),
            completed_at,
            findings: image.findings.iter().map(|(word, count)| (word.clone(), *count)).collect(),
        };
        let done = "The scan was completed successfully.";
        EcrImage {
            digest: image.digest.clone().unwrap_or_else(|| digest_of(&reference)),
            tags: vec![image.tag.clone()],
            scan: match image.scan {
                schema::Scanned::Complete => Some(scan(ScanStatus::Complete, done, pushed_at)),
                schema::Scanned::InProgress => Some(scan(ScanStatus::Complete, done, self.start + image.scan_for)),
                schema::Scanned::Failed => Some(scan(ScanStatus::Failed, "The scan failed.", pushed_at)),
                schema::Scanned::Unsupported => {
                    let why = "UnsupportedImageError: The operating system and/or package manager are not supported.";
                    Some(scan(ScanStatus::UnsupportedImage, why, pushed_at))
                }
                schema::Scanned::None => None,
            },
            repository,
            pushed_at,
        }
    }

    fn secret_of(&self, secret: &schema::EstateSecret) -> Secret {
        let aws = &self.schema.aws;
        let suffix: String = digest_of(&secret.name).chars().skip(7).take(6).collect();
        let rotated_at = (!secret.never_rotated).then(|| self.start - secret.rotated);
        Secret {
            arn: format!("arn:aws:secretsmanager:{}:{}:secret:{}-{suffix}", aws.region, aws.account, secret.name),
            name: secret.name.clone(),
            rotation_days: secret.rotation.then_some(secret.rotation_days),
            rotated_at,
            created_at: self.start - secret.created,
            deleted_at: secret.deleted.then_some(self.start),
        }
    }

    fn snapshot_of(&self, number: usize, snapshot: &schema::EstateSnapshot) -> DbSnapshot {
        let aws = &self.schema.aws;
        let (of, name, resource) = match &snapshot.cluster {
            Some(cluster) => (SnapshotOf::Cluster(cluster.clone()), cluster.clone(), "cluster-snapshot"),
            None => {
                let name = snapshot.database.clone().unwrap_or_else(|| aws.database.clone());
                (SnapshotOf::Instance(name.clone()), name, "snapshot")
            }
        };
        let kind = if snapshot.manual { "manual" } else { "automated" };
        let id = format!("{}{name}-{:02}", if snapshot.manual { "" } else { "rds:" }, number + 1);
        DbSnapshot {
            arn: format!("arn:aws:rds:{}:{}:{resource}:{id}", aws.region, aws.account),
            id,
            of,
            status: snapshot.status.clone(),
            kind: kind.to_owned(),
            at: self.start - snapshot.age,
        }
    }

    /// `DescribeImages`: those asked for, or all of a repository, in the order in which they were pushed.
    pub fn describe_images(&self, repository: &str, wanted: &[ImageId]) -> ApiResult<Vec<EcrImage>> {
        let all = self.repository(repository)?;
        if wanted.is_empty() {
            let mut all: Vec<EcrImage> = all.into_iter().cloned().collect();
            all.sort_by_key(|image| image.pushed_at);
            return Ok(all.into_iter().map(|image| self.as_scanned(image)).collect());
        }
        wanted.iter().map(|id| self.ecr_image(repository, id)).collect()
    }

    /// One image, its scan as far as it has come.
    fn ecr_image(&self, repository: &str, id: &ImageId) -> ApiResult<EcrImage> {
        let is_meant = |image: &&EcrImage| {
            id.digest.as_ref().is_none_or(|digest| *digest == image.digest)
                && id.tag.as_ref().is_none_or(|tag| image.tags.contains(tag))
        };
        if id.digest.is_none() && id.tag.is_none() {
            let message = "Invalid parameter at 'imageIds' failed to satisfy constraint: 'one of imageTag and imageDigest must be given'";
            return Err(ApiError::new("InvalidParameterException", message));
        }
        let found = self.repository(repository)?.into_iter().find(is_meant).cloned();
        found.map(|image| self.as_scanned(image)).ok_or_else(|| {
            let digest = id.digest.as_deref().unwrap_or("null");
            let tag = id.tag.as_deref().unwrap_or("null");
            let (account, words) = (&self.schema.aws.account, "does not exist within the repository with name");
            let message = format!(
                "The image with imageId {{imageDigest:'{digest}', imageTag:'{tag}'}} {words} '{repository}' in the registry with id '{account}'"
            );
            ApiError::new("ImageNotFoundException", message)
        })
    }

    /// `DescribeImageScanFindings`.
    pub fn image_scan(&self, repository: &str, id: &ImageId) -> ApiResult<(EcrImage, ImageScan)> {
        let image = self.ecr_image(repository, id)?;
        let scan = image.scan.clone().ok_or_else(|| {
            let message = format!(
                "Image scan does not exist for the image with '{{imageDigest:'{}', imageTag:'{}'}}' in the repository with name '{repository}' in the registry with id '{}'",
                image.digest,
                image.tags.first().map_or("null", String::as_str),
                self.schema.aws.account
            );
            ApiError::new("ScanNotFoundException", message)
        })?;
        Ok((image, scan))
    }

    /// `PutImage`: an image is pushed under a tag, which moves to it.
    pub fn push_image(&mut self, repository: &str, tag: &str, digest: &str) {
        for image in self.estate.images.iter_mut().filter(|image| image.repository == repository) {
            image.tags.retain(|known| known != tag);
        }
        self.estate.images.push(EcrImage {
            repository: repository.to_owned(),
            digest: digest.to_owned(),
            tags: vec![tag.to_owned()],
            pushed_at: self.now,
            scan: None,
        });
        self.ledger.change(self.now, "PutImage", vec![("repository", repository.to_owned()), ("tag", tag.to_owned())]);
    }

    /// The version that an image was built as, where it is named by a digest that the registry has under a tag: a
    /// program knows its version however its image is named.
    pub(in crate::sim::world) fn built_as(&self, image: &str) -> Option<String> {
        let (_, digest) = image.rsplit_once('@')?;
        self.estate.images.iter().find(|known| known.digest == digest)?.tags.first().cloned()
    }

    fn repository(&self, name: &str) -> ApiResult<Vec<&EcrImage>> {
        let images: Vec<&EcrImage> = self.estate.images.iter().filter(|image| image.repository == name).collect();
        if images.is_empty() {
            let account = &self.schema.aws.account;
            let message =
                format!("The repository with name '{name}' does not exist in the registry with id '{account}'");
            return Err(ApiError::new("RepositoryNotFoundException", message));
        }
        Ok(images)
    }

    fn as_scanned(&self, mut image: EcrImage) -> EcrImage {
        if let Some(scan) = image.scan.as_mut().filter(|scan| scan.completed_at > self.now) {
            scan.status = ScanStatus::InProgress;
            scan.description = "The scan is in progress.".to_owned();
            scan.findings.clear();
        }
        image
    }

    /// `DescribeSecret`, by name or ARN.
    pub fn describe_secret(&self, id: &str) -> ApiResult<Secret> {
        let found = self.estate.secrets.iter().find(|secret| secret.name == id || secret.arn == id);
        found.cloned().ok_or_else(|| {
            ApiError::new("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
        })
    }

    /// `DescribeDBSnapshots`: of an instance, or all; one by its identifier must be there.
    pub fn describe_db_snapshots(&self, instance: Option<&str>, id: Option<&str>) -> ApiResult<Vec<DbSnapshot>> {
        let is_meant = |snapshot: &DbSnapshot| match &snapshot.of {
            SnapshotOf::Instance(name) => instance.is_none_or(|wanted| wanted == name),
            SnapshotOf::Cluster(_) => false,
        };
        self.snapshots(is_meant, id, "DBSnapshotNotFound", "DBSnapshot")
    }

    /// `DescribeDBClusterSnapshots`: of a cluster, or all; one by its identifier must be there.
    pub fn describe_db_cluster_snapshots(&self, cluster: Option<&str>, id: Option<&str>) -> ApiResult<Vec<DbSnapshot>> {
        let is_meant = |snapshot: &DbSnapshot| match &snapshot.of {
            SnapshotOf::Cluster(name) => cluster.is_none_or(|wanted| wanted == name),
            SnapshotOf::Instance(_) => false,
        };
        self.snapshots(is_meant, id, "DBClusterSnapshotNotFoundFault", "DBClusterSnapshot")
    }

    /// `DescribeDBInstances`: those that snapshots are of; one that is named must be there.
    pub fn describe_db_instances(&self, name: Option<&str>) -> ApiResult<Vec<Database>> {
        let name_of = |of: &SnapshotOf| match of {
            SnapshotOf::Instance(name) => Some(name.clone()),
            SnapshotOf::Cluster(_) => None,
        };
        self.databases(name_of, name, "DBInstanceNotFound", "DBInstance")
    }

    /// `DescribeDBClusters`: those that snapshots are of; one that is named must be there.
    pub fn describe_db_clusters(&self, name: Option<&str>) -> ApiResult<Vec<Database>> {
        let name_of = |of: &SnapshotOf| match of {
            SnapshotOf::Cluster(name) => Some(name.clone()),
            SnapshotOf::Instance(_) => None,
        };
        self.databases(name_of, name, "DBClusterNotFoundFault", "DBCluster")
    }

    fn databases(
        &self,
        name_of: impl Fn(&SnapshotOf) -> Option<String>,
        wanted: Option<&str>,
        code: &'static str,
        what: &str,
    ) -> ApiResult<Vec<Database>> {
        let mut names: Vec<String> =
            self.estate.snapshots.iter().filter_map(|snapshot| name_of(&snapshot.of)).collect();
        names.sort_unstable();
        names.dedup();
        names.retain(|name| wanted.is_none_or(|wanted| wanted == name));
        if let Some(wanted) = wanted.filter(|_| names.is_empty()) {
            return Err(ApiError::not_found(code, format!("{what} {wanted} not found.")));
        }
        let retention_days = self.schema.estate.backup_retention_days;
        Ok(names.into_iter().map(|name| Database { name, retention_days }).collect())
    }

    fn snapshots(
        &self,
        is_meant: impl Fn(&DbSnapshot) -> bool,
        id: Option<&str>,
        code: &'static str,
        what: &str,
    ) -> ApiResult<Vec<DbSnapshot>> {
        let all = self.estate.snapshots.iter().filter(|snapshot| is_meant(snapshot));
        let found: Vec<DbSnapshot> =
            all.filter(|snapshot| id.is_none_or(|wanted| wanted == snapshot.id)).cloned().collect();
        match id {
            Some(id) if found.is_empty() => Err(ApiError::not_found(code, format!("{what} {id} not found."))),
            _ => Ok(found),
        }
    }
}
