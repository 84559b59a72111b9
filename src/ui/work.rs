//! What the present stage shows for itself: its checks, or the output of its program.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::look::Look;
use super::theme::Role;
use super::widgets::Panel;
use super::widgets::text::pad;
use crate::domain::effect::CheckResult;
use crate::domain::ids::StageName;
use crate::domain::release::{Stage, StageStatus};

/// What there is to show.
pub(super) struct Work<'a> {
    name: &'a StageName,
    stage: &'a Stage,
    output: &'a [String],
}

/// What the stage whose turn it is shows for itself, if it does and green has no users yet: from then on the signals
/// matter more.
pub(super) fn of(look: Look<'_>) -> Option<Work<'_>> {
    let release = look.release();
    if release.has_shifted() || release.ended.is_some() {
        return None;
    }
    let index = release.foremost()?;
    let (stage, plan) = (release.stages.get(index)?, look.plan().stage(index)?);
    let live = look.snapshot.output.get(&index).filter(|_| stage.status == StageStatus::Running);
    let output = live.unwrap_or(&stage.output);
    let has_something = !output.is_empty() || !stage.checks.is_empty();
    has_something.then_some(Work { name: &plan.name, stage, output })
}

pub(super) fn draw(look: Look<'_>, work: &Work<'_>, area: Rect, buf: &mut Buffer) {
    let checks = &work.stage.checks;
    let is_failed = work.stage.status == StageStatus::Failed;
    let passed = checks.iter().filter(|check| check.passed).count();
    let right = if checks.is_empty() { String::new() } else { format!("{passed}/{} passed", checks.len()) };
    let panel = Panel {
        title: Line::from(work.name.to_string()),
        right: Line::from(look.span(if is_failed { Role::Bad } else { Role::Muted }, right)),
        role: is_failed.then_some(Role::Danger),
        ..Panel::default()
    };
    let inner = panel.render(area, buf, look.theme);
    let height = usize::from(inner.height);
    // Failed checks first: they are what somebody has to decide about.
    let mut ordered: Vec<&CheckResult> = checks.iter().collect();
    ordered.sort_by_key(|check| check.passed);
    let mut rows = inner.rows();
    let name_columns = checks.iter().map(|check| super::widgets::text::width(&check.name)).max().unwrap_or(0).min(24);
    for (check, row) in ordered.into_iter().zip(rows.by_ref()) {
        let (sign, role) =
            if check.passed { (look.theme.glyphs.ok, Role::Ok) } else { (look.theme.glyphs.bad, Role::Bad) };
        let text_role = if check.passed { Role::Muted } else { Role::Text };
        let left = vec![
            ratatui::text::Span::raw(" "),
            look.span(role, sign),
            look.span(Role::Text, format!(" {}", pad(&check.name, name_columns))),
            look.span(text_role, format!("  {}", check.detail)),
        ];
        look.row(row, buf, left, Vec::new());
    }
    let left = height.saturating_sub(checks.len());
    let hidden = work.output.len().saturating_sub(left);
    for (line, row) in work.output.iter().skip(hidden).zip(rows) {
        look.row(row, buf, vec![look.span(Role::Text, format!(" {line}"))], Vec::new());
    }
}
