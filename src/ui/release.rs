//! The release view: the whole of it at a glance, from 60 × 15 up.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::look::Look;
use super::widgets::Focus;
use super::{alarms, logs, rail, signals, sources, timeline, traffic, work};
use crate::app::model::{Pane, Sight};
use crate::domain::signal::Golden;
use crate::engine::snapshot::AlarmWord;

/// The least columns with a rail beside the panels.
const RAIL: u16 = 72;

/// The least columns with the timeline beside the logs, and with the work of a stage beside the signals.
const SIDE_BY_SIDE: u16 = 120;

/// The least rows of the log panel.
const LEAST_LOGS: u16 = 4;

/// The most rows that the signals take, however high the screen is.
const MOST_SIGNALS: u16 = 18;

/// A body at least this high has cards for signals where it is wide enough.
const HIGH: u16 = 28;

pub(super) fn draw(look: Look<'_>, area: Rect, buf: &mut Buffer) -> Sight {
    let has_rail = area.width >= RAIL;
    let rail_columns = if has_rail { rail::columns(area.width) } else { 0 };
    let is_high = area.height >= HIGH;
    let traffic_rows = if is_high { traffic::ROWS + 1 } else { traffic::ROWS }.min(area.height);
    let golden = look.planned().signals.iter().map(|signal| signal.golden);
    let groups = Golden::ALL.iter().filter(|kind| golden.clone().any(|other| other == **kind)).count();
    let table_rows = u16::try_from(groups.max(1)).unwrap_or(4) + 2;
    let wanted = if is_high { (area.height * 9 / 20).saturating_sub(4).clamp(9, MOST_SIGNALS) } else { table_rows };
    // Without room for everything, quiet alarms give way first, then the logs.
    let is_quiet = look.seen().alarms.iter().all(|alarm| alarm.state == AlarmWord::Ok);
    let room = area.height - traffic_rows;
    let strip_rows = u16::from(room > wanted || !is_quiet).min(room);
    let left = room.saturating_sub(strip_rows).saturating_sub(wanted);
    let bottom_rows = if left >= LEAST_LOGS { left } else { 0 };
    let signal_rows = room - strip_rows - bottom_rows;
    let top_rows = traffic_rows + signal_rows;

    if has_rail {
        let column = Rect { width: rail_columns, height: top_rows, ..area };
        let sources = if top_rows >= rail::rows(look) + sources::ROWS { sources::ROWS } else { 0 };
        rail::draw(look, Rect { height: top_rows - sources, ..column }, buf);
        let below = Rect { y: area.y + top_rows - sources, height: sources, ..column };
        sources::draw(look, below, buf);
    }
    let right = Rect { x: area.x + rail_columns, width: area.width - rail_columns, ..area };
    traffic::draw(look, Rect { height: traffic_rows, ..right }, buf);
    middle(look, Rect { y: area.y + traffic_rows, height: signal_rows, ..right }, buf);
    alarms::strip(look, Rect { y: area.y + top_rows, height: strip_rows, ..area }, buf);
    let bottom = Rect { y: area.y + top_rows + strip_rows, height: bottom_rows, ..area };
    tail(look, bottom, buf)
}

/// Columns in which every signal has its name, both values and its ruling.
const SIGNALS: u16 = 46;

/// The signals; while green has no users yet, what the present stage shows for itself comes first.
fn middle(look: Look<'_>, area: Rect, buf: &mut Buffer) {
    let is_wide = area.width >= SIDE_BY_SIDE / 2 + 20;
    match work::of(look).or_else(|| work::last_word(look).filter(|_| is_wide)) {
        Some(shown) if is_wide => {
            let wanted = if shown.is_table() { area.width * 2 / 3 } else { area.width / 2 };
            let size = wanted.min(area.width.saturating_sub(SIGNALS));
            work::draw(look, &shown, Rect { width: size, ..area }, buf);
            signals::draw(look, Rect { x: area.x + size, width: area.width - size, ..area }, buf);
        }
        Some(shown) => work::draw(look, &shown, area, buf),
        None => signals::draw(look, area, buf),
    }
}

/// Logs and timeline, side by side where there is room, else the one that has the focus.
fn tail(look: Look<'_>, area: Rect, buf: &mut Buffer) -> Sight {
    let focus = |pane| if look.model.pane == pane { Focus::Here } else { Focus::Elsewhere };
    if area.width >= SIDE_BY_SIDE {
        let size = (area.width * 2 / 5).min(80);
        let left = Rect { width: area.width - size, ..area };
        let right = Rect { x: left.right(), width: size, ..area };
        Sight {
            logs: logs::draw(look, left, focus(Pane::Logs), buf),
            history: timeline::draw(look, right, focus(Pane::Timeline), buf),
            ..Sight::default()
        }
    } else {
        match look.model.pane {
            Pane::Logs | Pane::Past => {
                Sight { logs: logs::draw(look, area, Focus::Elsewhere, buf), ..Sight::default() }
            }
            Pane::Timeline => Sight { history: timeline::draw(look, area, Focus::Elsewhere, buf), ..Sight::default() },
        }
    }
}
