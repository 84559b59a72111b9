//! The engine: owns a release's truth and acts on it. Knows no terminal and no SDK.
//!
//! ```text
//! orders ─┐
//! outcomes ┼─► core (steps the machine, keeps the journal) ─► executor ─► cloud
//! readings ┤      │                                             │
//! time ────┘      └─► snapshot (latest wins)      outcomes ◄────┘
//! poller ─► cloud ─► readings          tailer ─► log lines (bounded, losses counted)
//! ```
//!
//! [`run::Engine::run`] selects one thing that happened, hands it to the core, which awaits nothing, and acts on what
//! the core answers. Orders are served first.

mod alarms;
mod ask;
mod clean;
mod core;
mod cost;
mod execute;
pub mod handle;
pub mod hold;
pub mod hub;
mod last_resort;
pub mod lease;
mod leftovers;
mod lines;
mod measure;
pub mod poll;
pub mod replay;
mod report;
mod requests;
pub mod run;
pub mod settings;
pub mod snapshot;
pub mod socket;
mod tail;
mod witness;

pub use execute::command::{Exit, Heard, Processes, Program, Programs};
