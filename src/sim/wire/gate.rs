//! What every call passes before its service sees it: faults, request rates, counts.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode};

use super::fault::{FaultPlan, Faults};
use super::limits::Limits;
use super::route::Call;
use super::service::Service;
use super::{ConnectionFault, reply};
use crate::domain::time::Timestamp;
use crate::sim::scenario::ApiFaultKind;
use crate::sim::world::ApiError;

/// How long a receiver that is not AWS's takes. Always the same: what is drawn here would shift the calls' own latencies.
const RECEIVED_WITHIN: Duration = Duration::from_millis(80);

/// The state of the wire that is not the world's: faults, request rates, and counts.
#[derive(Debug)]
pub struct Wire {
    started: Timestamp,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    faults: Faults,
    limits: Limits,
    requests: u64,
    calls: BTreeMap<(Service, String), u64>,
}

impl Wire {
    /// A wire with a fault plan, whose spans count from `started`.
    pub fn new(plan: FaultPlan, seed: u64, started: Timestamp) -> Self {
        let state =
            State { faults: Faults::new(plan, seed), limits: Limits::default(), requests: 0, calls: BTreeMap::new() };
        Self { started, state: Mutex::new(state) }
    }

    /// Replaces the fault plan from here on; the counts stay.
    pub fn set_faults(&self, plan: FaultPlan) {
        self.state().faults.set(plan);
    }

    /// How many faults of each kind have been carried out.
    pub fn injected(&self) -> BTreeMap<ApiFaultKind, u64> {
        self.state().faults.injected().clone()
    }

    /// How many calls each operation has received, faulty and throttled ones included.
    pub fn calls(&self) -> BTreeMap<(Service, String), u64> {
        self.state().calls.clone()
    }

    /// Keeps an answer for a later stale read of the same request.
    pub(super) fn remember(&self, call: &Call, now: Timestamp, response: &Response<Bytes>) {
        let elapsed = now.since(self.started);
        self.state().faults.remember(call.service, &call.operation, &call.body, elapsed, response);
    }

    /// Counts a call and decides what becomes of it.
    pub(super) fn admit(&self, call: &Call, now: Timestamp) -> Admission {
        let elapsed = now.since(self.started);
        let mut state = self.state();
        state.requests += 1;
        *state.calls.entry((call.service, call.operation.clone())).or_default() += 1;
        let request_id = request_id(state.requests);
        let mut after = state.faults.latency();
        let passage = match state.faults.strike(call.service, &call.operation, elapsed) {
            Some((kind, delay)) => {
                let passage = state.afflict(call, elapsed, kind, delay);
                if passage.is_some() {
                    state.faults.count(kind);
                }
                if kind == ApiFaultKind::Slow {
                    after += delay;
                }
                passage
            }
            None => None,
        };
        let within_rate = state.limits.admit(call.service, &call.operation, elapsed);
        let passage = match passage {
            None | Some(Passage::Served) if !within_rate => Passage::Refused(call.service.throttled()),
            passage => passage.unwrap_or(Passage::Served),
        };
        Admission { passage, after, request_id }
    }

    /// What strikes a message to a receiver that is not AWS's, with the delay of its rule; and how long it takes anyway.
    pub(super) fn strike_letter(
        &self,
        receiver: &str,
        operation: &str,
        now: Timestamp,
    ) -> (Option<(ApiFaultKind, Duration)>, Duration) {
        let elapsed = now.since(self.started);
        let mut state = self.state();
        let struck = state.faults.strike_named(receiver, operation, elapsed);
        if let Some((kind, _)) = struck {
            state.faults.count(kind);
        }
        (struck, RECEIVED_WITHIN)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// What a fault makes of a call; `None` when it cannot be carried out.
    fn afflict(&self, call: &Call, elapsed: Duration, kind: ApiFaultKind, delay: Duration) -> Option<Passage> {
        let service = call.service;
        Some(match kind {
            ApiFaultKind::Throttling => Passage::Refused(service.throttled()),
            ApiFaultKind::ServerError if self.requests.is_multiple_of(2) => Passage::Refused(service.internal()),
            ApiFaultKind::ServerError => Passage::Refused(service.unavailable()),
            ApiFaultKind::ExpiredCredentials => Passage::Refused(service.expired()),
            ApiFaultKind::AccessDenied => Passage::Refused(service.denied(&call.operation)),
            ApiFaultKind::HtmlError => Passage::Instead(reply::html(StatusCode::BAD_GATEWAY, "502 Bad Gateway")),
            ApiFaultKind::LostRequest => Passage::Broken(ConnectionFault::Reset),
            ApiFaultKind::LostResponse => Passage::Unheard,
            ApiFaultKind::Slow => Passage::Served,
            ApiFaultKind::Timeout => Passage::Broken(ConnectionFault::TimedOut),
            ApiFaultKind::StaleRead => {
                Passage::Instead(self.faults.stale(service, &call.operation, &call.body, elapsed, delay)?)
            }
        })
    }
}

/// How a call goes on.
pub(super) struct Admission {
    pub(super) passage: Passage,
    /// Simulated time until the client hears of it.
    pub(super) after: Duration,
    pub(super) request_id: String,
}

/// What becomes of a call.
pub(super) enum Passage {
    /// The service answers it.
    Served,
    /// The service answers it, but the answer is lost.
    Unheard,
    /// It is refused before the service sees it.
    Refused(ApiError),
    /// Something else answers in the service's place.
    Instead(Response<Bytes>),
    /// Nothing answers.
    Broken(ConnectionFault),
}

/// The same run gives the same ids: they are a mixed counter in the shape of a UUID.
fn request_id(number: u64) -> String {
    let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    format!(
        "{:08x}-{:04x}-4{:03x}-8{:03x}-{number:012x}",
        mixed >> 32,
        (mixed >> 16) & 0xffff,
        (mixed >> 4) & 0xfff,
        mixed & 0xfff
    )
}
