//! The traffic panel: how production is split between the sides, what was asked for and what is really so.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::format::{clock, columns};
use super::look::Look;
use super::theme::Role;
use super::widgets::text::{clip, pad, pad_start, put};
use super::widgets::{Bar, Meter, Panel, Step, StepState, Steps};
use crate::domain::ids::Side;
use crate::domain::percent::Percent;
use crate::domain::plan::Driver;
use crate::domain::release::{StageStatus, StepPhase};
use crate::domain::time::Elapsed;
use crate::engine::snapshot::Source;

/// Rows that it takes.
pub(super) const ROWS: u16 = 5;

/// Columns of a version.
const VERSION: usize = 9;

/// Columns between the steps and what is said of the present one.
const GAP: u16 = 3;

/// The least columns of a meter beside words.
const LEAST_METER: u16 = 12;

/// The least columns of a bar that says something.
const LEAST_BAR: u16 = 8;

pub(super) fn draw(look: Look<'_>, area: Rect, buf: &mut Buffer) {
    let below = trouble(look).or_else(|| deployment(look)).map(|(role, text)| {
        let room = usize::from(area.width.saturating_sub(6));
        Line::from(look.span(role, clip(&text, room, look.theme.glyphs.ellipsis).into_owned()))
    });
    let panel = Panel {
        title: Line::from(title(look)),
        right: Line::from(weights(look)),
        below: below.unwrap_or_default(),
        ..Panel::default()
    };
    let inner = panel.render(area, buf, look.theme);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let mut rows = inner.rows();
    for side in Side::BOTH {
        if let Some(row) = rows.next() {
            draw_side(look, side, row, buf);
        }
    }
    // On a high panel the steps stand off.
    if inner.height > 3 {
        rows.next();
    }
    if let Some(row) = rows.next() {
        draw_steps(look, row, buf);
    }
}

/// Where there are several components: which one is shown, and how far the others are.
fn title(look: Look<'_>) -> Vec<Span<'_>> {
    let mut spans = vec![Span::raw("traffic")];
    if look.plan().components.count() == 1 {
        return spans;
    }
    for (of, planned) in look.plan().components.iter() {
        let is_shown = of == look.focus();
        let green = look.release().components[of].traffic.observed.filter(|_| planned.sides.is_some());
        let green = green.map(|green| format!(" {green}")).unwrap_or_default();
        let role = if is_shown { Role::Strong } else { Role::Muted };
        let mark = if is_shown { look.theme.glyphs.cursor } else { " " };
        spans.push(look.span(role, format!(" {mark}{}{green}", planned.name)));
    }
    spans
}

fn role(side: Side) -> Role {
    match side {
        Side::Blue => Role::Blue,
        Side::Green => Role::Green,
    }
}

/// Green's weight as asked for and as read back: two numbers, which may differ.
fn weights(look: Look<'_>) -> Vec<Span<'_>> {
    let traffic = &look.component().traffic;
    let mut spans = vec![look.span(Role::Muted, "green set "), look.span(Role::Text, traffic.set.to_string())];
    let (role, text) = match traffic.observed {
        None => (Role::NoData, format!("{} being read", look.theme.glyphs.no_data)),
        Some(observed) if look.stale(Source::Weights).is_some() => (Role::NoData, observed.to_string()),
        Some(observed) if observed == traffic.set => (Role::Ok, observed.to_string()),
        Some(observed) => (Role::Bad, observed.to_string()),
    };
    spans.push(look.span(Role::Muted, "  observed "));
    spans.push(look.span(role, text));
    if let Some(drift) = traffic.drift_since {
        spans.push(look.span(Role::Bad, format!(" drift {}", look.since(drift))));
    } else if let Some(text) = look.stale(Source::Weights) {
        spans.push(look.span(Role::Warning, format!(" {text}")));
    } else if look.release().ended.is_some()
        && let Some(at) = look.source(Source::Weights).and_then(|source| source.last_ok)
    {
        spans.push(look.span(Role::Muted, format!(" at {}", clock(at, look.model.utc_offset))));
    }
    spans
}

fn draw_side(look: Look<'_>, side: Side, row: Rect, buf: &mut Buffer) {
    let traffic = &look.component().traffic;
    let weight = |green: Percent| if side == Side::Green { green } else { green.rest() };
    let version = if side == Side::Blue { &look.planned().from } else { &look.planned().to };
    let version = clip(version.short(), VERSION, look.theme.glyphs.ellipsis).into_owned();
    let name = [look.span(role(side), pad(side.word(), 6)), look.span(Role::Text, pad(&version, VERSION + 1))];
    let shown = traffic.observed.map_or(traffic.set, |observed| observed);
    let (healthy, healthy_role) = healthy(look, side);
    let figure = pad_start(&weight(shown).to_string(), 5);
    let room_right = 1 + 5 + 2 + 11;
    let left = 6 + VERSION as u16 + 1;
    let x = super::widgets::text::put_line(buf, (row.x, row.y), row.width, &Line::from(name.to_vec()));
    let bar = Rect { x: row.x + x, width: row.width.saturating_sub(left + room_right), height: 1, ..row };
    let mut x = row.x + x;
    if bar.width >= LEAST_BAR {
        let mark =
            (traffic.observed.is_some_and(|observed| observed != traffic.set)).then(|| share(weight(traffic.set)));
        Bar { share: share(weight(shown)), mark, role: role(side) }.render(bar, buf, look.theme);
        x = bar.right();
    }
    let x = x + put(buf, (x + 1, row.y), row.right().saturating_sub(x), &figure, look.style(Role::Strong)) + 1;
    put(buf, (x + 2, row.y), row.right().saturating_sub(x + 2), &healthy, look.style(healthy_role));
}

/// Why a side is not well, in the words of ECS or the load balancer.
fn trouble(look: Look<'_>) -> Option<(Role, String)> {
    let release = look.release();
    let both = look.component().capacities.as_ref().filter(|_| release.ended.is_none())?;
    for side in [Side::Green, Side::Blue] {
        let capacity = both.of(side);
        let failed = match capacity.failed_tasks {
            0 => String::new(),
            count => format!(", {count} tasks failed"),
        };
        if let Some(trouble) = &capacity.trouble {
            return Some((Role::Bad, format!("{side}: {trouble}{failed}")));
        }
        if capacity.rollout_failed {
            return Some((Role::Bad, format!("{side}: ECS gave the deployment up{failed}")));
        }
        if !failed.is_empty() {
            return Some((Role::Warning, format!("{side}: {} tasks failed", capacity.failed_tasks)));
        }
    }
    let since = look.component().unhealthy_since?;
    Some((Role::Warning, format!("green short of healthy targets for {}", look.since(since))))
}

/// How a deployment inside AWS stands, what it waits for first: when nobody answers a pause, it goes back by itself.
fn deployment(look: Look<'_>) -> Option<(Role, String)> {
    let driver = look.planned().driver();
    if !driver.is_deployment() || look.release().ended.is_some() {
        return None;
    }
    let cannot = match driver {
        Driver::Rolling => "no weights and no pause: ECS replaces tasks by itself",
        _ if look.snapshot.triage.is_some() => return None,
        Driver::CodeDeploy => "CodeDeploy has not begun",
        Driver::Alb | Driver::Native | Driver::Command => "ECS has not begun",
    };
    let both = look.component().capacities.as_ref();
    let begun = look.component().task_definition.as_ref();
    let own = both.and_then(|both| both.deployment.as_ref()).filter(|one| Some(&one.task_definition) == begun);
    let Some(deployment) = own else { return Some((Role::Muted, cannot.to_owned())) };
    let mut parts = Vec::new();
    if let Some(wait) = &deployment.wait {
        let when = wait.expires.map_or_else(String::new, |at| format!(" in {}", look.until(at)));
        let who = if look.release().is_watching() { "somebody" } else { "cutover" };
        let unless = if wait.is_answered_by_going_on() { format!(" unless {who} goes on") } else { String::new() };
        parts.push(format!("{}: {}{when}{unless}", wait.words(), wait.then));
    }
    parts.push(format!("{} {}", driver.deployer(), deployment.words()));
    if deployment.alarms.as_deref() == Some("DISABLED") {
        parts.push("its alarms are DISABLED".to_owned());
    }
    if let Some((failed, threshold)) = deployment.failures.filter(|(failed, _)| *failed > 0) {
        parts.push(format!("{failed} of {threshold} failures"));
    }
    if driver == Driver::Rolling {
        parts.push(cannot.to_owned());
    }
    let role = if deployment.course.is_given_up() { Role::Bad } else { Role::Text };
    Some((role, parts.join("; ")))
}

fn share(weight: Percent) -> f64 {
    f64::from(weight.get()) / 100.0
}

/// How many of a side's targets are healthy.
fn healthy(look: Look<'_>, side: Side) -> (String, Role) {
    let Some(both) = &look.component().capacities else { return ("not read".to_owned(), Role::NoData) };
    let (healthy, wanted) = (both.of(side).healthy, look.planned().wanted(side));
    let role = if look.stale(Source::Capacity).is_some() {
        Role::NoData
    } else if healthy >= wanted {
        Role::Ok
    } else if healthy == 0 && both.of(side).desired == 0 && both.of(side).unread.is_none() {
        Role::Muted
    } else if healthy == 0 {
        Role::Bad
    } else {
        Role::Warning
    };
    (format!("{healthy}/{wanted} healthy"), role)
}

fn draw_steps(look: Look<'_>, row: Rect, buf: &mut Buffer) {
    let (release, plan) = (look.release(), look.plan());
    let Some(shift) = plan.shift(look.focus()) else {
        if let Some(triage) = &look.snapshot.triage {
            let text = format!("nothing is being deployed; looked into {} ago", look.since(triage.at));
            put(buf, (row.x, row.y), row.width, &text, look.style(Role::Muted));
            return;
        }
        put(buf, (row.x, row.y), row.width, "this pipeline shifts no traffic", look.style(Role::Muted));
        return;
    };
    let now = release.step(look.focus());
    let is_done = release
        .stages
        .iter()
        .zip(&plan.stages)
        .any(|(stage, plan)| plan.kind.word() == "shift" && stage.status == StageStatus::Passed);
    let labels: Vec<String> = shift.steps.iter().map(|step| step.weight.get().to_string()).collect();
    let steps: Vec<Step<'_>> = labels
        .iter()
        .enumerate()
        .map(|(index, label)| {
            let state = match now {
                // On the way back no step is reached any more, whichever was.
                _ if release.unwinding.is_some() => StepState::ToCome,
                _ if is_done => StepState::Done,
                Some((here, _)) if index < here => StepState::Done,
                Some((here, _)) if index == here => StepState::Now,
                _ => StepState::ToCome,
            };
            Step { label, state }
        })
        .collect();
    let phase = phase(look);
    let phase_columns = phase.as_ref().map_or(0, |(_, text)| columns(text) + GAP);
    // The phase is worth more than long rules between the steps.
    let room = Rect { width: row.width.saturating_sub(phase_columns), ..row };
    let taken = Steps { steps: &steps, role: Role::Green }.render(room, buf, look.theme) + GAP;
    let Some((role, text)) = phase else { return };
    let rest = Rect { x: row.x + taken, width: row.width.saturating_sub(taken), ..row };
    look.row(rest, buf, vec![look.span(role, text)], Vec::new());
    let size = phase_columns - GAP + 2;
    let meter = Rect { x: rest.x + size, width: rest.width.saturating_sub(size).min(30), ..rest };
    if let Some(share) = baked(look).filter(|_| meter.width >= LEAST_METER) {
        Meter { label: "", share: Some(share), role: Role::Running }.render(meter, buf, look.theme);
    }
}

/// How far the present step is, in words.
fn phase(look: Look<'_>) -> Option<(Role, String)> {
    let release = look.release();
    if release.ended.is_some() {
        return None;
    }
    if release.unwinding.is_some() {
        return Some((Role::Bad, "back to blue".to_owned()));
    }
    let (_, phase) = release.step(look.focus())?;
    Some(match phase {
        StepPhase::Raising { since } => (Role::Running, format!("raising {}", look.since(since))),
        StepPhase::Settling { since } => (Role::Running, format!("reading back {}", look.since(since))),
        StepPhase::AtGate { limit: Some(limit), .. } => {
            (Role::Warning, format!("gate: evidence due in {}", look.until(limit)))
        }
        StepPhase::AtGate { since, limit: None, .. } => {
            (Role::Waiting, format!("gate: waiting for you {}", look.since(since)))
        }
        StepPhase::Baking { since, until } => {
            let all = until.since(since);
            (Role::Text, format!("bake {} of {}", Elapsed(look.now().since(since).min(all)), Elapsed(all)))
        }
    })
}

/// The share of the present bake that is over.
fn baked(look: Look<'_>) -> Option<f64> {
    match look.release().step(look.focus())? {
        (_, StepPhase::Baking { since, until }) if until > since && look.release().unwinding.is_none() => {
            Some(look.now().since(since).as_secs_f64() / until.since(since).as_secs_f64())
        }
        _ => None,
    }
}
