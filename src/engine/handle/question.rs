//! What a face asks for when somebody looks at it, and not before: reading it all the time would cost calls that nobody
//! profits from.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

use crate::domain::components::ComponentIndex;
use crate::domain::ids::AlarmName;
use crate::domain::time::millis;
use crate::engine::snapshot::{AlarmDetail, AlarmList, SignalSeries};

/// Something to find out.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Question {
    /// Every alarm of the region, and what they went through in the last day.
    Alarms {
        /// The component that is looked at.
        component: ComponentIndex,
    },
    /// What one alarm looks at, its history, and the releases around it.
    Alarm {
        /// The component that is looked at.
        component: ComponentIndex,
        /// Which.
        alarm: AlarmName,
    },
    /// The signals over a longer time than the engine holds.
    Signals {
        /// Whose.
        component: ComponentIndex,
        /// How far back.
        #[serde(with = "millis")]
        window: Duration,
        /// Length of a period.
        #[serde(with = "millis")]
        period: Duration,
    },
}

/// What was found out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// Of [`Question::Alarms`].
    Alarms(Arc<AlarmList>),
    /// Of [`Question::Alarm`].
    Alarm(Arc<AlarmDetail>),
    /// Of [`Question::Signals`], in the plan's order.
    Signals(Vec<Arc<SignalSeries>>),
}

/// What a question comes to: its answer, or why there is none.
pub type Found = Result<Answer, String>;

/// A question with the place for its answer.
#[derive(Debug)]
pub struct Inquiry {
    /// The question.
    pub question: Question,
    /// Where the answer goes.
    pub answer: oneshot::Sender<Found>,
}

/// Asks an engine. Cheap to clone.
#[derive(Clone, Debug)]
pub struct QuestionSender(mpsc::Sender<Inquiry>);

impl QuestionSender {
    /// A sender into `channel`.
    pub fn new(channel: mpsc::Sender<Inquiry>) -> Self {
        Self(channel)
    }

    /// Asks, and waits for the answer.
    pub async fn ask(&self, question: Question) -> Found {
        let (answer, reply) = oneshot::channel();
        if self.0.send(Inquiry { question, answer }).await.is_err() {
            return Err("the engine has ended".to_owned());
        }
        reply.await.unwrap_or_else(|_| Err("the engine ended before it answered".to_owned()))
    }
}
