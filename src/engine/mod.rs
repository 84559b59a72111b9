//! The engine: owns a release's truth and acts on it. Knows no terminal and no SDK.

pub mod handle;
pub mod snapshot;
