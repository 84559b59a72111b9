//! What is copied: what is selected, or else the release in one line.

use crate::app::model::{LogsFocus, Model, Pane, View};
use crate::app::msg::Cmd;
use crate::app::{alarms, fleet};
use crate::domain::alarm::explain;
use crate::domain::checklist::Item;
use crate::domain::release::{Component, Release, Tone, Traffic};
use crate::domain::signal::Verdict;
use crate::engine::snapshot::Snapshot;

/// Copies what is selected.
pub(super) fn copy(model: &mut Model, snapshot: &Snapshot) -> Vec<Cmd> {
    let (what, text) = match (model.view, model.pane) {
        (View::Logs, _) if model.logs_focus == LogsFocus::Patterns => {
            ("the pattern's example", example(model, snapshot))
        }
        (View::Logs, _) | (View::Release, Pane::Logs) if model.logs.marked.is_some() => ("the line", marked(model)),
        (View::Logs, _) => ("the lines on the screen", page(model)),
        (View::Alarms, _) => ("the alarm", alarm(model, snapshot)),
        (View::History, _) | (View::Release, Pane::Timeline) => ("the timeline", timeline(&snapshot.release)),
        (View::Doctor, _) => ("what to do", remedy(model)),
        (View::Fleet, _) => ("what shows it", fleet::command(model).unwrap_or_default()),
        (View::Signals, _) => ("the verdicts", verdicts(&snapshot.release.components[model.focus_in(snapshot)])),
        (View::Release, Pane::Logs | Pane::Past) => ("the release", summary(&snapshot.release)),
    };
    if text.is_empty() {
        model.tell(snapshot.speed, Tone::Plain, "there is nothing to copy");
        return Vec::new();
    }
    model.tell(snapshot.speed, Tone::Plain, format!("{what} copied"));
    vec![Cmd::Copy(text)]
}

fn example(model: &Model, snapshot: &Snapshot) -> String {
    snapshot.logs.patterns.get(model.pattern).map(|pattern| pattern.example.clone()).unwrap_or_default()
}

fn marked(model: &Model) -> String {
    model.logs.marked.and_then(|number| model.logs.line(number)).map(|line| line.text.clone()).unwrap_or_default()
}

fn page(model: &Model) -> String {
    let lines = model.logs.shown_from(model.logs.top()).take(model.logs.rows);
    lines.map(|(_, line)| line.text.clone()).collect::<Vec<_>>().join("\n")
}

/// What to do about the selected item; what was seen of it, if there is nothing to do.
fn remedy(model: &Model) -> String {
    let text = |item: &Item| item.remedy.clone().unwrap_or_else(|| format!("{}: {}", item.name, item.seen));
    model.checklist.chosen().map(text).unwrap_or_default()
}

fn alarm(model: &Model, snapshot: &Snapshot) -> String {
    let Some(alarm) = alarms::meant(model, snapshot).map(|row| row.alarm) else { return String::new() };
    format!("{}: {}", alarm.name, explain(alarm.state, &alarm.reason, &alarm.setup))
}

fn timeline(release: &Release) -> String {
    let line = |at: i64, text: &str, by: Option<&String>| {
        format!("+{at} s {text}{}", by.map(|name| format!(" ({name})")).unwrap_or_default())
    };
    let Some(begun) = release.begun.as_ref().map(|begun| begun.at) else { return String::new() };
    let lines = release.timeline.iter().map(|moment| {
        let seconds = i64::try_from(moment.at.since(begun).as_secs()).unwrap_or(i64::MAX);
        line(seconds, &moment.text, moment.by.as_ref())
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn verdicts(component: &Component) -> String {
    let line = |verdict: &Verdict| format!("{}: {}: {}", verdict.signal, verdict.ruling.word(), verdict.reason);
    component.verdicts.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn summary(release: &Release) -> String {
    let plan = &release.plan;
    let mut text = format!(
        "release {} of {} in {}: {}, {}",
        release.id,
        plan.components_named(),
        plan.environment,
        plan.moves(),
        release.status().word(),
    );
    for (of, planned) in plan.components.iter().filter(|(_, planned)| planned.sides.is_some()) {
        let Traffic { set, observed, .. } = release.components[of].traffic;
        let observed = observed.map_or_else(|| "not read yet".to_owned(), |green| green.to_string());
        let whose = if plan.components.count() > 1 { format!("{} ", planned.name) } else { String::new() };
        text.push_str(&format!(", {whose}green set {set}, observed {observed}"));
    }
    text
}
