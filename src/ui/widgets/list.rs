//! A list: the visible slice of many lines, and where in them it is.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::text::{put, put_line};
use crate::ui::theme::{Role, Theme};

/// Lines of which only those on the screen are asked for.
#[derive(Clone, Copy)]
pub struct List<'a> {
    /// How many there are.
    pub len: usize,
    /// The index of the first one shown; [`crate::app::scroll::Anchor`] knows it.
    pub top: usize,
    /// The index of the selected one. With a selection a column before the lines is kept for its sign.
    pub selected: Option<usize>,
    /// The line of an index.
    pub row: &'a dyn Fn(usize) -> Line<'a>,
}

impl List<'_> {
    /// Draws the lines, and a scroll bar when there are more than fit.
    pub fn render(&self, area: Rect, buf: &mut Buffer, theme: &Theme) {
        let area = Scrollbar { len: self.len, top: self.top }.render(area.intersection(buf.area), buf, theme);
        let indent = u16::from(self.selected.is_some());
        for (index, row) in (self.top..self.len).zip(area.rows()) {
            let line = (self.row)(index);
            put_line(buf, (row.x.saturating_add(indent), row.y), row.width.saturating_sub(indent), &line);
            if self.selected == Some(index) {
                select(row, buf, theme);
            }
        }
    }
}

/// Marks a row as selected: by its ground, and by a sign in its first column.
pub(super) fn select(row: Rect, buf: &mut Buffer, theme: &Theme) {
    let style = theme.style(Role::Selection);
    buf.set_style(row, style);
    put(buf, (row.x, row.y), 1, theme.glyphs.cursor, style);
}

/// The place of the visible slice among all lines.
#[derive(Clone, Copy, Debug)]
pub struct Scrollbar {
    /// How many lines there are.
    pub len: usize,
    /// The index of the first one shown.
    pub top: usize,
}

impl Scrollbar {
    /// Draws itself in the last column if not all lines fit, and answers the area left for them.
    pub fn render(self, area: Rect, buf: &mut Buffer, theme: &Theme) -> Rect {
        let height = usize::from(area.height);
        if self.len <= height || area.width < 2 || height == 0 {
            return area;
        }
        let thumb = (height * height / self.len).max(1);
        let last_top = self.len - height;
        let start = self.top.min(last_top) * (height - thumb) / last_top.max(1);
        let x = area.right() - 1;
        for (index, row) in area.rows().enumerate() {
            let on = (start..start + thumb).contains(&index);
            let (sign, role) =
                if on { (theme.glyphs.thumb, Role::Muted) } else { (theme.glyphs.separator, Role::Track) };
            put(buf, (x, row.y), 1, sign, theme.style(role));
        }
        Rect { width: area.width - 1, ..area }
    }
}
