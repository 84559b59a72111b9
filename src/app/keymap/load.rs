//! Reading keymaps, strictly.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::DeValue;

use super::{Action, Chord, Context, Keymap, UnknownChord};
use crate::document::{Document, DocumentError, Place, did_you_mean, nearest};

/// A keymap that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeymapError {
    /// Not TOML, or a value of the wrong kind.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// A table that is no context.
    #[error("{place}: unknown context \"{name}\"{}", did_you_mean(*nearest))]
    UnknownContext {
        /// Where it stands.
        place: Place,
        /// What was written.
        name: String,
        /// The context most like it.
        nearest: Option<&'static str>,
    },
    /// A key that is no action.
    #[error("{place}: unknown action \"{name}\"{}", did_you_mean(*nearest))]
    UnknownAction {
        /// Where it stands.
        place: Place,
        /// What was written.
        name: String,
        /// The action most like it.
        nearest: Option<&'static str>,
    },
    /// A value that names no key.
    #[error("{place}: {source}")]
    UnknownKey {
        /// Where it stands.
        place: Place,
        /// What is wrong with it.
        source: UnknownChord,
    },
    /// One chord with two meanings in one context.
    #[error("{place}: {chord} already means {taken_by} in [{context}]; give one of them another key, or [] for none")]
    Duplicate {
        /// Where the second meaning stands.
        place: Place,
        /// The context of both.
        context: Context,
        /// The chord of both.
        chord: Chord,
        /// The action that had it first.
        taken_by: Action,
    },
    /// Ctrl-c bound to something that is not leaving.
    #[error("{place}: ctrl-c only ever detaches; choose another key for {action}")]
    Reserved {
        /// Where it stands.
        place: Place,
        /// What it was to mean.
        action: Action,
    },
}

/// A chord with the place it was written at, for the message when it turns out to be taken.
type Written = (Chord, Place);

impl Keymap {
    /// Lays the documents over one another, later ones last, and checks the outcome as a whole, so that a user may
    /// swap two keys.
    pub(super) fn load(documents: &[Document<'_>]) -> Result<Self, KeymapError> {
        let mut merged: BTreeMap<(Context, Action), (usize, Vec<Written>)> = BTreeMap::new();
        for (layer, document) in documents.iter().enumerate() {
            for (name, value) in document.table()? {
                let context = context(document, &name)?;
                for (name, value) in document.as_table(&value)? {
                    let action = action(document, name)?;
                    merged.insert((context, action), (layer, chords(document, action, value)?));
                }
            }
        }
        let mut meaning = BTreeMap::new();
        // Later layers are checked last, so that the place told is the one the user wrote.
        let mut by_layer: Vec<_> = merged.iter().collect();
        by_layer.sort_by_key(|(_, (layer, _))| *layer);
        for ((context, action), (_, written)) in by_layer {
            for (chord, place) in written {
                if let Some(taken_by) = meaning.insert((*context, *chord), *action) {
                    return Err(KeymapError::Duplicate {
                        place: place.clone(),
                        context: *context,
                        chord: *chord,
                        taken_by,
                    });
                }
            }
        }
        let chords = merged
            .into_iter()
            .map(|(key, (_, written))| (key, written.into_iter().map(|(chord, _)| chord).collect()))
            .collect();
        Ok(Self { chords, meaning })
    }
}

fn context(document: &Document<'_>, name: &Spanned<impl AsRef<str>>) -> Result<Context, KeymapError> {
    let written = name.get_ref().as_ref();
    Context::named(written).ok_or_else(|| KeymapError::UnknownContext {
        place: document.place(&name.span()),
        name: written.to_owned(),
        nearest: nearest(written, Context::ALL.iter().map(|context| context.name())),
    })
}

fn action(document: &Document<'_>, name: &Spanned<impl AsRef<str>>) -> Result<Action, KeymapError> {
    let written = name.get_ref().as_ref();
    Action::named(written).ok_or_else(|| KeymapError::UnknownAction {
        place: document.place(&name.span()),
        name: written.to_owned(),
        nearest: nearest(written, Action::ALL.iter().map(|action| action.name())),
    })
}

/// One chord as a string, or several as an array of strings.
fn chords(document: &Document<'_>, action: Action, value: &Spanned<DeValue<'_>>) -> Result<Vec<Written>, KeymapError> {
    let one = |text: &str, span: Range<usize>| {
        let place = document.place(&span);
        match text.parse::<Chord>() {
            Err(source) => Err(KeymapError::UnknownKey { place, source }),
            Ok(chord) if is_ctrl_c(chord) && action != Action::Quit => Err(KeymapError::Reserved { place, action }),
            Ok(chord) => Ok((chord, place)),
        }
    };
    match value.get_ref() {
        DeValue::String(text) => Ok(vec![one(text, value.span())?]),
        DeValue::Array(items) => items
            .iter()
            .map(|item| match item.get_ref().as_str() {
                Some(text) => one(text, item.span()),
                None => Err(document.wrong_kind(item, "a key such as \"p\" or \"ctrl-c\"").into()),
            })
            .collect(),
        _ => Err(document.wrong_kind(value, "a key such as \"p\", or a list of keys").into()),
    }
}

fn is_ctrl_c(chord: Chord) -> bool {
    chord.to_string() == "ctrl-c"
}
