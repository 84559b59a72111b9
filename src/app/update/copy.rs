//! What is copied: what is selected, or else the release in one line.

use crate::app::model::{Model, Pane, View};
use crate::app::msg::Cmd;
use crate::domain::release::{Component, Release, Tone, Traffic};
use crate::domain::signal::Verdict;
use crate::engine::snapshot::Snapshot;

/// Copies what is selected.
pub(super) fn copy(model: &mut Model, snapshot: &Snapshot) -> Vec<Cmd> {
    let (what, text) = match (model.view, model.pane) {
        (View::Logs, _) | (View::Release, Pane::Logs) if model.logs.marked.is_some() => ("the line", marked(model)),
        (View::Logs, _) => ("the lines on the screen", page(model)),
        (View::Alarms, _) => ("the alarm", alarm(model, snapshot)),
        (View::History, _) | (View::Release, Pane::Timeline) => ("the timeline", timeline(&snapshot.release)),
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

fn marked(model: &Model) -> String {
    model.logs.marked.and_then(|number| model.logs.line(number)).map(|line| line.text.clone()).unwrap_or_default()
}

fn page(model: &Model) -> String {
    let top = model.logs.anchor.top(model.logs.extent());
    let lines = (top..).take(model.logs.rows).map_while(|place| model.logs.shown_at(place));
    lines.map(|(_, line)| line.text.as_str()).collect::<Vec<_>>().join("\n")
}

fn alarm(model: &Model, snapshot: &Snapshot) -> String {
    let alarm = snapshot.components[model.focus_in(snapshot)].alarms.get(model.alarm);
    alarm.map(|alarm| format!("{}: {}", alarm.name, alarm.reason)).unwrap_or_default()
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
