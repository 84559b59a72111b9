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

/// A row of hints, the most important first.
#[derive(Clone, Copy, Debug)]
pub struct KeyBar<'a> {
    /// The hints.
    pub hints: &'a [Hint<'a>],
}

/// Between two hints.
const GAP: &str = "  ";

impl KeyBar<'_> {
    /// Draws the hints that fit on the first row and answers the columns taken. Reasons are shown in full where there is
    /// room for all hints besides; a key that does not work stands in brackets in any case. Hints that do not fit are left
    /// out from the end, with a sign.
    pub fn render(&self, area: Rect, buf: &mut Buffer, theme: &Theme) -> u16 {
        let area = area.intersection(buf.area);
        if area.is_empty() {
            return 0;
        }
        let with_reasons = self.reasons_that_fit(area.width.into());
        let sign = theme.glyphs.ellipsis;
        let mut x = area.x;
        for (index, hint) in self.hints.iter().enumerate() {
            let text = Words::of(hint, with_reasons.get(index).copied().unwrap_or(Reason::Hidden));
            let gap = if index > 0 { GAP } else { "" };
            let is_last = index + 1 == self.hints.len();
            let kept_free = if is_last { 0 } else { width(GAP) + width(sign) };
            let room = area.right() - x;
            if width(gap) + text.width() + kept_free > room.into() {
                x += put(buf, (x, area.y), room, &format!("{gap}{sign}"), theme.style(Role::Muted));
                break;
            }
            for (part, role) in [(gap, Role::KeyLabel), (&text.key, text.key_role), (&text.rest, text.rest_role)] {
                x += put(buf, (x, area.y), area.right() - x, part, theme.style(role));
            }
        }
        x - area.x
    }

    /// The columns that all hints take without reasons.
    pub fn width(&self) -> u16 {
        columns(self.total(|_| Reason::Hidden))
    }

    fn total(&self, reason: impl Fn(usize) -> Reason) -> usize {
        let words: usize = self.hints.iter().enumerate().map(|(at, hint)| Words::of(hint, reason(at)).width()).sum();
        words + self.hints.len().saturating_sub(1) * width(GAP)
    }

    /// Which reasons there is room for, the first ones first.
    fn reasons_that_fit(&self, room: usize) -> Vec<Reason> {
        let mut chosen = vec![Reason::Hidden; self.hints.len()];
        for index in 0..self.hints.len() {
            let shown = |at: usize| {
                if at == index { Reason::Shown } else { chosen.get(at).copied().unwrap_or(Reason::Hidden) }
            };
            if self.total(shown) <= room
                && let Some(reason) = chosen.get_mut(index)
            {
                *reason = Reason::Shown;
            }
        }
        chosen
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    Shown,
    Hidden,
}

/// A hint as it is written.
struct Words {
    key: String,
    key_role: Role,
    rest: String,
    rest_role: Role,
}

impl Words {
    fn of(hint: &Hint<'_>, reason: Reason) -> Self {
        match hint.readiness {
            Readiness::Ready => Self {
                key: hint.key.to_owned(),
                key_role: Role::Key,
                rest: format!(" {}", hint.label),
                rest_role: Role::KeyLabel,
            },
            Readiness::Disabled(why) => Self {
                key: format!("({}", hint.key),
                key_role: Role::KeyDisabled,
                rest: match reason {
                    Reason::Shown => format!(" {}: {why})", hint.label),
                    Reason::Hidden => format!(" {})", hint.label),
                },
                rest_role: Role::KeyDisabled,
            },
        }
    }

    fn width(&self) -> usize {
        width(&self.key) + width(&self.rest)
    }
}
