//! A table: named columns over a list of rows.

use std::borrow::Cow;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::list::{Scrollbar, select};
use super::text::{clip, columns, put, width};
use crate::ui::theme::{Role, Theme};

/// How wide a column is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// So many screen columns.
    Exactly(u16),
    /// An equal share of what is left, at least so many screen columns.
    AtLeast(u16),
}

/// On which side the text of a column stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Text.
    Left,
    /// Figures.
    Right,
}

/// One column.
#[derive(Clone, Copy, Debug)]
pub struct Column<'a> {
    /// Its name in the head.
    pub title: &'a str,
    /// How wide it is.
    pub width: Width,
    /// Where its text stands.
    pub align: Align,
}

/// Rows under a head. Only the cells on the screen are asked for.
#[derive(Clone, Copy)]
pub struct Table<'a> {
    /// The columns, the most important first: those that do not fit are left out from the end.
    pub columns: &'a [Column<'a>],
    /// How many rows there are.
    pub len: usize,
    /// The index of the first row shown.
    pub top: usize,
    /// The index of the selected row.
    pub selected: Option<usize>,
    /// The text and look of a cell, by row and column.
    pub cell: &'a dyn Fn(usize, usize) -> (Cow<'a, str>, Role),
}

impl Table<'_> {
    /// Draws the head on the first row and the rows below it.
    pub fn render(&self, area: Rect, buf: &mut Buffer, theme: &Theme) {
        let area = area.intersection(buf.area);
        if area.is_empty() {
            return;
        }
        let body = Rect { y: area.y + 1, height: area.height - 1, ..area };
        let body = Scrollbar { len: self.len, top: self.top }.render(body, buf, theme);
        let indent = u16::from(self.selected.is_some());
        let spans = self.layout(body.width.saturating_sub(indent));
        let from = area.x.saturating_add(indent);
        for (column, (x, size)) in self.columns.iter().zip(&spans) {
            let place = Rect { x: from.saturating_add(*x), y: area.y, width: *size, height: 1 };
            put_aligned(place, column.align, column.title, Role::Muted, buf, theme);
        }
        for (index, row) in (self.top..self.len).zip(body.rows()) {
            for (number, (column, (x, size))) in self.columns.iter().zip(&spans).enumerate() {
                let (text, role) = (self.cell)(index, number);
                let place = Rect { x: from.saturating_add(*x), y: row.y, width: *size, height: 1 };
                put_aligned(place, column.align, &text, role, buf, theme);
            }
            if self.selected == Some(index) {
                select(row, buf, theme);
            }
        }
    }

    /// The offset and width of a column within `width` screen columns, for what a cell's text cannot show; `None` where it
    /// does not fit.
    pub fn place(&self, width: u16, column: usize) -> Option<(u16, u16)> {
        let indent = u16::from(self.selected.is_some());
        let (x, size) = self.layout(width.saturating_sub(indent)).get(column).copied()?;
        Some((x.saturating_add(indent), size))
    }

    /// The offset and width of each column that fits, one free screen column between two.
    fn layout(&self, room: u16) -> Vec<(u16, u16)> {
        let least = |column: &Column<'_>| match column.width {
            Width::Exactly(size) | Width::AtLeast(size) => size,
        };
        let mut used = 0_u16;
        let shown: Vec<&Column<'_>> = self
            .columns
            .iter()
            .take_while(|column| {
                used = used.saturating_add(least(column)).saturating_add(u16::from(used > 0));
                used <= room
            })
            .collect();
        let gaps = columns(shown.len().saturating_sub(1));
        let taken = shown.iter().fold(gaps, |sum, column| sum.saturating_add(least(column)));
        let stretching = columns(shown.iter().filter(|column| matches!(column.width, Width::AtLeast(_))).count());
        let spare = room.saturating_sub(taken);
        // What does not divide goes to the first stretching column.
        let mut remainder = spare.checked_rem(stretching).unwrap_or(0);
        let mut x = 0_u16;
        shown
            .into_iter()
            .map(|column| {
                let size = match column.width {
                    Width::Exactly(size) => size,
                    Width::AtLeast(size) => {
                        size + spare.checked_div(stretching).unwrap_or(0) + std::mem::take(&mut remainder)
                    }
                };
                let span = (x, size);
                x = x.saturating_add(size).saturating_add(1);
                span
            })
            .collect()
    }
}

fn put_aligned(place: Rect, align: Align, text: &str, role: Role, buf: &mut Buffer, theme: &Theme) {
    let text = clip(text, place.width.into(), theme.glyphs.ellipsis);
    let indent = match align {
        Align::Left => 0,
        Align::Right => place.width.saturating_sub(columns(width(&text))),
    };
    put(buf, (place.x.saturating_add(indent), place.y), place.width - indent, &text, theme.style(role));
}
