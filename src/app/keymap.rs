//! The keymap: which chord means which action in which context.
//!
//! The default is `assets/keymap.toml`, embedded; a user's file of the same form is laid over it, action by action. Both
//! are read strictly: an unknown context, action or key and a chord with two meanings in one context are refused with
//! their place.

mod action;
mod chord;
mod load;

use std::collections::BTreeMap;

pub use action::{Action, Context};
pub use chord::{Chord, Key, Modifier, UnknownChord};
pub use load::KeymapError;

use crate::document::Document;

/// The keymap that the program comes with.
pub const DEFAULT: &str = include_str!("../../assets/keymap.toml");

/// Which chord means which action, by context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keymap {
    /// Chords in the order in which they were written; the first one is the one that hints show.
    chords: BTreeMap<(Context, Action), Vec<Chord>>,
    meaning: BTreeMap<(Context, Chord), Action>,
}

impl Keymap {
    /// The built-in keymap.
    ///
    /// # Errors
    /// Only if the embedded default is wrong, which a test rules out.
    pub fn built_in() -> Result<Self, KeymapError> {
        Self::load(&[Document { name: "keymap.toml", text: DEFAULT }])
    }

    /// The built-in keymap with a user's file laid over it: an action named in a context there has the chords given
    /// there and no others; an empty list leaves it without any.
    ///
    /// # Errors
    /// Tells the place of the first mistake and, for a misspelled name, the nearest right one.
    pub fn with_overlay(user: Document<'_>) -> Result<Self, KeymapError> {
        Self::load(&[Document { name: "keymap.toml", text: DEFAULT }, user])
    }

    /// What `chord` means in `context`: what the context says, or else what it means everywhere.
    pub fn action(&self, context: Context, chord: Chord) -> Option<Action> {
        let here = self.meaning.get(&(context, chord));
        let reaches_global = !(context.keeps_characters() && chord.typed().is_some());
        here.or_else(|| self.meaning.get(&(Context::Global, chord)).filter(|_| reaches_global)).copied()
    }

    /// What `chord` means in `context` itself, whatever it means everywhere else.
    pub fn meaning_in(&self, context: Context, chord: Chord) -> Option<Action> {
        self.meaning.get(&(context, chord)).copied()
    }

    /// The chord to show for `action` in `context`: the first one that really means it there.
    pub fn chord(&self, context: Context, action: Action) -> Option<Chord> {
        self.chords_for(context, action).next()
    }

    /// Every chord that means `action` in `context`, those of the context first.
    pub fn chords_for(&self, context: Context, action: Action) -> impl Iterator<Item = Chord> + '_ {
        let of = move |place| self.chords.get(&(place, action)).into_iter().flatten().copied();
        let everywhere = (context != Context::Global).then(|| of(Context::Global)).into_iter().flatten();
        of(context).chain(everywhere).filter(move |chord| self.action(context, *chord) == Some(action))
    }

    /// What is bound in `context` itself, in the order of [`Action::ALL`], for help and documentation.
    pub fn bindings(&self, context: Context) -> impl Iterator<Item = (Action, &[Chord])> + '_ {
        self.chords
            .iter()
            .filter(move |((place, _), chords)| *place == context && !chords.is_empty())
            .map(|((_, action), chords)| (*action, chords.as_slice()))
    }

    /// The keymap as a Markdown page, one table a context, in the order of [`Context::ALL`].
    pub fn to_markdown(&self) -> String {
        let mut page = String::new();
        for context in Context::ALL {
            let rows: Vec<String> = self
                .bindings(*context)
                .map(|(action, chords)| {
                    let keys: Vec<String> = chords.iter().map(|chord| format!("`{chord}`")).collect();
                    format!("| {} | `{action}` | {} |\n", keys.join(" "), action.describe())
                })
                .collect();
            if !rows.is_empty() {
                page.push_str(&format_section(*context, &rows));
            }
        }
        page
    }
}

fn format_section(context: Context, rows: &[String]) -> String {
    format!(
        "## {context}\n\nWhere: {}.\n\n| key | action | what it does |\n|---|---|---|\n{}\n",
        context.describe(),
        rows.concat()
    )
}

#[cfg(test)]
mod tests;
