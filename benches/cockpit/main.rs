//! The cockpit from the outside: the real loop in a pseudo-terminal, seen by a terminal with a stopwatch.
//!
//! ```text
//! cargo bench --bench cockpit               everything, about four minutes
//! cargo bench --bench cockpit -- keys       one of: start keys idle bytes memory
//! ```

#[expect(dead_code, reason = "the tests of the budgets look at more of it")]
#[path = "../support/release.rs"]
mod release;
mod subject;
mod terminal;

use std::io::Write;
use std::time::Duration;

use release::Failure;
use subject::Subject;
use terminal::Terminal;

/// Marks the arguments of the process that is measured.
const SUBJECT: &str = "--subject";

/// Keys, and what only the view that each leads to has on the screen: the tabs, and the rail.
const VIEWS: [(&str, &str); 2] = [("2", "2 signals"), ("1", "pipeline")];

const SIZE: (u16, u16) = (120, 40);

/// Measures something and says what came out.
type Measure = fn() -> Result<(), Failure>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let [mark, word] = arguments.as_slice()
        && mark == SUBJECT
    {
        let subject = Subject::ALL.into_iter().find(|subject| subject.word() == word).ok_or("no such subject")?;
        return subject.show();
    }
    let parts: [(&str, Measure); 5] =
        [("start", start), ("keys", keys), ("idle", idle), ("bytes", bytes), ("memory", memory)];
    for (name, measure) in parts {
        if arguments.is_empty() || arguments.iter().any(|argument| argument == name) {
            measure()?;
        }
    }
    Ok(())
}

fn say(line: &str) -> Result<(), Failure> {
    #[expect(clippy::disallowed_methods, reason = "a program of its own: its result goes there")]
    let mut out = std::io::stdout();
    writeln!(out, "{line}")?;
    Ok(())
}

fn subject(subject: Subject) -> Result<Terminal, Failure> {
    let program = std::env::current_exe()?;
    let program = program.to_str().ok_or("a path that is no text")?;
    Terminal::start(program, &[SUBJECT, subject.word()], SIZE.0, SIZE.1)
}

fn demo(speed: &str) -> Result<Terminal, Failure> {
    Terminal::start(env!("CARGO_BIN_EXE_cutover"), &["demo", "--speed", speed, "--seed", "1"], SIZE.0, SIZE.1)
}

/// Median, 99th percentile and worst of what was measured.
fn summary(mut measured: Vec<Duration>) -> Result<String, Failure> {
    measured.sort_unstable();
    let at = |share: usize| measured.get((measured.len() * share / 100).min(measured.len().saturating_sub(1)));
    let [Some(half), Some(most), Some(worst)] = [at(50), at(99), at(100)] else {
        return Err("nothing measured".into());
    };
    let millis = |span: &Duration| span.as_secs_f64() * 1_000.0;
    let (half, most, worst) = (millis(half), millis(most), millis(worst));
    Ok(format!("median {half:.2} ms, p99 {most:.2} ms, worst {worst:.2} ms, of {}", measured.len()))
}

/// From the start of the program to its first whole picture: without an engine of its own, as it attaches to one, and
/// the demonstration at its usual pace, which makes its world and surveys it first. At speed 1 the survey alone is three
/// simulated round trips of 15 to 60 ms.
fn start() -> Result<(), Failure> {
    const TIMES: usize = 30;
    let (mut attached, mut demonstrated) = (Vec::new(), Vec::new());
    // By turns, so that both see the same machine.
    for _ in 0..TIMES {
        for (measured, mut terminal) in [(&mut attached, subject(Subject::Quiet)?), (&mut demonstrated, demo("10")?)] {
            measured.push(terminal.shown("pipeline")?.duration_since(terminal.started()));
        }
    }
    say(&format!("start to first full frame, attached: {}", summary(attached)?))?;
    say(&format!("start to first full frame, demonstration: {}", summary(demonstrated)?))
}

/// From a key, which changes nearly the whole picture, to the last byte of its frame.
fn keys() -> Result<(), Failure> {
    const KEYS: usize = 300;
    const BETWEEN: Duration = Duration::from_millis(50);
    for kind in [Subject::Quiet, Subject::Flood] {
        let mut terminal = subject(kind)?;
        terminal.shown("pipeline")?;
        // Until the flood has filled the log.
        terminal.listen(Duration::from_secs(4))?;
        let mut measured = Vec::new();
        for (key, text) in VIEWS.into_iter().cycle().take(KEYS) {
            let pressed = terminal.press(key)?;
            let took = terminal.shown(text)?.duration_since(pressed);
            measured.push(took);
            terminal.listen(BETWEEN.saturating_sub(took))?;
        }
        say(&format!("key to frame, {}: {}", kind.word(), summary(measured)?))?;
    }
    Ok(())
}

/// Bytes while nothing moves.
fn idle() -> Result<(), Failure> {
    let mut terminal = subject(Subject::Ended)?;
    terminal.shown("pipeline")?;
    terminal.listen(Duration::from_secs(2))?;
    say(&format!("bytes in 10 s after the end: {}", terminal.listen(Duration::from_secs(10))?))
}

/// Bytes of the demonstration, second by second.
fn bytes() -> Result<(), Failure> {
    const SECONDS: u64 = 60;
    for speed in ["1", "10"] {
        let mut terminal = demo(speed)?;
        terminal.shown("pipeline")?;
        let first = terminal.bytes();
        let mut seconds = Vec::new();
        for _ in 0..SECONDS {
            seconds.push(terminal.listen(Duration::from_secs(1))?);
        }
        let (total, most) = (seconds.iter().sum::<u64>(), seconds.iter().max().copied().unwrap_or(0));
        say(&format!(
            "bytes of the demonstration at speed {speed}: {first} at first, then {} a second, {most} in the worst second",
            total / SECONDS
        ))?;
    }
    Ok(())
}

/// Resident memory of engine, simulated AWS and cockpit with as many log lines as are held.
fn memory() -> Result<(), Failure> {
    let mut terminal = subject(Subject::Full)?;
    terminal.shown("pipeline")?;
    let mebibytes = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    let before = mebibytes(terminal.resident()?);
    terminal.listen(Duration::from_secs(15))?;
    let after = mebibytes(terminal.resident()?);
    say(&format!("resident memory: {before:.1} MiB at the first picture, {after:.1} MiB with a full log"))
}
