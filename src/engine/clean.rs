//! What comes from outside, made fit to be kept, shown and sent: secrets masked, control characters made visible.
//!
//! The core passes through here whatever it is told, before the machine, the journal or a face sees it. Nothing behind
//! it masks anything any more. Only what never reaches the core is cleaned elsewhere: log lines where they are read.

use crate::cloud::{Alarm, Identity};
use crate::domain::alarm::{Quiet, Rule, Setup};
use crate::domain::capacity::{Capacities, Capacity};
use crate::domain::command::{Actor, Command, Order};
use crate::domain::effect::{CheckResult, Failure, Outcome};
use crate::domain::event::{Event, FiringAlarm};
use crate::domain::formula::Formula;
use crate::domain::redact::Redactor;
use crate::domain::signal::Verdict;
use crate::domain::triage::Triage;

/// Longest text of an error that is kept, in characters. Cut after masking: half a secret is not recognised.
const LONGEST: usize = 600;

/// Cleans what the core is told.
#[derive(Clone, Debug)]
pub(super) struct Cleaner(Redactor);

impl Cleaner {
    pub(super) fn new(redactor: Redactor) -> Self {
        Self(redactor)
    }

    /// One text.
    pub(super) fn text(&self, text: &str) -> String {
        let clean = self.0.clean(text);
        match clean.char_indices().nth(LONGEST) {
            Some((end, _)) => format!("{}…", clean.get(..end).unwrap_or_default()),
            None => clean,
        }
    }

    fn edit(&self, text: &mut String) {
        *text = self.text(text);
    }

    /// Everything in an event that somebody else wrote.
    pub(super) fn event(&self, mut event: Event) -> Event {
        match &mut event {
            Event::Requested { by } | Event::Superseded { by } | Event::Recovered { by } => self.actor(by),
            Event::Ordered(order) => self.order(order),
            Event::EffectEnded { outcome, .. } => self.outcome(outcome),
            Event::CapacityObserved { capacities, .. } => self.capacities(capacities),
            Event::AlarmsObserved { firing, .. } => self.firing(firing),
            Event::AlarmsLost { why, firing, .. } => {
                self.edit(why);
                self.firing(firing);
            }
            Event::Judged { verdicts, .. } => self.verdicts(verdicts),
            Event::TaskStarted { task, .. } => self.edit(task),
            Event::WeightObserved { .. } | Event::CredentialsEnding { .. } | Event::Ticked => {}
        }
        event
    }

    /// What is wrong and what was changed, as AWS and whoever changed it told of it.
    pub(super) fn triage(&self, mut triage: Triage) -> Triage {
        let texts = triage.wrong.iter_mut().chain(&mut triage.unread);
        texts.chain(triage.changes.iter_mut().map(|change| &mut change.text)).for_each(|text| self.edit(text));
        triage
    }

    fn actor(&self, actor: &mut Actor) {
        self.edit(&mut actor.name);
        self.edit(&mut actor.host);
        if let Some(arn) = &mut actor.arn {
            self.edit(arn);
        }
    }

    fn order(&self, order: &mut Order) {
        self.actor(&mut order.by);
        match &mut order.command {
            Command::Rollback { reason: Some(text) }
            | Command::Abort { reason: Some(text) }
            | Command::Skip { reason: text }
            | Command::Acknowledge { note: text, .. }
            | Command::Approve { phrase: text } => self.edit(text),
            Command::Promote
            | Command::PromoteFull
            | Command::Pause
            | Command::Resume
            | Command::Rollback { reason: None }
            | Command::Abort { reason: None }
            | Command::Retry => {}
        }
    }

    fn outcome(&self, outcome: &mut Outcome) {
        match outcome {
            Outcome::Checked(results) | Outcome::NotYet { results, .. } => {
                self.results(results);
            }
            Outcome::Exited { tail, .. } | Outcome::Built { tail, image: _ } => self.lines(tail),
            Outcome::Measured { tail, checks, .. } => {
                self.lines(tail);
                self.results(checks);
            }
            Outcome::Misreported { tail, why } => {
                self.lines(tail);
                self.edit(why);
            }
            Outcome::NeverRan { why } => self.edit(why),
            Outcome::Failed(failure) => self.failure(failure),
            Outcome::Registered(_) | Outcome::Done => {}
        }
    }

    fn lines(&self, lines: &mut [String]) {
        for line in lines {
            self.edit(line);
        }
    }

    fn results(&self, results: &mut [CheckResult]) {
        for CheckResult { name, aspect, wanted, detail, passed: _, took: _ } in results {
            for text in [name, aspect, wanted, detail] {
                self.edit(text);
            }
        }
    }

    fn failure(&self, failure: &mut Failure) {
        self.edit(&mut failure.message);
    }

    fn capacities(&self, both: &mut Capacities) {
        for Capacity { trouble, unread, .. } in [&mut both.blue, &mut both.green] {
            if let Some(trouble) = trouble {
                self.edit(trouble);
            }
            if let Some(unread) = unread {
                self.failure(unread);
            }
        }
    }

    fn firing(&self, firing: &mut [FiringAlarm]) {
        for alarm in firing {
            self.edit(&mut alarm.reason);
        }
    }

    fn verdicts(&self, verdicts: &mut [Verdict]) {
        for verdict in verdicts {
            self.edit(&mut verdict.reason);
        }
    }

    /// The alarms as faces are shown them.
    pub(super) fn alarms(&self, mut alarms: Vec<Alarm>) -> Vec<Alarm> {
        for alarm in &mut alarms {
            self.edit(&mut alarm.reason);
            self.setup(&mut alarm.setup);
        }
        alarms
    }

    fn setup(&self, setup: &mut Setup) {
        if let Some(description) = &mut setup.description {
            self.edit(description);
        }
        if let Some(Quiet::Suppressed { why, .. } | Quiet::Muted { rule: why }) = &mut setup.quiet {
            self.edit(why);
        }
        match &mut setup.rule {
            Rule::Composite { formula, .. } => self.edit(formula),
            Rule::Metric(condition) => {
                if let Formula::Math(parts) = &mut condition.of {
                    parts.iter_mut().filter_map(|part| part.label.as_mut()).for_each(|label| self.edit(label));
                }
            }
            Rule::Unknown => {}
        }
    }

    /// Who the engine acts as.
    pub(super) fn identity(&self, mut identity: Identity) -> Identity {
        self.edit(&mut identity.account);
        self.edit(&mut identity.arn);
        identity
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;
    use crate::domain::triage::{Change, ChangeKind};

    #[test]
    fn no_secret_is_kept_in_a_reason() {
        let cleaner = Cleaner::new(Redactor::new(["hunter2hunter2".to_owned()]));
        let reason = "hunter2hunter2 was \u{1b}[2J leaked".to_owned();
        for command in [
            Command::Rollback { reason: Some(reason.clone()) },
            Command::Abort { reason: Some(reason.clone()) },
            Command::Skip { reason },
        ] {
            let by = Actor { arn: Some("hunter2hunter2".to_owned()), ..Actor::new("maria", "bastion") };
            let mut order = Order { command, stage: None, by, seen: None };
            cleaner.order(&mut order);
            assert_eq!(order.command.reason(), Some("•••• was ␛[2J leaked"));
            assert_eq!(order.by.arn.as_deref(), Some("••••"));
        }
    }

    #[test]
    fn what_aws_tells_of_trouble_is_harmless() {
        let cleaner = Cleaner::new(Redactor::new(["hunter2hunter2".to_owned()]));
        let (at, hostile) = (Timestamp::from_secs(1), "hunter2hunter2 \u{1b}[2J\u{202e}".to_owned());
        let change = Change { at, kind: ChangeKind::Scaling, text: hostile.clone() };
        let looked = Triage::of(at, vec![(None, hostile.clone())], vec![change], None, vec![hostile]);
        let shown = cleaner.triage(looked);
        for text in [&shown.wrong[0], &shown.unread[0], &shown.changes[0].text] {
            assert!(text.starts_with("•••• ␛[2J") && !text.contains('\u{202e}'), "{text:?}");
        }
    }
}
