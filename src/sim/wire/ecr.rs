//! Elastic Container Registry.

use super::input::Input;
use super::page::page;
use super::service::Service;
use super::value::{Fields, Value};
use crate::sim::world::estate::{EcrImage, ImageId, ImageScan, ScanStatus};
use crate::sim::world::{ApiResult, World};

/// Images or findings a page, unless asked otherwise, and at most.
const PAGE: usize = 100;
const LARGEST_PAGE: i64 = 1_000;

pub(super) fn call(world: &World, operation: &str, input: Input<'_>) -> ApiResult<Value> {
    match operation {
        "DescribeImages" => {
            let ids = input.members("imageIds")?.into_iter().map(image_id).collect::<ApiResult<Vec<_>>>()?;
            let found = world.describe_images(input.required("repositoryName")?, &ids)?;
            let size = input.count("maxResults", 1..=LARGEST_PAGE)?.unwrap_or(PAGE);
            let (shown, next) = page(Service::Ecr, operation, found, input.text("nextToken")?, size)?;
            let registry = registry(world)?;
            let details = Value::list(shown.into_iter().map(|image| detail(image, &registry)));
            Ok(Fields::new().with("imageDetails", details).maybe("nextToken", next).into())
        }
        "DescribeImageScanFindings" => {
            let repository = input.required("repositoryName")?;
            let id = image_id(input.member("imageId").ok_or_else(|| input.missing("imageId"))?)?;
            let (image, scan) = world.image_scan(repository, &id)?;
            findings(operation, input, image, scan, registry(world)?)
        }
        _ => Err(Service::Ecr.unknown_operation(operation)),
    }
}

fn registry(world: &World) -> ApiResult<String> {
    Ok(world.get_caller_identity()?.account)
}

fn image_id(input: Input<'_>) -> ApiResult<ImageId> {
    Ok(ImageId { digest: input.string("imageDigest")?, tag: input.string("imageTag")? })
}

fn detail(image: EcrImage, registry: &str) -> Fields {
    let status = image.scan.as_ref().map(status);
    let summary = image.scan.as_ref().filter(|scan| !scan.findings.is_empty()).map(|scan| {
        Fields::new().with("imageScanCompletedAt", scan.completed_at).with("findingSeverityCounts", counts(scan))
    });
    Fields::new()
        .with("registryId", registry)
        .with("repositoryName", image.repository)
        .with("imageDigest", image.digest)
        .unless_empty("imageTags", image.tags)
        .with("imageSizeInBytes", 48_311_204_i64)
        .with("imagePushedAt", image.pushed_at)
        .maybe("imageScanStatus", status)
        .maybe("imageScanFindingsSummary", summary)
        .with("imageManifestMediaType", "application/vnd.docker.distribution.manifest.v2+json")
}

fn status(scan: &ImageScan) -> Fields {
    Fields::new().with("status", scan.status.as_str()).with("description", scan.description.clone())
}

fn counts(scan: &ImageScan) -> Value {
    Value::Map(scan.findings.iter().map(|(severity, count)| (severity.clone(), (*count).into())).collect())
}

/// The findings themselves come page by page; their counts come with every page.
fn findings(operation: &str, input: Input<'_>, image: EcrImage, scan: ImageScan, registry: String) -> ApiResult<Value> {
    let all: Vec<Fields> = scan
        .findings
        .iter()
        .flat_map(|(severity, count)| (1..=*count).map(move |number| finding(severity, number)))
        .collect();
    let size = input.count("maxResults", 1..=LARGEST_PAGE)?.unwrap_or(PAGE);
    let (shown, next) = page(Service::Ecr, operation, all, input.text("nextToken")?, size)?;
    let id = Fields::new().with("imageDigest", image.digest).maybe("imageTag", image.tags.into_iter().next());
    let findings = Fields::new()
        .with("imageScanCompletedAt", scan.completed_at)
        .with("vulnerabilitySourceUpdatedAt", scan.completed_at)
        .with("findingSeverityCounts", counts(&scan))
        .unless_empty("findings", shown);
    let is_complete = scan.status == ScanStatus::Complete;
    Ok(Fields::new()
        .with("registryId", registry)
        .with("repositoryName", image.repository)
        .with("imageId", id)
        .with("imageScanStatus", status(&scan))
        .maybe("imageScanFindings", is_complete.then_some(findings))
        .maybe("nextToken", next)
        .into())
}

fn finding(severity: &str, number: u32) -> Fields {
    let name = format!("CVE-2026-{number:05}");
    Fields::new()
        .with("name", name.clone())
        .with("uri", format!("https://example.test/{name}"))
        .with("severity", severity)
        .with("description", "A package of the base image.")
}
