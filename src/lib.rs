//! cutover: a terminal release cockpit for services on AWS ECS.
//!
//! One engine, three faces: a full-screen cockpit, a headless runner for CI, and one-shot commands. The layers, from
//! the outside in; each may only use what stands below it, and a test (`tests/architecture`) holds them to it:
//!
//! ```text
//! main → program                     puts the parts together; alone chooses between adapters
//!          │  cli  config            what can be typed; what is configured
//!          ├── runtime  headless     the faces
//!          │      │        │
//!          │   term ui app │         the cockpit: terminal, pictures, brain
//!          │      └────┬───┘
//!          ├───────  engine          owns a release's truth: core, executor, poller, snapshots
//!          │    ┌──────┼───────┬────────┐
//!          │  cloud web journal notify judge  ports to the outside, each with its adapter; verdicts
//!          │    └──────┴───┬───┴────────┘
//!          │            domain       pure: the release, its state machine, its words
//!          │
//!          └── sim                   a small AWS behind its wire protocols; knows neither the engine nor its adapters
//! ```
//!
//! Beside them, [`clock`] is the one source of time, and [`document`] reads TOML strictly. A good place to begin reading
//! is [`domain::machine`]; `docs/architecture.md` follows a key press and a datum through all of it.

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
pub mod web;
