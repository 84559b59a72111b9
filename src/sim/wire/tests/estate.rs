use aws_sdk_ecr::operation::describe_image_scan_findings::DescribeImageScanFindingsError;
use aws_sdk_ecr::operation::describe_images::DescribeImagesError;
use aws_sdk_ecr::types::{FindingSeverity, ImageIdentifier};
use aws_sdk_secretsmanager::operation::describe_secret::DescribeSecretError;
use serde_json::json;

use super::*;

fn tagged(tag: &str) -> ImageIdentifier {
    ImageIdentifier::builder().image_tag(tag).build()
}

#[tokio::test(start_paused = true)]
async fn images_are_listed_page_by_page_and_found_by_tag_and_digest() {
    let account = Account::new();
    account.sim.with(|world, _| world.push_image("api", "4f2c1e9", "sha256:0123"));
    let ecr = account.ecr();
    let pages = ecr.describe_images().repository_name("api").max_results(2).into_paginator().items().send();
    let all = pages.collect::<Result<Vec<_>, _>>().await.unwrap();
    assert_eq!(all.len(), 3, "{all:?}");
    let newest = all.last().unwrap();
    assert_eq!((newest.image_digest(), newest.image_tags()), (Some("sha256:0123"), &["4f2c1e9".to_owned()][..]));
    assert_eq!(all[0].image_tags(), &[] as &[String], "the tag has moved");
    let found = ecr.describe_images().repository_name("api").image_ids(tagged("9ab03d7")).send().await.unwrap();
    let summary = found.image_details()[0].image_scan_findings_summary().unwrap();
    assert_eq!(summary.finding_severity_counts().unwrap()[&FindingSeverity::Low], 3);
}

#[tokio::test(start_paused = true)]
async fn findings_come_page_by_page_with_all_counts_on_each() {
    let ecr = Account::new().ecr();
    let page = |token: Option<String>| {
        let call = ecr.describe_image_scan_findings().repository_name("api").image_id(tagged("9ab03d7"));
        call.max_results(2).set_next_token(token).send()
    };
    let first = page(None).await.unwrap();
    let rest = page(first.next_token.clone()).await.unwrap();
    let counted = |page: &aws_sdk_ecr::operation::describe_image_scan_findings::DescribeImageScanFindingsOutput| {
        let findings = page.image_scan_findings().unwrap();
        (findings.findings().len(), findings.finding_severity_counts().unwrap()[&FindingSeverity::Low])
    };
    assert_eq!((counted(&first), counted(&rest), rest.next_token()), ((2, 3), (1, 3), None));
    assert!(page(Some("made up".to_owned())).await.is_err(), "a token that was never given out");
}

#[tokio::test(start_paused = true)]
async fn refusals_of_the_registry_and_of_secrets_are_the_sdks_own_variants() {
    let account = Account::new();
    account.sim.with(|world, _| world.push_image("api", "unscanned", "sha256:4567"));
    let ecr = account.ecr();
    let images =
        |repository: &str, tag: &str| ecr.describe_images().repository_name(repository).image_ids(tagged(tag)).send();
    let gone = images("api", "gone").await.unwrap_err().into_service_error();
    assert!(matches!(gone, DescribeImagesError::ImageNotFoundException(_)), "{gone:?}");
    let nowhere = images("web", "gone").await.unwrap_err().into_service_error();
    assert!(matches!(nowhere, DescribeImagesError::RepositoryNotFoundException(_)), "{nowhere:?}");
    let unscanned =
        ecr.describe_image_scan_findings().repository_name("api").image_id(tagged("unscanned")).send().await;
    let unscanned = unscanned.unwrap_err().into_service_error();
    assert!(matches!(unscanned, DescribeImageScanFindingsError::ScanNotFoundException(_)), "{unscanned:?}");
    let secret = account.secrets_manager().describe_secret().secret_id("gone").send().await;
    let secret = secret.unwrap_err().into_service_error();
    assert!(matches!(secret, DescribeSecretError::ResourceNotFoundException(_)), "{secret:?}");
}

#[tokio::test(start_paused = true)]
async fn a_secret_is_described_by_name_and_by_arn_and_has_no_value() {
    let secrets = Account::new().secrets_manager();
    let by_name = secrets.describe_secret().secret_id("shop/api/database").send().await.unwrap();
    let by_arn = secrets.describe_secret().secret_id(by_name.arn().unwrap()).send().await.unwrap();
    assert_eq!((by_arn.name(), by_arn.rotation_enabled()), (Some("shop/api/database"), Some(true)));
    assert!(by_arn.last_rotated_date().is_some());
    assert!(secrets.get_secret_value().secret_id("shop/api/database").send().await.is_err());
}

#[test]
fn snapshots_are_written_under_the_names_that_rds_gives_its_lists() {
    let account = Account::new();
    let ask = |input: serde_json::Value| {
        let input = Input::new(Service::Rds, &input);
        account.sim.with(|world, _| rds::call(world, "DescribeDBSnapshots", input))
    };
    let body = ask(json!({ "DBInstanceIdentifier": "shop" })).unwrap();
    let xml = query::encode("DescribeDBSnapshots", Service::Rds.namespace(), "id", &body);
    let shown = "<DBSnapshots><DBSnapshot><DBSnapshotIdentifier>rds:shop-01</DBSnapshotIdentifier>";
    assert!(xml.contains(shown) && !xml.contains("<member>"), "{xml}");
    let refused = ask(json!({ "DBSnapshotIdentifier": "gone" })).unwrap_err();
    assert_eq!((refused.code, refused.status), ("DBSnapshotNotFound", 404));
    assert_eq!(ask(json!({ "MaxRecords": "5" })).unwrap_err().code, "InvalidParameterValue");
}
