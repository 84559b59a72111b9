//! Pure pictures: what the model and the snapshot look like. Nothing here reads a clock, a file or the terminal.
//!
//! ```text
//! header     environment, component, versions · how fresh, credentials
//! status     what happens now, until when, what then · its cost, and what going back takes
//! view       release: rail │ traffic, signals │ alarms │ logs, timeline; or one of the others in full
//! key bar    what works now, and why the rest does not
//! ```
//!
//! Over the view: notes, and at most one of dialog, palette, help.

mod alarms;
mod charts;
mod checks;
mod compared;
mod doctor;
mod fleet;
mod format;
mod header;
mod headline;
mod help;
mod keys;
mod logs;
mod look;
mod overlay;
mod question;
mod rail;
mod release;
mod signals;
mod sources;
mod status;
pub mod theme;
mod timeline;
mod traffic;
pub mod widgets;
mod work;

#[cfg(test)]
mod tests;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::app::model::{Model, Sight, View};
use crate::engine::snapshot::Snapshot;
use look::{Look, Pace};
use theme::{Dots, Role, Theme};

use widgets::text::{clear, put};

/// The least screen, in columns and rows, that the views are drawn on.
pub const LEAST: (u16, u16) = (60, 15);

/// Draws the whole screen, and answers what there was room for; give that back to [`Model::saw`].
pub fn draw(buf: &mut Buffer, area: Rect, model: &Model, snapshot: &Snapshot, theme: &Theme) -> Sight {
    let area = area.intersection(buf.area);
    let live = Look { model, snapshot, theme, pace: Pace::Live };
    // Only the body is ever held still: where this is, what happens and what can be done about it stay live.
    let look = match &model.frozen {
        Some(held) => Look { snapshot: held, pace: Pace::Held, ..live },
        None => live,
    };
    clear(buf, area, theme.style(Role::Ground));
    if area.width < LEAST.0 || area.height < LEAST.1 {
        too_small(live, area, buf);
        seven_bits(area, buf, theme);
        return Sight::default();
    }
    let bottom = area.bottom() - 1;
    let head = Rect { height: header::ROWS, ..area };
    let block = Rect { y: head.bottom(), height: status::ROWS, ..area };
    let body = Rect { y: block.bottom(), height: bottom - block.bottom(), ..area };
    header::draw(live, head, buf);
    let mut sight = Sight::default();
    if model.view == View::Release {
        status::draw(live, block, buf);
        sight = release::draw(look, body, buf);
    } else {
        headline::draw(live, Rect { height: 1, ..block }, buf);
        match model.view {
            View::Release => {}
            View::Signals => sight.charts = charts::view(look, body, buf),
            View::Alarms => alarms::view(look, body, buf),
            View::Logs => sight.logs = logs::screen(look, body, buf),
            View::Fleet => sight.fleet = fleet::view(look, body, buf),
            View::History => sight.history = timeline::view(look, body, buf),
            View::Doctor => doctor::view(live, body, buf),
        }
        tabs(live, sight, Rect { y: block.y + 1, height: 1, ..block }, buf);
    }
    keys::draw(live, Rect { y: bottom, height: 1, ..area }, buf);
    overlay::draw(live, area, buf, &mut sight);
    seven_bits(area, buf, theme);
    sight
}

/// What logs and the engine say may hold any sign; a terminal of seven bits gets the nearest one of its own.
fn seven_bits(area: Rect, buf: &mut Buffer, theme: &Theme) {
    if theme.glyphs.dots != Dots::Ascii {
        return;
    }
    for position in area.positions() {
        let Some(cell) = buf.cell_mut(position) else { continue };
        if !cell.symbol().is_ascii() {
            let nearest = match cell.symbol() {
                "→" => theme.glyphs.arrow,
                "…" => theme.glyphs.ellipsis,
                "•" => "*",
                "·" | "–" | "—" => "-",
                "‘" | "’" => "'",
                "“" | "”" => "\"",
                _ => "?",
            };
            cell.set_symbol(nearest);
        }
    }
}

/// The views by name, the one shown standing out.
fn tabs(look: Look<'_>, sight: Sight, row: Rect, buf: &mut Buffer) {
    use crate::app::keymap::{Action, Context};
    let mut spans = Vec::new();
    for view in View::ALL {
        let action = match view {
            View::Release => Action::ViewRelease,
            View::Signals => Action::ViewSignals,
            View::Alarms => Action::ViewAlarms,
            View::Logs => Action::ViewLogs,
            View::Fleet => Action::ViewFleet,
            View::History => Action::ViewHistory,
            View::Doctor => Action::ViewDoctor,
        };
        let key = look.model.keymap.chord(Context::Global, action).map(|chord| chord.to_string()).unwrap_or_default();
        spans.push(look.span(Role::Key, format!("  {key} ")));
        let here = view == look.model.view;
        spans.push(if here {
            ratatui::text::Span::styled(view.word(), look.style(Role::Strong).underlined())
        } else {
            look.span(Role::KeyLabel, view.word())
        });
    }
    let right = match look.model.view {
        View::Signals => {
            let sides = look.model.signal_side.map_or("both sides", |side| side.word());
            let all = look.planned().signals.len();
            let first = look.model.chart.min(all.saturating_sub(sight.charts));
            let some = if sight.charts < all {
                format!("{}-{} of {all}, ", first + 1, first + sight.charts)
            } else {
                String::new()
            };
            format!("{some}{sides}, {} ", charts::caption(look))
        }
        View::Release | View::Alarms | View::Logs | View::Fleet | View::History | View::Doctor => String::new(),
    };
    look.row(row, buf, spans, vec![look.span(Role::Muted, right)]);
}

/// The essentials, for a screen on which nothing else fits.
fn too_small(look: Look<'_>, area: Rect, buf: &mut Buffer) {
    let (plan, release) = (look.plan(), look.release());
    let key = |action| {
        use crate::app::keymap::Context;
        look.model.keymap.chord(Context::Release, action).map(|chord| chord.to_string()).unwrap_or_default()
    };
    let environment = if plan.production { Role::Production } else { Role::Environment };
    let observed = look.component().traffic.observed.map_or_else(|| "not read".to_owned(), |green| green.to_string());
    let asked = match &look.model.overlay {
        Some(crate::app::model::Overlay::Dialog(dialog)) => Some(format!("{}? enter or esc", dialog.command.word())),
        _ => None,
    };
    let lines = [
        (environment, format!("{} {}", plan.environment.as_str().to_uppercase(), look.planned().name)),
        (Role::Strong, release.status().word().to_owned()),
        (Role::Text, format!("green {observed}, set {}", look.component().traffic.set)),
        (Role::Waiting, asked.unwrap_or_default()),
        (Role::Key, format!("{} roll back", key(crate::app::keymap::Action::Rollback))),
        (Role::Muted, format!("more on {} x {}", LEAST.0, LEAST.1)),
    ];
    let shown = lines.into_iter().filter(|(_, text)| !text.is_empty());
    for ((role, text), row) in shown.zip(area.rows()) {
        put(buf, (row.x, row.y), row.width, &text, look.style(role));
    }
}
