//! The image, secrets and backups.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Look, Place, told};
use crate::cloud::{CloudError, Scan, Secret};
use crate::domain::effect::CheckResult;
use crate::domain::gate::{BackupPlan, BackupSource, Condition, ImagePlan, OnMissing, Risk, SecretPlan, age};
use crate::domain::time::Timestamp;

/// The pause between two looks at a scan that is under way.
const PAUSE: Duration = Duration::from_secs(5);

/// Digits of a digest that are shown.
const SHOWN: usize = 7 + "sha256:".len();

impl Look<'_> {
    /// Whether the new image is there, and what its scan found.
    pub(super) async fn image(&self, place: Place<'_>, plan: &ImagePlan) -> Result<Vec<CheckResult>, CloudError> {
        let (name, version) = (Condition::Image(plan.clone()).name(), &place.plan.to);
        let found = match place.cloud.estate().image(version).await {
            Ok(found) => found,
            Err(error) if error.is_transient() => return Err(error),
            Err(error) => return Ok(vec![told(name, Err(error.to_string()))]),
        };
        let Some(image) = found else {
            return Ok(vec![told(name, Err(format!("{} is not in ECR; push it first", version.0)))]);
        };
        let pushed = image.pushed.map(|at| format!(", pushed {} ago", age(self.clock.now().since(at))));
        let there = format!("{version} is {}{}", short(&image.digest), pushed.unwrap_or_default());
        let mut results = vec![told(name, Ok(there))];
        if let Some(limit) = plan.findings_below {
            results.push(told("image scan".to_owned(), self.scan(place, plan, limit).await?));
        }
        Ok(results)
    }

    async fn scan(
        &self,
        place: Place<'_>,
        plan: &ImagePlan,
        limit: Risk,
    ) -> Result<Result<String, String>, CloudError> {
        let patient_until = self.clock.now() + plan.patience;
        loop {
            let missing = match place.cloud.estate().scan(&place.plan.to).await {
                Ok(Scan::Finished { findings, .. }) => return Ok(judged(&findings, limit)),
                Ok(Scan::UnderWay) if self.clock.now() + PAUSE <= patient_until => {
                    self.clock.sleep(PAUSE).await;
                    continue;
                }
                Ok(Scan::UnderWay) => format!("the scan is still under way after {} s", plan.patience.as_secs()),
                Ok(Scan::NotScanned) => "the image has not been scanned".to_owned(),
                Ok(Scan::Unavailable(why)) => why,
                Err(error) if error.is_transient() => return Err(error),
                // Not being allowed to look says nothing about the image.
                Err(error) => return Ok(Err(error.to_string())),
            };
            return Ok(match plan.on_missing {
                OnMissing::Pass => Ok(format!("{missing}; let through as configured")),
                OnMissing::Fail => Err(missing),
            });
        }
    }

    /// Whether a secret is there, and rotates.
    pub(super) async fn secret(&self, condition: &Condition, plan: &SecretPlan) -> Result<CheckResult, CloudError> {
        let found = match self.cloud().estate().secret(&plan.name).await {
            Ok(Some(secret)) => self.rotates(&secret, plan.rotated_within),
            Ok(None) => Err("there is no such secret".to_owned()),
            Err(error) if error.is_transient() => return Err(error),
            Err(error) => Err(error.to_string()),
        };
        Ok(told(condition.name(), found))
    }

    fn rotates(&self, secret: &Secret, within: Option<Duration>) -> Result<String, String> {
        if secret.deleted.is_some() {
            return Err("it is waiting to be deleted".to_owned());
        }
        let Some(within) = within else { return Ok("it is there".to_owned()) };
        if !secret.rotates {
            return Err("its rotation is switched off".to_owned());
        }
        let (what, at) = match (secret.rotated, secret.created) {
            (Some(at), _) => ("rotated", at),
            // What is new is as good as rotated.
            (None, Some(at)) => ("created", at),
            (None, None) => return Err("it has never been rotated".to_owned()),
        };
        let old = self.clock.now().since(at);
        let found = format!("{what} {} ago", age(old));
        if old <= within { Ok(found) } else { Err(format!("{found}, more than {}", age(within))) }
    }

    /// Whether a backup is there and fresh.
    pub(super) async fn backup(&self, condition: &Condition, plan: &BackupPlan) -> Result<CheckResult, CloudError> {
        let newest: Result<(String, Timestamp), String> = match &plan.source {
            BackupSource::Command(command) => self.moment(command).await.map(|at| ("backup".to_owned(), at)),
            source => match self.cloud().estate().newest_snapshot(source).await {
                Ok(Some(snapshot)) => Ok((snapshot.id, snapshot.at)),
                Ok(None) => Err("there is no finished snapshot of it".to_owned()),
                Err(error) if error.is_transient() => return Err(error),
                Err(error) => Err(error.to_string()),
            },
        };
        let now = self.clock.now();
        let found = newest.and_then(|(id, at)| {
            let old = now.since(at);
            let found = format!("{id}, {} old", age(old));
            if old <= plan.fresher_than {
                Ok(found)
            } else {
                Err(format!("{found}, more than {}", age(plan.fresher_than)))
            }
        });
        Ok(told(condition.name(), found))
    }
}

fn judged(findings: &BTreeMap<Risk, u32>, limit: Risk) -> Result<String, String> {
    let all: Vec<String> = findings.iter().rev().map(|(risk, count)| format!("{count} {risk}")).collect();
    let all = if all.is_empty() { "no findings".to_owned() } else { all.join(", ") };
    if findings.keys().any(|risk| *risk >= limit) {
        Err(format!("{all}; nothing {limit} or worse may be found"))
    } else {
        Ok(all)
    }
}

/// `sha256:4f2c1e9` of a digest.
pub(super) fn short(digest: &str) -> &str {
    digest.get(..SHOWN).unwrap_or(digest)
}
