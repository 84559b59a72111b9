//! What the present stage shows for itself: its checks, or the output of its program.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::checks::{self, Row};
use super::look::Look;
use super::theme::Role;
use super::widgets::Panel;
use crate::domain::effect::CheckResult;
use crate::domain::ids::StageName;
use crate::domain::release::{Stage, StageStatus};

/// What there is to show.
pub(super) struct Work<'a> {
    name: &'a StageName,
    stage: &'a Stage,
    rows: Vec<Row>,
    output: &'a [String],
}

impl Work<'_> {
    /// It is a table, which wants more room than lines do.
    pub(super) fn is_table(&self) -> bool {
        !self.rows.is_empty()
    }
}

/// What the stage whose turn it is shows for itself, if it does and green has no users yet: from then on the signals
/// matter more. Where it has nothing to show, what the stage before it has found stays. After the end it is the stage that
/// failed: why is the first thing that one wants to know.
pub(super) fn of(look: Look<'_>) -> Option<Work<'_>> {
    let release = look.release();
    if release.has_shifted() {
        return None;
    }
    if release.ended.is_some() {
        return release
            .stages
            .iter()
            .position(|stage| stage.status == StageStatus::Failed)
            .and_then(|failed| at(look, failed));
    }
    let foremost = release.foremost()?;
    at(look, foremost).or_else(|| before(look, foremost))
}

/// What the stage before the shift has found, for as long as nothing is known of green's first users: until then it is
/// the only evidence that there is.
pub(super) fn last_word(look: Look<'_>) -> Option<Work<'_>> {
    let release = look.release();
    let is_in_the_dark = look.component().verdicts.iter().all(|verdict| verdict.green.is_none());
    if !is_in_the_dark || release.ended.is_some() || release.unwinding.is_some() {
        return None;
    }
    before(look, release.foremost_of(look.focus())?)
}

/// The table of a stage that another one comes right after.
fn before(look: Look<'_>, index: usize) -> Option<Work<'_>> {
    let earlier = &look.plan().stage(index)?.after;
    earlier.iter().find_map(|earlier| at(look, *earlier).filter(Work::is_table))
}

fn at(look: Look<'_>, index: usize) -> Option<Work<'_>> {
    let (stage, plan) = (look.release().stages.get(index)?, look.plan().stage(index)?);
    let live = look.snapshot.output.get(&index).filter(|_| stage.status == StageStatus::Running);
    let output = live.unwrap_or(&stage.output);
    let rows = checks::rows(stage, &plan.kind);
    let has_something = !output.is_empty() || !rows.is_empty();
    has_something.then_some(Work { name: &plan.name, stage, rows, output })
}

pub(super) fn draw(look: Look<'_>, work: &Work<'_>, area: Rect, buf: &mut Buffer) {
    let is_failed = work.stage.status == StageStatus::Failed;
    let right = match CheckResult::tally(&work.stage.checks) {
        (_, 0) => String::new(),
        (passed, all) => format!("{passed}/{all} passed"),
    };
    let panel = Panel {
        title: Line::from(work.name.to_string()),
        right: Line::from(look.span(if is_failed { Role::Bad } else { Role::Muted }, right)),
        role: is_failed.then_some(Role::Danger),
        ..Panel::default()
    };
    let inner = panel.render(area, buf, look.theme);
    let used = checks::draw(look, &work.rows, inner, buf);
    let left = Rect { y: inner.y + used, height: inner.height - used, ..inner };
    let hidden = work.output.len().saturating_sub(usize::from(left.height));
    for (line, row) in work.output.iter().skip(hidden).zip(left.rows()) {
        look.row(row, buf, vec![look.span(Role::Text, format!(" {line}"))], Vec::new());
    }
}
