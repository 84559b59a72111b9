//! The operations of CloudWatch on alarms.

use std::time::Duration;

use serde_json::json;

use super::composite::Formula;
use super::{
    Alarm, AlarmDefinition, AlarmRule, AlarmSource, AlarmState, AlarmType, DescribeAlarmHistory, DescribeAlarms,
    HistoryItem, HistoryType, MuteRule, Suppression, Watched,
};
use crate::domain::time::Timestamp;
use crate::sim::world::logs::iso;
use crate::sim::world::metrics::{MetricId, QuerySource, ScanBy, check_expression, check_stat};
use crate::sim::world::sns::Publish;
use crate::sim::world::{ApiError, ApiResult, World};

impl World {
    /// Creates or replaces a metric or composite alarm. A replaced alarm keeps its state until it is looked at again.
    pub fn put_alarm(&mut self, definition: AlarmDefinition) -> ApiResult<()> {
        let composite = check(&definition)?;
        let (now, name) = (self.now, definition.name.clone());
        let facts = vec![("alarm", name.clone())];
        let operation = if composite.is_some() { "PutCompositeAlarm" } else { "PutMetricAlarm" };
        let verb = if let Some(watched) = self.alarms.find_mut(&name) {
            watched.composite = composite;
            watched.alarm.definition = definition.clone();
            watched.alarm.configuration_updated_at = now;
            watched.next_look = now;
            "updated"
        } else {
            // Alarms are looked at once a minute, each at a second of its own.
            let offset = Duration::from_secs(self.streams.metrics.bits() % 60);
            let (region, account) = (&self.schema.aws.region, &self.schema.aws.account);
            let alarm = Alarm {
                arn: format!("arn:aws:cloudwatch:{region}:{account}:alarm:{name}"),
                definition: definition.clone(),
                configuration_updated_at: now,
                state: AlarmState::InsufficientData,
                state_reason: "Unchecked: Initial alarm creation".to_owned(),
                state_reason_data: String::new(),
                state_updated_at: now,
                state_transitioned_at: now,
            };
            self.alarms.watched.push(Watched { alarm, next_look: now + offset, composite });
            self.alarms.watched.sort_by(|a, b| a.alarm.definition.name.cmp(&b.alarm.definition.name));
            "created"
        };
        self.alarms.note(HistoryItem {
            alarm: name.clone(),
            alarm_type: definition.alarm_type(),
            at: now,
            kind: HistoryType::ConfigurationUpdate,
            summary: format!("Alarm \"{name}\" {verb}"),
            data: json!({"version": "1.0", "type": if verb == "created" { "Create" } else { "Update" }}).to_string(),
        });
        self.ledger.change(now, operation, facts);
        Ok(())
    }

    /// Shows alarms by name; the wire layer pages.
    pub fn describe_alarms(&self, input: &DescribeAlarms) -> ApiResult<Vec<Alarm>> {
        if !input.names.is_empty() && input.name_prefix.is_some() {
            let message = "AlarmNames and AlarmNamePrefix cannot be used together.";
            return Err(ApiError::new("ValidationError", message));
        }
        let types = if input.types.is_empty() { &[AlarmType::Metric][..] } else { &input.types };
        let wanted = |alarm: &&Alarm| {
            let name = &alarm.definition.name;
            (input.names.is_empty() || input.names.contains(name))
                && input.name_prefix.as_ref().is_none_or(|prefix| name.starts_with(prefix))
                && input.state.is_none_or(|state| state == alarm.state)
                && types.contains(&alarm.definition.alarm_type())
        };
        Ok(self.alarms.watched.iter().map(|watched| &watched.alarm).filter(wanted).cloned().collect())
    }

    /// Shows alarms that look at a metric.
    pub fn describe_alarms_for_metric(&self, metric: &MetricId) -> ApiResult<Vec<Alarm>> {
        let metric = metric.clone().sorted();
        let looks = |alarm: &&Alarm| match &alarm.definition.rule {
            AlarmRule::Composite(_) => false,
            AlarmRule::Metric(condition) => match &condition.source {
                AlarmSource::Stat(stat) => stat.metric == metric,
                AlarmSource::Math(queries) => queries.iter().any(|query| match &query.source {
                    QuerySource::Stat(stat) => stat.metric == metric,
                    QuerySource::Expression { .. } => false,
                }),
            },
        };
        Ok(self.alarms.watched.iter().map(|watched| &watched.alarm).filter(looks).cloned().collect())
    }

    /// Shows what happened to alarms; the wire layer pages.
    pub fn describe_alarm_history(&self, input: &DescribeAlarmHistory) -> ApiResult<Vec<HistoryItem>> {
        let wanted = |item: &&HistoryItem| {
            input.name.as_ref().is_none_or(|name| *name == item.alarm)
                && input.kind.is_none_or(|kind| kind == item.kind)
                && input.start.is_none_or(|start| item.at >= start)
                && input.end.is_none_or(|end| item.at < end)
        };
        let mut items: Vec<HistoryItem> = self.alarms.history.iter().filter(wanted).cloned().collect();
        if input.scan_by == ScanBy::TimestampDescending {
            items.reverse();
        }
        Ok(items)
    }

    /// Sets an alarm's state until its next evaluation.
    pub fn set_alarm_state(
        &mut self,
        name: &str,
        state: AlarmState,
        reason: &str,
        reason_data: Option<&str>,
    ) -> ApiResult<()> {
        let index = self.alarms.watched.iter().position(|watched| watched.alarm.definition.name == name);
        let index =
            index.ok_or_else(|| ApiError::not_found("ResourceNotFound", format!("Alarm {name} does not exist")))?;
        self.ledger.change(
            self.now,
            "SetAlarmState",
            vec![("alarm", name.to_owned()), ("state", state.as_str().to_owned())],
        );
        self.set_state(index, state, reason, reason_data.unwrap_or_default(), self.now);
        Ok(())
    }

    /// What keeps a composite alarm from telling anybody now.
    pub fn alarm_suppression(&self, alarm: &Alarm) -> Option<Suppression> {
        self.alarms.suppression(alarm, self.now)
    }

    /// The rules that mute alarms, of one alarm or all.
    pub fn list_alarm_mute_rules(&self, alarm: Option<&str>) -> Vec<MuteRule> {
        let wanted = |rule: &&MuteRule| alarm.is_none_or(|alarm| rule.alarms.iter().any(|name| name == alarm));
        self.alarms.mutes.iter().filter(wanted).cloned().collect()
    }

    /// Creates or replaces a rule that mutes alarms from now on.
    pub fn put_alarm_mute_rule(&mut self, name: &str, alarms: Vec<String>) {
        self.alarms.mutes.retain(|rule| rule.name != name);
        self.alarms.mutes.push(MuteRule { name: name.to_owned(), alarms, updated_at: self.now });
        self.alarms.mutes.sort_by(|a, b| a.name.cmp(&b.name));
        self.ledger.change(self.now, "PutAlarmMuteRule", vec![("rule", name.to_owned())]);
    }

    /// Deletes a rule; one that is not there is no error.
    pub fn delete_alarm_mute_rule(&mut self, name: &str) {
        self.alarms.mutes.retain(|rule| rule.name != name);
        self.ledger.change(self.now, "DeleteAlarmMuteRule", vec![("rule", name.to_owned())]);
    }

    /// The ARN of a rule that mutes alarms.
    pub fn mute_rule_arn(&self, name: &str) -> String {
        let (region, account) = (&self.schema.aws.region, &self.schema.aws.account);
        format!("arn:aws:cloudwatch:{region}:{account}:alarm-mute-rule:{name}")
    }

    /// Deletes alarms; none if one of them does not exist.
    pub fn delete_alarms(&mut self, names: &[String]) -> ApiResult<()> {
        self.known_alarms(names)?;
        self.alarms.watched.retain(|watched| !names.contains(&watched.alarm.definition.name));
        self.ledger.change(self.now, "DeleteAlarms", vec![("alarms", names.join(" "))]);
        Ok(())
    }

    /// Lets alarms act.
    pub fn enable_alarm_actions(&mut self, names: &[String]) -> ApiResult<()> {
        self.switch_actions(names, "EnableAlarmActions");
        Ok(())
    }

    /// Keeps alarms from acting.
    pub fn disable_alarm_actions(&mut self, names: &[String]) -> ApiResult<()> {
        self.switch_actions(names, "DisableAlarmActions");
        Ok(())
    }

    fn switch_actions(&mut self, names: &[String], operation: &'static str) {
        // Unknown names are ignored, as CloudWatch does.
        for name in names {
            if let Some(watched) = self.alarms.find_mut(name) {
                watched.alarm.definition.actions_enabled = operation == "EnableAlarmActions";
            }
        }
        self.ledger.change(self.now, operation, vec![("alarms", names.join(" "))]);
    }

    fn known_alarms(&self, names: &[String]) -> ApiResult<()> {
        match names.iter().find(|name| self.alarms.find(name).is_none()) {
            Some(name) => Err(ApiError::not_found("ResourceNotFound", format!("Alarm {name} does not exist"))),
            None => Ok(()),
        }
    }

    /// Writes a state; a change goes into the history and to the alarm's topics.
    pub(super) fn set_state(&mut self, index: usize, state: AlarmState, reason: &str, data: &str, at: Timestamp) {
        let Some(watched) = self.alarms.watched.get_mut(index) else { return };
        let alarm = &mut watched.alarm;
        if alarm.state == state {
            return;
        }
        let before = (alarm.state, std::mem::replace(&mut alarm.state_reason, reason.to_owned()));
        alarm.state = state;
        data.clone_into(&mut alarm.state_reason_data);
        (alarm.state_updated_at, alarm.state_transitioned_at) = (at, at);
        let alarm = alarm.clone();
        let definition = &alarm.definition;
        let change = json!({
            "version": "1.0",
            "oldState": {"stateValue": before.0.as_str(), "stateReason": before.1},
            "newState": {"stateValue": state.as_str(), "stateReason": reason},
        });
        let item = |kind, summary| HistoryItem {
            alarm: definition.name.clone(),
            alarm_type: definition.alarm_type(),
            at,
            kind,
            summary,
            data: change.to_string(),
        };
        let summary = format!("Alarm updated from {} to {}", before.0.as_str(), state.as_str());
        self.alarms.note(item(HistoryType::StateUpdate, summary));
        let is_quiet = self.alarms.suppression(&alarm, at).is_some() || self.alarms.is_muted(&definition.name);
        if !definition.actions_enabled || is_quiet {
            return;
        }
        let topics = match state {
            AlarmState::Ok => &definition.ok_actions,
            AlarmState::Alarm => &definition.alarm_actions,
            AlarmState::InsufficientData => &definition.insufficient_data_actions,
        };
        for topic in topics {
            let message = self.notification(&alarm, before.0, at);
            let subject = format!("{}: \"{}\" in {}", state.as_str(), definition.name, self.schema.aws.region);
            let subject = Some(subject.chars().take(100).collect());
            let sent = self.deliver(Publish { topic_arn: topic.clone(), message, subject, attributes: Vec::new() }, at);
            let verb = if sent.is_ok() { "Successfully executed" } else { "Failed to execute" };
            self.alarms.note(item(HistoryType::Action, format!("{verb} action {topic}")));
        }
    }

    fn notification(&self, alarm: &Alarm, before: AlarmState, at: Timestamp) -> String {
        json!({
            "AlarmName": alarm.definition.name,
            "AlarmDescription": alarm.definition.description,
            "AWSAccountId": self.schema.aws.account,
            "NewStateValue": alarm.state.as_str(),
            "NewStateReason": alarm.state_reason,
            "StateChangeTime": iso(at).replace('Z', "+0000"),
            "Region": self.schema.aws.region,
            "AlarmArn": alarm.arn,
            "OldStateValue": before.as_str(),
        })
        .to_string()
    }
}

/// What is wrong with a definition, or its composite rule.
fn check(definition: &AlarmDefinition) -> ApiResult<Option<Formula>> {
    let refuse = |message: String| Err(ApiError::new("ValidationError", message));
    if definition.name.is_empty() || definition.name.len() > 255 {
        return refuse("AlarmName must have between 1 and 255 characters.".to_owned());
    }
    let condition = match &definition.rule {
        AlarmRule::Composite(rule) => {
            let invalid = |reason| ApiError::new("ValidationError", format!("AlarmRule must be valid: {reason}"));
            return Formula::parse(rule).map(Some).map_err(invalid);
        }
        AlarmRule::Metric(condition) => condition,
    };
    if condition.evaluation_periods == 0 || !(1..=condition.evaluation_periods).contains(&condition.datapoints_to_alarm)
    {
        return refuse("DatapointsToAlarm must be between 1 and EvaluationPeriods.".to_owned());
    }
    match &condition.source {
        AlarmSource::Stat(stat) => check_stat(&stat.stat, stat.period)?,
        AlarmSource::Math(queries) => {
            if queries.iter().filter(|query| query.return_data).count() != 1 {
                return refuse("Exactly one element of the metrics list should return data.".to_owned());
            }
            for query in queries {
                match &query.source {
                    QuerySource::Stat(stat) => check_stat(&stat.stat, stat.period)?,
                    QuerySource::Expression { expression, .. } => {
                        let invalid =
                            |reason| ApiError::new("ValidationError", format!("Invalid expression: {reason}"));
                        check_expression(expression).map_err(invalid)?;
                    }
                }
            }
        }
    }
    Ok(None)
}
