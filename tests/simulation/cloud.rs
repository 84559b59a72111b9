//! The real adapter as the engine gets it: with notes of when what it knows was read, and, to prove that the watch can
//! bark, with lies.

use std::collections::BTreeSet;
use std::sync::Mutex;

use async_trait::async_trait;
use cutover::cloud::aws::Aws;
use cutover::cloud::{
    Alarm, Alarming, Cloud, CloudError, Deployments, Estate, Flags, Identity, Leases, LogPage, LogRequest, LogStream,
    Message, Progress, Registration, Rollout, SeriesPair, SignalRequest, Survey, Target, TaskBrief, TaskRun, TaskState,
};
use cutover::domain::capacity::Capacities;
use cutover::domain::components::ComponentIndex;
use cutover::domain::ids::{AlarmName, Side, TaskDefinitionArn};
use cutover::domain::percent::Percent;
use cutover::domain::plan::Sides;

use crate::trial::SECRET;
use crate::watch::Watch;

/// A way in which the cloud, as the engine sees it, is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lie {
    /// 33 % is set where 50 % was asked for.
    SetsAThird,
    /// After green got 0 % it gets 50 % once more.
    RaisesAfterZero,
    /// 100 % is taken, not set, and read back as set.
    SwallowsFull,
    /// 0 % is taken, not set, and read back as set.
    SwallowsZero,
    /// All targets of green are healthy as soon as one is.
    SaysHealthy,
    /// Every task definition is registered twice.
    RegistersTwice,
    /// A service's trouble tells a secret.
    TellsSecret,
    /// 0 % is neither taken nor refused.
    NeverSetsZero,
    /// Tasks are said to have stopped, and run on.
    SwallowsStops,
    /// Every task is started twice.
    RunsTasksTwice,
    /// Every task is said to have ended well.
    SaysTasksSucceed,
    /// Whatever weight is asked for, AWS is let on to all.
    LetsOnToAll,
    /// Where AWS is to go back it is let on.
    LetsOnForZero,
    /// AWS is told to stop while nobody wants it to.
    StopsForNothing,
}

/// A component's adapter and the watch.
pub(crate) struct Watched {
    pub(crate) of: ComponentIndex,
    pub(crate) aws: Aws,
    pub(crate) watch: Watch,
    pub(crate) lie: Option<Lie>,
    /// What a weight is said to be.
    pub(crate) said: Mutex<Option<Percent>>,
    /// Tasks that are said to have stopped.
    pub(crate) stopped: Mutex<BTreeSet<String>>,
}

#[async_trait]
impl Cloud for Watched {
    fn flags(&self) -> &dyn Flags {
        self.aws.flags()
    }

    fn estate(&self) -> &dyn Estate {
        self.aws.estate()
    }

    fn deployments(&self) -> &dyn Deployments {
        self.aws.deployments()
    }

    fn alarming(&self) -> &dyn Alarming {
        self.aws.alarming()
    }

    fn leases(&self) -> &dyn Leases {
        self.aws.leases()
    }

    async fn identity(&self) -> Result<Identity, CloudError> {
        self.aws.identity().await
    }

    async fn survey(&self, target: &Target) -> Result<Survey, CloudError> {
        self.aws.survey(target).await
    }

    async fn weight(&self, sides: &Sides) -> Result<Percent, CloudError> {
        let began = self.watch.now();
        let weight = self.aws.weight(sides).await?;
        self.watch.weight_read(self.of, began);
        Ok(self.said.lock().unwrap().unwrap_or(weight))
    }

    async fn set_weight(&self, rollout: &Rollout<'_>, green: Percent) -> Result<Progress, CloudError> {
        let swallowed = match self.lie {
            Some(Lie::SwallowsFull) => green == Percent::FULL,
            Some(Lie::SwallowsZero) => green == Percent::ZERO,
            _ => false,
        };
        *self.said.lock().unwrap() = swallowed.then_some(green);
        match self.lie {
            _ if swallowed => Ok(Progress::Done),
            Some(Lie::LetsOnToAll) if green > Percent::ZERO => self.aws.set_weight(rollout, Percent::FULL).await,
            Some(Lie::LetsOnForZero) if green == Percent::ZERO => self.aws.set_weight(rollout, Percent::FULL).await,
            Some(Lie::StopsForNothing) if green > Percent::ZERO => self.aws.set_weight(rollout, Percent::ZERO).await,
            Some(Lie::SetsAThird) if green.get() == 50 => self.aws.set_weight(rollout, Percent::clamped(33)).await,
            Some(Lie::NeverSetsZero) if green == Percent::ZERO => std::future::pending().await,
            Some(Lie::RaisesAfterZero) if green == Percent::ZERO => {
                self.aws.set_weight(rollout, green).await?;
                self.aws.set_weight(rollout, Percent::clamped(50)).await
            }
            _ => self.aws.set_weight(rollout, green).await,
        }
    }

    async fn capacity(&self, sides: &Sides) -> Result<Capacities, CloudError> {
        let began = self.watch.now();
        let mut both = self.aws.capacity(sides).await?;
        self.watch.capacity_read(self.of, began);
        match self.lie {
            Some(Lie::SaysHealthy) if both.green.healthy > 0 => {
                let green = &mut both.green;
                (green.healthy, green.running, green.steady) = (sides.green.desired, sides.green.desired, true);
            }
            Some(Lie::TellsSecret) => both.green.trouble = Some(format!("DATABASE is {SECRET}")),
            _ => {}
        }
        Ok(both)
    }

    async fn register(&self, request: &Registration<'_>) -> Result<TaskDefinitionArn, CloudError> {
        if self.lie == Some(Lie::RegistersTwice) {
            self.aws.register(request).await?;
        }
        self.aws.register(request).await
    }

    async fn scale(
        &self,
        rollout: &Rollout<'_>,
        side: Side,
        desired: u32,
        task_definition: Option<&TaskDefinitionArn>,
    ) -> Result<Progress, CloudError> {
        self.aws.scale(rollout, side, desired, task_definition).await
    }

    async fn signals(&self, request: &SignalRequest<'_>) -> Result<Vec<SeriesPair>, CloudError> {
        self.aws.signals(request).await
    }

    async fn alarms(&self, names: &[AlarmName]) -> Result<Vec<Alarm>, CloudError> {
        self.aws.alarms(names).await
    }

    async fn logs(&self, request: &LogRequest<'_>) -> Result<LogPage, CloudError> {
        self.aws.logs(request).await
    }

    async fn follow_logs(&self, groups: &[String]) -> Result<Box<dyn LogStream>, CloudError> {
        self.aws.follow_logs(groups).await
    }

    async fn tasks(&self, sides: &Sides) -> Result<Vec<TaskBrief>, CloudError> {
        self.aws.tasks(sides).await
    }

    async fn run_task(&self, run: &TaskRun<'_>) -> Result<String, CloudError> {
        if self.lie == Some(Lie::RunsTasksTwice) {
            let (token, started_by) = (format!("{}-too", run.token), format!("{}/too", run.started_by));
            self.aws.run_task(&TaskRun { token: &token, started_by: &started_by, ..*run }).await?;
        }
        self.aws.run_task(run).await
    }

    async fn tasks_started_by(&self, started_by: &str) -> Result<Vec<String>, CloudError> {
        self.aws.tasks_started_by(started_by).await
    }

    async fn task_state(&self, task: &str, container: &str) -> Result<TaskState, CloudError> {
        let state = self.aws.task_state(task, container).await?;
        match (self.lie, state) {
            (Some(Lie::SwallowsStops), TaskState::Running(_)) if self.stopped.lock().unwrap().contains(task) => {
                Ok(TaskState::Stopped { code: None, reason: "stopped".to_owned() })
            }
            (Some(Lie::SaysTasksSucceed), TaskState::Stopped { reason, .. }) => {
                Ok(TaskState::Stopped { code: Some(0), reason })
            }
            (_, state) => Ok(state),
        }
    }

    async fn stop_task(&self, task: &str, reason: &str) -> Result<(), CloudError> {
        if self.lie == Some(Lie::SwallowsStops) {
            self.stopped.lock().unwrap().insert(task.to_owned());
            return Ok(());
        }
        self.aws.stop_task(task, reason).await
    }

    async fn publish(&self, topic: &str, message: &Message<'_>) -> Result<(), CloudError> {
        self.aws.publish(topic, message).await
    }
}
