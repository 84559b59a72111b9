//! Styles as text: `bold #7aa2f7 on #1a1b26`.

use std::str::FromStr;

use ratatui::style::{Color, Modifier, Style};

use crate::document::{did_you_mean, nearest};

/// Words for looks that need no colour.
const MODIFIERS: [(&str, Modifier); 5] = [
    ("bold", Modifier::BOLD),
    ("dim", Modifier::DIM),
    ("italic", Modifier::ITALIC),
    ("underline", Modifier::UNDERLINED),
    ("reverse", Modifier::REVERSED),
];

/// The terminal's own colours, which follow the operator's palette.
const COLOURS: [(&str, Color); 17] = [
    ("default", Color::Reset),
    ("black", Color::Black),
    ("red", Color::Red),
    ("green", Color::Green),
    ("yellow", Color::Yellow),
    ("blue", Color::Blue),
    ("magenta", Color::Magenta),
    ("cyan", Color::Cyan),
    ("white", Color::Gray),
    ("bright-black", Color::DarkGray),
    ("bright-red", Color::LightRed),
    ("bright-green", Color::LightGreen),
    ("bright-yellow", Color::LightYellow),
    ("bright-blue", Color::LightBlue),
    ("bright-magenta", Color::LightMagenta),
    ("bright-cyan", Color::LightCyan),
    ("bright-white", Color::White),
];

/// Text that is no style.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StyleError {
    /// A word that is neither a colour nor a look.
    #[error("unknown colour or look \"{word}\"{}", did_you_mean(*nearest))]
    UnknownWord {
        /// The word.
        word: String,
        /// The word most like it.
        nearest: Option<&'static str>,
    },
    /// `on` with nothing behind it.
    #[error("\"on\" needs a colour after it")]
    NothingAfterOn,
}

/// Reads a style: a colour, `on` and a colour, and looks, in any order, separated by spaces.
pub(super) fn parse(text: &str) -> Result<Style, StyleError> {
    let mut style = Style::new();
    let mut words = text.split_whitespace();
    while let Some(word) = words.next() {
        style = if word == "on" {
            style.bg(colour(words.next().ok_or(StyleError::NothingAfterOn)?)?)
        } else if let Some((_, modifier)) = MODIFIERS.iter().find(|(name, _)| *name == word) {
            style.add_modifier(*modifier)
        } else {
            style.fg(colour(word)?)
        };
    }
    Ok(style)
}

fn colour(word: &str) -> Result<Color, StyleError> {
    let named = COLOURS.iter().find(|(name, _)| *name == word).map(|(_, colour)| *colour);
    let hex = || Some(word).filter(|word| word.starts_with('#')).and_then(|word| Color::from_str(word).ok());
    named.or_else(hex).ok_or_else(|| StyleError::UnknownWord {
        word: word.to_owned(),
        nearest: nearest(word, MODIFIERS.iter().map(|(name, _)| *name).chain(COLOURS.iter().map(|(name, _)| *name))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn styles_read_in_any_order() {
        assert_eq!(parse("bold red on #102030").unwrap(), parse("on #102030 red bold").unwrap());
        assert_eq!(parse("").unwrap(), Style::new());
        assert_eq!(parse("#102030").unwrap().fg, Some(Color::Rgb(16, 32, 48)));
    }

    #[test]
    fn wrong_words_are_refused() {
        assert_eq!(
            parse("bright-gren").unwrap_err().to_string(),
            "unknown colour or look \"bright-gren\"; did you mean \"bright-green\"?"
        );
        assert_eq!(parse("red on").unwrap_err(), StyleError::NothingAfterOn);
        assert!(parse("#12").is_err());
    }
}
