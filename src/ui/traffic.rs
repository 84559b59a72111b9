//! The traffic panel: how production is split between the sides, what was asked for and what is really so.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::format::{age, columns};
use super::look::Look;
use super::theme::Role;
use super::widgets::text::{clip, pad, pad_start, put};
use super::widgets::{Bar, Meter, Panel, Step, StepState, Steps};
use crate::domain::ids::Side;
use crate::domain::percent::Percent;
use crate::domain::release::{StageStatus, StepPhase};
use crate::domain::time::Elapsed;
use crate::engine::snapshot::Source;

/// Rows that it takes.
pub(super) const ROWS: u16 = 5;

/// Columns of a version.
const VERSION: usize = 9;

/// The least columns of a bar that says something.
const LEAST_BAR: u16 = 8;

pub(super) fn draw(look: Look<'_>, area: Rect, buf: &mut Buffer) {
    let panel = Panel { title: Line::from("traffic"), right: Line::from(weights(look)), ..Panel::default() };
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

fn role(side: Side) -> Role {
    match side {
        Side::Blue => Role::Blue,
        Side::Green => Role::Green,
    }
}

/// Green's weight as asked for and as read back: two numbers, which may differ.
fn weights(look: Look<'_>) -> Vec<Span<'_>> {
    let traffic = &look.release().traffic;
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
    } else if let Some(old) = look.stale(Source::Weights) {
        let text = old.map_or_else(|| " never read".to_owned(), |old| format!(" {} ago", age(old.0)));
        spans.push(look.span(Role::Warning, text));
    }
    spans
}

fn draw_side(look: Look<'_>, side: Side, row: Rect, buf: &mut Buffer) {
    let (release, plan) = (look.release(), look.plan());
    let traffic = &release.traffic;
    let weight = |green: Percent| if side == Side::Green { green } else { green.rest() };
    let version = if side == Side::Blue { &plan.from } else { &plan.to };
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

fn share(weight: Percent) -> f64 {
    f64::from(weight.get()) / 100.0
}

/// How many of a side's targets are healthy.
fn healthy(look: Look<'_>, side: Side) -> (String, Role) {
    let Some(both) = &look.release().capacities else { return ("not read".to_owned(), Role::NoData) };
    let (healthy, wanted) = (both.of(side).healthy, look.plan().sides.of(side).desired);
    let role = if look.stale(Source::Capacity).is_some() {
        Role::NoData
    } else if healthy >= wanted {
        Role::Ok
    } else if healthy == 0 && both.of(side).desired == 0 {
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
    let Some(shift) = plan.shift() else {
        put(buf, (row.x, row.y), row.width, "this pipeline shifts no traffic", look.style(Role::Muted));
        return;
    };
    let now = release.step();
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
                _ if is_done => StepState::Done,
                Some((here, _)) if index < here => StepState::Done,
                Some((here, _)) if index == here => StepState::Now,
                _ => StepState::ToCome,
            };
            Step { label, state }
        })
        .collect();
    let taken = Steps { steps: &steps, role: Role::Green }.render(row, buf, look.theme);
    let rest = Rect { x: row.x + taken + 3, width: row.width.saturating_sub(taken + 3), ..row };
    if !rest.is_empty() {
        draw_phase(look, rest, buf);
    }
}

/// How far the present step is.
fn draw_phase(look: Look<'_>, area: Rect, buf: &mut Buffer) {
    let release = look.release();
    let (role, text) = match release.step() {
        _ if release.ended.is_some() => return,
        _ if release.unwinding.is_some() => (Role::Bad, "back to blue".to_owned()),
        None => return,
        Some((_, StepPhase::Raising { since })) => (Role::Running, format!("raising {}", look.since(since))),
        Some((_, StepPhase::Settling { since })) => (Role::Running, format!("reading back {}", look.since(since))),
        Some((_, StepPhase::AtGate { limit: Some(limit), .. })) => {
            (Role::Warning, format!("at the gate, evidence due in {}", look.until(limit)))
        }
        Some((_, StepPhase::AtGate { since, limit: None })) => {
            (Role::Waiting, format!("at the gate, waiting for you {}", look.since(since)))
        }
        Some((_, StepPhase::Baking { since, until })) => {
            let all = until.since(since);
            let done = look.now().since(since).min(all);
            let text = format!("bake {} of {}", Elapsed(done), Elapsed(all));
            let size = columns(&text) + 2;
            let meter = Rect { x: area.x + size, width: area.width.saturating_sub(size).min(30), ..area };
            if meter.width >= 12 && !all.is_zero() {
                let share = Some(done.as_secs_f64() / all.as_secs_f64());
                Meter { label: "", share, role: Role::Running }.render(meter, buf, look.theme);
            }
            (Role::Text, text)
        }
    };
    put(buf, (area.x, area.y), area.width, &text, look.style(role));
}
