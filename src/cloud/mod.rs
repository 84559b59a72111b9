//! The cloud as the engine sees it: a port in the domain's words, and its errors.
//!
//! [`aws`] is the only implementation outside tests, and the only place that names the AWS SDK. The demo and the tests
//! use the same adapter against the simulated AWS.

mod alarming;
pub mod aws;
mod deployments;
mod error;
mod estate;
mod flags;
mod inspect;
mod leases;

use std::time::Duration;

use async_trait::async_trait;

use crate::domain::alarm::Setup;
use crate::domain::capacity::Capacities;
use crate::domain::event::FiringAlarm;
use crate::domain::ids::{AlarmName, ReleaseId, Side, SignalName, TaskDefinitionArn, Version};
use crate::domain::percent::Percent;
use crate::domain::plan::{DeploymentGroup, Driver, Sides};
use crate::domain::signal::{Measure, Point};
use crate::domain::time::Timestamp;

pub use alarming::{Alarming, Past, Roll, Span};
pub use deployments::{Deployments, Sight};
pub use error::{CloudError, ErrorKind, Retry};
pub use estate::{Deployed, Estate, Glance, HealthCheck, Image, Scan, Secret, ServiceGlance, Snapshot};
pub use flags::{FlagDeployment, FlagState, FlagStep, Flags};
pub use inspect::{
    AlarmFacts, Attachment, ClusterFacts, ContainerFacts, DefinitionFacts, GroupFacts, Inspect, ListenerFacts,
    LogGroupFacts, RuleFacts, ServiceFacts, TopicFacts,
};
pub use leases::{LOCK_KEY, Leases, LockTable, Written};

/// What the engine asks of a cloud. Reads may be repeated at will; each write says whether it may be.
#[async_trait]
pub trait Cloud: Send + Sync {
    /// What is looked at before a release: images, secrets, backups, what is deployed.
    fn estate(&self) -> &dyn Estate;

    /// Feature flags that a stage switches.
    fn flags(&self) -> &dyn Flags;

    /// Deployments that others began, and what was changed before.
    fn deployments(&self) -> &dyn Deployments;

    /// Alarms beyond the state of those that a release watches.
    fn alarming(&self) -> &dyn Alarming;

    /// Leases of services, where hosts share a table for them.
    fn leases(&self) -> &dyn Leases;

    /// Who the credentials belong to, and until when they hold.
    async fn identity(&self) -> Result<Identity, CloudError>;

    /// Looks at a component as it stands: which side serves, what it runs, how many tasks.
    async fn survey(&self, target: &Target) -> Result<Survey, CloudError>;

    /// Green's weight, as it is: read from the listener rule where one splits traffic. [`ErrorKind::Unexpected`] when the
    /// rule does not split it between just these two target groups.
    async fn weight(&self, sides: &Sides) -> Result<Percent, CloudError>;

    /// Brings green's weight to this, and blue's to the rest, or one step nearer: [`Progress::Underway`] asks to be called
    /// again. Asking for what is there already changes nothing.
    async fn set_weight(&self, rollout: &Rollout<'_>, green: Percent) -> Result<Progress, CloudError>;

    /// Both sides' tasks and targets. When only ECS fails, the targets are answered all the same, and
    /// [`Capacities::unread`] says why the rest is not known.
    async fn capacity(&self, sides: &Sides) -> Result<Capacities, CloudError>;

    /// Green's task definition: the one that this release has registered if it finds one, otherwise a copy of blue's
    /// with the container's image replaced, tagged with the release. Never tried again inside: a lost answer is an
    /// error, and the next call finds what the lost one did. `look_first` is set when an earlier try may have worked.
    async fn register(&self, request: &Registration<'_>) -> Result<TaskDefinitionArn, CloudError>;

    /// Makes a side run `desired` tasks, of `task_definition` if given; [`Progress::Underway`] asks to be called again.
    /// Asking twice changes nothing, unless what was asked for first has failed: then it is tried anew.
    async fn scale(
        &self,
        rollout: &Rollout<'_>,
        side: Side,
        desired: u32,
        task_definition: Option<&TaskDefinitionArn>,
    ) -> Result<Progress, CloudError>;

    /// The points of every signal asked for, both sides, oldest first, in one batch.
    async fn signals(&self, request: &SignalRequest<'_>) -> Result<Vec<SeriesPair>, CloudError>;

    /// The state of these alarms, and of no others. A name that does not exist is [`AlarmState::Missing`].
    async fn alarms(&self, names: &[AlarmName]) -> Result<Vec<Alarm>, CloudError>;

    /// Log events of a group from `since` on, oldest first, one page.
    async fn logs(&self, request: &LogRequest<'_>) -> Result<LogPage, CloudError>;

    /// Follows groups: what is written to them from now on, as it comes.
    async fn follow_logs(&self, groups: &[String]) -> Result<Box<dyn LogStream>, CloudError>;

    /// Which side's service each of the running and recently stopped tasks belongs to, by task id.
    async fn tasks(&self, sides: &Sides) -> Result<Vec<TaskBrief>, CloudError>;

    /// Starts a task in the network of a service. `token` tells repeats: asking again within a day finds the task that
    /// was started, and is a [`ErrorKind::Conflict`] when anything else about the request, such as the service's network,
    /// has changed. Its id.
    async fn run_task(&self, run: &TaskRun<'_>) -> Result<String, CloudError>;

    /// Ids of the tasks that were started under this name and run, or stopped within about the last hour. One that was
    /// started a moment ago may be missing.
    async fn tasks_started_by(&self, started_by: &str) -> Result<Vec<String>, CloudError>;

    /// How far a task that was started by itself has come.
    async fn task_state(&self, task: &str, container: &str) -> Result<TaskState, CloudError>;

    /// Stops such a task. Stopping it twice changes nothing.
    async fn stop_task(&self, task: &str, reason: &str) -> Result<(), CloudError>;

    /// Publishes a message to a topic. Sending it twice tells people twice.
    async fn publish(&self, topic: &str, message: &Message<'_>) -> Result<(), CloudError>;
}

/// What whoever moves a component's traffic must know of its release.
#[derive(Clone, Copy, Debug)]
pub struct Rollout<'a> {
    /// Both sides' places.
    pub sides: &'a Sides,
    /// Green's task definition, once registered.
    pub green: Option<&'a TaskDefinitionArn>,
    /// Alarms that AWS is to go back at by itself.
    pub alarms: &'a [AlarmName],
}

impl<'a> Rollout<'a> {
    /// One of which no more is known than the sides.
    pub fn of(sides: &'a Sides) -> Self {
        Self { sides, green: None, alarms: &[] }
    }
}

/// How far a change has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Progress {
    /// It is as was asked for, or the cloud has taken it on for good.
    Done,
    /// It is on its way, and stops on it unless it is asked for again.
    Underway,
}

/// Who the credentials belong to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Twelve-digit account.
    pub account: String,
    /// ARN of the user or role.
    pub arn: String,
    /// When the credentials expire, if they do and if it is known.
    pub expires: Option<Timestamp>,
    /// New ones are had before these expire. Not so for a session that came with the environment: nobody can renew it
    /// from outside the process.
    pub is_renewed: bool,
}

/// A component's place, as configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The way traffic is shifted.
    pub driver: Driver,
    /// The deployment group of CodeDeploy, where it shifts traffic.
    pub group: Option<DeploymentGroup>,
    /// The listener rule, or listener for its default action, by ARN.
    pub rule: String,
    /// Both services with their target groups, in the order configured; twice the same service where the sides are
    /// revisions of one.
    pub services: [ServiceTarget; 2],
    /// The container whose image is the version.
    pub container: String,
}

/// One of a component's two services.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceTarget {
    /// ECS service name.
    pub service: String,
    /// Target group ARN.
    pub target_group: String,
}

/// A component as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Survey {
    /// Index of the service that has most of the weight: blue.
    pub blue: usize,
    /// Weight of each service's target group, of 100.
    pub weights: [Percent; 2],
    /// What each service runs.
    pub services: [ServiceSurvey; 2],
    /// What traffic goes through, from the first to all of it, where AWS shifts it on a clock of its own.
    pub increments: Vec<Increment>,
}

/// One share of the traffic that AWS gives green, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Increment {
    /// Green's weight.
    pub weight: Percent,
    /// Until the next one; zero for the last.
    pub lasting: Duration,
}

/// One service as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceSurvey {
    /// Task definition of its primary deployment.
    pub task_definition: TaskDefinitionArn,
    /// Image of the container, as that task definition has it.
    pub version: Version,
    /// Tasks wanted.
    pub desired: u32,
    /// A deployment is under way.
    pub is_deploying: bool,
}

/// What to register.
#[derive(Clone, Copy, Debug)]
pub struct Registration<'a> {
    /// The task definition to copy.
    pub base: &'a TaskDefinitionArn,
    /// The container whose image changes.
    pub container: &'a str,
    /// The new image.
    pub image: &'a Version,
    /// The tag's value that says which release it belongs to: unique among all releases.
    pub release: &'a str,
    /// An earlier try may have worked.
    pub look_first: bool,
}

/// The tag on a task definition that says which release registered it.
pub const RELEASE_TAG: &str = "cutover:release";

/// The value of [`RELEASE_TAG`].
pub fn release_tag(environment: &str, component: &str, release: ReleaseId, begun: Timestamp) -> String {
    format!("{environment}/{component}/{release}/{}", begun.millis())
}

/// A batch of signals to read.
#[derive(Clone, Copy, Debug)]
pub struct SignalRequest<'a> {
    /// What to measure, by name.
    pub signals: &'a [(SignalName, Measure)],
    /// Both sides' places.
    pub sides: &'a Sides,
    /// ECS cluster.
    pub cluster: &'a str,
    /// First moment wanted.
    pub from: Timestamp,
    /// Moment after the last wanted.
    pub to: Timestamp,
    /// Length of a period.
    pub period: Duration,
}

/// The points of one signal.
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesPair {
    /// Which.
    pub signal: SignalName,
    /// Blue's points, oldest first. A missing point is missing, never zero.
    pub blue: Vec<Point>,
    /// Green's.
    pub green: Vec<Point>,
}

/// An alarm as read.
#[derive(Clone, Debug, PartialEq)]
pub struct Alarm {
    /// Its name.
    pub name: AlarmName,
    /// Its state.
    pub state: AlarmState,
    /// When it came into it, if known.
    pub since: Option<Timestamp>,
    /// CloudWatch's reason.
    pub reason: String,
    /// How it is set up, and what it last looked at.
    pub setup: Setup,
}

/// An alarm's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AlarmState {
    /// Within its threshold.
    Ok,
    /// Firing.
    Alarm,
    /// CloudWatch has too little data to say.
    InsufficientData,
    /// There is no alarm of this name.
    Missing,
    /// A state that this version does not know.
    Unknown,
}

impl Alarm {
    /// It as the state machine wants it, if it fires.
    pub fn firing(&self) -> Option<FiringAlarm> {
        (self.state == AlarmState::Alarm).then(|| FiringAlarm {
            name: self.name.clone(),
            since: self.since.unwrap_or_default(),
            reason: self.reason.clone(),
        })
    }
}

/// A page of log events to read.
#[derive(Clone, Copy, Debug)]
pub struct LogRequest<'a> {
    /// Log group.
    pub group: &'a str,
    /// First moment wanted.
    pub since: Timestamp,
    /// Where the last page ended.
    pub cursor: Option<&'a str>,
    /// Most events wanted.
    pub limit: u32,
}

/// A page of log events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogPage {
    /// Oldest first.
    pub events: Vec<LogEvent>,
    /// Where the next page begins, if there is one.
    pub cursor: Option<String>,
}

/// A log event as read: not yet safe for a terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEvent {
    /// Unique in its group: tells repeats. Empty where it was streamed: that repeats nothing.
    pub id: String,
    /// When it was written.
    pub at: Timestamp,
    /// When it could be read, if that is known.
    pub ingested: Option<Timestamp>,
    /// The stream; its last part is the task id when the awslogs driver wrote it.
    pub stream: String,
    /// As written.
    pub message: String,
}

/// Log events as they are written.
#[async_trait]
pub trait LogStream: Send + Sync {
    /// The next update, about one a second, also when nothing was written. `None` when the stream has ended in its time.
    /// Dropping the future loses nothing.
    async fn next(&mut self) -> Result<Option<LogUpdate>, CloudError>;
}

/// What was written since the last update.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogUpdate {
    /// The events.
    pub events: Vec<LogEvent>,
    /// There were more, and these are a sample of them.
    pub is_sampled: bool,
}

/// A task, briefly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskBrief {
    /// Its id, without the ARN around it.
    pub id: String,
    /// The side that it belongs to.
    pub side: Side,
    /// Why it stopped, if it did.
    pub stopped: Option<String>,
}

/// A task to start.
#[derive(Clone, Copy, Debug)]
pub struct TaskRun<'a> {
    /// The service whose network, launch type and platform it gets.
    pub service: &'a str,
    /// What it runs: an ARN, `family:revision` or `family`.
    pub task_definition: &'a str,
    /// The container whose command is replaced.
    pub container: &'a str,
    /// What that container runs.
    pub command: &'a [String],
    /// Environment variables on top of the task definition's.
    pub env: &'a std::collections::BTreeMap<String, String>,
    /// Tells repeats; at most 64 characters.
    pub token: &'a str,
    /// The name that it can be found by, unique to it: at most 128 letters, digits, `-`, `_` and `/`.
    pub started_by: &'a str,
}

/// How far a task has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskState {
    /// On its way, or at work; ECS's word for it.
    Running(String),
    /// It has ended.
    Stopped {
        /// The container's exit code; `None` when it never ran, or was stopped by somebody.
        code: Option<i32>,
        /// Why, in ECS's words.
        reason: String,
    },
}

/// A message for people.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// The same for every repeat.
    pub key: &'a str,
    /// One line.
    pub subject: &'a str,
    /// Text.
    pub body: &'a str,
    /// Names and values that subscribers may filter by; at most nine, no value empty.
    pub attributes: &'a [(&'a str, &'a str)],
}
