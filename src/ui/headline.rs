//! The headline: what happens now, until when, and what then; once the release has ended, how and why.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::format::{age, took};
use super::look::Look;
use super::theme::Role;
use super::widgets::text::{fill, width, wrap};
use crate::app::model::View;
use crate::app::watch;
use crate::domain::command::Progress;
use crate::domain::deployment::Course;
use crate::domain::ids::Side;
use crate::domain::outlook::{Outlook, outlook};
use crate::domain::plan::StageKind;
use crate::domain::release::{Ended, Ending, Hold, Stage, StageStatus, Status, StepPhase, Unwinding, Work};
use crate::domain::signal::Policy;
use crate::domain::time::Elapsed;

/// How long a command that has been observed stays on the screen, in seconds of real time.
const LINGER: f64 = 3.0;

/// A command without an answer for this long, in seconds of real time, is worth a warning.
const SLOW_ANSWER: f64 = 5.0;

/// How a status looks: its sign, its role, and whether the whole row takes its colour.
struct Face {
    sign: &'static str,
    role: Role,
    is_loud: bool,
}

fn face(look: Look<'_>, status: Status) -> Face {
    let glyphs = look.theme.glyphs;
    let is_restored = look.release().unwinding.as_ref().is_some_and(|unwinding| unwinding.restored.is_some());
    let (sign, role, is_loud) = match status {
        Status::Planned if look.snapshot.triage.as_ref().is_some_and(|triage| triage.wrong.is_empty()) => {
            (glyphs.ok, Role::Ok, false)
        }
        Status::Planned if look.snapshot.triage.is_some() => (glyphs.bad, Role::Bad, true),
        Status::Planned if look.release().is_watching() => match watch::seen(look.release()).map(|seen| seen.course) {
            Some(Course::Completed) => (glyphs.ok, Role::Ok, true),
            Some(Course::GoingBack | Course::WentBack | Course::Stopped) => (glyphs.undone, Role::Warning, true),
            Some(Course::Failed) => (glyphs.bad, Role::Bad, true),
            Some(Course::Underway | Course::Unknown) | None => (glyphs.running, Role::Running, false),
        },
        Status::Planned => (glyphs.pending, Role::Muted, false),
        Status::Running => (glyphs.running, Role::Running, false),
        Status::Waiting => (glyphs.waiting, Role::Waiting, true),
        Status::Paused => (glyphs.paused, Role::Warning, true),
        // With all traffic on blue the danger is over, though the release goes on.
        Status::RollingBack if is_restored => (glyphs.undone, Role::Warning, true),
        Status::RollingBack => (glyphs.undone, Role::Bad, true),
        Status::Ended(Ending::Succeeded) => (glyphs.ok, Role::Ok, true),
        Status::Ended(Ending::RolledBack | Ending::Aborted) => (glyphs.undone, Role::Warning, true),
        Status::Ended(Ending::RollbackFailed | Ending::Failed) => (glyphs.bad, Role::Bad, true),
    };
    Face { sign, role, is_loud }
}

/// What the row says after the status.
#[derive(Default)]
struct Words {
    now: String,
    /// Until when.
    until: String,
    /// What follows, clause by clause, the most important first: those that do not fit are left out.
    then: Vec<String>,
    /// What is worth telling at the right when nothing else stands there.
    aside: String,
}

/// Something at the right of the row.
struct Aside<'a> {
    spans: Vec<Span<'a>>,
    /// It is left out rather than cutting what comes next.
    gives_way: bool,
}

/// Draws the row, and answers what of the reason of an end it had no room for.
pub(super) fn draw(look: Look<'_>, row: Rect, buf: &mut Buffer) -> String {
    let status = look.release().status();
    let face = face(look, status);
    let ground = look.style(face.role);
    let ground = if face.is_loud { ground.reversed() } else { ground };
    let detail = if face.is_loud { ground } else { look.style(Role::Text) };
    let faint = if face.is_loud { ground } else { look.style(Role::Muted) };
    if face.is_loud {
        fill(buf, row, " ", ground);
    }
    let word = watched(look).unwrap_or(status.word()).to_uppercase().replace('-', " ");
    let mut left = vec![Span::styled(format!(" {} {word} ", face.sign), ground.bold())];
    let room = usize::from(row.width);
    if let Status::Ended(_) = status {
        let text = ended(look);
        let lines = wrap(&text, room.saturating_sub(Line::from(left.clone()).width() + 2));
        let rest = lines.get(1..).unwrap_or_default().join(" ");
        let is_whole = rest.is_empty() || look.model.view != View::Release;
        let shown = if is_whole { text.as_str() } else { lines.first().copied().unwrap_or_default() };
        left.push(Span::styled(format!(" {shown}"), detail));
        look.row(row, buf, left, Vec::new());
        return if is_whole { String::new() } else { rest };
    }
    let words = words(look, status);
    left.push(Span::styled(format!(" {}", words.now), detail));
    if !words.until.is_empty() {
        left.push(Span::styled(format!("  {}", words.until), detail.bold()));
    }
    let used = Line::from(left.clone()).width();
    let aside = life(look, ground, face.is_loud)
        .unwrap_or_else(|| Aside { spans: vec![Span::styled(words.aside.clone(), faint)], gives_way: true });
    let first = words.then.first().map_or(0, |clause| width(clause) + 4);
    let right_columns = Line::from(aside.spans.clone()).width();
    let right = if aside.gives_way && used + first + right_columns + 2 > room { Vec::new() } else { aside.spans };
    let right_columns = Line::from(right.clone()).width();
    let (sign, joiner) = match status {
        Status::RollingBack | Status::Paused => (look.theme.glyphs.bullet, ", "),
        _ => (look.theme.glyphs.arrow, "; "),
    };
    let then = fitting(&words.then, joiner, room.saturating_sub(used + 4 + right_columns + 2));
    if !then.is_empty() {
        left.push(Span::styled(format!("  {sign} {then}"), faint));
    }
    look.row(row, buf, left, right);
    String::new()
}

/// As many clauses as there is room for, at least the first.
fn fitting(clauses: &[String], joiner: &str, room: usize) -> String {
    let mut text = String::new();
    for clause in clauses {
        let joiner = if text.is_empty() { "" } else { joiner };
        if !text.is_empty() && width(&text) + width(joiner) + width(clause) > room {
            break;
        }
        text = format!("{text}{joiner}{clause}");
    }
    text
}

/// What is shown in the place of the status of what is only watched.
fn watched(look: Look<'_>) -> Option<&'static str> {
    match &look.snapshot.triage {
        Some(triage) if triage.wrong.is_empty() => Some("quiet"),
        Some(_) => Some("wrong"),
        None => look.release().is_watching().then_some("watching"),
    }
}

fn words(look: Look<'_>, status: Status) -> Words {
    let release = look.release();
    if let Some(triage) = &look.snapshot.triage {
        let back = triage.back_to.map(|to| format!("rollback goes back to release {to}, which would undo it"));
        return Words { now: triage.headline(), then: back.into_iter().collect(), ..Words::default() };
    }
    let Outlook { now, until, then } = outlook(release);
    let then: Vec<String> = then.split("; ").filter(|clause| !clause.is_empty()).map(str::to_owned).collect();
    match (status, &release.hold, &release.unwinding) {
        (Status::Paused, Some(hold), _) => paused(look, hold),
        (Status::RollingBack, _, Some(unwinding)) => going_back(look, unwinding, &now),
        _ => {
            let Some(stage) = at_work(look) else {
                let left = until.map(|until| match until.since(look.now()) {
                    left if left.is_zero() => "any moment".to_owned(),
                    left => format!("{} left", Elapsed(left)),
                });
                return Words { now, until: left.unwrap_or_default(), then, ..Words::default() };
            };
            // A time-out is no estimate: how long it has taken and how far it is say more.
            let since = stage.started.map(|at| format!(" {}", look.since(at))).unwrap_or_default();
            let aside = until.map(|until| format!("times out in {} ", look.until(until))).unwrap_or_default();
            let now = format!("{now}{since}{}", progress(look));
            Words { now, then: then.into_iter().take(1).collect(), aside, ..Words::default() }
        }
    }
}

/// The stage that works on something without a known end.
fn at_work(look: Look<'_>) -> Option<&Stage> {
    let stage = look.release().stages.get(look.release().foremost()?)?;
    let is_at_work = matches!(stage.work, Work::Idle | Work::Asked | Work::Settling);
    (stage.status == StageStatus::Running && is_at_work).then_some(stage)
}

/// How far the present stage is, where that can be counted.
fn progress(look: Look<'_>) -> String {
    let release = look.release();
    let plan = release.foremost().and_then(|index| look.plan().stage(index));
    match (plan.map(|plan| &plan.kind), &look.component().capacities) {
        (Some(StageKind::Deploy), Some(both)) => {
            let wanted = look.planned().wanted(Side::Green);
            format!(" {} {}/{wanted} healthy", look.theme.glyphs.bullet, both.green.healthy)
        }
        _ => String::new(),
    }
}

fn paused(look: Look<'_>, hold: &Hold) -> Words {
    let release = look.release();
    let who = match &hold.by {
        Some(by) => format!("by {}@{}", by.name, by.host),
        None => hold.why.clone(),
    };
    let mut then = vec![format!("traffic stays at {}", look.component().traffic.set)];
    if hold.by.is_none() {
        then.push("resume or roll back".to_owned());
    }
    if matches!(release.step(look.focus()), Some((_, StepPhase::Baking { .. }))) {
        then.push("bake goes on".to_owned());
    }
    if release.has_shifted() && look.planned().signals.iter().any(|signal| signal.policy == Policy::Rollback) {
        then.push("failing signals still roll back".to_owned());
    }
    Words { now: format!("{} {who}", look.since(hold.since)), then, ..Words::default() }
}

fn going_back(look: Look<'_>, unwinding: &Unwinding, now: &str) -> Words {
    let dot = look.theme.glyphs.bullet;
    let since = look.since(unwinding.since);
    let now = match unwinding.restored {
        None => format!("{since}  {now}"),
        Some(restored) => {
            let undoing = look
                .release()
                .stages
                .iter()
                .zip(&look.plan().stages)
                .find(|(stage, _)| stage.status == StageStatus::Running)
                .map(|(_, plan)| format!(" {dot} undoing {}", plan.name));
            let back = took(look.now().since(restored));
            format!("{since} {dot} all traffic on blue since {back}{}", undoing.unwrap_or_default())
        }
    };
    Words { now, then: vec![unwinding.cause.clone()], ..Words::default() }
}

fn ended(look: Look<'_>) -> String {
    let release = look.release();
    let Some(Ended { at, why, .. }) = &release.ended else { return String::new() };
    let after = release.begun.as_ref().map(|begun| format!("after {}", Elapsed(at.since(begun.at))));
    let by = release.unwinding.as_ref().and_then(|unwinding| unwinding.by.as_ref());
    let by = by.map(|by| format!(" by {}@{}", by.name, by.host));
    format!("{}{}: {why}", after.unwrap_or_default(), by.unwrap_or_default())
}

/// How far the newest command is.
fn life(look: Look<'_>, ground: Style, is_loud: bool) -> Option<Aside<'_>> {
    let style = |role| if is_loud { ground } else { look.style(role) };
    let stays = |role, text: String| Some(Aside { spans: vec![Span::styled(text, style(role))], gives_way: false });
    let passes = |role, text: String| Some(Aside { spans: vec![Span::styled(text, style(role))], gives_way: true });
    let speed = look.snapshot.speed.max(0.01);
    if let Some(sent) = look.model.sent.last() {
        let waited = look.model.now.since(sent.at);
        return match sent.accepted {
            Some(_) => stays(Role::Running, format!("{}: accepted ", sent.kind.word())),
            None if waited.as_secs_f64() > SLOW_ANSWER * speed => {
                stays(Role::Warning, format!("{}: requested, no answer for {} ", sent.kind.word(), age(waited)))
            }
            None => stays(Role::Running, format!("{}: requested ", sent.kind.word())),
        };
    }
    let order = look.release().orders.last()?;
    let word = order.command.kind().word();
    let is_fresh = look.now().since(order.at).as_secs_f64() <= LINGER * speed;
    match order.progress {
        Progress::Accepted => {
            stays(Role::Running, format!("{word}: accepted {}, not yet observed ", look.since(order.accepted)))
        }
        Progress::Observed if is_fresh => {
            passes(Role::Ok, format!("{word}: observed after {} ", took(order.at.since(order.accepted))))
        }
        Progress::Overtaken if is_fresh && !is_loud => passes(Role::Muted, format!("{word}: overtaken ")),
        Progress::Observed | Progress::Overtaken => None,
    }
}
