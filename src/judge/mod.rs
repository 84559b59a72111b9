//! Turns signal samples into verdicts. Pure: it is given points and the time, and never looks anything up.
//!
//! A [`Judge`] is fed what was measured and asked for verdicts as often as one likes. [`threshold::Threshold`] holds
//! green against fixed limits.

pub mod threshold;

use crate::domain::ids::SignalName;
use crate::domain::signal::{Point, Verdict};
use crate::domain::time::Timestamp;

/// What was measured of one signal: all points still of interest, oldest first.
#[derive(Clone, Copy, Debug)]
pub struct Measured<'a> {
    /// Which signal.
    pub signal: &'a SignalName,
    /// Blue's points.
    pub blue: &'a [Point],
    /// Green's points.
    pub green: &'a [Point],
    /// The newest measurement failed: what is held is only what was known before.
    pub failed: Option<&'a str>,
}

/// The circumstances of a judgement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Circumstances {
    /// Now.
    pub now: Timestamp,
    /// Since when green has taken traffic; `None` before.
    pub green_since: Option<Timestamp>,
    /// Since when it has taken its present share.
    pub step_since: Option<Timestamp>,
}

/// Rules on signals.
pub trait Judge: Send {
    /// Verdicts on everything measured, one for each signal known, in the plan's order.
    fn judge(&mut self, measured: &[Measured<'_>], circumstances: Circumstances) -> Vec<Verdict>;
}
