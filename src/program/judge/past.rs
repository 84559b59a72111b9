//! A past release judged again, by the requests that the journal kept of it, or by the minutes.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use color_eyre::eyre::Result;

use super::super::history::find;
use super::super::output::Refused;
use super::super::settings as configuration;
use super::{End, say, settings};
use crate::cli::{By, Globals, Judge};
use crate::domain::components::ComponentIndex;
use crate::domain::event::Event;
use crate::domain::ids::{ReleaseId, SignalName};
use crate::domain::observed::Seen;
use crate::domain::plan::Plan;
use crate::domain::signal::{Measure, Point};
use crate::domain::time::Timestamp;
use crate::journal::{Entry, Journal, Record};
use crate::judge::detector::Detector;
use crate::judge::judgement::Recommendation;
use crate::judge::live::{Live, settings_of};
use crate::judge::minutes::ticks;
use crate::judge::settings::Settings;
use crate::judge::tick::Tick;

/// Judges a release of the journal.
pub(super) fn judge(globals: &Globals, arguments: &Judge, id: ReleaseId, out: &mut impl Write) -> Result<()> {
    let config = configuration::load(globals)?;
    let (journal, summary) = find(&config, id)?;
    let of = component(&summary.plan, id, arguments.component.as_deref())?;
    let records = journal.records(id)?;
    if arguments.by == By::Requests && has_requests(&records, of) {
        return judge_requests(arguments, &summary.plan, of, &records, out);
    }
    let signal = errors_of(&summary.plan, of).ok_or_else(|| {
        Refused::usage(format!("release {id} measured no error rate of {}", summary.plan.components[of].name))
    })?;
    let kept = Kept::of(&records, of, &signal);
    if kept.green.is_empty() {
        return Err(Refused::usage(format!("the journal holds no point of green's of `{signal}` for release {id}")));
    }
    let mut detector = Detector::new(settings(arguments).of_minutes());
    let mut weights = kept.weights.into_iter().peekable();
    let (blue, green): (Vec<Point>, Vec<Point>) =
        (kept.blue.into_values().collect(), kept.green.into_values().collect());
    for tick in ticks(&blue, &green, kept.period, Timestamp::from_millis(i64::MAX)) {
        while let Some((at, share)) = weights.next_if(|(at, _)| *at < tick.end) {
            detector.set_weight(share, at);
        }
        detector.take(&tick);
        if detector.began().is_some() {
            say(&detector, 0, End::No, out)?;
        }
    }
    say(&detector, 0, End::Yes, out)
}

fn has_requests(records: &[Record], of: ComponentIndex) -> bool {
    records.iter().any(|record| matches!(&record.entry, Entry::Seen(Seen::Requests(kept)) if kept.component == of))
}

/// Judges the requests as the release's engine did, at each change of the verdict and every so often.
fn judge_requests(
    arguments: &Judge,
    plan: &Plan,
    of: ComponentIndex,
    records: &[Record],
    out: &mut impl Write,
) -> Result<()> {
    let mut live = Live::with(as_released(arguments, settings_of(plan, of)), plan, of);
    let mut said: Option<(Timestamp, Recommendation)> = None;
    for record in records {
        match &record.entry {
            Entry::Event(Event::WeightObserved { component, green }) if *component == of => {
                live.weigh(f64::from(green.get()) / 100.0, record.at);
            }
            Entry::Seen(Seen::Requests(kept)) if kept.component == of => {
                for tick in &kept.ticks {
                    live.take(&Tick::from(tick));
                    let (detector, at) = (live.detector(), tick.end);
                    let is_due = detector.began().is_some()
                        && said.as_ref().is_none_or(|(before, said)| {
                            said != detector.recommendation() || at.since(*before) >= arguments.every
                        });
                    if is_due {
                        said = Some((at, detector.recommendation().clone()));
                        say(detector, 0, End::No, out)?;
                    }
                }
            }
            _ => {}
        }
    }
    say(live.detector(), 0, End::Yes, out)
}

/// The release's own settings, but for those that were asked for.
fn as_released(arguments: &Judge, released: Settings) -> Settings {
    let asked = settings(arguments);
    let is_usual = asked.cold_start == Settings::default().cold_start;
    Settings {
        cold_start: if is_usual { released.cold_start } else { asked.cold_start },
        share: released.share,
        deaths: released.deaths,
        longest_bake: released.longest_bake,
        ..asked
    }
}

fn component(plan: &Plan, id: ReleaseId, name: Option<&str>) -> Result<ComponentIndex> {
    let found = match name {
        Some(name) => plan.components.position(|component| component.name.as_str() == name),
        None if plan.components.count() == 1 => Some(ComponentIndex::FIRST),
        None => None,
    };
    found.ok_or_else(|| {
        let names: Vec<&str> = plan.components.iter().map(|(_, component)| component.name.as_str()).collect();
        Refused::usage(format!("say with --component which of release {id} is meant: {}", names.join(", ")))
    })
}

/// The signal that counts what green failed.
fn errors_of(plan: &Plan, of: ComponentIndex) -> Option<SignalName> {
    let signals = plan.components[of].signals.iter();
    signals.filter(|signal| signal.measure == Measure::TargetErrors).map(|signal| signal.name.clone()).next()
}

/// What the journal kept.
#[derive(Debug, Default)]
struct Kept {
    period: Duration,
    blue: BTreeMap<Timestamp, Point>,
    green: BTreeMap<Timestamp, Point>,
    /// Green's weight as read back, a part of one.
    weights: Vec<(Timestamp, f64)>,
}

impl Kept {
    fn of(records: &[Record], of: ComponentIndex, signal: &SignalName) -> Self {
        let mut kept = Self { period: Duration::from_mins(1), ..Self::default() };
        for record in records {
            match &record.entry {
                Entry::Event(Event::WeightObserved { component, green }) if *component == of => {
                    kept.weights.push((record.at, f64::from(green.get()) / 100.0));
                }
                Entry::Seen(Seen::Points(points)) if points.component == of => {
                    kept.period = points.period;
                    // A point that was corrected is there again.
                    for points in points.of.iter().filter(|points| points.signal == *signal) {
                        let point = |compact: &_| {
                            let point = Point::from(*compact);
                            (point.at, point)
                        };
                        kept.blue.extend(points.blue.iter().map(point));
                        kept.green.extend(points.green.iter().map(point));
                    }
                }
                _ => {}
            }
        }
        kept
    }
}
