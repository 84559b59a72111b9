//! What the types of a scenario's keys cannot say.

use super::schema::{Alarm, Profile, Rule, Schema};
use crate::sim::world::metrics;

/// The key to blame, and what is wrong with it.
type Complaint = (&'static str, String);

impl Schema {
    /// Finds what would keep AWS, or chance, from making this world.
    pub(super) fn check(&self) -> Result<(), Complaint> {
        self.check_names()?;
        let groups: Vec<&str> = self.groups().map(|(name, _)| name).collect();
        self.rule.iter().try_for_each(|rule| check_rule(rule, &groups))?;
        check_profile("old", &self.old)?;
        check_profile("new", &self.new)?;
        self.alarm.iter().flatten().try_for_each(check_alarm)?;
        if !(0.0..=100_000.0).contains(&self.traffic.rate) {
            return Err(("rate", "traffic rate must be between 0 and 100000 requests a second".to_owned()));
        }
        if !(0.0..=100.0).contains(&self.traffic.burst) {
            return Err(("burst", "a burst must be between 0 and 100 times the usual rate".to_owned()));
        }
        if self.dependency.iter().any(|dependency| !(0.0..=1_000.0).contains(&dependency.latency)) {
            return Err((
                "latency",
                "a dependency's latency must be between 0 and 1000 times the usual one".to_owned(),
            ));
        }
        self.check_estate()?;
        if let Some(codedeploy) = &self.codedeploy {
            codedeploy.check(self)?;
        }
        if self.metrics.delay_min > self.metrics.delay_max {
            return Err(("delay_min", "delay_min is longer than delay_max".to_owned()));
        }
        Ok(())
    }

    fn check_estate(&self) -> Result<(), Complaint> {
        const SEVERITIES: [&str; 6] = ["CRITICAL", "HIGH", "MEDIUM", "LOW", "INFORMATIONAL", "UNDEFINED"];
        let findings = self.estate.image.iter().flatten().flat_map(|image| image.findings.keys());
        match findings.into_iter().find(|severity| !SEVERITIES.contains(&severity.as_str())) {
            Some(severity) => {
                let known = SEVERITIES.join(", ");
                Err(("findings", format!("`{severity}` is no severity of ECR's; known are {known}")))
            }
            None => Ok(()),
        }
    }

    fn check_names(&self) -> Result<(), Complaint> {
        if self.service.is_empty() {
            return Err(("service", "a world needs at least one [[service]]".to_owned()));
        }
        for (index, service) in self.service.iter().enumerate() {
            let mut earlier = self.service.iter().take(index);
            if earlier.any(|other| other.name == service.name || other.target_group() == service.target_group()) {
                let message = format!("two services are, or have a target group, called `{}`", service.name);
                return Err(("name", message));
            }
        }
        let services = self.service.iter().map(|service| ("name", &service.name));
        let names = [
            ("cluster", &self.aws.cluster),
            ("load_balancer", &self.aws.load_balancer),
            ("topic", &self.aws.topic),
            ("family", &self.app.family),
            ("container", &self.app.container),
        ];
        let valid = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        match names.into_iter().chain(services).find(|(_, name)| name.is_empty() || !name.chars().all(valid)) {
            Some((key, name)) => Err((key, format!("`{name}` is no AWS name: use letters, digits, - and _"))),
            None => Ok(()),
        }
    }
}

fn check_rule(rule: &Rule, groups: &[&str]) -> Result<(), Complaint> {
    if let Some(name) = rule.weights.keys().find(|name| !groups.contains(&name.as_str())) {
        let known = groups.join(", ");
        return Err(("weights", format!("no service has the target group `{name}`; known are {known}")));
    }
    if !(1..=5).contains(&rule.weights.len()) || rule.weights.values().any(|&weight| weight > 999) {
        return Err(("weights", "a rule takes 1 to 5 target groups with weights between 0 and 999".to_owned()));
    }
    Ok(())
}

fn check_profile(key: &'static str, profile: &Profile) -> Result<(), Complaint> {
    if profile.latency_p50.is_zero() || profile.latency_p99 < profile.latency_p50 {
        return Err((key, format!("[{key}] needs 0 < latency_p50 <= latency_p99")));
    }
    Ok(())
}

fn check_alarm(alarm: &Alarm) -> Result<(), Complaint> {
    let complain = |message: String| Err(("alarm", format!("alarm `{}` {message}", alarm.name)));
    if alarm.name.is_empty() {
        return complain("needs a name".to_owned());
    }
    if alarm.metric.is_empty() {
        return complain("needs a [[alarm.metric]]".to_owned());
    }
    if alarm.metric.len() > 1 && alarm.expression.is_none() {
        return complain("has several metrics and needs an expression over their ids".to_owned());
    }
    let datapoints = alarm.datapoints.unwrap_or(alarm.periods);
    if alarm.periods == 0 || !(1..=alarm.periods).contains(&datapoints) {
        return complain("needs 1 <= datapoints <= periods".to_owned());
    }
    for metric in &alarm.metric {
        let period = u32::try_from(metric.period.as_secs()).unwrap_or(u32::MAX);
        if let Err(refused) = metrics::check_stat(&metric.stat, period) {
            return complain(format!("has a metric `{}` that cannot be: {}", metric.id, refused.message));
        }
    }
    match alarm.expression.as_deref().map(metrics::check_expression) {
        Some(Err(reason)) => complain(format!("has an expression that cannot be: {reason}")),
        _ => Ok(()),
    }
}
