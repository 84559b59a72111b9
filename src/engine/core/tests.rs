use std::time::Duration;

use super::*;
use crate::cloud::{Alarm, AlarmState, CloudError, ErrorKind, Identity};
use crate::domain::alarm::Setup;
use crate::domain::capacity::{Capacities, Capacity};
use crate::domain::command::Command;
use crate::domain::effect::{CheckResult, Failure};
use crate::domain::gate::Condition;
use crate::domain::ids::{ReleaseId, TaskDefinitionArn, Version};
use crate::domain::log::request::RequestLog;
use crate::domain::origin::Origin;
use crate::domain::percent::Percent;
use crate::domain::plan::{
    CommandPlan, ComponentPlan, Driver, GatePlan, OnFailure, Pinned, Place, Plan, RollbackPlan, SidePlan, Sides,
    StageKind, StagePlan, VerifyPlan,
};
use crate::domain::redact::Redactor;
use crate::engine::poll::{Read, Reading};
use crate::engine::settings::{LogFeed, Polls};
use crate::journal::sqlite::SqliteJournal;
use crate::journal::{Listing, Summary};
use crate::judge::threshold::Threshold;

const MINUTE: Duration = Duration::from_mins(1);

/// One stage that is over after a minute.
fn plan() -> Plan {
    let side = SidePlan {
        service: "api".to_owned(),
        target_group: "api".to_owned(),
        task_definition: TaskDefinitionArn::from("api:1"),
        container: "api".to_owned(),
        desired: 1,
        url: None,
    };
    Plan {
        environment: "demo".into(),
        production: false,
        place: Place::default(),
        components: Components::one(ComponentPlan {
            name: "api".into(),
            from: Version("api:1".to_owned()),
            to: Version("api:2".to_owned()),
            sides: Some(Sides {
                driver: Driver::Alb,
                expiry: Duration::ZERO,
                group: None,
                rule: "rule".to_owned(),
                blue: side.clone(),
                green: side,
            }),
            cluster: "shop".to_owned(),
            logs: Vec::new(),
            requests: RequestLog::default(),
            signals: Vec::new(),
            alarms: Vec::new(),
            pinned: Pinned::default(),
        }),
        stages: vec![StagePlan {
            name: "watch".into(),
            component: Some(ComponentIndex::FIRST),
            after: Vec::new(),
            kind: StageKind::Verify(VerifyPlan { watch: MINUTE, checks: Vec::new() }),
            timeout: MINUTE,
            on_failure: OnFailure::Rollback,
        }],
        rollback: RollbackPlan {
            escalate_after: MINUTE,
            min_healthy: Percent::FULL,
            keep_green: false,
            one_by_one: false,
        },
        notify: Vec::new(),
        secrets: Vec::new(),
        origin: Origin::Named,
        git_sha: None,
        policy: None,
    }
}

const BEGUN: Timestamp = Timestamp::from_secs(1_000);

fn captain() -> Actor {
    Actor::new("captain", "bastion")
}

/// The core of a release of `plan` that was just created, under a redactor that knows [`SECRET`].
fn core(plan: Plan, wrap: impl FnOnce(SqliteJournal) -> Box<dyn Journal>) -> Core {
    let mut journal = SqliteJournal::in_memory().unwrap();
    let (id, plan) = journal.create(&mut |_| plan.clone(), &captain(), BEGUN).unwrap();
    let settings = Settings {
        polls: Polls::default(),
        period: MINUTE,
        redactor: Redactor::new([SECRET.to_owned()]),
        variables: std::collections::BTreeMap::new(),
        logs: LogFeed::Polled,
        is_demo: false,
    };
    let release = Release::planned(id, plan);
    let judges = Components::one(Box::new(Threshold::new(Vec::new())) as Box<dyn Judge>);
    Core::new(release, 0, wrap(journal), judges, &settings, &captain(), Clock::starting_at(BEGUN, 1.0))
}

fn begun(plan: Plan) -> Core {
    let mut core = core(plan, |journal| Box::new(journal));
    let _acts = core.tell(Event::Requested { by: captain() }, BEGUN).unwrap();
    core
}

fn records(core: &Core) -> Vec<Record> {
    core.journal.records(core.release.id).unwrap()
}

#[test]
fn what_falls_due_when_an_order_is_refused_is_in_the_journal() {
    let mut core = begun(plan());
    let order = Order { command: Command::Resume, stage: None, by: captain(), seen: None };
    let acts = core.tell(Event::Ordered(order), BEGUN + MINUTE).unwrap();
    assert!(matches!(acts.answer, Some(Err(_))), "nothing is paused: {acts:?}");
    assert!(core.release.ended.is_some(), "the minute is over");
    assert_eq!(crate::journal::replay(core.release.id, plan(), &records(&core)), core.release);
}

/// What may stand nowhere.
const SECRET: &str = "s3cr3t-0f-th3-d4t4b4s3";

/// A text of somebody else's with the secret and a sequence that clears a terminal.
fn told(what: &str) -> String {
    format!("{what} says {SECRET}\u{1b}[2J")
}

fn failure(transient: bool) -> Outcome {
    Outcome::Failed(Failure { transient, message: told("the cloud") })
}

fn error() -> CloudError {
    CloudError { kind: ErrorKind::Throttled, operation: "ecs:UpdateService", message: told("ECS") }
}

/// A stage of every kind whose outcome has words, each waiting for a human when it fails.
fn wordy_plan() -> Plan {
    let mut count = 0_usize;
    let mut stage = |name: &str, kind| {
        count += 1;
        StagePlan {
            name: name.into(),
            component: matches!(kind, StageKind::Deploy | StageKind::Smoke(_)).then_some(ComponentIndex::FIRST),
            after: count.checked_sub(2).into_iter().collect(),
            kind,
            timeout: MINUTE,
            on_failure: OnFailure::Wait,
        }
    };
    let gate = GatePlan { conditions: vec![Condition::Healthy, Condition::NoAlarms], confirm: None, approval: None };
    let command = CommandPlan {
        run: vec!["migrate".to_owned()],
        undo: None,
        env: std::collections::BTreeMap::new(),
        dir: None,
        repeatable: true,
        undo_on_failure: false,
    };
    let stages = vec![
        stage("gates", StageKind::Gate(gate)),
        stage("migrate", StageKind::Command(command)),
        stage("deploy", StageKind::Deploy),
        stage("smoke", StageKind::Smoke(Vec::new())),
    ];
    let mut plan = Plan { stages, notify: vec!["team".to_owned()], ..plan() };
    plan.components[ComponentIndex::FIRST].alarms = vec!["api-5xx".into()];
    plan
}

/// Ends the newest effect that is no message.
fn end(core: &mut Core, outcome: Outcome, now: Timestamp) {
    let flights = core.release.in_flight.iter().rev();
    let is_work = |intent: &&Intent| !matches!(intent.effect, Effect::Notify(_));
    let intent = flights.map(|flight| &flight.intent).find(is_work).unwrap().clone();
    let _acts = core.ended(&intent, outcome, now).unwrap();
}

#[test]
fn a_secret_in_the_words_of_others_reaches_neither_journal_nor_face_nor_channel() {
    let mut core = begun(wordy_plan());
    let mut now = BEGUN;
    let mut order = |core: &mut Core, command| {
        now = now + Duration::from_secs(1);
        let _acts = core.tell(Event::Ordered(Order { command, stage: None, by: captain(), seen: None }), now).unwrap();
    };
    let check = |passed| CheckResult {
        name: told("a check"),
        aspect: told("a header"),
        passed,
        wanted: told("an expectation"),
        detail: told("a body"),
        took: None,
    };
    end(&mut core, Outcome::Checked(vec![check(false)]), BEGUN);
    order(&mut core, Command::Retry);
    end(&mut core, failure(true), BEGUN);
    order(&mut core, Command::Skip { reason: told("a human") });
    order(&mut core, Command::Retry);
    end(&mut core, failure(false), BEGUN);
    order(&mut core, Command::Skip { reason: told("a human") });
    end(&mut core, Outcome::Exited { code: Some(1), tail: vec![told("a program")] }, BEGUN);
    order(&mut core, Command::Skip { reason: told("a human") });
    end(&mut core, Outcome::Registered(TaskDefinitionArn::from("api:2")), BEGUN);
    end(&mut core, failure(false), BEGUN);
    order(&mut core, Command::Approve { phrase: told("a phrase") });

    let mut read = |topic, result| {
        let generation = core.generation();
        let _acts = core.read(Read { topic, component: ComponentIndex::FIRST, generation, result }, BEGUN).unwrap();
    };
    let unread = Some(Failure { transient: true, message: told("ECS") });
    let capacity = Capacity { trouble: Some(told("a task")), unread, ..Capacity::default() };
    let both = Capacities { blue: capacity.clone(), green: capacity, deployment: None };
    read(Topic::Capacity, Ok(Reading::Capacity(both)));
    let alarm = Alarm {
        name: "api-5xx".into(),
        state: AlarmState::Alarm,
        since: None,
        reason: told("an alarm"),
        setup: Setup::default(),
    };
    read(Topic::Alarms, Ok(Reading::Alarms(vec![alarm])));
    for topic in [Topic::Weight, Topic::Alarms, Topic::Signals, Topic::Identity] {
        read(topic, Err(error()));
    }
    let identity = Identity { account: told("STS"), arn: told("STS"), expires: None, is_renewed: true };
    read(Topic::Identity, Ok(Reading::Identity(identity)));
    core.failed(Source::Logs, ComponentIndex::FIRST, &error().to_string(), BEGUN);
    core.troubled(&told("the disk"));
    order(&mut core, Command::Rollback { reason: Some(told("a human")) });

    let kept = serde_json::to_string(&records(&core)).unwrap();
    let shown = serde_json::to_string(&core.snapshot(BEGUN)).unwrap();
    for (place, text) in [("the journal", &kept), ("a snapshot", &shown)] {
        assert!(!text.contains(SECRET), "{place}: {text}");
        assert!(!text.contains("\\u001b"), "{place} steers the terminal: {text}");
        for who in ["a check", "a header", "an expectation", "a body", "the cloud", "a human", "a program", "an alarm"]
        {
            assert!(text.contains(&format!("{who} says ••••")), "{place} has lost what {who} says: {text}");
        }
    }
    let notices = records(&core).into_iter().filter_map(|record| match record.entry {
        Entry::Intent(Intent { effect: Effect::Notify(notice), .. }) => Some(notice.body),
        _ => None,
    });
    assert!(notices.into_iter().any(|body| body.contains("••••")), "no message told of any of it");
}

/// A journal whose next appends fail, each before or after its entries are on disk.
struct Faltering {
    journal: SqliteJournal,
    fails: VecDeque<IsKept>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum IsKept {
    Yes,
    No,
}

impl Journal for Faltering {
    fn create(
        &mut self,
        make: &mut dyn FnMut(ReleaseId) -> Plan,
        by: &Actor,
        at: Timestamp,
    ) -> Result<(ReleaseId, Plan), JournalError> {
        self.journal.create(make, by, at)
    }

    fn append(&mut self, id: ReleaseId, records: &[Record], standing: Standing<'_>) -> Result<(), JournalError> {
        let failing = self.fails.pop_front();
        if failing != Some(IsKept::No) {
            self.journal.append(id, records, standing)?;
        }
        let broken = |_| JournalError::Broken { path: "here".to_owned(), what: "written", reason: "full".to_owned() };
        failing.map_or(Ok(()), |failing| Err(broken(failing)))
    }

    fn records(&self, id: ReleaseId) -> Result<Vec<Record>, JournalError> {
        self.journal.records(id)
    }

    fn list(&self, limit: usize) -> Result<Listing, JournalError> {
        self.journal.list(limit)
    }

    fn find(&self, id: ReleaseId) -> Result<Summary, JournalError> {
        self.journal.find(id)
    }
}

#[test]
fn what_the_journal_does_not_take_is_tried_once_more_and_never_kept_twice() {
    use IsKept::{No, Yes};
    for (fails, works) in [(vec![No], true), (vec![Yes], true), (vec![No, No], false), (vec![No, Yes], false)] {
        let mut core = core(plan(), |journal| Box::new(Faltering { journal, fails: fails.clone().into() }));
        let told = core.tell(Event::Requested { by: captain() }, BEGUN);
        assert_eq!(told.is_ok(), works, "{fails:?}");
        if works {
            let _acts = core.tell(Event::Ticked, BEGUN + MINUTE).unwrap();
            assert_eq!(crate::journal::replay(core.release.id, plan(), &records(&core)), core.release, "{fails:?}");
            let begun =
                records(&core).iter().filter(|it| matches!(it.entry, Entry::Event(Event::Requested { .. }))).count();
            assert_eq!(begun, 1, "{fails:?}");
        }
    }
}

fn last_answer(core: &Core, source: Source) -> Option<Timestamp> {
    core.sources.iter().find(|view| view.source == source).and_then(|view| view.last_ok)
}

#[test]
fn only_an_answer_on_the_capacity_itself_makes_the_capacity_fresh() {
    let mut core = begun(plan());
    let read = |core: &mut Core, topic, reading| {
        let generation = core.generation();
        let _acts = core
            .read(Read { topic, component: ComponentIndex::FIRST, generation, result: Ok(reading) }, BEGUN)
            .unwrap();
    };
    read(&mut core, Topic::Tasks, Reading::Tasks(Vec::new()));
    assert_eq!(last_answer(&core, Source::Capacity), None, "the tasks of the log lines say nothing of it");
    let unread = Some(Failure { transient: true, message: "ecs:DescribeServices: throttled".to_owned() });
    let half = Capacity { unread, healthy: 1, ..Capacity::default() };
    read(
        &mut core,
        Topic::Capacity,
        Reading::Capacity(Capacities { blue: half.clone(), green: half, deployment: None }),
    );
    assert_eq!(last_answer(&core, Source::Capacity), None, "half an answer is none");
    assert_eq!(
        core.release.components[ComponentIndex::FIRST].capacities.as_ref().map(|both| both.blue.dependable()),
        Some(1),
        "and yet it is used"
    );
    read(&mut core, Topic::Capacity, Reading::Capacity(Capacities::default()));
    assert_eq!(last_answer(&core, Source::Capacity), Some(BEGUN));
}

#[test]
fn the_end_of_credentials_that_nobody_renews_is_told_in_time_and_once() {
    let said = |expires: Option<Timestamp>, is_renewed| {
        let mut plan = plan();
        plan.stages[0].timeout = 60 * MINUTE;
        plan.stages[0].kind = StageKind::Verify(VerifyPlan { watch: 60 * MINUTE, checks: Vec::new() });
        plan.notify = vec!["team".to_owned()];
        let mut core = begun(plan);
        for minute in 0..40 {
            let now = BEGUN + minute * MINUTE;
            let identity = Identity { account: "1".to_owned(), arn: "me".to_owned(), expires, is_renewed };
            let read = Read {
                topic: Topic::Identity,
                component: ComponentIndex::FIRST,
                generation: 0,
                result: Ok(Reading::Identity(identity)),
            };
            let _acts = core.read(read, now).unwrap();
            let _acts = core.tick(now).unwrap();
        }
        let told = core.release.timeline.iter().filter(|moment| moment.text.contains("credentials"));
        told.map(|moment| moment.text.split(", and").next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let end = BEGUN + 30 * MINUTE;
    assert_eq!(said(Some(end), true), [""; 0]);
    assert_eq!(said(Some(end), false), ["the credentials expire in 15:00", "the credentials have expired"]);
    assert_eq!(said(None, false), ["the credentials are a session that ends at a time not known here"]);
}
