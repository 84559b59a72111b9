//! What the screen is told, and what it asks for.

use std::sync::Arc;

use super::fleet::Fleet;
use super::keymap::Chord;
use super::model::Connection;
use super::past::{BackWish, PastPreview, PastRelease};
use super::watch::TakeOver;
use crate::domain::checklist::Group;
use crate::domain::command::{CommandKind, Order};
use crate::domain::ids::ReleaseId;
use crate::domain::time::Timestamp;
use crate::engine::handle::{Found, LogBatch, Playback, Question, Receipt};

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Msg {
    /// A key was pressed.
    Key(Chord),
    /// Text was pasted.
    Paste(String),
    /// There is a newer snapshot.
    SnapshotChanged,
    /// Log lines came.
    Logs(LogBatch),
    /// These are the earlier releases that can be gone back to, newest first.
    Past(Vec<PastRelease>),
    /// The fleet as it stands.
    Fleet(Arc<Fleet>),
    /// What going back to an earlier release would do, or why that cannot be.
    LookedBack(Result<PastPreview, String>),
    /// There is time to search more of the log lines.
    Search,
    /// Lines were saved: how many, and to which file; or why not.
    Saved(Result<(u64, String), String>),
    /// The launch checklist was gone through, or why it cannot be.
    Examined(Result<Vec<Group>, String>),
    /// The engine answered a question.
    Found(Question, Found),
    /// The engine answered a command.
    Receipt(CommandKind, Receipt),
    /// It is this late on the engine's clock.
    Tick(Timestamp),
    /// The way to the engine was lost or found again.
    Connection(Connection),
    /// The terminal has another size.
    Resize,
}

/// Something to do outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cmd {
    /// Send this to the engine and come back with its [`Msg::Receipt`].
    Send(Order),
    /// Ask the engine this and come back with its [`Msg::Found`].
    Ask(Question),
    /// Find out what going back to this release would do, and come back with [`Msg::LookedBack`].
    LookBack(ReleaseId),
    /// Go back to an earlier release, and show that.
    GoBack(BackWish),
    /// Take over a deployment of somebody else's, and show the release that it becomes.
    TakeOver(TakeOver),
    /// Go through the launch checklist and come back with [`Msg::Examined`].
    Examine,
    /// Have the past release that is shown go on otherwise.
    Play(Playback),
    /// Put this into the clipboard.
    Copy(String),
    /// Save the log lines that are shown to this file, and come back with [`Msg::Saved`].
    Save(String),
    /// Call for attention: bell, and a notification where the terminal shows one.
    Announce(String),
    /// Name the window.
    Title(String),
    /// Draw everything anew.
    Redraw,
    /// Stop for the shell.
    Suspend,
    /// Leave. The release is not touched.
    Quit,
}
