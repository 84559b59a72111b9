//! The release, its state machine and its words. Pure: no clock, no I/O, no async.
//!
//! [`machine::step`] is the only function that changes a [`release::Release`]. Everything else here is what it speaks
//! of: the [`plan`] it follows, the [`event`]s it is told, the [`effect`]s it asks for, the [`command`]s people give it
//! and the [`guard`] that says which of them are possible now.

pub mod alarm;
pub mod back;
pub mod calendar;
pub mod capacity;
pub mod check;
pub mod checklist;
pub mod command;
pub mod components;
pub mod deployment;
pub mod driver;
pub mod effect;
pub mod event;
pub mod evidence;
pub mod facts;
pub mod flag;
pub mod foreign;
pub mod formula;
pub mod gate;
pub mod guard;
pub mod ids;
pub mod last_resort;
pub mod late;
pub mod lease;
pub mod log;
pub mod machine;
pub mod metrics;
pub mod notice;
pub mod observed;
pub mod one_off;
pub mod origin;
pub mod outlook;
pub mod percent;
pub mod plan;
pub mod policy;
pub mod program;
pub mod redact;
pub mod rehearsal;
pub mod release;
pub mod signal;
pub mod time;
pub mod triage;
