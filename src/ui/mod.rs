//! Pure pictures: what the model and the snapshot look like. Nothing here reads a clock, a file or the terminal.

pub mod theme;
pub mod widgets;
