//! The checks of the example configuration against the simulated application on this machine's own sockets: real HTTP,
//! real TLS, and one fault at a time.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking, in their helpers too")]

use std::path::Path;
use std::time::Duration;

use cutover::clock::Clock;
use cutover::cloud::Cloud as _;
use cutover::cloud::aws::Aws;
use cutover::config::{Config, Request};
use cutover::domain::check::{HttpCheck, evaluate, unanswered};
use cutover::domain::components::{ComponentIndex, Components};
use cutover::domain::effect::CheckResult;
use cutover::domain::ids::{ReleaseId, Version};
use cutover::domain::plan::StageKind;
use cutover::sim::app::AppServer;
use cutover::sim::{Scenario, Sim};
use cutover::web::Web as _;
use cutover::web::client::Client;

const CONFIG: &str = include_str!("../config.example.toml");
const IMAGE: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/api:4f2c1e9";

/// Both sides run the version that the world starts with: what is wrong with it is wrong with green.
const WORLD: &str = r#"
history = "1m"

[[service]]
name = "api-blue"
desired = 2
test_host = "blue.api.shop.test"

[[service]]
name = "api-green"
desired = 2
test_host = "green.api.shop.test"
"#;

/// The application, a client that trusts it, and the checks.
struct Shop {
    clock: Clock,
    web: Client,
    checks: Vec<HttpCheck>,
    _app: AppServer,
}

impl Shop {
    /// The world with a fault in it: more of the scenario.
    async fn with(fault: &str) -> Self {
        Self::reached(fault, r#"via = "url""#).await
    }

    /// The same, with green reached in this way.
    async fn reached(fault: &str, via: &str) -> Self {
        Self::in_world(&format!("{WORLD}\n{fault}"), via).await
    }

    async fn in_world(world: &str, via: &str) -> Self {
        let clock = Clock::system();
        let sim = Sim::new(Scenario::parse("test", world).unwrap(), 3, clock);
        let app = sim.serve_app().await.unwrap();
        let doors = app.doors();
        let web = Client::within(clock, app.authority().der.clone(), move |host, port| {
            let door = doors.iter().find(|(known, _)| *known == port).map(|(_, address)| *address);
            door.filter(|_| host.ends_with(".shop.test"))
        });
        assert!(CONFIG.contains("via = \"url\"\n"));
        let text = CONFIG.replace("via = \"url\"\n", &format!("{via}\n")).replace("# tasks = 6\n", "tasks = 2\n");
        let config = Config::read("config.example.toml", &text, Path::new(".")).unwrap();
        let lineup = config.lineup("demo", None).unwrap();
        let context = config.context("demo", &lineup).unwrap();
        let cluster = &context.clusters[ComponentIndex::FIRST];
        let aws = Aws::simulated(sim.http_client(), clock, &context.place.region, cluster);
        let survey = aws.survey(context.targets[ComponentIndex::FIRST].as_ref().unwrap()).await.unwrap();
        let request = Request {
            environment: "demo",
            components: &lineup,
            versions: &Components::one(Version(IMAGE.to_owned())),
            serving: &Components::one(None),
            release: ReleaseId(1),
        };
        let plan = config.plan(&request, &Components::one(Some(survey))).unwrap();
        let checks = plan.stages.into_iter().find_map(|stage| match stage.kind {
            StageKind::Smoke(checks) => Some(checks),
            _ => None,
        });
        Self { clock, web, checks: checks.unwrap(), _app: app }
    }

    fn check(&self, name: &str) -> HttpCheck {
        self.checks.iter().find(|check| check.name == name).unwrap_or_else(|| panic!("no check {name}")).clone()
    }

    async fn hold(&self, check: &HttpCheck) -> Vec<CheckResult> {
        match self.web.fetch(&check.request, check.timeout).await {
            Ok(answer) => evaluate(check, &answer, self.clock.now()),
            Err(error) => vec![unanswered(check, &error, self.clock.now())],
        }
    }

    /// What fails of a check, in words.
    async fn failures(&self, name: &str) -> Vec<String> {
        let results = self.hold(&self.check(name)).await;
        assert!(!results.is_empty());
        results.iter().filter(|result| !result.passed).map(ToString::to_string).collect()
    }
}

/// Blue, to which users' requests go, has no task.
fn nobody_serves_users() -> String {
    WORLD.replacen("desired = 2", "desired = 0", 1)
}

/// The one check that fails, and everything it says; all the others pass.
async fn only(fault: &str, name: &str) -> Vec<String> {
    let shop = Shop::with(fault).await;
    for check in shop.checks.iter().filter(|check| check.name != name) {
        assert_eq!(shop.failures(&check.name).await, Vec::<String>::new(), "{fault}");
    }
    shop.failures(name).await
}

#[tokio::test]
async fn a_good_application_passes_every_check() {
    let shop = Shop::with("").await;
    let mut results = Vec::new();
    for check in &shop.checks {
        results.extend(shop.hold(check).await);
    }
    let failed: Vec<String> = results.iter().filter(|one| !one.passed).map(ToString::to_string).collect();
    assert_eq!(failed, Vec::<String>::new());
    let (passed, all) = CheckResult::tally(&results);
    assert!(passed == all && all >= 10, "{passed} of {all}");
    assert!(results.iter().all(|one| one.took.is_some() && !one.wanted.is_empty() && !one.detail.is_empty()));
}

#[tokio::test]
async fn an_expired_certificate() {
    let said = Shop::with("[app]\ncertificate = \"expired\"").await.failures("certificate").await;
    assert_eq!(said.len(), 1);
    assert!(said[0].starts_with("certificate: certificate expired 3 days ago ("), "{said:?}");
    assert!(said[0].ends_with("wanted valid for green.api.shop.test"), "{said:?}");
}

#[tokio::test]
async fn a_certificate_for_another_host() {
    let said = Shop::with("[app]\ncertificate = \"wrong-host\"").await.failures("health").await;
    assert_eq!(said, ["health: certificate for www.elsewhere.test, wanted valid for green.api.shop.test"]);
}

#[tokio::test]
async fn a_certificate_from_an_unknown_issuer() {
    let said = Shop::with("[app]\ncertificate = \"unknown-issuer\"").await.failures("health").await;
    assert_eq!(said, ["health: certificate from an unknown issuer: Nobody, wanted valid for green.api.shop.test"]);
}

#[tokio::test]
async fn a_certificate_that_does_not_hold_yet() {
    let said = Shop::with("[app]\ncertificate = \"not-yet-valid\"").await.failures("health").await;
    assert!(said[0].starts_with("health: certificate holds only from "), "{said:?}");
}

#[tokio::test]
async fn a_certificate_near_its_end() {
    let said = only("[app]\ncertificate_days = 5", "certificate").await;
    assert!(said[0].contains(" days, from Simulated Authority, wanted 14 days left"), "{said:?}");
}

#[tokio::test]
async fn a_sign_in_that_leads_elsewhere() {
    let said = only("[old.answers]\nlogin_host = \"accounts.evil.test\"", "sign-in").await;
    assert_eq!(said, ["sign-in: to host accounts.evil.test, wanted accounts.google.com"]);
}

#[tokio::test]
async fn a_sign_in_that_comes_back_elsewhere() {
    let said = only("[old.answers]\ncallback_host = \"old.shop.test\"", "sign-in").await;
    let wanted = "wanted https://api.shop.test/auth/google/callback";
    assert_eq!(said, [format!("sign-in: redirect_uri https://old.shop.test/auth/google/callback, {wanted}")]);
}

#[tokio::test]
async fn a_cookie_without_its_flag() {
    let said = only("[old.answers]\ncookie = \"HttpOnly; Secure\"", "session").await;
    assert_eq!(said, ["session: cookie session HttpOnly, Secure, wanted HttpOnly, Secure, SameSite=Lax"]);
}

#[tokio::test]
async fn a_security_header_that_is_missing() {
    let said = only("[old.answers]\nwithout_headers = [\"X-Frame-Options\"]", "browsers").await;
    assert_eq!(said, ["browsers: x-frame-options missing, wanted DENY or SAMEORIGIN"]);
}

#[tokio::test]
async fn a_version_that_is_another() {
    let said = only("[old.answers]\nversion = \"0ldv3rs\"", "version").await;
    assert_eq!(said, ["version: /version \"0ldv3rs\", wanted \"4f2c1e9\""]);
}

#[tokio::test]
async fn a_time_that_is_long_past() {
    let said = only("[old.answers]\ntime_off = \"10m\"", "version").await;
    assert_eq!(said.len(), 1);
    assert!(said[0].ends_with("Z\", 10 min ago, wanted a moment within 60 s of now"), "{said:?}");
}

#[tokio::test]
async fn a_database_that_is_not_ready() {
    let said = only("[old.answers]\ndatabase = \"starting\"", "database").await;
    assert_eq!(said.len(), 2);
    assert!(said[0].starts_with("database: status 503: {\"database\":\"starting\""), "{said:?}");
    assert_eq!(said[1], "database: /database \"starting\", wanted \"ok\"");
}

#[tokio::test]
async fn an_origin_that_is_kept_out() {
    let said = only("[old.answers]\ncors = false", "our pages").await;
    let wanted = "our pages: allowed origin no origin, wanted https://shop.example";
    assert_eq!(said, [wanted, "our pages: cookies across origins missing, wanted true"]);
}

#[tokio::test]
async fn plain_http_that_goes_nowhere() {
    let said = only("[app]\nhttps_redirect = false", "https").await;
    let statuses = "301, 302, 303, 307 or 308";
    assert_eq!(
        said,
        [
            format!("https: redirect 200, wanted {statuses}"),
            "https: location missing, wanted a place to go to".to_owned()
        ]
    );
}

#[tokio::test]
async fn an_answer_that_is_slow() {
    let shop = Shop::with("[old.answers]\ndelay = \"300ms\"").await;
    let mut check = shop.check("health");
    check.expect.max_time = Some(Duration::from_millis(250));
    let failed: Vec<CheckResult> = shop.hold(&check).await.into_iter().filter(|one| !one.passed).collect();
    assert_eq!(failed.len(), 1);
    assert_eq!((failed[0].aspect.as_str(), failed[0].wanted.as_str()), ("time", "at most 250 ms"));
    assert!(failed[0].took.unwrap() >= Duration::from_millis(300));
    check.timeout = Duration::from_millis(100);
    assert_eq!(
        shop.hold(&check).await[0].to_string(),
        "health: answer no whole answer within 100 ms, wanted within 100 ms"
    );
}

#[tokio::test]
async fn a_side_without_tasks_does_not_answer() {
    let world = WORLD.replace("name = \"api-green\"\ndesired = 2", "name = \"api-green\"\ndesired = 0");
    let shop = Shop::in_world(&world, "via = \"url\"").await;
    let said = shop.failures("health").await;
    assert!(said[0].starts_with("health: answer connection lost: "), "{said:?}");
}

#[tokio::test]
async fn green_is_reached_by_test_listener_or_header() {
    for via in ["via = { port = 8443 }", "via = { header = \"X-Release\", value = \"green\" }"] {
        let shop = Shop::in_world(&nobody_serves_users(), via).await;
        let check = shop.check("version");
        assert!(check.request.url.starts_with("https://api.shop.test"), "{}", check.request.url);
        for name in ["version", "https", "certificate", "session"] {
            assert_eq!(shop.failures(name).await, Vec::<String>::new(), "{via}");
        }
    }
    let astray = "via = { header = \"X-Release\", value = \"blue\" }";
    let said = Shop::in_world(&nobody_serves_users(), astray).await.failures("health").await;
    assert_eq!(said[0], "health: status 503: nobody answers behind it, wanted 200");
}

#[tokio::test]
async fn green_is_reached_by_address() {
    let shop = Shop::reached("", "via = { address = \"green.api.shop.test:443\" }").await;
    let check = shop.check("version");
    assert_eq!(check.request.url, "https://api.shop.test/version");
    assert_eq!(check.request.connect.as_deref(), Some("green.api.shop.test:443"));
    for name in ["version", "https", "certificate"] {
        assert_eq!(shop.failures(name).await, Vec::<String>::new());
    }
}
