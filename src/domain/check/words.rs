//! How findings are put into words.

use std::time::Duration;

use crate::domain::redact::printable;
use crate::domain::time::Timestamp;

/// Characters of something found that are quoted.
const QUOTED: usize = 120;

const DAY: i64 = 24 * 60 * 60;

/// What came from outside, short and harmless.
pub(super) fn quote(text: &str) -> String {
    let mut head: String = text.chars().take(QUOTED + 1).collect();
    if head.chars().count() > QUOTED {
        head.pop();
        head.push('…');
    }
    printable(&head).into_owned()
}

/// `48 ms`, `1.2 s`, `5 s`.
pub(super) fn span(span: Duration) -> String {
    let millis = span.as_millis();
    match millis {
        0..1_000 => format!("{millis} ms"),
        1_000..10_000 if !millis.is_multiple_of(1_000) => format!("{}.{} s", millis / 1_000, millis % 1_000 / 100),
        _ => long(span),
    }
}

/// `5 s`, `3 min`, `7 h`, `12 days`.
fn long(span: Duration) -> String {
    match span.as_secs() {
        secs @ 0..120 => format!("{secs} s"),
        secs @ 120..7_200 => format!("{} min", secs / 60),
        secs @ 7_200..172_800 => format!("{} h", secs / 3_600),
        secs => format!("{} days", secs / 86_400),
    }
}

/// How far apart two moments are, for one who reads it at `now`: `3 days ago`, `in 5 min`.
pub(super) fn apart(at: Timestamp, now: Timestamp) -> String {
    if at > now { format!("in {}", long(at.since(now))) } else { format!("{} ago", long(now.since(at))) }
}

/// `2026-11-20`.
pub(super) fn day(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.millis())
        .map_or_else(|_| "a day beyond all calendars".to_owned(), |at| at.strftime("%Y-%m-%d").to_string())
}

/// Whole days from `now` until `at`; negative when it has passed.
pub(super) fn days(at: Timestamp, now: Timestamp) -> i64 {
    at.secs().saturating_sub(now.secs()).div_euclid(DAY)
}
