//! What was changed before something went wrong: releases, deployments, scaling and alarms, on one line of time.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ids::{AlarmName, ReleaseId, Revision, TaskDefinitionArn};
use super::release::{Moment, Tone};
use super::time::{Elapsed, Timestamp};

/// How long before an alarm fired a change may have been made to be suspected first. What takes longer to show is listed all
/// the same.
const SUSPECT: Duration = Duration::from_hours(1);

/// Something that was changed, or changed by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// When.
    pub at: Timestamp,
    /// What kind of change.
    pub kind: ChangeKind,
    /// What happened, in a line.
    pub text: String,
}

/// What kind of change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// A release of cutover's.
    Release(ReleaseId),
    /// A deployment, whoever began it, of this task definition.
    Deployment(TaskDefinitionArn),
    /// The number of tasks.
    Scaling,
    /// An alarm began to fire.
    Fired(AlarmName),
    /// An alarm came into another state.
    Alarm(AlarmName),
}

impl ChangeKind {
    /// The word for it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Release(_) => "release",
            Self::Deployment(_) => "deployment",
            Self::Scaling => "scaling",
            Self::Fired(_) | Self::Alarm(_) => "alarm",
        }
    }

    /// Whether somebody made it, so that it may be the cause of what came after it.
    fn is_made(&self) -> bool {
        match self {
            Self::Release(_) | Self::Deployment(_) | Self::Scaling => true,
            Self::Fired(_) | Self::Alarm(_) => false,
        }
    }

    /// Whether going back to an earlier release would undo it.
    fn is_undone_by_going_back(&self) -> bool {
        matches!(self, Self::Release(_) | Self::Deployment(_))
    }
}

/// What is wrong with a component, and what was changed before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Triage {
    /// When it was looked at.
    pub at: Timestamp,
    /// What is wrong now, in lines; empty when nothing is.
    pub wrong: Vec<String>,
    /// Since when the oldest of that is so, where that is known.
    pub since: Option<Timestamp>,
    /// What changed, oldest first.
    pub changes: Vec<Change>,
    /// The change that is suspected first: an index into these.
    pub suspect: Option<usize>,
    /// The release that can be gone back to, which would undo it.
    pub back_to: Option<ReleaseId>,
    /// What could not be read, and why.
    pub unread: Vec<String>,
}

impl Triage {
    /// Puts what was read in order and finds what is suspected. `wrong` has since when each is so, where that is known;
    /// `earlier` is the newest release that something else has replaced.
    pub fn of(
        at: Timestamp,
        wrong: Vec<(Option<Timestamp>, String)>,
        mut changes: Vec<Change>,
        earlier: Option<ReleaseId>,
        unread: Vec<String>,
    ) -> Self {
        changes.sort_by_key(|change| change.at);
        let since = wrong.iter().filter_map(|(since, _)| *since).min();
        let is_before = |change: &Change| since.is_some_and(|since| change.at <= since && since - SUSPECT <= change.at);
        let suspects =
            || changes.iter().enumerate().rev().filter(|(_, change)| is_before(change) && change.kind.is_made());
        // A new version breaks more often than another number of tasks, which load may have brought about.
        let version = suspects().find(|(_, change)| change.kind.is_undone_by_going_back());
        let suspect = version.or_else(|| suspects().next()).map(|(index, _)| index);
        let undoes =
            suspect.and_then(|index| changes.get(index)).is_some_and(|change| change.kind.is_undone_by_going_back());
        let back_to = earlier.filter(|_| undoes);
        let wrong = wrong.into_iter().map(|(_, text)| text).collect();
        Self { at, wrong, since, changes, suspect, back_to, unread }
    }

    /// In a line: what is wrong, and what is suspected.
    pub fn headline(&self) -> String {
        let wrong = match self.wrong.as_slice() {
            [] => "nothing is wrong that can be seen".to_owned(),
            [only] => only.clone(),
            [first, rest @ ..] => format!("{first}, and {} more", rest.len()),
        };
        let suspect = self.suspect.and_then(|index| self.changes.get(index)).zip(self.since);
        let suspect =
            suspect.map(|(change, since)| format!("; {} before it: {}", Elapsed(since.since(change.at)), change.text));
        format!("{wrong}{}", suspect.unwrap_or_default())
    }

    /// The changes as lines of a timeline.
    pub fn moments(&self) -> Vec<Moment> {
        let moment = |(index, change): (usize, &Change)| {
            let is_suspect = self.suspect == Some(index);
            let tone = match change.kind {
                ChangeKind::Fired(_) => Tone::Bad,
                _ if is_suspect => Tone::Warning,
                _ => Tone::Plain,
            };
            let mark = if is_suspect { "suspect: " } else { "" };
            Moment {
                number: index as u64 + 1,
                at: change.at,
                revision: Revision::default(),
                tone,
                text: format!("{mark}{}", change.text),
                by: None,
            }
        };
        self.changes.iter().enumerate().map(moment).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: u64) -> Timestamp {
        Timestamp::from_secs(1_795_161_600) + Duration::from_mins(minute)
    }

    fn change(minute: u64, kind: ChangeKind) -> Change {
        let text = format!("{} at {minute}", kind.word());
        Change { at: at(minute), kind, text }
    }

    fn deployed() -> ChangeKind {
        ChangeKind::Deployment(TaskDefinitionArn::from("api:43"))
    }

    fn fired(minute: u64) -> Vec<(Option<Timestamp>, String)> {
        vec![(Some(at(minute)), "alarm api-5xx fires".to_owned())]
    }

    #[test]
    fn what_was_deployed_last_before_an_alarm_is_suspected_and_going_back_offered() {
        let changes = vec![
            change(50, ChangeKind::Scaling),
            change(70, deployed()),
            change(40, deployed()),
            change(20, ChangeKind::Release(ReleaseId(7))),
        ];
        let triage = Triage::of(at(90), fired(60), changes, Some(ReleaseId(6)), Vec::new());
        let suspect = triage.suspect.map(|index| triage.changes[index].text.clone());
        assert_eq!(
            suspect.as_deref(),
            Some("deployment at 40"),
            "not the scaling after it, nor what came after the alarm"
        );
        assert_eq!(triage.back_to, Some(ReleaseId(6)));
        assert_eq!(triage.headline(), "alarm api-5xx fires; 20:00 before it: deployment at 40");
    }

    #[test]
    fn scaling_is_suspected_where_nothing_else_was_changed_and_is_not_undone_by_going_back() {
        let changes = vec![change(50, ChangeKind::Scaling)];
        let triage = Triage::of(at(90), fired(60), changes, Some(ReleaseId(6)), Vec::new());
        assert_eq!((triage.suspect, triage.back_to), (Some(0), None));
    }

    #[test]
    fn what_is_long_ago_is_listed_and_not_suspected() {
        let triage = Triage::of(at(300), fired(200), vec![change(20, deployed())], Some(ReleaseId(6)), Vec::new());
        assert_eq!((triage.changes.len(), triage.suspect, triage.back_to), (1, None, None));
        let calm = Triage::of(at(30), Vec::new(), vec![change(20, deployed())], Some(ReleaseId(6)), Vec::new());
        assert_eq!((calm.suspect, calm.headline().as_str()), (None, "nothing is wrong that can be seen"));
    }
}
