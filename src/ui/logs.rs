//! The log tail: only the lines on the screen are looked at.

pub(super) mod detail;
mod line;
mod patterns;

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::format::{age, grouped, zone};
use super::look::Look;
use super::theme::Role;
use super::widgets::text::put_line;
use super::widgets::{Focus, Panel, Scrollbar};
use crate::app::filter::{QueryError, Showing, Whose};
use crate::app::logs::Stamps;
use crate::app::model::{LogsFocus, Overlay, View};
use crate::domain::ids::Side;
use crate::domain::log::Level;
use crate::engine::snapshot::{Feed, Source};

/// Rows that pins leave to the lines at least.
const LEAST_ROWS: u16 = 6;

/// Draws the logs' own screen: the patterns, and below them the lines; answers how many rows there are for lines.
pub(super) fn screen(look: Look<'_>, area: Rect, buf: &mut Buffer) -> usize {
    let (above, below) = patterns::split(look, area);
    let (of_patterns, of_lines) = match look.model.logs_focus {
        LogsFocus::Patterns => (Focus::Here, Focus::Elsewhere),
        LogsFocus::Lines => (Focus::Elsewhere, Focus::Here),
    };
    patterns::draw(look, above, of_patterns, buf);
    draw(look, below, of_lines, buf)
}

/// Draws the panel, and answers how many rows it has for lines.
pub(super) fn draw(look: Look<'_>, area: Rect, focus: Focus, buf: &mut Buffer) -> usize {
    let panel = Panel {
        title: title(look),
        right: counts(look),
        below: why_polled(look),
        focus,
        role: (focus == Focus::Here).then_some(Role::Muted),
    };
    let inner = panel.render(area, buf, look.theme);
    let inner = patterns::strip(look, inner, buf);
    let inner = mistake(look, inner, buf);
    let inner = pins(look, inner, buf);
    let logs = &look.model.logs;
    let height = usize::from(inner.height);
    if logs.shown_len() == 0 {
        look.row(Rect { height: inner.height.min(1), ..inner }, buf, nothing(look), Vec::new());
        return height;
    }
    let top = logs.top_of(height);
    let inner = Scrollbar { len: logs.shown_len(), top }.render(inner, buf, look.theme);
    if logs.wrap {
        line::wrapped(look, top, inner, buf);
    } else {
        line::cut(look, top, inner, buf);
    }
    height
}

/// What is wrong with the filter being typed, in a row of its own.
fn mistake(look: Look<'_>, area: Rect, buf: &mut Buffer) -> Rect {
    let Some(Overlay::Filter { error: Some(error), .. }) = &look.model.overlay else { return area };
    if area.height < 2 {
        return area;
    }
    let text = format!(" {} {error}", look.theme.glyphs.warning);
    look.row(Rect { height: 1, ..area }, buf, vec![look.span(Role::Bad, text)], Vec::new());
    Rect { y: area.y + 1, height: area.height - 1, ..area }
}

/// The pinned lines, on the logs' own screen.
fn pins(look: Look<'_>, area: Rect, buf: &mut Buffer) -> Rect {
    let pins = &look.model.logs.pins;
    let room = area.height.saturating_sub(LEAST_ROWS);
    let rows = u16::try_from(pins.len()).unwrap_or(room).min(room);
    if look.model.view != View::Logs || rows == 0 {
        return area;
    }
    let newest = pins.iter().skip(pins.len() - usize::from(rows));
    for (pin, row) in newest.zip(area.rows()) {
        let spans = line::spans(look, pin, area.width, Some(look.theme.glyphs.bullet));
        put_line(buf, (row.x, row.y), row.width, &look.clip_line(spans, row.width.into()));
        buf.set_style(row, look.style(Role::Strong));
    }
    Rect { y: area.y + rows, height: area.height - rows, ..area }
}

fn title(look: Look<'_>) -> Line<'_> {
    let filter = look.model.logs.filter();
    if let Some(Overlay::Filter { text, error, .. }) = &look.model.overlay {
        let what = match filter.shows() {
            Showing::Hits => "filter ",
            Showing::Everything => "find ",
        };
        let mut spans = vec![Span::raw(what), look.span(Role::Prompt, "/")];
        spans.extend(typed(look, text, error.as_ref()));
        spans.push(Span::styled(" ", look.style(Role::Prompt).reversed()));
        if text.is_empty() {
            spans.push(look.span(Role::Muted, " text \"a b\" /regex/ !not field=value level>=warn side=green"));
        }
        return Line::from(spans);
    }
    let mut spans = vec![Span::raw("logs")];
    match filter.whose() {
        Whose::Of(Side::Green) => spans.push(look.span(Role::Green, " green only")),
        Whose::Of(Side::Blue) => spans.push(look.span(Role::Blue, " blue only")),
        Whose::Other => spans.push(look.span(Role::Warning, " neither side")),
        Whose::All => {}
    }
    if filter.level() > Level::Debug {
        spans.push(look.span(Role::Warning, format!(" {} and above", filter.level().word().to_lowercase())));
    }
    if filter.searches() {
        spans.push(Span::raw(" "));
        spans.push(look.span(Role::SearchHit, format!("/{} ", filter.text())));
        spans.push(look.span(Role::Muted, hits(look)));
    }
    Line::from(spans)
}

/// What is typed, with what is wrong in it marked.
fn typed<'a>(look: Look<'a>, text: &'a str, error: Option<&QueryError>) -> Vec<Span<'a>> {
    let place = error.map_or(text.len()..text.len(), |error| error.place.clone());
    let part = |range: std::ops::Range<usize>| text.get(range).unwrap_or_default();
    vec![
        look.span(Role::Prompt, part(0..place.start)),
        Span::styled(part(place.clone()), look.style(Role::Bad).underlined()),
        look.span(Role::Prompt, part(place.end..text.len())),
    ]
}

/// How many hits there are, and how far the search has come.
fn hits(look: Look<'_>) -> String {
    let logs = &look.model.logs;
    let (all, place) = logs.hits();
    let at = place.map(|place| format!("{} of ", grouped(place as u64))).unwrap_or_default();
    let noun = if all == 1 { "hit" } else { "hits" };
    let left = match logs.unsearched() {
        0 => String::new(),
        left => format!(", {} % searched", (logs.len() - left) * 100 / logs.len().max(1)),
    };
    format!(" {at}{} {noun}{left}", grouped(all as u64))
}

/// Where the reader is, and what did not come.
fn counts(look: Look<'_>) -> Line<'_> {
    let logs = &look.model.logs;
    let mut spans = Vec::new();
    if logs.is_following() {
        spans.push(look.span(Role::Muted, "following"));
    } else {
        spans.push(look.span(Role::Warning, format!("held, {} below", grouped(logs.below() as u64))));
    }
    if logs.lost > 0 {
        spans.push(look.span(Role::Bad, format!("  {} lines skipped: too fast", grouped(logs.lost))));
    }
    if logs.gone > 0 && look.model.view == View::Logs {
        spans.push(look.span(Role::Muted, format!("  {} older ones let go", grouped(logs.gone))));
    }
    spans.extend(feed(look));
    let stamps = match logs.stamps {
        Stamps::Local => zone(look.model.utc_offset),
        Stamps::Utc => zone(0),
        Stamps::Relative => "since it began".to_owned(),
    };
    spans.push(look.span(Role::Muted, format!("  {stamps}")));
    Line::from(spans)
}

/// How the lines come, and what is wrong with that.
fn feed(look: Look<'_>) -> Vec<Span<'_>> {
    /// A line that could be read later than this is worth a word.
    const SLOW: u64 = 15_000;
    let view = &look.snapshot.logs;
    let mut spans = Vec::new();
    let failing = look.source(Source::Logs).and_then(|source| source.failing.as_ref());
    if let Some((since, _)) = failing.filter(|_| look.release().ended.is_none()) {
        spans.push(look.span(Role::Bad, format!("  failing {}", look.since(*since))));
    } else if let Some(text) = look.stale(Source::Logs) {
        spans.push(look.span(Role::Warning, format!("  {text}")));
    }
    if look.model.view != View::Logs {
        return spans;
    }
    if view.left_out > 0 {
        spans.push(look.span(Role::Bad, format!("  {} left out: too many", grouped(view.left_out))));
    }
    if view.late > 0 {
        spans.push(look.span(Role::Muted, format!("  {} late", grouped(view.late))));
    }
    if let Some(at) = view.sampled {
        spans.push(look.span(Role::Warning, format!("  sampled {} ago", age(look.now().since(at)))));
    }
    if let Some(lag) = view.lag.filter(|lag| *lag > SLOW) {
        spans.push(look.span(Role::Warning, format!("  lags {}", age(Duration::from_millis(lag)))));
    }
    match &view.feed {
        Feed::Live { .. } => spans.push(look.span(Role::Muted, "  live")),
        Feed::Polled { every, .. } if every.is_zero() => {}
        Feed::Polled { every, .. } => {
            spans.push(look.span(Role::Muted, format!("  every {}", age(*every))));
        }
    }
    spans
}

/// Why lines are polled and not streamed, below the logs' own screen.
fn why_polled(look: Look<'_>) -> Line<'_> {
    match &look.snapshot.logs.feed {
        Feed::Polled { why: Some(why), .. } if look.model.view == View::Logs => {
            Line::from(look.span(Role::Muted, format!("not streamed: {why}")))
        }
        Feed::Polled { .. } | Feed::Live { .. } => Line::default(),
    }
}

/// What an empty panel means.
fn nothing(look: Look<'_>) -> Vec<Span<'_>> {
    let logs = &look.model.logs;
    let failing = look.source(Source::Logs).and_then(|source| source.failing.as_ref());
    if !logs.is_empty() {
        let text = match logs.unsearched() {
            0 => format!(" none of {} lines pass the filter", grouped(logs.len() as u64)),
            left => format!(" none yet; {} of {} lines to search", grouped(left as u64), grouped(logs.len() as u64)),
        };
        vec![look.span(Role::Muted, text)]
    } else if let Some((since, why)) = failing {
        let text = format!(" {} no logs for {}: {why}", look.theme.glyphs.warning, look.since(*since));
        vec![look.span(Role::Bad, text)]
    } else if let Some(at) = look.source(Source::Logs).and_then(|source| source.last_ok) {
        let asked = match look.snapshot.logs.feed {
            Feed::Live { .. } => "last heard of",
            Feed::Polled { .. } => "last asked",
        };
        vec![look.span(Role::Muted, format!(" no line yet; {asked} {} ago", age(look.now().since(at))))]
    } else {
        vec![look.span(Role::Muted, format!(" {} connecting to the logs", look.theme.glyphs.no_data))]
    }
}
