//! AWS's request rates: each operation has a bucket of tokens that refills at a steady pace, so that a client that
//! polls too hard is throttled here as it would be there.

use std::collections::HashMap;
use std::time::Duration;

use super::service::Service;

/// A bucket's size and its refill a second.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Rate {
    burst: f64,
    per_second: f64,
}

const fn rate(burst: f64, per_second: f64) -> Rate {
    Rate { burst, per_second }
}

/// The default quotas of an account, where AWS publishes them; the nearest published neighbour otherwise.
fn rate_of(service: Service, operation: &str) -> Rate {
    match (service, operation) {
        (Service::Ecs, "DescribeServices" | "ListServices" | "DescribeTasks" | "ListTasks") => rate(100.0, 20.0),
        (Service::Ecs, "UpdateService" | "CreateService") => rate(50.0, 5.0),
        (Service::Ecs, "RunTask" | "StopTask") => rate(100.0, 40.0),
        (Service::Ecs, "RegisterTaskDefinition" | "DeregisterTaskDefinition") => rate(20.0, 1.0),
        (Service::Ecs, _) => rate(50.0, 20.0),
        (Service::Elbv2, "ModifyRule" | "ModifyListener") => rate(40.0, 3.0),
        (Service::Elbv2, _) => rate(100.0, 10.0),
        (Service::CloudWatch, "GetMetricData") => rate(50.0, 50.0),
        (Service::CloudWatch, "GetMetricStatistics" | "PutMetricData") => rate(400.0, 400.0),
        (Service::CloudWatch, "DescribeAlarms" | "DescribeAlarmsForMetric") => rate(9.0, 9.0),
        (Service::CloudWatch, "PutMetricAlarm" | "DeleteAlarms" | "SetAlarmState")
        | (Service::Logs, "StartLiveTail") => rate(3.0, 3.0),
        (Service::Logs, "FilterLogEvents" | "DescribeLogGroups") => rate(10.0, 10.0),
        (Service::Logs, "PutLogEvents") => rate(5_000.0, 5_000.0),
        (Service::CloudWatch | Service::Logs, _) => rate(25.0, 25.0),
        (Service::Sns, "Publish") => rate(300.0, 300.0),
        (Service::Sns, _) => rate(30.0, 30.0),
        (Service::Sts, _) => rate(600.0, 600.0),
        (Service::Ecr, _) => rate(40.0, 20.0),
        (Service::SecretsManager, "DescribeSecret") => rate(40.0, 40.0),
        (Service::SecretsManager, _) => rate(50.0, 50.0),
        (Service::Rds, _) => rate(30.0, 10.0),
        (Service::CodeDeploy, _) => rate(50.0, 5.0),
        (Service::AppConfig, _) => rate(20.0, 10.0),
        (Service::DynamoDb, _) => rate(1_000.0, 1_000.0),
    }
}

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    filled: Duration,
}

/// The buckets of one account in one region.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    buckets: HashMap<(Service, String), Bucket>,
}

impl Limits {
    /// Takes a token for one call; `false` means that AWS would throttle it. `elapsed` counts from any fixed moment.
    pub(crate) fn admit(&mut self, service: Service, operation: &str, elapsed: Duration) -> bool {
        let rate = rate_of(service, operation);
        let bucket = self
            .buckets
            .entry((service, operation.to_owned()))
            .or_insert(Bucket { tokens: rate.burst, filled: elapsed });
        let refill = elapsed.saturating_sub(bucket.filled).as_secs_f64() * rate.per_second;
        bucket.tokens = (bucket.tokens + refill).min(rate.burst);
        bucket.filled = bucket.filled.max(elapsed);
        let admitted = bucket.tokens >= 1.0;
        if admitted {
            bucket.tokens -= 1.0;
        }
        admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_admitted_then_only_the_refill_is() {
        let mut limits = Limits::default();
        let at = Duration::from_secs(5);
        let admitted = (0..20).filter(|_| limits.admit(Service::CloudWatch, "DescribeAlarms", at)).count();
        assert_eq!(admitted, 9);
        let later = at + Duration::from_millis(500);
        let admitted = (0..20).filter(|_| limits.admit(Service::CloudWatch, "DescribeAlarms", later)).count();
        assert_eq!(admitted, 4);
        assert!(limits.admit(Service::CloudWatch, "GetMetricData", later), "each operation has its own bucket");
    }
}
