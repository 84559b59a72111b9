//! The audit trail: every action on a release, read from its records. Who, from where, when, on what evidence, why, and
//! what the answer was.

use serde::Serialize;

use super::{Entry, Numbered, Summary, tell};
use crate::domain::command::{Actor, Order, Refusal};
use crate::domain::event::Event;
use crate::domain::evidence::Evidence;
use crate::domain::facts;
use crate::domain::ids::{ComponentName, EnvironmentName, ReleaseId, Revision, StageName};
use crate::domain::observed::Seen;
use crate::domain::release::Release;
use crate::domain::time::Timestamp;

/// Who acts when the release decides by itself.
pub const ITSELF: &str = "cutover";

/// One action.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Act {
    /// Number of its record in the journal.
    pub record: u64,
    /// The release.
    pub release: ReleaseId,
    /// Where.
    pub environment: EnvironmentName,
    /// What, in the plan's order.
    pub components: Vec<ComponentName>,
    /// The stage that it was meant for, if somebody said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<StageName>,
    /// When, in milliseconds since 1970.
    pub at: Timestamp,
    /// Who, from where; [`ITSELF`] without a host when the release decided by itself.
    pub who: Actor,
    /// What they did: `begin`, `take-over`, `supersede`, or the word of a command.
    pub action: String,
    /// Why, if somebody said so.
    pub reason: Option<String>,
    /// The revision that they saw, if they looked.
    pub seen: Option<Revision>,
    /// What came of it.
    pub answer: Answer,
    /// What was known at that moment; `None` in journals of versions that did not keep it.
    pub evidence: Option<Evidence>,
}

/// What came of an action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "outcome")]
pub enum Answer {
    /// It was taken.
    Accepted {
        /// The revision that it made.
        revision: Revision,
    },
    /// It was not.
    Refused {
        /// Why not.
        why: String,
    },
    /// The release decided so itself.
    Decided,
}

impl Act {
    /// What it was done to, in a few words: `api`, or `api, web`.
    pub fn components_named(&self) -> String {
        let names: Vec<&str> = self.components.iter().map(ComponentName::as_str).collect();
        names.join(", ")
    }

    /// What was done, and to which stage if somebody said so: `skip`, or `skip smoke`.
    pub fn action_named(&self) -> String {
        let stage = self.stage.as_ref().map(|stage| format!(" {stage}")).unwrap_or_default();
        format!("{}{stage}", self.action)
    }
}

impl Answer {
    /// In words.
    pub fn text(&self) -> String {
        match self {
            Self::Accepted { revision } => format!("accepted, revision {revision}"),
            Self::Refused { why } => format!("refused: {why}"),
            Self::Decided => "decided by the release itself".to_owned(),
        }
    }
}

/// Every action on a release, oldest first.
pub fn acts(summary: &Summary, records: &[Numbered]) -> Vec<Act> {
    let mut clerk = Clerk { summary, acts: Vec::new(), is_open: false };
    let mut release = Release::planned(summary.id, summary.plan.clone());
    for Numbered { number, record } in records {
        let (was_held, was_back) = (release.hold.is_some(), facts::way_back(&release).is_some());
        tell(&mut release, record);
        match &record.entry {
            Entry::Event(Event::Requested { by }) => clerk.took(*number, record.at, by, "begin", &release),
            Entry::Event(Event::Recovered { by }) => clerk.took(*number, record.at, by, "take-over", &release),
            Entry::Event(Event::Superseded { by }) => clerk.took(*number, record.at, by, "supersede", &release),
            Entry::Event(Event::Ordered(order)) => clerk.ordered(*number, record.at, order, release.revision),
            Entry::Refused { order, why } => clerk.refused(*number, record.at, order, why),
            Entry::Seen(Seen::Evidence(evidence)) => clerk.knew(evidence),
            Entry::Event(_)
            | Entry::Intent(_)
            | Entry::Accepted { .. }
            | Entry::Started { .. }
            | Entry::Seen(_)
            | Entry::Writer(_) => {}
        }
        if let Some(back) = facts::way_back(&release).filter(|back| !was_back && back.by.is_none()) {
            clerk.decided(*number, record.at, "rollback", back.cause.clone());
        } else if let Some(hold) = release.hold.as_ref().filter(|hold| !was_held && hold.by.is_none()) {
            clerk.decided(*number, record.at, "pause", hold.why.clone());
        }
    }
    clerk.acts
}

/// Writes the trail down.
struct Clerk<'a> {
    summary: &'a Summary,
    acts: Vec<Act>,
    /// The newest act may still be followed by its evidence.
    is_open: bool,
}

impl Clerk<'_> {
    fn add(&mut self, record: u64, at: Timestamp, who: Actor, action: &str, answer: Answer) -> &mut Self {
        let Summary { id, plan, .. } = self.summary;
        self.acts.push(Act {
            record,
            release: *id,
            environment: plan.environment.clone(),
            components: plan.components.iter().map(|(_, component)| component.name.clone()).collect(),
            stage: None,
            at,
            who,
            action: action.to_owned(),
            reason: None,
            seen: None,
            answer,
            evidence: None,
        });
        self.is_open = true;
        self
    }

    fn newest(&mut self, edit: impl FnOnce(&mut Act)) {
        if let Some(act) = self.acts.last_mut() {
            edit(act);
        }
    }

    fn took(&mut self, record: u64, at: Timestamp, by: &Actor, action: &str, release: &Release) {
        self.add(record, at, by.clone(), action, Answer::Accepted { revision: release.revision });
    }

    fn ordered(&mut self, record: u64, at: Timestamp, order: &Order, revision: Revision) {
        self.add(record, at, order.by.clone(), order.command.kind().word(), Answer::Accepted { revision });
        self.said(order);
    }

    fn refused(&mut self, record: u64, at: Timestamp, order: &Order, why: &Refusal) {
        let answer = Answer::Refused { why: why.to_string() };
        self.add(record, at, order.by.clone(), order.command.kind().word(), answer);
        self.said(order);
    }

    fn said(&mut self, order: &Order) {
        self.newest(|act| {
            act.reason = order.command.reason().map(str::to_owned);
            act.seen = order.seen;
            act.stage = order.stage.clone();
        });
    }

    fn decided(&mut self, record: u64, at: Timestamp, action: &str, cause: String) {
        self.add(record, at, Actor::new(ITSELF, ""), action, Answer::Decided);
        self.newest(|act| act.reason = Some(cause));
    }

    /// The evidence of an action is kept with it, in the same transaction and after it.
    fn knew(&mut self, evidence: &Evidence) {
        if std::mem::take(&mut self.is_open) {
            self.newest(|act| act.evidence = Some(evidence.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::fixture;
    use crate::domain::command::Command;
    use crate::journal::Record;

    #[test]
    fn every_action_is_there_with_who_why_and_what_came_of_it() {
        let plan = fixture::plan();
        let release = Release::planned(ReleaseId(3), plan.clone());
        let maria = Actor { arn: Some("arn:aws:iam::1:user/maria".to_owned()), ..Actor::new("maria", "bastion") };
        let order = |command| Order { command, stage: None, by: maria.clone(), seen: Some(Revision(1)) };
        let known = Evidence::of(&release, Some("arn:aws:sts::1:assumed-role/release/x"));
        let refusal = Refusal::NotNow { why: "not paused".to_owned() };
        let entries = [
            Entry::Event(Event::Requested { by: maria.clone() }),
            Entry::Refused { order: order(Command::Resume), why: refusal },
            Entry::Seen(Seen::Evidence(known.clone())),
            Entry::Event(Event::Ordered(order(Command::Rollback { reason: Some("checkout fails".to_owned()) }))),
            Entry::Accepted { revision: Revision(2) },
            Entry::Seen(Seen::Evidence(known.clone())),
        ];
        let records: Vec<Numbered> = entries
            .into_iter()
            .zip(10_u64..)
            .map(|(entry, number)| Numbered { number, record: Record { at: Timestamp::from_secs(5), entry } })
            .collect();
        let summary = Summary {
            id: ReleaseId(3),
            plan,
            created: Timestamp::from_secs(5),
            by: maria.clone(),
            status: "aborted".to_owned(),
            ended: true,
            touched: Timestamp::from_secs(5),
        };
        let acts = acts(&summary, &records);
        let told: Vec<(u64, &str, Option<&str>, bool)> = acts
            .iter()
            .map(|act| (act.record, act.action.as_str(), act.reason.as_deref(), act.evidence.is_some()))
            .collect();
        let wanted =
            [(10, "begin", None, false), (11, "resume", None, true), (13, "rollback", Some("checkout fails"), true)];
        assert_eq!(told, wanted);
        assert_eq!(acts[1].answer, Answer::Refused { why: "not paused".to_owned() });
        assert!(matches!(acts[2].answer, Answer::Accepted { revision } if revision > Revision(1)), "{:?}", acts[2]);
        assert!(acts.iter().all(|act| act.who == maria && act.release == ReleaseId(3)));
        assert_eq!(acts[2].seen, Some(Revision(1)));
    }
}
