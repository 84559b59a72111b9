//! A panel: a frame with titles around a part of the screen.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::text::{columns, fill, put, put_line};
use crate::ui::theme::{Role, Theme};

/// Whether keys go to this panel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Focus {
    /// They do: the frame is heavy.
    Here,
    /// They do not.
    #[default]
    Elsewhere,
}

/// A frame. An empty title is none.
#[derive(Clone, Debug, Default)]
pub struct Panel<'a> {
    /// At the upper left.
    pub title: Line<'a>,
    /// At the upper right; it gives way to the left one.
    pub right: Line<'a>,
    /// At the lower right.
    pub below: Line<'a>,
    /// Whether keys go here.
    pub focus: Focus,
    /// The look of the frame, where it says more than the focus does.
    pub role: Option<Role>,
}

impl Panel<'_> {
    /// Draws the frame and answers the area inside. An area without an inside is left as it is.
    pub fn render(&self, area: Rect, buf: &mut Buffer, theme: &Theme) -> Rect {
        let area = area.intersection(buf.area);
        if area.width < 2 || area.height < 2 {
            return Rect { width: 0, height: 0, ..area };
        }
        let (set, role) = match self.focus {
            Focus::Here => (&theme.glyphs.border_focus, Role::BorderFocus),
            Focus::Elsewhere => (&theme.glyphs.border, Role::Border),
        };
        let style = theme.style(self.role.unwrap_or(role));
        let (right, bottom) = (area.right() - 1, area.bottom() - 1);
        fill(buf, Rect { height: 1, ..area }, set.horizontal_top, style);
        fill(buf, Rect { y: bottom, height: 1, ..area }, set.horizontal_bottom, style);
        fill(buf, Rect { width: 1, ..area }, set.vertical_left, style);
        fill(buf, Rect { x: right, width: 1, ..area }, set.vertical_right, style);
        for (x, y, sign) in [
            (area.x, area.y, set.top_left),
            (right, area.y, set.top_right),
            (area.x, bottom, set.bottom_left),
            (right, bottom, set.bottom_right),
        ] {
            put(buf, (x, y), 1, sign, style);
        }
        let room = area.width - 2;
        let taken = title(&self.title, area.x + 1, area.y, room, buf, theme);
        at_the_right(&self.right, area.y, area, room - taken, buf, theme);
        at_the_right(&self.below, bottom, area, room, buf, theme);
        Rect { x: area.x + 1, y: area.y + 1, width: room, height: area.height - 2 }
    }
}

/// Draws a title with a space on each side, cut if it must be, and answers the columns taken.
fn title(line: &Line<'_>, x: u16, y: u16, room: u16, buf: &mut Buffer, theme: &Theme) -> u16 {
    let size = columns(line.width()).saturating_add(2).min(room);
    if line.width() == 0 || size <= 2 {
        return 0;
    }
    let style = theme.style(Role::Title);
    fill(buf, Rect { x, y, width: size, height: 1 }, " ", style);
    put_line(buf, (x + 1, y), size - 2, &line.clone().style(style.patch(line.style)));
    size
}

/// Draws a title at the right edge if all of it fits: half a figure is worse than none.
fn at_the_right(line: &Line<'_>, y: u16, area: Rect, room: u16, buf: &mut Buffer, theme: &Theme) {
    let size = columns(line.width()).saturating_add(2);
    if size <= room {
        title(line, area.right() - 1 - size, y, size, buf, theme);
    }
}
