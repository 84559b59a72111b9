//! Questions before a command is sent: what it will do, on what evidence, and how to answer.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::format::grouped;
use super::keys::OwnedHint;
use super::look::Look;
use super::theme::Role;
use super::widgets::{self, Hint};
use crate::app::dialog::{Dialog, Wants};
use crate::app::keymap::{Action, Context};
use crate::app::past::PastPreview;
use crate::app::watch;
use crate::domain::alarm::explain;
use crate::domain::command::CommandKind;
use crate::domain::foreign::Then;
use crate::domain::guard::waits_for_window;
use crate::domain::ids::{Side, SignalName};
use crate::domain::outlook::{Wait, promotion_ends, rollback_preview};
use crate::domain::plan::StageKind;
use crate::domain::release::{Release, StepPhase, Work};
use crate::domain::signal::{Policy, Ruling, Verdict};
use crate::domain::time::Elapsed;

/// A paragraph and how it looks.
type Paragraph = (String, Role);

pub(super) fn draw(look: Look<'_>, dialog: &Dialog, area: Rect, buf: &mut Buffer) {
    let plan = look.plan();
    let place = format!("{} in {}", look.planned().name, plan.environment);
    let index = asked_about(look, dialog);
    let (title, mut body, role) = match dialog.command {
        _ if dialog.take.is_some() => take_over(look, dialog.take.unwrap_or_default(), &place),
        CommandKind::Rollback => match &dialog.earlier {
            Some(earlier) => {
                (format!("roll back {place} to release {}", earlier.to), back(look, earlier), Role::Danger)
            }
            None => (format!("roll back {place}"), rollback(look), Role::Danger),
        },
        CommandKind::Abort => (format!("abort {place}"), abort(look), Role::Danger),
        CommandKind::Promote => match promotion_ends(look.release(), index) {
            Some(wait) => (wait_title(wait).to_owned(), end_wait(look, index, wait), Role::Danger),
            None => (format!("promote {place}"), promote(look, Reach::Next), frame(look)),
        },
        CommandKind::PromoteFull => (format!("promote {place} to 100 %"), promote(look, Reach::Last), frame(look)),
        CommandKind::Resume => (format!("resume {place}"), resume(look), frame(look)),
        CommandKind::Retry => (format!("retry in {place}"), stage(look, index, "runs again"), frame(look)),
        CommandKind::Skip => {
            (format!("skip in {place}"), stage(look, index, left_out(look.release(), index)), Role::Danger)
        }
        CommandKind::Approve => (format!("approve {place}"), approve(look, index), frame(look)),
        CommandKind::Pause => (format!("pause {place}"), Vec::new(), frame(look)),
        CommandKind::Acknowledge => {
            (format!("acknowledge an alarm of {place}"), acknowledge(look, dialog), Role::BorderFocus)
        }
    };
    if let Some(wanted) = wanted(&dialog.wants) {
        body.push((String::new(), Role::Text));
        body.push((wanted, Role::Strong));
    }
    let body: Vec<(&str, Role)> = body.iter().map(|(text, role)| (text.as_str(), *role)).collect();
    let owned = hints(look, dialog);
    let keys: Vec<Hint<'_>> = owned.iter().map(OwnedHint::hint).collect();
    let prompt = dialog.is_typing().then_some(dialog.typed.as_str());
    widgets::Dialog { title: &title, body: &body, prompt, keys: &keys, role }.render(area, buf, look.theme);
}

/// What taking over a deployment of somebody else's does.
fn take_over(look: Look<'_>, then: Then, place: &str) -> (String, Vec<Paragraph>, Role) {
    let title = match then {
        Then::Judge => format!("take over what is deployed to {place}"),
        Then::GoOn => format!("let go on what is deployed to {place}"),
        Then::Back => format!("roll back what is deployed to {place}"),
    };
    let mut lines = watch::outlook(look.release(), then).into_iter();
    let mut body: Vec<Paragraph> = lines.next().map(|line| (line, Role::Strong)).into_iter().collect();
    body.extend(lines.map(|line| (line, Role::Text)));
    if then != Then::Back {
        body.extend(evidence(look));
    }
    (title, body, if then == Then::Back { Role::Danger } else { frame(look) })
}

/// The stage that the question is about.
fn asked_about(look: Look<'_>, dialog: &Dialog) -> Option<usize> {
    let named = dialog.stage.as_ref().and_then(|name| look.plan().stages.iter().position(|stage| stage.name == *name));
    named.or_else(|| look.release().foremost())
}

/// Production has the frame of what can harm users.
fn frame(look: Look<'_>) -> Role {
    if look.plan().production { Role::Danger } else { Role::BorderFocus }
}

fn wanted(wants: &Wants) -> Option<String> {
    match wants {
        Wants::Yes => None,
        Wants::YesOrReason => Some("why (may be left empty):".to_owned()),
        Wants::Word(word) | Wants::Phrase(word) => Some(format!("type {word} to confirm:")),
        Wants::Reason => Some("type why:".to_owned()),
    }
}

fn hints(look: Look<'_>, dialog: &Dialog) -> Vec<OwnedHint> {
    let context = if dialog.is_typing() { Context::Prompt } else { Context::Dialog };
    let verb = match (dialog.command, promotion_ends(look.release(), asked_about(look, dialog))) {
        (CommandKind::Promote, Some(wait)) => wait_verb(wait),
        (kind, _) => verb(kind),
    };
    let verb = dialog.take.map_or(verb, watch::verb);
    let mut wanted = vec![(Action::Confirm, verb), (Action::Cancel, "not now")];
    match dialog.command {
        CommandKind::Rollback | CommandKind::Abort if !dialog.is_typing() => {
            wanted.push((Action::FocusNext, "give a reason"));
        }
        CommandKind::Rollback | CommandKind::Abort => {}
        _ => wanted.push((Action::Rollback, "roll back")),
    }
    let hint = |(action, label)| OwnedHint::new(look, context, action, label);
    wanted.into_iter().filter_map(hint).collect()
}

fn verb(kind: CommandKind) -> &'static str {
    match kind {
        CommandKind::Promote => "promote",
        CommandKind::PromoteFull => "promote to 100 %",
        CommandKind::Pause => "pause",
        CommandKind::Resume => "resume",
        CommandKind::Rollback => "roll back now",
        CommandKind::Abort => "abort now",
        CommandKind::Retry => "retry",
        CommandKind::Skip => "skip",
        CommandKind::Approve => "approve",
        CommandKind::Acknowledge => "acknowledge",
    }
}

fn wait_title(wait: Wait) -> &'static str {
    match wait {
        Wait::Verify => "end verify early",
        Wait::Cleanup => "end the wait: scale blue down now",
    }
}

fn wait_verb(wait: Wait) -> &'static str {
    match wait {
        Wait::Verify => "end verify",
        Wait::Cleanup => "scale blue down",
    }
}

fn end_wait(look: Look<'_>, index: Option<usize>, wait: Wait) -> Vec<Paragraph> {
    let release = look.release();
    let stage = index.and_then(|index| release.stages.get(index));
    let left = stage.and_then(|stage| match stage.work {
        Work::Until(until) => Some(look.until(until)),
        _ => None,
    });
    let left = left.map(|left| format!("{left} before its time")).unwrap_or_default();
    match wait {
        Wait::Verify => {
            let mut body = vec![(format!("green is no longer watched, {left}"), Role::Warning)];
            body.extend(evidence(look));
            body
        }
        Wait::Cleanup => {
            let wanted = look.planned().wanted(Side::Blue);
            let blue = match &look.component().capacities {
                Some(both) => format!("blue {}/{wanted}", both.of(Side::Blue).healthy),
                None => "blue".to_owned(),
            };
            let text = format!("{blue} is scaled to 0: going back will no longer be one call");
            vec![(text, Role::Warning), (left, Role::Muted)]
        }
    }
}

/// How far a promotion goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    Next,
    Last,
}

fn promote(look: Look<'_>, reach: Reach) -> Vec<Paragraph> {
    let release = look.release();
    let steps = look.plan().shift(look.focus()).map(|shift| shift.steps.as_slice()).unwrap_or_default();
    let Some((index, phase)) = release.step(look.focus()) else {
        let mut body = vec![("goes on to the next stage".to_owned(), Role::Strong)];
        body.extend(evidence(look));
        return body;
    };
    let here = steps.get(index).map_or(look.component().traffic.set, |step| step.weight);
    let next = if reach == Reach::Last { steps.last() } else { steps.get(index + 1) };
    let text = match next {
        Some(next) => format!("green {here} {} {} of production traffic", look.theme.glyphs.arrow, next.weight),
        None => format!("green stays at {here}; the shift is done"),
    };
    let mut body = vec![(text, Role::Strong)];
    if let Some(text) = overruled(look, phase) {
        body.push((text, Role::Warning));
    }
    let between = steps.get(index + 1..steps.len().saturating_sub(1)).unwrap_or_default();
    if reach == Reach::Last && !between.is_empty() {
        let names: Vec<String> =
            between.iter().map(|step| format!("{} (bake {})", step.weight, Elapsed(step.bake))).collect();
        body.push((format!("skips {}", names.join(", ")), Role::Warning));
    }
    body.extend(evidence(look));
    body
}

/// What of the present step a promotion leaves out: the rest of its bake, and a gate that would not open by itself.
fn overruled(look: Look<'_>, phase: StepPhase) -> Option<String> {
    let bake = match phase {
        StepPhase::Baking { until, .. } => Some(look.until(until)).filter(|left| left.0.as_secs() > 0),
        StepPhase::Raising { .. } | StepPhase::Settling { .. } | StepPhase::AtGate { .. } => None,
    };
    let bake = bake.map(|left| format!("skips {left} of the bake"));
    let signals = &look.planned().signals;
    let verdicts = &look.component().verdicts;
    let opens = |name: &SignalName| verdicts.iter().any(|verdict| verdict.signal == *name && verdict.opens_gate());
    let is_shut = signals.iter().any(|plan| plan.policy != Policy::Observe && !opens(&plan.name));
    let gate = is_shut.then(|| format!("overrules the gate: {}", passing(look)));
    match (bake, gate) {
        (Some(bake), Some(gate)) => Some(format!("{bake} and {gate}")),
        (Some(bake), None) => Some(bake),
        (None, gate) => gate,
    }
}

fn passing(look: Look<'_>) -> String {
    let passing = look.component().verdicts.iter().filter(|verdict| verdict.ruling == Ruling::Pass).count();
    format!("{passing} of {} signals pass", look.planned().signals.len())
}

/// What speaks for going on, and what does not.
fn evidence(look: Look<'_>) -> Vec<Paragraph> {
    let glyphs = look.theme.glyphs;
    let mut body = Vec::new();
    let is_open = look.component().verdicts.len() == look.planned().signals.len()
        && look.component().verdicts.iter().all(Verdict::opens_gate);
    if is_open {
        body.push((passing(look), Role::Ok));
    }
    for verdict in look.component().verdicts.iter().filter(|verdict| verdict.ruling != Ruling::Pass) {
        let role = if verdict.opens_gate() { Role::Muted } else { Role::Warning };
        let text = format!("{} {} {}: {}", glyphs.warning, verdict.signal, verdict.ruling.word(), verdict.reason);
        body.push((text, role));
    }
    if let Some(both) = &look.component().capacities {
        let wanted = look.planned().wanted(Side::Green);
        let healthy = both.of(Side::Green).healthy;
        let role = if healthy >= wanted { Role::Ok } else { Role::Bad };
        body.push((format!("green has {healthy} of {wanted} healthy targets"), role));
    }
    for alarm in &look.component().firing {
        body.push((format!("{} alarm {} is firing", glyphs.bad, alarm.name), Role::Bad));
    }
    body
}

fn rollback(look: Look<'_>) -> Vec<Paragraph> {
    let preview = rollback_preview(look.release());
    let glyphs = look.theme.glyphs;
    let mut body = Vec::new();
    body.push(match preview.blue[look.focus()] {
        None => ("blue's capacity has not been read: it is looked at first".to_owned(), Role::NoData),
        Some((healthy, wanted)) if preview.is_warm => {
            (format!("blue is warm: {healthy} of {wanted} targets healthy"), Role::Ok)
        }
        Some((healthy, wanted)) => (format!("blue is COLD: {healthy} of {wanted} targets healthy"), Role::Bad),
    });
    if preview.steps.is_empty() {
        body.push(("nothing has been changed that must be undone".to_owned(), Role::Text));
    }
    for (number, step) in preview.steps.iter().enumerate() {
        body.push((format!("{}. {step}", number + 1), Role::Text));
    }
    for left in &preview.left {
        body.push((format!("{} {left}", glyphs.bullet), Role::Warning));
    }
    let toll = look.seen().toll;
    if toll.green_requests > 0 {
        let text = format!("so far green served {}, {} harmed", grouped(toll.green_requests), grouped(toll.harmed));
        body.push((text, Role::Muted));
    }
    body
}

/// What going back to an earlier release does.
fn back(look: Look<'_>, earlier: &PastPreview) -> Vec<Paragraph> {
    let glyphs = look.theme.glyphs;
    let mut body = vec![if earlier.warm {
        (format!("its tasks still run: {}", earlier.cost), Role::Ok)
    } else {
        (format!("its tasks must come up first: {}", earlier.cost), Role::Text)
    }];
    let steps = earlier.steps.iter().enumerate();
    body.extend(steps.map(|(number, step)| (format!("{}. {step}", number + 1), Role::Text)));
    body.extend(earlier.left.iter().map(|left| (format!("{} {left}", glyphs.bullet), Role::Warning)));
    body
}

fn acknowledge(look: Look<'_>, dialog: &Dialog) -> Vec<Paragraph> {
    let row = crate::app::alarms::meant(look.model, look.snapshot);
    let alarm = row.filter(|row| Some(&row.alarm.name) == dialog.alarm.as_ref()).map(|row| row.alarm);
    let name = dialog.alarm.as_ref().map(ToString::to_string).unwrap_or_default();
    let reason = alarm.map(|alarm| explain(alarm.state, &alarm.reason, &alarm.setup)).unwrap_or_default();
    let what = "kept in the audit trail and told to the channels; it keeps nothing from rolling back";
    vec![(name, Role::Strong), (reason, Role::Text), (what.to_owned(), Role::Muted)]
}

fn abort(look: Look<'_>) -> Vec<Paragraph> {
    let release = look.release();
    let text = if release.has_shifted() {
        "all traffic back to blue"
    } else if release.has_reached_users() {
        "stops here, with what has been released as it is"
    } else {
        "stops before any traffic shifts"
    };
    vec![
        (text.to_owned(), Role::Strong),
        ("green stays up and nothing is undone: for whoever looks for the cause".to_owned(), Role::Text),
    ]
}

fn resume(look: Look<'_>) -> Vec<Paragraph> {
    let hold = look.release().hold.as_ref();
    let why = hold.map(|hold| format!("held for {}: {}", look.since(hold.since), hold.why)).unwrap_or_default();
    let mut body = vec![(why, Role::Text)];
    let failing =
        look.component().verdicts.iter().filter(|verdict| matches!(verdict.ruling, Ruling::Fail | Ruling::Marginal));
    for verdict in failing {
        let text = format!("{} is waived until the next step: {}", verdict.signal, verdict.reason);
        body.push((text, Role::Warning));
    }
    body
}

/// What skipping a stage leaves out.
fn left_out(release: &Release, index: Option<usize>) -> &'static str {
    let kind = index.and_then(|index| release.plan.stage(index)).map(|plan| &plan.kind);
    match kind {
        Some(StageKind::Gate(_)) if waits_for_window(release, index) => {
            "goes past its window; all else must still hold"
        }
        Some(StageKind::Gate(gate)) if gate.approval.is_some() => {
            "leaves its conditions out; approvals are still asked for"
        }
        _ => "is left out",
    }
}

fn stage(look: Look<'_>, index: Option<usize>, what: &str) -> Vec<Paragraph> {
    let release = look.release();
    let Some(index) = index else { return Vec::new() };
    let (Some(plan), Some(stage)) = (look.plan().stage(index), release.stages.get(index)) else { return Vec::new() };
    vec![(format!("{} {what}", plan.name), Role::Strong), (stage.note.clone(), Role::Text)]
}

fn approve(look: Look<'_>, index: Option<usize>) -> Vec<Paragraph> {
    let text = format!("{} {} {}", look.planned().from, look.theme.glyphs.arrow, look.planned().to);
    let mut body = vec![(text, Role::Strong)];
    let current = index.and_then(|index| look.release().stages.get(index));
    for check in current.map(|stage| stage.checks.as_slice()).unwrap_or_default() {
        let (sign, role) =
            if check.passed { (look.theme.glyphs.ok, Role::Ok) } else { (look.theme.glyphs.bad, Role::Bad) };
        body.push((format!("{sign} {}: {}", check.name, check.detail), role));
    }
    body
}
