//! The sections that stand alone: `[rollback]`, `[engine]` and `[screen]`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::super::model::{Color, Engine, Polls, Screen, ThemeChoice};
use super::super::problem::{Mistake, nearest};
use super::super::reader::{Item, Table};
use super::super::values;
use crate::domain::percent::Percent;
use crate::domain::plan::RollbackPlan;

pub(super) fn rollback(table: Option<Table<'_>>) -> RollbackPlan {
    let default = RollbackPlan {
        escalate_after: Duration::from_mins(5),
        min_healthy: Percent::clamped(75),
        keep_green: false,
        one_by_one: false,
    };
    let Some(table) = table else { return default };
    let plan = RollbackPlan {
        escalate_after: table.or("escalate_after", values::some_time, default.escalate_after),
        min_healthy: table.or("min_healthy", values::percent, default.min_healthy),
        keep_green: table.or("keep_green", values::flag, default.keep_green),
        one_by_one: table.or("one_by_one", values::flag, default.one_by_one),
    };
    table.finish();
    plan
}

/// `state_dir` is where the journal is kept unless the file says otherwise.
pub(super) fn engine(table: Option<Table<'_>>, state_dir: &Path) -> Engine {
    let polls = Polls::default();
    let period = Duration::from_mins(1);
    let Some(table) = table else { return Engine { journal: state_dir.to_owned(), polls, period, live_tail: true } };
    let journal = table.optional("journal", values::text).map_or_else(|| state_dir.to_owned(), PathBuf::from);
    let period = table.or("period", metric_period, period);
    let live_tail = table.or("live_tail", values::flag, true);
    let polls = match table.table("polls") {
        None => polls,
        Some(table) => {
            let read = Polls {
                weight: table.or("weight", interval, polls.weight),
                capacity: table.or("capacity", interval, polls.capacity),
                signals: table.or("signals", interval, polls.signals),
                alarms: table.or("alarms", interval, polls.alarms),
                logs: table.or("logs", interval, polls.logs),
                identity: table.or("identity", interval, polls.identity),
                most_cents: table
                    .optional("most_cents", values::whole(0, 100_000))
                    .and_then(|cents| u32::try_from(cents).ok())
                    .unwrap_or(polls.most_cents),
            };
            table.finish();
            read
        }
    };
    table.finish();
    Engine { journal, polls, period, live_tail }
}

fn interval(item: Item<'_>) -> Result<Duration, Mistake> {
    let span = values::duration(item)?;
    let bounds = Duration::from_secs(1)..=Duration::from_mins(10);
    if bounds.contains(&span) {
        Ok(span)
    } else {
        Err(values::bad(item, "a usable interval", "one from \"1s\" to \"10m\""))
    }
}

/// CloudWatch knows periods of 1, 5, 10 and 30 seconds and multiples of a minute; below 10 there is nothing to read.
fn metric_period(item: Item<'_>) -> Result<Duration, Mistake> {
    let span = values::duration(item)?;
    let seconds = span.as_secs();
    let is_one = span.subsec_nanos() == 0
        && (matches!(seconds, 10 | 30) || (seconds > 0 && seconds <= 3_600 && seconds.is_multiple_of(60)));
    if is_one {
        Ok(span)
    } else {
        Err(values::bad(item, "a period of CloudWatch", "\"10s\", \"30s\" or whole minutes up to \"1h\""))
    }
}

pub(super) fn screen(table: Option<Table<'_>>) -> Screen {
    let default = Screen::default();
    let Some(table) = table else { return default };
    let screen = Screen {
        color: table.or("color", values::word("colour setting", &Color::WORDS), default.color),
        ascii: table.or("ascii", values::flag, default.ascii),
        theme: table.or("theme", theme, default.theme),
        keymap: table.optional("keymap", values::text).map(PathBuf::from),
        bell: table.or("bell", values::flag, default.bell),
        notifications: table.or("notifications", values::flag, default.notifications),
    };
    table.finish();
    screen
}

/// One of the words, or a file: what has a slash or an ending is one, so that a misspelt word is not looked for.
fn theme(item: Item<'_>) -> Result<ThemeChoice, Mistake> {
    let name = values::text(item)?;
    if let Some((_, choice)) = ThemeChoice::WORDS.into_iter().find(|(word, _)| *word == name) {
        return Ok(choice);
    }
    if name.contains('/') || Path::new(&name).extension().is_some() {
        return Ok(ThemeChoice::File(PathBuf::from(name)));
    }
    let known = ThemeChoice::WORDS.map(|(word, _)| word);
    let nearest = nearest(&name, known);
    let known = known.iter().map(|word| (*word).to_owned()).chain(["a file such as ./mine.toml".to_owned()]).collect();
    Err(Mistake::UnknownName { kind: "theme", name, nearest, known })
}
