//! Text by display width: cut, padded, wrapped, never inside a grapheme.

use std::borrow::Cow;

use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// The columns that `text` takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// The longest beginning of `text` that takes at most `columns`.
fn fitting(text: &str, columns: usize) -> &str {
    let mut used = 0;
    for (at, grapheme) in text.grapheme_indices(true) {
        used += grapheme.width();
        if used > columns {
            return text.get(..at).unwrap_or_default();
        }
    }
    text
}

/// `text` in at most `columns`, the end replaced by `ellipsis` if it does not fit.
pub fn clip<'t>(text: &'t str, columns: usize, ellipsis: &str) -> Cow<'t, str> {
    if text.width() <= columns {
        return Cow::Borrowed(text);
    }
    match columns.checked_sub(ellipsis.width()) {
        Some(room) => Cow::Owned(format!("{}{ellipsis}", fitting(text, room))),
        None => Cow::Borrowed(fitting(text, columns)),
    }
}

/// `text` in at most `columns`, the beginning replaced by `ellipsis` if it does not fit: for names that differ at the end.
pub fn clip_start<'t>(text: &'t str, columns: usize, ellipsis: &str) -> Cow<'t, str> {
    let all = text.width();
    if all <= columns {
        return Cow::Borrowed(text);
    }
    let (room, sign) = match columns.checked_sub(ellipsis.width()) {
        Some(room) => (room, ellipsis),
        None => (columns, ""),
    };
    let mut left = all;
    for (at, grapheme) in text.grapheme_indices(true) {
        if left <= room {
            return Cow::Owned(format!("{sign}{}", text.get(at..).unwrap_or_default()));
        }
        left -= grapheme.width();
    }
    Cow::Owned(fitting(sign, columns).to_owned())
}

/// `text` followed by spaces up to `columns`; longer text stays as it is.
pub fn pad(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(text.width())))
}

/// `text` after spaces up to `columns`; longer text stays as it is.
pub fn pad_start(text: &str, columns: usize) -> String {
    format!("{}{text}", " ".repeat(columns.saturating_sub(text.width())))
}

/// `text` in lines of at most `columns`, broken at spaces where there are any. No columns, no lines; one grapheme wider
/// than a line stands alone.
pub fn wrap(text: &str, columns: usize) -> Vec<&str> {
    if columns == 0 {
        return Vec::new();
    }
    text.split('\n').flat_map(|line| wrap_line(line, columns)).collect()
}

fn wrap_line(mut rest: &str, columns: usize) -> Vec<&str> {
    let mut lines = Vec::new();
    while rest.width() > columns {
        let fits = fitting(rest, columns);
        let fits = if fits.is_empty() { rest.graphemes(true).next().unwrap_or(rest) } else { fits };
        let after = rest.get(fits.len()..).unwrap_or_default();
        let at_word = if after.starts_with(' ') { Some(fits.len()) } else { fits.rfind(' ').filter(|at| *at > 0) };
        let (line, left) = rest.split_at(at_word.unwrap_or(fits.len()));
        lines.push(line.trim_end());
        rest = left.trim_start();
    }
    if !rest.is_empty() || lines.is_empty() {
        lines.push(rest);
    }
    lines
}

/// Draws `text` from `(x, y)` over at most `columns`, and answers how many it took. Nothing is drawn outside the buffer.
pub fn put(buf: &mut Buffer, (x, y): (u16, u16), columns: u16, text: &str, style: Style) -> u16 {
    if columns == 0 || !buf.area.contains((x, y).into()) {
        return 0;
    }
    // Nearly all text is plain: then a byte is a column, and looking for graphemes is most of the cost of a frame.
    if text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') {
        let cells = cells(buf, Rect { x, y, width: columns, height: 1 });
        let size = cells.len().min(text.len());
        for (cell, byte) in cells.iter_mut().zip(text.bytes()) {
            cell.set_char(char::from(byte)).set_style(style);
        }
        return self::columns(size);
    }
    buf.set_stringn(x, y, text, columns.into(), style).0.saturating_sub(x)
}

/// Draws a line of spans from `(x, y)` over at most `columns`, and answers how many it took.
pub fn put_line(buf: &mut Buffer, (x, y): (u16, u16), columns: u16, line: &Line<'_>) -> u16 {
    let mut taken = 0;
    for span in &line.spans {
        let style = line.style.patch(span.style);
        taken += put(buf, (x.saturating_add(taken), y), columns - taken, &span.content, style);
    }
    taken
}

/// Fills the whole area with one sign.
pub fn fill(buf: &mut Buffer, area: Rect, sign: &str, style: Style) {
    for row in area.intersection(buf.area).rows() {
        for cell in cells(buf, row) {
            cell.set_symbol(sign).set_style(style);
        }
    }
}

/// Empties the area, whatever was drawn there, and lays this ground.
pub fn clear(buf: &mut Buffer, area: Rect, ground: Style) {
    let mut empty = Cell::EMPTY;
    empty.set_style(ground);
    for row in area.intersection(buf.area).rows() {
        cells(buf, row).fill(empty.clone());
    }
}

/// The cells of one row, as far as it is on the buffer; none when it begins elsewhere.
fn cells(buf: &mut Buffer, row: Rect) -> &mut [Cell] {
    let all = buf.area;
    if !all.contains((row.x, row.y).into()) {
        return &mut [];
    }
    let start = usize::from(row.y - all.y) * usize::from(all.width) + usize::from(row.x - all.x);
    let size = usize::from(row.width.min(all.right() - row.x));
    buf.content.get_mut(start..start + size).unwrap_or_default()
}

/// A count as columns of a screen, the widest screen at most.
pub(super) fn columns(count: usize) -> u16 {
    u16::try_from(count).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_is_cut_between_graphemes_and_says_so() {
        assert_eq!(clip("rollback", 8, "…"), "rollback");
        assert_eq!(clip("rollback", 5, "…"), "roll…");
        assert_eq!(clip("rollback", 0, "…"), "");
        assert_eq!(clip("日本語", 5, "…"), "日本…");
        assert_eq!(clip("日本語", 4, "…"), "日…");
        assert_eq!(clip("e\u{301}e\u{301}e\u{301}", 2, "…"), "e\u{301}…");
        assert_eq!(clip_start("task/7c1f", 5, "…"), "…7c1f");
        assert_eq!(clip_start("日本語", 4, "…"), "…語");
    }

    #[test]
    fn text_wraps_at_spaces_and_inside_words_only_when_it_must() {
        assert_eq!(wrap("roll back to blue now", 9), ["roll back", "to blue", "now"]);
        assert_eq!(wrap("abcdefgh ij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(wrap("one\n\ntwo", 10), ["one", "", "two"]);
        assert_eq!(wrap("日本", 1), ["日", "本"]);
        assert!(wrap("text", 0).is_empty());
    }

    #[test]
    fn padding_counts_columns() {
        assert_eq!(pad("日", 4), "日  ");
        assert_eq!(pad_start("7", 3), "  7");
        assert_eq!(pad("long", 2), "long");
    }

    proptest! {
        #[test]
        fn no_cut_is_ever_wider_than_asked(text in "\\PC{0,40}", columns in 0_usize..50) {
            prop_assert!(width(&clip(&text, columns, "…")) <= columns);
            prop_assert!(width(&clip_start(&text, columns, "…")) <= columns);
        }

        #[test]
        fn wrapping_loses_nothing_but_spaces(text in "[a-z日本 ]{0,60}", columns in 2_usize..30) {
            let lines = wrap(&text, columns);
            prop_assert!(lines.iter().all(|line| width(line) <= columns));
            prop_assert_eq!(lines.concat().replace(' ', ""), text.replace(' ', ""));
        }
    }
}
