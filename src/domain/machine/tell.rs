//! What the release's channels are told, once for each transition.

use super::Machine;
use crate::domain::components::ComponentIndex;
use crate::domain::effect::{Effect, Notice, Severity};
use crate::domain::ids::AlarmName;
use crate::domain::notice::{Facts, PageStatus, Transition};
use crate::domain::plan::{ShiftStep, StageKind, StatusPagePlan};
use crate::domain::release::{Ending, Release, StageStatus, Tone};
use crate::domain::signal::{Policy, Ruling, Verdict};

/// One transition, ready to be told.
struct Telling<'a> {
    transition: Transition,
    severity: Severity,
    /// What tells it from others of the same revision.
    what: String,
    subject: String,
    detail: &'a str,
    page: Option<PageStatus>,
}

impl<'a> Telling<'a> {
    fn new(transition: Transition, severity: Severity, subject: impl Into<String>, detail: &'a str) -> Self {
        let (what, subject) = (transition.word().to_owned(), subject.into());
        Self { transition, severity, what, subject, detail, page: None }
    }

    fn at(mut self, place: impl std::fmt::Display) -> Self {
        self.what = format!("{}-{place}", self.what);
        self
    }
}

impl Machine<'_> {
    pub(super) fn tell_begun(&mut self) {
        self.tell(Telling::new(Transition::Begun, Severity::Info, "begins", ""));
    }

    pub(super) fn tell_step(&mut self, of: ComponentIndex, step: ShiftStep) {
        let subject = format!("{}green observed at {}", self.whose(of), step.weight);
        let place = format!("{}-{}", self.release.plan.components[of].name, step.weight.get());
        self.tell(Telling::new(Transition::Step, Severity::Info, subject, "").at(place));
    }

    pub(super) fn tell_stage(&mut self, index: usize) {
        let name = self.stage_name(index);
        self.tell(Telling::new(Transition::Stage, Severity::Info, format!("reached {name}"), "").at(name));
    }

    /// Tells the channels of a `status-page` stage, and no others, what the page is to say.
    pub(super) fn tell_status_page(&mut self, index: usize, plan: StatusPagePlan) {
        let subject = format!("status page: {}", plan.status.word());
        let telling = Telling::new(Transition::StatusPage, Severity::Info, subject, "").at(self.stage_name(index));
        self.tell_to(plan.channels, Telling { page: Some(plan.status), ..telling });
    }

    pub(super) fn tell_waiting(&mut self, index: usize, why: &str) {
        let name = self.stage_name(index);
        let severity = if is_harmful(self.release) { Severity::Critical } else { Severity::Warning };
        self.tell(Telling::new(Transition::Waiting, severity, format!("waits for a human at {name}"), why).at(name));
    }

    pub(super) fn tell_paused(&mut self, why: &str) {
        self.tell(Telling::new(Transition::Paused, Severity::Warning, "paused", why));
    }

    pub(super) fn tell_acknowledged(&mut self, alarm: &AlarmName, note: &str) {
        let subject = format!("alarm {alarm} acknowledged");
        let place = format!("{alarm}-{}", self.now.secs());
        self.tell(Telling::new(Transition::Acknowledged, Severity::Info, subject, note).at(place));
    }

    pub(super) fn tell_going_back(&mut self, cause: &str) {
        let verb = if self.release.has_reached_users() { "rolling back" } else { "stopping" };
        self.tell(Telling::new(Transition::GoingBack, Severity::Critical, verb, cause));
    }

    pub(super) fn tell_overdue(&mut self, why: &str) {
        let subject = "ROLLBACK OVERDUE, still trying";
        self.tell(Telling::new(Transition::Overdue, Severity::Critical, subject, why));
    }

    pub(super) fn tell_credentials(&mut self, tone: Tone, why: &str) {
        let severity = if tone == Tone::Bad { Severity::Critical } else { Severity::Warning };
        let subject = "the engine's credentials end";
        self.tell(Telling::new(Transition::Credentials, severity, subject, why).at(self.now.secs()));
    }

    /// `why` may have lines for what stays as it is although the release did not succeed.
    pub(super) fn tell_ended(&mut self, ending: Ending, why: &str) {
        let severity = match ending {
            Ending::Succeeded => Severity::Info,
            Ending::Aborted => Severity::Warning,
            Ending::RolledBack | Ending::RollbackFailed | Ending::Failed => Severity::Critical,
        };
        let page = (ending != Ending::RollbackFailed && has_set_page(self.release)).then_some(PageStatus::Operational);
        self.tell(Telling { page, ..Telling::new(Transition::Ended, severity, ending.word(), why) });
    }

    fn tell(&mut self, telling: Telling<'_>) {
        let channels = self.release.plan.notify.clone();
        self.tell_to(channels, telling);
    }

    fn tell_to(&mut self, channels: Vec<String>, telling: Telling<'_>) {
        if channels.is_empty() {
            return;
        }
        let Telling { transition, severity, what, subject, detail, page } = telling;
        let facts = Facts { page, ..Facts::of(self.release, transition, detail, self.now) };
        let (environment, component, id) = (&facts.environment, &facts.component, facts.release);
        // The revision tells apart what may happen more than once.
        let key = format!("{environment}/{component}/{id}/r{}/{what}", facts.revision);
        let origin = self.release.plan.origin.suffix();
        let subject = format!("[{environment}] {component} {id}{origin}: {subject}");
        let notice =
            Notice { channel: String::new(), key, severity, subject, body: facts.in_words(), facts: Box::new(facts) };
        for channel in channels {
            self.ask(Effect::Notify(Notice { channel, ..notice.clone() }));
        }
    }
}

/// Whether a stage of this release has changed the status page.
fn has_set_page(release: &Release) -> bool {
    let mut stages = release.plan.stages.iter().zip(&release.stages);
    stages.any(|(plan, stage)| {
        let is_done = matches!(stage.status, StageStatus::Passed | StageStatus::Undone);
        is_done && matches!(plan.kind, StageKind::StatusPage(_))
    })
}

/// Whether users may be harmed while nobody decides: green has traffic, and something speaks against it.
fn is_harmful(release: &Release) -> bool {
    release.components.iter().any(|(_, component)| {
        let counts = |verdict: &Verdict| verdict.ruling == Ruling::Fail && verdict.policy != Policy::Observe;
        let fails = component.verdicts.iter().any(counts);
        component.is_green_live() && (fails || !component.firing.is_empty() || component.unhealthy_since.is_some())
    })
}
