//! What comes after what: stages, and on the way back the components.

use cutover::domain::components::ComponentIndex;
use cutover::domain::release::{Release, StageStatus};
use cutover::domain::time::Timestamp;

use super::{Invariant, State, Watch};

impl State {
    /// A stage begins when those that it comes after are done, and not before.
    pub(super) fn turns(&mut self, before: &Release, now: Timestamp) {
        for index in 0..self.plan.stages.len() {
            let begins = before.stages[index].started.is_none() && self.mirror.stages[index].started.is_some();
            let mut after = self.plan.stages[index].after.iter();
            let early = after.find(|earlier| !before_or_now_done(before, &self.mirror, **earlier)).copied();
            if let Some(earlier) = early.filter(|_| begins) {
                let (stage, earlier) = (&self.plan.stages[index].name, &self.plan.stages[earlier].name);
                let what = format!("{stage} began before {earlier} was done");
                self.violate(Invariant::Turns, now, what);
            }
        }
        let at_work = self.plan.components.indices().filter(|of| self.mirror.step(*of).is_some());
        self.side_by_side = self.side_by_side.max(at_work.count());
    }

    /// One by one means that a component gets its traffic back when those before it have theirs.
    pub(super) fn goes_back_in_turn(&mut self, of: ComponentIndex, now: Timestamp) {
        if !self.plan.rollback.one_by_one || self.mirror.unwinding.is_none() {
            return;
        }
        let mut earlier = self.plan.components.indices().filter(|earlier| *earlier < of);
        let waits_for = earlier.find(|earlier| {
            self.mirror.components[*earlier].has_shifted() && !self.weight_was(*earlier, now, |truth| truth.green == 0)
        });
        self.require(waits_for.is_none(), Invariant::Turns, now, || {
            format!("{of:?} got its traffic back before {waits_for:?} had")
        });
    }
}

/// A stage may be done and the next begin by one event.
fn before_or_now_done(before: &Release, mirror: &Release, stage: usize) -> bool {
    let is_done = |status: StageStatus| matches!(status, StageStatus::Passed | StageStatus::Skipped);
    is_done(before.stages[stage].status) || is_done(mirror.stages[stage].status)
}

impl Watch {
    /// The most components that were shifted at the same time.
    pub(crate) fn side_by_side(&self) -> usize {
        self.with(|state, _| state.side_by_side)
    }
}
