//! Each condition of a gate, holding and not, against the simulated AWS: the real engine, the real SDK, paused time.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking, in their helpers too"
)]
#![expect(clippy::unnecessary_wraps, reason = "what is wanted is held against what was found")]

#[path = "../benches/support/place.rs"]
mod place;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cutover::domain::calendar::{Calendar, Day, Freeze, Hours, Minute};
use cutover::domain::check::{Expect, HttpCheck, Request, RetryOn, StatusRange};
use cutover::domain::command::{Actor, Command, Order};
use cutover::domain::components::ComponentIndex;
use cutover::domain::effect::CheckResult;
use cutover::domain::gate::{
    ApprovalPlan, BackupPlan, BackupSource, Breaker, Condition, DriftPlan, GateCommand, GatePlan, HealthCheckPlan,
    ImagePlan, OnMissing, Risk, SecretPlan, WindowPlan,
};
use cutover::domain::ids::Version;
use cutover::domain::percent::Percent;
use cutover::domain::plan::{OnFailure, Plan, SidePlan, StageKind, StagePlan};
use cutover::domain::redact::Redactor;
use cutover::domain::release::{Ending, Release, StageStatus, Work};
use cutover::engine::handle::Receipt;
use cutover::engine::run::Engine;
use cutover::engine::settings::Parts;
use cutover::engine::{Exit, Heard, Program, Programs};
use cutover::journal::Journal;
use cutover::journal::sqlite::SqliteJournal;
use place::{Place, START};
use tokio::sync::mpsc;

const IMAGE: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/api:9ab03d7";
const DAY: Duration = Duration::from_hours(24);

/// A world with few users: a gate asks nothing of them.
const QUIET: &str = "[traffic]\nrate = 1.0\n";

/// Programs that do what their arguments say.
struct Scripted;

#[async_trait]
impl Programs for Scripted {
    async fn run(&self, program: &Program, heard: mpsc::Sender<Heard>) -> Result<Exit, String> {
        let words: Vec<&str> = program.run.iter().map(String::as_str).collect();
        let (code, lines) = match words.as_slice() {
            ["say", lines @ ..] => (0, lines),
            ["fail", lines @ ..] => (3, lines),
            ["hang"] => std::future::pending().await,
            _ => return Err(format!("`{}` cannot be started", words.join(" "))),
        };
        for line in lines {
            heard.send(Heard::Line((*line).to_owned())).await.unwrap();
        }
        Ok(Exit { code: Some(code) })
    }
}

/// A release that is nothing but a gate.
struct Shop {
    place: Place,
    plan: Plan,
    journal: Box<dyn Journal>,
}

fn maria() -> Actor {
    Actor::new("maria", "bastion")
}

/// The side that serves.
fn blue(plan: &mut Plan) -> &mut SidePlan {
    &mut plan.components[ComponentIndex::FIRST].sides.as_mut().unwrap().blue
}

impl Shop {
    async fn of(world: &str) -> Self {
        let place = Place::new(&format!("{QUIET}{world}"), "");
        let mut survey = place.survey().await;
        // As it was when the release was planned: the planner itself refuses what is shared.
        survey.weights = [Percent::FULL, Percent::ZERO];
        let mut plan = place.plan(survey, &Version(IMAGE.to_owned()));
        plan.notify.clear();
        blue(&mut plan).url = Some("http://blue.api.shop.test".to_owned());
        Self { place, plan, journal: Box::new(SqliteJournal::in_memory().unwrap()) }
    }

    fn with(mut self, conditions: Vec<Condition>) -> Self {
        let gate = GatePlan { conditions, ..GatePlan::default() };
        self.plan.stages = vec![StagePlan {
            name: "gates".into(),
            component: None,
            after: Vec::new(),
            kind: StageKind::Gate(gate),
            timeout: Duration::from_mins(2),
            on_failure: OnFailure::Rollback,
        }];
        self
    }

    fn parts(self) -> (Plan, Parts) {
        let mut parts = self.place.parts(&self.plan, self.journal, Arc::new(Scripted));
        parts.settings.redactor = Redactor::new(["hunter22hunter".to_owned()]);
        (self.plan, parts)
    }

    /// Runs the release to its end.
    async fn run(self) -> Release {
        let (plan, parts) = self.parts();
        let (engine, _hub, _stop) = Engine::begin(&mut |_| plan.clone(), parts).unwrap();
        let left = tokio::time::timeout(Duration::from_hours(2), engine.run()).await;
        left.unwrap_or_else(|_| panic!("the gate never ends")).unwrap().release
    }
}

/// What a gate with these conditions found in this world.
async fn look(world: &str, conditions: Vec<Condition>) -> Vec<CheckResult> {
    found(Shop::of(world).await.with(conditions).run().await)
}

fn found(release: Release) -> Vec<CheckResult> {
    let gate = &release.stages[0];
    let holds = gate.checks.iter().all(|check| check.passed);
    assert!(!gate.checks.is_empty(), "{gate:?}");
    // Green that has traffic before the release began has it taken away in the end.
    let wanted: &[Ending] = if holds { &[Ending::Succeeded] } else { &[Ending::Failed, Ending::RolledBack] };
    assert!(release.ended.as_ref().is_some_and(|ended| wanted.contains(&ended.ending)), "{gate:?}");
    assert_eq!(gate.status == StageStatus::Passed, holds);
    gate.checks.clone()
}

/// The only result: what held, or what did not.
async fn one(world: &str, condition: Condition) -> Result<String, String> {
    let mut results = look(world, vec![condition]).await;
    assert_eq!(results.len(), 1, "{results:?}");
    let result = results.remove(0);
    if result.passed { Ok(result.detail) } else { Err(result.detail) }
}

fn ok(text: &str) -> Result<String, String> {
    Ok(text.to_owned())
}

fn err(text: &str) -> Result<String, String> {
    Err(text.to_owned())
}

#[tokio::test(start_paused = true)]
async fn blue_must_be_healthy_and_have_all_the_traffic() {
    assert_eq!(one("", Condition::Healthy).await, ok("6/6 targets healthy, all traffic"));
    let shared = "[[rule]]\nhost = \"api.shop.test\"\nweights = { api-blue = 90, api-green = 10 }\n";
    assert_eq!(one(shared, Condition::Healthy).await, err("green already has 10 % of the traffic"));
}

fn image(findings_below: Option<Risk>, on_missing: OnMissing, patience: u64) -> Condition {
    Condition::Image(ImagePlan { findings_below, on_missing, patience: Duration::from_secs(patience) })
}

/// The second result of an image that is there.
async fn scan(keys: &str, on_missing: OnMissing, patience: u64) -> Result<String, String> {
    let world = format!("[[estate.image]]\ntag = \"9ab03d7\"\n{keys}");
    let results = look(&world, vec![image(Some(Risk::High), on_missing, patience)]).await;
    assert!(results[0].passed && results.len() == 2, "{results:?}");
    if results[1].passed { Ok(results[1].detail.clone()) } else { Err(results[1].detail.clone()) }
}

#[tokio::test(start_paused = true)]
async fn the_image_must_be_in_the_registry() {
    let only_there = image(None, OnMissing::Fail, 0);
    let there = one("", only_there.clone()).await.unwrap();
    assert!(there.starts_with("9ab03d7 is sha256:") && there.ends_with(", pushed 60 min ago"), "{there}");
    let gone = "[[estate.image]]\ntag = \"other\"\n";
    assert_eq!(one(gone, only_there.clone()).await, err(&format!("{IMAGE} is not in ECR; push it first")));
    let elsewhere = "[[estate.image]]\nrepository = \"web\"\n";
    assert_eq!(one(elsewhere, only_there).await, err(&format!("{IMAGE} is not in ECR; push it first")));
}

#[tokio::test(start_paused = true)]
async fn what_an_image_scan_found_must_be_below_the_limit() {
    let fail = OnMissing::Fail;
    assert_eq!(scan("findings = { MEDIUM = 4, LOW = 9 }", fail, 0).await, ok("4 medium, 9 low"));
    assert_eq!(scan("findings = {}", fail, 0).await, ok("no findings"));
    let bad = err("1 critical, 2 high, 9 low; nothing high or worse may be found");
    assert_eq!(scan("findings = { HIGH = 2, LOW = 9, CRITICAL = 1 }", fail, 0).await, bad);
}

#[tokio::test(start_paused = true)]
async fn a_scan_under_way_is_waited_for_and_one_that_is_missing_is_said_to_be() {
    let (fail, pass) = (OnMissing::Fail, OnMissing::Pass);
    let slow = "scan = \"in-progress\"\nscan_for = \"40s\"\n";
    assert_eq!(scan(slow, fail, 60).await, ok("3 low"), "it comes in time");
    assert_eq!(scan(slow, fail, 10).await, err("the scan is still under way after 10 s"));
    assert_eq!(scan("scan = \"none\"", fail, 0).await, err("the image has not been scanned"));
    assert_eq!(scan("scan = \"none\"", pass, 0).await, ok("the image has not been scanned; let through as configured"));
    let unsupported = scan("scan = \"unsupported\"", fail, 0).await.unwrap_err();
    assert!(unsupported.starts_with("this image cannot be scanned: UnsupportedImageError"), "{unsupported}");
    assert_eq!(scan("scan = \"failed\"", fail, 0).await, err("the scan failed: The scan failed"));
}

fn secret(rotated_within: Option<Duration>) -> Condition {
    Condition::Secret(SecretPlan { name: "shop/api/database".to_owned(), rotated_within })
}

#[tokio::test(start_paused = true)]
async fn secrets_must_be_there_and_rotate() {
    let quarterly = || secret(Some(90 * DAY));
    let world = |keys: &str| format!("[[estate.secret]]\n{keys}\n");
    assert_eq!(one("", quarterly()).await, ok("rotated 20 days ago"));
    assert_eq!(one(&world("rotated = \"100d\""), quarterly()).await, err("rotated 100 days ago, more than 90 days"));
    assert_eq!(one(&world("rotated = \"100d\""), secret(None)).await, ok("it is there"));
    assert_eq!(one(&world("rotation = false"), quarterly()).await, err("its rotation is switched off"));
    let new = world("never_rotated = true\ncreated = \"5h\"");
    assert_eq!(one(&new, quarterly()).await, ok("created 5 h ago"));
    assert_eq!(one(&world("deleted = true"), secret(None)).await, err("it is waiting to be deleted"));
    assert_eq!(one(&world("name = \"other\""), secret(None)).await, err("there is no such secret"));
}

fn backup(source: BackupSource) -> Condition {
    Condition::Backup(BackupPlan { source, fresher_than: DAY })
}

#[tokio::test(start_paused = true)]
async fn the_newest_finished_snapshot_must_be_fresh() {
    let database = || backup(BackupSource::Database("shop".to_owned()));
    assert_eq!(one("", database()).await, ok("rds:shop-01, 5 h old"));
    let old = "[[estate.snapshot]]\nage = \"30h\"\n[[estate.snapshot]]\nage = \"72h\"\n";
    assert_eq!(one(old, database()).await, err("rds:shop-01, 30 h old, more than 24 h"));
    let unfinished = format!("{old}[[estate.snapshot]]\nage = \"0s\"\nstatus = \"creating\"\n");
    assert_eq!(one(&unfinished, database()).await, err("rds:shop-01, 30 h old, more than 24 h"));
    let other = "[[estate.snapshot]]\ndatabase = \"other\"\n";
    assert_eq!(one(other, database()).await, err("there is no finished snapshot of it"));
    let cluster = "[[estate.snapshot]]\ncluster = \"orders\"\nmanual = true\nage = \"3h\"\n";
    assert_eq!(one(cluster, backup(BackupSource::Cluster("orders".to_owned()))).await, ok("orders-01, 3 h old"));
}

#[tokio::test(start_paused = true)]
async fn the_newest_snapshot_is_found_on_whatever_page_it_is() {
    let many: Vec<String> = (0..130).map(|at| format!("[[estate.snapshot]]\nage = \"{}h\"\n", 200 - at)).collect();
    let found = one(&many.concat(), backup(BackupSource::Database("shop".to_owned()))).await;
    assert_eq!(found, err("rds:shop-130, 2 days old, more than 24 h"), "the newest is the last of all");
}

fn program(run: &[&str]) -> GateCommand {
    GateCommand {
        name: "on call".to_owned(),
        run: run.iter().map(|word| (*word).to_owned()).collect(),
        env: BTreeMap::new(),
        dir: None,
        timeout: Duration::from_secs(20),
    }
}

#[tokio::test(start_paused = true)]
async fn a_program_must_end_well_and_in_time_and_its_last_words_are_kept_without_secrets() {
    let command = |run: &[&str]| Condition::Command(program(run));
    assert_eq!(one("", command(&["say", "checking", "nobody is paged"])).await, ok("exit 0: nobody is paged"));
    let failed = one("", command(&["fail", "1", "2", "incident 7 open", "token hunter22hunter"])).await.unwrap_err();
    assert!(failed.starts_with("exit 3: 2 / incident 7 open / token "), "{failed}");
    assert!(!failed.contains("hunter22hunter"), "{failed}");
    assert_eq!(one("", command(&["hang"])).await, err("not done within 20 s"));
    assert_eq!(one("", command(&["no-such"])).await, err("`no-such` cannot be started"));
}

#[tokio::test(start_paused = true)]
async fn a_program_may_say_when_the_newest_backup_was_taken() {
    let dump = |run: &[&str]| backup(BackupSource::Command(program(run)));
    assert_eq!(one("", dump(&["say", "looking", "2026-11-20T02:00:00Z", " "])).await, ok("backup, 6 h old"));
    assert_eq!(one("", dump(&["say", "1794988800"])).await, err("backup, 48 h old, more than 24 h"));
    let nonsense = "`yesterday` is no moment; print RFC 3339, or seconds since 1970";
    assert_eq!(one("", dump(&["say", "yesterday"])).await, err(nonsense));
    assert_eq!(one("", dump(&["fail", "no disk"])).await, err("exit 3: no disk"));
}

#[tokio::test(start_paused = true)]
async fn an_http_condition_asks_what_serves_now() {
    let check = |path: &str, status| {
        Condition::Http(Box::new(HttpCheck {
            name: "health".to_owned(),
            request: Request::get(format!("https://blue.api.shop.test{path}")),
            expect: Expect { status: vec![StatusRange::one(status)], ..Expect::default() },
            timeout: Duration::from_secs(5),
            retries: 2,
            pause: Duration::from_secs(1),
            retry_on: RetryOn::NoAnswer,
        }))
    };
    let answered = one("", check("/healthz", 200)).await.unwrap();
    assert_eq!(answered, "200");
    assert_eq!(one("", check("/healthz", 204)).await, err("200: {\"status\":\"ok\"}"));
}

fn drift(plan: DriftPlan) -> Condition {
    Condition::Drift(plan)
}

/// What is amiss, by aspect.
async fn amiss(shop: Shop, plan: DriftPlan) -> Vec<(String, String)> {
    let results = found(shop.with(vec![drift(plan)]).run().await);
    let wrong = results.into_iter().filter(|result| !result.passed);
    wrong.map(|result| (result.name.trim_start_matches("drift: ").to_owned(), result.detail)).collect()
}

fn wrong(aspect: &str, detail: &str) -> Vec<(String, String)> {
    vec![(aspect.to_owned(), detail.to_owned())]
}

#[tokio::test(start_paused = true)]
async fn what_runs_must_be_what_the_release_was_planned_from() {
    let all = DriftPlan {
        circuit_breaker: Some(Breaker::Fail),
        min_healthy: Some(100),
        max_healthy: Some(200),
        health_check: HealthCheckPlan {
            path: Some("/healthz".to_owned()),
            interval: Some(Duration::from_secs(10)),
            timeout: Some(Duration::from_secs(5)),
            healthy: Some(2),
            unhealthy: Some(3),
        },
        env: vec!["LOG_LEVEL".to_owned()],
    };
    let results = look("", vec![drift(all)]).await;
    assert_eq!(results.len(), 7, "{results:?}");
    assert!(results[0].detail.starts_with("4f2c1e9 sha256:"), "{results:?}");

    let moved = "[[estate.image]]\ntag = \"4f2c1e9\"\ndigest = \"sha256:0123456789abcdef\"\n";
    let image = amiss(Shop::of(moved).await, DriftPlan::default()).await;
    assert!(image[0].1.starts_with("4f2c1e9 now means sha256:0123456, blue's tasks run sha256:"), "{image:?}");
    let gone = "[[estate.image]]\ntag = \"9ab03d7\"\n";
    let lost = wrong("image", "4f2c1e9 is no longer in ECR: no task of it can start");
    assert_eq!(amiss(Shop::of(gone).await, DriftPlan::default()).await, lost);

    let mut more = Shop::of("").await;
    blue(&mut more.plan).desired = 4;
    let tasks = wrong("tasks", "the number of tasks is 6, wanted 4");
    assert_eq!(amiss(more, DriftPlan::default()).await, tasks);

    let shared = "[[rule]]\nhost = \"api.shop.test\"\nweights = { api-blue = 90, api-green = 10 }\n";
    let weights = wrong("weights", "green has 10 % of the traffic");
    assert_eq!(amiss(Shop::of(shared).await, DriftPlan::default()).await, weights);
}

#[tokio::test(start_paused = true)]
async fn a_deployment_since_the_plan_is_drift() {
    let mut since = Shop::of("").await;
    let definition = &mut blue(&mut since.plan).task_definition.0;
    *definition = definition.replace(":1", ":7");
    let image = amiss(since, DriftPlan::default()).await;
    assert_eq!(image, wrong("image", "blue runs api:1; the release was planned from api:7"));
}

#[tokio::test(start_paused = true)]
async fn how_both_services_are_set_up_must_be_as_configured() {
    let plan = DriftPlan {
        circuit_breaker: Some(Breaker::Rollback),
        min_healthy: Some(50),
        health_check: HealthCheckPlan {
            path: Some("/ready".to_owned()),
            unhealthy: Some(3),
            ..HealthCheckPlan::default()
        },
        env: vec!["LOG_LEVEL".to_owned(), "DATABASE_URL".to_owned()],
        ..DriftPlan::default()
    };
    let found = amiss(Shop::of("").await, plan).await;
    let wanted = [
        ("circuit breaker", "blue: it is fail, wanted rollback; green: it is fail, wanted rollback"),
        ("deployment bounds", "blue: min_healthy is 100, wanted 50; green: min_healthy is 100, wanted 50"),
        ("health check", "blue: path is /healthz, wanted /ready; green: path is /healthz, wanted /ready"),
        ("environment", "lacks DATABASE_URL"),
    ];
    assert_eq!(found, wanted.map(|(aspect, detail)| (aspect.to_owned(), detail.to_owned())));
}

#[tokio::test(start_paused = true)]
async fn another_unfinished_release_of_the_component_is_in_the_way() {
    assert_eq!(one("", Condition::Alone).await, ok("none is unfinished"));
    let mut shop = Shop::of("").await.with(vec![Condition::Alone]);
    let plan = shop.plan.clone();
    let ken = Actor::new("ken", "bastion");
    shop.journal.create(&mut |_| plan.clone(), &ken, START).unwrap();
    let mut other = plan.clone();
    other.components[ComponentIndex::FIRST].name = "web".into();
    shop.journal.create(&mut |_| other.clone(), &ken, START).unwrap();
    let results = found(shop.run().await);
    assert_eq!(results[0].detail, "release 1 by ken is planned; attach to it, and end it first");
}

fn window(from: &str, to: &str, wait: bool) -> WindowPlan {
    let minute = |text: &str| Minute::parse(text).unwrap();
    let hours = Hours { days: vec![Day::Mon, Day::Fri], from: minute(from), to: minute(to) };
    let zone = "Europe/Zurich".to_owned();
    let calendar = Calendar { zone, hours: vec![hours], holidays: Vec::new(), freezes: Vec::new() };
    WindowPlan { calendar, wait }
}

#[tokio::test(start_paused = true)]
async fn outside_its_window_a_gate_fails_and_says_when_the_next_one_opens() {
    let plan = |plan: WindowPlan| Condition::Window(plan);
    let open = one("", plan(window("08:00", "17:00", false))).await;
    assert_eq!(open, ok("open until Fri 20 Nov 17:00 CET"));
    let shut = one("", plan(window("06:00", "08:30", false))).await;
    assert_eq!(shut, err("opens Mon 23 Nov 06:00 CET; Fri 09:00 is outside mon,fri 06:00-08:30"));
    let mut frozen = window("08:00", "17:00", false);
    frozen.calendar.freezes.push(Freeze {
        from: "2026-11-20T00:00".parse().unwrap(),
        to: "2026-11-20T12:00".parse().unwrap(),
        reason: "sale".to_owned(),
    });
    assert_eq!(one("", plan(frozen)).await, err("opens Fri 20 Nov 12:00 CET; frozen: sale"));
    let mut nowhere = window("08:00", "17:00", false);
    nowhere.calendar.zone = "Europe/Atlantis".to_owned();
    assert!(one("", plan(nowhere)).await.unwrap_err().starts_with("time zone Europe/Atlantis: "));
}

#[tokio::test(start_paused = true)]
async fn a_gate_that_waits_looks_at_the_rest_when_its_window_opens() {
    let shop = Shop::of("").await;
    let shop = shop.with(vec![Condition::Window(window("09:20", "17:00", true)), secret(None)]);
    let clock = shop.place.sim.clock();
    let release = shop.run().await;
    let opened = release.timeline.iter().find(|line| line.text.contains("looked at again")).unwrap();
    assert_eq!(opened.at, START + Duration::from_mins(20));
    assert!(release.timeline.iter().any(|line| line.text.starts_with("gates waits: opens Fri 20 Nov 09:20 CET; ")));
    assert!(clock.now() >= opened.at);
    assert_eq!(found(release).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn going_past_a_window_is_shown_with_its_reason_and_by_whom() {
    let shop = Shop::of("").await.with(vec![Condition::Window(window("09:20", "17:00", true)), secret(None)]);
    let (plan, parts) = shop.parts();
    let (engine, hub, _stop) = Engine::begin(&mut |_| plan.clone(), parts).unwrap();
    let mut handle = hub.attach();
    let running = tokio::spawn(engine.run());
    let waits = |release: &Release| matches!(release.stages[0].work, Work::Until(_));
    while !waits(&handle.snapshot.borrow_and_update().release) {
        handle.snapshot.changed().await.unwrap();
    }
    let command = Command::Skip { reason: "hotfix 7".to_owned() };
    let receipt = handle.orders.send(Order { command, stage: None, by: maria(), seen: None }).await;
    assert!(matches!(receipt, Receipt::Accepted(_)), "{receipt:?}");
    let release = running.await.unwrap().unwrap().release;
    assert_eq!(release.stages[0].status, StageStatus::Passed);
    let results = found(release);
    assert_eq!(results[0].detail, "Fri 09:00 is outside mon,fri 09:20-17:00; gone past by maria: hotfix 7");
}

#[tokio::test(start_paused = true)]
async fn a_gate_opens_when_two_others_have_approved_from_their_terminals() {
    let mut shop = Shop::of("").await.with(vec![Condition::Alone]);
    if let StageKind::Gate(gate) = &mut shop.plan.stages[0].kind {
        let by = ["maria", "ken", "ann"].map(str::to_owned).to_vec();
        gate.approval = Some(ApprovalPlan { by, count: 2, not_requester: true, expires: Some(DAY) });
    }
    let (plan, parts) = shop.parts();
    let (engine, hub, _stop) = Engine::begin(&mut |_| plan.clone(), parts).unwrap();
    let [mut own, other] = [hub.attach(), hub.attach()];
    let running = tokio::spawn(engine.run());
    while own.snapshot.borrow_and_update().release.stages[0].work != Work::Confirming {
        own.snapshot.changed().await.unwrap();
    }
    let approve = |name: &str, host: &str| {
        let by = Actor::new(name, host);
        Order { command: Command::Approve { phrase: String::new() }, stage: None, by, seen: None }
    };
    assert!(matches!(own.orders.send(approve("maria", "bastion")).await, Receipt::Refused(_)), "her own release");
    assert!(matches!(other.orders.send(approve("ken", "bastion")).await, Receipt::Accepted(_)));
    assert!(matches!(other.orders.send(approve("ken", "laptop")).await, Receipt::Refused(_)), "one name, one voice");
    assert!(matches!(own.orders.send(approve("ann", "bastion")).await, Receipt::Accepted(_)));
    let release = running.await.unwrap().unwrap().release;
    assert_eq!(
        (release.stages[0].status, release.stages[0].note.as_str()),
        (StageStatus::Passed, "approved by ken, ann")
    );
}

#[tokio::test(start_paused = true)]
async fn a_throttled_look_is_tried_again_and_one_that_is_denied_is_told() {
    let throttled = "[[api_faults]]\nkind = \"throttling\"\nfor = \"20s\"\noperations = [\"DescribeSecret\"]\n";
    assert_eq!(one(throttled, secret(None)).await, ok("it is there"));
    let down = "[[api_faults]]\nkind = \"server-error\"\noperations = [\"DescribeImages\"]\n";
    let release = Shop::of(down).await.with(vec![image(None, OnMissing::Fail, 0)]).run().await;
    let note = &release.stages[0].note;
    assert!(note.starts_with("not done within its time-out of 120 s; last: ecr:DescribeImages: unavailable"), "{note}");
}
