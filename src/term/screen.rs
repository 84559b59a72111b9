//! Pictures in, frames out: one frame is one write, and a picture that did not change is none.

use std::io;

use ratatui::backend::{Backend, CrosstermBackend};
use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr;

use super::osc::{self, ClipboardError};
use super::{Multiplexer, Outlet};

/// DECSET 2026: the terminal shows what lies between the two all at once. Terminals that do not know it ignore it.
const BEGIN: &[u8] = b"\x1b[?2026h";
const END: &[u8] = b"\x1b[?2026l";

/// Clears the screen with no colour set.
const CLEAR: &[u8] = b"\x1b[0m\x1b[2J";

/// The largest screen drawn. Some pseudo-terminals report sizes that no terminal has.
const LARGEST: (u16, u16) = (1_000, 500);

/// The most cells written again to save a cursor movement, which takes six to nine bytes.
const BRIDGE: usize = 5;

/// What became of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame {
    /// It is on its way, in so many bytes.
    Sent(usize),
    /// It is on the screen already: not a byte was written.
    Unchanged,
    /// The last frame is still under way; nothing was drawn.
    NotReady,
}

/// The screen as the terminal shows it, and as it is to be next.
#[derive(Debug)]
pub struct Screen {
    outlet: Outlet,
    multiplexer: Multiplexer,
    shown: Buffer,
    next: Buffer,
    clear: bool,
    aside: Vec<u8>,
}

impl Screen {
    /// A screen of so many columns and rows that speaks through `outlet`.
    pub fn new(outlet: Outlet, multiplexer: Multiplexer, columns: u16, rows: u16) -> Self {
        let mut screen = Self {
            outlet,
            multiplexer,
            shown: Buffer::default(),
            next: Buffer::default(),
            clear: true,
            aside: Vec::new(),
        };
        screen.resize(columns, rows);
        screen
    }

    /// Takes over the terminal's new size; the next frame draws everything.
    pub fn resize(&mut self, columns: u16, rows: u16) {
        let area = Rect::new(0, 0, columns.min(LARGEST.0), rows.min(LARGEST.1));
        self.next = Buffer::empty(area);
        self.forget();
    }

    /// Draws everything with the next frame: what the terminal shows is no longer known.
    pub fn forget(&mut self) {
        self.shown = Buffer::empty(self.next.area);
        self.clear = true;
    }

    /// The area to draw on.
    pub fn area(&self) -> Rect {
        self.next.area
    }

    /// The way out, for waiting and for counts.
    pub fn outlet(&self) -> &Outlet {
        &self.outlet
    }

    /// Draws a picture and sends what differs from the last one as one frame. While the last frame is under way nothing is
    /// drawn, since a frame that is not sent would leave the terminal behind what is believed of it.
    ///
    /// # Errors
    /// When the frame cannot be put together, which memory alone can cause.
    pub fn draw(&mut self, picture: impl FnOnce(Rect, &mut Buffer)) -> io::Result<Frame> {
        if !self.outlet.is_idle() {
            return Ok(Frame::NotReady);
        }
        self.next.reset();
        picture(self.next.area, &mut self.next);
        let changes = self.shown.diff(&self.next);
        if changes.is_empty() && !self.clear && self.aside.is_empty() {
            return Ok(Frame::Unchanged);
        }
        let mut frame = BEGIN.to_vec();
        if std::mem::take(&mut self.clear) {
            frame.extend_from_slice(CLEAR);
        }
        if !changes.is_empty() {
            CrosstermBackend::new(&mut frame).draw(bridged(&changes, &self.next).into_iter())?;
        }
        frame.extend_from_slice(END);
        frame.append(&mut self.aside);
        std::mem::swap(&mut self.shown, &mut self.next);
        let bytes = frame.len();
        Ok(self.outlet.send(frame).map_or(Frame::NotReady, |()| Frame::Sent(bytes)))
    }

    /// Copies `text` to the operator's clipboard with the next frame.
    ///
    /// # Errors
    /// When it is longer than terminals take.
    pub fn copy(&mut self, text: &str) -> Result<(), ClipboardError> {
        self.aside.extend(osc::copy(text, self.multiplexer)?);
        Ok(())
    }

    /// Rings the bell with the next frame.
    pub fn bell(&mut self) {
        self.aside.extend_from_slice(osc::BELL);
    }

    /// Shows a desktop notification with the next frame, where the terminal knows how.
    pub fn notify(&mut self, text: &str) {
        self.aside.extend(osc::notify(text, self.multiplexer));
    }

    /// Sets the window's title with the next frame; the session restores the former one.
    pub fn title(&mut self, text: &str) {
        self.aside.extend(osc::title(text));
    }
}

/// A change: where, and what is there now.
type Change<'b> = (u16, u16, &'b Cell);

/// The changes with the few unchanged cells between two of them, where writing those again in the look at hand takes fewer
/// bytes than moving the cursor over them.
fn bridged<'b>(changes: &[Change<'b>], picture: &'b Buffer) -> Vec<Change<'b>> {
    let mut out: Vec<Change<'b>> = Vec::with_capacity(changes.len());
    for (x, y, cell) in changes {
        if let Some((last_x, last_y, last)) = out.last().copied()
            && last_y == *y
        {
            let between = last_x.saturating_add(width(last))..*x;
            let is_cheap = |cell: &Cell| {
                (cell.fg, cell.bg, cell.modifier) == (last.fg, last.bg, last.modifier) && cell.symbol().len() == 1
            };
            if between.len() <= BRIDGE && between.clone().all(|x| picture.cell((x, *y)).is_some_and(is_cheap)) {
                out.extend(between.filter_map(|x| Some((x, *y, picture.cell((x, *y))?))));
            }
        }
        out.push((*x, *y, cell));
    }
    out
}

fn width(cell: &Cell) -> u16 {
    u16::try_from(cell.symbol().width()).unwrap_or(u16::MAX).max(1)
}

#[cfg(test)]
mod tests;
