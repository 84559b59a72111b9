//! Reading themes, strictly.

use ratatui::style::Style;
use toml::Spanned;
use toml::de::DeValue;

use super::{ASCII, Charset, Role, StyleError, Theme, UNICODE, style};
use crate::document::{Document, DocumentError, Place, did_you_mean, nearest};

/// A theme that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ThemeError {
    /// Not TOML, or a value of the wrong kind.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// No theme of that name.
    #[error("unknown theme \"{name}\"{}", did_you_mean(*nearest))]
    UnknownTheme {
        /// What was asked for.
        name: String,
        /// The theme most like it.
        nearest: Option<&'static str>,
    },
    /// A key that a theme does not have.
    #[error("{place}: unknown {what} \"{name}\"{}", did_you_mean(*nearest))]
    Unknown {
        /// Where it stands.
        place: Place,
        /// `setting`, `role` or `theme`.
        what: &'static str,
        /// What was written.
        name: String,
        /// The name most like it.
        nearest: Option<&'static str>,
    },
    /// A style that cannot be read.
    #[error("{place}: {source}")]
    Style {
        /// Where it stands.
        place: Place,
        /// What is wrong with it.
        source: StyleError,
    },
    /// A theme of its own that leaves a role without a look.
    #[error("{file}: role \"{role}\" is missing; name a theme to start from with extends = \"dark\"")]
    Missing {
        /// The theme.
        file: String,
        /// The role.
        role: &'static str,
    },
}

/// What the top level of a theme may hold.
const SETTINGS: [&str; 2] = ["extends", "roles"];

impl ThemeError {
    pub(super) fn unknown_theme(name: &str) -> Self {
        Self::UnknownTheme { name: name.to_owned(), nearest: nearest(name, Theme::names()) }
    }
}

impl Theme {
    /// A theme that says what every role looks like, all by itself.
    pub(super) fn complete(document: Document<'_>, charset: Charset) -> Result<Self, ThemeError> {
        let mut named = vec![false; Role::ALL.len()];
        let mut theme = Self::bare(charset);
        read(&document, |role, style| {
            theme.set(role, style);
            if let Some(seen) = named.get_mut(role as usize) {
                *seen = true;
            }
        })?;
        match Role::ALL.iter().zip(named).find(|(_, named)| !named) {
            Some((role, _)) => Err(ThemeError::Missing { file: document.name.to_owned(), role: role.name() }),
            None => Ok(theme),
        }
    }

    /// A user's theme: `extends` names the built-in one under it, and `[roles]` holds what differs. Without `extends` it
    /// must say what every role looks like.
    ///
    /// # Errors
    /// Tells the place of the first mistake and, for a misspelled name, the nearest right one.
    pub fn from_file(document: Document<'_>, charset: Charset) -> Result<Self, ThemeError> {
        let table = document.table()?;
        let Some((_, base)) = table.iter().find(|(name, _)| name.get_ref() == "extends") else {
            return Self::complete(document, charset);
        };
        let name = document.as_str(base)?;
        let mut theme = Self::named(name, charset).map_err(|error| match error {
            ThemeError::UnknownTheme { name, nearest } => {
                ThemeError::Unknown { place: document.place(&base.span()), what: "theme", name, nearest }
            }
            other => other,
        })?;
        read(&document, |role, style| theme.set(role, style))?;
        Ok(theme)
    }

    fn bare(charset: Charset) -> Self {
        let glyphs = match charset {
            Charset::Unicode => &UNICODE,
            Charset::Ascii => &ASCII,
        };
        Self { styles: [Style::new(); Role::ALL.len()], glyphs }
    }

    fn set(&mut self, role: Role, style: Style) {
        if let Some(slot) = self.styles.get_mut(role as usize) {
            *slot = style;
        }
    }
}

/// Hands every role of the document to `set`, having refused what is no theme.
fn read(document: &Document<'_>, mut set: impl FnMut(Role, Style)) -> Result<(), ThemeError> {
    for (name, value) in document.table()? {
        match name.get_ref().as_ref() {
            "extends" => {}
            "roles" => {
                for (name, value) in document.as_table(&value)? {
                    let role = Role::named(name.get_ref()).ok_or_else(|| {
                        unknown(
                            document,
                            name,
                            "role",
                            nearest(name.get_ref(), Role::ALL.iter().map(|role| role.name())),
                        )
                    })?;
                    set(role, read_style(document, value)?);
                }
            }
            other => return Err(unknown(document, &name, "setting", nearest(other, SETTINGS))),
        }
    }
    Ok(())
}

fn read_style(document: &Document<'_>, value: &Spanned<DeValue<'_>>) -> Result<Style, ThemeError> {
    let text = value.get_ref().as_str().ok_or_else(|| document.wrong_kind(value, "a style such as \"bold red\""))?;
    style::parse(text).map_err(|source| ThemeError::Style { place: document.place(&value.span()), source })
}

fn unknown(
    document: &Document<'_>,
    name: &Spanned<impl AsRef<str>>,
    what: &'static str,
    nearest: Option<&'static str>,
) -> ThemeError {
    ThemeError::Unknown { place: document.place(&name.span()), what, name: name.get_ref().as_ref().to_owned(), nearest }
}
