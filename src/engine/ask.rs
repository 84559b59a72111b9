//! Questions of faces: read from the cloud when somebody looks, once for all who ask the same, and not too often.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::alarms::views;
use super::clean::Cleaner;
use super::handle::{AlarmDetail, AlarmList, Answer, Found, Inquiry, Passage, Question};
use super::snapshot::{SignalSeries, Source};
use crate::cloud::{Cloud, CloudError, Roll, SeriesPair, SignalRequest, Span};
use crate::domain::alarm::{Quiet, Setup, Transition};
use crate::domain::components::{ComponentIndex, Components};
use crate::domain::ids::{AlarmName, SignalName};
use crate::domain::plan::Plan;
use crate::domain::signal::Measure;
use crate::domain::time::Timestamp;

/// An answer this young is good for whoever asks the same.
const FRESH: Duration = Duration::from_secs(20);

/// Questions that are looked into in a minute; each costs two to four calls.
const A_MINUTE: usize = 10;

/// Alarms of a region that are read at most: five calls.
const MOST_ALARMS: usize = 500;

/// How far back the changes of all alarms are read.
const DAY: Duration = Duration::from_hours(24);

/// How far back those of one alarm are: CloudWatch keeps them for 30 days.
const MONTH: Duration = Duration::from_hours(30 * 24);

/// Periods of what an alarm looks at that its chart shows.
const PERIODS: u32 = 180;

/// What a question is answered from.
#[derive(Clone)]
pub(super) struct Context {
    pub(super) plan: Arc<Plan>,
    pub(super) begun: Option<Timestamp>,
    /// What an alarm that is asked about looks at.
    pub(super) setup: Option<Setup>,
    /// Releases that might be marked, newest first.
    pub(super) releases: Vec<Passage>,
    pub(super) now: Timestamp,
}

/// A question that has been looked into.
pub(super) struct Looked {
    question: Question,
    found: Found,
    at: Timestamp,
    /// The source that its calls are counted for, and how many there were.
    pub(super) cost: (Source, ComponentIndex, u64),
}

/// Looks into questions.
pub(super) struct Desk {
    clouds: Components<Arc<dyn Cloud>>,
    cleaner: Cleaner,
    running: JoinSet<Looked>,
    waiting: Vec<(Question, oneshot::Sender<Found>)>,
    /// The last answers, each with when it was had.
    kept: Vec<(Question, Timestamp, Answer)>,
    /// When questions were looked into in the last minute.
    recent: Vec<Timestamp>,
    /// Alarms as last listed: the setup of one that is opened is looked up here.
    listed: Vec<(AlarmName, Setup)>,
}

impl Desk {
    pub(super) fn new(clouds: Components<Arc<dyn Cloud>>, cleaner: Cleaner) -> Self {
        Self {
            clouds,
            cleaner,
            running: JoinSet::new(),
            waiting: Vec::new(),
            kept: Vec::new(),
            recent: Vec::new(),
            listed: Vec::new(),
        }
    }

    /// How an alarm was set up when all were last listed.
    pub(super) fn setup(&self, alarm: &AlarmName) -> Option<&Setup> {
        self.listed.iter().find(|(name, _)| name == alarm).map(|(_, setup)| setup)
    }

    /// Answers from what is known, or begins to look.
    pub(super) fn ask(&mut self, inquiry: Inquiry, context: impl FnOnce(&Self) -> Context, now: Timestamp) {
        let Inquiry { question, answer } = inquiry;
        self.kept.retain(|(_, at, _)| now.since(*at) < FRESH);
        if let Some((_, _, known)) = self.kept.iter().find(|(kept, _, _)| *kept == question) {
            // Whoever asked may have gone.
            let _gone = answer.send(Ok(known.clone()));
            return;
        }
        let is_running = self.waiting.iter().any(|(waiting, _)| *waiting == question);
        self.recent.retain(|at| now.since(*at) < Duration::from_mins(1));
        if !is_running && self.recent.len() >= A_MINUTE {
            let why = format!("asked {A_MINUTE} times in this minute: it is looked into again in a moment");
            let _gone = answer.send(Err(why));
            return;
        }
        self.waiting.push((question.clone(), answer));
        if is_running {
            return;
        }
        self.recent.push(now);
        let context = context(self);
        let of = component(&question);
        let cloud = Arc::clone(&self.clouds[if self.clouds.holds(of) { of } else { ComponentIndex::FIRST }]);
        self.running.spawn(look(question, context, cloud, self.cleaner.clone()));
    }

    /// The next question that has been looked into; pending for ever while none is. Whoever asked it is answered.
    pub(super) async fn next(&mut self) -> Looked {
        loop {
            match self.running.join_next().await {
                Some(Ok(looked)) => {
                    self.answer(&looked);
                    return looked;
                }
                // One that panicked: whoever waits for it must not wait for ever, and asks again.
                Some(Err(_)) => self.waiting.clear(),
                None => std::future::pending().await,
            }
        }
    }

    fn answer(&mut self, looked: &Looked) {
        let Looked { question, found, at, .. } = looked;
        if let Ok(Answer::Alarms(list)) = found {
            self.listed = list.alarms.iter().map(|alarm| (alarm.name.clone(), alarm.setup.clone())).collect();
        }
        if let Ok(answer) = found {
            self.kept.push((question.clone(), *at, answer.clone()));
        }
        for (_, waiting) in self.waiting.extract_if(.., |(waiting, _)| waiting == question) {
            let _gone = waiting.send(found.clone());
        }
    }
}

/// The component that a question is about.
fn component(question: &Question) -> ComponentIndex {
    match question {
        Question::Alarms { component } | Question::Alarm { component, .. } | Question::Signals { component, .. } => {
            *component
        }
    }
}

async fn look(question: Question, context: Context, cloud: Arc<dyn Cloud>, cleaner: Cleaner) -> Looked {
    let at = context.now;
    let of = component(&question);
    let (found, source, calls) = match &question {
        Question::Alarms { .. } => {
            let (list, calls) = alarms(&context, cloud.as_ref(), &cleaner).await;
            (list.map(|list| Answer::Alarms(Arc::new(list))), Source::Alarms, calls)
        }
        Question::Alarm { alarm, .. } => {
            let detail = detail(alarm, &context, cloud.as_ref(), &cleaner).await;
            (Ok(Answer::Alarm(Arc::new(detail))), Source::Alarms, 2)
        }
        Question::Signals { component, window, period } => {
            let series = signals(*component, (*window, *period), &context, cloud.as_ref()).await;
            (series.map(Answer::Signals), Source::Signals, 1)
        }
    };
    let found = found.map_err(|error| cleaner.text(&error.to_string()));
    Looked { question, found, at, cost: (source, of, calls) }
}

/// Every alarm of the region, with what mutes them and what they went through, and how many calls that took.
async fn alarms(context: &Context, cloud: &dyn Cloud, cleaner: &Cleaner) -> (Result<AlarmList, CloudError>, u64) {
    let (all, past, muted) = futures_util::join!(
        cloud.alarming().every_alarm(MOST_ALARMS),
        cloud.alarming().transitions(None, context.now - DAY),
        cloud.alarming().muted(),
    );
    let pages = |roll: &Roll| u64::try_from(roll.alarms.len().div_ceil(100).max(1)).unwrap_or(1);
    let Roll { alarms, is_cut } = match all {
        Ok(roll) => roll,
        Err(error) => return (Err(error), 3),
    };
    let calls = 2 + pages(&Roll { alarms: Vec::new(), is_cut }).max(u64::try_from(alarms.len() / 100).unwrap_or(0));
    let mut unread = Vec::new();
    let mut read = AlarmList { at: context.now, is_cut, known_since: context.now, ..AlarmList::default() };
    read.alarms = views(&cleaner.alarms(alarms), context.begun);
    match past {
        Ok(past) => (read.transitions, read.known_since) = (clean(cleaner, past.transitions), past.known_since),
        Err(error) => unread.push(cleaner.text(&format!("history: {error}"))),
    }
    match muted {
        Ok(muted) => {
            for (name, rule) in muted {
                let quiet = Quiet::Muted { rule: cleaner.text(&rule) };
                let of_name = read.alarms.iter_mut().filter(|alarm| alarm.name == name);
                of_name.for_each(|alarm| alarm.setup.quiet = Some(quiet.clone()));
            }
        }
        Err(error) => unread.push(cleaner.text(&format!("mute rules: {error}"))),
    }
    read.unread = unread;
    (Ok(read), calls)
}

async fn detail(name: &AlarmName, context: &Context, cloud: &dyn Cloud, cleaner: &Cleaner) -> AlarmDetail {
    let now = context.now;
    let condition = context.setup.as_ref().and_then(Setup::condition);
    let period = condition.map_or(Duration::from_mins(1), |condition| condition.period);
    let from = now - (period * PERIODS).clamp(Duration::from_hours(1), MONTH);
    let points = async {
        match condition {
            Some(condition) => {
                let span = Span { from, to: now, period };
                cloud.alarming().watched_points(&condition.of, span).await
            }
            None => Ok(Vec::new()),
        }
    };
    let past = cloud.alarming().transitions(Some(name), now - MONTH);
    let (points, past) = futures_util::join!(points, past);
    let mut detail = AlarmDetail { at: now, period, from, known_since: now, ..AlarmDetail::default() };
    match points {
        Ok(points) => detail.points = points,
        Err(error) => detail.unread.push(cleaner.text(&format!("metric: {error}"))),
    }
    match past {
        Ok(past) => {
            (detail.transitions, detail.known_since) = (clean(cleaner, past.transitions), past.known_since);
        }
        Err(error) => detail.unread.push(cleaner.text(&format!("history: {error}"))),
    }
    let is_near = |release: &&Passage| release.ended.is_none_or(|ended| ended >= from);
    detail.releases = context.releases.iter().filter(is_near).cloned().collect();
    detail
}

fn clean(cleaner: &Cleaner, transitions: Vec<Transition>) -> Vec<Transition> {
    let clean = |it: Transition| Transition { reason: cleaner.text(&it.reason), ..it };
    transitions.into_iter().map(clean).collect()
}

/// The signals of a component over a window that ends now, in periods that may be longer than the engine's.
async fn signals(
    of: ComponentIndex,
    (window, period): (Duration, Duration),
    context: &Context,
    cloud: &dyn Cloud,
) -> Result<Vec<Arc<SignalSeries>>, CloudError> {
    if !context.plan.components.holds(of) {
        return Ok(Vec::new());
    }
    let plan = &context.plan.components[of];
    let Some(sides) = &plan.sides else { return Ok(Vec::new()) };
    let wanted: Vec<(SignalName, Measure)> =
        plan.signals.iter().map(|signal| (signal.name.clone(), signal.measure.clone())).collect();
    let request = SignalRequest {
        signals: &wanted,
        sides,
        cluster: &plan.cluster,
        from: context.now - window,
        to: context.now,
        period,
    };
    let series = |SeriesPair { signal, blue, green }| Arc::new(SignalSeries { signal, period, blue, green });
    Ok(cloud.signals(&request).await?.into_iter().map(series).collect())
}
