//! The status block: the headline, and below it what the release has cost and what going back would take. It is the first thing to be read, so it stands at the same place on every screen.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::format::{clock, grouped, took};
use super::headline;
use super::look::Look;
use super::theme::Role;
use super::widgets::text::width;
use crate::domain::effect::Effect;
use crate::domain::outlook::{left_behind, outlook, rollback_preview};
use crate::domain::percent::Percent;
use crate::domain::plan::StageKind;
use crate::domain::release::{Ending, StageStatus};
use crate::domain::signal::{Golden, Ruling, Verdict};
use crate::domain::time::Elapsed;
use crate::engine::snapshot::{Source, Toll};

/// Rows of the block.
pub(super) const ROWS: u16 = 2;

/// Spans of the toll.
const TOLL: usize = 3;

/// Both rows.
pub(super) fn draw(look: Look<'_>, area: Rect, buf: &mut Buffer) {
    let mut rows = area.rows();
    let rest = rows.next().map(|row| headline::draw(look, row, buf)).unwrap_or_default();
    if let Some(row) = rows.next() {
        let mut left = below(look);
        let mut least = TOLL;
        if !rest.is_empty() {
            left.insert(0, look.span(Role::Text, format!(" {rest}  ")));
            least = 1;
        }
        let columns = |spans: &[Span<'_>]| Line::from(spans.to_vec()).width();
        let right = going_back(look, usize::from(row.width).saturating_sub(columns(&left)));
        // What comes after the toll, or after the rest of a reason, is told whole or not at all.
        while left.len() > least && columns(&left) + 2 + columns(&right) > row.width.into() {
            left.pop();
        }
        look.row(row, buf, left, right);
    }
}

/// What it has cost so far, or what is wrong with what is known.
fn below(look: Look<'_>) -> Vec<Span<'_>> {
    if let Some(trouble) = trouble(look) {
        return vec![look.span(Role::Bad, format!(" {trouble}"))];
    }
    let release = look.release();
    let mut spans = toll(look, look.seen().toll);
    if let Some((since, Some(until))) = look.component().traffic_span().filter(|_| release.ended.is_some()) {
        spans.push(look.span(Role::Text, format!("  had traffic for {}", Elapsed(until.since(since)))));
    }
    let left: Vec<&str> = left_behind(release).iter().map(|(stage, _)| stage.as_str()).collect();
    if !left.is_empty() {
        spans.push(look.span(Role::Warning, format!("  not undone: {}", left.join(", "))));
    }
    if let Some(unwinding) = &release.unwinding {
        if let Some(trouble) = &unwinding.trouble {
            spans.push(look.span(Role::Bad, format!("  not undone: {trouble}")));
        } else if unwinding.escalated && release.ended.is_none() {
            spans.push(look.span(Role::Bad, "  takes too long: everybody has been told"));
        } else if let Some(restored) = unwinding.restored {
            let back = took(restored.since(unwinding.since));
            spans.push(look.span(Role::Text, format!("  traffic back in {back}")));
        }
    }
    spans
}

fn toll(look: Look<'_>, toll: Toll) -> Vec<Span<'_>> {
    if toll.green_requests == 0 && !look.release().has_shifted() {
        return match &look.release().begun {
            Some(begun) => {
                let at = clock(begun.at, look.model.utc_offset);
                vec![look.span(Role::Muted, format!(" begun {at} by {}; no users on green yet", begun.by.name))]
            }
            None => vec![look.span(Role::Muted, " no users on green yet")],
        };
    }
    if toll.green_requests == 0 {
        let sign = look.theme.glyphs.no_data;
        let text = format!(" {sign} green's users not counted yet (metrics lag 1–3 min)");
        return vec![look.span(Role::NoData, text)];
    }
    let role = if toll.harmed > 0 && errors_trouble(look) { Role::Warning } else { Role::Text };
    let dot = look.theme.glyphs.bullet;
    vec![
        look.span(Role::Text, format!(" green served {}", grouped(toll.green_requests))),
        look.span(Role::Muted, format!(" {dot} ")),
        look.span(role, format!("{} harmed", grouped(toll.harmed))),
    ]
}

/// Whether a signal of errors does not pass: a few failed requests are no news while all of them do.
fn errors_trouble(look: Look<'_>) -> bool {
    let is_errors = |verdict: &&Verdict| {
        let plan = look.planned().signals.iter().find(|plan| plan.name == verdict.signal);
        plan.is_some_and(|plan| plan.golden == Golden::Errors)
    };
    look.component().verdicts.iter().filter(is_errors).any(|verdict| verdict.ruling != Ruling::Pass)
}

/// What does not work although it is tried: an effect of the release first, then the sources, in one line.
fn trouble(look: Look<'_>) -> Option<String> {
    if let Some(trouble) = &look.snapshot.engine.trouble {
        return Some(format!("{} {trouble}", look.theme.glyphs.bad));
    }
    if look.release().ended.is_some() {
        return None;
    }
    let failing = look.release().in_flight.iter().filter_map(|flight| Some((flight, flight.error.as_ref()?)));
    if let Some((flight, error)) = failing.max_by_key(|(flight, _)| flight.intent.effect.sets_weight()) {
        let again = match flight.retry_at {
            Some(at) => format!("again in {}", look.until(at)),
            None => format!("try {}", flight.intent.attempt),
        };
        let (sign, dot) = (look.theme.glyphs.warning, look.theme.glyphs.bullet);
        return Some(format!("{sign} {}: {again} {dot} {error}", effect(look, &flight.intent.effect)));
    }
    let failing: Vec<_> = look.snapshot.sources.iter().filter(|source| source.failing.is_some()).collect();
    let (since, why) = failing.iter().filter_map(|source| source.failing.as_ref()).min_by_key(|(since, _)| *since)?;
    let names: Vec<&str> = failing.iter().map(|source| source.source.word()).collect();
    let sign = look.theme.glyphs.warning;
    Some(format!(
        "{sign} no answer for {}: {} {} {why}",
        look.since(*since),
        names.join(", "),
        look.theme.glyphs.bullet
    ))
}

/// An effect in a few words.
fn effect(look: Look<'_>, effect: &Effect) -> String {
    let stage = |index: usize| look.plan().stage(index).map(|stage| stage.name.to_string()).unwrap_or_default();
    match effect {
        Effect::CheckGate { stage: index } | Effect::RunChecks { stage: index } => {
            format!("checks of {}", stage(*index))
        }
        Effect::RunCommand { stage: index, .. } | Effect::WarmUp { stage: index } => stage(*index),
        Effect::StopTask { stage: index, .. } => format!("stopping the task of {}", stage(*index)),
        Effect::UndoCommand { stage: index } => format!("undo of {}", stage(*index)),
        Effect::RegisterTaskDefinition { .. } => "registering the task definition".to_owned(),
        Effect::Scale { side, desired, .. } => format!("scaling {side} to {desired}"),
        Effect::SetWeight { green, .. } => format!("setting green to {green}"),
        Effect::Notify(_) => "telling the channels".to_owned(),
    }
}

/// What going back would take now, in fewer words where there is little room.
fn going_back(look: Look<'_>, room: usize) -> Vec<Span<'_>> {
    let release = look.release();
    if let Some(ended) = &release.ended {
        return afterwards(look, ended.ending, room);
    }
    if release.begun.is_none() {
        return Vec::new();
    }
    if release.unwinding.is_some() {
        let told = outlook(release).until;
        let text = |at| look.span(Role::Warning, format!("everybody is told in {} ", look.until(at)));
        return told.map(text).into_iter().collect();
    }
    let preview = rollback_preview(release);
    let (role, short, more) = match preview.blue[look.focus()] {
        _ if !preview.moves_traffic => (Role::Muted, "no traffic to move".to_owned(), ""),
        None => (Role::NoData, "blue not read yet".to_owned(), ""),
        Some((healthy, wanted)) if preview.is_warm && look.stale(Source::Capacity).is_none() => {
            (Role::Ok, format!("blue {healthy}/{wanted} warm"), ", one call")
        }
        Some((healthy, wanted)) if preview.is_warm => {
            (Role::NoData, format!("blue {healthy}/{wanted} when last read"), "")
        }
        Some((healthy, wanted)) => (Role::Bad, format!("blue {healthy}/{wanted} COLD"), ", scales first"),
    };
    let whole = format!("rollback: {short}{more} ");
    vec![look.span(role, if width(&whole) + 2 <= room { whole } else { format!("{short} ") })]
}

/// What serves once the release has ended, or what going back would take then.
fn afterwards(look: Look<'_>, ending: Ending, room: usize) -> Vec<Span<'_>> {
    let release = look.release();
    let plan = look.plan();
    if ending == Ending::Succeeded {
        let is_down = release
            .stages
            .iter()
            .zip(&plan.stages)
            .any(|(stage, plan)| matches!(plan.kind, StageKind::Cleanup(_)) && stage.status == StageStatus::Passed);
        let choices: [&str; 3] = if is_down {
            [
                "blue is scaled down: going back is a new release ",
                "blue scaled down: going back is a new release ",
                "going back is a new release ",
            ]
        } else {
            [
                "blue is still up: going back is a new release ",
                "blue still up: going back is a new release ",
                "going back is a new release ",
            ]
        };
        let text = choices.into_iter().find(|text| width(text) + 2 <= room).unwrap_or("going back is a new release ");
        return vec![look.span(Role::Muted, text)];
    }
    let Some(blue) = look.component().traffic.observed.map(Percent::rest) else { return Vec::new() };
    let role = if blue == Percent::FULL { Role::Ok } else { Role::Bad };
    vec![look.span(role, format!("blue {} serves {blue} ", look.planned().from.short()))]
}
