//! Commands: asked about, sent, answered, and seen in a snapshot.

use crate::app::alarms;
use crate::app::availability::can_send;
use crate::app::dialog::Dialog;
use crate::app::model::{Model, Overlay, Sent};
use crate::app::msg::Cmd;
use crate::app::{past, watch};
use crate::domain::command::{Command, CommandKind, Order};
use crate::domain::ids::{Revision, StageName};
use crate::domain::release::Tone;
use crate::engine::handle::Receipt;
use crate::engine::snapshot::Snapshot;

/// Asks before `kind` is sent, or sends it where there is nothing to ask, or says why it cannot be.
pub(super) fn ask(model: &mut Model, snapshot: &Snapshot, kind: CommandKind) -> Vec<Cmd> {
    if kind == CommandKind::Rollback && past::is_meant(model, snapshot) {
        return past::ask(model, snapshot);
    }
    if let Some(then) = watch::meant_by(kind, &snapshot.release) {
        return watch::ask(model, snapshot, then);
    }
    if let Err(why) = can_send(model, snapshot, kind) {
        model.tell(snapshot.speed, Tone::Warning, format!("{}: {why}", kind.word()));
        return Vec::new();
    }
    // A decision is made on what is so now.
    model.frozen = None;
    let alarm = (kind == CommandKind::Acknowledge)
        .then(|| alarms::meant(model, snapshot).map(|row| row.alarm.name.clone()))
        .flatten();
    if kind == CommandKind::Acknowledge && alarm.is_none() {
        model.tell(snapshot.speed, Tone::Plain, "no alarm is selected");
        return Vec::new();
    }
    match Dialog::before(kind, &snapshot.release, model.focus_in(snapshot)) {
        Some(mut dialog) => {
            dialog.alarm = alarm;
            // What is asked about is what is shown.
            model.focus = dialog.component.unwrap_or(model.focus);
            model.overlay = Some(Overlay::Dialog(dialog));
            Vec::new()
        }
        None => match bare(kind) {
            Some(command) => vec![send(model, snapshot, command, None, snapshot.release.revision)],
            None => Vec::new(),
        },
    }
}

/// The command of a kind that needs no words.
fn bare(kind: CommandKind) -> Option<Command> {
    Some(match kind {
        CommandKind::Promote => Command::Promote,
        CommandKind::PromoteFull => Command::PromoteFull,
        CommandKind::Pause => Command::Pause,
        CommandKind::Resume => Command::Resume,
        CommandKind::Rollback => Command::Rollback { reason: None },
        CommandKind::Abort => Command::Abort { reason: None },
        CommandKind::Retry => Command::Retry,
        CommandKind::Skip | CommandKind::Approve | CommandKind::Acknowledge => return None,
    })
}

/// Takes the answer to the open question.
pub(super) fn confirm(model: &mut Model, snapshot: &Snapshot) -> Vec<Cmd> {
    let Some(Overlay::Dialog(dialog)) = &model.overlay else { return Vec::new() };
    let kind = dialog.command;
    let (seen, stage) = (dialog.seen, dialog.stage.clone());
    if dialog.take.is_some() {
        return match watch::wish(dialog, &snapshot.release) {
            Some(wish) => {
                model.overlay = None;
                vec![Cmd::TakeOver(wish)]
            }
            None => not_yet(model, snapshot, kind),
        };
    }
    if let Some(wish) = past::wish(dialog) {
        model.overlay = None;
        return vec![Cmd::GoBack(wish)];
    }
    let command = match dialog.answer(kind) {
        Ok(command) => command,
        Err(not_yet) => {
            model.tell(snapshot.speed, Tone::Warning, not_yet.to_string());
            return Vec::new();
        }
    };
    model.overlay = None;
    if let Err(why) = can_send(model, snapshot, kind) {
        model.insist(snapshot.speed, Tone::Warning, format!("{} not sent: {why}", kind.word()));
        return Vec::new();
    }
    vec![send(model, snapshot, command, stage, seen)]
}

/// Says what an answer lacks.
fn not_yet(model: &mut Model, snapshot: &Snapshot, kind: CommandKind) -> Vec<Cmd> {
    let Some(Overlay::Dialog(dialog)) = &model.overlay else { return Vec::new() };
    let why = dialog.answer(kind).err().map(|not_yet| not_yet.to_string());
    let why = why.unwrap_or_else(|| "the deployment is over".to_owned());
    model.tell(snapshot.speed, Tone::Warning, why);
    Vec::new()
}

fn send(model: &mut Model, snapshot: &Snapshot, command: Command, stage: Option<StageName>, seen: Revision) -> Cmd {
    let at = model.now.max(snapshot.at);
    model.sent.push(Sent { kind: command.kind(), at, accepted: None });
    Cmd::Send(Order { command, stage, by: model.actor.clone(), seen: Some(seen) })
}

/// The engine has answered the oldest command of this kind that still waits for an answer.
pub(super) fn answered(model: &mut Model, snapshot: &Snapshot, kind: CommandKind, receipt: Receipt) {
    let waiting = model.sent.iter().position(|sent| sent.kind == kind && sent.accepted.is_none());
    // An answer to what nobody here waits for is no news.
    let Some(place) = waiting else { return };
    let word = kind.word();
    match receipt {
        Receipt::Accepted(revision) => {
            if let Some(sent) = model.sent.get_mut(place) {
                sent.accepted = Some(revision);
            }
            // What was told before was about a release that now goes another way.
            model.toasts.clear();
            arrived(model, snapshot);
        }
        Receipt::Refused(refusal) => {
            model.sent.remove(place);
            model.insist(snapshot.speed, Tone::Warning, format!("{word} refused: {refusal}"));
        }
        Receipt::Lost(why) => {
            model.sent.remove(place);
            let note = format!("{word}: no answer ({why}); look whether it was taken before you send it again");
            model.insist(snapshot.speed, Tone::Bad, note);
        }
    }
}

/// Drops the commands that are part of the snapshot by now: from there on it says how far they are.
pub(super) fn arrived(model: &mut Model, snapshot: &Snapshot) {
    let revision = snapshot.release.revision;
    model.sent.retain(|sent| sent.accepted.is_none_or(|accepted| accepted > revision));
}
