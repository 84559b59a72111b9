//! I3: an ending claims what was so.

use cutover::domain::ids::Side;
use cutover::domain::release::{Ending, Release};
use cutover::domain::time::Timestamp;

use super::{Invariant, State, Watch};

impl State {
    /// Holds what the journal newly claims against the world. What was read may be as old as the last reads of it.
    pub(super) fn claims(&mut self, before: &Release, now: Timestamp) {
        let restored = |release: &Release| release.unwinding.as_ref().and_then(|unwinding| unwinding.restored);
        let is_back = restored(&self.mirror).is_some() && restored(&self.mirror) != restored(before);
        if is_back {
            let (rollback, wanted) = (self.plan.rollback, self.healthy_wanted(Side::Blue));
            let is_blue_up = self.was_true(&self.capacity_reads, now, |truth| {
                rollback.is_enough(u32::try_from(truth.healthy_blue).unwrap_or(u32::MAX), wanted)
            });
            let is_all_blue = self.was_true(&self.weight_reads, now, |truth| truth.green == 0);
            let truth = self.truths.back().copied();
            self.require(is_blue_up && is_all_blue, Invariant::I3, now, || {
                format!("blue is said to have all the traffic again, and the truth is {truth:?}")
            });
        }
        let Some(ended) = self.mirror.ended.clone().filter(|_| before.ended.is_none()) else { return };
        let wanted = match ended.ending {
            Ending::Succeeded => 100,
            Ending::RolledBack | Ending::RollbackFailed | Ending::Aborted => 0,
            // Somebody else may have given green traffic that this release never did.
            Ending::Failed if self.somebody_set_weights => return,
            Ending::Failed => 0,
        };
        if wanted == 0 && self.somebody_set_weights && !self.mirror.has_shifted() {
            return;
        }
        let is_so = self.was_true(&self.weight_reads, now, |truth| truth.green == wanted);
        let truth = self.truths.back().copied();
        self.require(is_so, Invariant::I3, now, || {
            format!("{} is claimed, and the truth is {truth:?}", ended.ending.word())
        });
    }
}

impl Watch {
    /// Some time after the end, in a cloud that behaves: whoever has the traffic has the targets for it.
    pub(crate) fn aftermath(&self) {
        self.with(|state, world, now| {
            state.look(world, now);
            let Some(truth) = state.truths.back().copied() else { return };
            let has_ended = state.mirror.ended.is_some();
            let (rollback, wanted) = (state.plan.rollback, state.plan.sides.blue.desired);
            let serves = |healthy: usize| rollback.is_enough(u32::try_from(healthy).unwrap_or(u32::MAX), wanted);
            let is_served = match truth.green {
                0 => serves(truth.healthy_blue),
                100 => serves(truth.healthy_green),
                _ => serves(truth.healthy_blue) && serves(truth.healthy_green),
            };
            state.require(!has_ended || is_served || state.somebody_set_weights, Invariant::I3, now, || {
                format!("the release left traffic where nobody serves it: {truth:?}")
            });
        });
    }

    /// The engine's last word is what the journal alone gives back.
    pub(crate) fn compare(&self, left: &Release) {
        self.with(|state, _, now| {
            let same = state.mirror == *left;
            let difference = if same { String::new() } else { first_difference(&state.mirror, left) };
            state.require(same, Invariant::Replay, now, || format!("journal and engine differ: {difference}"));
        });
    }
}

fn first_difference(journal: &Release, engine: &Release) -> String {
    let lines = |release: &Release| -> Vec<String> {
        serde_json::to_string_pretty(release).unwrap().lines().map(str::to_owned).collect()
    };
    let (journal, engine) = (lines(journal), lines(engine));
    let differing = journal.iter().zip(&engine).find(|(one, other)| one != other);
    differing.map_or_else(|| "in length".to_owned(), |(one, other)| format!("`{}` and `{}`", one.trim(), other.trim()))
}
