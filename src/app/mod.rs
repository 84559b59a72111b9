//! The cockpit's brain: what is on the screen and what a key means. No I/O, no terminal library.
//!
//! [`update::update`] is the only function that changes a [`model::Model`]; the pictures are drawn from the model and the
//! engine's newest snapshot.

pub mod alarms;
pub mod asked;
pub mod availability;
pub mod checklist;
pub mod dialog;
pub mod filter;
#[doc(hidden)]
pub mod fixture;
pub mod fleet;
pub mod keymap;
pub mod logs;
pub mod model;
pub mod msg;
pub mod palette;
pub mod past;
pub mod scroll;
pub mod signals;
pub mod update;
pub mod watch;
