//! Green beside blue, by their requests: how far the evidence is, the bands of the difference, whom it has harmed, and when a
//! verdict is to be expected. Stands above the charts of the signals.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::format::{grouped, took};
use super::look::Look;
use super::theme::Role;
use super::widgets::{Chart, Meter, Panel, Series};
use crate::domain::time::Elapsed;
use crate::engine::snapshot::{Compared, Judgement, Latencies, Picture, Recommendation, Symptom};

/// Rows of the words, without the frame.
const WORDS: u16 = 6;

/// The least rows of a chart of a band, and the least columns of two beside the words.
const CHART: u16 = 6;
const WIDE: u16 = 120;

/// The least rows of charts of signals below it.
const BELOW: u16 = 8;

/// Rows that it takes of `area`; none before there is something to show, or where there is no room.
pub(super) fn rows(look: Look<'_>, area: Rect) -> u16 {
    let is_shown = look.seen().compared.is_some() && !look.model.signals.is_open;
    let (words, all) = (WORDS + 2, WORDS + 2 + CHART);
    match area.height {
        height if !is_shown || height < words + BELOW => 0,
        height if height < all + 2 * BELOW || area.width >= WIDE => words,
        _ => all,
    }
}

/// Draws it.
pub(super) fn draw(look: Look<'_>, area: Rect, buf: &mut Buffer) {
    let Some(picture) = look.seen().compared.as_deref().filter(|_| area.height > 0) else { return };
    let judgement = &picture.judgement;
    let (role, word) = headline(look, judgement);
    let panel = Panel {
        title: Line::from(vec![Span::raw("green beside blue  "), look.span(role, word)]),
        right: Line::from(look.span(Role::Muted, heard(look, picture))),
        role: (judgement.recommendation == Recommendation::RollBack).then_some(Role::Danger),
        ..Panel::default()
    };
    let inner = panel.render(area, buf, look.theme);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    if area.width >= WIDE {
        let left = Rect { width: inner.width / 2, ..inner };
        let right = Rect { x: left.right() + 2, width: inner.width.saturating_sub(left.width + 2), ..inner };
        words(look, picture, left, buf);
        bands(look, picture, right, buf);
    } else {
        words(look, picture, Rect { height: WORDS.min(inner.height), ..inner }, buf);
        let rest = inner.height.saturating_sub(WORDS);
        bands(look, picture, Rect { y: inner.y + WORDS, height: rest, ..inner }, buf);
    }
}

/// What the requests say, in a few words.
fn headline(look: Look<'_>, judgement: &Judgement) -> (Role, String) {
    let since = look.since(judgement.since);
    match &judgement.recommendation {
        Recommendation::RollBack => (Role::Bad, format!("worse, since {since}")),
        Recommendation::Hold { .. } => (Role::Warning, format!("suspicious, since {since}")),
        Recommendation::Promote => (Role::Ok, format!("proved safe, since {since}")),
        Recommendation::Continue | Recommendation::NotEnoughData => (Role::Muted, "not decided".to_owned()),
    }
}

/// On what it rests, and how old that is.
fn heard(look: Look<'_>, picture: &Picture) -> String {
    let (green, blue) = picture.judgement.requests;
    format!("g {} b {} in the log, {} ago", grouped(green), grouped(blue), look.since(picture.judgement.at))
}

fn words(look: Look<'_>, picture: &Picture, area: Rect, buf: &mut Buffer) {
    let judgement = &picture.judgement;
    let mut y = area.y;
    let mut next = || {
        let row = Rect { y, height: u16::from(y < area.bottom()), ..area };
        y += 1;
        row
    };
    meters(look, judgement, next(), buf);
    let muted = |text: String| vec![look.span(Role::Muted, text)];
    look.row(next(), buf, vec![look.span(Role::Text, difference(picture))], Vec::new());
    look.row(next(), buf, vec![look.span(Role::Text, latencies(&picture.green, &picture.blue))], Vec::new());
    look.row(next(), buf, muted(harm(look, judgement)), Vec::new());
    look.row(next(), buf, muted(saved(look, judgement)), Vec::new());
    look.row(next(), buf, muted(ahead(picture)), Vec::new());
}

/// A meter for each symptom: how far its evidence is on the way to proof.
fn meters(look: Look<'_>, judgement: &Judgement, row: Rect, buf: &mut Buffer) {
    let shown = [Symptom::Errors, Symptom::Latency, Symptom::Tail, Symptom::Deaths];
    let width = row.width / 4;
    for (symptom, index) in shown.into_iter().zip(0_u16..) {
        let found = judgement.findings.iter().find(|finding| finding.symptom == symptom);
        let share = found.map(|found| (found.evidence.max(1.0).ln() / judgement.needed.ln()).min(1.0));
        let role = match share {
            Some(share) if share >= 1.0 => Role::Bad,
            Some(share) if share >= 0.5 => Role::Warning,
            _ => Role::Ok,
        };
        let label = match symptom {
            Symptom::Tail => "slow",
            Symptom::Deaths => "deaths",
            Symptom::Errors | Symptom::Latency | Symptom::Traffic => symptom.word(),
        };
        let place = Rect { x: row.x + width * index, width: width.saturating_sub(2), ..row };
        Meter { label, share, role }.render(place, buf, look.theme);
    }
}

/// The difference, with bands that hold the truth with 95 %.
fn difference(picture: &Picture) -> String {
    let judgement = &picture.judgement;
    let points = |part: f64| format!("{:+.1}", part * 100.0);
    let errors = match judgement.excess {
        Some(band) => format!("errors {} points, {} to {}", points(band.middle), points(band.low), points(band.high)),
        None => "errors: none to compare".to_owned(),
    };
    let latency = match judgement.factor {
        Some(band) => format!("latency x{:.2}, {:.2} to {:.2}", band.middle, band.low, band.high),
        None if judgement.allowed_factor > 1.5 => {
            format!("latency: cold start, x{:.1} allowed", judgement.allowed_factor)
        }
        None => "latency: not known yet".to_owned(),
    };
    format!("{errors}; {latency}")
}

/// How long the requests of each side took.
fn latencies(green: &Latencies, blue: &Latencies) -> String {
    let (Some(green), Some(blue)) = (green.quantiles, blue.quantiles) else { return "no latency known".to_owned() };
    let pairs = ["p50", "p90", "p99", "p99.9"].into_iter().zip(green.into_iter().zip(blue));
    let all: Vec<String> = pairs.map(|(name, (green, blue))| format!("{name} {green:.0}/{blue:.0}")).collect();
    format!("ms, green/blue: {}", all.join("  "))
}

/// Whom green has harmed so far.
fn harm(look: Look<'_>, judgement: &Judgement) -> String {
    let harmed = judgement.harmed;
    let all = look.seen().toll.harmed;
    let by_minutes = if all > 0 { format!("; {} failed by CloudWatch", grouped(all)) } else { String::new() };
    format!("harmed so far, in the log: {:.0} failed, {:.0} slowed{by_minutes}", harmed.failed, harmed.slowed)
}

/// What going back now would save.
fn saved(look: Look<'_>, judgement: &Judgement) -> String {
    let share = look.component().traffic.observed.map_or(0.0, |green| f64::from(green.get()) / 100.0);
    let at_full = judgement.harmed.a_minute_at_full;
    if at_full < 0.5 {
        return "rolling back now would save nobody, as far as this tells".to_owned();
    }
    format!("rolling back now saves {:.0} of the log's requests a minute, {at_full:.0} at 100 %", at_full * share)
}

/// When to expect a verdict, and what could be told.
fn ahead(picture: &Picture) -> String {
    let judgement = &picture.judgement;
    let seconds = |secs: f64| Elapsed(std::time::Duration::from_secs_f64(secs.clamp(0.0, 1e7))).to_string();
    let mut parts = Vec::new();
    if judgement.recommendation != Recommendation::RollBack {
        parts.extend(judgement.ahead.roll_back.map(|secs| format!("proved worse in {} at this rate", seconds(secs))));
        parts.extend(judgement.ahead.promote.map(|secs| match secs {
            secs if secs < 1.0 => "safe".to_owned(),
            secs => format!("proved safe in {}", seconds(secs)),
        }));
    }
    let detectable = judgement.detectable;
    let told: Vec<String> = [
        detectable.excess.map(|excess| format!("{:+.1} points", excess * 100.0)),
        detectable.factor.map(|factor| format!("x{factor:.2}")),
    ]
    .into_iter()
    .flatten()
    .collect();
    parts.push(match told.as_slice() {
        [] => "too few requests to tell any regression".to_owned(),
        told => format!("by now {} would have shown", told.join(" or ")),
    });
    parts.join("; ")
}

/// The bands over time.
fn bands(look: Look<'_>, picture: &Picture, area: Rect, buf: &mut Buffer) {
    if area.height < 3 {
        return;
    }
    let half = Rect { width: area.width.saturating_sub(2) / 2, ..area };
    let other = Rect { x: half.right() + 2, ..half };
    let points = |number: f64| format!("{number:+.1}");
    let excess = |of: fn(&Compared) -> Option<f64>| picture.track.iter().map(of).collect::<Vec<_>>();
    let errors = [
        excess(|moment| moment.excess.map(|band| band.low * 100.0)),
        excess(|moment| moment.excess.map(|band| band.high.min(1.0) * 100.0)),
        excess(|moment| moment.excess.map(|band| band.middle * 100.0)),
    ];
    let factor = |number: f64| format!("x{number:.2}");
    let latency = [
        excess(|moment| moment.factor.map(|band| band.low)),
        excess(|moment| moment.factor.map(|band| band.high)),
        excess(|moment| moment.factor.map(|band| band.middle)),
    ];
    let safe = picture.safe_excess * 100.0;
    let span = took(picture.judgement.at.since(picture.began));
    band(look, half, &format!("errors, points over blue, {span}"), &errors, safe, &points, buf);
    band(look, other, "latency, times blue's", &latency, picture.safe_factor, &factor, buf);
}

fn band(
    look: Look<'_>,
    area: Rect,
    title: &str,
    lines: &[Vec<Option<f64>>; 3],
    safe: f64,
    value: &dyn Fn(f64) -> String,
    buf: &mut Buffer,
) {
    look.row(Rect { height: 1, ..area }, buf, vec![look.span(Role::Muted, title.to_owned())], Vec::new());
    let area = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    if lines.iter().all(|line| line.iter().flatten().count() < 2) {
        look.row(Rect { height: 1, ..area }, buf, vec![look.span(Role::NoData, "not known yet")], Vec::new());
        return;
    }
    let [low, high, middle] = lines;
    let bound = look.theme.glyphs.bullet;
    Chart {
        series: &[
            Series { points: low, sign: bound, role: Role::Muted },
            Series { points: high, sign: bound, role: Role::Muted },
            Series { points: middle, sign: "g", role: Role::Green },
        ],
        threshold: Some(safe),
        marks: &[],
        cursor: None,
        times: &[],
        value,
        dots: None,
    }
    .render(area, buf, look.theme);
}
