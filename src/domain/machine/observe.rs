//! What was seen in the cloud.

use super::{Machine, SETTLE};
use crate::domain::capacity::Capacities;
use crate::domain::components::ComponentIndex;
use crate::domain::event::FiringAlarm;
use crate::domain::ids::{Side, SignalName};
use crate::domain::percent::Percent;
use crate::domain::plan::Driver;
use crate::domain::release::Tone;
use crate::domain::signal::{Policy, Ruling, Verdict};

impl Machine<'_> {
    pub(super) fn weight_observed(&mut self, of: ComponentIndex, green: Percent) {
        let now = self.now;
        if self.at(of).traffic.observed != Some(green) {
            self.at_mut(of).traffic.observed = Some(green);
            self.reaction.changed = true;
        }
        if self.release.begun.is_none() && self.release.plan.origin.foreign().is_some() {
            // Somebody else has set it.
            self.follow(of, green);
        }
        if self.release.begun.is_none() || self.release.ended.is_some() {
            return;
        }
        if self.release.unwinding.is_none() && self.goes_by_anothers_clock() && green > self.at(of).traffic.set {
            self.follow(of, green);
        }
        let is_setting = self.is_setting_weight(of);
        let traffic = &mut self.release.components[of].traffic;
        if green > Percent::ZERO && traffic.green_since.is_none() {
            traffic.green_since = Some(now);
            self.reaction.changed = true;
        }
        if green == traffic.set || is_setting {
            if traffic.drift_since.take().is_some() {
                self.reaction.changed = true;
            }
            return;
        }
        let since = *traffic.drift_since.get_or_insert_with(|| {
            self.reaction.changed = true;
            now
        });
        let set = traffic.set;
        traffic.peak = traffic.peak.max(green);
        let is_ours = traffic.unsure;
        if !is_ours && self.release.unwinding.is_none() && since + SETTLE <= now {
            let whose = self.whose(of);
            if self.driver(of) == Driver::CodeDeploy && green > set && !self.leaves_harm() {
                let why = format!("{whose}CodeDeploy went on to {green} before the gate of {set} had opened");
                return self.go_back(why, None);
            }
            self.hold(format!("{whose}somebody else changed the weights: green was set to {set} and is at {green}"));
        }
    }

    /// Whether the traffic is that of a deployment of somebody else's, which goes on by a clock of its own.
    fn goes_by_anothers_clock(&self) -> bool {
        self.release.plan.origin.foreign().is_some_and(|foreign| foreign.own_clock)
    }

    /// Takes what others have given green for what is asked for.
    fn follow(&mut self, of: ComponentIndex, green: Percent) {
        let now = self.now;
        let traffic = &mut self.release.components[of].traffic;
        if traffic.set != green {
            traffic.set = green;
            traffic.peak = traffic.peak.max(green);
            self.reaction.changed = true;
        }
        if green > Percent::ZERO && traffic.green_since.is_none() {
            traffic.green_since = Some(now);
            self.reaction.changed = true;
        }
    }

    pub(super) fn capacity_observed(&mut self, of: ComponentIndex, capacities: Capacities) {
        let wanted = self.wanted(of, Side::Green);
        // While tasks are replaced, green's are fewer than all.
        let is_whole = self.driver(of).is_side_by_side() || self.at(of).traffic.observed == Some(Percent::FULL);
        let is_short = self.at(of).is_green_live() && is_whole && capacities.green.healthy < wanted;
        let unhealthy_since = if is_short { self.at(of).unhealthy_since.or(Some(self.now)) } else { None };
        if self.at(of).unhealthy_since != unhealthy_since {
            self.at_mut(of).unhealthy_since = unhealthy_since;
            self.reaction.changed = true;
            if is_short && self.release.unwinding.is_none() && self.release.ended.is_none() {
                let whose = self.whose(of);
                let text = format!("{whose}green has {} of {wanted} healthy targets", capacities.green.healthy);
                self.line(Tone::Warning, text, None);
            }
        }
        if self.at(of).capacities.as_ref() != Some(&capacities) {
            self.at_mut(of).capacities = Some(capacities);
            self.reaction.changed = true;
        }
    }

    pub(super) fn alarms_lost(&mut self, of: ComponentIndex, why: String, firing: Vec<FiringAlarm>) {
        self.take_firing(of, firing);
        if self.at(of).alarms_lost.is_none() {
            self.line(Tone::Warning, format!("{}the alarms cannot be read: {why}", self.whose(of)), None);
        }
        if self.at(of).alarms_lost.as_ref() != Some(&why) {
            self.at_mut(of).alarms_lost = Some(why);
            self.reaction.changed = true;
        }
    }

    pub(super) fn alarms_observed(&mut self, of: ComponentIndex, firing: Vec<FiringAlarm>) {
        if self.at_mut(of).alarms_lost.take().is_some() {
            self.line(Tone::Plain, format!("{}the alarms can be read again", self.whose(of)), None);
        }
        self.take_firing(of, firing);
    }

    fn take_firing(&mut self, of: ComponentIndex, firing: Vec<FiringAlarm>) {
        if self.at(of).firing == firing {
            return;
        }
        let known = std::mem::replace(&mut self.at_mut(of).firing, firing);
        self.reaction.changed = true;
        if self.release.begun.is_none() || self.release.ended.is_some() {
            return;
        }
        let new = self.at(of).firing.iter().filter(|alarm| !known.iter().any(|known| known.name == alarm.name));
        let lines: Vec<String> = new.map(|alarm| format!("alarm {} fires: {}", alarm.name, alarm.reason)).collect();
        for text in lines {
            self.line(Tone::Bad, text, None);
        }
    }

    pub(super) fn judged(&mut self, of: ComponentIndex, verdicts: Vec<Verdict>) {
        if self.at(of).verdicts == verdicts {
            return;
        }
        self.at_mut(of).verdicts = verdicts;
        self.reaction.changed = true;
        if !self.is_being_judged(of) {
            return;
        }
        let whose = self.whose(of);
        let component = self.at(of);
        let failing: Vec<(SignalName, Policy, String)> = component
            .verdicts
            .iter()
            .filter(|verdict| verdict.ruling == Ruling::Fail && !component.waived.contains(&verdict.signal))
            .map(|verdict| (verdict.signal.clone(), verdict.policy, verdict.reason.clone()))
            .collect();
        if let Some((signal, _, reason)) = failing.iter().find(|(_, policy, _)| *policy == Policy::Rollback) {
            return self.go_back(format!("{whose}{signal}: {reason}"), None);
        }
        if let Some((signal, _, reason)) = failing.iter().find(|(_, policy, _)| *policy == Policy::Pause) {
            self.hold(format!("{whose}{signal}: {reason}"));
        }
    }
}
