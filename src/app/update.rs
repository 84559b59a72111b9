//! The one function that changes the screen.

mod copy;
mod keys;
mod orders;
mod overlay;
mod scrolling;

pub use scrolling::timeline_extent;

use super::asked;
use super::model::{Connection, Model, Overlay};
use super::msg::{Cmd, Msg};
use crate::domain::release::{Status, Tone};
use crate::engine::snapshot::Snapshot;

/// Tells the screen what happened. `snapshot` is the engine's newest. What is to be done outside comes back in order.
#[must_use]
pub fn update(model: &mut Model, snapshot: &Snapshot, msg: Msg) -> Vec<Cmd> {
    match msg {
        Msg::Key(chord) => keys::press(model, snapshot, chord),
        Msg::Paste(text) => {
            overlay::type_text(model, &text);
            Vec::new()
        }
        Msg::SnapshotChanged => look(model, snapshot),
        Msg::Past(past) => {
            model.chosen = model.chosen.min(past.len().saturating_sub(1));
            model.past = past;
            Vec::new()
        }
        Msg::Fleet(fleet) => {
            model.place = model.place.min(fleet.places.len().saturating_sub(1));
            model.fleet = Some(fleet);
            Vec::new()
        }
        Msg::LookedBack(preview) => {
            super::past::looked(model, snapshot, preview);
            Vec::new()
        }
        Msg::Examined(found) => {
            super::checklist::found(model, found);
            Vec::new()
        }
        Msg::Logs(batch) => {
            model.logs.take(batch);
            Vec::new()
        }
        Msg::Search => {
            let _goes_on = model.logs.search();
            Vec::new()
        }
        Msg::Saved(outcome) => {
            overlay::saved(model, snapshot, outcome);
            Vec::new()
        }
        Msg::Found(question, found) => {
            asked::found(model, &question, found);
            Vec::new()
        }
        Msg::Receipt(kind, receipt) => {
            orders::answered(model, snapshot, kind, receipt);
            Vec::new()
        }
        Msg::Tick(now) => {
            model.now = model.now.max(now).max(snapshot.at);
            let now = model.now;
            model.toasts.retain(|toast| toast.until > now);
            asked::due(model, snapshot)
        }
        Msg::Connection(connection) => {
            connected(model, snapshot, connection);
            Vec::new()
        }
        Msg::Resize => vec![Cmd::Redraw],
    }
}

fn look(model: &mut Model, snapshot: &Snapshot) -> Vec<Cmd> {
    model.now = model.now.max(snapshot.at);
    orders::arrived(model, snapshot);
    void(model, snapshot);
    announce(model, snapshot)
}

/// Closes a question that is no longer the one that was asked.
fn void(model: &mut Model, snapshot: &Snapshot) {
    let Some(Overlay::Dialog(dialog)) = &model.overlay else { return };
    if dialog.earlier.is_some() {
        return;
    }
    let kind = dialog.command;
    let word = kind.word();
    let note = if dialog.is_voided_by(&snapshot.release) {
        let newest = snapshot.release.timeline.iter().rev().find(|moment| moment.revision > dialog.seen);
        let what = newest.map_or("the release changed", |moment| moment.text.as_str());
        let by = newest.and_then(|moment| moment.by.as_ref()).map(|name| format!(" (by {name})")).unwrap_or_default();
        format!("{word} not sent: meanwhile {what}{by}")
    } else if let Err(why) = crate::domain::guard::possible(&snapshot.release, kind) {
        format!("{word} not sent: {why}")
    } else {
        return;
    };
    model.overlay = None;
    model.insist(snapshot.speed, Tone::Warning, note);
}

/// Calls for attention when the release's status changes to one that wants it.
fn announce(model: &mut Model, snapshot: &Snapshot) -> Vec<Cmd> {
    let release = &snapshot.release;
    let status = release.status();
    let before = model.last_status.replace(status);
    if before == Some(status) {
        return Vec::new();
    }
    let plan = &release.plan;
    let text = format!("{} in {}: {}", plan.components_named(), plan.environment, status.word());
    let wants_attention = match status {
        Status::Planned | Status::Running => false,
        // Whoever paused it knows.
        Status::Paused => {
            let by = release.hold.as_ref().and_then(|hold| hold.by.as_ref());
            by.is_none_or(|by| !by.is(&model.actor))
        }
        Status::Waiting | Status::RollingBack | Status::Ended(_) => true,
    };
    let mut cmds = vec![Cmd::Title(text.clone())];
    // What was so when the screen opened is no news.
    if wants_attention && before.is_some() {
        cmds.push(Cmd::Announce(text));
    }
    cmds
}

fn connected(model: &mut Model, snapshot: &Snapshot, connection: Connection) {
    match (&model.connection, &connection) {
        (Connection::Lost { .. }, Connection::Attached) => {
            model.tell(snapshot.speed, Tone::Good, "attached to the engine again");
        }
        (Connection::Attached, Connection::Lost { why, .. }) => {
            let note = format!("the engine cannot be reached: {why}; what is shown is the last that was known");
            model.insist(snapshot.speed, Tone::Bad, note);
        }
        (Connection::Attached, Connection::Attached) | (Connection::Lost { .. }, Connection::Lost { .. }) => {}
    }
    model.connection = connection;
}

#[cfg(test)]
mod tests;
