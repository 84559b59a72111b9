//! What channels are told, in facts rather than in prose: each channel makes of them what its readers expect.

use serde::{Deserialize, Serialize};

use super::command::{Actor, CommandKind};
use super::components::ComponentIndex;
use super::effect::Severity;
use super::guard;
use super::ids::{ComponentName, EnvironmentName, ReleaseId, Revision, SignalName, StageName, Version};
use super::percent::Percent;
use super::plan::Plan;
use super::redact::Redactor;
use super::release::{Release, Status};
use super::signal::Ruling;
use super::time::Timestamp;

/// What happened to a release that is worth telling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transition {
    /// It began.
    Begun,
    /// Green was observed at a weight of the shift plan.
    Step,
    /// A `notify` stage was reached.
    Stage,
    /// It waits for a human.
    Waiting,
    /// It was paused.
    Paused,
    /// It goes back.
    GoingBack,
    /// Traffic is not back on blue in time.
    Overdue,
    /// The engine's credentials end, or have ended.
    Credentials,
    /// The engine has lost its journal, and ends.
    JournalLost,
    /// It ended.
    Ended,
    /// A `status-page` stage was reached.
    StatusPage,
    /// Nothing: somebody tries the channel.
    Test,
    /// Somebody looks after an alarm.
    Acknowledged,
}

impl Transition {
    /// Those that a channel may choose from, by their words.
    pub const WORDS: [(&'static str, Self); 11] = [
        ("begun", Self::Begun),
        ("step", Self::Step),
        ("stage", Self::Stage),
        ("waiting", Self::Waiting),
        ("paused", Self::Paused),
        ("going-back", Self::GoingBack),
        ("overdue", Self::Overdue),
        ("credentials", Self::Credentials),
        ("journal-lost", Self::JournalLost),
        ("ended", Self::Ended),
        ("acknowledged", Self::Acknowledged),
    ];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::StatusPage => "status-page",
            Self::Test => "test",
            _ => Self::WORDS.iter().find(|(_, known)| *known == self).map_or("", |(word, _)| *word),
        }
    }
}

impl Severity {
    /// All of them, by their words.
    pub const WORDS: [(&'static str, Self); 3] =
        [("info", Self::Info), ("warning", Self::Warning), ("critical", Self::Critical)];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// What a public status page says of a component.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PageStatus {
    /// All is well.
    Operational,
    /// It is worked on.
    UnderMaintenance,
    /// It is slower or less reliable than usual.
    DegradedPerformance,
    /// Some of it does not work.
    PartialOutage,
    /// It does not work.
    MajorOutage,
}

impl PageStatus {
    /// All of them, by their words.
    pub const WORDS: [(&'static str, Self); 5] = [
        ("operational", Self::Operational),
        ("under-maintenance", Self::UnderMaintenance),
        ("degraded-performance", Self::DegradedPerformance),
        ("partial-outage", Self::PartialOutage),
        ("major-outage", Self::MajorOutage),
    ];

    /// The word for it.
    pub fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(_, known)| *known == self).map_or("", |(word, _)| *word)
    }
}

/// What is held of one signal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Which signal.
    pub signal: SignalName,
    /// What is held of it.
    pub ruling: Ruling,
    /// Why, in words.
    pub reason: String,
}

/// Something that whoever reads the message can type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hint {
    /// What it does: `promote`, `rollback`.
    pub word: String,
    /// The whole command line.
    pub typed: String,
}

/// Another component of the same release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtherFacts {
    /// Its name.
    pub component: ComponentName,
    /// Version that served before.
    pub from: Version,
    /// Version released.
    pub to: Version,
    /// Green's weight as asked for.
    pub set: Percent,
    /// Green's weight as read back; `None` while that is not known.
    pub observed: Option<Percent>,
}

impl OtherFacts {
    fn in_words(&self) -> String {
        let observed = self.observed.map(|observed| format!(", observed {observed}")).unwrap_or_default();
        format!("{}: {} → {}, green set {}{observed}\n", self.component, self.from, self.to, self.set)
    }
}

/// A release at the moment of a transition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// What happened.
    pub transition: Transition,
    /// When.
    pub at: Timestamp,
    /// Environment.
    pub environment: EnvironmentName,
    /// Whether that is production.
    pub production: bool,
    /// Component.
    pub component: ComponentName,
    /// The release's number.
    pub release: ReleaseId,
    /// Its revision: later facts have a higher one.
    pub revision: Revision,
    /// When it began.
    pub begun: Timestamp,
    /// Who began it, if anybody did.
    pub begun_by: Option<Actor>,
    /// Where it stands.
    pub status: Status,
    /// What is released together with it.
    #[serde(default)]
    pub others: Vec<OtherFacts>,
    /// How it came about, where nobody named its versions: `rollback to release 39`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// Version that served before.
    pub from: Version,
    /// Version released.
    pub to: Version,
    /// The stage that it has come to.
    pub stage: Option<StageName>,
    /// Green's weight as asked for.
    pub set: Percent,
    /// Green's weight as read back; `None` while that is not known.
    pub observed: Option<Percent>,
    /// Whether green may have taken production traffic at any time.
    pub shifted: bool,
    /// What is held of each signal.
    pub findings: Vec<Finding>,
    /// Why, if there is more to say than what happened.
    pub detail: String,
    /// Who brought it about; `None` when the release did so itself.
    pub actor: Option<Actor>,
    /// What can be done about it.
    pub hints: Vec<Hint>,
    /// What a status page is to say from here on; `None` leaves it as it is.
    pub page: Option<PageStatus>,
}

/// Green's weight in words.
fn weight(set: Percent, observed: Option<Percent>) -> String {
    match observed {
        Some(observed) => format!("set {set}, observed {observed}"),
        None => format!("set {set}, not read back yet"),
    }
}

impl Facts {
    /// What there is to say of `release` now.
    pub fn of(release: &Release, transition: Transition, detail: &str, at: Timestamp) -> Self {
        let plan = &release.plan;
        let stage = release.foremost().and_then(|index| plan.stage(index)).map(|stage| stage.name.clone());
        let by_human = match transition {
            Transition::Begun => release.begun.as_ref().map(|begun| &begun.by),
            Transition::Paused => release.hold.as_ref().and_then(|hold| hold.by.as_ref()),
            Transition::Acknowledged => release.orders.last().map(|ordered| &ordered.by),
            _ => release.unwinding.as_ref().and_then(|unwinding| unwinding.by.as_ref()),
        };
        let finding = |(of, verdict): (ComponentIndex, &super::signal::Verdict)| Finding {
            signal: SignalName(format!("{}{}", plan.whose(of), verdict.signal)),
            ruling: verdict.ruling,
            reason: verdict.reason.clone(),
        };
        let verdicts = release
            .components
            .iter()
            .flat_map(|(of, component)| component.verdicts.iter().map(move |verdict| (of, verdict)));
        let lead = &plan.components[ComponentIndex::FIRST];
        let traffic = release.components[ComponentIndex::FIRST].traffic;
        let others = plan.components.iter().skip(1).map(|(of, other)| OtherFacts {
            component: other.name.clone(),
            from: other.from.clone(),
            to: other.to.clone(),
            set: release.components[of].traffic.set,
            observed: release.components[of].traffic.observed,
        });
        Self {
            transition,
            at,
            environment: plan.environment.clone(),
            production: plan.production,
            component: lead.name.clone(),
            others: others.collect(),
            release: release.id,
            revision: release.revision,
            begun: release.begun.as_ref().map(|begun| begun.at).unwrap_or_default(),
            begun_by: release.begun.as_ref().map(|begun| begun.by.clone()),
            status: release.status(),
            origin: plan.origin.words(),
            from: lead.from.clone(),
            to: lead.to.clone(),
            stage,
            set: traffic.set,
            observed: traffic.observed,
            shifted: release.has_reached_users(),
            findings: verdicts.map(finding).collect(),
            detail: detail.to_owned(),
            actor: by_human.cloned(),
            hints: hints(release),
            page: None,
        }
    }

    /// What somebody says who tries a channel at `at`.
    pub fn test(environment: EnvironmentName, component: ComponentName, by: Actor, at: Timestamp) -> Self {
        let nothing = Version("none".to_owned());
        Self {
            transition: Transition::Test,
            at,
            environment,
            production: false,
            component,
            release: ReleaseId(0),
            revision: Revision(0),
            begun: at,
            begun_by: None,
            status: Status::Planned,
            others: Vec::new(),
            origin: None,
            from: nothing.clone(),
            to: nothing,
            stage: None,
            set: Percent::ZERO,
            observed: None,
            shifted: false,
            findings: Vec::new(),
            detail: "no release is concerned, and nothing needs to be done".to_owned(),
            actor: Some(by),
            hints: Vec::new(),
            page: None,
        }
    }

    /// What all messages of one release share and no other release's has.
    pub fn tag(&self) -> String {
        format!("{}/{}/{}/{}", self.environment, self.component, self.release, self.begun.millis())
    }

    /// Green's weight, set and observed, in words.
    pub fn weight(&self) -> String {
        weight(self.set, self.observed)
    }

    /// All components by name: `api, web`.
    pub fn named(&self) -> String {
        self.components().map(|(name, _, _)| name.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// Each component: its name, from which version to which, and its green's weight.
    pub fn components(&self) -> impl Iterator<Item = (&ComponentName, String, String)> {
        let lead = (&self.component, format!("{} → {}", self.from, self.to), self.weight());
        let other = |it: &'_ OtherFacts| (format!("{} → {}", it.from, it.to), weight(it.set, it.observed));
        let others = self.others.iter().map(move |it| {
            let (versions, weight) = other(it);
            (&it.component, versions, weight)
        });
        std::iter::once(lead).chain(others)
    }

    /// Who did it, in words.
    pub fn by(&self) -> String {
        self.actor.as_ref().map_or_else(|| "cutover itself".to_owned(), |by| format!("{}@{}", by.name, by.host))
    }

    /// All of it as text for people.
    pub fn in_words(&self) -> String {
        let mut text = format!("{} in {}: {} → {}\n", self.component, self.environment, self.from, self.to);
        for other in &self.others {
            text.push_str(&other.in_words());
        }
        if let Some(origin) = &self.origin {
            text.push_str(&format!("{origin}\n"));
        }
        if let Some(stage) = &self.stage {
            text.push_str(&format!("stage: {stage}\n"));
        }
        text.push_str(&format!("green: {}\nby: {}\n", self.weight(), self.by()));
        if !self.detail.is_empty() {
            text.push_str(&self.detail);
            text.push('\n');
        }
        for finding in &self.findings {
            text.push_str(&format!("{}: {}: {}\n", finding.signal, finding.ruling.word(), finding.reason));
        }
        for hint in &self.hints {
            text.push_str(&format!("{}: {}\n", hint.word, hint.typed));
        }
        text
    }

    /// The same without secrets and without what could steer a terminal.
    #[must_use]
    pub fn cleaned(mut self, redactor: &Redactor) -> Self {
        let clean = |text: &str| clean_lines(redactor, text);
        self.detail = clean(&self.detail);
        for finding in &mut self.findings {
            finding.reason = clean(&finding.reason);
        }
        for actor in [&mut self.actor, &mut self.begun_by].into_iter().flatten() {
            *actor = Actor {
                name: clean(&actor.name),
                host: clean(&actor.host),
                arn: actor.arn.as_deref().map(clean),
                lease: actor.lease,
            };
        }
        self
    }
}

/// Several lines without secrets and without what could steer a terminal.
pub fn clean_lines(redactor: &Redactor, text: &str) -> String {
    let lines: Vec<String> = text.split('\n').map(|line| redactor.clean(line)).collect();
    lines.join("\n")
}

/// What can be typed now, the way back always last but for a look at it.
fn hints(release: &Release) -> Vec<Hint> {
    let plan = &release.plan;
    let offered =
        [CommandKind::Promote, CommandKind::Resume, CommandKind::Approve, CommandKind::Retry, CommandKind::Rollback];
    let possible = offered.into_iter().filter(|kind| guard::possible(release, *kind).is_ok());
    let mut hints: Vec<Hint> = possible.map(|kind| hint(release, kind)).collect();
    if release.ended.is_none() {
        let typed = format!("cutover attach {} {}", plan.environment, plan.components[ComponentIndex::FIRST].name);
        hints.push(Hint { word: "watch".to_owned(), typed });
    }
    hints
}

fn hint(release: &Release, kind: CommandKind) -> Hint {
    let (plan, word) = (&release.plan, kind.word());
    let mut typed = format!(
        "cutover {word} --env {} --component {}",
        plan.environment,
        plan.components[ComponentIndex::FIRST].name
    );
    if kind == CommandKind::Approve
        && let Some(phrase) = phrase(release, plan)
    {
        // Closed, escaped and opened again, as a shell wants a quote inside quotes.
        typed.push_str(&format!(" '{}'", phrase.replace('\'', r"'\''")));
    }
    Hint { word: word.to_owned(), typed }
}

/// The phrase that the present stage waits for.
fn phrase<'a>(release: &Release, plan: &'a Plan) -> Option<&'a str> {
    match &plan.stage(release.foremost()?)?.kind {
        super::plan::StageKind::Gate(gate) => gate.confirm.as_deref(),
        _ => None,
    }
}

/// Which messages a channel wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Nothing quieter.
    pub min_severity: Severity,
    /// Only these.
    pub events: Vec<Transition>,
    /// Only of these environments; `None` for all.
    pub environments: Option<Vec<String>>,
}

impl Default for Route {
    /// Everything.
    fn default() -> Self {
        let events = Transition::WORDS.iter().map(|(_, transition)| *transition).collect();
        Self { min_severity: Severity::Info, events, environments: None }
    }
}

impl Route {
    /// Whether a message is wanted. A test always is.
    pub fn wants(&self, severity: Severity, facts: &Facts) -> bool {
        facts.transition == Transition::Test
            || (self.covers(facts) && severity >= self.min_severity && self.events.contains(&facts.transition))
    }

    /// Whether anything of this environment is wanted.
    pub fn covers(&self, facts: &Facts) -> bool {
        let is_named = |names: &Vec<String>| names.iter().any(|name| name == facts.environment.as_str());
        self.environments.as_ref().is_none_or(is_named)
    }
}
