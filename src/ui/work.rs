//! What the present stage shows for itself: its checks, or the output of its program.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::checks::{self, Row};
use super::look::Look;
use super::theme::Role;
use super::widgets::Panel;
use crate::domain::effect::{CheckResult, Effect};
use crate::domain::ids::StageName;
use crate::domain::plan::StageKind;
use crate::domain::release::{Stage, StageStatus};

/// What there is to show.
pub(super) struct Work<'a> {
    index: usize,
    name: &'a StageName,
    kind: &'a StageKind,
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
    has_something.then_some(Work { index, name: &plan.name, kind: &plan.kind, stage, rows, output })
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
    let mut inner = panel.render(area, buf, look.theme);
    if let StageKind::Migrate(_) = work.kind
        && let Some(row) = inner.rows().next()
    {
        look.row(row, buf, parts(look, work), vec![look.span(Role::Muted, format!("{} ", undo(work.kind)))]);
        inner = Rect { y: inner.y + 1, height: inner.height - 1, ..inner };
    }
    let used = checks::draw(look, &work.rows, inner, buf);
    let left = Rect { y: inner.y + used, height: inner.height - used, ..inner };
    let hidden = work.output.len().saturating_sub(usize::from(left.height));
    for (line, row) in work.output.iter().skip(hidden).zip(left.rows()) {
        look.row(row, buf, vec![look.span(Role::Text, format!(" {line}"))], Vec::new());
    }
}

/// The parts of a migration in their order, each with how far it is.
fn parts<'a>(look: Look<'a>, work: &Work<'a>) -> Vec<Span<'a>> {
    let glyphs = look.theme.glyphs;
    let present = look.release().in_flight.iter().find_map(|flight| match flight.intent.effect {
        Effect::RunCommand { stage, part } if stage == work.index => Some(part),
        _ => None,
    });
    let names: Vec<&str> = (0..).map_while(|part| work.kind.part(part)).map(|part| part.name).collect();
    // Of a part that has failed the note says what became of it, after its name.
    let failed = work.stage.note.split_once(':').filter(|_| work.stage.status == StageStatus::Failed);
    let last = failed.and_then(|(name, _)| names.iter().position(|known| *known == name)).or(present);
    let is_done = matches!(work.stage.status, StageStatus::Passed | StageStatus::Undone);
    let state = |part: usize| match last {
        _ if is_done => (glyphs.ok, Role::Ok),
        Some(last) if part < last => (glyphs.ok, Role::Ok),
        Some(last) if part == last && failed.is_some() => (glyphs.bad, Role::Bad),
        Some(last) if part == last => (glyphs.running, Role::Running),
        _ => (glyphs.pending, Role::Muted),
    };
    let parts = names.into_iter().enumerate().flat_map(|(part, name)| {
        let (sign, role) = state(part);
        let text = if role == Role::Muted { Role::Muted } else { Role::Text };
        [look.span(role, format!(" {sign} ")), look.span(text, format!("{name} "))]
    });
    parts.collect()
}

/// Whether a rollback would take a migration back.
fn undo(kind: &StageKind) -> &'static str {
    match kind.undo() {
        Some(_) if kind.undoes_itself() => "a rollback undoes it",
        Some(_) => "undone by hand only",
        None => "no undo",
    }
}
