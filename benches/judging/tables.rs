//! The tables of docs/judging.md.

use std::fmt::Write;

use cutover::judge::detector::Detector;
use cutover::judge::settings::{Bands, Settings};

use super::Wanted;
use super::rules::Rule;
use super::score::{Score, Treatment, score};
use super::world::{Case, Nuisance, Parameters, Regression, World, Worse, moment};

pub(crate) const NAMES: [&str; 6] = ["healthy", "worse", "mix", "jitter", "safe", "controls"];

pub(crate) fn make(name: &str, wanted: &Wanted) -> String {
    match name {
        "healthy" => healthy(wanted),
        "worse" => worse(wanted, Nuisance::Plain, Parameters::Stated, &Rule::ALL),
        "mix" => {
            worse(&wanted.slow(), Nuisance::Mix, Parameters::Stated, &[Rule::Ours, Rule::OursMinutes, Rule::Kayenta])
        }
        "jitter" => jitter(&wanted.slow()),
        "safe" => safe(wanted),
        _ => controls(wanted),
    }
}

const ERRORS: [f64; 2] = [0.001, 0.01];

fn case(rate: f64, errors: f64) -> Case {
    Case {
        rate,
        weight: 0.1,
        errors,
        nuisance: Nuisance::Plain,
        regression: Regression::None,
        from: 0.0,
        parameters: Parameters::Stated,
        worse: Worse::Green,
    }
}

const REGRESSIONS: [(&str, Regression, f64); 11] = [
    ("all requests fail", Regression::Errors(1.0), 0.0),
    ("+10 points of errors", Regression::Errors(0.1), 0.0),
    ("+2 points", Regression::Errors(0.02), 0.0),
    ("+0.5 points", Regression::Errors(0.005), 0.0),
    ("3 times as slow", Regression::Slower(3.0), 0.0),
    ("1.5 times", Regression::Slower(1.5), 0.0),
    ("1.2 times", Regression::Slower(1.2), 0.0),
    ("1 % take 5 s", Regression::SlowPath, 0.0),
    ("answers nothing", Regression::Dead, 0.0),
    ("+2 points after 10 min", Regression::Errors(0.02), 600.0),
    ("1.5 times after 10 min", Regression::Slower(1.5), 600.0),
];

fn head(first: &str, columns: impl Iterator<Item = String>) -> String {
    let columns: Vec<String> = columns.collect();
    format!("| {first} | {} |\n|---|{}\n", columns.join(" | "), "---|".repeat(columns.len()))
}

fn list(rates: &[f64]) -> String {
    rates.iter().map(ToString::to_string).collect::<Vec<_>>().join(" / ")
}

fn runs(wanted: &Wanted) -> String {
    let runs: Vec<String> = wanted.rates.iter().map(|rate| wanted.runs_at(*rate).to_string()).collect();
    format!("{} seeds from {} on", runs.join(" / "), wanted.seed)
}

/// Roll-backs of releases whose versions are alike.
fn healthy(wanted: &Wanted) -> String {
    // More seeds: what is rare needs them.
    let wanted =
        &Wanted { runs: wanted.runs * 5, seed: wanted.seed, rates: wanted.rates.clone(), only: wanted.only.clone() };
    let rules = [
        Rule::Ours,
        Rule::OursMinutes,
        Rule::PollLog,
        Rule::PollMinutes,
        Rule::Alarm,
        Rule::AtEnd,
        Rule::Kayenta,
        Rule::Argo,
        Rule::Flagger,
    ];
    let mut text = format!("Percent taken back, at {} requests a second; {}.\n\n", list(&wanted.rates), runs(wanted));
    text += &head("trouble, errors", rules.iter().map(|rule| rule.words().to_owned()));
    let mut pooled = vec![(0, 0); rules.len()];
    for errors in ERRORS {
        for nuisance in Nuisance::ALL {
            let words = format!("{}, {} %", nuisance.words(), errors * 100.0);
            if !words.contains(&wanted.only) {
                continue;
            }
            let mut cells = vec![Vec::new(); rules.len()];
            for rate in &wanted.rates {
                let case = Case { nuisance, ..case(*rate, errors) };
                let scores = score(case, &rules, Treatment::AsItIs, wanted.seed, wanted.runs_at(*rate));
                for (index, score) in scores.iter().enumerate() {
                    cells[index].push(format!("{:.1}", score.share() * 100.0));
                    pooled[index].0 += score.times.len();
                    pooled[index].1 += score.runs;
                }
            }
            let _written = writeln!(text, "| {words} | {} |", row(&cells));
        }
    }
    let pooled: Vec<String> = pooled
        .iter()
        .map(|(fired, runs)| format!("**{:.2}**", *fired as f64 / (*runs).max(1) as f64 * 100.0))
        .collect();
    text + &format!("| all | {} |\n", pooled.join(" | "))
}

fn row(cells: &[Vec<String>]) -> String {
    cells.iter().map(|cell| cell.join(" / ")).collect::<Vec<_>>().join(" | ")
}

/// How soon regressions are found, and whom they harm until then.
fn worse(wanted: &Wanted, nuisance: Nuisance, parameters: Parameters, rules: &[Rule]) -> String {
    let mut text = format!(
        "Share caught in half an hour if not all, median / 95th percentile of seconds, users harmed on average; {} at {} requests a \
         second.\n\n",
        runs(wanted),
        list(&wanted.rates)
    );
    text += &head("req/s, errors, regression", rules.iter().map(|rule| rule.words().to_owned()));
    for rate in &wanted.rates {
        for errors in ERRORS {
            for (words, regression, from) in REGRESSIONS {
                let words = format!("{rate}, {} %, {words}", errors * 100.0);
                if !words.contains(&wanted.only) {
                    continue;
                }
                let case = Case { nuisance, regression, from, parameters, ..case(*rate, errors) };
                let scores = score(case, rules, Treatment::AsItIs, wanted.seed, wanted.runs_at(*rate));
                let cells: Vec<String> = scores.iter().map(caught).collect();
                let _written = writeln!(text, "| {words} | {} |", cells.join(" | "));
            }
        }
    }
    text
}

fn caught(score: &Score) -> String {
    if score.times.is_empty() {
        return "never".to_owned();
    }
    let time = |share: f64| score.quantile(share).map_or("–".to_owned(), |time| format!("{time:.0}"));
    let share = if score.share() < 1.0 { format!("{:.0} %, ", score.share() * 100.0) } else { String::new() };
    format!("{share}{}/{}, {:.0}", time(0.5), time(0.95), score.mean_harmed())
}

/// The same with parameters drawn anew for each seed.
fn jitter(wanted: &Wanted) -> String {
    let rules = [Rule::Ours, Rule::OursMinutes, Rule::Kayenta];
    let mut text = format!(
        "Rate × 0.7 to 1.4, weight 5 to 20 %, spread of latency × 0.8 to 1.2, errors × 0.5 to 2, drawn for each of {} at {} requests a \
         second. First the percent of healthy releases taken back.\n\n",
        runs(wanted),
        list(&wanted.rates)
    );
    text += &head("trouble, errors", rules.iter().map(|rule| rule.words().to_owned()));
    for errors in ERRORS {
        for nuisance in Nuisance::ALL {
            let words = format!("{}, {} %", nuisance.words(), errors * 100.0);
            if !words.contains(&wanted.only) {
                continue;
            }
            let mut cells = vec![Vec::new(); rules.len()];
            for rate in &wanted.rates {
                let case = Case { nuisance, parameters: Parameters::Jittered, ..case(*rate, errors) };
                let scores = score(case, &rules, Treatment::AsItIs, wanted.seed, wanted.runs_at(*rate));
                for (cell, score) in cells.iter_mut().zip(&scores) {
                    cell.push(format!("{:.1}", score.share() * 100.0));
                }
            }
            let _written = writeln!(text, "| {words} | {} |", row(&cells));
        }
    }
    let rules = [Rule::Ours, Rule::OursWarm, Rule::OursMinutes, Rule::Kayenta];
    text + "\n" + &worse(wanted, Nuisance::Plain, Parameters::Jittered, &rules)
}

/// How soon a healthy release is proved safe.
fn safe(wanted: &Wanted) -> String {
    let mut text = format!("Share proved in half an hour, and the median of seconds; {}.\n\n", runs(wanted));
    let columns =
        ["errors within 2 points", "errors within 0.5 points", "latency within 1.2 times", "latency within 1.5 times"];
    text += &head("req/s, errors", columns.iter().map(|column| (*column).to_owned()));
    for rate in &wanted.rates {
        for errors in ERRORS {
            let cells: Vec<String> = [(0.02, 1.2), (0.005, 1.5)]
                .into_iter()
                .map(|(excess, factor)| {
                    (0..wanted.runs_at(*rate))
                        .map(|run| proved(case(*rate, errors), wanted.seed + run, excess, factor))
                        .collect()
                })
                .map(|times: Vec<[Option<f64>; 2]>| times)
                .flat_map(|times| [0, 1].map(|which| times.iter().map(|times| times[which]).collect::<Vec<_>>()))
                .map(|times| {
                    let runs = times.len();
                    let score = Score { times: times.into_iter().flatten().collect(), runs, ..Score::default() };
                    let median = score.quantile(0.5).map_or("–".to_owned(), |time| format!("{time:.0}"));
                    format!("{:.0} %, {median}", score.share() * 100.0)
                })
                .collect();
            let [two, factor_small, half, factor_large] = &cells[..] else { continue };
            let _written =
                writeln!(text, "| {rate}, {} % | {two} | {half} | {factor_small} | {factor_large} |", errors * 100.0);
        }
    }
    text
}

/// When errors and latency are proved to be within what is tolerated.
fn proved(case: Case, seed: u64, excess: f64, factor: f64) -> [Option<f64>; 2] {
    let mut world = World::new(case, seed);
    let settings = Settings { safe_excess: excess, safe_factor: factor, bands: Bands::Skipped, ..Settings::default() };
    let mut detector = Detector::new(settings);
    let mut times = [None; 2];
    while let Some(seen) = world.next() {
        if seen.end > 0.0 {
            detector.set_weight(world.weight(), moment(0.0));
        }
        detector.take(&seen.tick());
        let safety = detector.safety();
        for (time, nats) in times.iter_mut().zip([safety.errors, safety.latency]) {
            if time.is_none() && nats >= safety.needed {
                *time = Some(seen.end);
            }
        }
        if times.iter().all(Option::is_some) {
            break;
        }
    }
    times
}

/// What must not fire, though something is different.
fn controls(wanted: &Wanted) -> String {
    let mut text = format!("Percent taken back; {}.\n\n", runs(wanted));
    text += &head("control", wanted.rates.iter().map(|rate| format!("{rate} req/s")));
    let controls = [
        ("+2 points, sides shuffled within ticks", Regression::Errors(0.02), Worse::Green, Treatment::Shuffled),
        ("1.5 times, sides shuffled within ticks", Regression::Slower(1.5), Worse::Green, Treatment::Shuffled),
        ("blue has +2 points: green is better", Regression::Errors(0.02), Worse::Blue, Treatment::AsItIs),
        ("blue takes 1.5 times: green is better", Regression::Slower(1.5), Worse::Blue, Treatment::AsItIs),
        ("alike, one line of five lost", Regression::None, Worse::Green, Treatment::Thinned),
        ("answers nothing, one line of five lost", Regression::Dead, Worse::Green, Treatment::Thinned),
    ];
    for (words, regression, worse, treatment) in controls {
        let cells: Vec<String> = wanted
            .rates
            .iter()
            .map(|rate| {
                let case = Case { regression, worse, ..case(*rate, 0.001) };
                let scores = score(case, &[Rule::OursWarm], treatment, wanted.seed, wanted.runs_at(*rate));
                format!("{:.1}", scores[0].share() * 100.0)
            })
            .collect();
        let _written = writeln!(text, "| {words} | {} |", cells.join(" | "));
    }
    text
}
