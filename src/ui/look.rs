//! What every part of a picture is drawn from.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::format::age;
use super::theme::{Role, Theme};
use super::widgets::text::{clip, put_line, width};
use crate::app::model::Model;
use crate::domain::components::ComponentIndex;
use crate::domain::plan::{ComponentPlan, Plan};
use crate::domain::release::{Component, Release};
use crate::domain::time::{Elapsed, Timestamp};
use crate::engine::snapshot::{ComponentView, Snapshot, Source, SourceView};

/// The screen's facts, the release's, and how things look.
#[derive(Clone, Copy)]
pub(super) struct Look<'a> {
    pub(super) model: &'a Model,
    pub(super) snapshot: &'a Snapshot,
    pub(super) theme: &'a Theme,
    pub(super) pace: Pace,
}

/// Whether a picture ages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// It does.
    Live,
    /// It is held still.
    Held,
}

impl<'a> Look<'a> {
    pub(super) fn release(self) -> &'a Release {
        &self.snapshot.release
    }

    /// The component that is shown.
    pub(super) fn focus(self) -> ComponentIndex {
        self.model.focus_in(self.snapshot)
    }

    /// How far the shown component has come.
    pub(super) fn component(self) -> &'a Component {
        &self.release().components[self.focus()]
    }

    /// What is to become of the shown component.
    pub(super) fn planned(self) -> &'a ComponentPlan {
        &self.plan().components[self.focus()]
    }

    /// What was read of the shown component.
    pub(super) fn seen(self) -> &'a ComponentView {
        &self.snapshot.components[self.focus()]
    }

    pub(super) fn plan(self) -> &'a Plan {
        &self.snapshot.release.plan
    }

    /// Now, as far as this picture is concerned.
    pub(super) fn now(self) -> Timestamp {
        match self.pace {
            Pace::Held => self.snapshot.at,
            Pace::Live => self.model.now.max(self.snapshot.at),
        }
    }

    pub(super) fn style(self, role: Role) -> Style {
        self.theme.style(role)
    }

    pub(super) fn span(self, role: Role, text: impl Into<std::borrow::Cow<'a, str>>) -> Span<'a> {
        Span::styled(text, self.style(role))
    }

    /// How long ago, or for how long.
    pub(super) fn since(self, at: Timestamp) -> Elapsed {
        Elapsed(self.now().since(at))
    }

    /// How long until, zero when it is over.
    pub(super) fn until(self, at: Timestamp) -> Elapsed {
        Elapsed(at.since(self.now()))
    }

    /// Draws one row: the left part cut where it meets the right one, which gives way first when there is no room for
    /// both.
    pub(super) fn row(self, area: Rect, buf: &mut Buffer, left: Vec<Span<'a>>, right: Vec<Span<'a>>) {
        if area.is_empty() {
            return;
        }
        let room = usize::from(area.width);
        let right = Line::from(right);
        let taken = right.width();
        let least = Line::from(left.clone()).width().min(room / 2);
        let taken = if taken > 0 && least + 2 + taken <= room { taken + 2 } else { 0 };
        put_line(buf, (area.x, area.y), area.width, &self.clip_line(left, room - taken));
        if taken > 0 {
            let x = area.right().saturating_sub(u16::try_from(taken - 2).unwrap_or(u16::MAX));
            put_line(buf, (x, area.y), area.width, &right);
        }
    }

    /// A line of at most `columns`, with a sign where it was cut.
    pub(super) fn clip_line(self, spans: Vec<Span<'a>>, columns: usize) -> Line<'a> {
        let mut room = columns;
        let mut kept = Vec::with_capacity(spans.len());
        for span in spans {
            let size = width(&span.content);
            if size <= room {
                room -= size;
                kept.push(span);
                continue;
            }
            if room > 0 {
                let cut = clip(&span.content, room, self.theme.glyphs.ellipsis).into_owned();
                kept.push(Span::styled(cut, span.style));
            }
            break;
        }
        Line::from(kept)
    }

    /// How well a source answers.
    pub(super) fn source(self, source: Source) -> Option<&'a SourceView> {
        let of_release = matches!(source, Source::Identity | Source::Logs);
        let of = if of_release { ComponentIndex::FIRST } else { self.focus() };
        self.snapshot.sources.iter().find(|view| view.source == source && view.component == of)
    }

    /// How old a source's last answer is, in words, when it is too old to act on. After the end nothing is read any more, and
    /// nothing is to be acted on.
    pub(super) fn stale(self, source: Source) -> Option<String> {
        let view = self.source(source).filter(|_| self.release().ended.is_none())?;
        let text = match view.last_ok {
            Some(at) => format!("stale {}", age(self.now().since(at))),
            None => "never read".to_owned(),
        };
        view.is_stale(self.now()).then_some(text)
    }
}
