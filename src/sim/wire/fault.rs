//! Faults of the AWS API itself, as opposed to those of the simulated services: seeded, filtered, counted.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use bytes::Bytes;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg32;

use super::service::Service;
use crate::sim::scenario::{ApiFault, ApiFaultKind, Percent};

/// How long answers are held for stale reads, once they are many.
const HELD_FOR: Duration = Duration::from_mins(1);
/// Answers held for stale reads.
const STALE_HELD: usize = 256;

impl ApiFaultKind {
    /// Its name, as scenario files and reports write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Throttling => "throttling",
            Self::ServerError => "server-error",
            Self::HtmlError => "html-error",
            Self::LostResponse => "lost-response",
            Self::LostRequest => "lost-request",
            Self::Slow => "slow",
            Self::Timeout => "timeout",
            Self::StaleRead => "stale-read",
            Self::ExpiredCredentials => "expired-credentials",
            Self::AccessDenied => "access-denied",
        }
    }
}

impl fmt::Display for ApiFaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl ApiFault {
    /// A fault of every call at any time; [`on`](Self::on) and [`during`](Self::during) narrow it.
    pub fn new(kind: ApiFaultKind, probability: Percent) -> Self {
        Self {
            kind,
            probability,
            at: Duration::ZERO,
            lasting: None,
            operations: Vec::new(),
            delay: match kind {
                ApiFaultKind::StaleRead => Duration::from_secs(30),
                _ => Duration::from_secs(5),
            },
        }
    }

    /// Restricts the fault to operations: `UpdateService`, `Describe*`, `ecs:*`, `elbv2:Modify*`.
    #[must_use]
    pub fn on(mut self, operations: &[&str]) -> Self {
        self.operations = operations.iter().map(|&operation| operation.to_owned()).collect();
        self
    }

    /// Restricts the fault to a span that begins `at` after the start of the simulation.
    #[must_use]
    pub fn during(mut self, at: Duration, lasting: Duration) -> Self {
        self.at = at;
        self.lasting = Some(lasting);
        self
    }

    fn covers(&self, service: &str, operation: &str, elapsed: Duration) -> bool {
        elapsed >= self.at
            && self.lasting.is_none_or(|lasting| elapsed < self.at + lasting)
            && (self.kind != ApiFaultKind::StaleRead || is_read(operation))
            && (self.operations.is_empty() || self.operations.iter().any(|filter| matches(filter, service, operation)))
    }
}

/// Every fault of a simulation, and how long an undisturbed call takes.
#[derive(Clone, Debug, PartialEq)]
pub struct FaultPlan {
    /// The rules, in order: the first one that strikes decides.
    pub rules: Vec<ApiFault>,
    /// The virtual latency of a call, drawn evenly.
    pub latency: RangeInclusive<Duration>,
}

impl Default for FaultPlan {
    /// No faults, and latencies as they are inside one region.
    fn default() -> Self {
        Self { rules: Vec::new(), latency: Duration::from_millis(15)..=Duration::from_millis(60) }
    }
}

impl FaultPlan {
    /// A plan with these rules and the usual latencies.
    pub fn of(rules: Vec<ApiFault>) -> Self {
        Self { rules, ..Self::default() }
    }
}

/// Whether an operation only reads.
pub(crate) fn is_read(operation: &str) -> bool {
    // A lease is read consistently.
    operation != "GetItem" && ["Describe", "List", "Get", "Filter"].iter().any(|prefix| operation.starts_with(prefix))
}

/// Whether a filter such as `elbv2:Modify*` covers an operation.
fn matches(filter: &str, service: &str, operation: &str) -> bool {
    let (wanted_service, wanted) = filter.split_once(':').unwrap_or(("*", filter));
    let covers = |pattern: &str, name: &str| match pattern.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => name == pattern,
    };
    covers(wanted_service, service) && covers(wanted, operation)
}

/// The faults at work: draws, counts and remembers.
#[derive(Debug)]
pub(crate) struct Faults {
    seed: u64,
    rules: Vec<(ApiFault, Pcg32)>,
    latency: RangeInclusive<Duration>,
    latencies: Pcg32,
    injected: BTreeMap<ApiFaultKind, u64>,
    answers: HashMap<(Service, String, Bytes), (Duration, http::Response<Bytes>)>,
}

impl Faults {
    pub(crate) fn new(plan: FaultPlan, seed: u64) -> Self {
        let mut faults = Self {
            seed,
            rules: Vec::new(),
            latency: plan.latency.clone(),
            latencies: Pcg32::new(seed, 0),
            injected: BTreeMap::new(),
            answers: HashMap::new(),
        };
        faults.set(plan);
        faults
    }

    /// Replaces the plan; the counts stay. Each rule draws from a stream of its own, so that adding one leaves the
    /// others' draws as they were.
    pub(crate) fn set(&mut self, plan: FaultPlan) {
        self.latency = plan.latency;
        self.rules = plan
            .rules
            .into_iter()
            .zip(1_u64..)
            .map(|(rule, stream)| (rule, Pcg32::seed_from_u64(self.seed ^ stream.wrapping_mul(0x9e37_79b9_7f4a_7c15))))
            .collect();
    }

    /// What strikes this call, and the delay of its rule. Every rule that covers the call draws, whether or not an
    /// earlier one struck, so that one rule's luck does not shift another's.
    pub(crate) fn strike(
        &mut self,
        service: Service,
        operation: &str,
        elapsed: Duration,
    ) -> Option<(ApiFaultKind, Duration)> {
        self.strike_named(service.name(), operation, elapsed)
    }

    /// The same for what is no service of AWS.
    pub(crate) fn strike_named(
        &mut self,
        service: &str,
        operation: &str,
        elapsed: Duration,
    ) -> Option<(ApiFaultKind, Duration)> {
        let mut struck = None;
        for (rule, draws) in &mut self.rules {
            if rule.covers(service, operation, elapsed) && draws.random_bool(rule.probability.probability()) {
                struck = struck.or(Some((rule.kind, rule.delay)));
            }
        }
        struck
    }

    pub(crate) fn latency(&mut self) -> Duration {
        let span = self.latency.end().saturating_sub(*self.latency.start());
        *self.latency.start() + span.mul_f64(self.latencies.random::<f64>())
    }

    pub(crate) fn count(&mut self, kind: ApiFaultKind) {
        *self.injected.entry(kind).or_default() += 1;
    }

    pub(crate) fn injected(&self) -> &BTreeMap<ApiFaultKind, u64> {
        &self.injected
    }

    /// Keeps an answer for a later stale read of the same request.
    pub(crate) fn remember(
        &mut self,
        service: Service,
        operation: &str,
        body: &Bytes,
        elapsed: Duration,
        answer: &http::Response<Bytes>,
    ) {
        if !is_read(operation) || !self.rules.iter().any(|(rule, _)| rule.kind == ApiFaultKind::StaleRead) {
            return;
        }
        if self.answers.len() >= STALE_HELD {
            self.answers.retain(|_, (at, _)| elapsed.saturating_sub(*at) < HELD_FOR);
        }
        if self.answers.len() < STALE_HELD {
            self.answers.insert((service, operation.to_owned(), body.clone()), (elapsed, answer.clone()));
        }
    }

    /// The answer that the same request got at most `age` ago.
    pub(crate) fn stale(
        &self,
        service: Service,
        operation: &str,
        body: &Bytes,
        elapsed: Duration,
        age: Duration,
    ) -> Option<http::Response<Bytes>> {
        let (at, answer) = self.answers.get(&(service, operation.to_owned(), body.clone()))?;
        (elapsed.saturating_sub(*at) <= age).then(|| answer.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    fn struck(faults: &mut Faults, operation: &str, elapsed: Duration) -> Option<ApiFaultKind> {
        faults.strike(Service::Ecs, operation, elapsed).map(|(kind, _)| kind)
    }

    fn always(kind: ApiFaultKind) -> ApiFault {
        ApiFault::new(kind, Percent::all())
    }

    #[test]
    fn a_fault_strikes_only_its_operations_within_its_span() {
        let fault = always(ApiFaultKind::Throttling).on(&["ecs:Describe*"]).during(MINUTE, MINUTE);
        let mut faults = Faults::new(FaultPlan::of(vec![fault]), 1);
        assert_eq!(struck(&mut faults, "DescribeServices", Duration::ZERO), None);
        assert_eq!(struck(&mut faults, "DescribeServices", MINUTE), Some(ApiFaultKind::Throttling));
        assert_eq!(struck(&mut faults, "DescribeServices", 2 * MINUTE), None);
        assert_eq!(struck(&mut faults, "UpdateService", MINUTE), None);
        assert_eq!(faults.strike(Service::Elbv2, "DescribeRules", MINUTE), None);
    }

    #[test]
    fn the_first_fault_that_strikes_decides_and_stale_reads_spare_writes() {
        let plan = FaultPlan::of(vec![always(ApiFaultKind::StaleRead), always(ApiFaultKind::Slow)]);
        let mut faults = Faults::new(plan, 1);
        assert_eq!(struck(&mut faults, "DescribeServices", MINUTE), Some(ApiFaultKind::StaleRead));
        assert_eq!(struck(&mut faults, "UpdateService", MINUTE), Some(ApiFaultKind::Slow));
    }

    #[test]
    fn draws_follow_the_seed_and_one_fault_does_not_shift_another() {
        let rare = ApiFault::new(ApiFaultKind::ServerError, Percent::new(20.0));
        let draws = |rules: Vec<ApiFault>, seed| {
            let mut faults = Faults::new(FaultPlan::of(rules), seed);
            (0..200)
                .map(|_| struck(&mut faults, "UpdateService", MINUTE) == Some(ApiFaultKind::ServerError))
                .collect::<Vec<_>>()
        };
        let alone = draws(vec![rare.clone()], 7);
        let other = ApiFault::new(ApiFaultKind::Slow, Percent::new(50.0));
        assert_eq!(alone, draws(vec![rare.clone(), other], 7));
        assert_ne!(alone, draws(vec![rare], 8));
        let strikes = alone.iter().filter(|&&hit| hit).count();
        assert!((20..=60).contains(&strikes), "{strikes} strikes of 200 at 20 %");
    }
}
