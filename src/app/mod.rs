//! The cockpit's brain: what is on the screen and what a key means. No I/O, no terminal library.

pub mod keymap;
pub mod scroll;
