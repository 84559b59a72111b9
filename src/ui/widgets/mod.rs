//! Pieces of pictures that know no releases: each draws what it is given into the area it is given, at any size, and
//! never outside of it.

mod bar;
mod chart;
mod dialog;
mod keybar;
mod list;
mod meter;
mod panel;
mod raster;
mod sparkline;
mod steps;
mod table;
pub mod text;

pub use bar::Bar;
pub use chart::{Chart, Mark, Series};
pub use dialog::{Dialog, centred};
pub use keybar::{Hint, KeyBar, Readiness};
pub use list::{List, Scrollbar};
pub use meter::Meter;
pub use panel::{Focus, Panel};
pub use sparkline::Sparkline;
pub use steps::{Step, StepState, Steps};
pub use table::{Align, Column, Table, Width};

#[cfg(test)]
mod tests;
