//! The four golden signals at a glance: green beside blue, the verdict, and on what evidence. As a table where the
//! screen is narrow or low, as four cards where there is room.

mod card;

use std::sync::Arc;
use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::format::{age, clock, sampled, value};
use super::look::Look;
use super::theme::{Glyphs, Role};
use super::widgets::text::{clip, pad, pad_start, width};
use super::widgets::{Panel, Sparkline};
use crate::domain::ids::Side;
use crate::domain::signal::{Golden, Point, Policy, Ruling, SignalPlan, Unit, Verdict};
use crate::domain::time::Timestamp;
use crate::engine::snapshot::{SignalSeries, Source};

/// The least columns of a card.
const CARD_COLUMNS: u16 = 21;

/// Columns of a verdict's word.
const WORD: usize = 8;

/// The least columns of a row of the table that has room for the evidence.
const TABLE_WITH_EVIDENCE: u16 = 51;

/// The least rows of a card, with its frame.
const CARD_ROWS: u16 = 7;

/// CloudWatch's metrics are this late at most; what is older belongs to a side without traffic.
const LATE: Duration = Duration::from_mins(5);

/// A side's newest value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Newest {
    value: Option<f64>,
    /// Set when it is too old to be called the side's present value.
    at: Option<Timestamp>,
}

impl Newest {
    /// The figure; nothing in place of an old one.
    pub(super) fn figure(self, unit: Unit) -> String {
        value(self.value.filter(|_| self.at.is_none()), unit)
    }

    /// The figure, and the age of an old one.
    pub(super) fn aged(self, look: Look<'_>, unit: Unit) -> String {
        match self.at {
            Some(at) => format!("{}, {} ago", value(self.value, unit), age(look.now().since(at))),
            None => value(self.value, unit),
        }
    }

    /// The look of it: that of the side, unless it is old or there is none.
    pub(super) fn role(self, role: Role) -> Role {
        if self.at.is_some() || self.value.is_none() { Role::Muted } else { role }
    }
}

/// One signal with all that is known of it.
#[derive(Clone, Copy)]
pub(super) struct Reading<'a> {
    pub(super) plan: &'a SignalPlan,
    pub(super) verdict: Option<&'a Verdict>,
    pub(super) series: Option<&'a SignalSeries>,
    is_waived: bool,
    /// Since when it is no longer judged: what is measured goes on, its verdict stays.
    judged_until: Option<Timestamp>,
}

impl<'a> Reading<'a> {
    /// Every signal of the release, in the plan's order.
    pub(super) fn all(look: Look<'a>) -> Vec<Self> {
        let one = |plan: &'a SignalPlan| Self {
            plan,
            verdict: look.component().verdicts.iter().find(|verdict| verdict.signal == plan.name),
            series: look.seen().series.iter().find(|series| series.signal == plan.name).map(AsRef::as_ref),
            is_waived: look.component().waived.contains(&plan.name),
            judged_until: judged_until(look),
        };
        look.planned().signals.iter().map(one).collect()
    }

    /// Every signal of the release over these series, in the plan's order.
    pub(super) fn over(look: Look<'a>, series: &'a [Arc<SignalSeries>]) -> Vec<Self> {
        let mut all = Self::all(look);
        for reading in &mut all {
            let found = series.iter().find(|series| series.signal == reading.plan.name);
            reading.series = found.map(AsRef::as_ref).or(reading.series);
        }
        all
    }

    /// A side's value of the period that holds this moment.
    pub(super) fn at(self, side: Side, at: Timestamp) -> Option<f64> {
        let begins = at.floor_to(self.series?.period);
        self.points(side)?.iter().find(|point| point.at == begins).map(|point| point.value)
    }

    /// A side's values over `count` periods, the last of which begins at `end`.
    pub(super) fn values_until(self, side: Side, end: Timestamp, count: usize) -> Vec<Option<f64>> {
        let Some(series) = self.series else { return Vec::new() };
        sampled(self.points(side).unwrap_or_default(), series.period, end, count)
    }

    /// A side's newest value: the one that was judged, while it is judged, or else the newest measured; with its age
    /// where the side has no point in the newest periods, so that an old value is never taken for a present one.
    pub(super) fn newest(self, look: Look<'_>, side: Side) -> Newest {
        let last = self.points(side).and_then(<[Point]>::last);
        // A release that has ended is no longer measured: its values are those of its end.
        let end = match &look.release().ended {
            Some(_) => self.end(),
            None => self.end().max(Some(look.now() - LATE)),
        };
        let is_old = |at: Timestamp| {
            let slack = self.series.map(|series| series.period).unwrap_or_default();
            end.is_some_and(|end| end.since(at) > slack)
        };
        let judged = self.verdict.filter(|_| self.judged_until.is_none());
        let judged = judged.filter(|verdict| verdict.newest.is_none_or(|at| !is_old(at)));
        let judged = judged.and_then(|verdict| match side {
            Side::Green => verdict.green,
            Side::Blue => verdict.blue,
        });
        match (judged, last) {
            (Some(value), _) => Newest { value: Some(value), at: None },
            (None, Some(point)) if is_old(point.at) => Newest { value: Some(point.value), at: Some(point.at) },
            (None, point) => Newest { value: point.map(|point| point.value), at: None },
        }
    }

    fn points(self, side: Side) -> Option<&'a [Point]> {
        let series = self.series?;
        Some(if side == Side::Green { &series.green } else { &series.blue })
    }

    /// The start of the newest period measured on either side.
    pub(super) fn end(self) -> Option<Timestamp> {
        let last = |side| self.points(side)?.last().map(|point| point.at);
        last(Side::Blue).max(last(Side::Green))
    }

    /// A side's values over the newest `count` periods.
    pub(super) fn values(self, side: Side, count: usize) -> Vec<Option<f64>> {
        let (Some(series), Some(end)) = (self.series, self.end()) else { return Vec::new() };
        let points = self.points(side).unwrap_or_default();
        sampled(points, series.period, end, count)
    }

    /// How bad it is, for choosing which signal speaks for its golden signal: higher is worse. What is only observed
    /// never outshouts what can stop the release.
    fn weight(self) -> u8 {
        let ruling = match self.verdict.map(|verdict| verdict.ruling) {
            Some(Ruling::Fail) => 5,
            Some(Ruling::Error) => 4,
            Some(Ruling::Marginal) => 3,
            Some(Ruling::NoData) => 2,
            None => 1,
            Some(Ruling::Pass) => 0,
        };
        if self.plan.policy == Policy::Observe { ruling } else { ruling + 6 }
    }

    /// Why it does not pass, and whether a human has waived that.
    pub(super) fn reason(self) -> Option<String> {
        let verdict = self.verdict.filter(|verdict| verdict.ruling != Ruling::Pass)?;
        Some(if self.is_waived { format!("waived: {}", verdict.reason) } else { verdict.reason.clone() })
    }

    pub(super) fn ruling(self) -> Option<Ruling> {
        self.verdict.map(|verdict| verdict.ruling)
    }

    /// On what the verdict stands that is no longer renewed, in at most `room` columns: `judged 14:04:31 at 7.65 %`.
    /// `None` while it is renewed, since the newest value is the one judged then.
    pub(super) fn stands(self, look: Look<'_>, room: usize) -> Option<String> {
        let (verdict, until) = (self.verdict?, self.judged_until?);
        let long = clock(until, look.model.utc_offset);
        let short = long.get(..5).unwrap_or_default();
        let at = match verdict.green {
            Some(_) => format!(" at {}", value(verdict.green, self.plan.unit)),
            None => String::new(),
        };
        let forms = [format!("judged {long}{at}"), format!("judged {short}{at}"), format!("judged{at}")];
        forms.into_iter().find(|form| width(form) <= room)
    }

    /// How far the evidence is: towards the samples needed, or else towards a failure. Once it is no longer judged, the
    /// value that was judged last.
    pub(super) fn evidence(self) -> Option<String> {
        let verdict = self.verdict?;
        if self.judged_until.is_some() {
            return Some(value(verdict.green, self.plan.unit));
        }
        Some(match verdict.ruling {
            Ruling::NoData if verdict.needed > verdict.samples => format!("{}/{}", verdict.samples, verdict.needed),
            Ruling::NoData | Ruling::Error => String::new(),
            Ruling::Pass | Ruling::Fail | Ruling::Marginal => {
                format!("{:.0} %", (verdict.evidence.clamp(0.0, 1.0) * 100.0).floor())
            }
        })
    }
}

/// Since when nothing is judged any more: what a release goes back for, or ended with, is decided.
fn judged_until(look: Look<'_>) -> Option<Timestamp> {
    let release = look.release();
    let back = release.unwinding.as_ref().map(|unwinding| unwinding.since);
    back.or(release.ended.as_ref().map(|ended| ended.at))
}

/// How a ruling looks.
pub(super) fn sign(glyphs: &'static Glyphs, ruling: Option<Ruling>) -> (&'static str, Role, &'static str) {
    match ruling {
        Some(Ruling::Pass) => (glyphs.ok, Role::Ok, Ruling::Pass.word()),
        Some(Ruling::Fail) => (glyphs.bad, Role::Bad, Ruling::Fail.word()),
        Some(Ruling::Marginal) => (glyphs.warning, Role::Warning, Ruling::Marginal.word()),
        Some(Ruling::NoData) => (glyphs.no_data, Role::NoData, Ruling::NoData.word()),
        Some(Ruling::Error) => (glyphs.warning, Role::NoData, Ruling::Error.word()),
        None => (glyphs.pending, Role::Muted, "unjudged"),
    }
}

/// The signals of one golden signal, the one that speaks for it first.
fn grouped<'a>(readings: &[Reading<'a>], golden: Golden) -> Vec<Reading<'a>> {
    let mut group: Vec<Reading<'a>> =
        readings.iter().copied().filter(|reading| reading.plan.golden == golden).collect();
    // Stable, so that equals stay in the plan's order.
    group.sort_by_key(|reading| std::cmp::Reverse(reading.weight()));
    group
}

/// Draws cards or a table, whichever fits.
pub(super) fn draw(look: Look<'_>, area: Rect, buf: &mut Buffer) {
    let readings = Reading::all(look);
    let groups: Vec<Vec<Reading<'_>>> =
        Golden::ALL.iter().map(|golden| grouped(&readings, *golden)).filter(|group| !group.is_empty()).collect();
    let count = u16::try_from(groups.len()).unwrap_or(u16::MAX);
    if count == 0 {
        let panel = Panel { title: Line::from("signals"), ..Panel::default() };
        let inner = panel.render(area, buf, look.theme);
        look.row(inner, buf, vec![look.span(Role::Muted, " nothing is measured: the gates open by hand")], Vec::new());
    } else if area.width / count >= CARD_COLUMNS && area.height >= CARD_ROWS {
        let mut x = area.x;
        for (index, group) in groups.iter().enumerate() {
            let left = count.saturating_sub(u16::try_from(index).unwrap_or(u16::MAX)).max(1);
            let size = (area.right() - x) / left;
            card::draw(look, group, Rect { x, width: size, ..area }, buf);
            x += size;
        }
    } else {
        table(look, &groups, area, buf);
    }
}

/// How old the measurements are, where that matters; the bare age where there are not columns enough for the word.
fn staleness(look: Look<'_>, columns: usize) -> Option<Span<'_>> {
    let text = look.stale(Source::Signals)?;
    let sign = look.theme.glyphs.warning;
    let long = format!("{sign} {text}");
    let short = text.strip_prefix("stale ").map(|age| format!("{sign} {age}")).filter(|_| width(&long) > columns);
    Some(look.span(Role::Warning, short.unwrap_or(long)))
}

/// Why the worst signal does not pass, the first of the plan among equals. What holds for several is said once.
fn caption(readings: &[Reading<'_>]) -> Option<String> {
    let with_reason = || readings.iter().filter(|reading| reading.reason().is_some());
    let most = with_reason().map(|reading| reading.weight()).max()?;
    let worst = with_reason().find(|reading| reading.weight() == most)?;
    let reason = worst.reason()?;
    let same: Vec<&str> = with_reason()
        .filter(|reading| reading.reason().as_ref() == Some(&reason))
        .map(|reading| reading.plan.name.as_str())
        .collect();
    let is_unjudged = |reading: &Reading<'_>| matches!(reading.ruling(), None | Some(Ruling::NoData));
    if same.len() > 1 && readings.iter().all(is_unjudged) {
        return Some(format!("nothing judged: {reason}"));
    }
    Some(format!("{}: {reason}", same.join(", ")))
}

fn table(look: Look<'_>, groups: &[Vec<Reading<'_>>], area: Rect, buf: &mut Buffer) {
    let below = caption(&Reading::all(look)).map(|text| {
        let room = usize::from(area.width.saturating_sub(6));
        look.span(Role::Muted, clip(&text, room, look.theme.glyphs.ellipsis).into_owned())
    });
    let head = match judged_until(look) {
        Some(until) => format!("judged {}", clock(until, look.model.utc_offset)),
        None if area.width >= TABLE_WITH_EVIDENCE + 2 => "to failure".to_owned(),
        None => String::new(),
    };
    let panel = Panel {
        title: Line::from("signals"),
        right: Line::from(staleness(look, usize::MAX).unwrap_or_else(|| look.span(Role::Muted, head))),
        below: below.map(Line::from).unwrap_or_default(),
        ..Panel::default()
    };
    let inner = panel.render(area, buf, look.theme);
    let mut speakers: Vec<&Reading<'_>> = groups.iter().filter_map(|group| group.first()).collect();
    if speakers.len() > usize::from(inner.height) {
        speakers.sort_by_key(|reading| std::cmp::Reverse(reading.weight()));
    }
    let spare = groups.iter().flat_map(|group| group.iter().skip(1));
    // The others of a group follow where there is room.
    for (reading, row) in speakers.into_iter().chain(spare).zip(inner.rows()) {
        draw_row(look, *reading, row, buf);
    }
}

fn draw_row(look: Look<'_>, reading: Reading<'_>, row: Rect, buf: &mut Buffer) {
    let (sign, role, word) = sign(look.theme.glyphs, reading.ruling());
    let (green, blue) = (reading.newest(look, Side::Green), reading.newest(look, Side::Blue));
    let figure = |newest: Newest| pad_start(&newest.figure(reading.plan.unit), 7);
    let name = clip(reading.plan.name.as_str(), 11, look.theme.glyphs.ellipsis).into_owned();
    let left = vec![
        Span::raw(" "),
        look.span(role, sign),
        look.span(Role::Text, format!(" {}", pad(&name, 11))),
        look.span(green.role(Role::Green), format!(" g{}", figure(green))),
        look.span(blue.role(Role::Blue), format!(" b{}", figure(blue))),
    ];
    let mut right = vec![look.span(role, word), Span::raw(pad("", WORD.saturating_sub(word.len())))];
    let has_evidence = row.width >= TABLE_WITH_EVIDENCE;
    right.push(if has_evidence {
        look.span(Role::Muted, format!(" {} ", pad_start(&reading.evidence().unwrap_or_default(), 7)))
    } else {
        Span::raw(" ")
    });
    let left_columns = 3 + 11 + 9 + 9;
    let right_columns = 8 + 9;
    let trend = row.width.saturating_sub(left_columns + right_columns + 2);
    look.row(row, buf, left, right);
    if trend >= 5 {
        let area = Rect { x: row.x + left_columns + 1, width: trend, height: 1, ..row };
        let count = usize::from(trend);
        let (green, blue) = (reading.values(Side::Green, count), reading.values(Side::Blue, count));
        // Green where there is some; blue leads up to it.
        let points: Vec<Option<f64>> = blue.iter().zip(&green).map(|(blue, green)| green.or(*blue)).collect();
        let ceiling = ceiling(&points, reading.plan.max);
        Sparkline { points: &blue, ceiling: Some(ceiling), role: Role::Blue }.render(area, buf, look.theme);
        overlay_green(look, &green, ceiling, area, buf);
    }
}

/// A limit this many times above the highest point would press the line flat.
const FAR: f64 = 3.0;

/// How much higher than its highest point a line's row is, so that rows do not grow together.
const HEADROOM: f64 = 1.6;

/// The value of full height: the limit where it is near.
fn ceiling(points: &[Option<f64>], limit: Option<f64>) -> f64 {
    let highest = points.iter().flatten().copied().filter(|value| value.is_finite()).fold(0.0, f64::max);
    let near = limit.filter(|limit| *limit <= highest * FAR);
    near.unwrap_or(0.0).max(highest * HEADROOM)
}

/// Draws green's points over blue's, only where there are some.
fn overlay_green(look: Look<'_>, green: &[Option<f64>], ceiling: f64, area: Rect, buf: &mut Buffer) {
    let Some(first) = green.iter().position(Option::is_some) else { return };
    let newest = green.get(first..).unwrap_or_default();
    let size = u16::try_from(newest.len()).unwrap_or(u16::MAX).min(area.width);
    let area = Rect { x: area.right() - size, width: size, ..area };
    Sparkline { points: newest, ceiling: Some(ceiling), role: Role::Green }.render(area, buf, look.theme);
}
