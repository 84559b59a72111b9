//! The release, its state machine and its words. Pure: std and serde, no clock, no I/O, no async.

pub mod time;
