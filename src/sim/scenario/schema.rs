//! The keys of a scenario file and what they are when left out.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::api_faults::ApiFault;
use super::codedeploy::CodeDeploy;
use super::span::{self, Percent};

/// Everything a scenario file may say.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Schema {
    pub(crate) summary: String,
    #[serde(with = "span")]
    pub(crate) history: Duration,
    pub(crate) aws: Aws,
    pub(crate) app: App,
    pub(crate) page: Vec<Page>,
    pub(crate) service: Vec<Service>,
    pub(crate) codedeploy: Option<CodeDeploy>,
    pub(crate) rule: Vec<Rule>,
    pub(crate) health_check: HealthCheck,
    pub(crate) tasks: Tasks,
    pub(crate) one_off: OneOff,
    pub(crate) hook: Vec<Hook>,
    pub(crate) traffic: Traffic,
    pub(crate) old: Profile,
    pub(crate) new: Profile,
    pub(crate) dependency: Vec<Dependency>,
    pub(crate) metrics: Metrics,
    pub(crate) alarm: Option<Vec<Alarm>>,
    pub(crate) logs: Logs,
    pub(crate) consistency: Consistency,
    pub(crate) estate: Estate,
    pub(crate) api_faults: Vec<ApiFault>,
}

impl Default for Schema {
    fn default() -> Self {
        let service = |name: &str, desired| Service {
            name: name.to_owned(),
            desired,
            test_host: name.strip_prefix("api-").map(|side| format!("{side}.api.shop.test")),
            ..Service::default()
        };
        Self {
            summary: String::new(),
            history: Duration::from_mins(15),
            aws: Aws::default(),
            app: App::default(),
            page: Vec::new(),
            service: vec![service("api-blue", 6), service("api-green", 0)],
            codedeploy: None,
            rule: Vec::new(),
            health_check: HealthCheck::default(),
            tasks: Tasks::default(),
            one_off: OneOff::default(),
            hook: Vec::new(),
            traffic: Traffic::default(),
            old: Profile::default(),
            new: Profile::default(),
            dependency: Vec::new(),
            metrics: Metrics::default(),
            alarm: None,
            logs: Logs::default(),
            consistency: Consistency::default(),
            estate: Estate::default(),
            api_faults: Vec::new(),
        }
    }
}

impl Schema {
    /// Every target group and the host that leads to it alone: each service's own, then its alternate one.
    pub(crate) fn groups(&self) -> impl Iterator<Item = (&str, &Option<String>)> {
        self.service.iter().flat_map(|service| {
            let alternate = service.alternate_target_group.as_deref().map(|name| (name, &service.alternate_test_host));
            std::iter::once((service.target_group(), &service.test_host)).chain(alternate)
        })
    }

    /// Without rules of its own, a world sends its users to the first service.
    pub(super) fn complete(&mut self) {
        if self.rule.is_empty() {
            let weights = self.groups().enumerate();
            let weights = weights.map(|(index, (group, _))| (group.to_owned(), if index == 0 { 100 } else { 0 }));
            self.rule = vec![Rule { host: Some(self.app.host.clone()), path: None, weights: weights.collect() }];
        }
    }
}

impl Service {
    /// The target group's name: the service's own unless given.
    pub(crate) fn target_group(&self) -> &str {
        self.target_group.as_deref().unwrap_or(&self.name)
    }
}

/// Declares tables whose keys all have defaults.
macro_rules! tables {
    ($($(#[$meta:meta])* $name:ident { $($(#[$attr:meta])* $field:ident: $kind:ty = $default:expr),+ $(,)? })+) => { $(
        $(#[$meta])*
        #[derive(Clone, Debug, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub(crate) struct $name { $($(#[$attr])* pub(crate) $field: $kind,)+ }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)+ }
            }
        }
    )+ };
}

tables! {
    /// The account and its resources' names.
    Aws {
        account: String = "123456789012".to_owned(),
        region: String = "eu-west-1".to_owned(),
        cluster: String = "shop".to_owned(),
        load_balancer: String = "shop".to_owned(),
        topic: String = "releases".to_owned(),
        database: String = "shop".to_owned(),
    }

    /// The application.
    App {
        family: String = "api".to_owned(),
        container: String = "api".to_owned(),
        port: u16 = 8080,
        repository: String = "api".to_owned(),
        tag: String = "4f2c1e9".to_owned(),
        env: BTreeMap<String, String> = BTreeMap::from([("LOG_LEVEL".to_owned(), "info".to_owned())]),
        log_group: String = "/ecs/api".to_owned(),
        host: String = "api.shop.test".to_owned(),
        site: String = "https://shop.example".to_owned(),
        https_redirect: bool = true,
        test_port: u16 = 8443,
        test_header: String = "x-release".to_owned(),
        certificate: Credential = Credential::Valid,
        certificate_days: u32 = 90,
    }

    /// An ECS service behind a target group of its own.
    Service {
        name: String = "api".to_owned(),
        target_group: Option<String> = None,
        alternate_target_group: Option<String> = None,
        test_host: Option<String> = None,
        alternate_test_host: Option<String> = None,
        desired: u32 = 1,
        minimum_healthy_percent: u32 = 100,
        maximum_percent: u32 = 200,
        circuit_breaker: Breaker = Breaker::Fail,
        #[serde(with = "span")] grace: Duration = Duration::from_mins(1),
    }

    /// A place that the application has beside its own.
    Page {
        path: String = "/".to_owned(),
        method: String = "GET".to_owned(),
        status: u16 = 200,
        headers: BTreeMap<String, String> = BTreeMap::new(),
        body: String = String::new(),
    }

    /// A listener rule, by priority in the order written.
    Rule {
        host: Option<String> = None,
        path: Option<String> = None,
        weights: BTreeMap<String, u32> = BTreeMap::new(),
    }

    /// How target groups check their targets.
    HealthCheck {
        path: String = "/healthz".to_owned(),
        #[serde(with = "span")] interval: Duration = Duration::from_secs(10),
        #[serde(with = "span")] timeout: Duration = Duration::from_secs(5),
        healthy: u32 = 2,
        unhealthy: u32 = 3,
        #[serde(with = "span")] deregistration_delay: Duration = Duration::from_secs(30),
    }

    /// How long a task takes from one state to the next; each is stretched by up to a third, by chance.
    Tasks {
        #[serde(with = "span")] provisioning: Duration = Duration::from_secs(5),
        #[serde(with = "span")] pending: Duration = Duration::from_secs(9),
        #[serde(with = "span")] activating: Duration = Duration::from_secs(2),
        #[serde(with = "span")] stopping: Duration = Duration::from_secs(3),
        #[serde(with = "span")] deprovisioning: Duration = Duration::from_secs(4),
    }

    /// Tasks started on their own, such as migrations.
    OneOff {
        #[serde(rename = "for", with = "span")] lasting: Duration = Duration::from_secs(12),
        exit_code: i32 = 0,
        only: Option<String> = None,
        log: Vec<String> = vec!["migration 0042_add_order_index applied".to_owned()],
    }

    /// What a function of a lifecycle hook answers, call by call.
    Hook {
        function: String = String::new(),
        results: Vec<String> = vec!["SUCCEEDED".to_owned()],
    }

    /// What users do.
    Traffic {
        rate: f64 = 300.0,
        drift: Percent = Percent::new(10.0),
        #[serde(with = "span")] drift_period: Duration = Duration::from_hours(1),
        burst: f64 = 1.6,
        #[serde(with = "span")] burst_every: Duration = Duration::from_mins(10),
        #[serde(with = "span")] burst_for: Duration = Duration::from_secs(15),
    }

    /// How one version behaves.
    Profile {
        #[serde(with = "span")] latency_p50: Duration = Duration::from_millis(80),
        #[serde(with = "span")] latency_p99: Duration = Duration::from_millis(600),
        errors: Percent = Percent::new(0.1),
        client_errors: Percent = Percent::new(1.0),
        #[serde(with = "span")] boot: Duration = Duration::from_secs(6),
        health_check_failures: Percent = Percent::new(0.0),
        cpu: Percent = Percent::new(41.0),
        memory: Percent = Percent::new(58.0),
        memory_growth: Percent = Percent::new(0.0),
        db_pool: Percent = Percent::new(34.0),
        cold_start: Option<ColdStart> = None,
        crash: Option<Crash> = None,
        answers: Answers = Answers::default(),
    }

    /// What one version answers those who look closely: browsers, and checks.
    Answers {
        version: Option<String> = None,
        #[serde(with = "span")] time_off: Duration = Duration::ZERO,
        #[serde(with = "span")] delay: Duration = Duration::ZERO,
        database: String = "ok".to_owned(),
        login_host: String = "accounts.google.com".to_owned(),
        callback_host: Option<String> = None,
        cookie: String = "HttpOnly; Secure; SameSite=Lax".to_owned(),
        without_headers: Vec<String> = Vec::new(),
        cors: bool = true,
    }

    /// A version that is slow until it has warmed up.
    ColdStart {
        #[serde(rename = "for", with = "span")] lasting: Duration = Duration::from_secs(90),
        factor: f64 = 4.0,
    }

    /// A version whose process ends by itself.
    Crash {
        #[serde(with = "span")] after: Duration = Duration::from_secs(4),
        exit_code: i32 = 1,
        log: Vec<String> = vec!["fatal: cannot read configuration key PAYMENTS_URL".to_owned()],
    }

    /// A time in which something that every version needs goes wrong.
    Dependency {
        name: String = "payments".to_owned(),
        #[serde(with = "span")] at: Duration = Duration::ZERO,
        #[serde(rename = "for", with = "span")] lasting: Duration = Duration::from_mins(3),
        errors: Percent = Percent::new(0.0),
        latency: f64 = 1.0,
    }

    /// When datapoints can be seen, counted from the end of their period.
    Metrics {
        #[serde(with = "span")] delay_min: Duration = Duration::from_secs(2),
        #[serde(with = "span")] delay_max: Duration = Duration::from_mins(1),
        #[serde(with = "span")] high_resolution_delay: Duration = Duration::from_secs(4),
    }

    /// A metric alarm.
    Alarm {
        name: String = String::new(),
        description: String = String::new(),
        expression: Option<String> = None,
        metric: Vec<AlarmMetric> = Vec::new(),
        comparison: Compare = Compare::Above,
        threshold: f64 = 0.0,
        periods: u32 = 3,
        datapoints: Option<u32> = None,
        missing: Gaps = Gaps::Missing,
    }

    /// A metric that an alarm looks at.
    AlarmMetric {
        id: String = "m1".to_owned(),
        namespace: String = String::new(),
        name: String = String::new(),
        dimensions: BTreeMap<String, String> = BTreeMap::new(),
        stat: String = "Average".to_owned(),
        #[serde(with = "span")] period: Duration = Duration::from_mins(1),
    }

    /// What the application logs.
    Logs {
        requests: Percent = Percent::new(10.0),
        #[serde(with = "span")] delay: Duration = Duration::from_millis(1_500),
        hostile: bool = false,
    }

    /// How long reads may show what was true before a write.
    Consistency {
        #[serde(with = "span")] services: Duration = Duration::ZERO,
        #[serde(with = "span")] rules: Duration = Duration::ZERO,
        #[serde(with = "span")] tasks: Duration = Duration::ZERO,
    }
}

tables! {
    /// What lies around the service.
    Estate {
        image: Option<Vec<EstateImage>> = None,
        secret: Vec<EstateSecret> = vec![EstateSecret::default()],
        snapshot: Vec<EstateSnapshot> = vec![EstateSnapshot::default()],
        backup_retention_days: u32 = 7,
        flags: Vec<EstateFlags> = Vec::new(),
        lock_table: Vec<EstateLockTable> = vec![EstateLockTable::default()],
    }

    /// A table of DynamoDB for leases.
    EstateLockTable {
        name: String = "cutover-locks".to_owned(),
        key: String = "LockID".to_owned(),
        key_type: String = "S".to_owned(),
    }

    /// An application of AppConfig with one environment and one profile of feature flags.
    EstateFlags {
        application: String = "shop".to_owned(),
        environment: String = "production".to_owned(),
        profile: String = "features".to_owned(),
        flags: Vec<String> = vec!["checkout".to_owned()],
        on: Vec<String> = Vec::new(),
        alarmed: bool = false,
    }

    /// An image of a repository.
    EstateImage {
        repository: Option<String> = None,
        tag: String = "9ab03d7".to_owned(),
        digest: Option<String> = None,
        #[serde(with = "span::age")] pushed: Duration = Duration::from_hours(1),
        scan: Scanned = Scanned::Complete,
        #[serde(with = "span")] scan_for: Duration = Duration::from_secs(40),
        findings: BTreeMap<String, u32> = BTreeMap::from([("LOW".to_owned(), 3)]),
    }

    /// A secret.
    EstateSecret {
        name: String = "shop/api/database".to_owned(),
        rotation: bool = true,
        rotation_days: u32 = 30,
        #[serde(with = "span::age")] rotated: Duration = Duration::from_hours(20 * 24),
        never_rotated: bool = false,
        #[serde(with = "span::age")] created: Duration = Duration::from_hours(365 * 24),
        deleted: bool = false,
    }

    /// A snapshot of a database.
    EstateSnapshot {
        database: Option<String> = None,
        cluster: Option<String> = None,
        status: String = "available".to_owned(),
        manual: bool = false,
        #[serde(with = "span::age")] age: Duration = Duration::from_hours(5),
    }
}

/// How far the scan of an image has come when the scenario begins.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Scanned {
    Complete,
    InProgress,
    Failed,
    Unsupported,
    None,
}

/// What ECS does when the tasks of a deployment keep failing.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Breaker {
    Off,
    Fail,
    Rollback,
}

/// What the load balancer's certificate is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Credential {
    Valid,
    Expired,
    NotYetValid,
    WrongHost,
    UnknownIssuer,
}

/// How an alarm compares.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Compare {
    Above,
    AtLeast,
    Below,
    AtMost,
}

/// What periods without a datapoint count as.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Gaps {
    Missing,
    Ignore,
    Breaching,
    NotBreaching,
}
