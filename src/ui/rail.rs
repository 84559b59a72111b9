//! The stage rail: every stage with its status, and how long it took or takes.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::look::Look;
use super::theme::{Glyphs, Role};
use super::widgets::Panel;
use super::widgets::text::{clip, put, width, wrap};
use crate::domain::plan::StageKind;
use crate::domain::release::{Stage, StageStatus, Status, Work};
use crate::domain::time::Elapsed;

/// Rows of a stage's note that are shown below it at most.
const NOTE_ROWS: usize = 3;

/// How wide it is on a screen this wide.
pub(super) fn columns(screen: u16) -> u16 {
    match screen {
        0..100 => 24,
        100..160 => 28,
        _ => 34,
    }
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
    let done = release
        .stages
        .iter()
        .filter(|stage| matches!(stage.status, StageStatus::Passed | StageStatus::Skipped))
        .count();
    let count = format!("{done}/{}", release.stages.len());
    let panel =
        Panel { title: Line::from("pipeline"), right: Line::from(look.span(Role::Muted, count)), ..Panel::default() };
    let inner = panel.render(area, buf, look.theme);
    let current = release.current().unwrap_or(release.stages.len());
    let height = usize::from(inner.height);
    // A pipeline longer than the panel is shown around the stage whose turn it is.
    let top = if release.stages.len() > height {
        current.saturating_sub(height / 2).min(release.stages.len() - height)
    } else {
        0
    };
    let spare = height.saturating_sub(release.stages.len());
    let mut rows = inner.rows();
    for (index, stage) in release.stages.iter().enumerate().skip(top) {
        let Some(row) = rows.next() else { return };
        draw_stage(look, index, stage, row, buf);
        if index == current {
            for line in note(look, stage, inner.width, spare) {
                let Some(row) = rows.next() else { return };
                put(buf, (row.x + 3, row.y), row.width.saturating_sub(3), line, look.style(Role::Muted));
            }
        }
    }
}

fn draw_stage(look: Look<'_>, index: usize, stage: &Stage, row: Rect, buf: &mut Buffer) {
    let Some(plan) = look.plan().stage(index) else { return };
    let (sign, role) = sign(look.theme.glyphs, stage.status);
    let name_role = match stage.status {
        StageStatus::Pending | StageStatus::Skipped => Role::Muted,
        StageStatus::Running | StageStatus::Waiting | StageStatus::Failed => Role::Strong,
        StageStatus::Passed | StageStatus::Undone => Role::Text,
    };
    let detail = detail(look, stage, &plan.kind);
    let time = time(look, stage);
    let right = match (detail.is_empty(), time.is_empty()) {
        (true, _) => time,
        (false, true) => detail,
        (false, false) => format!("{detail}  {time:>5}"),
    };
    let right = vec![
        look.span(if stage.status == StageStatus::Pending { Role::Muted } else { Role::Text }, format!("{right} ")),
    ];
    let room = usize::from(row.width)
        .saturating_sub(width(&right.first().map(|span| span.content.clone()).unwrap_or_default()) + 5);
    let name = clip(plan.name.as_str(), room.max(4), look.theme.glyphs.ellipsis).into_owned();
    look.row(row, buf, vec![look.span(role, format!(" {sign} ")), Span::styled(name, look.style(name_role))], right);
}

/// The one figure that says most about a stage.
fn detail(look: Look<'_>, stage: &Stage, kind: &StageKind) -> String {
    match (kind, stage.status) {
        (
            StageKind::Gate(_) | StageKind::Smoke(_),
            StageStatus::Running | StageStatus::Waiting | StageStatus::Passed | StageStatus::Failed,
        ) if !stage.checks.is_empty() => {
            let passed = stage.checks.iter().filter(|check| check.passed).count();
            format!("{passed}/{}", stage.checks.len())
        }
        (StageKind::Deploy, StageStatus::Running) => {
            let capacity = look.release().capacities.as_ref().map(|both| both.green.healthy);
            let wanted = look.plan().sides.green.desired;
            capacity.map(|healthy| format!("{healthy}/{wanted}")).unwrap_or_default()
        }
        (StageKind::Shift(_), StageStatus::Running | StageStatus::Waiting) => look.release().traffic.set.to_string(),
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

/// What the stage whose turn it is says, as far as there is room below it.
fn note<'a>(look: Look<'a>, stage: &'a Stage, columns: u16, spare: usize) -> Vec<&'a str> {
    let is_told_elsewhere = matches!(look.release().status(), Status::Ended(_) | Status::RollingBack);
    if is_told_elsewhere
        || stage.note.is_empty()
        || stage.work == Work::default() && stage.status == StageStatus::Pending
    {
        return Vec::new();
    }
    let mut lines = wrap(&stage.note, usize::from(columns.saturating_sub(4)));
    lines.truncate(NOTE_ROWS.min(spare));
    lines
}
