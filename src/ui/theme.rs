//! What things look like: semantic roles to styles, and the signs that stand for states.
//!
//! A picture asks for a [`Role`], never for a colour, so that one file changes the look, and every state also has a sign
//! in [`Glyphs`] and a word, so that nothing is said by colour alone.

mod glyphs;
mod load;
mod role;
mod style;

use ratatui::style::Style;

pub use glyphs::{ASCII, Dots, Glyphs, UNICODE};
pub use load::ThemeError;
pub use role::Role;
pub use style::StyleError;

use crate::document::Document;

/// How many colours the screen may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColourDepth {
    /// None: bold, dim, underline and reverse only.
    None,
    /// The terminal's own sixteen, on its own background.
    Sixteen,
    /// 24-bit.
    True,
}

/// What the terminal's background is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Background {
    /// Light text on dark.
    Dark,
    /// Dark text on light.
    Light,
}

/// Which signs the terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charset {
    /// Everything in [`UNICODE`].
    Unicode,
    /// Seven bits only.
    Ascii,
}

/// The themes that the program comes with.
const BUILT_IN: [(&str, &str); 5] = [
    ("dark", include_str!("../../assets/themes/dark.toml")),
    ("light", include_str!("../../assets/themes/light.toml")),
    ("sixteen", include_str!("../../assets/themes/sixteen.toml")),
    ("sixteen-light", include_str!("../../assets/themes/sixteen-light.toml")),
    ("plain", include_str!("../../assets/themes/plain.toml")),
];

/// Styles for every role, and the set of signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Theme {
    styles: [Style; Role::ALL.len()],
    /// The signs.
    pub glyphs: &'static Glyphs,
}

impl Theme {
    /// The built-in theme for a terminal of this kind.
    ///
    /// # Errors
    /// Only if an embedded theme is wrong, which a test rules out.
    pub fn built_in(depth: ColourDepth, background: Background, charset: Charset) -> Result<Self, ThemeError> {
        let name = match (depth, background) {
            (ColourDepth::True, Background::Dark) => "dark",
            (ColourDepth::True, Background::Light) => "light",
            (ColourDepth::Sixteen, Background::Dark) => "sixteen",
            (ColourDepth::Sixteen, Background::Light) => "sixteen-light",
            (ColourDepth::None, _) => "plain",
        };
        Self::named(name, charset)
    }

    /// The built-in theme of this name.
    ///
    /// # Errors
    /// An unknown name, told with the nearest right one.
    pub fn named(name: &str, charset: Charset) -> Result<Self, ThemeError> {
        let text = BUILT_IN.iter().find(|(known, _)| *known == name).map(|(_, text)| *text);
        let Some(text) = text else { return Err(ThemeError::unknown_theme(name)) };
        Self::complete(Document { name, text }, charset)
    }

    /// The names of the built-in themes.
    pub fn names() -> impl Iterator<Item = &'static str> {
        BUILT_IN.iter().map(|(name, _)| *name)
    }

    /// How this role looks.
    pub fn style(&self, role: Role) -> Style {
        self.styles.get(role as usize).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
