//! Sequences that speak to the terminal rather than draw: clipboard, notification, title, bell.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::Multiplexer;

/// The most base64 that one copy may be: xterm reads no longer sequences.
const CLIPBOARD_LIMIT: usize = 74_994;

/// The most that GNU screen passes on in one piece, its own wrapping not counted.
const SCREEN_PIECE: usize = 252;

/// Text that cannot be copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClipboardError {
    /// Terminals would cut it, so nothing was copied.
    #[error("{bytes} bytes are more than terminals take into the clipboard ({limit}); copy less at a time")]
    TooLong {
        /// What was asked for.
        bytes: usize,
        /// What goes.
        limit: usize,
    },
}

/// OSC 52: `text` to the clipboard of whoever sits in front of the terminal, also over SSH.
pub(super) fn copy(text: &str, through: Multiplexer) -> Result<Vec<u8>, ClipboardError> {
    let encoded = STANDARD.encode(text);
    if encoded.len() > CLIPBOARD_LIMIT {
        return Err(ClipboardError::TooLong { bytes: text.len(), limit: CLIPBOARD_LIMIT / 4 * 3 });
    }
    let plain = format!("\x1b]52;c;{encoded}\x07").into_bytes();
    Ok(match through {
        Multiplexer::None => plain,
        // tmux takes the plain form where set-clipboard is on and the wrapped one where allow-passthrough is: send both.
        Multiplexer::Tmux => [wrapped(&plain, through), plain].concat(),
        Multiplexer::Screen => wrapped(&plain, through),
    })
}

/// OSC 9: a desktop notification, where the terminal shows one.
pub(super) fn notify(text: &str, through: Multiplexer) -> Vec<u8> {
    wrapped(format!("\x1b]9;{}\x07", printable(text)).as_bytes(), through)
}

/// OSC 2: the title of the window or tab.
pub(super) fn title(text: &str) -> Vec<u8> {
    format!("\x1b]2;{}\x07", printable(text)).into_bytes()
}

/// The bell.
pub(super) const BELL: &[u8] = b"\x07";

/// Control characters would end the sequence early and let the rest through as commands.
fn printable(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).collect()
}

fn wrapped(sequence: &[u8], through: Multiplexer) -> Vec<u8> {
    match through {
        Multiplexer::None => sequence.to_vec(),
        Multiplexer::Tmux => {
            let mut out = b"\x1bPtmux;".to_vec();
            for byte in sequence {
                if *byte == 0x1b {
                    out.push(0x1b);
                }
                out.push(*byte);
            }
            out.extend_from_slice(b"\x1b\\");
            out
        }
        Multiplexer::Screen => {
            sequence.chunks(SCREEN_PIECE).flat_map(|piece| [b"\x1bP", piece, b"\x1b\\"].concat()).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(bytes: &[u8]) -> String {
        String::from_utf8_lossy(bytes).escape_debug().to_string()
    }

    #[test]
    fn copies_reach_the_terminal_through_every_multiplexer() {
        assert_eq!(shown(&copy("hi", Multiplexer::None).unwrap()), r"\u{1b}]52;c;aGk=\u{7}");
        assert_eq!(
            shown(&copy("hi", Multiplexer::Tmux).unwrap()),
            r"\u{1b}Ptmux;\u{1b}\u{1b}]52;c;aGk=\u{7}\u{1b}\\\u{1b}]52;c;aGk=\u{7}"
        );
        assert_eq!(shown(&copy("hi", Multiplexer::Screen).unwrap()), r"\u{1b}P\u{1b}]52;c;aGk=\u{7}\u{1b}\\");
    }

    #[test]
    fn long_copies_go_through_screen_in_pieces_and_too_long_ones_nowhere() {
        let pieces = copy(&"x".repeat(300), Multiplexer::Screen).unwrap();
        assert_eq!(shown(&pieces).matches(r"\u{1b}P").count(), 2);
        let error = copy(&"x".repeat(60_000), Multiplexer::None).unwrap_err();
        assert_eq!(error, ClipboardError::TooLong { bytes: 60_000, limit: 56_244 });
    }

    #[test]
    fn text_cannot_break_out_of_its_sequence() {
        assert_eq!(shown(&title("a\x07b\x1b]52;c;!\x07")), r"\u{1b}]2;ab]52;c;!\u{7}");
        assert_eq!(shown(&notify("rolled\nback", Multiplexer::None)), r"\u{1b}]9;rolledback\u{7}");
    }
}
