//! A checklist that was gone through: what was looked at, how it stands, and what to do about it.

use serde::Serialize;

/// How an item stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mark {
    /// It is as it must be.
    Fine,
    /// It is not.
    Wrong,
    /// Nobody can say: it is not configured, cannot be read, or only people know.
    Unknown,
}

/// One item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Item {
    /// What is looked at.
    pub name: String,
    /// How it stands.
    pub mark: Mark,
    /// What was seen.
    pub seen: String,
    /// What to do: a command to type, a key to set, a place to look. `None` when nothing is to be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl Item {
    /// It is as it must be.
    pub fn fine(name: impl Into<String>, seen: impl Into<String>) -> Self {
        Self { name: name.into(), mark: Mark::Fine, seen: seen.into(), remedy: None }
    }

    /// It is not.
    pub fn wrong(name: impl Into<String>, seen: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { name: name.into(), mark: Mark::Wrong, seen: seen.into(), remedy: Some(remedy.into()) }
    }

    /// Nobody can say.
    pub fn unknown(name: impl Into<String>, seen: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { name: name.into(), mark: Mark::Unknown, seen: seen.into(), remedy: Some(remedy.into()) }
    }

    /// Right or wrong, by whether it holds.
    pub fn held(
        name: impl Into<String>,
        holds: bool,
        seen: impl Into<String>,
        remedy: impl FnOnce() -> String,
    ) -> Self {
        if holds { Self::fine(name, seen) } else { Self::wrong(name, seen, remedy()) }
    }
}

/// Items that belong together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Group {
    /// What they are about.
    pub title: String,
    /// The items, in the order in which they are looked at.
    pub items: Vec<Item>,
}

/// How many items of these groups stand so.
pub fn count(groups: &[Group], mark: Mark) -> usize {
    groups.iter().flat_map(|group| &group.items).filter(|item| item.mark == mark).count()
}
