//! Logs from the simulated AWS through the engine to a face: streamed, polled where that is refused, and said to be.

#[expect(dead_code, reason = "benchmarks look at more of it")]
#[path = "../benches/support/release.rs"]
mod release;

use std::time::Duration;

use cutover::clock::Clock;
use cutover::domain::components::ComponentIndex;
use cutover::domain::ids::Side;
use cutover::domain::log::patterns::Standing;
use cutover::domain::log::{Level, LogLine};
use cutover::domain::time::Timestamp;
use cutover::engine::handle::EngineHandle;
use cutover::engine::settings::LogFeed;
use cutover::engine::snapshot::{Feed, LogsView, Source};
use cutover::journal::sqlite::SqliteJournal;
use cutover::sim::scenario::{ApiFault, ApiFaultKind, Percent};
use cutover::sim::wire::FaultPlan;
use release::{Failure, Staged, stage};

const START: Timestamp = Timestamp::from_secs(1_795_170_000);
const API: ComponentIndex = ComponentIndex::FIRST;

type Outcome = Result<(), Failure>;

/// A running release and a face that looks at it.
struct Watched {
    clock: Clock,
    face: EngineHandle,
    lines: Vec<(Timestamp, LogLine)>,
    sim: cutover::sim::Sim,
}

impl Watched {
    async fn begin(scenario: &str, feed: LogFeed, faults: Vec<ApiFault>) -> Result<Self, Failure> {
        let clock = Clock::starting_at(START, 1.0);
        let journal = Box::new(SqliteJournal::in_memory()?);
        let Staged { sim, engine, hub, .. } =
            stage(scenario, clock, journal, |_, settings| settings.logs = feed).await?;
        sim.wire().set_faults(FaultPlan::of(faults));
        let face = hub.attach();
        tokio::spawn(engine.run());
        Ok(Self { clock, face, lines: Vec::new(), sim })
    }

    /// Takes what comes for `span`.
    async fn watch(&mut self, span: Duration) {
        let end = self.clock.now() + span;
        loop {
            let clock = self.clock;
            tokio::select! {
                biased;
                () = clock.sleep_until(end) => return,
                Some(batch) = self.face.logs.recv() => {
                    assert_eq!(batch.dropped, 0);
                    let now = clock.now();
                    self.lines.extend(batch.lines.into_iter().map(|line| (now, line)));
                }
            }
        }
    }

    fn logs(&self) -> LogsView {
        self.face.snapshot.borrow().logs.clone()
    }

    fn calls(&self, operation: &str) -> u64 {
        self.sim.wire().calls().iter().filter(|((_, name), _)| name == operation).map(|(_, count)| *count).sum()
    }
}

/// How long after they were written lines came, at most, of those that came after `from`.
fn slowest(lines: &[(Timestamp, LogLine)], from: Timestamp) -> Duration {
    let later = lines.iter().filter(|(_, line)| line.at > from);
    later.map(|(came, line)| came.since(line.at)).max().unwrap_or_default()
}

fn ids(lines: &[(Timestamp, LogLine)]) -> Vec<(Timestamp, String, String)> {
    let mut all: Vec<_> = lines.iter().map(|(_, line)| (line.at, line.task.clone(), line.text.clone())).collect();
    all.sort();
    all
}

#[tokio::test(start_paused = true)]
async fn streamed_lines_come_within_seconds_in_order_and_each_once() -> Outcome {
    let mut watched = Watched::begin("healthy", LogFeed::Live, Vec::new()).await?;
    watched.watch(Duration::from_mins(3)).await;
    assert!(matches!(watched.logs().feed, Feed::Live { .. }), "{:?}", watched.logs().feed);
    assert_eq!(watched.calls("StartLiveTail"), 1);
    // One look back, and what a migration's own log is read with.
    assert!(watched.calls("FilterLogEvents") <= 5, "{}", watched.calls("FilterLogEvents"));
    assert!(watched.lines.len() > 100, "{}", watched.lines.len());
    let settled = START + Duration::from_secs(20);
    assert!(slowest(&watched.lines, settled) <= Duration::from_secs(6), "{:?}", slowest(&watched.lines, settled));
    assert!(watched.lines.iter().is_sorted_by_key(|(_, line)| line.at), "{} late", watched.logs().late);
    let mut once = ids(&watched.lines);
    once.dedup();
    assert_eq!(once.len(), watched.lines.len());

    let mut polled = Watched::begin("healthy", LogFeed::Polled, Vec::new()).await?;
    polled.watch(Duration::from_mins(3)).await;
    assert_eq!(polled.calls("StartLiveTail"), 0);
    let both = START..START + Duration::from_secs(150);
    let within = |lines: &[(Timestamp, LogLine)]| {
        ids(lines).into_iter().filter(|(at, ..)| both.contains(at)).map(|(at, _, text)| (at, text)).collect::<Vec<_>>()
    };
    let (streamed, polled) = (within(&watched.lines), within(&polled.lines));
    assert_eq!(streamed.len(), polled.len(), "both ways bring the same lines");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn where_streaming_is_refused_lines_are_polled_and_the_reason_is_told() -> Outcome {
    let denied = ApiFault::new(ApiFaultKind::AccessDenied, Percent::all()).on(&["StartLiveTail"]);
    let mut watched = Watched::begin("healthy", LogFeed::Live, vec![denied]).await?;
    watched.watch(Duration::from_mins(2)).await;
    let Feed::Polled { every, why: Some(why) } = watched.logs().feed else {
        return Err(format!("{:?}", watched.logs().feed).into());
    };
    assert_eq!(every, Duration::from_secs(10));
    assert!(why.starts_with("logs:StartLiveTail: denied"), "{why}");
    assert!(watched.lines.len() > 50, "{}", watched.lines.len());
    assert!(
        watched.face.snapshot.borrow().sources.iter().any(|view| view.source == Source::Logs && view.failing.is_none())
    );

    // Permissions come; so does the stream, and no line twice.
    watched.sim.wire().set_faults(FaultPlan::default());
    watched.watch(Duration::from_mins(10)).await;
    assert!(matches!(watched.logs().feed, Feed::Live { .. }), "{:?}", watched.logs().feed);
    let mut once = ids(&watched.lines);
    once.dedup();
    assert_eq!(once.len(), watched.lines.len());
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_only_green_logs_is_found_and_requests_are_counted_by_side() -> Outcome {
    let mut watched = Watched::begin("errors", LogFeed::Live, Vec::new()).await?;
    let found = loop {
        watched.watch(Duration::from_secs(5)).await;
        let logs = watched.logs();
        // What its tasks say when they start is new in green as well: errors come first.
        let first = logs.patterns.first().filter(|first| first.standing == Standing::NewInGreen);
        if let Some(pattern) = first.filter(|first| first.level == Level::Error) {
            break pattern.clone();
        }
        if watched.clock.now() > START + Duration::from_mins(15) {
            return Err("nothing is new in green".into());
        }
    };
    assert!(found.text().contains("cannot price cart: discount rule is null"), "{}", found.text());
    assert!(found.counts.green > 0 && found.counts.blue == 0 && !found.task.is_empty());
    let by = |side| watched.lines.iter().filter(|(_, line)| line.side == Some(side)).count();
    assert!(by(Side::Blue) > 0 && by(Side::Green) > 0);
    // One request of ten is logged: an error among them may come later than the line that tells of another.
    let tally = |watched: &Watched| watched.face.snapshot.borrow().components[API].requests;
    while tally(&watched).green.errors == 0 && watched.clock.now() < START + Duration::from_mins(15) {
        watched.watch(Duration::from_secs(5)).await;
    }
    let tally = tally(&watched);
    assert!(tally.blue.requests > 0 && tally.green.errors > 0, "{tally:?}");
    assert!(tally.green.errors <= tally.green.requests);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_stream_goes_on_where_polls_are_throttled() -> Outcome {
    let mut watched = Watched::begin("healthy", LogFeed::Live, Vec::new()).await?;
    watched.watch(Duration::from_mins(1)).await;
    assert_eq!(watched.calls("StartLiveTail"), 1);
    let throttled = ApiFault::new(ApiFaultKind::Throttling, Percent::all()).on(&["FilterLogEvents"]);
    watched.sim.wire().set_faults(FaultPlan::of(vec![throttled]));
    watched.watch(Duration::from_mins(1)).await;
    assert!(matches!(watched.logs().feed, Feed::Live { .. }), "a stream needs no polls");
    assert!(slowest(&watched.lines, START + Duration::from_mins(1)) <= Duration::from_secs(6));
    Ok(())
}
