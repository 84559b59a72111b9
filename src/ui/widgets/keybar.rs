//! The key bar: what can be pressed now, and why not the rest.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::text::{columns, put, width};
use crate::ui::theme::{Role, Theme};

/// Whether a key works now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness<'a> {
    /// It does.
    Ready,
    /// It does not, for this reason.
    Disabled(&'a str),
}

/// A key and what it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hint<'a> {
    /// The chord as the keymap writes it.
    pub key: &'a str,
    /// What it does, in a word or two.
    pub label: &'a str,
    /// Whether it works now.
    pub readiness: Readiness<'a>,
}

/// A row of hints, the most important first; those of the same screen always in the same order.
#[derive(Clone, Copy, Debug)]
pub struct KeyBar<'a> {
    /// The hints.
    pub hints: &'a [Hint<'a>],
}

/// Between two hints.
const GAP: &str = "  ";

impl KeyBar<'_> {
    /// Draws the hints that fit on the first row and answers the columns taken by them. A key that does not work keeps its
    /// place, in brackets; why the first such key does not is told at the right where there is room. Hints that do not fit
    /// are left out from the end, with a sign.
    pub fn render(&self, area: Rect, buf: &mut Buffer, theme: &Theme) -> u16 {
        let area = area.intersection(buf.area);
        if area.is_empty() {
            return 0;
        }
        let sign = theme.glyphs.ellipsis;
        let mut x = area.x;
        for (index, hint) in self.hints.iter().enumerate() {
            let text = Words::of(hint);
            let gap = if index > 0 { GAP } else { "" };
            let is_last = index + 1 == self.hints.len();
            let kept_free = if is_last { 0 } else { width(GAP) + width(sign) };
            let room = area.right() - x;
            if width(gap) + text.width() + kept_free > room.into() {
                x += put(buf, (x, area.y), room, &format!("{gap}{sign}"), theme.style(Role::Muted));
                return x - area.x;
            }
            for (part, role) in [(gap, Role::KeyLabel), (&text.key, text.key_role), (&text.rest, text.rest_role)] {
                x += put(buf, (x, area.y), area.right() - x, part, theme.style(role));
            }
        }
        if let Some(reason) = self.first_reason() {
            let size = columns(width(&reason));
            if size.saturating_add(columns(width(GAP))) <= area.right() - x {
                put(buf, (area.right() - size, area.y), size, &reason, theme.style(Role::KeyDisabled));
            }
        }
        x - area.x
    }

    /// Why the first key that does not work does not.
    fn first_reason(&self) -> Option<String> {
        self.hints.iter().find_map(|hint| match hint.readiness {
            Readiness::Ready => None,
            Readiness::Disabled(why) => Some(format!("{}: {why}", hint.key)),
        })
    }

    /// The columns that all hints take.
    pub fn width(&self) -> u16 {
        let words: usize = self.hints.iter().map(|hint| Words::of(hint).width()).sum();
        columns(words + self.hints.len().saturating_sub(1) * width(GAP))
    }
}

/// A hint as it is written.
struct Words {
    key: String,
    key_role: Role,
    rest: String,
    rest_role: Role,
}

impl Words {
    fn of(hint: &Hint<'_>) -> Self {
        match hint.readiness {
            Readiness::Ready => Self {
                key: hint.key.to_owned(),
                key_role: Role::Key,
                rest: format!(" {}", hint.label),
                rest_role: Role::KeyLabel,
            },
            Readiness::Disabled(_) => Self {
                key: format!("({}", hint.key),
                key_role: Role::KeyDisabled,
                rest: format!(" {})", hint.label),
                rest_role: Role::KeyDisabled,
            },
        }
    }

    fn width(&self) -> usize {
        width(&self.key) + width(&self.rest)
    }
}
