//! Facts for the channels' own tests.

use crate::domain::command::Actor;
use crate::domain::ids::Version;
use crate::domain::notice::{Facts, OtherFacts, Transition};
use crate::domain::percent::Percent;
use crate::domain::time::Timestamp;

/// A release of two components, half-way.
pub(crate) fn of_two() -> Facts {
    let version = |text: &str| Version(text.to_owned());
    let web = OtherFacts {
        component: "web".into(),
        from: version("7"),
        to: version("8"),
        set: Percent::clamped(50),
        observed: None,
    };
    let actor = Actor::new("maria", "bastion");
    let facts = Facts::test("production".into(), "api".into(), actor, Timestamp::from_secs(1_795_161_600));
    Facts {
        transition: Transition::Waiting,
        from: version("1"),
        to: version("2"),
        set: Percent::clamped(10),
        observed: Some(Percent::clamped(10)),
        others: vec![web],
        ..facts
    }
}
