//! What was typed, in the program's own words.

use std::io;

use crossterm::event::{Event, EventStream, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use futures_util::StreamExt;

use crate::app::keymap::{Chord, Key, Modifier};

/// Something that came from the terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A key was pressed.
    Key(Chord),
    /// Text was pasted, as it came.
    Paste(String),
    /// The terminal has this many columns and rows now.
    Resize(u16, u16),
    /// The terminal's window came to the front.
    FocusGained,
    /// The terminal's window went out of focus.
    FocusLost,
}

/// The stream of what comes from the terminal. While it lives it owns the keyboard.
#[derive(Debug, Default)]
pub struct Inputs {
    events: EventStream,
}

impl Inputs {
    /// Starts to read.
    pub fn new() -> Self {
        Self::default()
    }

    /// The next input; `None` once the terminal is gone. Dropping the future loses nothing.
    ///
    /// # Errors
    /// When reading fails; the terminal is then best taken for gone.
    pub async fn next(&mut self) -> Option<io::Result<Input>> {
        loop {
            match self.events.next().await? {
                Err(error) => return Some(Err(error)),
                Ok(event) => {
                    if let Some(input) = translated(event) {
                        return Some(Ok(input));
                    }
                }
            }
        }
    }
}

fn translated(event: Event) -> Option<Input> {
    match event {
        Event::Key(key) => chord(key).map(Input::Key),
        Event::Paste(text) => Some(Input::Paste(text)),
        Event::Resize(columns, rows) => Some(Input::Resize(columns, rows)),
        Event::FocusGained => Some(Input::FocusGained),
        Event::FocusLost => Some(Input::FocusLost),
        Event::Mouse(_) => None,
    }
}

fn chord(event: KeyEvent) -> Option<Chord> {
    if event.kind == KeyEventKind::Release {
        return None;
    }
    let mut held = event.modifiers;
    let key = match event.code {
        KeyCode::Char(typed) => Key::Char(typed),
        // What terminals send for ctrl-space.
        KeyCode::Null => {
            held |= KeyModifiers::CONTROL;
            Key::Char(' ')
        }
        KeyCode::BackTab => {
            held |= KeyModifiers::SHIFT;
            Key::Tab
        }
        KeyCode::F(number) => Key::F(number),
        KeyCode::Enter => Key::Enter,
        KeyCode::Esc => Key::Esc,
        KeyCode::Tab => Key::Tab,
        KeyCode::Backspace => Key::Backspace,
        KeyCode::Delete => Key::Delete,
        KeyCode::Insert => Key::Insert,
        KeyCode::Home => Key::Home,
        KeyCode::End => Key::End,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown => Key::PageDown,
        KeyCode::Up => Key::Up,
        KeyCode::Down => Key::Down,
        KeyCode::Left => Key::Left,
        KeyCode::Right => Key::Right,
        _ => return None,
    };
    let modifiers = [
        (KeyModifiers::CONTROL, Modifier::Ctrl),
        (KeyModifiers::ALT, Modifier::Alt),
        (KeyModifiers::SHIFT, Modifier::Shift),
    ];
    let pressed = modifiers.into_iter().filter(|(flag, _)| held.contains(*flag)).map(|(_, modifier)| modifier);
    Some(pressed.fold(Chord::new(key), Chord::with))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pressed(code: KeyCode, modifiers: KeyModifiers) -> Option<Input> {
        translated(Event::Key(KeyEvent::new(code, modifiers)))
    }

    fn key(text: &str) -> Input {
        Input::Key(text.parse().unwrap())
    }

    #[test]
    fn keys_arrive_as_the_keymap_spells_them() {
        assert_eq!(pressed(KeyCode::Char('p'), KeyModifiers::NONE), Some(key("p")));
        assert_eq!(pressed(KeyCode::Char('P'), KeyModifiers::SHIFT), Some(key("P")));
        assert_eq!(pressed(KeyCode::Char('?'), KeyModifiers::SHIFT), Some(key("?")));
        assert_eq!(pressed(KeyCode::Char('c'), KeyModifiers::CONTROL), Some(key("ctrl-c")));
        assert_eq!(pressed(KeyCode::Null, KeyModifiers::NONE), Some(key("ctrl-space")));
        assert_eq!(pressed(KeyCode::BackTab, KeyModifiers::SHIFT), Some(key("shift-tab")));
        assert_eq!(pressed(KeyCode::F(5), KeyModifiers::ALT), Some(key("alt-f5")));
    }

    #[test]
    fn releases_mice_and_keys_without_a_name_are_not_heard() {
        let release = KeyEvent::new_with_kind(KeyCode::Char('R'), KeyModifiers::NONE, KeyEventKind::Release);
        assert_eq!(translated(Event::Key(release)), None);
        assert_eq!(pressed(KeyCode::CapsLock, KeyModifiers::NONE), None);
    }

    #[test]
    fn the_rest_keeps_its_meaning() {
        assert_eq!(translated(Event::Resize(80, 24)), Some(Input::Resize(80, 24)));
        assert_eq!(translated(Event::Paste("DEPLOY".to_owned())), Some(Input::Paste("DEPLOY".to_owned())));
        assert_eq!(translated(Event::FocusLost), Some(Input::FocusLost));
    }
}
