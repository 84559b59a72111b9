//! What AWS and the application measure by themselves, once a minute or every ten seconds.

use std::time::Duration;

use super::MetricId;
use super::statistic::{Summary, Values};
use super::store::Measured;
use crate::domain::time::Timestamp;
use crate::sim::world::World;
use crate::sim::world::traffic::{Histogram, Side};

const MINUTE: Duration = Duration::from_mins(1);
const TEN_SECONDS: Duration = Duration::from_secs(10);
/// What a task uses when nobody asks it anything.
const IDLE_CPU: f64 = 3.0;
const IDLE_POOL: f64 = 2.0;
const CONNECTIONS_PER_TASK: f64 = 20.0;

impl World {
    /// Looks at what is looked at every ten seconds, and publishes at the end of a period. `at` ends a second.
    pub(in crate::sim::world) fn tick_metrics(&mut self, at: Timestamp) {
        if at.floor_to(TEN_SECONDS) == at {
            self.look_at_targets();
            self.publish_pools(at - TEN_SECONDS, at);
        }
        if at.floor_to(MINUTE) == at {
            self.publish_load_balancing(at - MINUTE, at);
            self.publish_services(at - MINUTE, at);
            for group in &mut self.elb.groups {
                group.minute.clear();
            }
            self.traffic.refused = 0;
        }
    }

    fn look_at_targets(&mut self) {
        for index in 0..self.elb.groups.len() {
            let (healthy, unhealthy) = self.elb.counts(index);
            let Some(group) = self.elb.groups.get_mut(index) else { continue };
            // AWS reports host counts only for groups that have targets.
            if !group.targets.is_empty() {
                group.minute.healthy.look(f64::from(healthy));
                group.minute.unhealthy.look(f64::from(unhealthy));
            }
        }
    }

    fn publish_load_balancing(&mut self, from: Timestamp, at: Timestamp) {
        let Some(balancer) = self.elb.balancer_dimension().map(str::to_owned) else { return };
        let visible_at = self.published(at);
        let mut whole = Histogram::default();
        let (mut requests, mut statuses) = (0, [0; 4]);
        let mut measured: Vec<(MetricId, &'static str, Summary, Option<Values>)> = Vec::new();
        for group in &mut self.elb.groups {
            let target_group = group.view.arn.rsplit_once(':').map_or("", |(_, name)| name).to_owned();
            let id = |name: &str| {
                MetricId::new(
                    "AWS/ApplicationELB",
                    name,
                    &[("LoadBalancer", &balancer), ("TargetGroup", &target_group)],
                )
            };
            let minute = &mut group.minute;
            whole.merge(&minute.latencies);
            requests += minute.requests;
            for (sum, count) in statuses.iter_mut().zip(minute.statuses) {
                *sum += count;
            }
            push_answers(&mut measured, id, minute.requests, minute.statuses, &minute.latencies);
            for (name, gauge) in
                [("HealthyHostCount", &mut minute.healthy), ("UnHealthyHostCount", &mut minute.unhealthy)]
            {
                if let Some(summary) = gauge.take() {
                    measured.push((id(name), "Count", summary, None));
                }
            }
        }
        let id = |name: &str| MetricId::new("AWS/ApplicationELB", name, &[("LoadBalancer", &balancer)]);
        push_answers(&mut measured, id, requests, statuses, &whole);
        if self.traffic.refused > 0 {
            measured.push((id("HTTPCode_ELB_5XX_Count"), "Count", counted(self.traffic.refused), None));
        }
        for (id, unit, summary, values) in measured {
            self.metrics.push(id, unit, Measured { at: from, visible_at, summary, values });
        }
    }

    fn publish_services(&mut self, from: Timestamp, at: Timestamp) {
        let visible_at = self.published(at);
        let mut connections = 0.0;
        for index in 0..self.ecs.services.len() {
            let tasks: Vec<(Side, Timestamp)> = self.ecs.running(index).collect();
            connections += tasks.len() as f64 * CONNECTIONS_PER_TASK * 0.35;
            let Some(service) = self.ecs.services.get(index) else { continue };
            let view = service.view();
            let (name, desired, pending) = (view.name.clone(), f64::from(view.desired), f64::from(view.pending));
            let load = self.load(index, MINUTE, tasks.len());
            let cluster = self.schema.aws.cluster.clone();
            let dimensions = [("ClusterName", cluster.as_str()), ("ServiceName", name.as_str())];
            let counts = [
                ("RunningTaskCount", tasks.len() as f64),
                ("DesiredTaskCount", desired),
                ("PendingTaskCount", pending),
            ];
            for (metric, value) in counts {
                let id = MetricId::new("ECS/ContainerInsights", metric, &dimensions);
                self.metrics.push(
                    id,
                    "Count",
                    Measured { at: from, visible_at, summary: Summary::of(value), values: None },
                );
            }
            if tasks.is_empty() {
                continue;
            }
            let (mut cpu, mut memory) = (Summary::default(), Summary::default());
            for (side, since) in tasks {
                let profile = if side == Side::Old { &self.schema.old } else { &self.schema.new };
                let busy = 100.0 * profile.cpu.probability() - IDLE_CPU;
                let minutes = at.since(since).as_secs_f64() / 60.0;
                let used = 100.0 * (profile.memory.probability() + profile.memory_growth.probability() * minutes);
                let noise = 1.0 + 0.03 * self.streams.metrics.normal();
                cpu.add(&Summary::of(((IDLE_CPU + busy * load) * noise).clamp(0.1, 100.0)));
                memory.add(&Summary::of((used * (1.0 + 0.01 * self.streams.metrics.normal())).clamp(0.1, 100.0)));
            }
            for (metric, summary) in [("CPUUtilization", cpu), ("MemoryUtilization", memory)] {
                let id = MetricId::new("AWS/ECS", metric, &dimensions);
                self.metrics.push(id, "Percent", Measured { at: from, visible_at, summary, values: None });
            }
        }
        let database =
            MetricId::new("AWS/RDS", "DatabaseConnections", &[("DBInstanceIdentifier", &self.schema.aws.database)]);
        let summary = Summary::of(connections.round());
        self.metrics.push(database, "Count", Measured { at: from, visible_at, summary, values: None });
    }

    fn publish_pools(&mut self, from: Timestamp, at: Timestamp) {
        let visible_at = at + self.schema.metrics.high_resolution_delay;
        let slowness = f64::from(self.weather(at).slowness);
        for index in 0..self.ecs.services.len() {
            let tasks: Vec<(Side, Timestamp)> = self.ecs.running(index).collect();
            let load = self.load(index, TEN_SECONDS, tasks.len());
            let Some(service) = self.ecs.services.get(index).filter(|_| !tasks.is_empty()) else { continue };
            let id = MetricId::new("App", "DbPoolUtilization", &[("ServiceName", &service.view().name)]);
            let mut summary = Summary::default();
            for (side, _) in tasks {
                let profile = if side == Side::Old { &self.schema.old } else { &self.schema.new };
                let busy = 100.0 * profile.db_pool.probability() - IDLE_POOL;
                let noise = 1.0 + 0.05 * self.streams.metrics.normal();
                summary.add(&Summary::of(((IDLE_POOL + busy * load * slowness) * noise).clamp(0.0, 100.0)));
            }
            self.metrics.push(id, "Percent", Measured { at: from, visible_at, summary, values: None });
        }
        for group in &mut self.elb.groups {
            group.minute.window = group.minute.requests;
        }
        if at.floor_to(MINUTE) == at {
            for group in &mut self.elb.groups {
                group.minute.window = 0;
            }
        }
    }

    /// How busy a service's tasks were over the last `span`: 1 is what each task had when the world started.
    fn load(&self, service: usize, span: Duration, tasks: usize) -> f64 {
        let started: u32 = self.schema.service.iter().map(|service| service.desired).sum();
        let usual = self.schema.traffic.rate / f64::from(started.max(1));
        let Some(service) = self.ecs.services.get(service) else { return 0.0 };
        let groups = service
            .balanced_by()
            .into_iter()
            .filter_map(|arn| self.elb.group_index(arn).and_then(|index| self.elb.groups.get(index)));
        let minute = span == MINUTE;
        let requests: u64 =
            groups.map(|group| group.minute.requests - if minute { 0 } else { group.minute.window }).sum();
        if usual <= 0.0 || tasks == 0 {
            return 0.0;
        }
        requests as f64 / span.as_secs_f64() / tasks as f64 / usual
    }

    fn published(&mut self, at: Timestamp) -> Timestamp {
        let metrics = &self.schema.metrics;
        let (least, most) = (metrics.delay_min.as_secs_f64(), metrics.delay_max.as_secs_f64());
        at + Duration::from_secs_f64(self.streams.metrics.between(least, most))
    }
}

fn counted(count: u64) -> Summary {
    // A counter's samples are its requests, each of them 1.
    Summary { count: count as f64, sum: count as f64, minimum: 1.0, maximum: 1.0 }
}

fn push_answers(
    measured: &mut Vec<(MetricId, &'static str, Summary, Option<Values>)>,
    id: impl Fn(&str) -> MetricId,
    requests: u64,
    statuses: [u64; 4],
    latencies: &Histogram,
) {
    // Without requests AWS publishes no datapoint, not a zero; and each status only where it occurred.
    if requests > 0 {
        measured.push((id("RequestCount"), "Count", counted(requests), None));
    }
    for (digit, count) in (2..).zip(statuses) {
        if count > 0 {
            measured.push((id(&format!("HTTPCode_Target_{digit}XX_Count")), "Count", counted(count), None));
        }
    }
    if latencies.total() > 0 {
        let (minimum, maximum) = latencies.range();
        let summary = Summary {
            count: latencies.total() as f64,
            sum: latencies.sum() / 1_000.0,
            minimum: f64::from(minimum) / 1_000.0,
            maximum: f64::from(maximum) / 1_000.0,
        };
        let values = latencies.buckets().map(|(millis, count)| (millis / 1_000.0, count as f32)).collect();
        measured.push((id("TargetResponseTime"), "Seconds", summary, Some(values)));
    }
}
