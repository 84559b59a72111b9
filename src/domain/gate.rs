//! A gate: conditions that must hold, and people who must agree, before a release goes on.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::calendar::Calendar;
use super::check::HttpCheck;
use super::command::Actor;
use super::time::{Timestamp, millis};

/// What must hold, and who must agree.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GatePlan {
    /// What is looked at, in this order. A window that waits comes before all else.
    pub conditions: Vec<Condition>,
    /// The phrase a human must type, if any; whoever approves types it.
    pub confirm: Option<String>,
    /// Who must approve, if anybody must.
    #[serde(default)]
    pub approval: Option<ApprovalPlan>,
}

/// Something that must hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// Blue has all its wanted targets healthy, all the traffic, and no deployment under way.
    Healthy,
    /// None of the release's alarms is firing, or impossible to read.
    NoAlarms,
    /// No other release of the same component is unfinished.
    Alone,
    /// It is a time at which releases go out.
    Window(WindowPlan),
    /// An HTTP request is answered as it should be; relative paths are below blue's URL.
    Http(Box<HttpCheck>),
    /// A program of this host ends with exit code 0.
    Command(GateCommand),
    /// A backup is there and fresh.
    Backup(BackupPlan),
    /// The new image is in ECR, and its scan found nothing too bad.
    Image(ImagePlan),
    /// A secret is there, and rotates. Its value is never read.
    Secret(SecretPlan),
    /// What runs is what the configuration says.
    Drift(DriftPlan),
}

/// A time at which releases go out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowPlan {
    /// When.
    pub calendar: Calendar,
    /// Outside it the gate waits for the next opening instead of failing.
    pub wait: bool,
}

/// A program that only looks: it may be run again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateCommand {
    /// Its name in the table of results.
    pub name: String,
    /// Program and arguments; never through a shell.
    pub run: Vec<String>,
    /// Environment variables on top of the engine's own.
    pub env: BTreeMap<String, String>,
    /// Working directory.
    pub dir: Option<String>,
    /// It is ended, and has failed, when it runs longer.
    #[serde(with = "millis")]
    pub timeout: Duration,
}

/// A backup that must be there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupPlan {
    /// Where it is looked for.
    pub source: BackupSource,
    /// Its greatest age.
    #[serde(with = "millis")]
    pub fresher_than: Duration,
}

/// Where a backup is looked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BackupSource {
    /// The snapshots of an RDS database instance, by its identifier.
    Database(String),
    /// The snapshots of an Aurora or Multi-AZ cluster, by its identifier.
    Cluster(String),
    /// A program whose last line is the moment of the newest backup: RFC 3339, or seconds since 1970.
    Command(GateCommand),
}

impl BackupSource {
    /// What is backed up.
    pub fn what(&self) -> String {
        match self {
            Self::Database(name) => format!("database {name}"),
            Self::Cluster(name) => format!("cluster {name}"),
            Self::Command(command) => command.name.clone(),
        }
    }
}

/// The new image and its scan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImagePlan {
    /// Findings as bad as this, or worse, fail; `None` does not look at the scan.
    pub findings_below: Option<Risk>,
    /// What follows when there is no finished scan.
    pub on_missing: OnMissing,
    /// How long a scan that is under way is waited for.
    #[serde(with = "millis")]
    pub patience: Duration,
}

/// What follows when an image has no finished scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnMissing {
    /// The gate fails.
    Fail,
    /// The gate holds, and says that nothing was scanned.
    Pass,
}

/// How bad a finding of an image scan is, the worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Risk {
    /// Nobody has said yet.
    Undefined,
    /// Worth knowing.
    Informational,
    /// Low.
    Low,
    /// Medium.
    Medium,
    /// High.
    High,
    /// Critical.
    Critical,
}

impl Risk {
    /// Those that a configuration may name, with their words.
    pub const WORDS: [(&'static str, Self); 5] = [
        ("informational", Self::Informational),
        ("low", Self::Low),
        ("medium", Self::Medium),
        ("high", Self::High),
        ("critical", Self::Critical),
    ];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Undefined => "undefined",
            Self::Informational => "informational",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for Risk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A secret of Secrets Manager.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretPlan {
    /// Its name or ARN.
    pub name: String,
    /// It must have been rotated at most this long ago; `None` asks only that it is there.
    #[serde(default, with = "some_millis")]
    pub rotated_within: Option<Duration>,
}

/// What is held against what runs. The image, the weights and the number of tasks always are; the rest where the
/// configuration says what it should be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriftPlan {
    /// The deployment circuit breaker.
    pub circuit_breaker: Option<Breaker>,
    /// The least healthy percent of a deployment.
    pub min_healthy: Option<u32>,
    /// The greatest percent of a deployment.
    pub max_healthy: Option<u32>,
    /// The target groups' health check.
    pub health_check: HealthCheckPlan,
    /// Names of the variables and secrets that the container's environment must have.
    pub env: Vec<String>,
}

/// ECS's deployment circuit breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Breaker {
    /// It does nothing.
    Off,
    /// A deployment whose tasks keep failing is given up.
    Fail,
    /// … and the last one that worked is brought back.
    Rollback,
}

impl Breaker {
    /// All of them with their words.
    pub const WORDS: [(&'static str, Self); 3] =
        [("off", Self::Off), ("fail", Self::Fail), ("rollback", Self::Rollback)];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Fail => "fail",
            Self::Rollback => "rollback",
        }
    }
}

/// What a target group's health check should be, as far as it is said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthCheckPlan {
    /// The path asked for.
    pub path: Option<String>,
    /// The time between two checks.
    #[serde(default, with = "some_millis")]
    pub interval: Option<Duration>,
    /// A check fails when no answer came by then.
    #[serde(default, with = "some_millis")]
    pub timeout: Option<Duration>,
    /// Checks in a row that make a target healthy.
    pub healthy: Option<u32>,
    /// Failed checks in a row that make it unhealthy.
    pub unhealthy: Option<u32>,
}

/// Who must approve.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalPlan {
    /// Names of those who may; none at all means anybody.
    pub by: Vec<String>,
    /// How many of them must, 1 or more.
    pub count: u32,
    /// Whoever asked for the release does not count.
    pub not_requester: bool,
    /// An approval counts this long; `None` does not end.
    #[serde(default, with = "some_millis")]
    pub expires: Option<Duration>,
}

/// Somebody's approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Whose.
    pub by: Actor,
    /// When it was given.
    pub at: Timestamp,
}

/// What people have said to a gate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GateVoices {
    /// The approvals that count, oldest first, one for each name.
    pub approvals: Vec<Approval>,
    /// Who went past the window, and why.
    pub past_window: Option<String>,
    /// Who left the conditions out, and why. Approvals are still asked for.
    pub past_conditions: Option<String>,
}

impl GatePlan {
    /// Who must approve: as planned, or anybody who types the phrase; `None` when nobody is asked.
    pub fn asks(&self) -> Option<ApprovalPlan> {
        let anybody = || ApprovalPlan { by: Vec::new(), count: 1, not_requester: false, expires: None };
        self.approval.clone().or_else(|| self.confirm.as_ref().map(|_| anybody()))
    }

    /// One line for each condition, saying what it will look at, and one for those who are asked.
    pub fn describe(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.conditions.iter().map(Condition::describe).collect();
        lines.extend(self.approval.as_ref().map(ApprovalPlan::describe));
        lines.extend(self.confirm.as_ref().map(|phrase| format!("somebody types `{phrase}`")));
        lines
    }
}

impl Condition {
    /// Its name in the table of results.
    pub fn name(&self) -> String {
        match self {
            Self::Healthy => "blue is healthy".to_owned(),
            Self::NoAlarms => "alarms".to_owned(),
            Self::Alone => "no other release".to_owned(),
            Self::Window(_) => "deployment window".to_owned(),
            Self::Http(check) => check.name.clone(),
            Self::Command(command) => command.name.clone(),
            Self::Backup(backup) => format!("backup of {}", backup.source.what()),
            Self::Image(_) => "image".to_owned(),
            Self::Secret(secret) => format!("secret {}", secret.name),
            Self::Drift(_) => "drift".to_owned(),
        }
    }

    /// What it will look at, in one line.
    pub fn describe(&self) -> String {
        match self {
            Self::Healthy => "blue has all targets healthy, all traffic, and no deployment under way".to_owned(),
            Self::NoAlarms => "no alarm of the release fires or cannot be read".to_owned(),
            Self::Alone => "no other release of this component is unfinished".to_owned(),
            Self::Window(window) => {
                let then = if window.wait { "else it waits for the next opening" } else { "else it fails" };
                format!("it is within {}; {then}", window.calendar.describe())
            }
            Self::Http(check) => format!("{}: {check}", check.name),
            Self::Command(command) => {
                format!(
                    "{}: `{}` ends with 0 within {} s",
                    command.name,
                    command.run.join(" "),
                    seconds(command.timeout)
                )
            }
            Self::Backup(backup) => {
                format!("the newest backup of {} is at most {} old", backup.source.what(), age(backup.fresher_than))
            }
            Self::Image(image) => match image.findings_below {
                Some(risk) => format!("the new image is in ECR, and its scan found nothing {risk} or worse"),
                None => "the new image is in ECR".to_owned(),
            },
            Self::Secret(secret) => match secret.rotated_within {
                Some(within) => format!("secret {} is there and was rotated within {}", secret.name, age(within)),
                None => format!("secret {} is there", secret.name),
            },
            Self::Drift(_) => "what runs is what the configuration says".to_owned(),
        }
    }
}

impl ApprovalPlan {
    /// Who is asked, in one line.
    pub fn describe(&self) -> String {
        let many = if self.count == 1 { "1 approval".to_owned() } else { format!("{} approvals", self.count) };
        let of = if self.by.is_empty() { "anybody".to_owned() } else { self.by.join(", ") };
        let but = if self.not_requester { ", not of whoever asked for the release" } else { "" };
        let lasting = self.expires.map(|expires| format!("; one counts for {}", age(expires))).unwrap_or_default();
        format!("{many} of {of}{but}{lasting}")
    }
}

/// A long span as people say it: `20 days`, `5 h`, `40 min`, `12 s`; rounded down.
pub fn age(span: Duration) -> String {
    let (minutes, hours) = (span.as_secs() / 60, span.as_secs() / 3_600);
    match (hours, minutes) {
        (49.., _) => format!("{} days", hours / 24),
        (2.., _) => format!("{hours} h"),
        (_, 2..) => format!("{minutes} min"),
        _ => format!("{} s", span.as_secs()),
    }
}

fn seconds(span: Duration) -> u64 {
    span.as_secs()
}

/// Serde for spans that may be missing, as whole milliseconds.
mod some_millis {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[expect(clippy::ref_option, reason = "serde gives a reference to the field")]
    pub(super) fn serialize<S: Serializer>(span: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        span.map(|span| u64::try_from(span.as_millis()).unwrap_or(u64::MAX)).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<u64>::deserialize(deserializer)?.map(Duration::from_millis))
    }
}
