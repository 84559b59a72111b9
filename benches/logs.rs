//! Log lines by the hundred thousand: taken, filtered, clustered, read, as ratios to something simple that does the same.
//!
//! ```text
//! cargo bench --bench logs
//! ```

use std::hint::black_box;
use std::io::Write;
use std::time::{Duration, Instant};

use cutover::app::filter::{Filter, QueryError};
use cutover::app::logs::{LogPane, MOST_LINES};
use cutover::domain::components::ComponentIndex;
use cutover::domain::ids::Side;
use cutover::domain::log::LogLine;
use cutover::domain::log::patterns::Patterns;
use cutover::domain::log::reading::level;
use cutover::domain::log::request::{PatternError, RequestLog, RequestReader};
use cutover::domain::time::Timestamp;
use cutover::engine::handle::LogBatch;
use regex::Regex;

/// Lines of one batch.
const BATCH: usize = 200;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let lines = lines(MOST_LINES);
    let bytes: usize = lines.iter().map(|line| line.text.len()).sum();
    say(&format!("{} lines, {} bytes each", lines.len(), bytes / lines.len()))?;
    let plain = copy(&lines)?;
    let pane = take(&lines, bytes, plain)?;
    filter(&lines, pane)?;
    cluster(&lines)?;
    requests(&lines)?;
    Ok(())
}

fn say(line: &str) -> Result<(), Failure> {
    #[expect(clippy::disallowed_methods, reason = "a program of its own: its result goes there")]
    let mut out = std::io::stdout();
    writeln!(out, "{line}")?;
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a stopwatch")]
fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let done = work();
    (done, start.elapsed())
}

fn rate(lines: usize, took: Duration) -> String {
    format!("{:.0} lines/s", lines as f64 / took.as_secs_f64())
}

/// Lines of a request log: three in a hundred are slow or failed, the ids are noise.
fn lines(count: usize) -> Vec<LogLine> {
    const ROUTES: [&str; 6] = ["/cart", "/products", "/checkout", "/orders/{id}", "/search", "/account"];
    const TASKS: [&str; 6] = ["7c1f3a90", "a03e12cd", "bb12cd00", "03be44aa", "91fe20c1", "55d0aa13"];
    let mut noise = 0x2545_f491_4f6c_dd1d_u64;
    let line = |number: usize| {
        noise ^= noise << 13;
        noise ^= noise >> 7;
        noise ^= noise << 17;
        let pick = |from: &[&'static str], by: u64| from.get(by as usize % from.len()).copied().unwrap_or_default();
        let (status, word, message) = match noise % 100 {
            0 => (500, "ERROR", "payments did not answer"),
            1 | 2 => (200, "WARN", "pool wait"),
            _ => (200, "INFO", "request handled"),
        };
        let (route, task) = (pick(&ROUTES, noise >> 8), pick(&TASKS, noise >> 16));
        let millis = (noise >> 24) % 400;
        let text = format!(
            r#"{{"level":"{word}","request_id":"{noise:016x}","method":"GET","route":"{route}","status":{status},"duration_ms":{millis},"task":"{task}","message":"{message}"}}"#
        );
        LogLine {
            at: Timestamp::from_millis(1_795_161_600_000 + i64::try_from(number).unwrap_or_default() * 3),
            component: Some(ComponentIndex::FIRST),
            side: Some(if noise.is_multiple_of(10) { Side::Green } else { Side::Blue }),
            task: task.to_owned(),
            level: level(&text),
            text,
        }
    };
    (0..count).map(line).collect()
}

/// The yardstick of taking: the lines copied into a vector, as they are.
fn copy(lines: &[LogLine]) -> Result<Duration, Failure> {
    let (copied, took) = timed(|| lines.to_vec());
    black_box(copied);
    say(&format!("copied into a vector: {}", rate(lines.len(), took)))?;
    Ok(took)
}

fn take(lines: &[LogLine], bytes: usize, plain: Duration) -> Result<LogPane, Failure> {
    let batches: Vec<LogBatch> =
        lines.chunks(BATCH).map(|chunk| LogBatch { lines: chunk.to_vec(), dropped: 0 }).collect();
    let mut pane = LogPane::default();
    let mut worst = Duration::ZERO;
    let ((), took) = timed(|| {
        for batch in batches {
            let ((), one) = timed(|| pane.take(batch));
            worst = worst.max(one);
        }
    });
    let held = pane.len();
    let unpacked = bytes + held * size_of::<LogLine>();
    say(&format!(
        "taken and packed: {}, {:.1} times as long as a copy; worst batch of {BATCH} {:.2} ms",
        rate(held, took),
        took.as_secs_f64() / plain.as_secs_f64(),
        worst.as_secs_f64() * 1e3
    ))?;
    say(&format!(
        "held: {held} lines in {:.1} MiB, {:.1} bytes a line, 1/{:.1} of what a vector of them takes",
        pane.bytes() as f64 / f64::from(1 << 20),
        pane.bytes() as f64 / held as f64,
        unpacked as f64 / pane.bytes() as f64
    ))?;
    Ok(pane)
}

/// Each filter over all lines, against a regular expression over the same texts unpacked, one by one.
fn filter(lines: &[LogLine], mut pane: LogPane) -> Result<(), Failure> {
    let filters = [
        ("text of one line in a hundred", "\"did not answer\"", "did not answer"),
        ("text of no line", "nowhere", "nowhere"),
        ("text of every line", "handled", "handled"),
        ("a regular expression", "/route|cart.*5\\d\\d/", "cart.*5\\d\\d"),
        ("a field", "status>=500", r#""status":5\d\d"#),
        ("side and level", "side=green level>=warn", "WARN|ERROR"),
    ];
    for (name, query, expression) in filters {
        let pattern = Regex::new(expression)?;
        let (found, plain) = timed(|| lines.iter().filter(|line| pattern.is_match(&line.text)).count());
        black_box(found);
        let mut worst = Duration::ZERO;
        let filter: Filter = Filter::default().with_text(query).map_err(|error: QueryError| error.to_string())?;
        let ((), took) = timed(|| {
            let ((), first) = timed(|| pane.set_filter(filter));
            worst = first;
            loop {
                let (more, one) = timed(|| pane.search());
                worst = worst.max(one);
                if !more {
                    return;
                }
            }
        });
        say(&format!(
            "filter, {name}: {} found, {}, {:.1} times as long as a bare regular expression; longest slice {:.2} ms",
            pane.shown_len(),
            rate(lines.len(), took),
            took.as_secs_f64() / plain.as_secs_f64(),
            worst.as_secs_f64() * 1e3
        ))?;
    }
    Ok(())
}

/// Clustering, against reading each line as JSON, which any structured view of a log does at least.
fn cluster(lines: &[LogLine]) -> Result<(), Failure> {
    let (parsed, plain) =
        timed(|| lines.iter().filter(|line| serde_json::from_str::<serde_json::Value>(&line.text).is_ok()).count());
    black_box(parsed);
    let mut patterns = Patterns::default();
    let ((), took) = timed(|| lines.iter().for_each(|line| patterns.take(line.by_ref())));
    let (top, shown) = timed(|| patterns.top(30));
    say(&format!(
        "clustered: {}, {:.2} times as long as parsing the JSON with serde_json; {} templates, the first 30 in {:.2} ms",
        rate(lines.len(), took),
        took.as_secs_f64() / plain.as_secs_f64(),
        patterns.len(),
        shown.as_secs_f64() * 1e3
    ))?;
    black_box(top);
    Ok(())
}

fn requests(lines: &[LogLine]) -> Result<(), Failure> {
    let reader = RequestReader::new(&RequestLog::default()).map_err(|error: PatternError| error.to_string())?;
    let (read, took) = timed(|| lines.iter().filter(|line| reader.sample(line).is_some()).count());
    say(&format!("read as requests: {}, {read} of them", rate(lines.len(), took)))
}
