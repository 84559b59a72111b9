//! The lease of a service: which engine may act on it, of those whose journals know nothing of each other.
//!
//! A lease lies in a store with conditional writes. Its holder renews it; whoever else wants it waits until it has lapsed.
//! Both go by clocks of their own, so each keeps [`MARGIN`] to its own side: the holder stops by its own clock that long
//! before the end, and another takes over that long after it.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::effect::Effect;
use super::percent::Percent;
use super::time::Timestamp;

/// For so long a lease is taken, and renewed.
pub const LENGTH: Duration = Duration::from_mins(5);

/// It is renewed this often: two renewals may fail before it lapses.
pub const RENEWAL: Duration = Duration::from_mins(2);

/// Two clocks may be apart by twice as much before two engines could both hold one lease.
pub const MARGIN: Duration = Duration::from_secs(30);

/// A lease as it lies in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The fencing number: greater with each engine that takes it, from 1 up.
    pub number: u64,
    /// Whose it is: the same for all engines of one journal, and for no other.
    pub owner: String,
    /// When it ends unless it is renewed; `None` once it was given back.
    pub until: Option<Timestamp>,
    /// Who holds it, for people.
    pub holder: Holder,
}

/// Who holds a lease.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// What it is for: `a release of api in production`.
    pub what: String,
    /// Operating-system user.
    pub name: String,
    /// Host.
    pub host: String,
    /// Since when.
    pub since: Timestamp,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, name, host, since } = self;
        write!(f, "{what}, by {name} on {host} since {}", clock_time(*since))
    }
}

impl fmt::Display for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, until, holder, .. } = self;
        match until {
            Some(until) => write!(f, "{holder}, until {} unless renewed (lease {number})", clock_time(*until)),
            None => write!(f, "{holder}, which has given it back (lease {number})"),
        }
    }
}

/// `Fri 12:04:31 UTC`.
fn clock_time(at: Timestamp) -> String {
    let moment = jiff::Timestamp::from_millisecond(at.millis());
    moment.map(|at| at.strftime("%a %H:%M:%S UTC").to_string()).unwrap_or_default()
}

/// What a lease in the store means to somebody who wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nobody has it: it was given back, or never taken.
    Free,
    /// An engine of the same journal had it. That it is gone is made sure of beside that journal.
    Own,
    /// Its holder has not renewed it for so long that it holds no more by any clock that is right.
    Lapsed,
    /// Somebody else has it.
    Held,
}

/// What `found` means to `owner` at `now`.
pub fn standing(found: Option<&Lease>, owner: &str, now: Timestamp) -> Standing {
    match found {
        None | Some(Lease { until: None, .. }) => Standing::Free,
        Some(lease) if lease.owner == owner => Standing::Own,
        Some(Lease { until: Some(until), .. }) if now >= *until + MARGIN => Standing::Lapsed,
        Some(_) => Standing::Held,
    }
}

impl Lease {
    /// Whether its holder may count on it at `now`, by its own clock.
    pub fn surely_holds(&self, now: Timestamp) -> bool {
        self.sure_until().is_some_and(|until| now < until)
    }

    /// Until when its holder may count on it.
    pub fn sure_until(&self) -> Option<Timestamp> {
        self.until.map(|until| until - MARGIN)
    }

    /// It as it is after being renewed at `now`.
    #[must_use]
    pub fn renewed(&self, now: Timestamp) -> Self {
        // Each write differs from the one before, so that a late one is told from it.
        let until = self.until.map_or(now + LENGTH, |until| (now + LENGTH).max(until + Duration::from_millis(1)));
        Self { until: Some(until), ..self.clone() }
    }

    /// It as it is once it was given back. What stays of it keeps the number from being given out again.
    #[must_use]
    pub fn given_back(&self) -> Self {
        Self { until: None, ..self.clone() }
    }

    /// Whether both are of one engine's holding.
    pub fn is_same_holding(&self, other: &Self) -> bool {
        (self.number, &self.owner) == (other.number, &other.owner)
    }
}

/// What an effect needs of the lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Nothing: it changes no service.
    Nothing,
    /// That nobody else is known to have it. The way back does not wait for the store.
    NobodyElse,
    /// That it surely holds.
    Sure,
}

/// What carrying out `effect` needs; `goes_back` says whether the release is on its way back.
pub fn need(effect: &Effect, goes_back: bool) -> Need {
    match effect {
        Effect::CheckGate { .. } | Effect::RunChecks { .. } | Effect::WarmUp { .. } | Effect::Notify(_) => {
            Need::Nothing
        }
        Effect::SetWeight { green, .. } if *green == Percent::ZERO => Need::NobodyElse,
        Effect::SetWeight { .. } => Need::Sure,
        Effect::StopTask { .. } => Need::NobodyElse,
        Effect::RunCommand { .. }
        | Effect::UndoCommand { .. }
        | Effect::RegisterTaskDefinition { .. }
        | Effect::Scale { .. } => {
            if goes_back {
                Need::NobodyElse
            } else {
                Need::Sure
            }
        }
    }
}

/// Whether an effect is given up when the lease lapses while it is under way. What was started is not torn off: a program
/// or a task on ECS goes on.
pub fn ends_with_lease(effect: &Effect) -> bool {
    matches!(effect, Effect::SetWeight { .. } | Effect::Scale { .. } | Effect::RegisterTaskDefinition { .. })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::components::ComponentIndex;
    use crate::domain::ids::Side;

    const NOW: Timestamp = Timestamp::from_secs(1_795_161_600);

    fn lease(until: Option<Timestamp>) -> Lease {
        let holder = Holder {
            what: "a release of api in production".to_owned(),
            name: "maria".to_owned(),
            host: "bastion".to_owned(),
            since: NOW,
        };
        Lease { number: 8, owner: "one".to_owned(), until, holder }
    }

    #[test]
    fn a_lease_is_free_ones_own_lapsed_or_held() {
        let held = lease(Some(NOW + LENGTH));
        assert_eq!(standing(None, "two", NOW), Standing::Free);
        assert_eq!(standing(Some(&lease(None)), "two", NOW), Standing::Free);
        assert_eq!(standing(Some(&held), "one", NOW), Standing::Own);
        assert_eq!(standing(Some(&held), "two", NOW + LENGTH), Standing::Held);
        assert_eq!(standing(Some(&held), "two", NOW + LENGTH + MARGIN - Duration::from_millis(1)), Standing::Held);
        assert_eq!(standing(Some(&held), "two", NOW + LENGTH + MARGIN), Standing::Lapsed);
    }

    #[test]
    fn there_is_no_moment_at_which_two_clocks_up_to_twice_the_margin_apart_give_it_to_both() {
        let held = lease(Some(NOW + LENGTH));
        for real in 0..900 {
            let real = NOW + Duration::from_secs(real);
            // The holder's clock is right, the other's is fast.
            let other = real + MARGIN * 2;
            let is_taken = standing(Some(&held), "two", other) == Standing::Lapsed;
            assert!(!(held.surely_holds(real) && is_taken), "{real:?}");
        }
        assert!(held.surely_holds(NOW) && !lease(None).surely_holds(NOW));
    }

    #[test]
    fn each_renewal_differs_from_what_was_there_also_when_the_clock_stands_or_goes_back() {
        let held = lease(Some(NOW + LENGTH));
        for now in [NOW - Duration::from_secs(5), NOW, NOW + Duration::from_secs(1)] {
            let renewed = held.renewed(now);
            assert!(renewed.until > held.until && renewed.is_same_holding(&held), "{renewed:?}");
        }
        assert_eq!(held.given_back().until, None);
    }

    #[test]
    fn only_what_goes_forward_needs_the_lease_for_sure() {
        let component = ComponentIndex::FIRST;
        let weight = |green| Effect::SetWeight { component, green: Percent::clamped(green) };
        let scale = |side, desired| Effect::Scale { component, side, desired, task_definition: None };
        assert_eq!([need(&weight(10), false), need(&weight(0), false)], [Need::Sure, Need::NobodyElse]);
        assert_eq!(need(&weight(0), true), Need::NobodyElse);
        assert_eq!(
            [need(&scale(Side::Blue, 0), false), need(&scale(Side::Blue, 6), true)],
            [Need::Sure, Need::NobodyElse]
        );
        assert_eq!(need(&Effect::CheckGate { stage: 0 }, false), Need::Nothing);
        let command = Effect::RunCommand { stage: 0, part: 0 };
        assert_eq!((need(&command, false), ends_with_lease(&command)), (Need::Sure, false));
    }

    #[test]
    fn a_refusal_names_who_has_it_since_when_and_until_when() {
        let text = lease(Some(NOW + LENGTH)).to_string();
        for part in ["a release of api in production", "maria", "bastion", "since", "until", "lease 8"] {
            assert!(text.contains(part), "{text}");
        }
    }
}
