//! What the detector says, for people and for records.

use serde::{Deserialize, Serialize};

use super::band::Band;
use crate::domain::ids::TaskId;
use crate::domain::time::Timestamp;

/// By what green shows that it is worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Symptom {
    /// More requests fail.
    Errors,
    /// Requests take longer.
    Latency,
    /// More requests are very slow.
    Tail,
    /// Fewer requests are answered than the weight says.
    Traffic,
    /// Tasks die.
    Deaths,
}

impl Symptom {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Errors, Self::Latency, Self::Tail, Self::Traffic, Self::Deaths];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Errors => "errors",
            Self::Latency => "latency",
            Self::Tail => "slow requests",
            Self::Traffic => "traffic",
            Self::Deaths => "deaths of tasks",
        }
    }
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "verdict")]
pub enum Recommendation {
    /// Go on watching.
    Continue,
    /// Green is worse, and not one task of it alone.
    RollBack,
    /// Go no further.
    Hold {
        /// Why.
        because: Doubt,
    },
    /// Green is proved to be within what is tolerated.
    Promote,
    /// The bake is over and shows neither.
    NotEnoughData,
}

impl Recommendation {
    /// The word for it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Continue => "continue",
            Self::RollBack => "roll-back",
            Self::Hold { .. } => "hold",
            Self::Promote => "promote",
            Self::NotEnoughData => "not-enough-data",
        }
    }
}

/// Why a release should go no further.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "doubt")]
pub enum Doubt {
    /// Something speaks against green, and not enough.
    Suspicious,
    /// It is proved that green is worse; without this task it is not. Replace the task, not the version.
    OneTask {
        /// The task.
        task: TaskId,
    },
    /// It is proved that green is worse, in one short spell: with so few tasks it may be a host's.
    OneSpell,
    /// It is proved that green is worse, by a source that cannot tell a host from a version.
    SourceKnowsNoTasks,
}

/// The evidence of one symptom.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Which.
    pub symptom: Symptom,
    /// Its evidence: 1 is none.
    pub evidence: f64,
    /// The likeliest explanation, in words.
    pub hypothesis: String,
}

/// What is left of the evidence without one task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WithoutTask {
    /// The task; with very many of them several share an entry.
    pub task: TaskId,
    /// The evidence without it.
    pub evidence: f64,
}

/// Users that green has cost something so far, beyond chance.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Harmed {
    /// Requests that failed and would not have on blue.
    pub failed: f64,
    /// Requests that were slower than they would have been on blue.
    pub slowed: f64,
    /// Requests of green's, a minute, that would be harmed like that if it had all traffic.
    pub a_minute_at_full: f64,
}

/// Proof that green is within what is tolerated, as natural logarithms.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Safety {
    /// Of errors.
    pub errors: f64,
    /// Of latency.
    pub latency: f64,
    /// What is needed of each.
    pub needed: f64,
}

/// When a verdict is to be expected at the present traffic, in seconds from now; `None` if not in sight.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ahead {
    /// Proof that green is worse, if it goes on like this.
    pub roll_back: Option<f64>,
    /// Proof that it is safe.
    pub promote: Option<f64>,
}

/// The smallest regression that the bake would have shown by its end, or by now if it has none.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Detectable {
    /// Excess of errors as a part of one; `None` if none would have been.
    pub excess: Option<f64>,
    /// Factor of latency; `None` if none would have been.
    pub factor: Option<f64>,
}

/// Everything there is to say at a moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// When.
    pub at: Timestamp,
    /// Seconds since green got traffic.
    pub elapsed: f64,
    /// What to do.
    #[serde(flatten)]
    pub recommendation: Recommendation,
    /// Since when that is so.
    pub since: Timestamp,
    /// Why, in words.
    pub reason: String,
    /// The evidence that green is worse: 1 is none. If the versions are alike it ever reaches [`Self::needed`] with a
    /// probability of at most its reciprocal.
    pub evidence: f64,
    /// What is proof.
    pub needed: f64,
    /// The evidence of each symptom, the strongest first.
    pub findings: Vec<Finding>,
    /// What is left without each of green's tasks, the least first.
    pub without: Vec<WithoutTask>,
    /// Green's odds of failing, as a multiple of blue's, 95 % at all moments at once.
    pub odds: Option<Band>,
    /// Green's excess of errors as a part of one, from that.
    pub excess: Option<Band>,
    /// Green's latency as a multiple of blue's, 95 % at all moments at once.
    pub factor: Option<Band>,
    /// Requests of green's and of blue's since green got traffic.
    pub requests: (u64, u64),
    /// Whom green has harmed.
    pub harmed: Harmed,
    /// How near green is to being proved safe.
    pub safety: Safety,
    /// When to expect a verdict.
    pub ahead: Ahead,
    /// What could be told at all.
    pub detectable: Detectable,
    /// The factor of latency that is allowed now, with the cold start.
    pub allowed_factor: f64,
    /// How many errors make one witness.
    pub dispersion: f64,
}
