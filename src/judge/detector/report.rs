//! What a detector says of itself, in figures and in words.

use super::super::band::Band;
use super::super::histogram::{WIDTH, start_of};
use super::super::judgement::{
    Ahead, Detectable, Doubt, Finding, Harmed, Judgement, Recommendation, Safety, Symptom, WithoutTask,
};
use super::super::outlook::{seconds_to_tell, seconds_until, smallest_excess, smallest_factor};
use super::super::traffic::REMAINDERS;
use super::{Detector, Weights};

/// Evidence that is proof of being safe: wrong once in twenty.
pub(super) const SAFE: f64 = 20.0;

/// Below this no explanation is likelier than chance.
const SAYS_SOMETHING: f64 = 2.0;

impl Detector {
    /// Everything there is to say now.
    pub fn judgement(&self) -> Judgement {
        let elapsed = self.elapsed().as_secs_f64();
        let findings = self.findings();
        let odds = self.odds.band();
        let rate = self.blue.value();
        Judgement {
            at: self.now,
            elapsed,
            recommendation: self.recommendation.clone(),
            since: self.since,
            reason: self.reason(&findings),
            evidence: self.evidence(),
            needed: self.settings.needed(),
            findings,
            without: self.without_each(),
            odds,
            excess: odds.map(|odds| excess_of(odds, rate)),
            factor: self.factor.band(),
            requests: (self.harm.green(), self.harm.blue()),
            harmed: self.harmed(elapsed),
            safety: self.safety(),
            ahead: self.ahead(elapsed),
            detectable: self.detectable(elapsed),
            allowed_factor: self.allowed(elapsed),
            dispersion: self.dispersion.factor(),
        }
    }

    /// How near green is to being proved safe.
    pub fn safety(&self) -> Safety {
        Safety { errors: self.safe_errors.nats(), latency: self.safe_latency.nats(), needed: SAFE.ln() }
    }

    /// What each symptom contributes to the evidence, which is their sum.
    pub fn contributions(&self) -> impl Iterator<Item = (Symptom, f64)> {
        self.weighed().map(|(symptom, (weight, evidence))| (symptom, weight * evidence))
    }

    /// The weight and the evidence of each symptom that is judged.
    fn weighed(&self) -> impl Iterator<Item = (Symptom, (f64, f64))> {
        let weights = Weights::of(&self.settings);
        let worth = self.worth(&self.all);
        let (traffic, deaths) = self.worth_of_traffic();
        let of = move |symptom: Symptom| match symptom {
            Symptom::Errors => (weights.errors, worth.errors),
            Symptom::Latency => (weights.body, worth.body),
            Symptom::Tail => (weights.tail, worth.tail),
            Symptom::Traffic => (weights.traffic, traffic),
            Symptom::Deaths => (weights.deaths, deaths),
        };
        Symptom::ALL.into_iter().map(move |symptom| (symptom, of(symptom))).filter(|(_, (weight, _))| *weight > 0.0)
    }

    fn findings(&self) -> Vec<Finding> {
        let mut findings: Vec<(f64, Finding)> = self
            .weighed()
            .map(|(symptom, (weight, evidence))| {
                let says = evidence >= SAYS_SOMETHING;
                let hypothesis = if says { self.hypothesis(symptom) } else { "nothing speaks for it".to_owned() };
                (weight * evidence, Finding { symptom, evidence, hypothesis })
            })
            .collect();
        findings.sort_by(|(one, _), (other, _)| other.total_cmp(one));
        findings.into_iter().map(|(_, finding)| finding).collect()
    }

    /// The likeliest explanation of a symptom.
    pub fn hypothesis(&self, symptom: Symptom) -> String {
        let (errors, other) = self.block_limits();
        match symptom {
            Symptom::Errors => format!("requests fail at about {} times blue's odds", self.all.likeliest_odds(errors)),
            Symptom::Latency => {
                let factor = self.all.likeliest_factor(other) * self.allowed(self.elapsed().as_secs_f64());
                format!("requests take about {factor:.2} times as long as blue's")
            }
            Symptom::Tail => {
                let (limit, odds) = self.all.likeliest_limit(other);
                match self.reference.limits().get(limit) {
                    Some(bin) => format!("{odds} times blue's odds to take more than {}", span(start_of(bin + 1))),
                    None => "too few of blue's latencies are known".to_owned(),
                }
            }
            Symptom::Traffic => {
                let worth = |bet: &super::Bet| bet.worth(other);
                let likeliest =
                    self.traffic.iter().zip(REMAINDERS).max_by(|(a, _), (b, _)| worth(a).total_cmp(&worth(b)));
                let remainder = likeliest.map_or(1.0, |(_, remainder)| remainder);
                format!("green answers at most {:.0} % of its share", remainder * 100.0)
            }
            Symptom::Deaths => "tasks die some six times an hour each".to_owned(),
        }
    }

    fn reason(&self, findings: &[Finding]) -> String {
        let leading = findings.first();
        let why =
            leading.map_or_else(String::new, |leading| format!("{}: {}", leading.symptom.word(), leading.hypothesis));
        match &self.recommendation {
            Recommendation::Continue if self.began.is_none() => "green has no traffic yet".to_owned(),
            Recommendation::Continue => "nothing speaks clearly against green, and nothing proves it safe".to_owned(),
            Recommendation::RollBack => why,
            Recommendation::Hold { because } => match because {
                Doubt::Suspicious => format!("suspicious, not proved: {why}"),
                Doubt::OneTask { task } => {
                    format!("task {task} alone explains it: replace the task, not the version; {why}")
                }
                Doubt::OneSpell => format!("one short spell on too few tasks to tell a host from the version: {why}"),
                Doubt::SourceKnowsNoTasks => {
                    format!("this source cannot tell a host from the version: {why}")
                }
            },
            Recommendation::Promote => format!(
                "errors within {:+.1} points and latency within {:.2} times blue's are proved",
                self.settings.safe_excess * 100.0,
                self.settings.safe_factor
            ),
            Recommendation::NotEnoughData => {
                let seen = self.harm.green();
                format!("the bake is over, and {seen} requests of green's prove neither harm nor safety")
            }
        }
    }

    fn without_each(&self) -> Vec<WithoutTask> {
        let mut left: Vec<WithoutTask> = self
            .green_tasks
            .iter()
            .filter_map(|(task, known)| {
                let row = self.without.get(known.row)?;
                Some(WithoutTask { task: task.clone(), evidence: self.combine(self.worth(row)) })
            })
            .collect();
        left.sort_by(|one, other| one.evidence.total_cmp(&other.evidence));
        left
    }

    fn harmed(&self, elapsed: f64) -> Harmed {
        let (failed, slowed) = (self.harm.failed(), self.harm.slowed());
        let green = self.harm.green() as f64;
        let all_a_minute = (green + self.harm.blue() as f64) / elapsed.max(1.0) * 60.0;
        let share = if green > 0.0 { ((failed + slowed) / green).min(1.0) } else { 0.0 };
        Harmed { failed, slowed, a_minute_at_full: share * all_a_minute }
    }

    /// Green's share of the requests since it got traffic.
    fn share(&self) -> f64 {
        let green = self.harm.green() as f64;
        let all = green + self.harm.blue() as f64;
        if all > 0.0 { green / all } else { self.weight.map_or(0.0, |(share, _)| share) }
    }

    fn ahead(&self, elapsed: f64) -> Ahead {
        let needed = self.settings.needed().ln();
        let growth = self
            .history
            .front()
            .zip(self.history.back())
            .map_or(0.0, |((from, least), (to, most))| if to > from { (most - least) / (to - from) } else { 0.0 });
        let roll_back =
            seconds_until(needed, self.evidence().max(1e-300).ln(), growth).filter(|_| self.evidence() > 1.0);
        let rest = |nats: f64| if elapsed > 0.0 { seconds_until(SAFE.ln(), nats, nats / elapsed) } else { None };
        let warm = (self.settings.cold_start.ends() - elapsed).max(0.0);
        let latency_since = elapsed - self.settings.cold_start.ends();
        let latency_nats = self.safe_latency.nats();
        let latency = if latency_since > 0.0 {
            seconds_until(SAFE.ln(), latency_nats, latency_nats / latency_since)
        } else {
            None
        };
        let errors = rest(self.safe_errors.nats()).or_else(|| {
            let rate = self.harm.green() as f64 / elapsed.max(1.0);
            seconds_to_tell(self.blue.value(), self.settings.safe_excess, rate, self.share())
        });
        let shortest = (self.settings.shortest_bake.as_secs_f64() - elapsed).max(0.0);
        let promote = errors.zip(latency).map(|(errors, latency)| errors.max(latency).max(warm).max(shortest));
        Ahead { roll_back, promote }
    }

    fn detectable(&self, elapsed: f64) -> Detectable {
        let end = self.settings.longest_bake.map_or(elapsed, |longest| longest.as_secs_f64().max(elapsed));
        let green = self.harm.green() as f64 / elapsed.max(1.0) * end;
        let deviation = self.reference.seen().moments().map_or(0.0, |(_, deviation)| deviation * WIDTH);
        let share = self.share();
        Detectable {
            excess: smallest_excess(self.blue.value(), green, share),
            factor: smallest_factor(deviation, green, share, self.margin).filter(|_| deviation > 0.0),
        }
    }
}

/// The excess of errors that odds ratios mean where blue fails at `rate`.
fn excess_of(odds: Band, rate: f64) -> Band {
    let excess = |odds: f64| odds * rate / (1.0 - rate + odds * rate) - rate;
    Band { low: excess(odds.low), middle: excess(odds.middle), high: excess(odds.high) }
}

/// Milliseconds as people write them.
fn span(milliseconds: f64) -> String {
    if milliseconds >= 1_000.0 { format!("{:.1} s", milliseconds / 1_000.0) } else { format!("{milliseconds:.0} ms") }
}
