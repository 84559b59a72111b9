//! What was seen in the cloud.

use super::{Machine, SETTLE};
use crate::domain::capacity::Capacities;
use crate::domain::event::FiringAlarm;
use crate::domain::ids::SignalName;
use crate::domain::percent::Percent;
use crate::domain::release::Tone;
use crate::domain::signal::{Policy, Ruling, Verdict};

impl Machine<'_> {
    pub(super) fn weight_observed(&mut self, green: Percent) {
        let now = self.now;
        if self.release.traffic.observed != Some(green) {
            self.release.traffic.observed = Some(green);
            self.reaction.changed = true;
        }
        if self.release.begun.is_none() || self.release.ended.is_some() {
            return;
        }
        let traffic = &mut self.release.traffic;
        if green > Percent::ZERO && traffic.green_since.is_none() {
            traffic.green_since = Some(now);
            self.reaction.changed = true;
        }
        if green == traffic.set || self.release.in_flight.iter().any(|flight| flight.intent.effect.sets_weight()) {
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
            self.hold(format!("somebody else changed the weights: green was set to {set} and is at {green}"));
        }
    }

    pub(super) fn capacity_observed(&mut self, capacities: Capacities) {
        let wanted = self.release.plan.sides.green.desired;
        let is_short = self.release.is_green_live() && capacities.green.healthy < wanted;
        let unhealthy_since = if is_short { self.release.unhealthy_since.or(Some(self.now)) } else { None };
        if self.release.unhealthy_since != unhealthy_since {
            self.release.unhealthy_since = unhealthy_since;
            self.reaction.changed = true;
            if is_short && self.release.unwinding.is_none() && self.release.ended.is_none() {
                let text = format!("green has {} of {wanted} healthy targets", capacities.green.healthy);
                self.line(Tone::Warning, text, None);
            }
        }
        if self.release.capacities.as_ref() != Some(&capacities) {
            self.release.capacities = Some(capacities);
            self.reaction.changed = true;
        }
    }

    pub(super) fn alarms_lost(&mut self, why: String, firing: Vec<FiringAlarm>) {
        self.take_firing(firing);
        if self.release.alarms_lost.is_none() {
            self.line(Tone::Warning, format!("the alarms cannot be read: {why}"), None);
        }
        if self.release.alarms_lost.as_ref() != Some(&why) {
            self.release.alarms_lost = Some(why);
            self.reaction.changed = true;
        }
    }

    pub(super) fn alarms_observed(&mut self, firing: Vec<FiringAlarm>) {
        if self.release.alarms_lost.take().is_some() {
            self.line(Tone::Plain, "the alarms can be read again".to_owned(), None);
        }
        self.take_firing(firing);
    }

    fn take_firing(&mut self, firing: Vec<FiringAlarm>) {
        if self.release.firing == firing {
            return;
        }
        let known = std::mem::replace(&mut self.release.firing, firing);
        self.reaction.changed = true;
        if self.release.begun.is_none() || self.release.ended.is_some() {
            return;
        }
        let new = self.release.firing.iter().filter(|alarm| !known.iter().any(|known| known.name == alarm.name));
        let lines: Vec<String> = new.map(|alarm| format!("alarm {} fires: {}", alarm.name, alarm.reason)).collect();
        for text in lines {
            self.line(Tone::Bad, text, None);
        }
    }

    pub(super) fn judged(&mut self, verdicts: Vec<Verdict>) {
        if self.release.verdicts == verdicts {
            return;
        }
        self.release.verdicts = verdicts;
        self.reaction.changed = true;
        if !self.is_being_judged() {
            return;
        }
        let failing: Vec<(SignalName, Policy, String)> = self
            .release
            .verdicts
            .iter()
            .filter(|verdict| verdict.ruling == Ruling::Fail && !self.release.waived.contains(&verdict.signal))
            .map(|verdict| (verdict.signal.clone(), verdict.policy, verdict.reason.clone()))
            .collect();
        if let Some((signal, _, reason)) = failing.iter().find(|(_, policy, _)| *policy == Policy::Rollback) {
            return self.go_back(format!("{signal}: {reason}"), None);
        }
        if let Some((signal, _, reason)) = failing.iter().find(|(_, policy, _)| *policy == Policy::Pause) {
            self.hold(format!("{signal}: {reason}"));
        }
    }
}
