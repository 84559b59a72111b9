//! What is measured: the cockpit's own loop, in a process of its own, with an engine's end of the channels in its hands.

use std::time::Duration;

use cutover::app::fixture::{self, Scene};
use cutover::app::keymap::Keymap;
use cutover::app::logs::MOST_LINES;
use cutover::app::model::Access;
use cutover::clock::Clock;
use cutover::domain::log::LogLine;
use cutover::engine::hub::Hub;
use cutover::journal::sqlite::SqliteJournal;
use cutover::runtime::{self, Attention, Cockpit};
use cutover::term::Wishes;

use super::{Failure, release};

/// Lines of one batch.
const BATCH: usize = 200;

/// The time between two batches: 20 000 lines a second.
const PAUSE: Duration = Duration::from_millis(10);

/// What happens behind the cockpit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// A release bakes, and nothing comes.
    Quiet,
    /// The same under 20 000 log lines a second.
    Flood,
    /// The release has ended, and with it the engine.
    Ended,
    /// The demonstration at its real pace with as many log lines as the cockpit holds.
    Full,
}

impl Subject {
    pub(crate) const ALL: [Self; 4] = [Self::Quiet, Self::Flood, Self::Ended, Self::Full];

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Quiet => "quiet",
            Self::Flood => "flood",
            Self::Ended => "ended",
            Self::Full => "full",
        }
    }

    /// Shows the cockpit until it is left.
    pub(crate) fn show(self) -> Result<(), Failure> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        runtime.block_on(async {
            let clock = match self {
                Self::Full => Clock::system(),
                Self::Quiet | Self::Flood | Self::Ended => Clock::starting_at(fixture::NOW, 1.0),
            };
            let hub = match self {
                Self::Quiet | Self::Flood => pretended(Scene::Baking),
                Self::Ended => pretended(Scene::Succeeded),
                Self::Full => running(clock).await?,
            };
            let handle = hub.attach();
            match self {
                Self::Quiet => {
                    tokio::spawn(async move {
                        let _kept = hub;
                        std::future::pending::<()>().await;
                    });
                }
                Self::Flood => {
                    let lines = fixture::lines(BATCH as u64, true);
                    tokio::spawn(async move { pour(&hub, move |_| lines.clone(), usize::MAX).await });
                }
                Self::Full => {
                    tokio::spawn(async move { pour(&hub, of_requests, MOST_LINES / BATCH).await });
                }
                Self::Ended => drop(hub),
            }
            let cockpit = Cockpit {
                theme: None,
                wishes: Wishes::default(),
                clock,
                actor: fixture::operator(),
                access: Access::Full,
                keymap: Keymap::built_in()?,
                utc_offset: 0,
                exit_at_end: false,
                player: None,
                past: None,
                doctor: None,
                fleet: None,
                attention: Attention::default(),
            };
            runtime::run(handle, cockpit).await?;
            Ok(())
        })
    }
}

fn pretended(scene: Scene) -> Hub {
    // Nobody takes orders: none are given.
    let (hub, _orders) = Hub::new(fixture::snapshot(scene));
    hub
}

async fn running(clock: Clock) -> Result<Hub, Failure> {
    let journal = Box::new(SqliteJournal::in_memory()?);
    let staged = release::stage("healthy", clock, journal, |_, settings| settings.is_demo = true).await?;
    let (engine, stop) = (staged.engine, staged.stop);
    tokio::spawn(async move {
        let _kept = stop;
        engine.run().await
    });
    Ok(staged.hub)
}

/// A batch of a request log as services write it: no two lines are alike.
fn of_requests(batch: usize) -> Vec<LogLine> {
    let mut lines = fixture::lines(BATCH as u64, true);
    for (place, line) in lines.iter_mut().enumerate() {
        let noise = ((batch * BATCH + place) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        line.text = format!(
            r#"{{"level":"INFO","request_id":"{noise:016x}","method":"GET","route":"/orders","status":200,"duration_ms":{},"message":"{}"}}"#,
            noise % 400,
            line.text
        );
    }
    lines
}

async fn pour(hub: &Hub, mut batch: impl FnMut(usize) -> Vec<LogLine>, batches: usize) {
    let mut next = tokio::time::interval(PAUSE);
    for number in 0..batches {
        next.tick().await;
        hub.hand_out(batch(number), 0);
    }
    std::future::pending::<()>().await;
}
