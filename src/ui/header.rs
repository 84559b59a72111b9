//! The first two rows: where this is, what is released, and whether what is shown is fresh.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;

use super::format::{age, clock};
use super::look::Look;
use super::theme::Role;
use super::widgets::text::{clip, fill, pad, put, width};
use crate::app::keymap::Action;
use crate::app::model::{Access, Connection};
use crate::engine::snapshot::Source;

/// Rows that it takes.
pub(super) const ROWS: u16 = 2;

/// The widest that the badge of the environment gets.
const WIDEST_BADGE: usize = 28;

/// A snapshot older than this, in seconds of real time, is not called live.
const LIVE_SECS: f64 = 15.0;

/// Credentials that run out sooner than this are warned of.
const SOON: std::time::Duration = std::time::Duration::from_mins(15);

pub(super) fn draw(look: Look<'_>, area: Rect, buf: &mut Buffer) {
    let badge = badge(look, area, buf);
    let rest = Rect { x: area.x + badge, width: area.width - badge, ..area };
    let mut rows = rest.rows();
    if let Some(row) = rows.next() {
        look.row(row, buf, subject(look), freshness(look));
    }
    if let Some(row) = rows.next() {
        look.row(row, buf, place(look), standing(look));
    }
}

/// A block of colour with the environment in capitals, so that production is never taken for anything else.
fn badge(look: Look<'_>, area: Rect, buf: &mut Buffer) -> u16 {
    let plan = look.plan();
    let name = plan.environment.as_str().to_uppercase();
    let name = if plan.production && !name.contains("PROD") { format!("PRODUCTION {name}") } else { name };
    let region = plan.place.region.as_str();
    let size = width(&name).max(width(region)).min(WIDEST_BADGE);
    let role = if plan.production { Role::Production } else { Role::Environment };
    let taken = u16::try_from(size + 2).unwrap_or(u16::MAX).min(area.width);
    let block = Rect { width: taken, ..area };
    fill(buf, block, " ", look.style(role));
    for (row, text) in block.rows().zip([name.as_str(), region]) {
        let text = pad(&clip(text, size, look.theme.glyphs.ellipsis), size);
        put(buf, (row.x.saturating_add(1), row.y), row.width.saturating_sub(1), &text, look.style(role));
    }
    taken
}

fn subject(look: Look<'_>) -> Vec<Span<'_>> {
    let mut spans = vec![
        look.span(Role::Strong, format!(" {}", look.planned().name)),
        look.span(Role::Blue, format!("  {}", look.planned().from)),
    ];
    let is_changing = look.snapshot.triage.is_none();
    if is_changing {
        spans.push(look.span(Role::Muted, format!(" {} ", look.theme.glyphs.arrow)));
        spans.push(look.span(Role::Green, look.planned().to.short()));
    }
    spans
}

fn place(look: Look<'_>) -> Vec<Span<'_>> {
    let (plan, release) = (look.plan(), look.release());
    let dot = look.theme.glyphs.bullet;
    let end = release.ended.as_ref().map_or_else(|| look.now(), |ended| ended.at);
    let watched = plan.origin.foreign().filter(|_| release.is_watching());
    let text = match (watched, &release.begun) {
        (Some(foreign), _) if foreign.is_afoot() => {
            let began = foreign.began.map(|at| format!(", began {} ago", look.since(at))).unwrap_or_default();
            format!(" not by cutover: {}{began}", foreign.strategy)
        }
        (Some(_), _) => " nothing is being deployed".to_owned(),
        (None, Some(begun)) => {
            let elapsed = crate::domain::time::Elapsed(end.since(begun.at));
            format!(" release {} {dot} {elapsed}", release.id)
        }
        (None, None) => format!(" release {} {dot} not begun", release.id),
    };
    let origin =
        plan.origin.words().filter(|_| watched.is_none()).map(|words| format!(" {dot} {words}")).unwrap_or_default();
    vec![
        look.span(Role::Text, text),
        look.span(Role::Waiting, origin),
        look.span(Role::Muted, format!(" {dot} {} {dot} {}", look.planned().driver().word(), plan.place.account)),
    ]
}

/// Whether what is shown is fresh: the way to the engine, then the age of its word.
fn freshness(look: Look<'_>) -> Vec<Span<'_>> {
    let glyphs = look.theme.glyphs;
    let mut spans = Vec::new();
    if (look.snapshot.speed - 1.0).abs() > f64::EPSILON {
        spans.push(look.span(Role::Environment, format!(" {}x ", look.snapshot.speed)));
        spans.push(Span::raw(" "));
    }
    if let Some(held) = &look.model.frozen {
        let key = look.model.keymap.chord(look.model.view.context(), Action::Freeze);
        let thaw = key.map(|key| format!(", {key} thaws")).unwrap_or_default();
        let text = format!("{} screen frozen {}{thaw}  ", glyphs.frozen, look.since(held.at));
        spans.push(look.span(Role::Waiting, text));
    }
    if let Some(replay) = look.snapshot.engine.replay {
        let left = age(replay.until.since(look.snapshot.at));
        let (role, text) = match (replay.is_paused, look.snapshot.at >= replay.until) {
            (_, true) => (Role::Muted, format!("{} replay, at its end ", glyphs.step_done)),
            (true, false) => (Role::Waiting, format!("{} replay held, {left} left ", glyphs.frozen)),
            (false, false) => (Role::Environment, format!(" replay, {left} left ")),
        };
        spans.push(look.span(role, text));
        return spans;
    }
    let old = look.now().since(look.snapshot.at);
    let limit = LIVE_SECS * look.snapshot.speed.max(1.0);
    spans.push(match &look.model.connection {
        Connection::Lost { since, .. } => {
            look.span(Role::Bad, format!("{} engine lost {} ", glyphs.bad, look.since(*since)))
        }
        Connection::Attached if let Some(ended) = &look.release().ended => {
            look.span(Role::Muted, format!("ended {} ", clock(ended.at, look.model.utc_offset)))
        }
        Connection::Attached if old.as_secs_f64() > limit => {
            look.span(Role::Warning, format!("{} stale {} ", glyphs.warning, age(old)))
        }
        Connection::Attached => look.span(Role::Ok, format!("{} live {} ", glyphs.step_done, age(old))),
    });
    spans
}

/// What this screen may do, and for how long: read-only, credentials.
fn standing(look: Look<'_>) -> Vec<Span<'_>> {
    let glyphs = look.theme.glyphs;
    let mut spans = Vec::new();
    if let Access::ReadOnly(_) = look.model.access {
        spans.push(look.span(Role::Warning, "read-only "));
    }
    let failing = look.source(Source::Identity).is_some_and(|source| source.failing.is_some());
    let identity = look.snapshot.identity.as_ref();
    let is_renewed = identity.is_some_and(|identity| identity.is_renewed);
    let expires = identity.and_then(|identity| identity.expires);
    if let Some(expires) = expires {
        let left = expires.since(look.now());
        let (role, text) = if left.is_zero() {
            (Role::Bad, format!("{} credentials expired ", glyphs.bad))
        } else if left < SOON && !is_renewed {
            (Role::Warning, format!("{} credentials {} ", glyphs.warning, age(left)))
        } else {
            (Role::Muted, format!("credentials {} ", age(left)))
        };
        spans.push(look.span(role, text));
    } else if failing {
        spans.push(look.span(Role::Bad, format!("{} credentials failing ", glyphs.bad)));
    }
    spans
}
