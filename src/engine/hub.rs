//! Where faces attach: the newest snapshot for everybody, and a bounded lane of log lines for each.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Notify, mpsc, watch};

use super::handle::{EngineHandle, Envelope, Inquiry, LOG_LANE, LogBatch, OrderSender, QuestionSender};
use super::snapshot::Snapshot;
use crate::domain::log::LogLine;

/// Lines kept for a face that attaches later.
const BACKLOG: usize = 2_000;

/// Batches on their way to one face.
const LANE: usize = LOG_LANE / 64;

/// Orders, and questions, on their way to the engine.
const ORDERS: usize = 64;

/// The place where faces attach. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Hub {
    snapshot: watch::Sender<Arc<Snapshot>>,
    orders: mpsc::Sender<Envelope>,
    questions: mpsc::Sender<Inquiry>,
    attached: Arc<Notify>,
    lanes: Arc<Mutex<Lanes>>,
}

/// Where what faces send arrives.
#[derive(Debug)]
pub struct Arriving {
    /// Orders.
    pub orders: mpsc::Receiver<Envelope>,
    /// Questions.
    pub questions: mpsc::Receiver<Inquiry>,
}

#[derive(Debug, Default)]
struct Lanes {
    backlog: VecDeque<LogLine>,
    faces: Vec<Lane>,
}

#[derive(Debug)]
struct Lane {
    sender: mpsc::Sender<LogBatch>,
    dropped: u64,
}

impl Hub {
    /// A hub that shows `first`, and the end where orders and questions arrive.
    pub fn new(first: Snapshot) -> (Self, Arriving) {
        let (orders, ordered) = mpsc::channel(ORDERS);
        let (questions, asked) = mpsc::channel(ORDERS);
        let hub = Self {
            snapshot: watch::Sender::new(Arc::new(first)),
            orders,
            questions,
            attached: Arc::default(),
            lanes: Arc::default(),
        };
        (hub, Arriving { orders: ordered, questions: asked })
    }

    /// A face's hold on the engine. It first gets the lines kept so far.
    pub fn attach(&self) -> EngineHandle {
        let (sender, logs) = mpsc::channel(LANE);
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let lines: Vec<LogLine> = lanes.backlog.iter().cloned().collect();
        // The lane is empty: this always fits.
        let _fits = sender.try_send(LogBatch { lines, dropped: 0 });
        lanes.faces.push(Lane { sender, dropped: 0 });
        self.attached.notify_one();
        EngineHandle {
            snapshot: self.snapshot.subscribe(),
            logs,
            orders: OrderSender::new(self.orders.clone()),
            questions: QuestionSender::new(self.questions.clone()),
        }
    }

    /// Waits until a face attaches: while nobody looks, the snapshot is not kept up to date.
    pub async fn attached(&self) {
        self.attached.notified().await;
    }

    /// Whether anybody looks.
    pub fn is_watched(&self) -> bool {
        self.snapshot.receiver_count() > 0
    }

    /// Shows a new snapshot to everybody.
    pub fn show(&self, snapshot: Snapshot) {
        self.snapshot.send_replace(Arc::new(snapshot));
    }

    /// Hands lines to every face; one that is too slow loses them, and is told how many.
    pub fn hand_out(&self, lines: Vec<LogLine>, lost: u64) {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        lanes.faces.retain_mut(|lane| {
            let batch = LogBatch { lines: lines.clone(), dropped: lane.dropped + lost };
            match lane.sender.try_send(batch) {
                Ok(()) => {
                    lane.dropped = 0;
                    true
                }
                Err(mpsc::error::TrySendError::Full(batch)) => {
                    lane.dropped = batch.dropped + u64::try_from(batch.lines.len()).unwrap_or(u64::MAX);
                    true
                }
                Err(mpsc::error::TrySendError::Closed(_)) => false,
            }
        });
        lanes.backlog.extend(lines);
        let excess = lanes.backlog.len().saturating_sub(BACKLOG);
        lanes.backlog.drain(..excess);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::fixture::{self, Scene};
    use crate::domain::log::Level;
    use crate::domain::time::Timestamp;

    fn line(number: usize) -> LogLine {
        LogLine {
            at: Timestamp::default(),
            component: None,
            side: None,
            task: String::new(),
            level: Level::Info,
            text: number.to_string(),
        }
    }

    #[tokio::test]
    async fn a_slow_face_loses_lines_and_is_told_how_many_and_a_quick_one_loses_none() {
        let (hub, _arriving) = Hub::new(fixture::snapshot(Scene::Baking));
        let mut slow = hub.attach();
        let mut quick = hub.attach();
        let all = LANE + 40;
        let mut quick_lines = 0;
        for number in 0..all {
            hub.hand_out(vec![line(number)], 0);
            while let Ok(batch) = quick.logs.try_recv() {
                assert_eq!(batch.dropped, 0);
                quick_lines += batch.lines.len();
            }
        }
        assert_eq!(quick_lines, all);
        let mut slow_lines = 0;
        while let Ok(batch) = slow.logs.try_recv() {
            slow_lines += batch.lines.len();
        }
        hub.hand_out(vec![line(all)], 0);
        let told = slow.logs.try_recv().unwrap();
        assert_eq!(slow_lines as u64 + told.dropped, all as u64);
        assert!(told.dropped > 0);
    }

    #[tokio::test]
    async fn a_face_that_attaches_later_gets_the_lines_kept_so_far() {
        let (hub, _arriving) = Hub::new(fixture::snapshot(Scene::Baking));
        hub.hand_out((0..BACKLOG + 5).map(line).collect(), 0);
        let mut late = hub.attach();
        let batch = late.logs.recv().await.unwrap();
        assert_eq!(batch.lines.len(), BACKLOG);
        assert_eq!(batch.lines.first().map(|line| line.text.as_str()), Some("5"));
    }

    #[test]
    fn nobody_looks_until_somebody_attaches() {
        let (hub, _arriving) = Hub::new(fixture::snapshot(Scene::Baking));
        assert!(!hub.is_watched());
        let face = hub.attach();
        assert!(hub.is_watched());
        drop(face);
        assert!(!hub.is_watched());
    }
}
