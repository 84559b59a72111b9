//! An item of the launch checklist: what was looked at, what was seen, and what to do about it.

use std::fmt;

use serde::Serialize;

use crate::cloud::{CloudError, ErrorKind};

/// How an item stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Mark {
    /// It is as it must be.
    Fine,
    /// It is not.
    Wrong,
    /// Nobody can say: it is not configured, cannot be read, or only people know.
    Unknown,
}

impl Mark {
    /// Its sign, or the one that ASCII has.
    pub(super) fn sign(self, ascii: bool) -> &'static str {
        match (self, ascii) {
            (Self::Fine, false) => "✔",
            (Self::Wrong, false) => "✖",
            (Self::Fine, true) => "+",
            (Self::Wrong, true) => "x",
            (Self::Unknown, _) => "?",
        }
    }
}

/// One item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Item {
    /// What is looked at.
    pub(super) name: String,
    /// How it stands.
    pub(super) mark: Mark,
    /// What was seen.
    pub(super) seen: String,
    /// What to do: a command to type, a key to set, a place to look. `None` when nothing is to be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) remedy: Option<String>,
}

impl Item {
    /// It is as it must be.
    pub(super) fn fine(name: impl Into<String>, seen: impl Into<String>) -> Self {
        Self { name: name.into(), mark: Mark::Fine, seen: seen.into(), remedy: None }
    }

    /// It is not.
    pub(super) fn wrong(name: impl Into<String>, seen: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { name: name.into(), mark: Mark::Wrong, seen: seen.into(), remedy: Some(remedy.into()) }
    }

    /// Nobody can say.
    pub(super) fn unknown(name: impl Into<String>, seen: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { name: name.into(), mark: Mark::Unknown, seen: seen.into(), remedy: Some(remedy.into()) }
    }

    /// Right or wrong, by whether it holds.
    pub(super) fn held(
        name: impl Into<String>,
        holds: bool,
        seen: impl Into<String>,
        remedy: impl FnOnce() -> String,
    ) -> Self {
        if holds { Self::fine(name, seen) } else { Self::wrong(name, seen, remedy()) }
    }

    /// The configuration names none of it.
    pub(super) fn unconfigured(name: impl Into<String>, key: impl fmt::Display) -> Self {
        Self::unknown(name, "not configured", format!("configure {key}"))
    }

    /// It could not be read. What may not be read is wrong: cutover needs it.
    pub(super) fn unread(name: impl Into<String>, error: &CloudError) -> Self {
        let (operation, seen) = (error.operation, error.to_string());
        match error.kind {
            ErrorKind::Denied => {
                Self::wrong(name, seen, format!("allow `{operation}` to the identity that cutover uses"))
            }
            ErrorKind::NotFound => Self::wrong(name, seen, "correct its name in the configuration, or create it"),
            ErrorKind::Expired => Self::wrong(name, seen, "log in again: `aws sso login`, or new keys"),
            _ => Self::unknown(name, seen, "run it again"),
        }
    }
}

/// Items that belong together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Group {
    /// What they are about.
    pub(super) title: String,
    /// The items, in the order in which they are looked at.
    pub(super) items: Vec<Item>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_not_be_read_is_wrong_and_what_fails_for_the_moment_is_not_known() {
        let mark = |kind| {
            let error = CloudError { kind, operation: "ecs:DescribeServices", message: "no".to_owned() };
            Item::unread("it", &error)
        };
        let denied = mark(ErrorKind::Denied);
        assert_eq!(denied.mark, Mark::Wrong);
        assert_eq!(denied.remedy.as_deref(), Some("allow `ecs:DescribeServices` to the identity that cutover uses"));
        assert_eq!(mark(ErrorKind::Throttled).mark, Mark::Unknown);
        assert_eq!(mark(ErrorKind::Timeout).mark, Mark::Unknown);
    }
}
