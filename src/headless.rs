//! The second face: what happens, line by line, for CI and for eyes that need no screen.
//!
//! It prints the same timeline that the cockpit draws, as text or as JSON lines, and ends with the exit codes that
//! scripts decide by.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::json;

use crate::clock::Clock;
use crate::domain::command::{Actor, Command, Order};
use crate::domain::components::ComponentIndex;
use crate::domain::outlook::outlook;
use crate::domain::plan::StageKind;
use crate::domain::release::{Moment, Release, Status, Tone, Work};
use crate::domain::signal::Ruling;
use crate::domain::time::{Elapsed, Timestamp};
use crate::engine::handle::{EngineHandle, OrderSender};
use crate::engine::snapshot::Snapshot;

/// While nothing happens, what is waited for is said this often.
const STILL_HERE: Duration = Duration::from_mins(1);

/// How things are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// How a run without a screen is to go.
#[derive(Clone, Debug)]
pub struct Headless {
    /// How to write.
    pub style: Style,
    /// Type the phrases that gates ask for.
    pub approve: bool,
    /// Stop waiting after this long, on the engine's clock.
    pub timeout: Option<Duration>,
    /// Who orders.
    pub actor: Actor,
    /// Real time, or the demonstration's.
    pub clock: Clock,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The release ended, or waits for a human: its exit code.
    Release(u8),
    /// The wait was over before the release.
    TimedOut,
    /// The engine went away before the release had ended.
    EngineLost,
}

impl End {
    /// The exit code.
    pub fn code(self) -> u8 {
        match self {
            Self::Release(code) => code,
            Self::TimedOut => 7,
            Self::EngineLost => 1,
        }
    }
}

/// Follows a release to its end, or to where it needs a human.
///
/// # Errors
///
/// When `out` cannot be written.
pub async fn follow(mut handle: EngineHandle, run: Headless, out: &mut (dyn Write + Send)) -> std::io::Result<End> {
    let mut printer = Printer::new(run.style);
    let started = run.clock.now();
    let mut approved = None;
    loop {
        let snapshot = Arc::clone(&handle.snapshot.borrow_and_update());
        printer.print(&snapshot, out)?;
        let release = &snapshot.release;
        match release.status() {
            Status::Ended(_) => {
                printer.summary(&snapshot, out)?;
                return Ok(End::Release(release.exit_code()));
            }
            Status::Waiting | Status::Paused => {
                let phrase = phrase(release).filter(|_| run.approve && approved != Some(release.revision));
                match phrase {
                    Some(phrase) => {
                        approved = Some(release.revision);
                        approve(&handle.orders, phrase, &run.actor, release).await;
                    }
                    None if approved == Some(release.revision) => {}
                    None => {
                        printer.summary(&snapshot, out)?;
                        return Ok(End::Release(release.exit_code()));
                    }
                }
            }
            Status::Planned | Status::Running | Status::RollingBack => {}
        }
        // Silence counts from when somebody began to listen.
        let next = printer.last.max(started) + STILL_HERE;
        let limit = run.timeout.map(|timeout| started + timeout);
        tokio::select! {
            biased;
            changed = handle.snapshot.changed() => {
                if changed.is_err() {
                    return if printer.left_in_hold(&snapshot, out)? {
                        Ok(End::Release(release.exit_code()))
                    } else {
                        Ok(End::EngineLost)
                    };
                }
            }
            // Nobody reads the lines here; they must not fill the lane.
            Some(_) = handle.logs.recv() => {}
            () = run.clock.sleep_until(limit.map_or(next, |limit| limit.min(next))) => {
                if limit.is_some_and(|limit| run.clock.now() >= limit) {
                    if printer.left_in_hold(&snapshot, out)? {
                        return Ok(End::Release(release.exit_code()));
                    }
                    printer.summary(&snapshot, out)?;
                    return Ok(End::TimedOut);
                }
                printer.still_here(&snapshot, run.clock.now(), out)?;
            }
        }
    }
}

/// The phrase that the current gate waits for.
fn phrase(release: &Release) -> Option<String> {
    let index = release.foremost()?;
    if release.hold.is_some() || release.stages.get(index)?.work != Work::Confirming {
        return None;
    }
    match &release.plan.stage(index)?.kind {
        // What a second person is to approve is not for whoever runs this to say.
        StageKind::Gate(gate) if gate.approval.is_none() => gate.confirm.clone(),
        _ => None,
    }
}

async fn approve(orders: &OrderSender, phrase: String, actor: &Actor, release: &Release) {
    let command = Command::Approve { phrase };
    // A refusal shows in the next snapshot: the gate still waits.
    let _receipt = orders.send(Order { command, stage: None, by: actor.clone(), seen: Some(release.revision) }).await;
}

/// Prints what happened since it last printed.
#[derive(Debug)]
pub struct Printer {
    style: Style,
    printed: u64,
    last: Timestamp,
    /// What keeps the engine from going on, as it was last printed.
    trouble: Option<String>,
}

impl Printer {
    /// One that has printed nothing yet.
    pub fn new(style: Style) -> Self {
        Self { style, printed: 0, last: Timestamp::default(), trouble: None }
    }

    /// Prints the lines of the timeline that are new.
    ///
    /// # Errors
    ///
    /// When `out` cannot be written.
    pub fn print(&mut self, snapshot: &Snapshot, out: &mut (dyn Write + Send)) -> std::io::Result<()> {
        let release = &snapshot.release;
        let new = release.timeline.iter().filter(|moment| moment.number > self.printed);
        for moment in new {
            match self.style {
                Style::Text => writeln!(out, "{}", text_line(release, moment))?,
                Style::Json => {
                    writeln!(out, "{}", json!({"type": "moment", "release": release.id, "moment": moment}))?;
                }
            }
        }
        if let Some(last) = release.timeline.last() {
            self.printed = last.number;
            self.last = self.last.max(last.at);
        }
        let trouble = &snapshot.engine.trouble;
        if let Some(why) = trouble.as_ref().filter(|_| self.trouble != *trouble) {
            match self.style {
                Style::Text => writeln!(out, "{} x {why}", elapsed(release, snapshot.at))?,
                Style::Json => writeln!(out, "{}", json!({"type": "trouble", "at": snapshot.at, "why": why}))?,
            }
            self.trouble.clone_from(trouble);
        }
        out.flush()
    }

    fn still_here(&mut self, snapshot: &Snapshot, now: Timestamp, out: &mut (dyn Write + Send)) -> std::io::Result<()> {
        self.last = now;
        let release = &snapshot.release;
        let outlook = outlook(release);
        let left = outlook.until.map(|until| until.since(now));
        match self.style {
            Style::Text => {
                let left = left.map(|left| format!(", {} left", Elapsed(left))).unwrap_or_default();
                writeln!(out, "{}   … {}{left}", elapsed(release, now), outlook.now)?;
                for (of, component) in release.components.iter() {
                    let whose = release.plan.whose(of);
                    for verdict in component.verdicts.iter().filter(|verdict| verdict.ruling != Ruling::Pass) {
                        let (signal, ruling) = (&verdict.signal, verdict.ruling.word());
                        writeln!(out, "{:>9}     {whose}{signal}: {ruling}: {}", "", verdict.reason)?;
                    }
                }
            }
            Style::Json => {
                let line = json!({
                    "type": "outlook", "at": now, "status": release.status(), "outlook": outlook,
                    "components": release.plan.components.iter().zip(release.components.iter())
                        .map(|((_, plan), (_, component))| json!({
                            "name": plan.name, "traffic": component.traffic, "verdicts": component.verdicts,
                        }))
                        .collect::<Vec<_>>(),
                });
                writeln!(out, "{line}")?;
            }
        }
        out.flush()
    }

    /// Prints, of a release that is left while nothing but its warm hold is left of it, how it stands and what finishes it;
    /// whether that is so.
    ///
    /// # Errors
    ///
    /// When `out` cannot be written.
    pub fn left_in_hold(&self, snapshot: &Snapshot, out: &mut (dyn Write + Send)) -> std::io::Result<bool> {
        let release = &snapshot.release;
        let Some(hold) = release.warm_hold() else { return Ok(false) };
        self.summary(snapshot, out)?;
        let environment = &release.plan.environment;
        let component = &release.plan.components[ComponentIndex::FIRST].name;
        let finish = format!("cutover attach {environment} {component}");
        let end = format!("cutover promote --env {environment} --component {component} --yes");
        match self.style {
            Style::Text => {
                let left = Elapsed(hold.until.since(snapshot.at));
                writeln!(out, "only the warm hold is left: blue stays up for {left}, then its engine takes it down")?;
                writeln!(out, "should that engine be gone, `{finish}` finishes it; `{end}` ends the hold now")?;
            }
            Style::Json => {
                let line =
                    json!({"type": "hold", "at": snapshot.at, "until": hold.until, "finish": finish, "end": end});
                writeln!(out, "{line}")?;
            }
        }
        out.flush()?;
        Ok(true)
    }

    /// Prints how it ended, in figures.
    ///
    /// # Errors
    ///
    /// When `out` cannot be written.
    pub fn summary(&self, snapshot: &Snapshot, out: &mut (dyn Write + Send)) -> std::io::Result<()> {
        let summary = Summary::of(snapshot);
        match self.style {
            Style::Text => writeln!(out, "\n{}", summary.text())?,
            Style::Json => writeln!(out, "{}", json!({"type": "summary", "summary": summary}))?,
        }
        out.flush()
    }
}

fn elapsed(release: &Release, at: Timestamp) -> String {
    let since = release.begun.as_ref().map_or(at, |begun| begun.at);
    format!("{:>7}", Elapsed(at.since(since)).to_string())
}

fn text_line(release: &Release, moment: &Moment) -> String {
    let mark = match moment.tone {
        Tone::Plain => ' ',
        Tone::Good => '+',
        Tone::Warning => '!',
        Tone::Bad => 'x',
    };
    let by = moment.by.as_ref().map(|by| format!("  ({by})")).unwrap_or_default();
    format!("{} {mark} {}{by}", elapsed(release, moment.at), moment.text)
}

/// The end of a release in figures.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Its status's word.
    pub status: String,
    /// The exit code that goes with it.
    pub exit_code: u8,
    /// Why, or what is waited for.
    pub why: String,
    /// From the beginning to the end, or to now, in milliseconds.
    pub took_ms: u64,
    /// How it went with each component's traffic.
    pub components: Vec<ComponentSummary>,
    /// From the decision to go back until all traffic was observed on blue, in milliseconds.
    pub rollback_ms: Option<u64>,
}

/// What a component's users had of the release.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ComponentSummary {
    /// The component.
    pub name: String,
    /// Green's weight as last observed; `None` where there is no traffic to shift.
    pub green_observed: Option<u8>,
    /// How long green had production traffic, in milliseconds.
    pub exposed_ms: u64,
    /// Requests that green served.
    pub green_requests: u64,
    /// Of those, the ones that failed beyond blue's share.
    pub harmed: u64,
}

impl ComponentSummary {
    fn text(&self, whose: &str) -> String {
        let mut text = if self.exposed_ms > 0 {
            format!(
                "{whose}green had production traffic for {}: {} requests, {} of them harmed\n",
                Elapsed(Duration::from_millis(self.exposed_ms)),
                self.green_requests,
                self.harmed
            )
        } else {
            format!("{whose}green had no production traffic\n")
        };
        if let Some(green) = self.green_observed {
            text.push_str(&format!("{whose}observed: blue {} %, green {green} %\n", 100_u8.saturating_sub(green)));
        }
        text
    }
}

impl Summary {
    /// The summary of a release as a snapshot shows it.
    pub fn of(snapshot: &Snapshot) -> Self {
        let release = &snapshot.release;
        let end = release.ended.as_ref().map_or(snapshot.at, |ended| ended.at);
        let begun = release.begun.as_ref().map_or(end, |begun| begun.at);
        let components = release.plan.components.iter().filter(|(_, plan)| plan.sides.is_some()).map(|(of, plan)| {
            let component = &release.components[of];
            let exposed = component.traffic_span().map(|(since, until)| until.unwrap_or(end).since(since));
            let toll = snapshot.components[of].toll;
            ComponentSummary {
                name: plan.name.to_string(),
                green_observed: component.traffic.observed.map(crate::domain::percent::Percent::get),
                exposed_ms: exposed.map(millis).unwrap_or_default(),
                green_requests: toll.green_requests,
                harmed: toll.harmed,
            }
        });
        let rollback = release.unwinding.as_ref().and_then(|back| Some(back.restored?.since(back.since)));
        Self {
            status: release.status().word().to_owned(),
            exit_code: release.exit_code(),
            why: outlook_or_end(release),
            took_ms: millis(end.since(begun)),
            components: components.collect(),
            rollback_ms: rollback.map(millis),
        }
    }

    fn text(&self) -> String {
        let span = |millis: u64| Elapsed(Duration::from_millis(millis));
        let mut text = format!("{} after {}: {}\n", self.status, span(self.took_ms), self.why);
        for component in &self.components {
            let whose = if self.components.len() > 1 { format!("{}: ", component.name) } else { String::new() };
            text.push_str(&component.text(&whose));
        }
        if let Some(rollback) = self.rollback_ms {
            text.push_str(&format!(
                "from the evidence to all traffic observed on blue: {:.1} s\n",
                Duration::from_millis(rollback).as_secs_f64()
            ));
        }
        text.truncate(text.trim_end().len());
        text
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

fn outlook_or_end(release: &Release) -> String {
    match &release.ended {
        Some(ended) => ended.why.clone(),
        None => outlook(release).now,
    }
}
