//! The stage rail: every stage with its status, and how long it took or takes.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::look::Look;
use super::theme::{Glyphs, Role};
use super::widgets::Panel;
use super::widgets::text::{clip, width, wrap};
use crate::app::watch;
use crate::domain::components::ComponentIndex;
use crate::domain::deployment::{Course, Deployment, LifecycleEvent};
use crate::domain::effect::CheckResult;
use crate::domain::ids::Side;
use crate::domain::plan::{StageKind, StagePlan};
use crate::domain::release::{Release, Stage, StageStatus, Status};
use crate::domain::time::Elapsed;

/// Rows of a stage's note that are shown below it at most.
const NOTE_ROWS: usize = 3;

/// How wide it is on a screen this wide.
pub(super) fn columns(screen: u16) -> u16 {
    match screen {
        0..100 => 22,
        100..160 => 28,
        _ => 34,
    }
}

/// Rows that it takes with the note of one stage.
pub(super) fn rows(look: Look<'_>) -> u16 {
    u16::try_from(look.release().stages.len() + NOTE_ROWS).unwrap_or(u16::MAX).saturating_add(2)
}

/// How a status looks.
pub(super) fn sign(glyphs: &'static Glyphs, status: StageStatus) -> (&'static str, Role) {
    match status {
        StageStatus::Pending => (glyphs.pending, Role::Muted),
        StageStatus::Running => (glyphs.running, Role::Running),
        StageStatus::Waiting => (glyphs.waiting, Role::Waiting),
        StageStatus::Passed => (glyphs.ok, Role::Ok),
        StageStatus::Failed => (glyphs.bad, Role::Bad),
        StageStatus::Skipped => (glyphs.skipped, Role::Warning),
        StageStatus::Undone => (glyphs.undone, Role::Warning),
    }
}

pub(super) fn draw(look: Look<'_>, area: Rect, buf: &mut Buffer) {
    let release = look.release();
    if release.is_watching() {
        return draw_watched(look, area, buf);
    }
    let done = release
        .stages
        .iter()
        .filter(|stage| matches!(stage.status, StageStatus::Passed | StageStatus::Skipped))
        .count();
    let count = format!("{done}/{}", release.stages.len());
    let panel =
        Panel { title: Line::from("pipeline"), right: Line::from(look.span(Role::Muted, count)), ..Panel::default() };
    let inner = panel.render(area, buf, look.theme);
    let inner = Rect { width: inner.width.saturating_sub(1), ..inner };
    let current = release.foremost().unwrap_or(release.stages.len());
    let (height, len) = (usize::from(inner.height), release.stages.len());
    // A pipeline longer than the panel is shown around the stage whose turn it is.
    let top = if len > height { current.saturating_sub(height / 2).min(len - height) } else { 0 };
    // With room for two rows a stage, each tells what came of it; else only the one whose turn it is.
    let is_roomy = height >= len * 2;
    let spare = height.saturating_sub(len);
    let mut rows = inner.rows();
    for (index, stage) in release.stages.iter().enumerate().skip(top) {
        let Some(row) = rows.next() else { return };
        draw_stage(look, index, stage, row, buf);
        let notes = match index == current {
            true if !is_roomy && release.ended.is_some() => Vec::new(),
            true => note(look, stage, inner.width, if is_roomy { NOTE_ROWS } else { spare }),
            false if is_roomy => note(look, stage, inner.width, 1),
            false => Vec::new(),
        };
        for line in notes {
            let Some(row) = rows.next() else { return };
            look.row(row, buf, vec![look.span(Role::Muted, format!("   {line}"))], Vec::new());
        }
        if index == current {
            let room = usize::from(inner.height).saturating_sub(len + NOTE_ROWS);
            for event in events(look, index, room) {
                let Some(row) = rows.next() else { return };
                let (sign, role, text, time) = event;
                let left = vec![Span::raw("   "), look.span(role, sign), look.span(Role::Muted, format!(" {text}"))];
                look.row(row, buf, left, vec![look.span(Role::Muted, time)]);
            }
        }
    }
}

/// What others deploy, part by part, or what is wrong where nobody does.
fn draw_watched(look: Look<'_>, area: Rect, buf: &mut Buffer) {
    let title = if look.snapshot.triage.is_some() { "what is wrong" } else { "deployment" };
    let panel = Panel { title: Line::from(title), ..Panel::default() };
    let inner = panel.render(area, buf, look.theme);
    let inner = Rect { width: inner.width.saturating_sub(1), ..inner };
    let columns = usize::from(inner.width.saturating_sub(3));
    let mut lines: Vec<(&str, Role, String, String)> = Vec::new();
    if let Some(triage) = &look.snapshot.triage {
        let glyphs = look.theme.glyphs;
        let wrong = triage.wrong.iter().map(|text| (glyphs.bad, Role::Bad, text));
        let unread = triage.unread.iter().map(|text| (glyphs.no_data, Role::NoData, text));
        for (sign, role, text) in wrong.chain(unread) {
            for (row, line) in wrap(text, columns).into_iter().enumerate() {
                lines.push((if row == 0 { sign } else { " " }, role, line.to_owned(), String::new()));
            }
        }
        if lines.is_empty() {
            lines.push((glyphs.ok, Role::Ok, "nothing that can be seen".to_owned(), String::new()));
        }
    } else if let Some(seen) = watch::seen(look.release()) {
        lines.extend(parts(look, seen));
    } else {
        lines.push((look.theme.glyphs.no_data, Role::Muted, "weights that others set".to_owned(), String::new()));
    }
    for ((sign, role, text, right), row) in lines.into_iter().zip(inner.rows()) {
        let left = vec![Span::raw(" "), look.span(role, sign), look.span(Role::Text, format!(" {text}"))];
        look.row(row, buf, left, vec![look.span(Role::Muted, right)]);
    }
}

/// The parts of the deployment that the present stage is about, the last that have begun, where there is room for them.
fn events(look: Look<'_>, index: usize, room: usize) -> Vec<(&str, Role, String, String)> {
    let kind = look.plan().stage(index).map(|stage| &stage.kind);
    let is_about_it = matches!(kind, Some(StageKind::Deploy | StageKind::Shift(_) | StageKind::Cleanup(_)));
    let component = look.component();
    let both = component.capacities.as_ref().filter(|_| is_about_it && look.release().ended.is_none());
    let seen = both.and_then(|both| both.deployment.as_deref());
    let own = seen.filter(|seen| Some(&seen.task_definition) == component.task_definition.as_ref());
    let begun = |event: &&LifecycleEvent| event.started.is_some() || event.course == Course::Underway;
    let Some(own) = own else { return Vec::new() };
    let shown = Deployment { events: own.events.iter().filter(begun).cloned().collect(), ..own.clone() };
    let lines = event_lines(look, &shown);
    let skipped = lines.len().saturating_sub(room);
    lines.into_iter().skip(skipped).collect()
}

/// How a deployment stands, in AWS's words, one line each: its status, its stage, its hooks and the parts of its life.
fn parts<'a>(look: Look<'a>, seen: &'a Deployment) -> Vec<(&'a str, Role, String, String)> {
    let glyphs = look.theme.glyphs;
    let (mark, role) = course_sign(look, seen.course);
    let mut lines = vec![(mark, role, format!("{} {}", seen.strategy, seen.status), String::new())];
    if let Some(stage) = &seen.stage {
        lines.push((" ", Role::Text, stage.clone(), String::new()));
    }
    if let Some(wait) = &seen.wait {
        let left = wait.expires.map(|at| look.until(at).to_string()).unwrap_or_default();
        lines.push((glyphs.waiting, Role::Waiting, wait.words().to_owned(), left));
    }
    lines.extend(event_lines(look, seen));
    if let Some(alarms) = &seen.alarms {
        let role = if alarms == "DISABLED" { Role::Warning } else { Role::Muted };
        lines.push((glyphs.bullet, role, format!("its alarms: {alarms}"), String::new()));
    }
    lines
}

/// How the course of a deployment, or of a part of it, looks.
fn course_sign(look: Look<'_>, course: Course) -> (&'static str, Role) {
    let glyphs = look.theme.glyphs;
    match course {
        Course::Underway => (glyphs.running, Role::Running),
        Course::Completed => (glyphs.ok, Role::Ok),
        Course::GoingBack | Course::WentBack => (glyphs.undone, Role::Warning),
        Course::Stopped => (glyphs.skipped, Role::Muted),
        Course::Failed => (glyphs.bad, Role::Bad),
        Course::Unknown => (glyphs.pending, Role::Muted),
    }
}

/// The parts of a deployment's life and its hooks, each with how long it took, or has left.
fn event_lines<'a>(look: Look<'a>, seen: &Deployment) -> Vec<(&'a str, Role, String, String)> {
    let line = |event: &LifecycleEvent| {
        let (mark, role) = course_sign(look, event.course);
        let time = match (event.started, event.ended, event.expires) {
            (Some(started), Some(ended), _) => Elapsed(ended.since(started)).to_string(),
            (Some(started), None, _) => look.since(started).to_string(),
            (None, _, Some(expires)) if event.course == Course::Underway => look.until(expires).to_string(),
            _ => String::new(),
        };
        // CodeDeploy's words for what is over say no more than the sign does.
        let is_plain =
            matches!(event.status.as_str(), "Succeeded" | "Pending" | "InProgress" | "Skipped" | "SUCCEEDED");
        let text = if is_plain { event.name.clone() } else { format!("{} {}", event.name, event.status) };
        (mark, role, text, time)
    };
    seen.events.iter().map(line).collect()
}

/// The stage on which the release foundered: the last one begun, unless a human turned the release round. It is still
/// told apart once it has been undone.
fn failed(release: &Release) -> Option<usize> {
    release.unwinding.as_ref().filter(|unwinding| unwinding.by.is_none())?;
    release.stages.iter().rposition(|stage| stage.attempts > 0)
}

fn draw_stage(look: Look<'_>, index: usize, stage: &Stage, row: Rect, buf: &mut Buffer) {
    let Some(plan) = look.plan().stage(index) else { return };
    let is_undone_failure = stage.status == StageStatus::Undone && failed(look.release()) == Some(index);
    let status = if is_undone_failure { StageStatus::Failed } else { stage.status };
    let (sign, role) = sign(look.theme.glyphs, status);
    let (name_role, figures_role) = match stage.status {
        StageStatus::Pending | StageStatus::Skipped => (Role::Muted, Role::Muted),
        StageStatus::Running | StageStatus::Waiting | StageStatus::Failed => (Role::Strong, Role::Text),
        StageStatus::Passed | StageStatus::Undone => (Role::Text, Role::Muted),
    };
    let (detail, time) = (detail(look, stage, plan), time(look, stage));
    let room = usize::from(row.width).saturating_sub(3 + width(plan.name.as_str()));
    // The name is never cut for a figure: the figure is told again elsewhere.
    let right = if is_undone_failure {
        let fits = |text: &&str| width(text) + 2 <= room;
        ["failed, undone", "undone"].into_iter().find(fits).unwrap_or_default().to_owned()
    } else if width(&detail) + 8 <= room {
        format!("{detail} {time:>5}")
    } else {
        time
    };
    let name = clip(plan.name.as_str(), room + width(plan.name.as_str()), look.theme.glyphs.ellipsis).into_owned();
    let left = vec![Span::raw(" "), look.span(role, sign), Span::styled(format!(" {name}"), look.style(name_role))];
    look.row(row, buf, left, vec![look.span(figures_role, right)]);
}

/// The one figure that says most about a stage.
fn detail(look: Look<'_>, stage: &Stage, plan: &StagePlan) -> String {
    let of = plan.component.unwrap_or(ComponentIndex::FIRST);
    let component = &look.release().components[of];
    match (&plan.kind, stage.status) {
        (
            StageKind::Gate(_) | StageKind::Smoke(_),
            StageStatus::Running | StageStatus::Waiting | StageStatus::Passed | StageStatus::Failed,
        ) if !stage.checks.is_empty() => {
            let (passed, all) = CheckResult::tally(&stage.checks);
            format!("{passed}/{all}")
        }
        (StageKind::Deploy, StageStatus::Running) => {
            let capacity = component.capacities.as_ref().map(|both| both.green.healthy);
            let wanted = look.plan().components[of].wanted(Side::Green);
            capacity.map(|healthy| format!("{healthy}/{wanted}")).unwrap_or_default()
        }
        (StageKind::Shift(_), StageStatus::Running | StageStatus::Waiting) => component.traffic.set.to_string(),
        _ if stage.attempts > 1 => format!("try {}", stage.attempts),
        _ => String::new(),
    }
}

fn time(look: Look<'_>, stage: &Stage) -> String {
    match (stage.status, stage.started, stage.ended) {
        (StageStatus::Pending | StageStatus::Skipped, _, _) | (_, None, _) => String::new(),
        (_, Some(started), Some(ended)) => Elapsed(ended.since(started)).to_string(),
        (_, Some(started), None) => match &look.release().ended {
            Some(ended) => Elapsed(ended.at.since(started)).to_string(),
            None => look.since(started).to_string(),
        },
    }
}

/// What a stage says, in at most so many rows; the last one holds the rest, to be cut where the panel ends.
fn note(look: Look<'_>, stage: &Stage, columns: u16, rows: usize) -> Vec<String> {
    let is_told_elsewhere = stage.status == StageStatus::Failed
        && matches!(look.release().status(), Status::Ended(_) | Status::RollingBack);
    if is_told_elsewhere || stage.note.is_empty() || stage.status == StageStatus::Pending {
        return Vec::new();
    }
    let lines = wrap(&stage.note, usize::from(columns.saturating_sub(3)));
    let Some(whole) = rows.checked_sub(1).map(|whole| whole.min(lines.len().saturating_sub(1))) else {
        return Vec::new();
    };
    let mut shown: Vec<String> = lines.iter().take(whole).map(|line| (*line).to_owned()).collect();
    shown.push(lines.get(whole..).unwrap_or_default().join(" "));
    shown
}
