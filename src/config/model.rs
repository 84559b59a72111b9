//! A configuration, read and checked. Names refer to what is there; nothing is left to resolve but the world itself.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::channel::Channel;
use super::gate::Gate;
use super::policy::PolicyRules;
pub use super::site::{Service, Site};
use super::template::Template;
use crate::domain::alarm::Wish;
use crate::domain::check::{CertificateRule, CookieRule, CorsRule, JsonRule, RetryOn, SecurityHeader, StatusRange};
use crate::domain::ids::{AlarmName, ComponentName, EnvironmentName, StageName};
use crate::domain::log::request::RequestLog;
use crate::domain::notice::PageStatus;
use crate::domain::plan::{CleanupPlan, Definition, Driver, OnFailure, ReportLimit, RollbackPlan, ShiftPlan, WaitPlan};
use crate::domain::signal::SignalPlan;

/// Everything that a configuration says.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The file it was read from, as it was named.
    pub file: String,
    /// Where releases go.
    pub environments: BTreeMap<EnvironmentName, Environment>,
    /// The stages of releases, by the pipeline's name.
    pub pipelines: BTreeMap<String, Pipeline>,
    /// Where messages go.
    pub channels: BTreeMap<String, Channel>,
    /// How the engine works.
    pub engine: Engine,
    /// How the cockpit looks.
    pub screen: Screen,
    /// Who may do what; `None` leaves it to the credentials.
    pub policy: Option<PolicyRules>,
    /// Nothing may be changed, in any environment.
    pub read_only: bool,
}

/// One environment with its components, its own settings laid over the common ones.
#[derive(Clone, Debug, PartialEq)]
pub struct Environment {
    /// It looks different, and its releases ask for a typed phrase.
    pub production: bool,
    /// Nothing may be changed in it.
    pub read_only: bool,
    /// Twelve-digit AWS account.
    pub account: String,
    /// AWS region.
    pub region: String,
    /// Profile of the AWS configuration to take credentials from; `None` leaves it to the AWS environment.
    pub profile: Option<String>,
    /// Role to assume, by ARN.
    pub role: Option<String>,
    /// DynamoDB table in which hosts lock what they release; `None` leaves hosts with journals of their own alone.
    pub lock_table: Option<String>,
    /// The phrase that the pipeline's first gate asks for, unless it has one of its own.
    pub confirm: Option<Template>,
    /// What is released here.
    pub components: BTreeMap<ComponentName, Component>,
    /// The stages of each pipeline that has other ones here, by its name.
    pub stages: BTreeMap<String, Vec<Stage>>,
    /// Alarms that are made in CloudWatch.
    pub alarms: Vec<Wish>,
}

/// One component in one environment.
#[derive(Clone, Debug, PartialEq)]
pub struct Component {
    /// The way traffic is shifted.
    pub driver: Driver,
    /// Base URL that users ask, without a slash at its end.
    pub url: Option<String>,
    /// Where it runs; `None` when the pipeline's programs alone release it.
    pub site: Option<Site>,
    /// Log groups to tail.
    pub logs: Vec<String>,
    /// How its tasks write of requests in them.
    pub requests: RequestLog,
    /// Alarms that block a release before it begins and roll it back afterwards.
    pub alarms: Vec<AlarmName>,
    /// Name of its pipeline.
    pub pipeline: String,
    /// What is measured and judged.
    pub signals: Vec<SignalPlan>,
    /// Names of the channels that are told.
    pub notify: Vec<String>,
    /// How a rollback is done.
    pub rollback: RollbackPlan,
    /// Names of environment variables whose values are masked everywhere.
    pub secrets: Vec<String>,
}

/// The stages of a release, in order.
#[derive(Clone, Debug, PartialEq)]
pub struct Pipeline {
    /// What is released together, in the order in which traffic is brought back; empty for whichever component names the
    /// pipeline.
    pub components: Vec<ComponentName>,
    /// The stages. Never empty.
    pub stages: Vec<Stage>,
}

/// One stage.
#[derive(Clone, Debug, PartialEq)]
pub struct Stage {
    /// Its name, unique in the pipeline.
    pub name: StageName,
    /// The component that it is about, where the pipeline has several.
    pub component: Option<ComponentName>,
    /// The stages that it comes after; `None` for the one before it.
    pub after: Option<Vec<StageName>>,
    /// How long its work may take.
    pub timeout: Duration,
    /// What its failure leads to.
    pub on_failure: OnFailure,
    /// What it does.
    pub work: StageWork,
}

/// What a stage does.
#[derive(Clone, Debug, PartialEq)]
pub enum StageWork {
    /// Conditions that must hold, and people who must agree.
    Gate(Box<Gate>),
    /// An image built and pushed.
    Build {
        /// What builds it.
        command: Command,
        /// The repository that its digest is of.
        repository: Template,
    },
    /// A program on this host.
    Command(Command),
    /// A task that ECS runs once.
    Task(Task),
    /// A migration.
    Migrate(Box<Migration>),
    /// Green brought up.
    Deploy,
    /// HTTP checks against green.
    Smoke(Checks),
    /// Requests that wake green up.
    WarmUp {
        /// Paths below the URL that reaches green.
        paths: Vec<Template>,
        /// How they reach green.
        via: Via,
        /// Authorities of their own.
        ca_file: Option<Template>,
        /// How many in all.
        requests: u32,
        /// How many at once.
        at_once: u32,
        /// When one is given up.
        timeout: Duration,
    },
    /// A load test.
    Load {
        /// The tool.
        command: Command,
        /// The file of its report.
        report: Option<Template>,
        /// What must hold.
        limits: Vec<ReportLimit>,
    },
    /// Traffic moved step by step.
    Shift(ShiftPlan),
    /// A feature switched on, and off on the way back.
    Flag(Flag),
    /// Green watched at full weight.
    Verify {
        /// How long.
        watch: Duration,
        /// Checks before the watch begins.
        checks: Checks,
    },
    /// A message to the component's channels.
    Notify,
    /// What the component's status pages say.
    StatusPage(PageStatus),
    /// Time that passes.
    Wait(WaitPlan),
    /// The old side taken down after a hold.
    Cleanup(CleanupPlan),
}

impl StageWork {
    /// Whether it acts on a component's services, so that it is of no use without them.
    pub fn needs_site(&self) -> bool {
        match self {
            Self::Deploy | Self::WarmUp { .. } | Self::Shift(_) | Self::Task(_) | Self::Cleanup(_) => true,
            Self::Migrate(migration) => migration.jobs().any(|job| matches!(job, Job::Task(_))),
            Self::Gate(_)
            | Self::Build { .. }
            | Self::Command(_)
            | Self::Smoke(_)
            | Self::Load { .. }
            | Self::Flag(_)
            | Self::Verify { .. }
            | Self::Notify
            | Self::StatusPage(_)
            | Self::Wait(_) => false,
        }
    }

    /// Whether it runs the new task definition, which it registers if that was not done before.
    pub fn registers(&self) -> bool {
        let is_new = |task: &Task| task.definition == Definition::New;
        match self {
            Self::Deploy => true,
            Self::Task(task) => is_new(task),
            Self::Migrate(migration) => migration.jobs().any(|job| matches!(job, Job::Task(task) if is_new(task))),
            _ => false,
        }
    }

    /// The programs that it runs on this host.
    pub fn commands(&self) -> Vec<&Command> {
        match self {
            Self::Build { command, .. }
            | Self::Load { command, .. }
            | Self::Command(command)
            | Self::Flag(Flag::Command(command)) => vec![command],
            Self::Migrate(migration) => migration.jobs().filter_map(Job::command).collect(),
            Self::Gate(_)
            | Self::Task(_)
            | Self::Deploy
            | Self::Smoke(_)
            | Self::WarmUp { .. }
            | Self::Shift(_)
            | Self::Flag(Flag::AppConfig(_))
            | Self::Verify { .. }
            | Self::Notify
            | Self::StatusPage(_)
            | Self::Wait(_)
            | Self::Cleanup(_) => Vec::new(),
        }
    }
}

/// How a feature is switched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flag {
    /// By a program, which its undo switches back.
    Command(Command),
    /// By a deployment of AWS AppConfig.
    AppConfig(AppConfigFlag),
}

/// A flag of AWS AppConfig.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppConfigFlag {
    /// The application, by name or id.
    pub application: Template,
    /// AppConfig's environment, by name or id.
    pub environment: Template,
    /// The configuration profile, by name or id.
    pub profile: Template,
    /// The flag's key.
    pub flag: Template,
    /// The deployment strategy's id.
    pub strategy: String,
}

/// A program with its surroundings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Program and arguments.
    pub run: Vec<Template>,
    /// What undoes it.
    pub undo: Option<Vec<Template>>,
    /// Environment variables on top of cutover's own.
    pub env: BTreeMap<String, Template>,
    /// Variables of cutover's own environment that hold secrets for it.
    pub env_from: Vec<String>,
    /// Working directory.
    pub dir: Option<Template>,
    /// Running it twice does no harm.
    pub repeatable: bool,
    /// The undo also puts right what a failed run has left.
    pub undo_on_failure: bool,
}

/// A task that ECS runs once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// Which task definition.
    pub definition: Definition,
    /// The container whose command is replaced; `None` for the component's own.
    pub container: Option<String>,
    /// What it runs.
    pub run: Vec<Template>,
    /// Environment variables on top of the task definition's.
    pub env: BTreeMap<String, Template>,
    /// The log group to follow; `None` for the component's first.
    pub logs: Option<String>,
}

/// Something that runs to an end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Job {
    /// On this host.
    Command(Command),
    /// On ECS.
    Task(Task),
}

impl Job {
    fn command(&self) -> Option<&Command> {
        match self {
            Self::Command(command) => Some(command),
            Self::Task(_) => None,
        }
    }
}

/// A migration of what the versions share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migration {
    /// Makes a copy to go back to.
    pub backup: Option<Job>,
    /// Applies it.
    pub apply: Job,
    /// Looks whether it has worked.
    pub verify: Option<Job>,
    /// Undoes it.
    pub undo: Option<Job>,
    /// The undo loses nothing.
    pub undo_is_safe: bool,
}

impl Migration {
    fn jobs(&self) -> impl Iterator<Item = &Job> {
        self.backup.iter().chain([&self.apply]).chain(&self.verify).chain(&self.undo)
    }
}

/// The HTTP checks of a stage.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Checks {
    /// How green is reached by those whose path is no absolute URL.
    pub via: Via,
    /// A PEM file with the authorities that certificates must come from; `None` takes the host's own.
    pub ca_file: Option<Template>,
    /// The checks.
    pub all: Vec<Check>,
}

impl Checks {
    /// The variables that hold what their secret headers are.
    pub fn env_from(&self) -> impl Iterator<Item = &String> {
        self.all.iter().flat_map(|check| check.headers_from.values())
    }
}

/// How green is reached before it takes traffic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Via {
    /// By its service's own URL.
    #[default]
    Url,
    /// By the component's URL, at the port of a test listener.
    Port(u16),
    /// By the component's URL, with a header that a listener rule leads to green.
    Header {
        /// Its name, in lower case.
        name: String,
        /// Its value.
        value: Template,
    },
    /// By the component's URL, connecting to this `host:port` instead.
    Address(Template),
}

/// An HTTP check.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// Its name.
    pub name: String,
    /// Path below the URL that reaches green, or an absolute URL.
    pub path: Template,
    /// Method.
    pub method: String,
    /// Headers of the request; names in lower case.
    pub headers: BTreeMap<String, Template>,
    /// Variables of cutover's own environment that hold the values of further headers; names in lower case.
    pub headers_from: BTreeMap<String, String>,
    /// Body of the request.
    pub body: Option<Template>,
    /// Redirects that are followed at most.
    pub follow: u8,
    /// Status it must answer with, any of these; empty where a redirect says what is wanted.
    pub status: Vec<StatusRange>,
    /// What the JSON body must hold, each by its pointer.
    pub json: Vec<(String, JsonWanted)>,
    /// What its headers must be; names in lower case.
    pub response_headers: BTreeMap<String, TextWanted>,
    /// Headers that keep browsers safe.
    pub security_headers: Vec<SecurityHeader>,
    /// Cookies that it must set, by name.
    pub cookies: BTreeMap<String, CookieRule>,
    /// Where it must lead.
    pub redirect: Option<RedirectWanted>,
    /// Asked without TLS, it must lead to itself with TLS.
    pub https_redirect: bool,
    /// What it must say to the script of another origin.
    pub cors: Option<CorsRule>,
    /// What the certificate must be like.
    pub certificate: Option<CertificateRule>,
    /// The answer must be there by then.
    pub max_time: Option<Duration>,
    /// A try fails when no answer came by then.
    pub timeout: Duration,
    /// How often it is tried again.
    pub retries: u32,
    /// The pause before it is.
    pub pause: Duration,
    /// What it is tried again for.
    pub retry_on: RetryOn,
}

/// What a value of a JSON body must be.
#[derive(Clone, Debug, PartialEq)]
pub enum JsonWanted {
    /// This.
    Equals(Expected),
    /// Something else.
    Rule(JsonRule),
}

/// What a text must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextWanted {
    /// There, whatever it is.
    Present,
    /// Not there.
    Absent,
    /// This.
    Equals(Template),
    /// It has this in it.
    Contains(Template),
    /// This regular expression matches it somewhere.
    Matches(String),
}

/// Where an answer must lead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedirectWanted {
    /// Any of these; empty for every redirect.
    pub status: Vec<u16>,
    /// The host.
    pub host: Option<Template>,
    /// The path.
    pub path: Option<Template>,
    /// Parameters of the query.
    pub query: BTreeMap<String, TextWanted>,
}

/// A value that a JSON body must hold.
#[derive(Clone, Debug, PartialEq)]
pub enum Expected {
    /// This text, once its variables are replaced.
    Text(Template),
    /// This number or truth value.
    Value(serde_json::Value),
}

/// How the engine works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Engine {
    /// Directory that the journal and the engine's socket are kept in.
    pub journal: PathBuf,
    /// How often the cloud is looked at.
    pub polls: Polls,
    /// Length of a period that signals are read in: 10 s, 30 s, or a multiple of 60 s.
    pub period: Duration,
    /// Logs are streamed by Live Tail where that is allowed, not polled alone.
    pub live_tail: bool,
}

/// How often the cloud is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Polls {
    /// The weights on the listener rule.
    pub weight: Duration,
    /// Tasks and targets.
    pub capacity: Duration,
    /// Signals.
    pub signals: Duration,
    /// Alarms.
    pub alarms: Duration,
    /// Log events.
    pub logs: Duration,
    /// Whose credentials these are, and until when they hold.
    pub identity: Duration,
    /// US cents an hour that CloudWatch may cost at list price.
    pub most_cents: u32,
}

impl Default for Polls {
    /// Just under 30 calls a minute with one log group, which is the budget.
    fn default() -> Self {
        Self {
            weight: Duration::from_secs(10),
            capacity: Duration::from_secs(20),
            signals: Duration::from_secs(30),
            alarms: Duration::from_secs(20),
            logs: Duration::from_secs(10),
            identity: Duration::from_mins(5),
            most_cents: 100,
        }
    }
}

/// How the cockpit looks, what its keys mean, and how it calls for attention.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Screen {
    /// Whether it is in colour.
    pub color: Color,
    /// Only ASCII characters are drawn.
    pub ascii: bool,
    /// Which colours.
    pub theme: ThemeChoice,
    /// A file of keys to lay over the built-in ones.
    pub keymap: Option<PathBuf>,
    /// The bell rings when the release wants attention.
    pub bell: bool,
    /// So does a desktop notification, where the terminal shows one.
    pub notifications: bool,
}

impl Default for Screen {
    fn default() -> Self {
        let (color, theme) = (Color::default(), ThemeChoice::default());
        Self { color, ascii: false, theme, keymap: None, bell: true, notifications: true }
    }
}

/// Which colours to draw with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ThemeChoice {
    /// Those for the terminal's background, as far as the terminal tells what it is.
    #[default]
    Auto,
    /// Those for a dark background.
    Dark,
    /// Those for a light background.
    Light,
    /// A file's.
    File(PathBuf),
}

impl ThemeChoice {
    /// What comes along, by its words.
    pub const WORDS: [(&'static str, Self); 3] = [("auto", Self::Auto), ("dark", Self::Dark), ("light", Self::Light)];
}

/// Whether output is in colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Color {
    /// If the output is a terminal that can, and `NO_COLOR` is not set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Color {
    /// All of them, by their words.
    pub const WORDS: [(&'static str, Self); 3] =
        [("auto", Self::Auto), ("always", Self::Always), ("never", Self::Never)];
}
