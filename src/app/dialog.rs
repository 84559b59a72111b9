//! Questions before a command is sent. Whatever raises green's weight in production asks for the component's name;
//! whatever takes traffic away from green never asks for more than one key.

use super::past::PastPreview;
use crate::domain::command::{Command, CommandKind};
use crate::domain::components::ComponentIndex;
use crate::domain::foreign::Then;
use crate::domain::guard;
use crate::domain::ids::{AlarmName, Revision, StageName};
use crate::domain::plan::{GatePlan, StageKind, StagePlan};
use crate::domain::release::Release;

/// The longest answer that can be typed, in bytes.
const LONGEST: usize = 400;

/// A question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dialog {
    /// The command that it asks about.
    pub command: CommandKind,
    /// The stage that it is for, where the release leaves a choice.
    pub stage: Option<StageName>,
    /// The component that this stage is about.
    pub component: Option<ComponentIndex>,
    /// The answer it wants.
    pub wants: Wants,
    /// What has been typed.
    pub typed: String,
    /// The release's revision when it was asked.
    pub seen: Revision,
    /// The alarm that is acknowledged.
    pub alarm: Option<AlarmName>,
    /// The earlier release that it would go back to; `None` for what is said to the release that is shown.
    pub earlier: Option<Box<PastPreview>>,
    /// What is done with a deployment of somebody else's that it would take over.
    pub take: Option<Then>,
}

/// The answer that a question wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wants {
    /// A single key.
    Yes,
    /// A single key, or a reason and then that key.
    YesOrReason,
    /// This word, exactly.
    Word(String),
    /// This phrase; the engine has the last word on it.
    Phrase(String),
    /// A reason.
    Reason,
}

/// Why an answer is none yet.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotYet {
    /// Another word is asked for.
    #[error("type {0} to confirm")]
    Word(String),
    /// A reason is asked for.
    #[error("type a reason")]
    Reason,
}

impl Dialog {
    /// The question before `kind` is sent; `None` for what is safe enough to be sent at once. Of several stages that it
    /// could be for it is the one of the component that is shown.
    pub fn before(kind: CommandKind, release: &Release, focus: ComponentIndex) -> Option<Self> {
        let stage = meant(kind, release, focus);
        let component = stage.and_then(|stage| stage.component);
        let wants = match kind {
            CommandKind::Pause => return None,
            CommandKind::Promote | CommandKind::PromoteFull if release.plan.production => {
                Wants::Word(release.plan.components[component.unwrap_or(focus)].name.to_string())
            }
            CommandKind::Promote | CommandKind::PromoteFull | CommandKind::Resume | CommandKind::Retry => Wants::Yes,
            CommandKind::Rollback | CommandKind::Abort => Wants::Yes,
            CommandKind::Skip | CommandKind::Acknowledge => Wants::Reason,
            CommandKind::Approve => {
                stage.and_then(phrase).map_or(Wants::Yes, |phrase| Wants::Phrase(phrase.to_owned()))
            }
        };
        let stage = stage.map(|stage| stage.name.clone());
        Some(Self {
            command: kind,
            stage,
            component,
            wants,
            typed: String::new(),
            seen: release.revision,
            alarm: None,
            earlier: None,
            take: None,
        })
    }

    /// Whether characters go into its answer.
    pub fn is_typing(&self) -> bool {
        self.wants != Wants::Yes
    }

    /// Whether it is no longer what was asked once the release has changed. Going back is never voided, nor is what moves
    /// nothing.
    pub fn is_voided_by(&self, release: &Release) -> bool {
        !self.command.is_always_timely() && release.revision != self.seen
    }

    /// Lets a reason be typed before a way back is confirmed.
    pub fn ask_for_reason(&mut self) {
        let is_free = !matches!(self.wants, Wants::Word(_));
        if is_free && matches!(self.command, CommandKind::Rollback | CommandKind::Abort) {
            self.wants = Wants::YesOrReason;
        }
    }

    /// Adds to the answer.
    pub fn type_text(&mut self, text: &str) {
        type_into(&mut self.typed, text);
    }

    /// The command that the answer makes.
    ///
    /// # Errors
    /// The answer is not what is asked for yet.
    pub fn answer(&self, kind: CommandKind) -> Result<Command, NotYet> {
        let typed = self.typed.trim();
        let reason = (!typed.is_empty()).then(|| typed.to_owned());
        match &self.wants {
            Wants::Word(word) if typed != word => return Err(NotYet::Word(word.clone())),
            Wants::Phrase(phrase) if typed != phrase => return Err(NotYet::Word(phrase.clone())),
            Wants::Reason if reason.is_none() => return Err(NotYet::Reason),
            Wants::Yes | Wants::YesOrReason | Wants::Word(_) | Wants::Phrase(_) | Wants::Reason => {}
        }
        Ok(match kind {
            CommandKind::Promote => Command::Promote,
            CommandKind::PromoteFull => Command::PromoteFull,
            CommandKind::Pause => Command::Pause,
            CommandKind::Resume => Command::Resume,
            CommandKind::Rollback => Command::Rollback { reason },
            CommandKind::Abort => Command::Abort { reason },
            CommandKind::Retry => Command::Retry,
            CommandKind::Skip => Command::Skip { reason: typed.to_owned() },
            CommandKind::Approve => Command::Approve { phrase: typed.to_owned() },
            CommandKind::Acknowledge => {
                let alarm = self.alarm.clone().ok_or(NotYet::Reason)?;
                Command::Acknowledge { alarm, note: typed.to_owned() }
            }
        })
    }
}

/// Adds to a line of text what can be shown of `text`, up to a sensible length.
pub(super) fn type_into(line: &mut String, text: &str) {
    for character in text.chars().filter(|character| !character.is_control()) {
        if line.len() + character.len_utf8() <= LONGEST {
            line.push(character);
        }
    }
}

/// The stage that a command is for.
fn meant(kind: CommandKind, release: &Release, focus: ComponentIndex) -> Option<&StagePlan> {
    let candidates = guard::candidates(release, kind).ok()?;
    let stages = || candidates.iter().filter_map(|index| release.plan.stage(*index));
    stages().find(|stage| stage.component == Some(focus)).or_else(|| stages().next())
}

fn phrase(stage: &StagePlan) -> Option<&str> {
    match &stage.kind {
        StageKind::Gate(GatePlan { confirm, .. }) => confirm.as_deref(),
        _ => None,
    }
}
