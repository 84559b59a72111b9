//! ECR: whether an image is there, and what its scan found.

use std::collections::BTreeMap;

use aws_sdk_ecr::config::{self, Region};
use aws_sdk_ecr::error::SdkError;
use aws_sdk_ecr::operation::describe_image_scan_findings::DescribeImageScanFindingsOutput;
use aws_sdk_ecr::types::{FindingSeverity, ImageIdentifier, ScanStatus};

use super::Aws;
use super::errors::{during, unexpected};
use crate::cloud::{CloudError, ErrorKind, Image, Scan};
use crate::domain::gate::Risk;
use crate::domain::ids::Version;
use crate::domain::time::Timestamp;

const DESCRIBE: &str = "ecr:DescribeImages";
const FINDINGS: &str = "ecr:DescribeImageScanFindings";

/// An image of ECR, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Reference<'a> {
    account: &'a str,
    region: &'a str,
    repository: &'a str,
    tag: Option<&'a str>,
    digest: Option<&'a str>,
}

impl<'a> Reference<'a> {
    /// `123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/api:9ab03d7`, or with `@sha256:…`; `None` when it is an image
    /// of another registry.
    fn parse(image: &'a str) -> Option<Self> {
        let (host, path) = image.split_once('/')?;
        let (account, rest) = host.split_once(".dkr.ecr.").or_else(|| host.split_once(".dkr.ecr-fips."))?;
        let (region, domain) = rest.split_once('.')?;
        if !domain.starts_with("amazonaws.com") || account.len() != 12 {
            return None;
        }
        let (name, digest) = match path.split_once('@') {
            Some((name, digest)) => (name, Some(digest)),
            None => (path, None),
        };
        let (repository, tag) = match name.rsplit_once(':') {
            Some((repository, tag)) => (repository, Some(tag)),
            None => (name, None),
        };
        // Docker takes `latest` where neither is named.
        let tag = if digest.is_none() { tag.or(Some("latest")) } else { tag };
        Some(Self { account, region, repository, tag, digest })
    }

    /// By its digest if it names one: a tag beside it says nothing.
    fn id(&self) -> ImageIdentifier {
        let (digest, tag) = match self.digest {
            Some(digest) => (Some(digest.to_owned()), None),
            None => (None, self.tag.map(str::to_owned)),
        };
        ImageIdentifier::builder().set_image_digest(digest).set_image_tag(tag).build()
    }

    /// The registry's own region, which need not be the service's.
    fn region(&self) -> config::Builder {
        config::Builder::new().region(Region::new(self.region.to_owned()))
    }
}

fn reference<'a>(operation: &'static str, image: &'a Version) -> Result<Reference<'a>, CloudError> {
    Reference::parse(&image.0).ok_or_else(|| {
        let remedy = "write ACCOUNT.dkr.ecr.REGION.amazonaws.com/REPOSITORY:TAG, or leave this condition out";
        unexpected(operation, format!("`{}` is not an image of ECR; {remedy}", image.0))
    })
}

/// The image, if it is there.
pub(super) async fn image(aws: &Aws, image: &Version) -> Result<Option<Image>, CloudError> {
    let wanted = reference(DESCRIBE, image)?;
    let call = aws.ecr.describe_images().registry_id(wanted.account).repository_name(wanted.repository);
    let sent = call.image_ids(wanted.id()).customize().config_override(wanted.region()).send().await;
    let details = match sent.map_err(during(DESCRIBE)) {
        Ok(answer) => answer.image_details.unwrap_or_default(),
        // ImageNotFoundException and RepositoryNotFoundException.
        Err(error) if error.kind == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let Some(found) = details.into_iter().next() else { return Ok(None) };
    let digest = found.image_digest.ok_or_else(|| unexpected(DESCRIBE, "an image without a digest"))?;
    Ok(Some(Image { digest, pushed: found.image_pushed_at.as_ref().and_then(moment) }))
}

/// What the image's scan found. The counts of all findings come with the first page.
pub(super) async fn scan(aws: &Aws, image: &Version) -> Result<Scan, CloudError> {
    let wanted = reference(FINDINGS, image)?;
    let call = aws.ecr.describe_image_scan_findings().registry_id(wanted.account).repository_name(wanted.repository);
    let call = call.image_id(wanted.id()).max_results(1);
    match call.customize().config_override(wanted.region()).send().await {
        Ok(answer) => Ok(scan_of(answer)),
        Err(SdkError::ServiceError(error)) if error.err().is_scan_not_found_exception() => Ok(Scan::NotScanned),
        Err(error) => Err(during(FINDINGS)(error)),
    }
}

fn scan_of(answer: DescribeImageScanFindingsOutput) -> Scan {
    let status = answer.image_scan_status.unwrap_or_else(|| aws_sdk_ecr::types::ImageScanStatus::builder().build());
    let told = |word: &str| match status.description() {
        Some(said) if !said.is_empty() => format!("{word}: {}", said.trim_end_matches('.')),
        _ => word.to_owned(),
    };
    match status.status() {
        // Enhanced scanning never ends: `ACTIVE` means that its findings are there and kept up to date.
        Some(ScanStatus::Complete | ScanStatus::Active) => {
            let findings = answer.image_scan_findings;
            let counts = findings.as_ref().and_then(|findings| findings.finding_severity_counts());
            let counts = counts.into_iter().flatten();
            Scan::Finished {
                at: findings.as_ref().and_then(|findings| findings.image_scan_completed_at()).and_then(moment),
                findings: counted(counts.map(|(severity, count)| (risk(severity), *count))),
            }
        }
        Some(ScanStatus::InProgress | ScanStatus::Pending) => Scan::UnderWay,
        Some(ScanStatus::UnsupportedImage) => Scan::Unavailable(told("this image cannot be scanned")),
        Some(ScanStatus::Failed) => Scan::Unavailable(told("the scan failed")),
        Some(ScanStatus::ScanEligibilityExpired) => Scan::Unavailable(told("the image is too old to be scanned")),
        Some(ScanStatus::FindingsUnavailable) => Scan::Unavailable(told("its findings cannot be had")),
        Some(other) => Scan::Unavailable(told(&format!("the scan is in state {}", other.as_str()))),
        None => Scan::NotScanned,
    }
}

fn counted(counts: impl Iterator<Item = (Risk, i32)>) -> BTreeMap<Risk, u32> {
    let mut findings = BTreeMap::new();
    for (risk, count) in counts {
        let count = u32::try_from(count).unwrap_or_default();
        if count > 0 {
            *findings.entry(risk).or_default() += count;
        }
    }
    findings
}

fn risk(severity: &FindingSeverity) -> Risk {
    match severity {
        FindingSeverity::Critical => Risk::Critical,
        FindingSeverity::High => Risk::High,
        FindingSeverity::Medium => Risk::Medium,
        FindingSeverity::Low => Risk::Low,
        FindingSeverity::Informational => Risk::Informational,
        _ => Risk::Undefined,
    }
}

fn moment(at: &aws_sdk_ecr::primitives::DateTime) -> Option<Timestamp> {
    at.to_millis().ok().map(Timestamp::from_millis)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cloud::Cloud as _;
    use crate::cloud::aws::testing::{Script, json, json_error};

    const HOST: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";

    fn version(path: &str) -> Version {
        Version(format!("{HOST}/{path}"))
    }

    #[test]
    fn references_are_taken_apart_as_docker_does() {
        let parts = |image: &str| {
            let it = Reference::parse(image)?;
            Some((it.repository.to_owned(), it.tag.map(str::to_owned), it.digest.map(str::to_owned)))
        };
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(parts(&format!("{HOST}/team/api:9ab")), Some(("team/api".to_owned(), text("9ab"), None)));
        assert_eq!(parts(&format!("{HOST}/api@sha256:4f")), Some(("api".to_owned(), None, text("sha256:4f"))));
        assert_eq!(
            parts(&format!("{HOST}/api:9ab@sha256:4f")),
            Some(("api".to_owned(), text("9ab"), text("sha256:4f")))
        );
        assert_eq!(parts(&format!("{HOST}/api")), Some(("api".to_owned(), text("latest"), None)));
        for other in ["api:1", "docker.io/library/api:1", "1.dkr.ecr.eu-west-1.amazonaws.com/api:1"] {
            assert_eq!(parts(other), None, "{other}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_image_that_is_not_there_is_none_whatever_is_missing() {
        for code in ["ImageNotFoundException", "RepositoryNotFoundException"] {
            let script = Script::new().on("DescribeImages", json_error(code, "not there"));
            assert_eq!(script.aws().estate().image(&version("api:9ab")).await, Ok(None), "{code}");
        }
        let error = Script::new().aws().estate().image(&Version("api:9ab".to_owned())).await.unwrap_err();
        assert!(error.message.starts_with("`api:9ab` is not an image of ECR"), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_digest_is_asked_for_by_itself() {
        let details = json!({ "imageDetails": [{ "imageDigest": "sha256:4f", "imagePushedAt": 1_795_161_600.0 }] });
        let script = Script::new().on("DescribeImages", json(details));
        let found = script.aws().estate().image(&version("api:9ab@sha256:4f")).await.unwrap().unwrap();
        assert_eq!((found.digest.as_str(), found.pushed), ("sha256:4f", Some(Timestamp::from_secs(1_795_161_600))));
        let sent = script.sent("DescribeImages")[0].json();
        assert_eq!(sent["imageIds"], json!([{ "imageDigest": "sha256:4f" }]));
        assert_eq!((&sent["registryId"], &sent["repositoryName"]), (&json!("123456789012"), &json!("api")));
    }

    #[tokio::test(start_paused = true)]
    async fn every_state_of_a_scan_is_told_apart() {
        async fn scan(answer: serde_json::Value) -> Scan {
            let script = Script::new().on("DescribeImageScanFindings", json(answer));
            script.aws().estate().scan(&version("api:9ab")).await.unwrap()
        }
        let counts = json!({ "CRITICAL": 1, "LOW": 7, "MEDIUM": 0, "BRAND_NEW": 2 });
        for status in ["COMPLETE", "ACTIVE"] {
            let answer = json!({ "imageScanStatus": { "status": status },
                "imageScanFindings": { "findingSeverityCounts": counts, "imageScanCompletedAt": 1_795_161_600.0 } });
            let Scan::Finished { findings, at } = scan(answer).await else { panic!("{status}") };
            assert_eq!(at, Some(Timestamp::from_secs(1_795_161_600)));
            let counted: Vec<_> = findings.into_iter().collect();
            assert_eq!(counted, [(Risk::Undefined, 2), (Risk::Low, 7), (Risk::Critical, 1)]);
        }
        let state = |status: &str| json!({ "imageScanStatus": { "status": status, "description": "Why." } });
        assert_eq!(scan(state("IN_PROGRESS")).await, Scan::UnderWay);
        assert_eq!(scan(state("PENDING")).await, Scan::UnderWay);
        let unavailable = Scan::Unavailable("this image cannot be scanned: Why".to_owned());
        assert_eq!(scan(state("UNSUPPORTED_IMAGE")).await, unavailable);
        let Scan::Unavailable(why) = scan(state("PONDERING")).await else { panic!("an unknown state is no scan") };
        assert_eq!(why, "the scan is in state PONDERING: Why");
        let script = Script::new().on("DescribeImageScanFindings", json_error("ScanNotFoundException", "none"));
        assert_eq!(script.aws().estate().scan(&version("api:9ab")).await, Ok(Scan::NotScanned));
    }
}
