//! A dialog: a question over the screen.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::text::{clear, columns, put, wrap};
use super::{Focus, Hint, KeyBar, Panel};
use crate::ui::theme::{Role, Theme};

/// A question with the keys that answer it.
#[derive(Clone, Copy, Debug)]
pub struct Dialog<'a> {
    /// What it is about.
    pub title: &'a str,
    /// What is asked, paragraph by paragraph; long ones are wrapped.
    pub body: &'a [(&'a str, Role)],
    /// Text being typed in answer, if any is.
    pub prompt: Option<&'a str>,
    /// The keys that answer.
    pub keys: &'a [Hint<'a>],
    /// The look of the frame: [`Role::Danger`] where users are at stake.
    pub role: Role,
}

/// The widest that a dialog gets: longer lines are hard to read.
const WIDEST: u16 = 72;

/// The narrowest that looks like a question and not like noise, where the screen allows.
const NARROWEST: u16 = 32;

impl Dialog<'_> {
    /// Draws the dialog over the middle of `area` and dims the rest.
    pub fn render(&self, area: Rect, buf: &mut Buffer, theme: &Theme) {
        let area = area.intersection(buf.area);
        buf.set_style(area, theme.style(Role::Backdrop));

        let longest = self.body.iter().map(|(text, _)| super::text::width(text)).max().unwrap_or(0);
        let wanted = columns(longest).max(KeyBar { hints: self.keys }.width()).saturating_add(4);
        let size = wanted.clamp(NARROWEST, WIDEST).min(area.width);
        let lines: Vec<(&str, Role)> = self
            .body
            .iter()
            .flat_map(|(text, role)| wrap(text, size.saturating_sub(4).into()).into_iter().map(|line| (line, *role)))
            .collect();
        let below = if self.prompt.is_some() { 4 } else { 2 };
        let place = centred(area, size, columns(lines.len()).saturating_add(below + 2));
        clear(buf, place, theme.style(Role::Dialog));
        let title = Line::from(self.title);
        let inside =
            Panel { title, focus: Focus::Here, role: Some(self.role), ..Panel::default() }.render(place, buf, theme);

        // Keys keep the last row and the prompt one above, so that on a small screen the text is cut, not the answer.
        let inner = Rect { x: inside.x.saturating_add(1), width: inside.width.saturating_sub(2), ..inside };
        let is_roomy = usize::from(inner.height) >= lines.len() + usize::from(below);
        let above_keys = if is_roomy { 2 } else { 1 };
        let room = inner.height.saturating_sub(if self.prompt.is_some() { 1 + above_keys } else { 1 });
        for ((text, role), row) in lines.into_iter().zip(Rect { height: room, ..inner }.rows()) {
            put(buf, (row.x, row.y), row.width, text, theme.style(role));
        }
        let bottom = inner.bottom().saturating_sub(1);
        let keys = Rect { y: bottom, height: inner.height.min(1), ..inner };
        KeyBar { hints: self.keys }.render(keys, buf, theme);
        if let Some(typed) = self.prompt {
            let y = bottom.saturating_sub(above_keys).max(inner.y);
            self.render_prompt(typed, Rect { y, height: inner.height.min(1), ..inner }, buf, theme);
        }
    }

    fn render_prompt(&self, typed: &str, area: Rect, buf: &mut Buffer, theme: &Theme) {
        if area.is_empty() {
            return;
        }
        let style = theme.style(Role::Prompt);
        let lead = put(buf, (area.x, area.y), area.width, "> ", theme.style(self.role));
        let room = area.width - lead;
        // The end of what is typed is what the operator looks at; one column is kept for the cursor.
        let shown = super::text::clip_start(typed, room.saturating_sub(1).into(), theme.glyphs.ellipsis);
        let used = put(buf, (area.x + lead, area.y), room, &shown, style);
        put(buf, (area.x + lead + used, area.y), room - used, " ", style.reversed());
    }
}

/// The middle of `area`, of this size as far as there is room.
pub fn centred(area: Rect, columns: u16, rows: u16) -> Rect {
    let (width, height) = (columns.min(area.width), rows.min(area.height));
    Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height }
}
