//! Operations whose bodies are to come.

use super::World;
use super::alarms::*;
use super::ecs::*;
use super::elb::*;
use super::error::{ApiError, ApiResult};
use super::logs::*;
use super::metrics::*;
use super::sns::*;
use super::sts::*;
use crate::domain::time::Timestamp;

fn later<T>() -> ApiResult<T> {
    Err(ApiError::new("NotImplemented", "not there yet"))
}

#[expect(clippy::unused_self, clippy::needless_pass_by_value, clippy::unnecessary_wraps, reason = "bodies follow")]
impl World {
    /// Shows clusters by name or ARN; the default cluster when none is named.
    pub fn describe_clusters(&self, _names: &[String]) -> ApiResult<Described<Cluster>> {
        later()
    }

    /// ARNs of all clusters.
    pub fn list_clusters(&self) -> ApiResult<Vec<String>> {
        later()
    }

    /// Registers the next revision of a family.
    pub fn register_task_definition(&mut self, _input: RegisterTaskDefinition) -> ApiResult<TaskDefinition> {
        later()
    }

    /// Shows a revision: `family` (newest active), `family:revision` or ARN.
    pub fn describe_task_definition(&self, _name: &str) -> ApiResult<TaskDefinition> {
        later()
    }

    /// ARNs of revisions, all of them; the wire layer pages.
    pub fn list_task_definitions(&self, _input: &ListTaskDefinitions) -> ApiResult<Vec<String>> {
        later()
    }

    /// Makes a revision inactive.
    pub fn deregister_task_definition(&mut self, _name: &str) -> ApiResult<TaskDefinition> {
        later()
    }

    /// Creates a service and starts its first deployment.
    pub fn create_service(&mut self, _input: CreateService) -> ApiResult<Service> {
        later()
    }

    /// Shows services by name or ARN.
    pub fn describe_services(&self, _cluster: Option<&str>, _services: &[String]) -> ApiResult<Described<Service>> {
        later()
    }

    /// ARNs of all services; the wire layer pages.
    pub fn list_services(&self, _cluster: Option<&str>) -> ApiResult<Vec<String>> {
        later()
    }

    /// Changes a service; a changed task definition or a forced deployment starts a new deployment.
    pub fn update_service(&mut self, _input: UpdateService) -> ApiResult<Service> {
        later()
    }

    /// ARNs of tasks; the wire layer pages.
    pub fn list_tasks(&self, _input: &ListTasks) -> ApiResult<Vec<String>> {
        later()
    }

    /// Shows tasks by id or ARN; stopped ones for an hour.
    pub fn describe_tasks(&self, _cluster: Option<&str>, _tasks: &[String]) -> ApiResult<Described<Task>> {
        later()
    }

    /// Stops a task.
    pub fn stop_task(&mut self, _cluster: Option<&str>, _task: &str, _reason: Option<&str>) -> ApiResult<Task> {
        later()
    }

    /// Starts tasks that belong to no service.
    pub fn run_task(&mut self, _input: RunTask) -> ApiResult<Vec<Task>> {
        later()
    }

    /// Tags of a service, task or task definition.
    pub fn list_tags_for_resource(&self, _arn: &str) -> ApiResult<Vec<Tag>> {
        later()
    }

    /// Adds tags to a service, task or task definition.
    pub fn tag_resource(&mut self, _arn: &str, _tags: Vec<Tag>) -> ApiResult<()> {
        later()
    }

    /// Shows load balancers; all without arguments.
    pub fn describe_load_balancers(&self, _arns: &[String], _names: &[String]) -> ApiResult<Vec<LoadBalancer>> {
        later()
    }

    /// Shows the listeners of a load balancer, or those with these ARNs.
    pub fn describe_listeners(&self, _load_balancer: Option<&str>, _arns: &[String]) -> ApiResult<Vec<Listener>> {
        later()
    }

    /// Shows the rules of a listener, or those with these ARNs; the default rule last.
    pub fn describe_rules(&self, _listener: Option<&str>, _arns: &[String]) -> ApiResult<Vec<Rule>> {
        later()
    }

    /// Shows target groups; all without arguments.
    pub fn describe_target_groups(
        &self,
        _load_balancer: Option<&str>,
        _arns: &[String],
        _names: &[String],
    ) -> ApiResult<Vec<TargetGroup>> {
        later()
    }

    /// Shows the targets of a target group.
    pub fn describe_target_health(&self, _target_group: &str) -> ApiResult<Vec<TargetHealth>> {
        later()
    }

    /// Changes a rule other than the default rule.
    pub fn modify_rule(
        &mut self,
        _arn: &str,
        _conditions: Option<Vec<Condition>>,
        _actions: Option<Vec<Action>>,
    ) -> ApiResult<Rule> {
        later()
    }

    /// Changes what a listener does with requests that no rule matches.
    pub fn modify_listener(&mut self, _arn: &str, _default_actions: Option<Vec<Action>>) -> ApiResult<Listener> {
        later()
    }

    /// Tags by ARN.
    pub fn describe_elb_tags(&self, _arns: &[String]) -> ApiResult<Vec<(String, Vec<Tag>)>> {
        later()
    }

    /// Numbers and metric math over published datapoints.
    pub fn get_metric_data(&self, _input: &GetMetricData) -> ApiResult<MetricData> {
        later()
    }

    /// Statistics of one metric, oldest first.
    pub fn get_metric_statistics(&self, _input: &GetMetricStatistics) -> ApiResult<Vec<Datapoint>> {
        later()
    }

    /// Metrics that have datapoints; the wire layer pages.
    pub fn list_metrics(&self, _input: &ListMetrics) -> ApiResult<Vec<MetricId>> {
        later()
    }

    /// Takes datapoints.
    pub fn put_metric_data(&mut self, _namespace: &str, _data: Vec<MetricDatum>) -> ApiResult<()> {
        later()
    }

    /// Creates or replaces a metric or composite alarm.
    pub fn put_alarm(&mut self, _definition: AlarmDefinition) -> ApiResult<()> {
        later()
    }

    /// Shows alarms by name; the wire layer pages.
    pub fn describe_alarms(&self, _input: &DescribeAlarms) -> ApiResult<Vec<Alarm>> {
        later()
    }

    /// Shows alarms that look at a metric.
    pub fn describe_alarms_for_metric(&self, _metric: &MetricId) -> ApiResult<Vec<Alarm>> {
        later()
    }

    /// Shows what happened to alarms; the wire layer pages.
    pub fn describe_alarm_history(&self, _input: &DescribeAlarmHistory) -> ApiResult<Vec<HistoryItem>> {
        later()
    }

    /// Sets an alarm's state until its next evaluation.
    pub fn set_alarm_state(
        &mut self,
        _name: &str,
        _state: AlarmState,
        _reason: &str,
        _reason_data: Option<&str>,
    ) -> ApiResult<()> {
        later()
    }

    /// Deletes alarms.
    pub fn delete_alarms(&mut self, _names: &[String]) -> ApiResult<()> {
        later()
    }

    /// Lets alarms act.
    pub fn enable_alarm_actions(&mut self, _names: &[String]) -> ApiResult<()> {
        later()
    }

    /// Keeps alarms from acting.
    pub fn disable_alarm_actions(&mut self, _names: &[String]) -> ApiResult<()> {
        later()
    }

    /// Creates a log group.
    pub fn create_log_group(&mut self, _name: &str) -> ApiResult<()> {
        later()
    }

    /// Creates a log stream.
    pub fn create_log_stream(&mut self, _group: &str, _stream: &str) -> ApiResult<()> {
        later()
    }

    /// Shows log groups by name; the wire layer pages.
    pub fn describe_log_groups(&self, _prefix: Option<&str>, _pattern: Option<&str>) -> ApiResult<Vec<LogGroup>> {
        later()
    }

    /// Shows the streams of a group; the wire layer pages.
    pub fn describe_log_streams(
        &self,
        _group: &str,
        _prefix: Option<&str>,
        _order: StreamOrder,
    ) -> ApiResult<Vec<LogStream>> {
        later()
    }

    /// Takes events.
    pub fn put_log_events(&mut self, _group: &str, _stream: &str, _events: Vec<(Timestamp, String)>) -> ApiResult<()> {
        later()
    }

    /// Events of a group in order of time.
    pub fn filter_log_events(&self, _input: &FilterLogEvents) -> ApiResult<LogPage> {
        later()
    }

    /// Events of a stream, forwards or backwards.
    pub fn get_log_events(&self, _input: &GetLogEvents) -> ApiResult<StreamPage> {
        later()
    }

    /// Checks what a live tail follows and says where it begins: now.
    pub fn live_tail_start(&self, _tail: &LiveTail) -> ApiResult<LiveTailCursor> {
        later()
    }

    /// What a live tail sees since `cursor`.
    pub fn live_tail_since(&self, _tail: &LiveTail, _cursor: LiveTailCursor) -> ApiResult<LiveTailUpdate> {
        later()
    }

    /// Creates a topic, or finds it; returns its ARN.
    pub fn create_topic(&mut self, _name: &str) -> ApiResult<String> {
        later()
    }

    /// ARNs of all topics.
    pub fn list_topics(&self) -> ApiResult<Vec<String>> {
        later()
    }

    /// A topic and its subscriptions.
    pub fn get_topic(&self, _arn: &str) -> ApiResult<Topic> {
        later()
    }

    /// Subscribes an endpoint; it counts as confirmed.
    pub fn subscribe(&mut self, _topic: &str, _protocol: &str, _endpoint: &str) -> ApiResult<Subscription> {
        later()
    }

    /// Publishes a message; returns its id.
    pub fn publish(&mut self, _input: Publish) -> ApiResult<String> {
        later()
    }

    /// Who the caller is.
    pub fn get_caller_identity(&self) -> ApiResult<CallerIdentity> {
        later()
    }
}
