//! The cockpit's brain: what is on the screen and what a key means. No I/O, no terminal library.
//!
//! [`update::update`] is the only function that changes a [`model::Model`]; the pictures are drawn from the model and the
//! engine's newest snapshot.

pub mod availability;
pub mod dialog;
pub mod filter;
#[doc(hidden)]
pub mod fixture;
pub mod keymap;
pub mod logs;
pub mod model;
pub mod msg;
pub mod palette;
pub mod past;
pub mod scroll;
pub mod update;
