//! Proof that comes in two spells: what one host does in a bad moment, it does not do again soon after.

/// How far apart they must be, in seconds.
const APART: f64 = 15.0;

/// When the evidence last became suspicious, and when it last grew.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Spells {
    suspicious: Option<f64>,
    grew: f64,
    evidence: f64,
}

impl Spells {
    pub(super) fn take(&mut self, evidence: f64, elapsed: f64, suspicious: f64) {
        if evidence < suspicious {
            self.suspicious = None;
        } else if self.suspicious.is_none() {
            self.suspicious = Some(elapsed);
        }
        if evidence > self.evidence * std::f64::consts::E {
            self.grew = elapsed;
        }
        self.evidence = evidence;
    }

    /// Whether it grew again well after it had become suspicious.
    pub(super) fn are_two(&self, elapsed: f64, evidence: f64) -> bool {
        let grew = if evidence > self.evidence * std::f64::consts::E { elapsed } else { self.grew };
        self.suspicious.is_some_and(|since| grew >= since + APART)
    }
}
