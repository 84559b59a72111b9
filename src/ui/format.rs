//! Figures and moments as operators read them.

use std::time::Duration;

use unicode_segmentation::UnicodeSegmentation;

use crate::domain::signal::{Point, Unit};
use crate::domain::time::{Elapsed, Timestamp};

/// What stands for a figure that is not there.
pub(super) const NOTHING: &str = "–";

/// The columns that `text` takes.
pub(super) fn columns(text: &str) -> u16 {
    u16::try_from(super::widgets::text::width(text)).unwrap_or(u16::MAX)
}

/// What is left of `text` when its first `columns` are hidden; a wide sign that would be halved is hidden whole.
pub(super) fn columns_after(text: &str, columns: usize) -> &str {
    if columns == 0 {
        return text;
    }
    let mut hidden = 0;
    for (at, grapheme) in text.grapheme_indices(true) {
        if hidden >= columns {
            return text.get(at..).unwrap_or_default();
        }
        hidden += super::widgets::text::width(grapheme);
    }
    ""
}

/// A value in its unit, in at most six columns for what services really show.
pub(super) fn value(value: Option<f64>, unit: Unit) -> String {
    let Some(value) = value.filter(|value| value.is_finite()) else { return NOTHING.to_owned() };
    match unit {
        Unit::Percent => format!("{} %", figure(value, 2)),
        Unit::Milliseconds if value >= 9_995.0 => format!("{:.1} s", value / 1_000.0),
        Unit::Milliseconds if value >= 999.5 => format!("{:.2} s", value / 1_000.0),
        Unit::Milliseconds => format!("{} ms", figure(value, 1)),
        Unit::PerSecond if value >= 9_999.5 => format!("{:.0}k/s", value / 1_000.0),
        Unit::PerSecond => format!("{}/s", figure(value, 1)),
        Unit::Count if value >= 100_000.0 => format!("{:.0}k", value / 1_000.0),
        Unit::Count => figure(value, 1),
    }
}

/// Whole from ten up, with `digits` behind the point below; a plain zero for nothing at all.
fn figure(value: f64, digits: usize) -> String {
    if value == 0.0 {
        "0".to_owned()
    } else if value.abs() >= 9.995 {
        format!("{value:.0}")
    } else {
        format!("{value:.digits$}")
    }
}

/// A value on an axis: without digits that say nothing.
pub(super) fn axis(number: f64, unit: Unit) -> String {
    let text = value(Some(number), unit);
    match text.split_once(' ') {
        Some((figure, unit)) if figure.contains('.') => {
            format!("{} {unit}", figure.trim_end_matches('0').trim_end_matches('.'))
        }
        _ => text,
    }
}

/// A number in groups of three: `18 240`.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// How long something took: to a tenth of a second where that is all it took.
pub(super) fn took(span: Duration) -> String {
    if span < Duration::from_secs(1) { format!("{:.1} s", span.as_secs_f64()) } else { Elapsed(span).to_string() }
}

/// An age in one unit: `2 s`, `47 min`, `5 h`, `3 d`.
pub(super) fn age(span: Duration) -> String {
    let secs = span.as_secs();
    match secs {
        0..120 => format!("{secs} s"),
        120..7_200 => format!("{} min", secs / 60),
        7_200..172_800 => format!("{} h", secs / 3_600),
        _ => format!("{} d", secs / 86_400),
    }
}

/// The time of day, so many seconds ahead of UTC.
pub(super) fn clock(at: Timestamp, utc_offset: i32) -> String {
    let of_day = at.secs().saturating_add(i64::from(utc_offset)).rem_euclid(86_400);
    format!("{:02}:{:02}:{:02}", of_day / 3_600, of_day / 60 % 60, of_day % 60)
}

/// What [`clock`] counts from: `UTC`, `+02:00`.
pub(super) fn zone(utc_offset: i32) -> String {
    if utc_offset == 0 {
        return "UTC".to_owned();
    }
    let sign = if utc_offset < 0 { '-' } else { '+' };
    let minutes = utc_offset.unsigned_abs() / 60;
    format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}

/// The values of `count` periods that end with the one at `end`, oldest first; a period without a point is a gap.
pub(super) fn sampled(points: &[Point], period: Duration, end: Timestamp, count: usize) -> Vec<Option<f64>> {
    let mut values = vec![None; count];
    let step = i64::try_from(period.as_millis()).unwrap_or(i64::MAX).max(1);
    for point in points {
        let back = (end.millis().saturating_sub(point.at.millis()) + step / 2).div_euclid(step);
        let place = usize::try_from(back).ok().and_then(|back| count.checked_sub(back + 1));
        if let Some(slot) = place.and_then(|place| values.get_mut(place)) {
            *slot = Some(point.value);
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_as_short_as_they_can_be_and_no_shorter() {
        let shown = |number, unit| value(Some(number), unit);
        assert_eq!(shown(0.124, Unit::Percent), "0.12 %");
        assert_eq!(shown(9.999, Unit::Percent), "10 %");
        assert_eq!(shown(41.4, Unit::Percent), "41 %");
        assert_eq!(shown(840.2, Unit::Milliseconds), "840 ms");
        assert_eq!(shown(1_240.0, Unit::Milliseconds), "1.24 s");
        assert_eq!(shown(12_400.0, Unit::Milliseconds), "12.4 s");
        assert_eq!(shown(12_400.0, Unit::PerSecond), "12k/s");
        assert_eq!(shown(0.0, Unit::PerSecond), "0/s");
        assert_eq!(value(None, Unit::Count), NOTHING);
        assert_eq!(value(Some(f64::NAN), Unit::Percent), NOTHING);
        assert_eq!(axis(0.50, Unit::Percent), "0.5 %");
        assert_eq!(axis(1_000.0, Unit::Milliseconds), "1 s");
    }

    #[test]
    fn numbers_and_times_read_at_a_glance() {
        assert_eq!([grouped(7), grouped(18_240), grouped(1_000_000)], ["7", "18 240", "1 000 000"]);
        assert_eq!([400, 1_000, 64_900].map(|ms| took(Duration::from_millis(ms))), ["0.4 s", "0:01", "1:04"]);
        assert_eq!(age(Duration::from_secs(95)), "95 s");
        assert_eq!(age(Duration::from_mins(47)), "47 min");
        assert_eq!(age(Duration::from_hours(5)), "5 h");
        let at = Timestamp::from_secs(1_773_324_271);
        assert_eq!([clock(at, 0), clock(at, 7_200)], ["14:04:31", "16:04:31"]);
        assert_eq!([zone(0), zone(7_200), zone(-12_600)], ["UTC", "+02:00", "-03:30"]);
    }

    #[test]
    fn a_missing_period_is_a_gap() {
        let minute = Duration::from_mins(1);
        let point = |minutes: i64, value| Point { at: Timestamp::from_secs(minutes * 60), value, samples: 1 };
        let points = [point(1, 1.0), point(2, 2.0), point(4, 4.0)];
        assert_eq!(sampled(&points, minute, Timestamp::from_secs(240), 3), [Some(2.0), None, Some(4.0)]);
        assert_eq!(sampled(&points, minute, Timestamp::from_secs(60), 2), [None, Some(1.0)]);
        assert_eq!(sampled(&points, Duration::ZERO, Timestamp::from_secs(60), 0), []);
    }
}
