//! Chords: one key with its modifiers, as it is written in a keymap and shown in a hint.

use std::fmt;
use std::str::FromStr;

use crate::document::nearest;

/// A key without modifiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Key {
    /// A key that types this character. Capitals and shifted signs are characters of their own.
    Char(char),
    /// A function key, 1 to 24.
    F(u8),
    /// Return.
    Enter,
    /// Escape.
    Esc,
    /// Tabulator.
    Tab,
    /// Backspace.
    Backspace,
    /// Delete forward.
    Delete,
    /// Insert.
    Insert,
    /// Home.
    Home,
    /// End.
    End,
    /// Page up.
    PageUp,
    /// Page down.
    PageDown,
    /// Cursor up.
    Up,
    /// Cursor down.
    Down,
    /// Cursor left.
    Left,
    /// Cursor right.
    Right,
}

/// Named keys and the names they go by.
const NAMES: [(&str, Key); 15] = [
    ("space", Key::Char(' ')),
    ("enter", Key::Enter),
    ("esc", Key::Esc),
    ("tab", Key::Tab),
    ("backspace", Key::Backspace),
    ("delete", Key::Delete),
    ("insert", Key::Insert),
    ("home", Key::Home),
    ("end", Key::End),
    ("pageup", Key::PageUp),
    ("pagedown", Key::PageDown),
    ("up", Key::Up),
    ("down", Key::Down),
    ("left", Key::Left),
    ("right", Key::Right),
];

/// The highest function key that terminals report.
const LAST_FUNCTION_KEY: u8 = 24;

/// One key with its modifiers. Equal chords are the same press, however the terminal spelled it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Chord {
    key: Key,
    ctrl: bool,
    alt: bool,
    shift: bool,
}

/// A modifier key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Modifier {
    /// Control.
    Ctrl,
    /// Alt, or Meta.
    Alt,
    /// Shift.
    Shift,
}

impl Chord {
    /// The key alone.
    pub const fn new(key: Key) -> Self {
        Self { key, ctrl: false, alt: false, shift: false }
    }

    /// This chord with one more modifier held. Shift turns a character into its capital, and control forgets the
    /// difference, since terminals report both as the same press.
    #[must_use]
    pub fn with(mut self, modifier: Modifier) -> Self {
        match modifier {
            Modifier::Ctrl => self.ctrl = true,
            Modifier::Alt => self.alt = true,
            Modifier::Shift => self.shift = true,
        }
        let Key::Char(typed) = self.key else { return self };
        self.shift = false;
        if self.ctrl {
            self.with_control_of(typed.to_ascii_lowercase())
        } else {
            let shifted = modifier == Modifier::Shift && typed.is_lowercase();
            self.key = Key::Char(if shifted { typed.to_uppercase().next().unwrap_or(typed) } else { typed });
            self
        }
    }

    /// Control with some characters is what terminals send for a key of its own.
    fn with_control_of(mut self, typed: char) -> Self {
        (self.key, self.ctrl) = match typed {
            'i' => (Key::Tab, false),
            'm' => (Key::Enter, false),
            '[' => (Key::Esc, false),
            other => (Key::Char(other), true),
        };
        self
    }

    /// The key without its modifiers.
    pub const fn key(self) -> Key {
        self.key
    }

    /// The character that this chord types into a text field, if it types one.
    pub const fn typed(self) -> Option<char> {
        match self.key {
            Key::Char(typed) if !self.ctrl && !self.alt => Some(typed),
            _ => None,
        }
    }
}

impl fmt::Display for Chord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (held, prefix) in [(self.ctrl, "ctrl-"), (self.alt, "alt-"), (self.shift, "shift-")] {
            if held {
                f.write_str(prefix)?;
            }
        }
        if let Some((name, _)) = NAMES.iter().find(|(_, key)| *key == self.key) {
            return f.write_str(name);
        }
        match self.key {
            Key::Char(typed) => write!(f, "{typed}"),
            Key::F(number) => write!(f, "f{number}"),
            other => write!(f, "{other:?}"),
        }
    }
}

/// Text that names no chord.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown key \"{text}\"{}", crate::document::did_you_mean(nearest.as_deref()))]
pub struct UnknownChord {
    /// What was written.
    pub text: String,
    /// The key name most like it.
    pub nearest: Option<String>,
}

impl FromStr for Chord {
    type Err = UnknownChord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut held = Vec::new();
        let mut rest = text;
        // A lone minus is a key of its own, so a prefix counts only when a key follows it.
        while let Some((modifier, after)) = modifier_prefix(rest).filter(|(_, after)| !after.is_empty()) {
            held.push(modifier);
            rest = after;
        }
        let key = key_named(rest).ok_or_else(|| UnknownChord {
            text: text.to_owned(),
            nearest: nearest(&rest.to_lowercase(), NAMES.iter().map(|(name, _)| *name))
                .map(|name| format!("{}{name}", text.strip_suffix(rest).unwrap_or_default())),
        })?;
        Ok(held.into_iter().fold(Self::new(key), Self::with))
    }
}

fn modifier_prefix(text: &str) -> Option<(Modifier, &str)> {
    [("ctrl-", Modifier::Ctrl), ("alt-", Modifier::Alt), ("shift-", Modifier::Shift)]
        .into_iter()
        .find_map(|(prefix, modifier)| Some((modifier, text.strip_prefix(prefix)?)))
}

fn key_named(name: &str) -> Option<Key> {
    if let Some((_, key)) = NAMES.iter().find(|(known, _)| *known == name) {
        return Some(*key);
    }
    let mut characters = name.chars();
    if let (Some(only), None) = (characters.next(), characters.next()) {
        return (!only.is_control() && !only.is_whitespace()).then_some(Key::Char(only));
    }
    let number = name.strip_prefix('f')?.parse::<u8>().ok()?;
    (1..=LAST_FUNCTION_KEY).contains(&number).then_some(Key::F(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chord(text: &str) -> Chord {
        text.parse().unwrap()
    }

    #[test]
    fn every_spelling_reads_back_as_it_is_shown() {
        for text in ["p", "P", "space", "ctrl-c", "ctrl-alt-x", "esc", "f1", "f12", "pageup", "shift-tab", "-"] {
            assert_eq!(chord(text).to_string(), text);
        }
        assert_eq!(chord("ctrl--").to_string(), "ctrl--");
    }

    #[test]
    fn one_press_has_one_spelling() {
        assert_eq!(chord("shift-p"), chord("P"));
        assert_eq!(chord("ctrl-C"), chord("ctrl-c"));
        assert_eq!(chord("ctrl-shift-c"), chord("shift-ctrl-c"));
        assert_eq!(chord("?").with(Modifier::Shift), chord("?"));
        assert_eq!([chord("ctrl-i"), chord("ctrl-m"), chord("ctrl-[")], [chord("tab"), chord("enter"), chord("esc")]);
        assert_ne!(chord("shift-tab"), chord("tab"));
    }

    #[test]
    fn wrong_keys_are_refused_with_the_nearest_name() {
        let error = |text: &str| text.parse::<Chord>().unwrap_err().to_string();
        assert_eq!(error("pgup"), "unknown key \"pgup\"; did you mean \"pageup\"?");
        assert_eq!(error("ctrl-spce"), "unknown key \"ctrl-spce\"; did you mean \"ctrl-space\"?");
        assert_eq!(error("f25"), "unknown key \"f25\"");
        assert_eq!(error(""), "unknown key \"\"");
    }

    #[test]
    fn only_plain_characters_type() {
        assert_eq!(chord("R").typed(), Some('R'));
        assert_eq!(chord("space").typed(), Some(' '));
        assert_eq!(chord("ctrl-r").typed(), None);
        assert_eq!(chord("enter").typed(), None);
    }
}
