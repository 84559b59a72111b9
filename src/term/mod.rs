//! The terminal: the only place that names crossterm and standard output.
//!
//! [`Session`] takes the terminal over and gives it back whatever ends the program; [`Inputs`] says what was typed in
//! the program's own words; [`Screen`] turns pictures into frames, and [`Outlet`] writes each frame at once from a thread
//! of its own, so that a slow or stopped terminal delays frames and nothing else; [`FrameScheduler`] says when to draw.

mod caps;
mod frame;
mod input;
mod osc;
mod screen;
mod session;
mod signals;
mod writer;

pub use caps::{Capabilities, ColourChoice, Multiplexer, Wishes};
pub use frame::{FrameScheduler, Pace};
pub use input::{Input, Inputs};
pub use osc::ClipboardError;
pub use screen::{Frame, Screen};
pub use session::{Session, SessionError, Suspended};
pub use signals::{Departure, Signal, Signals};
pub use writer::{NotReady, Outlet, Progress};
