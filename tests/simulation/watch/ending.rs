//! I3: an ending claims what was so.

use cutover::domain::components::ComponentIndex;
use cutover::domain::ids::Side;
use cutover::domain::release::{Ending, Release};
use cutover::domain::time::Timestamp;

use super::{Invariant, State, Watch};

impl State {
    /// Holds what the journal newly claims against the world. What was read may be as old as the last reads of it.
    pub(super) fn claims(&mut self, before: &Release, now: Timestamp) {
        for of in self.plan.components.indices() {
            self.claims_of(of, before, now);
        }
    }

    fn claims_of(&mut self, of: ComponentIndex, before: &Release, now: Timestamp) {
        let all_restored = |release: &Release| release.unwinding.as_ref().and_then(|unwinding| unwinding.restored);
        let is_new = |claimed: &dyn Fn(&Release) -> Option<Timestamp>| {
            claimed(&self.mirror).is_some() && claimed(&self.mirror) != claimed(before)
        };
        let has_shifted = self.mirror.components[of].has_shifted();
        let is_back = is_new(&|release| release.components[of].restored) || (has_shifted && is_new(&all_restored));
        if is_back {
            let (rollback, wanted) = (self.plan.rollback, self.healthy_wanted(of, Side::Blue));
            let is_blue_up = self.capacity_was(of, now, |truth| {
                rollback.is_enough(u32::try_from(truth.healthy_blue).unwrap_or(u32::MAX), wanted)
            });
            let is_all_blue = self.weight_was(of, now, |truth| truth.green == 0);
            let (name, truth) = (self.component(of).name.clone(), self.truth(of));
            self.require(is_blue_up && is_all_blue, Invariant::I3, now, || {
                format!("blue of {name} is said to have all the traffic again, and the truth is {truth:?}")
            });
        }
        let Some(ended) = self.mirror.ended.clone().filter(|_| before.ended.is_none()) else { return };
        let somebody_set_weights = self.places[of].somebody_set_weights;
        let wanted = match ended.ending {
            Ending::Succeeded => 100,
            Ending::RolledBack | Ending::RollbackFailed | Ending::Aborted => 0,
            // Somebody else may have given green traffic that this release never did.
            Ending::Failed if somebody_set_weights => return,
            Ending::Failed => 0,
        };
        if wanted == 0 && somebody_set_weights && !has_shifted {
            return;
        }
        let is_so = self.weight_was(of, now, |truth| truth.green == wanted);
        let (name, truth) = (self.component(of).name.clone(), self.truth(of));
        self.require(is_so, Invariant::I3, now, || {
            format!("{} is claimed, and the truth of {name} is {truth:?}", ended.ending.word())
        });
    }

    fn leaves_served(&mut self, of: ComponentIndex, now: Timestamp) {
        let Some(truth) = self.truth(of) else { return };
        let has_ended = self.mirror.ended.is_some();
        let (rollback, wanted) = (self.plan.rollback, self.healthy_wanted(of, Side::Blue));
        let serves = |healthy: usize| rollback.is_enough(u32::try_from(healthy).unwrap_or(u32::MAX), wanted);
        let is_served = match truth.green {
            0 => serves(truth.healthy_blue),
            100 => serves(truth.healthy_green),
            _ => serves(truth.healthy_blue) && serves(truth.healthy_green),
        };
        let is_excused = !has_ended || self.places[of].somebody_set_weights;
        let name = self.component(of).name.clone();
        self.require(is_served || is_excused, Invariant::I3, now, || {
            format!("the release left traffic of {name} where nobody serves it: {truth:?}")
        });
    }
}

impl Watch {
    /// Some time after the end, in a cloud that behaves: whoever has the traffic has the targets for it.
    pub(crate) fn aftermath(&self) {
        self.with(|state, now| {
            state.look(now);
            for of in state.plan.components.indices() {
                state.leaves_served(of, now);
            }
        });
    }

    /// The engine's last word is what the journal alone gives back.
    pub(crate) fn compare(&self, left: &Release) {
        self.with(|state, now| {
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
