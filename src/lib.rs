//! cutover: a terminal release cockpit for services on AWS ECS.
//!
//! One engine, three faces: a full-screen cockpit, a headless runner for CI, and one-shot commands. The layers, from
//! the outside in; imports run downwards only, and a test holds them to it:
//!
//! ```text
//! main → cli → runtime | headless
//!                │           │
//!       term  ui  app        │        the cockpit: terminal, pictures, brain
//!                └─────┬─────┘
//!                    engine           owns the truth: dispatcher, executor, pollers, snapshots
//!          ┌───────┬───┴────┬─────────┐
//!        cloud  journal  notify     judge    ports to the outside; verdicts
//!          └───────┴───┬────┴─────────┘
//!                    domain           pure: the release, its state machine, its words
//!
//! sim  a small AWS behind its wire protocols; knows neither the engine nor its adapters
//! ```

pub mod app;
pub mod cli;
pub mod clock;
pub mod cloud;
pub mod config;
pub mod document;
pub mod domain;
pub mod engine;
pub mod headless;
pub mod journal;
pub mod judge;
pub mod notify;
pub mod program;
pub mod runtime;
pub mod sim;
pub mod term;
pub mod ui;
