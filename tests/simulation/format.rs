//! The shapes in which releases are kept, held against those written down for each release format: what an earlier
//! version has written must still be read, and a change of a shape must raise the format's number.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cutover::domain::command::CommandKind;
use cutover::domain::components::ComponentIndex;
use cutover::domain::observed::{RequestTick, Requests, Seen as Kept, TaskRequests};
use cutover::domain::plan::Plan;
use cutover::domain::time::Timestamp;
use cutover::journal::format::FORMAT;
use cutover::journal::{Entry, Record};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::drive;
use crate::more::More;
use crate::pair::Pair;
use crate::trial::{Press, Seen, Trial};

/// Seeds whose journals samples are taken from.
const SEEDS: u64 = 120;

/// A word that no shape has.
const NO_WORD: &str = "no such word";

/// Something that a journal keeps.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Sample {
    Plan(Box<Plan>),
    Entry(Box<Entry>),
}

/// Samples of every shape, by line, and the words that may stand at each place.
fn written(format: u32) -> (PathBuf, PathBuf) {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/formats");
    (dir.join(format!("{format}.jsonl")), dir.join(format!("{format}.words")))
}

#[test]
fn what_any_format_has_kept_is_read_and_the_present_one_still_writes_it_so() {
    if std::env::var_os("CUTOVER_WRITE_DOCS").is_some() {
        write();
    }
    let help = "a stored shape has changed: raise FORMAT in src/journal/format.rs, and \
                CUTOVER_WRITE_DOCS=1 cargo test --test simulation format writes down its shapes";
    for format in 1..=FORMAT {
        let (samples, words) = written(format);
        let samples = std::fs::read_to_string(samples).expect(help);
        for line in samples.lines() {
            let read: Result<Sample, _> = serde_json::from_str(line);
            let read = read.unwrap_or_else(|error| panic!("format {format} is not read any more: {error}\n{line}"));
            if format == FORMAT {
                assert_eq!(serde_json::to_value(&read).unwrap(), line.parse::<Value>().unwrap(), "{help}");
            }
        }
        if format == FORMAT {
            let known = std::fs::read_to_string(words).expect(help);
            let found = found_words(samples.lines());
            let known: BTreeSet<String> = known.lines().map(str::to_owned).collect();
            assert_eq!(found.symmetric_difference(&known).collect::<Vec<_>>(), Vec::<&String>::new(), "{help}");
        }
    }
}

/// Keeps of many simulated journals whatever has a place that nothing before it had.
fn write() {
    let mut every = Trial { more: Some(More::plain()), ..Trial::plain(1) };
    every.more.as_mut().unwrap().asks_approval = true;
    let at = Duration::from_secs(5);
    every.presses = vec![Press { at, operator: 0, command: CommandKind::Approve, seen: Seen::Newest, aim: None }];
    let pair = Trial { pair: Some(Pair::plain()), ..every.clone() };
    let (mut known, mut lines) = (BTreeSet::new(), String::new());
    for trial in [every, pair].into_iter().chain((0..SEEDS).map(Trial::drawn)) {
        let report = drive::run(&trial, None);
        let plan = Sample::Plan(Box::new((*report.release.plan).clone()));
        let entries = report.journal.iter().map(|record| {
            let record: Record = serde_json::from_str(record).unwrap();
            Sample::Entry(Box::new(record.entry))
        });
        for sample in std::iter::once(plan).chain(entries).chain(std::iter::once(requests())) {
            let value = serde_json::to_value(&sample).unwrap();
            let mut has = BTreeSet::new();
            places(&value, "", &mut |place, value| {
                has.insert(format!("{place} {}", kind(value)));
            });
            if !has.is_subset(&known) {
                known.append(&mut has);
                lines.push_str(&format!("{value}\n"));
            }
        }
    }
    let (samples, words) = written(FORMAT);
    let found: String = found_words(lines.lines()).into_iter().map(|line| line + "\n").collect();
    std::fs::create_dir_all(samples.parent().unwrap()).unwrap();
    std::fs::write(samples, lines).unwrap();
    std::fs::write(words, found).unwrap();
}

/// What the simulation keeps none of: its judge rules by metrics alone.
fn requests() -> Sample {
    let of = |task: &str| TaskRequests(task.into(), 7, 1, vec![104, 4, 160, 2]);
    let tick = RequestTick {
        end: Timestamp::from_secs(1_795_170_000),
        blue: vec![of("b")],
        green: vec![of("g")],
        deaths: 1,
        is_sampled: true,
    };
    let requests = Requests { component: ComponentIndex::FIRST, ticks: vec![tick] };
    Sample::Entry(Box::new(Entry::Seen(Kept::Requests(requests))))
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "text",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Goes through everything in a value, each with its place.
fn places(value: &Value, at: &str, see: &mut impl FnMut(&str, &Value)) {
    see(at, value);
    match value {
        Value::Array(items) => items.iter().for_each(|item| places(item, &format!("{at}[]"), see)),
        Value::Object(fields) => fields.iter().for_each(|(name, item)| places(item, &format!("{at}.{name}"), see)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Wherever one of several words must stand, which ones may: found by putting one there that may not.
fn found_words<'a>(samples: impl Iterator<Item = &'a str>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut tried = BTreeSet::new();
    for line in samples {
        let value: Value = line.parse().unwrap();
        let mut pointers = Vec::new();
        point(&value, &mut String::new(), &mut String::new(), &mut pointers);
        for (pointer, place) in pointers {
            if !tried.insert(place.clone()) {
                continue;
            }
            let mut broken = value.clone();
            *broken.pointer_mut(&pointer).unwrap() = Value::String(NO_WORD.to_owned());
            let Err(error) = serde_json::from_value::<Sample>(broken) else { continue };
            let error = error.to_string();
            if let Some((_, words)) = error.split_once(&format!("unknown variant `{NO_WORD}`, ")) {
                found.insert(format!("{place}: {words}"));
            }
        }
    }
    found
}

/// The JSON pointer of everything in a value that may be one of several words, with its place.
fn point(value: &Value, pointer: &mut String, place: &mut String, found: &mut Vec<(String, String)>) {
    let (pointed, placed) = (pointer.len(), place.len());
    let mut within = |step: &str, named: &str, item: &Value| {
        let step = step.replace('~', "~0").replace('/', "~1");
        pointer.push_str(&format!("/{step}"));
        place.push_str(named);
        point(item, pointer, place, found);
        pointer.truncate(pointed);
        place.truncate(placed);
    };
    match value {
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| within(&index.to_string(), "[]", item));
        }
        Value::Object(fields) => fields.iter().for_each(|(name, item)| within(name, &format!(".{name}"), item)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    if matches!(value, Value::String(_)) || matches!(value, Value::Object(fields) if fields.len() == 1) {
        found.push((pointer.clone(), place.clone()));
    }
}
