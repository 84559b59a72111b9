//! When releases may go out: office hours in a time zone, holidays, freezes.
//!
//! Everything is worked out from a moment and a zone that the caller brings along: nothing here reads a clock or the
//! time zone database. Hours are civil: a window from nine to five is that on the wall, before and after the clocks
//! change. Where they skip an hour, a window that lies in it does not happen; where they repeat one, a window's first
//! bounds count.

use std::fmt;

use jiff::Zoned;
use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::time::Timestamp;

/// How far ahead an opening is looked for, in days.
const HORIZON: i32 = 400;

/// How many windows that follow upon each other without a pause are taken for one when its end is told.
const JOINED: usize = 16;

/// When releases may go out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calendar {
    /// IANA time zone, such as `Europe/Zurich`.
    pub zone: String,
    /// The windows; none at all means any time that nothing else excludes.
    pub hours: Vec<Hours>,
    /// Days on which no window is open.
    pub holidays: Vec<Date>,
    /// Times in which nothing goes out, whatever the windows say.
    pub freezes: Vec<Freeze>,
}

/// A window, on each of its days.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hours {
    /// The days on which it opens. Never empty.
    pub days: Vec<Day>,
    /// When it opens.
    pub from: Minute,
    /// When it closes; on the next day if that is not after `from`.
    pub to: Minute,
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Day {
    /// Monday.
    Mon,
    /// Tuesday.
    Tue,
    /// Wednesday.
    Wed,
    /// Thursday.
    Thu,
    /// Friday.
    Fri,
    /// Saturday.
    Sat,
    /// Sunday.
    Sun,
}

impl Day {
    /// All of them with their words, in the week's order.
    pub const WORDS: [(&'static str, Self); 7] = [
        ("mon", Self::Mon),
        ("tue", Self::Tue),
        ("wed", Self::Wed),
        ("thu", Self::Thu),
        ("fri", Self::Fri),
        ("sat", Self::Sat),
        ("sun", Self::Sun),
    ];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Mon => "mon",
            Self::Tue => "tue",
            Self::Wed => "wed",
            Self::Thu => "thu",
            Self::Fri => "fri",
            Self::Sat => "sat",
            Self::Sun => "sun",
        }
    }

    fn of(day: Weekday) -> Self {
        match day {
            Weekday::Monday => Self::Mon,
            Weekday::Tuesday => Self::Tue,
            Weekday::Wednesday => Self::Wed,
            Weekday::Thursday => Self::Thu,
            Weekday::Friday => Self::Fri,
            Weekday::Saturday => Self::Sat,
            Weekday::Sunday => Self::Sun,
        }
    }
}

/// A time of day, in minutes after midnight: 0 to 1440, the last being the midnight at the end of the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Minute(u16);

impl Minute {
    /// The midnight at the end of the day.
    pub const END: Self = Self(24 * 60);

    /// `09:30`, up to `24:00`; `None` when it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let (hour, minute) = text.split_once(':')?;
        let number = |part: &str, most: u16| {
            let is_plain = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
            part.parse::<u16>().ok().filter(|number| is_plain && *number <= most)
        };
        let minutes = number(hour, 24)? * 60 + number(minute, 59)?;
        (minutes <= Self::END.0).then_some(Self(minutes))
    }

    /// This time of `date`.
    fn on(self, date: Date) -> DateTime {
        let (hour, minute) = (self.0 / 60, self.0 % 60);
        let time = i8::try_from(hour).ok().zip(i8::try_from(minute).ok());
        match time.and_then(|(hour, minute)| Time::new(hour, minute, 0, 0).ok()) {
            Some(time) => date.to_datetime(time),
            None => date.tomorrow().unwrap_or(Date::MAX).to_datetime(Time::midnight()),
        }
    }
}

impl fmt::Display for Minute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

/// A time in which nothing goes out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Freeze {
    /// Its first moment, by the calendar's clocks.
    pub from: DateTime,
    /// The moment after its last.
    pub to: DateTime,
    /// Why.
    pub reason: String,
}

/// Whether releases may go out at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// They may.
    Open {
        /// Until then; `None` when no end is in sight.
        until: Option<Timestamp>,
    },
    /// They may not.
    Shut {
        /// Why not.
        why: String,
        /// When they may again; `None` when that is not in sight.
        opens: Option<Timestamp>,
    },
}

/// From the first up to but not including the second.
type Span = (Timestamp, Timestamp);

impl Calendar {
    /// Whether releases may go out at `now`, by the clocks of `zone`, which is to be the one that the calendar names.
    pub fn standing(&self, zone: &TimeZone, now: Timestamp) -> Standing {
        let Some(today) = zoned(zone, now).map(|now| now.date()) else {
            return Standing::Shut { why: "the clock shows no date".to_owned(), opens: None };
        };
        let shut = self.exclusions(zone, today);
        let open = self.windows(zone, today);
        match opening(open.as_deref(), &shut, now) {
            Some(at) if at <= now => Standing::Open { until: closing(open.as_deref(), &shut, now) },
            opens => Standing::Shut { why: self.why_shut(zone, now), opens },
        }
    }

    /// A moment by the calendar's clocks: `Mon 23 Nov 09:00 CET`.
    pub fn show(zone: &TimeZone, at: Timestamp) -> String {
        zoned(zone, at).map(|at| at.strftime("%a %-d %b %H:%M %Z").to_string()).unwrap_or_default()
    }

    /// It in one line: `mon-fri 09:00-17:00 Europe/Zurich; 2 holidays; frozen 20 Dec to 3 Jan (year end)`.
    pub fn describe(&self) -> String {
        let hours: Vec<String> = self.hours.iter().map(ToString::to_string).collect();
        let mut text = if hours.is_empty() { "any time".to_owned() } else { hours.join(", ") };
        text.push_str(&format!(" {}", self.zone));
        match self.holidays.len() {
            0 => {}
            1 => text.push_str("; not on 1 holiday"),
            many => text.push_str(&format!("; not on {many} holidays")),
        }
        match self.freezes.len() {
            0 => {}
            1 => text.push_str("; 1 freeze"),
            many => text.push_str(&format!("; {many} freezes")),
        }
        text
    }

    /// The windows of the days around `today` on, in order; `None` stands for all of time.
    fn windows(&self, zone: &TimeZone, today: Date) -> Option<Vec<Span>> {
        if self.hours.is_empty() {
            return None;
        }
        let days = days_from(today, HORIZON);
        let mut spans: Vec<Span> = days
            .flat_map(|date| self.hours.iter().filter_map(move |hours| hours.span(zone, date)))
            .filter(|(from, to)| from < to)
            .collect();
        spans.sort_unstable();
        Some(spans)
    }

    fn exclusions(&self, zone: &TimeZone, today: Date) -> Vec<Span> {
        let holidays = self.holidays.iter().filter(|date| **date >= today.yesterday().unwrap_or(today)).map(|date| {
            let next = date.tomorrow().unwrap_or(Date::MAX);
            (moment(zone, date.to_datetime(Time::midnight())), moment(zone, next.to_datetime(Time::midnight())))
        });
        let freezes = self.freezes.iter().map(|freeze| (moment(zone, freeze.from), moment(zone, freeze.to)));
        let spans = holidays.chain(freezes).filter_map(|(from, to)| from.zip(to));
        let mut spans: Vec<Span> = spans.filter(|(from, to)| from < to).collect();
        spans.sort_unstable();
        spans
    }

    fn why_shut(&self, zone: &TimeZone, now: Timestamp) -> String {
        let frozen = self.freezes.iter().find(|freeze| {
            let span = moment(zone, freeze.from).zip(moment(zone, freeze.to));
            span.is_some_and(|(from, to)| from <= now && now < to)
        });
        if let Some(freeze) = frozen {
            return format!("frozen: {}", freeze.reason);
        }
        let Some(here) = zoned(zone, now) else { return "outside every window".to_owned() };
        if self.holidays.contains(&here.date()) {
            return format!("{} is a holiday", here.strftime("%a %-d %b"));
        }
        format!("{} is outside {}", here.strftime("%a %H:%M"), self.describe_hours())
    }

    fn describe_hours(&self) -> String {
        self.hours.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }
}

impl Hours {
    /// The window that opens on `date`, if one does.
    fn span(&self, zone: &TimeZone, date: Date) -> Option<Span> {
        if !self.days.contains(&Day::of(date.weekday())) {
            return None;
        }
        let last = if self.to > self.from { date } else { date.tomorrow().ok()? };
        moment(zone, self.from.on(date)).zip(moment(zone, self.to.on(last)))
    }
}

impl fmt::Display for Hours {
    /// `mon-fri 09:00-17:00`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let listed: Vec<Day> = Day::WORDS.iter().map(|(_, day)| *day).filter(|day| self.days.contains(day)).collect();
        let is_run = listed
            .last()
            .zip(listed.first())
            .is_some_and(|(last, first)| listed.len() > 2 && (*last as usize) - (*first as usize) + 1 == listed.len());
        match (listed.first(), listed.last()) {
            (Some(first), Some(last)) if is_run => write!(f, "{}-{}", first.word(), last.word())?,
            _ => f.write_str(&listed.iter().map(|day| day.word()).collect::<Vec<_>>().join(","))?,
        }
        write!(f, " {}-{}", self.from, self.to)
    }
}

/// The first moment from `now` on that is in a window and not excluded.
fn opening(open: Option<&[Span]>, shut: &[Span], now: Timestamp) -> Option<Timestamp> {
    let Some(open) = open else { return Some(after(shut, now)) };
    let candidates = open.iter().filter(|(_, to)| *to > now).filter_map(|(from, to)| {
        let at = after(shut, now.max(*from));
        (at < *to).then_some(at)
    });
    candidates.min()
}

/// The first moment from `at` on that is not excluded; the exclusions are in order.
fn after(shut: &[Span], at: Timestamp) -> Timestamp {
    shut.iter().fold(at, |at, (from, to)| if *from <= at && at < *to { *to } else { at })
}

/// When what is open at `now` closes, windows without a pause between them taken for one.
fn closing(open: Option<&[Span]>, shut: &[Span], now: Timestamp) -> Option<Timestamp> {
    let next_exclusion = shut.iter().map(|(from, _)| *from).filter(|from| *from > now).min();
    let mut end = now;
    for _ in 0..JOINED {
        let Some(later) =
            open.into_iter().flatten().filter(|(from, to)| *from <= end && end < *to).map(|(_, to)| *to).max()
        else {
            break;
        };
        end = later;
    }
    let window_end = (end > now).then_some(end);
    match (window_end, next_exclusion) {
        (Some(end), Some(next)) => Some(end.min(next)),
        (end, next) => end.or(next),
    }
}

/// The day before `today`, for windows over midnight, and as many after it as are looked at.
fn days_from(today: Date, horizon: i32) -> impl Iterator<Item = Date> {
    std::iter::successors(today.yesterday().ok(), |date| date.tomorrow().ok())
        .take(usize::try_from(horizon).unwrap_or_default())
}

fn zoned(zone: &TimeZone, at: Timestamp) -> Option<Zoned> {
    jiff::Timestamp::from_millisecond(at.millis()).ok().map(|at| at.to_zoned(zone.clone()))
}

fn moment(zone: &TimeZone, at: DateTime) -> Option<Timestamp> {
    zone.to_timestamp(at).ok().map(|at| Timestamp::from_millis(at.as_millisecond()))
}

#[cfg(test)]
mod tests;
