//! The launch checklist: every item, with what to do about those that are not as they must be.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::format::clock;
use super::look::Look;
use super::theme::{Glyphs, Role};
use super::widgets::text::{pad, width, wrap};
use super::widgets::{Focus, List, Panel};
use crate::app::keymap::{Action, Context};
use crate::domain::checklist::{self, Group, Item, Mark};

/// Columns before an item's name: a margin, its sign, and a gap.
const SIGN: usize = 4;

/// Columns that names get at most, as a part of all of them: names that are longer push what was seen aside.
const NAMES: usize = 3;

/// With fewer columns, what to do begins further left.
const ROOMY: usize = 100;

/// The view.
pub(super) fn view(look: Look<'_>, area: Rect, buf: &mut Buffer) {
    let checklist = &look.model.checklist;
    let key = look.model.keymap.chord(Context::Doctor, Action::Examine).map(|key| key.to_string()).unwrap_or_default();
    let zone = look.model.utc_offset;
    let below = match (checklist.looking, checklist.at) {
        (Some(since), _) => look.span(Role::Running, format!("looking since {}", clock(since, zone))),
        (None, Some(at)) => look.span(Role::Muted, format!("looked at {}, {key} looks again", clock(at, zone))),
        (None, None) => look.span(Role::Muted, format!("{key} looks; nothing is changed")),
    };
    let panel = Panel {
        title: Line::from(format!("launch checklist of {}", look.plan().environment)),
        right: Line::from(counts(look, &checklist.groups)),
        below: Line::from(below),
        focus: Focus::Here,
        ..Panel::default()
    };
    let inner = panel.render(area, buf, look.theme);
    if let Some(why) = &checklist.failed {
        let text = format!("it could not be looked at: {why}");
        for (line, row) in wrap(&text, usize::from(inner.width.saturating_sub(2))).into_iter().zip(inner.rows()) {
            look.row(row, buf, vec![look.span(Role::Bad, format!(" {line}"))], Vec::new());
        }
        return;
    }
    if checklist.groups.is_empty() {
        let text = match checklist.looking {
            Some(_) => " looking at the account, the services, what they need, and this host",
            None => " not looked at yet",
        };
        look.row(inner, buf, vec![look.span(Role::Muted, text)], Vec::new());
        return;
    }
    // One column for the mark of the selection, one for the scroll bar.
    let page = Page::of(look, &checklist.groups, usize::from(inner.width.saturating_sub(2)));
    let height = usize::from(inner.height).max(1);
    let (first, last) = page.items.get(checklist.selected).copied().unwrap_or_default();
    let top = (first.midpoint(last)).saturating_sub(height / 2).min(page.lines.len().saturating_sub(height)).min(first);
    let row = |index: usize| page.lines.get(index).cloned().unwrap_or_default();
    List { len: page.lines.len(), top, selected: Some(first), row: &row }.render(inner, buf, look.theme);
}

/// How many there are of each.
fn counts<'a>(look: Look<'a>, groups: &[Group]) -> Vec<Span<'a>> {
    if groups.is_empty() {
        return Vec::new();
    }
    let count = |mark| {
        let (sign, role) = face(look.theme.glyphs, mark);
        let count = checklist::count(groups, mark);
        look.span(if count == 0 { Role::Muted } else { role }, format!("{sign} {count}"))
    };
    vec![count(Mark::Fine), Span::raw("  "), count(Mark::Wrong), Span::raw("  "), count(Mark::Unknown)]
}

fn face(glyphs: &'static Glyphs, mark: Mark) -> (&'static str, Role) {
    match mark {
        Mark::Fine => (glyphs.ok, Role::Ok),
        Mark::Wrong => (glyphs.bad, Role::Bad),
        Mark::Unknown => ("?", Role::Warning),
    }
}

/// All lines, and where each item stands among them.
struct Page<'a> {
    lines: Vec<Line<'a>>,
    /// The first and the last line of each item.
    items: Vec<(usize, usize)>,
}

impl<'a> Page<'a> {
    fn of(look: Look<'a>, groups: &'a [Group], columns: usize) -> Self {
        let names = groups.iter().flat_map(|group| &group.items).map(|item| width(&item.name)).max().unwrap_or(0);
        let names = names.min(columns / NAMES);
        let mut page = Self { lines: Vec::new(), items: Vec::new() };
        for group in groups {
            if !page.lines.is_empty() {
                page.lines.push(Line::default());
            }
            page.lines.push(Line::from(look.span(Role::Title, format!(" {}", group.title))));
            for item in &group.items {
                let first = page.lines.len();
                page.item(look, item, names, columns);
                page.items.push((first, page.lines.len().saturating_sub(1)));
            }
        }
        page
    }

    /// The sign and the name, what was seen beside them, and below it what to do.
    fn item(&mut self, look: Look<'a>, item: &'a Item, names: usize, columns: usize) {
        let (sign, role) = face(look.theme.glyphs, item.mark);
        let (name, seen) = match item.mark {
            Mark::Fine => (Role::Text, Role::Muted),
            Mark::Wrong | Mark::Unknown => (Role::Strong, Role::Text),
        };
        let mut start = vec![
            Span::raw("  "),
            look.span(role, sign),
            Span::raw(" "),
            look.span(name, pad(&item.name, names)),
            Span::raw("  "),
        ];
        let indent = SIGN + names + 2;
        // A name that is too long has the line to itself.
        if width(&item.name) > names {
            self.lines.push(look.clip_line(start, columns));
            start = vec![Span::raw(" ".repeat(indent))];
        }
        let room = columns.saturating_sub(indent).max(1);
        for text in wrap(&item.seen, room) {
            let mut line = std::mem::take(&mut start);
            if line.is_empty() {
                line.push(Span::raw(" ".repeat(indent)));
            }
            line.push(look.span(seen, text));
            self.lines.push(Line::from(line));
        }
        // What is to be typed wants room more than it wants to stand below what was seen.
        let indent = if columns < ROOMY { SIGN + 2 } else { indent };
        let room = columns.saturating_sub(indent).max(1);
        let arrow = look.theme.glyphs.arrow;
        for (index, text) in
            item.remedy.iter().flat_map(|remedy| wrap(remedy, room.saturating_sub(2)).into_iter().enumerate())
        {
            let sign = if index == 0 { arrow } else { " " };
            let line = vec![
                Span::raw(" ".repeat(indent)),
                look.span(Role::Muted, format!("{sign} ")),
                look.span(Role::KeyLabel, text),
            ];
            self.lines.push(Line::from(line));
        }
    }
}
