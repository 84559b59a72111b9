//! Runs a case with many seeds through the rules, and joins what they said with what was true.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use super::rules::{Judging, Minute, Rule, judging};
use super::world::{BAKE, Case, Moment, Sums, World};

/// After a verdict, this long until the load balancer sends nothing more.
const TAKES: f64 = 5.0;

/// What is done to the log before it is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Treatment {
    AsItIs,
    /// Which of a tick's requests are green's is drawn anew.
    Shuffled,
    /// One line of five is lost.
    Thinned,
}

/// What a rule did over all seeds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Score {
    /// Seconds until the verdict, after the regression began; none for those it missed, or that came before.
    pub(crate) times: Vec<f64>,
    /// Verdicts before the regression.
    pub(crate) early: usize,
    pub(crate) runs: usize,
    pub(crate) harmed: f64,
}

impl Score {
    pub(crate) fn share(&self) -> f64 {
        self.times.len() as f64 / self.runs.max(1) as f64
    }

    /// The time by which so many of all runs were caught.
    pub(crate) fn quantile(&self, share: f64) -> Option<f64> {
        let mut times = self.times.clone();
        times.sort_by(f64::total_cmp);
        let index = (share * self.runs as f64).ceil().max(1.0) as usize - 1;
        times.get(index).copied()
    }

    pub(crate) fn mean_harmed(&self) -> f64 {
        self.harmed / self.runs.max(1) as f64
    }
}

/// Runs `runs` seeds from `seed` on.
pub(crate) fn score(case: Case, rules: &[Rule], treatment: Treatment, seed: u64, runs: u64) -> Vec<Score> {
    let mut scores = vec![Score::default(); rules.len()];
    for run in 0..runs {
        let verdicts = one(case, rules, treatment, seed + run);
        for (score, (at, harmed)) in scores.iter_mut().zip(verdicts) {
            score.runs += 1;
            score.harmed += harmed;
            match at {
                Some(at) if at >= case.from => score.times.push(at - case.from),
                Some(_) => score.early += 1,
                None => {}
            }
        }
    }
    scores
}

/// When each rule decided, and how many users were harmed by then.
fn one(case: Case, rules: &[Rule], treatment: Treatment, seed: u64) -> Vec<(Option<f64>, f64)> {
    let mut world = World::new(case, seed);
    // Delays are no part of the world: the same seed is the same course of requests for every rule.
    let mut random = Pcg64Mcg::seed_from_u64(seed ^ 0x00de_1a75_5eed);
    let delay = random.random_range(1.0..3.0);
    let mut minutes = Minutes::new(random.random_range(0.0..60.0));
    let mut judges: Vec<Box<dyn Judging>> = rules.iter().map(|rule| judging(*rule, world.weight())).collect();
    let mut decided: Vec<Option<f64>> = vec![None; rules.len()];
    let mut harmed: Vec<f64> = Vec::new();
    while let Some(mut moment) = world.next() {
        harmed.push(moment.harmed);
        match treatment {
            Treatment::AsItIs => {}
            Treatment::Shuffled => shuffle(&mut moment, &mut random),
            Treatment::Thinned => thin(&mut moment, &mut random),
        }
        let minute = minutes.take(&moment, &mut random);
        for (judge, decided) in judges.iter_mut().zip(&mut decided).filter(|(_, decided)| decided.is_none()) {
            *decided = judge.tick(&moment, delay);
            if decided.is_none()
                && let Some(minute) = &minute
            {
                *decided = judge.minute(minute);
            }
        }
        let known = decided.iter().flatten().copied().fold(0.0, f64::max);
        if decided.iter().all(Option::is_some) && moment.end > known + TAKES {
            break;
        }
    }
    let until = |at: Option<f64>| {
        let end = at.map_or(BAKE, |at| at + TAKES);
        let ends = (0..harmed.len()).map(|index| (index + 1) as f64 * super::world::TICK - super::world::BEFORE);
        harmed.iter().zip(ends).filter(|(_, at)| *at <= end).map(|(harmed, _)| harmed).sum()
    };
    decided.iter().map(|at| (*at, until(*at))).collect()
}

/// CloudWatch's minutes: any second may begin one, and each is known one to three minutes after its end.
struct Minutes {
    next: f64,
    known: f64,
    sums: [Sums; 2],
}

impl Minutes {
    fn new(phase: f64) -> Self {
        Self { next: phase - 60.0, known: 0.0, sums: Default::default() }
    }

    fn take(&mut self, moment: &Moment, random: &mut Pcg64Mcg) -> Option<Minute> {
        for (held, new) in self.sums.iter_mut().zip(&moment.sums) {
            held.merge(new);
        }
        if moment.end < self.next {
            return None;
        }
        let end = moment.end;
        self.next += 60.0;
        self.known = self.known.max(end + random.random_range(60.0..180.0));
        let [blue, green] = std::mem::take(&mut self.sums);
        Some(Minute { end, known: self.known, blue, green })
    }
}

/// Every request of a tick: its task among eight, whether it failed, and its bin.
fn requests(moment: &Moment) -> Vec<(usize, Option<usize>)> {
    let mut all = Vec::new();
    for (task, counts) in moment.blue.iter().chain(&moment.green).enumerate() {
        all.extend((0..counts.errors).map(|_| (task, None)));
        for (bin, count) in counts.latency.counts().iter().enumerate() {
            all.extend((0..*count).map(|_| (task, Some(bin))));
        }
    }
    all
}

fn rebuild(moment: &mut Moment, requests: &[(usize, Option<usize>)]) {
    for counts in moment.blue.iter_mut().chain(&mut moment.green) {
        (counts.requests, counts.errors, counts.latency) = Default::default();
    }
    let half = moment.blue.len();
    for (task, bin) in requests {
        let counts = if *task < half { &mut moment.blue[*task] } else { &mut moment.green[task - half] };
        counts.requests += 1;
        match bin {
            Some(bin) => counts.latency.add_to(*bin, 1),
            None => counts.errors += 1,
        }
    }
}

fn shuffle(moment: &mut Moment, random: &mut Pcg64Mcg) {
    let mut all = requests(moment);
    let mut left = all.len();
    while left > 1 {
        left -= 1;
        let other = random.random_range(0..=left);
        let (one, two) = (all[left].0, all[other].0);
        (all[left].0, all[other].0) = (two, one);
    }
    rebuild(moment, &all);
}

fn thin(moment: &mut Moment, random: &mut Pcg64Mcg) {
    let mut all = requests(moment);
    all.retain(|_| random.random_bool(0.8));
    rebuild(moment, &all);
}
