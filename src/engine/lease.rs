//! Holding the leases of what is released: taken before an engine acts, renewed while it lives, given back at the end.
//!
//! The effects of an engine that has leases are let through here, one by one. What goes forward waits for a lease that surely
//! holds; the way back only stops for another holder. Whoever finds one has been followed by another engine, and never
//! acts again.

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::clock::Clock;
use crate::cloud::{Cloud, CloudError, Written};
use crate::domain::effect::{Effect, Failure, Outcome};
use crate::domain::lease::{Holder, LENGTH, Lease, Need, RENEWAL, Standing, ends_with_lease, need, standing};
use crate::domain::time::Timestamp;

/// After a renewal that failed it is tried again this soon.
const AGAIN: Duration = Duration::from_secs(15);

/// The way back of an engine whose lease has lapsed waits for so long, at the longest, to be told of another holder; and
/// not at all if the table gave no answer within the last [`AGAIN`].
const LOOK: Duration = Duration::from_secs(2);

/// A lease changes hands so often while it is being taken before it is left to the others.
const TRIES: u32 = 4;

/// What is held, or asked for.
#[derive(Clone, Debug)]
pub struct Terms {
    /// The table.
    pub table: String,
    /// What is locked: one name for each component. Hosts that release the same give the same names.
    pub locks: Vec<String>,
    /// The same for all engines of one journal, and for no other.
    pub owner: String,
    /// Who takes it, for people.
    pub holder: Holder,
}

/// Why no lease was taken.
#[derive(Debug, thiserror::Error)]
pub enum NotTaken {
    /// Somebody else has it.
    #[error(
        "another host's engine holds this service: {lease}, in the lock table {table}; wait for its end, or go on with it there"
    )]
    Held {
        /// The lease.
        lease: Box<Lease>,
        /// The table that it lies in.
        table: String,
    },
    /// The table cannot be read or written.
    #[error("the lock table {table} cannot be used, and nothing is released without a lease: {error}")]
    Cloud {
        /// The table.
        table: String,
        /// Why.
        error: CloudError,
    },
}

/// How the leases of an engine stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Health {
    /// As they should.
    Fine,
    /// They could not be renewed, for this reason.
    Unrenewed(String),
    /// Somebody else has taken one.
    Lost(String),
}

/// An engine's leases: of everything that it releases, all under one number.
pub struct Tenure {
    cloud: Arc<dyn Cloud>,
    table: String,
    clock: Clock,
    number: u64,
    /// Whose lapsed lease was taken over, if one was.
    taken_over: Option<Lease>,
    held: Mutex<Vec<(String, Lease)>>,
    /// When the table was last asked without an answer.
    unanswered: Mutex<Option<Timestamp>>,
    /// One renewal at a time.
    renewing: tokio::sync::Mutex<()>,
    health: watch::Sender<Health>,
}

impl fmt::Debug for Tenure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tenure").field("table", &self.table).field("number", &self.number).finish_non_exhaustive()
    }
}

impl Tenure {
    /// Takes the lease of everything, or of nothing.
    ///
    /// # Errors
    ///
    /// When somebody else holds one, or the table cannot be used.
    pub async fn take(cloud: Arc<dyn Cloud>, terms: Terms, clock: Clock) -> Result<Self, NotTaken> {
        let Terms { table, mut locks, owner, holder } = terms;
        // In one order everywhere, so that of two who want the same several one gets them all.
        locks.sort_unstable();
        locks.dedup();
        let broken = |error| NotTaken::Cloud { table: table.clone(), error };
        let mut found = Vec::new();
        for lock in locks {
            let there = cloud.leases().lease(&table, &lock).await.map_err(broken)?;
            found.push((lock, there));
        }
        let numbers = found.iter().filter_map(|(_, there)| there.as_ref().map(|there| there.number));
        let mut number = numbers.max().unwrap_or_default() + 1;
        let (mut held, mut taken_over) = (Vec::<(String, Lease)>::new(), None);
        let mut refused = None;
        for (lock, mut there) in found {
            for tried in 1.. {
                let now = clock.latest();
                match standing(there.as_ref(), &owner, now) {
                    Standing::Held => refused = there.clone().map(|it| held_by(it, &table)),
                    Standing::Lapsed => taken_over.clone_from(&there),
                    Standing::Free | Standing::Own => {}
                }
                if refused.is_some() {
                    break;
                }
                number = number.max(there.as_ref().map_or(0, |there| there.number) + 1);
                let lease = Lease { number, owner: owner.clone(), until: Some(now + LENGTH), holder: holder.clone() };
                match cloud.leases().write_lease(&table, &lock, &lease, there.as_ref()).await {
                    Ok(Written::Done) => {
                        held.push((lock, lease));
                        break;
                    }
                    Ok(Written::Not(Some(other))) if tried == TRIES => refused = Some(held_by(other, &table)),
                    Ok(Written::Not(other)) => there = other,
                    Err(error) => refused = Some(broken(error)),
                }
            }
            if refused.is_some() {
                break;
            }
        }
        let tenure = Self {
            cloud,
            table,
            clock,
            number,
            taken_over,
            held: Mutex::new(held),
            unanswered: Mutex::default(),
            renewing: tokio::sync::Mutex::default(),
            health: watch::Sender::new(Health::Fine),
        };
        match refused {
            None => Ok(tenure),
            Some(why) => {
                tenure.give_back().await;
                Err(why)
            }
        }
    }

    /// The fencing number: greater than that of whoever held one of the leases before.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Whose lapsed lease was taken over, if one was.
    pub fn taken_over(&self) -> Option<&Lease> {
        self.taken_over.as_ref()
    }

    /// Gives everything back that nobody else has taken meanwhile. What cannot be given back lapses.
    pub async fn give_back(&self) {
        let _alone = self.renewing.lock().await;
        let held = std::mem::take(&mut *lock(&self.held));
        if matches!(&*self.health.borrow(), Health::Lost(_)) {
            return;
        }
        for (name, lease) in held {
            let _lapses = self.cloud.leases().write_lease(&self.table, &name, &lease.given_back(), Some(&lease)).await;
        }
    }

    pub(super) fn health(&self) -> watch::Receiver<Health> {
        self.health.subscribe()
    }

    /// What a human should be told, if anything.
    pub(super) fn trouble(&self) -> Option<String> {
        match &*self.health.borrow() {
            Health::Fine => None,
            Health::Lost(why) => Some(why.clone()),
            Health::Unrenewed(why) => {
                let table = &self.table;
                let effect = if self.surely_holds() {
                    "it still holds"
                } else {
                    "it has lapsed: nothing goes forward until it is renewed; the way back is open"
                };
                Some(format!("the lease in lock table {table} cannot be renewed, {effect}: {why}"))
            }
        }
    }

    /// Keeps it renewed, for as long as this is polled: an engine that stands still holds nothing.
    pub(super) async fn keep(&self) {
        let mut pause = RENEWAL;
        loop {
            self.clock.sleep(pause).await;
            pause = match self.renew().await {
                Ok(()) => RENEWAL,
                Err(Denied::Lost(_)) => return,
                Err(Denied::Unrenewed(_)) => AGAIN,
            };
        }
    }

    fn surely_holds(&self) -> bool {
        let now = self.clock.latest();
        let held = lock(&self.held);
        !held.is_empty() && held.iter().all(|(_, lease)| lease.surely_holds(now))
    }

    /// The first moment at which one of the leases may have lapsed.
    fn sure_until(&self) -> Timestamp {
        lock(&self.held).iter().filter_map(|(_, lease)| lease.sure_until()).min().unwrap_or_default()
    }

    fn lost(&self) -> Option<String> {
        match &*self.health.borrow() {
            Health::Lost(why) => Some(why.clone()),
            Health::Fine | Health::Unrenewed(_) => None,
        }
    }

    /// Renews everything, and finds out whether somebody else has taken it.
    async fn renew(&self) -> Result<(), Denied> {
        let _alone = self.renewing.lock().await;
        if let Some(why) = self.lost() {
            return Err(Denied::Lost(why));
        }
        let held = lock(&self.held).clone();
        for (name, lease) in held {
            self.renew_one(&name, lease).await?;
        }
        *lock(&self.unanswered) = None;
        self.health.send_if_modified(|health| std::mem::replace(health, Health::Fine) != Health::Fine);
        Ok(())
    }

    async fn renew_one(&self, name: &str, held: Lease) -> Result<(), Denied> {
        let mut there = Some(held.clone());
        for _ in 0..TRIES {
            // By the time before the call, however long that takes.
            let next = there.as_ref().unwrap_or(&held).renewed(self.clock.latest());
            match self.cloud.leases().write_lease(&self.table, name, &next, there.as_ref()).await {
                Ok(Written::Done) => {
                    if let Some((_, kept)) = lock(&self.held).iter_mut().find(|(known, _)| known == name) {
                        *kept = next;
                    }
                    return Ok(());
                }
                // A renewal that was given up has landed, or somebody took the item out by hand.
                Ok(Written::Not(other)) if other.as_ref().is_none_or(|other| other.is_same_holding(&held)) => {
                    there = other;
                }
                Ok(Written::Not(Some(other))) => {
                    let (number, table) = (held.number, &self.table);
                    let why = format!(
                        "another host's engine has taken this service over: {other}, in lock table {table}; this engine, with lease {number}, does nothing any more"
                    );
                    self.health.send_replace(Health::Lost(why.clone()));
                    return Err(Denied::Lost(why));
                }
                Ok(Written::Not(None)) => there = None,
                Err(error) => return Err(self.unrenewed(error.to_string())),
            }
        }
        Err(self.unrenewed("it changed under every write".to_owned()))
    }

    fn unrenewed(&self, why: String) -> Denied {
        *lock(&self.unanswered) = Some(self.clock.latest());
        self.health.send_replace(Health::Unrenewed(why.clone()));
        Denied::Unrenewed(why)
    }

    /// Whether something may be done that needs so much of the lease.
    pub(super) async fn permit(&self, need: Need) -> Result<(), Denied> {
        if need == Need::Nothing {
            return Ok(());
        }
        if let Some(why) = self.lost() {
            return Err(Denied::Lost(why));
        }
        if self.surely_holds() {
            return Ok(());
        }
        if need == Need::Sure {
            self.renew().await?;
            return if self.surely_holds() {
                Ok(())
            } else {
                Err(Denied::Unrenewed("the answer came too late".to_owned()))
            };
        }
        let asked = *lock(&self.unanswered);
        if asked.is_some_and(|asked| self.clock.latest().since(asked) < AGAIN) {
            return Ok(());
        }
        match tokio::time::timeout(self.clock.real(LOOK), self.renew()).await {
            Ok(Err(lost @ Denied::Lost(_))) => Err(lost),
            // Nobody else is known to have it.
            Ok(_) => Ok(()),
            Err(_) => {
                *lock(&self.unanswered) = Some(self.clock.latest());
                Ok(())
            }
        }
    }

    /// Ends when the leases have lapsed, or are lost.
    async fn ended(&self) {
        let mut health = self.health();
        loop {
            let until = self.sure_until();
            if self.lost().is_some() || self.clock.latest() >= until {
                return;
            }
            tokio::select! {
                _ = health.changed() => {}
                () = self.clock.sleep_until(until) => {}
            }
        }
    }
}

fn held_by(lease: Lease, table: &str) -> NotTaken {
    NotTaken::Held { lease: Box::new(lease), table: table.to_owned() }
}

/// What a mutex guards. Nothing that holds one of these locks can leave its data half changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Why something may not be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Denied {
    /// Somebody else has the service.
    Lost(String),
    /// The lease has lapsed, and cannot be renewed.
    Unrenewed(String),
}

impl From<Denied> for Failure {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Lost(message) => Self { transient: true, message },
            Denied::Unrenewed(why) => {
                let message = format!("held back, for the lease has lapsed and cannot be renewed: {why}");
                Self { transient: true, message }
            }
        }
    }
}

/// What one effect may do.
pub(super) struct Warrant {
    tenure: Option<Arc<Tenure>>,
    need: Need,
    ends_with_lease: bool,
}

impl Warrant {
    /// For an effect of an engine with these leases; without any, everything is let through.
    pub(super) fn of(tenure: Option<&Arc<Tenure>>, effect: &Effect, goes_back: bool) -> Self {
        let (need, ends_with_lease) = (need(effect, goes_back), ends_with_lease(effect));
        Self { tenure: tenure.cloned(), need, ends_with_lease }
    }

    /// Carries it out, as long as that is permitted.
    pub(super) async fn cover(self, effect: impl Future<Output = Outcome>) -> Outcome {
        let Some(tenure) = self.tenure.filter(|_| self.need != Need::Nothing) else { return effect.await };
        if let Err(denied) = tenure.permit(self.need).await {
            return Outcome::Failed(denied.into());
        }
        if self.need != Need::Sure || !self.ends_with_lease {
            return effect.await;
        }
        tokio::select! {
            // First: an engine that wakes up late must not go on where it was.
            biased;
            () = tenure.ended() => {
                let why = tenure.lost().unwrap_or_else(|| "given up, for the lease lapsed meanwhile".to_owned());
                Outcome::Failed(Failure { transient: true, message: why })
            }
            outcome = effect => outcome,
        }
    }
}
