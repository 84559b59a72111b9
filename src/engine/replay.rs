//! Showing a past release again: its records, stepped through the same state machine at any speed, as snapshots like any
//! others. Nothing is asked of the cloud, and no order reaches anything.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::core::share_of;
use super::handle::{Playback, Receipt};
use super::hub::{Arriving, Hub};
use super::measure::Measurements;
use super::snapshot::{
    AlarmView, AlarmWord, ComponentView, EngineView, IdentityView, LogsView, Playing, Snapshot, Source, SourceView,
};
use crate::cloud::SeriesPair;
use crate::domain::alarm::Setup;
use crate::domain::command::Refusal;
use crate::domain::components::{ComponentIndex, Components};
use crate::domain::event::Event;
use crate::domain::log::LogLine;
use crate::domain::log::request::Tally;
use crate::domain::observed::{AlarmSeen, Points, PointsOf, Requests, Seen};
use crate::domain::release::Release;
use crate::domain::time::Timestamp;
use crate::journal::{Entry, Record, Summary, tell, walk};
use crate::judge::live::Live;
use crate::judge::tick::Tick;

/// Between two pictures.
const FRAME: Duration = Duration::from_millis(100);

/// A period where nothing that was measured says another.
const PERIOD: Duration = Duration::from_mins(1);

/// The slowest and the fastest, as multiples of real time.
const SPEEDS: (f64, f64) = (0.25, 4_096.0);

/// What has been seen of a component.
struct Watch {
    measurements: Measurements,
    alarms: Vec<AlarmView>,
    live: Live,
}

/// A past release with a place in it.
pub struct Tape {
    records: VecDeque<Record>,
    release: std::sync::Arc<Release>,
    watches: Components<Watch>,
    identity: Option<IdentityView>,
    /// When something happened that the timeline tells of, in order.
    moments: VecDeque<Timestamp>,
    now: Timestamp,
    last: Timestamp,
}

impl Tape {
    /// A release at its beginning.
    pub fn new(summary: &Summary, records: Vec<Record>) -> Self {
        let mut moments: VecDeque<Timestamp> = VecDeque::new();
        let mut told = 0;
        let plan = summary.plan.clone();
        walk(summary.id, plan.clone(), &records, |release, record| {
            let newest = release.timeline.last().map_or(0, |moment| moment.number);
            if newest != told && moments.back() != Some(&record.at) {
                moments.push_back(record.at);
            }
            told = newest;
        });
        let first_points = records.iter().find_map(|record| match &record.entry {
            Entry::Seen(Seen::Points(points)) => Some(points.period),
            _ => None,
        });
        let now = records.first().map_or(summary.created, |record| record.at);
        let last = records.iter().map(|record| record.at).max().unwrap_or(now);
        let period = first_points.unwrap_or(PERIOD);
        let watches = plan.components.indexed(|of, component| Watch {
            measurements: Measurements::new(component, period),
            alarms: Vec::new(),
            live: Live::of(&plan, of),
        });
        let release = std::sync::Arc::new(Release::planned(summary.id, plan));
        let records = records.into();
        Self { records, release, watches, identity: None, moments, now, last }
    }

    /// Where it stands.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Whether everything has been shown.
    pub fn is_over(&self) -> bool {
        self.records.is_empty() && self.now >= self.last
    }

    /// When the timeline next tells of something.
    pub fn next_moment(&self) -> Option<Timestamp> {
        self.moments.iter().copied().find(|at| *at > self.now)
    }

    /// Goes on to `at`, no further than to the end. The error lines that were read meanwhile come back.
    pub fn wind_to(&mut self, at: Timestamp) -> Vec<LogLine> {
        self.now = self.now.max(at.min(self.last));
        let mut lines = Vec::new();
        while let Some(record) = self.records.pop_front_if(|record| record.at <= self.now) {
            if let Entry::Event(Event::WeightObserved { component, green }) = &record.entry
                && self.watches.holds(*component)
            {
                self.watches[*component].live.weigh(share_of(*green), record.at);
            }
            match record.entry {
                Entry::Seen(seen) => self.see(seen, record.at, &mut lines),
                _ => tell(std::sync::Arc::make_mut(&mut self.release), &record),
            }
        }
        lines
    }

    fn see(&mut self, seen: Seen, at: Timestamp, lines: &mut Vec<LogLine>) {
        match seen {
            Seen::Points(points) => self.take(points, at),
            Seen::Alarms(alarms) => alarms.into_iter().for_each(|alarm| self.take_alarm(alarm)),
            Seen::Lines(new) => lines.extend(new),
            Seen::Evidence(evidence) => {
                let account = self.release.plan.place.account.clone();
                // What became of them then decides nothing now.
                let identity =
                    evidence.acting.map(|arn| IdentityView { account, arn, expires: None, is_renewed: true });
                self.identity = identity.or(self.identity.take());
            }
            Seen::Requests(Requests { component, ticks }) if self.watches.holds(component) => {
                let live = &mut self.watches[component].live;
                for tick in &ticks {
                    live.take(&Tick::from(tick));
                }
            }
            Seen::Stopped(_) | Seen::Requests(_) => {}
        }
    }

    fn take(&mut self, points: Points, at: Timestamp) {
        let of = points.component;
        if !self.watches.holds(of) {
            return;
        }
        let pair = |PointsOf { signal, blue, green }: PointsOf| SeriesPair {
            signal,
            blue: blue.into_iter().map(Into::into).collect(),
            green: green.into_iter().map(Into::into).collect(),
        };
        let pairs = points.of.into_iter().map(pair).collect();
        let exposed = self.release.components[of].traffic.green_since;
        let _known_already = self.watches[of].measurements.take(pairs, at, exposed);
    }

    fn take_alarm(&mut self, alarm: AlarmSeen) {
        let AlarmSeen { component, name, state, since, reason } = alarm;
        if !self.watches.holds(component) {
            return;
        }
        let begun = self.release.begun.as_ref().map(|begun| begun.at);
        let is_older_than_release = since.zip(begun).is_some_and(|(since, begun)| since < begun);
        let alarms = &mut self.watches[component].alarms;
        alarms.retain(|view| view.name != name);
        alarms.push(AlarmView { name, state, since, reason, is_older_than_release, setup: Setup::default() });
        alarms.sort_by_key(|view| (view.state != AlarmWord::Firing, view.name.clone()));
    }

    /// It as it stood.
    pub fn snapshot(&self, speed: f64, is_paused: bool) -> Snapshot {
        let source = |component: ComponentIndex, source: Source| SourceView {
            source,
            component,
            last_ok: Some(self.now),
            failing: None,
            stale_after: PERIOD,
            calls: 0,
        };
        Snapshot {
            logs: LogsView::default(),
            at: self.now,
            speed,
            release: std::sync::Arc::clone(&self.release),
            components: self.watches.pair(&self.release.components, |watch, component| ComponentView {
                requests: Tally::default(),
                series: watch.measurements.series().to_vec(),
                alarms: watch.alarms.clone(),
                toll: watch.measurements.toll(component.traffic_span()),
                compared: watch.live.picture().map(std::sync::Arc::new),
            }),
            sources: self.watches.indices().flat_map(|of| Source::ALL.map(|word| source(of, word))).collect(),
            identity: self.identity.clone(),
            output: BTreeMap::new(),
            engine: EngineView {
                ends_with_face: true,
                version: env!("CARGO_PKG_VERSION").to_owned(),
                replay: Some(Playing { is_paused, until: self.last }),
                ..EngineView::default()
            },
            triage: None,
        }
    }
}

/// Shows a tape to whoever is attached to `hub`, until `wishes` ends. Orders are refused.
pub async fn play(
    mut tape: Tape,
    hub: Hub,
    mut arriving: Arriving,
    mut wishes: mpsc::UnboundedReceiver<Playback>,
    speed: f64,
) {
    let mut speed = speed.clamp(SPEEDS.0, SPEEDS.1);
    let mut is_paused = false;
    let mut due = Instant::now();
    loop {
        tokio::select! {
            biased;
            wish = wishes.recv() => match wish {
                None => return,
                Some(Playback::Pause) => is_paused = !is_paused,
                Some(Playback::Faster) => speed = (speed * 2.0).min(SPEEDS.1),
                Some(Playback::Slower) => speed = (speed / 2.0).max(SPEEDS.0),
                Some(Playback::Next) => {
                    let at = tape.next_moment().unwrap_or(tape.last);
                    show(&hub, tape.wind_to(at));
                }
            },
            Some(envelope) = arriving.orders.recv() => {
                let why = "a past release is only shown again".to_owned();
                // Whoever asked may have gone.
                let _gone = envelope.answer.send(Receipt::Refused(Refusal::NotNow { why }));
                continue;
            }
            Some(inquiry) = arriving.questions.recv() => {
                let _gone = inquiry.answer.send(Err("a replay shows what its journal holds and asks nobody".to_owned()));
                continue;
            }
            () = sleep_until(due), if !is_paused && !tape.is_over() => {
                due = Instant::now() + FRAME;
                let at = tape.now() + FRAME.mul_f64(speed);
                show(&hub, tape.wind_to(at));
            }
        }
        hub.show(tape.snapshot(speed, is_paused));
    }
}

fn show(hub: &Hub, lines: Vec<LogLine>) {
    if !lines.is_empty() {
        hub.hand_out(lines, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::fixture;
    use crate::domain::command::{Actor, Command, Order};
    use crate::domain::event::Event;
    use crate::domain::ids::ReleaseId;
    use crate::domain::log::Level;
    use crate::domain::plan::Plan;
    use crate::domain::signal::Point;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(1_000 + secs)
    }

    fn summary(plan: Plan) -> Summary {
        Summary {
            id: ReleaseId(4),
            plan,
            created: at(0),
            by: Actor::new("maria", "bastion"),
            status: "aborted".to_owned(),
            ended: true,
            touched: at(600),
        }
    }

    fn tape() -> Tape {
        let by = Actor::new("maria", "bastion");
        let plan = fixture::plan();
        let signal = plan.components[ComponentIndex::FIRST].signals[0].name.clone();
        let green = vec![Point { at: at(0), value: 3.0, samples: 9 }.into()];
        let points = Points {
            component: ComponentIndex::FIRST,
            period: Duration::from_secs(20),
            of: vec![PointsOf { signal, blue: Vec::new(), green }],
        };
        let line = LogLine {
            at: at(30),
            component: None,
            side: None,
            task: "t".to_owned(),
            level: Level::Error,
            text: "it fails".to_owned(),
        };
        let order = Order { command: Command::Rollback { reason: None }, stage: None, by: by.clone(), seen: None };
        let entries = [
            (0, Entry::Event(Event::Requested { by: by.clone() })),
            (20, Entry::Seen(Seen::Points(points))),
            (30, Entry::Seen(Seen::Lines(vec![line]))),
            (600, Entry::Event(Event::Ordered(order))),
        ];
        let records = entries.into_iter().map(|(secs, entry)| Record { at: at(secs), entry }).collect();
        Tape::new(&summary(plan), records)
    }

    #[test]
    fn every_moment_is_shown_as_it_was_and_the_end_is_the_journals() {
        let mut tape = tape();
        tape.wind_to(at(0));
        assert_eq!(tape.snapshot(1.0, false).release.status().word(), "running");
        assert_eq!(tape.next_moment(), Some(at(600)), "points and lines are no moments");
        let lines = tape.wind_to(at(60));
        assert_eq!(lines.len(), 1);
        let shown = tape.snapshot(1.0, false);
        let series = &shown.components[ComponentIndex::FIRST].series[0];
        assert_eq!((series.green.len(), series.period), (1, Duration::from_secs(20)));
        assert!(!tape.is_over());
        tape.wind_to(at(9_999));
        assert_eq!((tape.now(), tape.is_over(), tape.next_moment()), (at(600), true, None));
        assert!(tape.snapshot(1.0, false).release.ended.is_some());
    }

    #[test]
    fn what_was_seen_of_each_component_is_shown_with_it_and_of_no_other() {
        let mut plan = fixture::plan();
        let api = plan.components[ComponentIndex::FIRST].clone();
        plan.components = Components::try_from(vec![api.clone(), api]).unwrap();
        let second = plan.components.after(ComponentIndex::FIRST);
        let stranger: ComponentIndex = serde_json::from_str("7").unwrap();
        let seen = |component| {
            let signal = plan.components[second].signals[0].name.clone();
            let green = vec![Point { at: at(0), value: 3.0, samples: 9 }.into()];
            let points = Points {
                component,
                period: Duration::from_secs(20),
                of: vec![PointsOf { signal, blue: Vec::new(), green }],
            };
            let alarm = AlarmSeen {
                component,
                name: "5xx".into(),
                state: AlarmWord::Firing,
                since: None,
                reason: String::new(),
            };
            [Seen::Points(points), Seen::Alarms(vec![alarm])]
        };
        let all = [second, stranger].into_iter().flat_map(seen);
        let records = all.map(|seen| Record { at: at(0), entry: Entry::Seen(seen) }).collect();
        let mut tape = Tape::new(&summary(plan.clone()), records);
        tape.wind_to(at(1));
        let shown = tape.snapshot(1.0, false);
        let counts: Vec<(usize, usize)> =
            shown.components.iter().map(|(_, view)| (view.series[0].green.len(), view.alarms.len())).collect();
        assert_eq!(counts, [(0, 0), (1, 1)]);
        assert_eq!(shown.sources.len(), 2 * Source::ALL.len());
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_paused_hurried_and_skipped_through_and_obeys_no_order() {
        let tape = tape();
        let (hub, arriving) = Hub::new(tape.snapshot(10.0, false));
        let face = hub.attach();
        let (wish, wishes) = mpsc::unbounded_channel();
        let playing = tokio::spawn(play(tape, hub, arriving, wishes, 10.0));
        let shown = || face.snapshot.borrow().clone();
        tokio::time::sleep(Duration::from_secs(3)).await;
        let secs = shown().at.since(at(0)).as_secs();
        assert!((25..=35).contains(&secs), "{secs} s in 3 s at ten times the speed");
        wish.send(Playback::Pause).unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        let stopped = shown();
        tokio::time::sleep(Duration::from_mins(1)).await;
        assert_eq!(shown().at, stopped.at);
        assert!(shown().engine.replay.as_ref().is_some_and(|playing| playing.is_paused));
        let order = Order { command: Command::Pause, stage: None, by: Actor::new("maria", "bastion"), seen: None };
        assert!(matches!(face.orders.send(order).await, Receipt::Refused(_)));
        wish.send(Playback::Faster).unwrap();
        wish.send(Playback::Next).unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(shown().at, at(600));
        assert!((shown().speed - 20.0).abs() < f64::EPSILON && shown().release.ended.is_some());
        drop(wish);
        playing.await.unwrap();
    }
}
