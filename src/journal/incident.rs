//! The incident report: what there was to see when a release went back, as one Markdown and one JSON file.
//!
//! It is made from the journal alone, so it can be made again at any time. Tasks that stopped vanish from ECS within an
//! hour and points from the charts; what was seen of them is in the journal.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use super::account::{Account, ErrorLine};
use super::audit::{Act, Answer};
use super::files;
use crate::domain::evidence::{Evidence, Known};
use crate::domain::ids::{ComponentName, ReleaseId, Side, SignalName};
use crate::domain::redact::Redactor;
use crate::domain::signal::Point;
use crate::domain::time::{Elapsed, Timestamp};

/// Which description of the fields a report follows.
pub const SCHEMA: &str = "cutover.incident/1";

/// How much of what was measured is shown before the decision to go back.
const BEFORE: Duration = Duration::from_mins(30);

/// And after it.
const AFTER: Duration = Duration::from_mins(15);

/// Error lines shown of each side.
const LINES: usize = 40;

/// A report.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Incident<'a> {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// The release has ended: nothing is added any more.
    pub is_complete: bool,
    /// Why it went back.
    pub cause: Option<String>,
    /// What was known when that was decided.
    pub evidence: Option<Evidence>,
    /// What was measured around it.
    pub window: Vec<Window>,
    /// The account of the release.
    pub account: &'a Account,
}

/// What was measured of a signal.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Window {
    /// Of which component, where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub component: Option<ComponentName>,
    /// Which.
    pub signal: SignalName,
    /// Blue's points, oldest first.
    pub blue: Vec<Point>,
    /// Green's.
    pub green: Vec<Point>,
}

impl<'a> Incident<'a> {
    /// The report on a release that went back; `None` if it did not.
    pub fn of(account: &'a Account) -> Option<Self> {
        let decided = account.timing.decided?;
        let decision = decision(&account.acts, decided);
        Some(Self {
            schema: SCHEMA,
            is_complete: account.ended.is_some(),
            cause: decision.and_then(|act| act.reason.clone()).or_else(|| account.why.clone()),
            evidence: decision.and_then(|act| act.evidence.clone()),
            window: window(account, decided),
            account,
        })
    }

    /// It as JSON, with secrets masked and nothing in it that could steer a terminal.
    pub fn to_json(&self, redactor: &Redactor) -> String {
        let mut value = serde_json::to_value(self).unwrap_or_default();
        clean(&mut value, redactor);
        format!("{value:#}\n")
    }

    /// It as a Markdown page, with secrets masked and nothing in it that could steer a terminal.
    pub fn to_markdown(&self, redactor: &Redactor) -> String {
        Page { redactor, text: String::new() }.write(self)
    }

    /// Writes both files below `dir`, readable by their owner alone, in place of those there are; the path of the page.
    ///
    /// # Errors
    ///
    /// When they cannot be written. Those there were are whole all the same.
    pub fn write(&self, dir: &Path, redactor: &Redactor) -> std::io::Result<PathBuf> {
        files::create_private_dir(dir)?;
        let page = page_path(dir, self.account.release);
        files::write_private(&page.with_extension("json"), &self.to_json(redactor))?;
        files::write_private(&page, &self.to_markdown(redactor))?;
        Ok(page)
    }
}

/// Where the page of a release's report is.
pub fn page_path(dir: &Path, release: ReleaseId) -> PathBuf {
    dir.join(format!("release-{release}.md"))
}

/// The points of one side, each once.
type Series = BTreeMap<Timestamp, Point>;

/// The action that turned the release round.
fn decision(acts: &[Act], decided: Timestamp) -> Option<&Act> {
    let turns = |act: &&Act| {
        act.at == decided
            && matches!(act.action.as_str(), "rollback" | "abort")
            && !matches!(act.answer, Answer::Refused { .. })
    };
    acts.iter().find(turns)
}

fn window(account: &Account, decided: Timestamp) -> Vec<Window> {
    let mut held: BTreeMap<(Option<&ComponentName>, &SignalName), [Series; 2]> = BTreeMap::new();
    let all = account.points.iter().flat_map(|(whose, points)| points.of.iter().map(|of| (whose.as_ref(), of)));
    for (component, points) in all {
        let [blue, green] = held.entry((component, &points.signal)).or_default();
        for (side, new) in [(blue, &points.blue), (green, &points.green)] {
            // A point that came again was corrected.
            side.extend(new.iter().map(|compact| Point::from(*compact)).map(|point| (point.at, point)));
        }
    }
    let span = decided - BEFORE..=decided + AFTER;
    let within = |points: Series| points.range(span.clone()).map(|(_, point)| *point).collect();
    held.into_iter()
        .map(|((component, signal), [blue, green])| Window {
            component: component.cloned(),
            signal: signal.clone(),
            blue: within(blue),
            green: within(green),
        })
        .collect()
}

fn clean(value: &mut Value, redactor: &Redactor) {
    match value {
        Value::String(text) => *text = redactor.clean(text),
        Value::Array(values) => values.iter_mut().for_each(|value| clean(value, redactor)),
        Value::Object(fields) => fields.values_mut().for_each(|value| clean(value, redactor)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A page being written.
struct Page<'a> {
    redactor: &'a Redactor,
    text: String,
}

impl Page<'_> {
    fn write(mut self, incident: &Incident<'_>) -> String {
        let account = incident.account;
        self.head(incident);
        self.evidence(incident);
        self.section("What happened");
        for moment in &account.timeline {
            let by = moment.by.as_ref().map(|by| format!(" ({})", self.said(by))).unwrap_or_default();
            let line = format!("- {} {}{by}", clock(moment.at), self.said(&moment.text));
            self.line(&line);
        }
        self.acts(&account.acts);
        self.section("Alarms");
        for alarm in &account.alarms {
            let said = self.said(&alarm.reason);
            let line = format!(
                "- {} **{}** {}: {said}",
                clock(alarm.at),
                self.of(alarm.component.as_ref(), alarm.name.as_str()),
                alarm.state.word()
            );
            self.line(&line);
        }
        self.none_if(account.alarms.is_empty(), "No alarm changed.");
        self.section("Stopped tasks");
        for task in &account.stopped_tasks {
            let whose = self.of(task.component.as_ref(), side(task.side));
            let line = format!("- {whose} {}: {}", self.said(&task.task), self.said(&task.reason));
            self.line(&line);
        }
        self.none_if(account.stopped_tasks.is_empty(), "None was found stopped.");
        for component in account.names() {
            for of in Side::BOTH {
                self.errors(component, of, &account.errors);
            }
        }
        self.window(&incident.window);
        self.stages(account);
        self.text
    }

    fn head(&mut self, incident: &Incident<'_>) {
        let account = incident.account;
        let timing = account.timing;
        let place =
            format!("{} in {}", self.said(&account.components_named()), self.said(account.environment.as_str()));
        self.line(&format!("# Release {}: {place}, {}\n", account.release, account.status));
        let whole =
            if incident.is_complete { "" } else { " The release has not ended yet: this is what is known so far." };
        let cause = incident.cause.as_deref().map_or("no cause was kept".to_owned(), |cause| self.said(cause));
        self.line(&format!("{}. Why it went back: {cause}.{whole}\n", self.said(&account.moves())));
        self.line("| | |\n|---|---|");
        for (what, at) in [
            ("begun", account.begun),
            ("first sign of harm", timing.harmed),
            ("decided to go back", timing.decided),
            ("blue observed with all traffic", timing.restored),
            ("ended", account.ended),
        ] {
            self.line(&format!("| {what} | {} |", at.map_or("not".to_owned(), moment)));
        }
        if let Some(took) = timing.rollback() {
            self.line(&format!("| from the decision to blue with all traffic | {:.1} s |", took.as_secs_f64()));
        }
        if let Some((harmed, restored)) = timing.harmed.zip(timing.restored) {
            self.line(&format!("| users served badly | {} |", Elapsed(restored.since(harmed))));
        }
    }

    fn evidence(&mut self, incident: &Incident<'_>) {
        self.section("Evidence at the decision");
        let Some(evidence) = &incident.evidence else {
            return self.none_if(true, "None was kept.");
        };
        for known in &evidence.components {
            self.known(known);
        }
    }

    fn known(&mut self, known: &Known) {
        let observed = known.observed.map_or("not read".to_owned(), |observed| observed.to_string());
        let green = self.of(known.component.as_ref(), "Green");
        self.line(&format!("{green} set to {}, observed at {observed}.\n", known.set));
        self.line("| signal | ruling | green | blue | limit | requests |\n|---|---|---|---|---|---|");
        for ruled in &known.verdicts {
            let row = format!(
                "| {} | {} | {} | {} | {} | {} |",
                self.said(ruled.signal.as_str()),
                ruled.ruling.word(),
                number(ruled.green),
                number(ruled.blue),
                number(ruled.max),
                ruled.samples
            );
            self.line(&row);
        }
        if !known.firing.is_empty() {
            let names: Vec<String> = known.firing.iter().map(|name| self.said(name.as_str())).collect();
            self.line(&format!("\nFiring: {}.", names.join(", ")));
        }
        self.line("");
    }

    fn acts(&mut self, acts: &[Act]) {
        self.section("Who did what");
        for act in acts {
            let host = if act.who.host.is_empty() { String::new() } else { format!("@{}", self.said(&act.who.host)) };
            let arn = act.who.arn.as_ref().map(|arn| format!(" ({})", self.said(arn))).unwrap_or_default();
            let why = act.reason.as_ref().map(|why| format!(", because: {}", self.said(why))).unwrap_or_default();
            let line = format!(
                "- {} **{}** by {}{host}{arn}{why}: {}",
                clock(act.at),
                self.said(&act.action_named()),
                self.said(&act.who.name),
                self.said(&act.answer.text())
            );
            self.line(&line);
        }
    }

    fn errors(&mut self, component: Option<&ComponentName>, of: Side, lines: &[ErrorLine]) {
        let whose = self.of(component, of.word());
        self.section(&format!("Last errors of {whose}"));
        let is_of = |line: &&ErrorLine| (line.component.as_ref(), line.side) == (component, Some(of));
        let of_side: Vec<&ErrorLine> = lines.iter().filter(is_of).collect();
        for line in of_side.iter().skip(of_side.len().saturating_sub(LINES)) {
            // Indented: nothing in it is Markdown.
            let text = format!("    {} {} {}", clock(line.at), line.task, self.redactor.clean(&line.text));
            self.line(&text);
        }
        self.none_if(of_side.is_empty(), "None was read.");
    }

    fn window(&mut self, window: &[Window]) {
        self.section("Signals around the decision");
        for signal in window {
            self.line(&format!("\n**{}**\n", self.of(signal.component.as_ref(), signal.signal.as_str())));
            self.line("| minute | green | blue | requests to green |\n|---|---|---|---|");
            let mut rows: BTreeMap<Timestamp, [Option<Point>; 2]> = BTreeMap::new();
            for (place, points) in [(0, &signal.green), (1, &signal.blue)] {
                for point in points {
                    if let Some(cell) = rows.entry(point.at).or_default().get_mut(place) {
                        *cell = Some(*point);
                    }
                }
            }
            for (at, [green, blue]) in rows {
                let [green_value, blue_value] = [green, blue].map(|point| number(point.map(|point| point.value)));
                let requests = green.map_or(0, |green| green.samples);
                self.line(&format!("| {} | {green_value} | {blue_value} | {requests} |", clock(at)));
            }
        }
        self.none_if(window.is_empty(), "Nothing was measured.");
    }

    fn stages(&mut self, account: &Account) {
        self.section("Stages");
        self.line("| stage | status | took | |\n|---|---|---|---|");
        for stage in &account.stages {
            let took = stage.started.zip(stage.ended).map(|(from, to)| Elapsed(to.since(from)).to_string());
            let row = format!(
                "| {} | {} | {} | {} |",
                self.said(stage.name.as_str()),
                stage.status.word(),
                took.unwrap_or_default(),
                self.said(&stage.note)
            );
            self.line(&row);
        }
        for stage in account.stages.iter().filter(|stage| !stage.output.is_empty()) {
            self.line(&format!("\nThe last that {} said:\n", self.said(stage.name.as_str())));
            for line in &stage.output {
                let text = format!("    {}", self.redactor.clean(line));
                self.line(&text);
            }
        }
    }

    fn section(&mut self, title: &str) {
        self.line(&format!("\n## {title}\n"));
    }

    fn none_if(&mut self, is_none: bool, text: &str) {
        if is_none {
            self.line(text);
        }
    }

    fn line(&mut self, text: &str) {
        // Writing to a string does not fail.
        let _written = writeln!(self.text, "{text}");
    }

    /// Something of a component, which is named where there are several: `green`, or `green of api`.
    fn of(&self, component: Option<&ComponentName>, what: &str) -> String {
        let of = component.map(|name| format!(" of {}", self.said(name.as_str()))).unwrap_or_default();
        format!("{}{of}", self.said(what))
    }

    /// Text from outside, masked, harmless, and without meaning in Markdown or HTML.
    fn said(&self, text: &str) -> String {
        let mut said = String::with_capacity(text.len());
        for c in self.redactor.clean(text).chars() {
            match c {
                '<' => said.push_str("&lt;"),
                '&' => said.push_str("&amp;"),
                '|' | '*' | '_' | '`' | '[' | ']' | '\\' | '#' | '!' => {
                    said.push('\\');
                    said.push(c);
                }
                c => said.push(c),
            }
        }
        said
    }
}

fn side(side: Option<Side>) -> &'static str {
    side.map_or("unknown side", Side::word)
}

fn number(value: Option<f64>) -> String {
    value.map(|value| format!("{value:.2}")).unwrap_or_default()
}

/// A time of day in UTC.
fn clock(at: Timestamp) -> String {
    written(at, "%H:%M:%S")
}

/// A moment in UTC.
fn moment(at: Timestamp) -> String {
    written(at, "%Y-%m-%d %H:%M:%S UTC")
}

fn written(at: Timestamp, form: &str) -> String {
    jiff::Timestamp::from_millisecond(at.millis()).unwrap_or_default().strftime(form).to_string()
}

#[cfg(test)]
mod tests;
