//! `cutover judge`: green judged against blue, from a file of requests or from what is known of a past release.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;

use color_eyre::eyre::Result;
use serde::Serialize;

use super::output::{self, Refused};
use crate::cli::{Globals, Judge, Tasks};
use crate::domain::ids::Side;
use crate::domain::time::Timestamp;
use crate::judge::detector::Detector;
use crate::judge::intake::{Intake, Sample};
use crate::judge::judgement::{Judgement, Recommendation};
use crate::judge::margin::ColdStart;
use crate::judge::settings::{self, Authority, Deaths, Settings, Share};
use crate::judge::tick::Tick;
use line::{Line, TaskNames};

mod line;
mod past;
mod window;

/// Judges the requests of a file or of standard input, or a past release.
pub(super) fn run(globals: &Globals, arguments: &Judge) -> Result<u8> {
    let mut out = output::out();
    if let Some(environment) = &arguments.environment {
        output::runtime()?.block_on(window::judge(globals, arguments, environment, &mut out))?;
        return Ok(0);
    }
    match (&arguments.file, arguments.release) {
        (_, Some(release)) => past::judge(globals, arguments, release, &mut out)?,
        (Some(file), None) if file == Path::new("-") => {
            judge(io::stdin().lock(), "standard input", arguments, &mut out)?;
        }
        (Some(file), None) => {
            let name = file.display().to_string();
            let opened = File::open(file).map_err(|error| Refused::usage(format!("{name} cannot be read: {error}")))?;
            judge(BufReader::new(opened), &name, arguments, &mut out)?;
        }
        (None, None) => return Err(Refused::usage("name a file, or a release with --release")),
    }
    Ok(0)
}

fn judge(lines: impl BufRead, name: &str, arguments: &Judge, out: &mut impl Write) -> Result<()> {
    let names = match arguments.tasks {
        Tasks::Apart => TaskNames::Needed,
        Tasks::Together => TaskNames::Ignored,
    };
    let mut court = Court::new(arguments);
    for (number, text) in lines.lines().enumerate() {
        let place = || format!("{name}, line {}", number + 1);
        let text = text.map_err(|error| Refused::usage(format!("{}: {error}", place())))?;
        let line = line::read(&text, names).map_err(|why| Refused::usage(format!("{}: {why}", place())))?;
        if let Some(line) = line {
            court.hear(line, out)?;
        }
    }
    court.end(out)
}

/// A line of what is printed.
#[derive(Debug, Serialize)]
struct Said<'a> {
    #[serde(flatten)]
    judgement: &'a Judgement,
    /// The moment as people write it.
    time: String,
    /// Requests that came too late to be judged.
    late: u64,
    /// Nothing follows.
    #[serde(rename = "final", skip_serializing_if = "std::ops::Not::not")]
    is_final: bool,
}

/// Whether anything follows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    No,
    Yes,
}

/// Prints what the detector says.
fn say(detector: &Detector, late: u64, end: End, out: &mut impl Write) -> Result<()> {
    let judgement = detector.judgement();
    let time = jiff::Timestamp::from_millisecond(judgement.at.millis()).unwrap_or_default().to_string();
    let said = Said { judgement: &judgement, time, late, is_final: end == End::Yes };
    writeln!(out, "{}", serde_json::to_string(&said)?)?;
    out.flush()?;
    Ok(())
}

/// The judging of one file.
struct Court<'a> {
    arguments: &'a Judge,
    detector: Detector,
    intake: Intake,
    /// Weights to come, the next one last.
    weights: Vec<(Timestamp, f64)>,
    said: Option<(Timestamp, Recommendation)>,
}

impl<'a> Court<'a> {
    fn new(arguments: &'a Judge) -> Self {
        let mut court = Self {
            arguments,
            detector: Detector::new(settings(arguments)),
            intake: Intake::new(arguments.tick, arguments.lateness),
            weights: Vec::new(),
            said: None,
        };
        if let Some(start) = arguments.start {
            court.plan_weights(start);
        }
        court
    }

    /// Green got traffic at `start`: the weights of the command line follow from there.
    fn plan_weights(&mut self, start: Timestamp) {
        let first = self.arguments.weight.map(|percent| (start, percent / 100.0));
        let steps = self.arguments.steps.iter().map(|step| (start + step.after, step.weight / 100.0));
        self.weights.extend(first.into_iter().chain(steps));
        self.sort_weights();
    }

    fn sort_weights(&mut self) {
        self.weights.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    }

    fn hear(&mut self, line: Line, out: &mut impl Write) -> Result<()> {
        self.align(line.at());
        self.intake.advance(line.at());
        match &line {
            Line::Request(sample) => self.request(sample),
            Line::Weight(share, at) => {
                self.weights.push((*at, *share));
                self.sort_weights();
            }
            Line::Deaths(tasks, at) => self.intake.died(*tasks, *at),
            Line::Sampled(at) => self.intake.sampled(*at),
        }
        let ticks = self.intake.over();
        self.weigh(&ticks, out)
    }

    /// Ticks begin where green got traffic, if that is known.
    fn align(&mut self, first: Timestamp) {
        let Some(start) = self.arguments.start.filter(|start| *start >= first) else {
            return self.intake.begin(self.arguments.start.unwrap_or(first).min(first));
        };
        let tick = self.arguments.tick;
        let before = start.since(first).as_nanos().div_ceil(tick.as_nanos().max(1));
        self.intake.begin(start - tick.saturating_mul(u32::try_from(before).unwrap_or(u32::MAX)));
    }

    fn request(&mut self, sample: &Sample) {
        let is_first = sample.side == Side::Green && self.detector.began().is_none() && self.weights.is_empty();
        if is_first && self.arguments.start.is_none() && self.arguments.weight.is_some() {
            self.plan_weights(sample.at);
        }
        self.intake.push(sample);
    }

    fn weigh(&mut self, ticks: &[Tick], out: &mut impl Write) -> Result<()> {
        for tick in ticks {
            while let Some((at, share)) = self.weights.pop_if(|(at, _)| *at < tick.end) {
                self.detector.set_weight(share, at);
            }
            self.detector.take(tick);
            let recommendation = self.detector.recommendation();
            let is_due = match &self.said {
                None => self.detector.began().is_some(),
                Some((at, said)) => said != recommendation || tick.end.since(*at) >= self.arguments.every,
            };
            if is_due {
                self.said = Some((tick.end, recommendation.clone()));
                self.say(End::No, out)?;
            }
        }
        Ok(())
    }

    fn say(&self, end: End, out: &mut impl Write) -> Result<()> {
        say(&self.detector, self.intake.late(), end, out)
    }

    fn end(&mut self, out: &mut impl Write) -> Result<()> {
        let ticks = self.intake.rest();
        self.weigh(&ticks, out)?;
        if self.detector.began().is_none() {
            output::tell("there is no request of green's: say with --start and --weight when it got traffic");
        }
        self.say(End::Yes, out)
    }
}

fn settings(arguments: &Judge) -> Settings {
    let (tasks, authority) = match arguments.tasks {
        Tasks::Apart => (settings::Tasks::Apart, Authority::RollBack),
        Tasks::Together => (settings::Tasks::Together, Authority::Hold),
    };
    Settings {
        false_alarm: arguments.false_alarm,
        tolerated_odds: arguments.tolerate_errors,
        tolerated_factor: arguments.tolerate_latency,
        cold_start: if arguments.pre_warmed {
            ColdStart::Warm
        } else {
            ColdStart::Envelope { peak: arguments.cold_start.peak, seconds: arguments.cold_start.span.as_secs_f64() }
        },
        tasks,
        authority,
        share: if arguments.sticky { Share::Ignored } else { Share::Judged },
        deaths: if arguments.deaths { Deaths::Watched } else { Deaths::Unwatched },
        safe_excess: arguments.safe_errors / 100.0,
        safe_factor: arguments.safe_latency,
        longest_bake: Some(arguments.bake),
        ..Settings::default()
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use clap::Parser;
    use serde_json::Value;

    use super::*;
    use crate::cli::{Cli, Verb};

    fn arguments(line: &str) -> Judge {
        match Cli::try_parse_from(["cutover", "judge", "-"].into_iter().chain(line.split_whitespace())).unwrap().verb {
            Some(Verb::Judge(judge)) => judge,
            other => panic!("{other:?}"),
        }
    }

    fn said(text: &str, line: &str) -> Result<Vec<Value>> {
        let mut out = Vec::new();
        judge(text.as_bytes(), "requests", &arguments(line), &mut out)?;
        Ok(String::from_utf8(out)?.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
    }

    /// 50 requests a second, a tenth of them green's from the 60th second on, of which every `failing`-th fails.
    fn requests(seconds: u32, failing: Option<u32>) -> String {
        let mut text = String::new();
        for number in 0..seconds * 50 {
            let (second, is_green) = (f64::from(number) / 50.0, number >= 3_000 && number % 10 == 0);
            let side = if is_green { "green" } else { "blue" };
            let error = is_green && failing.is_some_and(|failing| number / 10 % failing == 0);
            let latency = 40 + number * 7_919 % 97;
            let line = format!(
                r#"{{"time": {}, "side": "{side}", "task": "{}", "error": {error}, "latency": {latency}}}"#,
                1_763_640_000.0 + second,
                number / 10 % 4
            );
            let _written = writeln!(text, "{line}");
        }
        text
    }

    fn verdict(said: &[Value]) -> (&str, f64) {
        let last = said.last().unwrap();
        assert_eq!(last["final"], true);
        let since = last["since"].as_i64().unwrap() as f64 / 1_000.0 - 1_763_640_000.0;
        (last["verdict"].as_str().unwrap(), since)
    }

    #[test]
    fn a_green_that_fails_is_taken_back_and_a_healthy_one_is_promoted() {
        let broken = said(&requests(120, Some(1)), "--weight 10").unwrap();
        assert_eq!(verdict(&broken), ("roll-back", 62.0));
        assert_eq!(broken[0]["verdict"], "roll-back");
        assert!(broken[0]["reason"].as_str().unwrap().starts_with("errors: "), "{}", broken[0]["reason"]);
        let healthy = said(&requests(360, None), "--weight 10 --every 1m").unwrap();
        assert_eq!(verdict(&healthy).0, "promote");
        assert_eq!(healthy[0]["verdict"], "continue");
        assert!(healthy.len() < 12, "{}", healthy.len());
    }

    #[test]
    fn a_green_that_is_silent_is_told_where_its_weight_is() {
        let text: String = requests(120, None)
            .lines()
            .filter(|line| line.contains("blue"))
            .fold(String::new(), |text, line| text + line + "\n");
        let nothing = said(&text, "--weight 10").unwrap();
        assert_eq!((nothing.len(), &nothing[0]["reason"]), (1, &Value::from("green has no traffic yet")));
        for (text, line) in [
            (text.clone(), "--weight 10 --start 1763640060"),
            (text.clone(), "--weight 10 --start 2025-11-20T12:01:00Z"),
            (format!("{{\"time\": 1763640000, \"weight\": 0}}\n{{\"time\": 1763640060, \"weight\": 10}}\n{text}"), ""),
        ] {
            assert_eq!(verdict(&said(&text, line).unwrap()).0, "roll-back", "{line}");
        }
        assert_ne!(verdict(&said(&text, "--weight 10 --start 1763640060 --sticky").unwrap()).0, "roll-back");
    }

    #[test]
    fn order_within_the_lateness_changes_nothing_and_what_is_later_is_counted() {
        let text = requests(100, Some(2));
        let mut lines: Vec<&str> = text.lines().collect();
        for part in lines.chunks_mut(120) {
            part.reverse();
        }
        let shuffled = lines.join("\n");
        let option = "--weight 10 --start 1763640060";
        assert_eq!(verdict(&said(&text, option).unwrap()), verdict(&said(&shuffled, option).unwrap()));
        let late = said(&shuffled, "--weight 10 --start 1763640060 --lateness 1s").unwrap();
        assert!(late.last().unwrap()["late"].as_u64().unwrap() > 0);
    }

    #[test]
    fn a_mistake_is_named_with_its_line() {
        let wrong = said("{\"time\": 1, \"weight\": 10}\n\n{\"time\": 2}\n", "").unwrap_err();
        assert_eq!(wrong.to_string(), "requests, line 3: `side` is missing");
    }
}
