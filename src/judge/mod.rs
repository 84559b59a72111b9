//! Turns what was measured into verdicts. Pure: it is given samples and the time, and never looks anything up.
//!
//! A [`Judge`] is fed what was measured and asked for verdicts as often as one likes. [`threshold::Threshold`] holds
//! green against fixed limits. A [`detector::Detector`] holds it against blue: it is fed [`tick::Tick`]s of requests, which
//! [`intake::Intake`] makes of single ones, and says with a stated certainty whether green is worse.

pub mod band;
pub mod beside;
pub mod bet;
pub mod detector;
pub mod dispersion;
pub mod harm;
pub mod histogram;
pub mod hypergeometric;
pub mod intake;
pub mod judgement;
pub mod live;
pub mod margin;
pub mod minutes;
pub mod onset;
pub mod outlook;
pub mod permutation;
pub mod reference;
pub mod row;
pub mod safe;
pub mod saturation;
pub mod settings;
pub mod silence;
pub mod threshold;
pub mod tick;
pub mod traffic;
pub mod votes;

use std::time::Duration;

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
    /// Length of their periods.
    pub period: Duration,
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

    /// Takes the requests of a couple of seconds, as the log tells of them: each tick once, in order. A judge that rules by
    /// metrics alone has no use for them.
    fn take(&mut self, _tick: &tick::Tick) {}

    /// Green's weight is `share`, a part of one, since `at`.
    fn weigh(&mut self, _share: f64, _at: Timestamp) {}

    /// Whether requests are of use to it now: those that are not need not be kept either.
    fn wants_requests(&self) -> bool {
        false
    }

    /// Whether the requests it took have changed what it would rule, since it last ruled.
    fn has_news(&self) -> bool {
        false
    }

    /// What it makes of the requests it took, for people to look at.
    fn picture(&self) -> Option<live::Picture> {
        None
    }
}
