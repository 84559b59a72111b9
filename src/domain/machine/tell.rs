//! What the release's channels are told, once for each transition.

use super::Machine;
use crate::domain::components::ComponentIndex;
use crate::domain::effect::{Effect, Notice, Severity};
use crate::domain::plan::ShiftStep;
use crate::domain::release::{Ending, Tone};

impl Machine<'_> {
    pub(super) fn tell_begun(&mut self) {
        self.tell(Severity::Info, "begun", "begins".to_owned(), "");
    }

    pub(super) fn tell_step(&mut self, of: ComponentIndex, step: ShiftStep) {
        let key = format!("step-{}-{}", self.release.plan.components[of].name, step.weight.get());
        let subject = format!("{}green observed at {}", self.whose(of), step.weight);
        self.tell(Severity::Info, &key, subject, "");
    }

    pub(super) fn tell_stage(&mut self, index: usize) {
        let name = self.stage_name(index);
        self.tell(Severity::Info, &format!("stage-{name}"), format!("reached {name}"), "");
    }

    pub(super) fn tell_waiting(&mut self, index: usize, why: &str) {
        let name = self.stage_name(index);
        self.tell(Severity::Warning, &format!("waiting-{name}"), format!("waits for a human at {name}"), why);
    }

    pub(super) fn tell_paused(&mut self, why: &str) {
        self.tell(Severity::Warning, "paused", "paused".to_owned(), why);
    }

    pub(super) fn tell_going_back(&mut self, cause: &str) {
        let verb = if self.release.has_shifted() { "rolling back" } else { "stopping" };
        self.tell(Severity::Critical, "going-back", verb.to_owned(), cause);
    }

    pub(super) fn tell_overdue(&mut self, why: &str) {
        self.tell(Severity::Critical, "overdue", "ROLLBACK OVERDUE, still trying".to_owned(), why);
    }

    pub(super) fn tell_credentials(&mut self, tone: Tone, why: &str) {
        let severity = if tone == Tone::Bad { Severity::Critical } else { Severity::Warning };
        let key = format!("credentials-{}", self.now.secs());
        self.tell(severity, &key, "the engine's credentials end".to_owned(), why);
    }

    pub(super) fn tell_ended(&mut self, ending: Ending, why: &str) {
        let severity = match ending {
            Ending::Succeeded => Severity::Info,
            Ending::Aborted => Severity::Warning,
            Ending::RolledBack | Ending::RollbackFailed | Ending::Failed => Severity::Critical,
        };
        self.tell(severity, "ended", ending.word().to_owned(), why);
    }

    fn tell(&mut self, severity: Severity, what: &str, subject: String, detail: &str) {
        if self.release.plan.notify.is_empty() {
            return;
        }
        let release = &self.release;
        let plan = &release.plan;
        let environment = &plan.environment;
        let component = plan.components_named();
        let first = &plan.components[ComponentIndex::FIRST].name;
        let mut body = String::new();
        for (of, planned) in plan.components.iter() {
            let traffic = release.components[of].traffic;
            body.push_str(&format!("{} in {environment}: {} → {}\n", planned.name, planned.from, planned.to));
            if planned.sides.is_some() {
                let observed = traffic.observed.map(|green| format!(", observed {green}")).unwrap_or_default();
                body.push_str(&format!("green: set {}{observed}\n", traffic.set));
            }
        }
        if !detail.is_empty() {
            body.push_str(detail);
            body.push('\n');
        }
        for (of, component) in release.components.iter() {
            for verdict in &component.verdicts {
                let (whose, ruling) = (self.whose(of), verdict.ruling.word());
                body.push_str(&format!("{whose}{}: {ruling}: {}\n", verdict.signal, verdict.reason));
            }
        }
        if release.ended.is_none() {
            body.push_str(&format!(
                "promote:  cutover promote --env {environment} --component {first}\n\
                 rollback: cutover rollback --env {environment} --component {first}\n"
            ));
        }
        // The revision tells apart what may happen more than once.
        let key = format!("{environment}/{first}/{}/r{}/{what}", release.id, release.revision);
        let subject = format!("[{environment}] {component} {}: {subject}", release.id);
        for channel in plan.notify.clone() {
            let (key, subject, body) = (key.clone(), subject.clone(), body.clone());
            self.ask(Effect::Notify(Notice { channel, key, severity, subject, body }));
        }
    }
}
