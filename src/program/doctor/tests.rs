use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;

use super::*;
use crate::cloud::ErrorKind;
use crate::domain::check::{Fetched, NoAnswer, Request as WebRequest};
use crate::domain::gate::BackupSource;
use crate::domain::time::Timestamp;
use crate::program::testing::{EXAMPLE, Shop};
use crate::ui::theme::{Background, Charset, ColourDepth};

/// What a gate of the example may ask for, switched on.
const ASKED: [(&str, &str); 4] = [
    (
        "# drift = { circuit_breaker = \"rollback\", min_healthy = 100, max_healthy = 200, env = [\"DATABASE_URL\"] }",
        "drift = { circuit_breaker = \"fail\" }",
    ),
    ("# image = {", "image = {"),
    ("# secrets = {", "secrets = {"),
    ("# backups = [", "backups = ["),
];

const SECRET: &str = "[[estate.secret]]\nname = \"demo/api/database\"\n";

/// Answers everything, or nothing.
struct Answers(bool);

#[async_trait]
impl Web for Answers {
    async fn fetch(&self, request: &WebRequest, _timeout: Duration) -> Result<Fetched, NoAnswer> {
        let answer = Fetched {
            status: 200,
            headers: Vec::new(),
            body: Vec::new(),
            is_cut: false,
            took: Duration::from_millis(12),
            certificate: None,
        };
        if self.0 { Ok(answer) } else { Err(NoAnswer::NoSuchHost(request.url.clone())) }
    }
}

fn config(edits: &[(&str, &str)]) -> String {
    ASKED.iter().chain(edits).fold(EXAMPLE.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "the example has no `{from}`");
        text.replacen(from, to, 1)
    })
}

fn shop(config: &str, world: &str) -> Shop {
    Shop::of(config, "demo", &format!("[traffic]\nrate = 60.0\n{world}"))
}

async fn examined(shop: &Shop, journal: &Path, is_reachable: bool) -> Report {
    let environment = shop.config.environment("demo").unwrap();
    let clock = shop.sim.clock();
    let aws = Aws::simulated(shop.sim.http_client(), clock, "eu-west-1", &shop.context.clusters[ComponentIndex::FIRST]);
    let terminal = Capabilities {
        colour: ColourDepth::True,
        background: Background::Dark,
        charset: Charset::Unicode,
        multiplexer: crate::term::Multiplexer::None,
    };
    let around = Around {
        clock,
        web: Arc::new(Answers(is_reachable)),
        journal: Some(journal.to_owned()),
        kept: crate::program::channels::simulated,
        terminal,
    };
    let name = EnvironmentName::from("demo");
    report(&shop.config, &name, environment, &[Reach::new(Arc::new(aws))], &around).await
}

/// The report as text, whatever directory it was made in.
fn text(report: &Report, dir: &Path) -> String {
    let mut page = Vec::new();
    write(report, false, &mut page).unwrap();
    let page = String::from_utf8(page).unwrap().replace(&dir.display().to_string(), "DIR");
    // The user who runs the tests.
    let lines = page.lines().map(|line| line.split_once(", of user ").map_or(line, |(line, _)| line));
    lines.collect::<Vec<_>>().join("\n")
}

fn marked(report: &Report, mark: Mark) -> Vec<String> {
    let items = report.groups.iter().flat_map(|group| &group.items);
    items.filter(|item| item.mark == mark).map(|item| item.name.clone()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_healthy_account_has_nothing_wrong_and_nothing_is_changed() {
    let shop = shop(&config(&[]), SECRET);
    let dir = private_dir();
    // Metrics of ECS take a while to show.
    shop.sim.clock().sleep(Duration::from_mins(2)).await;
    let before = shop.changes();
    let report = examined(&shop, dir.path(), true).await;
    assert_eq!(marked(&report, Mark::Wrong), [""; 0]);
    assert_eq!(shop.changes(), before, "it only looks");
    insta::assert_snapshot!("healthy", text(&report, dir.path()));
}

#[tokio::test(start_paused = true)]
async fn a_misconfigured_account_is_told_item_by_item_with_remedies() {
    let edits = [
        ("account = \"123456789012\"\nregion", "account = \"123456789012\"\nprofile = \"shop\"\nregion"),
        ("logs = [\"/ecs/api\"]", "logs = [\"/ecs/other\", \"/ecs/new\"]"),
        ("\"api-cpu-high\"]", "\"api-cpu-hihg\"]"),
        ("fresher_than = \"24h\"", "fresher_than = \"4h\""),
        ("123456789012:releases", "123456789012:relaeses"),
    ];
    let world = "\
health_check = { interval = \"60s\", timeout = \"5s\", healthy = 5, unhealthy = 5 }
[[service]]
name = \"api-blue\"
desired = 6
circuit_breaker = \"off\"
[[service]]
name = \"api-green\"
desired = 0
[[rule]]
host = \"api.shop.test\"
weights = { api-blue = 90, api-green = 10 }
[estate]
backup_retention_days = 0
[[estate.secret]]
name = \"demo/api/database\"
rotation = false
[[estate.image]]
tag = \"other\"
";
    let shop = Shop::of(&config(&edits), "demo", world);
    shop.sim.with(|world, _| world.create_log_group("/ecs/new")).unwrap();
    let dir = private_dir();
    let journal = dir.path().join("journal");
    std::fs::create_dir(&journal).unwrap();
    set_mode(&journal, 0o755);
    let report = examined(&shop, &journal, false).await;
    let wrong = marked(&report, Mark::Wrong);
    for item in [
        "api-blue: circuit breaker",
        "one side serves",
        "health check of api-blue",
        "image in ECR",
        "log configuration",
        "secret demo/api/database",
        "backup of database shop",
        "automated backups of database shop",
        "alarm api-cpu-hihg",
        "log group /ecs/other",
        "log group /ecs/new",
        "channel team",
        "users' URL",
        "journal directory",
    ] {
        assert!(wrong.iter().any(|name| name == item), "{item} is not wrong: {wrong:#?}");
    }
    insta::assert_snapshot!("misconfigured", text(&report, &journal));
}

#[tokio::test(start_paused = true)]
async fn what_the_configuration_does_not_name_is_not_known_rather_than_wrong() {
    let least = config(&[
        ("logs = [\"/ecs/api\"]", "logs = []"),
        (
            "alarms = [\"api-5xx-high\", \"api-latency-p99-high\", \"api-unhealthy-hosts\", \"api-cpu-high\"]",
            "alarms = []",
        ),
        ("notify = [\"team\"]", "notify = []"),
        ("secrets = { names", "# secrets = { names"),
        ("backups = [{", "# backups = [{"),
    ]);
    let shop = shop(&least, "");
    let dir = private_dir();
    let report = examined(&shop, dir.path(), true).await;
    let unknown = marked(&report, Mark::Unknown);
    for item in ["secrets", "backups", "alarms", "log groups", "channels"] {
        assert!(unknown.iter().any(|name| name == item), "{item}: {unknown:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_wrong_account_and_what_is_not_there_are_told_and_hide_nothing_else() {
    let elsewhere = config(&[(
        "{ service = \"api-blue\", target_group = \"arn:aws:elasticloadbalancing:eu-west-1:123456789012",
        "{ service = \"api-bleu\", target_group = \"arn:aws:elasticloadbalancing:eu-west-1:123456789012",
    )]);
    let shop = shop(&elsewhere, "[aws]\naccount = \"999999999999\"\n");
    let dir = private_dir();
    let report = examined(&shop, dir.path(), true).await;
    let wrong = marked(&report, Mark::Wrong);
    assert!(wrong.contains(&"account".to_owned()), "{wrong:?}");
    assert!(wrong.contains(&"service api-bleu".to_owned()), "{wrong:?}");
    let unknown = marked(&report, Mark::Unknown);
    assert!(unknown.contains(&"secrets".to_owned()), "what needs the plan is not called missing: {unknown:?}");
    assert!(marked(&report, Mark::Fine).contains(&"cluster shop".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn what_may_not_be_read_is_told_with_the_permission_that_is_missing() {
    let shop = shop(&config(&[]), "[[api_faults]]\nkind = \"access-denied\"\noperations = [\"DescribeLogGroups\"]\n");
    let dir = private_dir();
    let report = examined(&shop, dir.path(), true).await;
    let item =
        report.groups.iter().flat_map(|group| &group.items).find(|item| item.name == "log group /ecs/api").unwrap();
    assert_eq!(item.mark, Mark::Wrong);
    assert_eq!(item.remedy.as_deref(), Some("allow `logs:DescribeLogGroups` to the identity that cutover uses"));
}

#[tokio::test(start_paused = true)]
async fn the_account_is_read_as_aws_shows_it() {
    let shop = shop(&config(&[]), SECRET);
    let clock = shop.sim.clock();
    let aws = Aws::simulated(shop.sim.http_client(), clock, "eu-west-1", "shop");
    let there = aws.time().await.unwrap().unwrap();
    assert!(clock.now().since(there) < Duration::from_secs(2) || there > clock.now(), "{there:?}");
    let database = BackupSource::Database("shop".to_owned());
    assert_eq!(aws.backup_retention(&database).await, Ok(Some(7)));
    assert_eq!(aws.backup_retention(&BackupSource::Database("other".to_owned())).await, Ok(None));
    assert_eq!(aws.backup_retention(&BackupSource::Cluster("shop".to_owned())).await, Ok(None));
    assert_eq!(aws.topic("arn:aws:sns:eu-west-1:123456789012:other").await, Ok(None));
    assert_eq!(
        aws.services().await.unwrap().iter().map(|it| it.name.as_str()).collect::<Vec<_>>(),
        ["api-blue", "api-green"]
    );
    assert_eq!(aws.log_group("/ecs").await, Ok(None), "a beginning is no name");
    let nowhere = Aws::simulated(shop.sim.http_client(), clock, "eu-west-1", "other");
    assert_eq!(nowhere.cluster().await, Ok(None));
    assert_eq!(nowhere.services().await.unwrap_err().kind, ErrorKind::NotFound);
    assert!(aws.time().await.unwrap() >= Some(Timestamp::from_secs(1_795_161_600)));
}

fn private_dir() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    set_mode(dir.path(), 0o700);
    dir
}

fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}
