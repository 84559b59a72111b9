//! What is on the screen: facts of the screen alone. Everything about the release is in the engine's snapshot.

use std::sync::Arc;

use super::alarms::AlarmPane;
use super::checklist::Checklist;
use super::dialog::Dialog;
use super::filter::{Filter, QueryError};
use super::fleet::Fleet;
use super::keymap::{Context, Keymap};
use super::logs::LogPane;
use super::palette::Palette;
use super::past::PastRelease;
use super::scroll::Anchor;
use super::signals::SignalPane;
use crate::domain::command::{Actor, CommandKind};
use crate::domain::components::ComponentIndex;
use crate::domain::ids::{Revision, Side};
use crate::domain::log::LogLine;
use crate::domain::release::{Status, Tone};
use crate::domain::time::Timestamp;
use crate::engine::snapshot::Snapshot;

/// Notes on the screen at most; older ones give way.
pub const MOST_TOASTS: usize = 3;

/// The screen.
#[derive(Debug)]
pub struct Model {
    /// Who sits in front of it: commands are sent in this name.
    pub actor: Actor,
    /// Whether commands may be sent from here.
    pub access: Access,
    /// What the keys mean.
    pub keymap: Keymap,
    /// Seconds by which clock times on the screen are ahead of UTC.
    pub utc_offset: i32,
    /// Now, on the engine's clock; never before the newest snapshot.
    pub now: Timestamp,
    /// Whether the engine can be reached.
    pub connection: Connection,
    /// The view shown.
    pub view: View,
    /// The component that is shown, of those of the release.
    pub focus: ComponentIndex,
    /// The panel of the release view that scrolling keys go to.
    pub pane: Pane,
    /// What lies over the view.
    pub overlay: Option<Overlay>,
    /// The log lines.
    pub logs: LogPane,
    /// What of the logs view the keys go to.
    pub logs_focus: LogsFocus,
    /// The selected pattern, by its place in the snapshot.
    pub pattern: usize,
    /// Where the history is scrolled to.
    pub history: Anchor,
    /// The alarms view.
    pub alarms: AlarmPane,
    /// The signals view.
    pub signals: SignalPane,
    /// The first chart of the signals view, by its place in the plan.
    pub chart: usize,
    /// The side whose line the signals view shows alone, if one is.
    pub signal_side: Option<Side>,
    /// The picture that is held still, if one is.
    pub frozen: Option<Box<Snapshot>>,
    /// Commands on their way: sent, and not yet part of a snapshot.
    pub sent: Vec<Sent>,
    /// Notes, oldest first.
    pub toasts: Vec<Toast>,
    /// What the last picture had room for.
    pub sight: Sight,
    /// Earlier releases that can be gone back to, newest first.
    pub past: Vec<PastRelease>,
    /// The selected one of these, by its place.
    pub chosen: usize,
    /// The fleet; `None` where nobody looks at it, as in a replay.
    pub fleet: Option<Arc<Fleet>>,
    /// The selected one of its places.
    pub place: usize,
    /// The launch checklist.
    pub checklist: Checklist,
    /// The release's status when it was last looked at, so that changes can be announced.
    pub(super) last_status: Option<Status>,
}

/// Whether commands may be sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Access {
    /// They may.
    #[default]
    Full,
    /// They may not, for this reason.
    ReadOnly(String),
}

/// The way to the engine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Connection {
    /// Snapshots come.
    #[default]
    Attached,
    /// None come; what is shown is the last one.
    Lost {
        /// Since when, on the engine's clock.
        since: Timestamp,
        /// Why.
        why: String,
    },
}

/// A view.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum View {
    /// The release at a glance.
    #[default]
    Release,
    /// The signals as charts.
    Signals,
    /// The alarms with their reasons.
    Alarms,
    /// The logs.
    Logs,
    /// Every environment and component, and who releases what.
    Fleet,
    /// What happened in this release, and who did what.
    History,
    /// The launch checklist of the environment.
    Doctor,
}

impl View {
    /// All of them, in the order in which keys go through them.
    pub const ALL: [Self; 7] =
        [Self::Release, Self::Signals, Self::Alarms, Self::Logs, Self::Fleet, Self::History, Self::Doctor];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Signals => "signals",
            Self::Alarms => "alarms",
            Self::Logs => "logs",
            Self::Fleet => "fleet",
            Self::History => "history",
            Self::Doctor => "doctor",
        }
    }

    /// What keys mean in it.
    pub fn context(self) -> Context {
        match self {
            Self::Release => Context::Release,
            Self::Signals => Context::Signals,
            Self::Alarms => Context::Alarms,
            Self::Logs => Context::Logs,
            Self::Fleet => Context::Fleet,
            Self::History => Context::History,
            Self::Doctor => Context::Doctor,
        }
    }

    /// The view next to it, round and round: `by` is 1 or -1.
    #[must_use]
    pub fn step(self, by: isize) -> Self {
        let all = Self::ALL.len();
        let here = Self::ALL.iter().position(|view| *view == self).unwrap_or(0);
        let there = (here + all).saturating_add_signed(by) % all;
        Self::ALL.get(there).copied().unwrap_or_default()
    }
}

/// A panel that can be scrolled, of the release view or, with `Past`, of the history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pane {
    /// The log tail.
    #[default]
    Logs,
    /// The timeline, where there is room for it.
    Timeline,
    /// The earlier releases, in the history alone.
    Past,
}

/// A part of the logs view.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogsFocus {
    /// The lines.
    #[default]
    Lines,
    /// The patterns that they have in common.
    Patterns,
}

/// Something over the view that takes the keys.
#[derive(Debug)]
pub enum Overlay {
    /// A question.
    Dialog(Dialog),
    /// The command palette.
    Palette(Palette),
    /// What every key does, scrolled down by so many lines.
    Help(usize),
    /// A log line in full, scrolled down by so many rows.
    Line(Arc<LogLine>, usize),
    /// The name of the file that lines are saved to being typed.
    Save {
        /// As typed.
        path: String,
        /// Why they were not saved under that name.
        error: Option<String>,
    },
    /// The filter being typed, and what is wrong with it.
    Filter {
        /// As typed.
        text: String,
        /// Why it is not in force.
        error: Option<QueryError>,
        /// What comes back when it is given up.
        before: Filter,
    },
}

/// A command on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Which.
    pub kind: CommandKind,
    /// When it left.
    pub at: Timestamp,
    /// The revision it was accepted at; `None` while there is no answer.
    pub accepted: Option<Revision>,
}

/// A note to the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toast {
    /// How it is to be taken.
    pub tone: Tone,
    /// What it says.
    pub text: String,
    /// When it goes by itself, unless it is dismissed or a command is accepted before.
    pub until: Timestamp,
}

/// What a picture had room for, so that a page is a page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sight {
    /// Rows for log lines.
    pub logs: usize,
    /// Rows for lines of the history or timeline.
    pub history: usize,
    /// Charts at once.
    pub charts: usize,
    /// Rows for the places of the fleet.
    pub fleet: usize,
    /// Lines of what lies over the view that are below the screen when it is at its top.
    pub overlay: usize,
}

impl Model {
    /// The screen before anything has happened.
    pub fn new(actor: Actor, keymap: Keymap) -> Self {
        Self {
            actor,
            access: Access::default(),
            keymap,
            utc_offset: 0,
            now: Timestamp::default(),
            connection: Connection::default(),
            view: View::default(),
            focus: ComponentIndex::FIRST,
            pane: Pane::default(),
            overlay: None,
            logs: LogPane::default(),
            logs_focus: LogsFocus::default(),
            pattern: 0,
            history: Anchor::default(),
            alarms: AlarmPane::default(),
            signals: SignalPane::default(),
            chart: 0,
            signal_side: None,
            frozen: None,
            sent: Vec::new(),
            toasts: Vec::new(),
            sight: Sight::default(),
            past: Vec::new(),
            chosen: 0,
            fleet: None,
            place: 0,
            checklist: Checklist::default(),
            last_status: None,
        }
    }

    /// The component of this snapshot's release that is shown.
    pub fn focus_in(&self, snapshot: &Snapshot) -> ComponentIndex {
        if snapshot.components.holds(self.focus) { self.focus } else { ComponentIndex::FIRST }
    }

    /// Takes note of what the last picture had room for.
    pub fn saw(&mut self, sight: Sight) {
        self.sight = sight;
        // A view without logs says nothing of how many lines the next one with logs has room for.
        if sight.logs > 0 {
            self.logs.rows = sight.logs;
        }
    }

    /// Where the keys go.
    pub fn context(&self) -> Context {
        match &self.overlay {
            Some(Overlay::Dialog(dialog)) if dialog.is_typing() => Context::Prompt,
            Some(Overlay::Dialog(_)) => Context::Dialog,
            Some(Overlay::Palette(_) | Overlay::Filter { .. } | Overlay::Save { .. }) => Context::Prompt,
            Some(Overlay::Help(_)) => Context::Help,
            Some(Overlay::Line(..)) => Context::Line,
            None => self.view.context(),
        }
    }

    /// A note that goes by itself after a while. `speed` is that of the engine's clock.
    pub(super) fn tell(&mut self, speed: f64, tone: Tone, text: impl Into<String>) {
        /// Seconds that a note stays: long enough to be read.
        const STAY: f64 = 6.0;
        self.note(STAY * speed, tone, text.into());
    }

    /// A note that stays until somebody who looked elsewhere has had the time to come back to it.
    pub(super) fn insist(&mut self, speed: f64, tone: Tone, text: impl Into<String>) {
        /// Seconds that it stays.
        const STAY: f64 = 30.0;
        self.note(STAY * speed, tone, text.into());
    }

    fn note(&mut self, secs: f64, tone: Tone, text: String) {
        let stay = std::time::Duration::from_secs_f64(if secs.is_finite() { secs.clamp(0.01, 1e6) } else { 6.0 });
        self.push(Toast { tone, text, until: self.now + stay });
    }

    fn push(&mut self, toast: Toast) {
        self.toasts.retain(|other| other.text != toast.text);
        self.toasts.push(toast);
        let over = self.toasts.len().saturating_sub(MOST_TOASTS);
        self.toasts.drain(..over);
    }
}
