//! Everything that a seed decides beforehand: the world, the plan, and what goes wrong when.

use std::time::Duration;

use cutover::domain::command::CommandKind;
use cutover::domain::components::ComponentIndex;
use cutover::domain::percent::Percent;
use cutover::domain::plan::{Driver, GateKind, OnFailure, Plan, ShiftStep, StageKind};
use cutover::sim::scenario::{ApiFault, ApiFaultKind, Percent as Share};

use crate::chance::Chance;
use crate::more::More;
use crate::pair::Pair;

/// What a command stage's environment holds and nobody may ever see.
pub(crate) const SECRET: &str = "s3cr3t-0f-th3-d4t4b4s3";

/// The phrase that a gate asks for, where it asks.
pub(crate) const PHRASE: &str = "release api";

/// One whole simulated release.
#[derive(Clone, Debug)]
pub(crate) struct Trial {
    pub(crate) seed: u64,
    /// How the first component's traffic is shifted; a second one's always by the engine.
    pub(crate) driver: Driver,
    pub(crate) scenario: &'static str,
    /// Requests a second.
    pub(crate) rate: f64,
    pub(crate) shape: Shape,
    /// A second component that is released along with the first.
    pub(crate) pair: Option<Pair>,
    /// Stages that the example has none of.
    pub(crate) more: Option<More>,
    pub(crate) faults: Vec<ApiFault>,
    /// From here on the cloud behaves and nobody disturbs it.
    pub(crate) calm: Duration,
    /// The engines that come to an end before their release, in turn; the last engine lives.
    pub(crate) lives: Vec<Life>,
    pub(crate) disturbances: Vec<(Duration, Disturbance)>,
    pub(crate) presses: Vec<Press>,
    pub(crate) ambush: Option<Ambush>,
    pub(crate) script: Script,
}

/// What is drawn of the plan.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own, thrown by chance")]
pub(crate) struct Shape {
    pub(crate) steps: Vec<ShiftStep>,
    /// The same of a second component.
    pub(crate) steps_beside: Vec<ShiftStep>,
    pub(crate) is_repeatable: bool,
    pub(crate) on_failure: OnFailure,
    pub(crate) asks_phrase: bool,
    pub(crate) keep_green: bool,
    pub(crate) tails_logs: bool,
    pub(crate) cleans_up: bool,
    /// How long a deployment inside AWS waits for the engine's word.
    pub(crate) expiry: Duration,
}

/// One engine's life.
#[derive(Clone, Debug)]
pub(crate) struct Life {
    /// How far its clock is ahead of the cloud's when it begins, in seconds.
    pub(crate) skew: i64,
    /// How fast its clock runs.
    pub(crate) speed: f64,
    pub(crate) fate: Fate,
    /// How long nobody looks after the release afterwards.
    pub(crate) gap: Duration,
}

/// How an engine ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fate {
    /// With its release.
    Lives,
    /// Killed at this of its await points.
    DiesAtPoll(u64),
    /// Killed at this moment of its life.
    DiesAt(Duration),
    /// From this append on its journal fails; `is_kept` says whether this one's entries are on disk all the same.
    LosesJournal { append: u64, is_kept: bool },
    /// This one append fails, and so does nothing after it; `is_kept` as above.
    JournalFalters { append: u64, is_kept: bool },
    /// From this moment of its life on its journal fails.
    LosesJournalAt(Duration),
    /// It is lost with the entry that ends the release, and that is on disk.
    DiesAtTheEnd,
}

/// What happens beside the release.
#[derive(Clone, Debug)]
pub(crate) enum Disturbance {
    TaskCrashes(&'static str),
    AlarmFires(&'static str),
    AlarmEnds(&'static str),
    SomebodySetsGreen {
        component: &'static str,
        green: u8,
    },
    /// Somebody else has AWS take its deployment back.
    SomebodyGoesBack,
}

impl Disturbance {
    /// The name of the component that it happens to.
    pub(crate) fn component(&self) -> &'static str {
        match self {
            Self::TaskCrashes(name) | Self::AlarmFires(name) | Self::AlarmEnds(name) => {
                name.split_once('-').map_or(*name, |(component, _)| component)
            }
            Self::SomebodySetsGreen { component, .. } => component,
            // Only the first component may be AWS's to deploy.
            Self::SomebodyGoesBack => API.component,
        }
    }
}

/// An operator's key.
#[derive(Clone, Debug)]
pub(crate) struct Press {
    pub(crate) at: Duration,
    pub(crate) operator: usize,
    pub(crate) command: CommandKind,
    pub(crate) seen: Seen,
    /// The component whose stage at work is meant, by number; `None` leaves it to the release.
    pub(crate) aim: Option<usize>,
}

/// Which revision an operator has on the screen.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Seen {
    Newest,
    Older(u64),
    None,
}

/// An order that comes just when an effect has begun, while nobody knows how it will end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ambush {
    pub(crate) effect: Prey,
    pub(crate) after: Duration,
    pub(crate) command: CommandKind,
}

/// The effect that is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Prey {
    Weight(u8),
    GreenUp,
    BlueDown,
}

/// How the command stage's program goes.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    pub(crate) takes: Duration,
    pub(crate) code: Option<i32>,
    pub(crate) undo_code: Option<i32>,
}

/// What a component's things are called in its world.
#[derive(Debug)]
pub(crate) struct Names {
    pub(crate) component: &'static str,
    services: [&'static str; 2],
    alarms: [&'static str; 3],
}

pub(crate) const API: Names = Names {
    component: "api",
    services: ["api-green", "api-blue"],
    alarms: ["api-5xx-high", "api-latency-p99-high", "api-cpu-high"],
};

pub(crate) const WEB: Names = Names {
    component: "web",
    services: ["web-green", "web-blue"],
    alarms: ["web-5xx-high", "web-latency-p99-high", "web-cpu-high"],
};

impl Trial {
    /// A good release over a good line, with nobody about.
    pub(crate) fn plain(seed: u64) -> Self {
        let step = |weight, bake| ShiftStep {
            weight: Percent::clamped(weight),
            bake: Duration::from_secs(bake),
            gate: GateKind::Automatic,
        };
        let steps = vec![step(10, 60), step(50, 60), step(100, 60)];
        Self {
            seed,
            driver: Driver::Alb,
            scenario: "healthy",
            rate: rate("healthy"),
            shape: Shape {
                steps_beside: steps.clone(),
                steps,
                is_repeatable: false,
                on_failure: OnFailure::Rollback,
                asks_phrase: false,
                keep_green: false,
                tails_logs: false,
                cleans_up: true,
                expiry: Duration::from_mins(90),
            },
            pair: None,
            more: None,
            faults: Vec::new(),
            calm: Duration::ZERO,
            lives: Vec::new(),
            disturbances: Vec::new(),
            presses: Vec::new(),
            ambush: None,
            script: Script { takes: Duration::from_secs(5), code: Some(0), undo_code: Some(0) },
        }
    }

    /// What `seed` draws.
    pub(crate) fn drawn(seed: u64) -> Self {
        let mut chance = Chance::new(seed, 1);
        let scenario = scenario(&mut chance);
        let calm = chance.seconds(300..=1_200);
        let lives = lives(&mut chance, calm);
        let mut shape = shape(&mut chance);
        shape.tails_logs |= scenario == "hostile-logs";
        let mut trial = Self {
            seed,
            driver: Driver::Alb,
            scenario,
            rate: rate(scenario),
            shape,
            pair: None,
            more: None,
            faults: faults(&mut chance, calm),
            calm,
            lives,
            disturbances: disturbances(&mut chance, calm, &API),
            presses: presses(&mut chance, calm),
            ambush: chance.is(0.3).then(|| Ambush {
                effect: chance.pick(&[Prey::BlueDown, Prey::BlueDown, Prey::GreenUp, Prey::Weight(100)]),
                after: Duration::from_millis(chance.number(0..=200)),
                command: chance.pick(&[CommandKind::Rollback, CommandKind::Abort, CommandKind::Pause]),
            }),
            script: Script {
                takes: chance.seconds(1..=40),
                code: if chance.is(0.9) { Some(0) } else { chance.pick(&[Some(3), None]) },
                undo_code: if chance.is(0.9) { Some(0) } else { Some(4) },
            },
        };
        let mut chance = Chance::new(seed, 3);
        if chance.is(0.25) {
            trial.draw_pair(&mut chance);
        }
        let mut chance = Chance::new(seed, 5);
        trial.more = chance.is(0.5).then(|| More::drawn(&mut chance));
        let mut chance = Chance::new(seed, 7);
        if chance.is(0.5) {
            let driver = chance.pick(&[Driver::Native, Driver::CodeDeploy, Driver::Rolling]);
            trial = trial.driven_by(driver);
            trial.shape.expiry =
                chance.pick(&[Duration::from_mins(6), Duration::from_mins(15), Duration::from_mins(90)]);
        }
        trial
    }

    /// The same by another driver: with the steps that it can go, and what may happen to it.
    pub(crate) fn driven_by(mut self, driver: Driver) -> Self {
        self.driver = driver;
        let steps: &[u8] = match driver {
            Driver::Alb | Driver::Command => return self,
            Driver::Native => [&[10, 50, 100][..], &[30, 100], &[100], &[20, 60, 90, 100]][self.shape.steps.len() % 4],
            Driver::CodeDeploy => &[10, 100],
            Driver::Rolling => &[100],
        };
        let last = self.shape.steps[self.shape.steps.len() - 1];
        let drawn = self.shape.steps.iter().copied().chain(std::iter::repeat(last));
        let step = |(weight, step): (&u8, ShiftStep)| ShiftStep { weight: Percent::clamped(*weight), ..step };
        self.shape.steps = steps.iter().zip(drawn).map(step).collect();
        for (_, disturbance) in &mut self.disturbances {
            match disturbance {
                Disturbance::TaskCrashes(name) if API.services.contains(name) => *name = API.component,
                Disturbance::SomebodySetsGreen { component, .. } if *component == API.component => {
                    *disturbance = Disturbance::SomebodyGoesBack;
                }
                _ => {}
            }
        }
        self
    }

    fn draw_pair(&mut self, chance: &mut Chance) {
        let scenario = scenario(chance);
        self.shape.tails_logs |= scenario == "hostile-logs";
        self.disturbances.extend(disturbances(chance, self.calm, &WEB));
        self.disturbances.sort_by_key(|(at, _)| *at);
        for press in &mut self.presses {
            press.aim = chance.pick(&[None, Some(0), Some(1)]);
        }
        self.pair = Some(Pair {
            scenario,
            rate: rate(scenario),
            verifies_each: chance.is(0.5),
            in_turn: chance.is(0.25),
            back_in_turn: chance.is(0.3),
        });
    }

    /// The oldest that a stale read may be.
    pub(crate) fn stale(&self) -> Duration {
        let stale = self.faults.iter().filter(|fault| fault.kind == ApiFaultKind::StaleRead);
        stale.map(|fault| fault.delay).max().unwrap_or_default()
    }

    /// The example's plan, as this trial wants it.
    pub(crate) fn alter(&self, plan: &mut Plan) {
        let shape = &self.shape;
        plan.notify = vec!["team".to_owned(), "oncall".to_owned()];
        plan.rollback.keep_green = shape.keep_green;
        for (_, component) in plan.components.iter_mut() {
            if let Some(sides) = component.sides.as_mut().filter(|sides| sides.driver == Driver::Native) {
                sides.expiry = shape.expiry;
            }
            if !shape.tails_logs {
                component.logs.clear();
            }
            for signal in &mut component.signals {
                signal.min_samples = signal.min_samples.min(40);
                signal.warm_up = Duration::ZERO;
            }
        }
        plan.stages.retain(|stage| shape.cleans_up || !matches!(stage.kind, StageKind::Cleanup(_)));
        let is_first = plan.components[ComponentIndex::FIRST].name.as_str() == API.component;
        for stage in &mut plan.stages {
            match &mut stage.kind {
                StageKind::Gate(gate) => gate.confirm = shape.asks_phrase.then(|| PHRASE.to_owned()),
                StageKind::Command(command) => {
                    command.run = vec!["migrate".to_owned()];
                    command.undo = Some(vec!["unmigrate".to_owned()]);
                    command.repeatable = shape.is_repeatable;
                    stage.on_failure = shape.on_failure;
                }
                StageKind::Shift(shift) => {
                    shift.steps.clone_from(if is_first { &shape.steps } else { &shape.steps_beside });
                    shift.patience = Duration::from_mins(4);
                }
                StageKind::Verify(verify) => verify.watch = Duration::from_mins(1),
                StageKind::Cleanup(cleanup) => cleanup.hold = Duration::from_mins(1),
                StageKind::Build(_)
                | StageKind::Task(_)
                | StageKind::Migrate(_)
                | StageKind::Deploy
                | StageKind::Smoke(_)
                | StageKind::WarmUp(_)
                | StageKind::Load(_)
                | StageKind::Flag(_)
                | StageKind::Notify
                | StageKind::StatusPage(_)
                | StageKind::Wait(_) => {}
            }
        }
        if let Some(more) = &self.more {
            more.add(plan);
        }
    }
}

/// Requests a second.
fn rate(scenario: &str) -> f64 {
    if scenario == "quiet" { 2.0 } else { 12.0 }
}

fn scenario(chance: &mut Chance) -> &'static str {
    let bad = ["errors", "slow", "subtle", "crash-loop", "dependency", "quiet", "cold-start", "throttled"];
    match chance.number(0..=99) {
        0..=49 => "healthy",
        50..=54 => "alarm-at-start",
        55..=59 => "hostile-logs",
        _ => chance.pick(&bad),
    }
}

fn shape(chance: &mut Chance) -> Shape {
    let weights: &[u8] = chance.pick(&[&[10, 50, 100][..], &[25, 100], &[100], &[5, 20, 60, 100], &[1, 99, 100]]);
    let steps = weights.iter().map(|weight| ShiftStep {
        weight: Percent::clamped(*weight),
        bake: chance.seconds(20..=100),
        gate: if chance.is(0.1) { GateKind::Human } else { GateKind::Automatic },
    });
    let steps: Vec<ShiftStep> = steps.collect();
    Shape {
        steps_beside: steps.clone(),
        steps,
        is_repeatable: chance.is(0.5),
        on_failure: if chance.is(0.5) { OnFailure::Rollback } else { OnFailure::Wait },
        asks_phrase: chance.is(0.15),
        keep_green: chance.is(0.3),
        tails_logs: chance.is(0.3),
        cleans_up: chance.is(0.8),
        expiry: Duration::from_mins(90),
    }
}

fn lives(chance: &mut Chance, calm: Duration) -> Vec<Life> {
    let deaths = chance.pick(&[0, 0, 1, 1, 2, 3]);
    let life = |chance: &mut Chance, fate| Life {
        skew: chance.number(0..=120).cast_signed() - 60,
        speed: chance.real(0.99..=1.01),
        fate,
        gap: if chance.is(0.2) { chance.seconds(45..=240) } else { chance.seconds(0..=45) },
    };
    let mut lives: Vec<Life> = (0..deaths)
        .map(|_| {
            let fate = match chance.number(0..=11) {
                9 => Fate::DiesAtTheEnd,
                0..=1 => Fate::DiesAt(chance.seconds(0..=calm.as_secs())),
                2..=3 => Fate::LosesJournal { append: chance.number(1..=200), is_kept: chance.is(0.5) },
                10 => Fate::LosesJournalAt(chance.seconds(0..=calm.as_secs())),
                11 => Fate::JournalFalters { append: chance.number(1..=200), is_kept: chance.is(0.5) },
                // Half of these at one of the first awaits: recovery itself is interrupted, too.
                4..=5 => Fate::DiesAtPoll(chance.number(1..=60)),
                _ => Fate::DiesAtPoll(chance.number(1..=2_000)),
            };
            life(chance, fate)
        })
        .collect();
    lives.push(life(chance, Fate::Lives));
    lives
}

const WRITES: [&str; 6] = ["ModifyRule", "UpdateService", "RegisterTaskDefinition", "Publish", "RunTask", "StopTask"];

fn faults(chance: &mut Chance, calm: Duration) -> Vec<ApiFault> {
    use ApiFaultKind::{
        ExpiredCredentials, HtmlError, LostRequest, LostResponse, ServerError, Slow, StaleRead, Throttling, Timeout,
    };
    if chance.is(0.1) {
        return Vec::new();
    }
    let mut faults = Vec::new();
    let all = [
        (Throttling, 12.0),
        (ServerError, 6.0),
        (HtmlError, 3.0),
        (LostRequest, 4.0),
        (LostResponse, 4.0),
        (Slow, 6.0),
        (Timeout, 2.0),
        (StaleRead, 10.0),
    ];
    for (kind, most) in all {
        if chance.is(0.5) {
            let mut fault = ApiFault::new(kind, Share::new(chance.real(0.2..=most))).during(Duration::ZERO, calm);
            fault.delay = chance.seconds(1..=8);
            faults.push(fault);
        }
    }
    if chance.is(0.4) {
        let fault = ApiFault::new(LostResponse, Share::new(chance.real(5.0..=50.0))).on(&WRITES);
        faults.push(fault.during(Duration::ZERO, calm));
    }
    // Outages: everything, or one service, for a while.
    for _ in 0..chance.number(0..=2) {
        let kind = chance.pick(&[Throttling, ServerError, ExpiredCredentials, LostResponse, LostRequest, Timeout]);
        let scope = chance.pick(&["*", "elbv2:*", "ecs:*", "cloudwatch:*", "sns:*", "elbv2:ModifyRule"]);
        let at = chance.seconds(0..=calm.as_secs());
        let lasting = chance.seconds(5..=90).min(calm.saturating_sub(at));
        faults.push(ApiFault::new(kind, Share::all()).on(&[scope]).during(at, lasting));
    }
    faults
}

fn disturbances(chance: &mut Chance, calm: Duration, names: &Names) -> Vec<(Duration, Disturbance)> {
    let mut all = Vec::new();
    for _ in 0..chance.pick(&[0, 0, 1, 2, 4]) {
        let service = chance.pick(&names.services);
        all.push((chance.seconds(0..=calm.as_secs()), Disturbance::TaskCrashes(service)));
    }
    for _ in 0..chance.pick(&[0, 0, 0, 1, 2]) {
        let alarm = chance.pick(&names.alarms);
        let at = chance.seconds(0..=calm.as_secs());
        all.push((at, Disturbance::AlarmFires(alarm)));
        all.push(((at + chance.seconds(1..=40)).min(calm), Disturbance::AlarmEnds(alarm)));
    }
    if chance.is(0.15) {
        let green = chance.pick(&[0, 10, 33, 70, 100]);
        let somebody = Disturbance::SomebodySetsGreen { component: names.component, green };
        all.push((chance.seconds(0..=calm.as_secs()), somebody));
    }
    all.sort_by_key(|(at, _)| *at);
    all
}

fn presses(chance: &mut Chance, calm: Duration) -> Vec<Press> {
    let often = [
        CommandKind::Promote,
        CommandKind::Promote,
        CommandKind::PromoteFull,
        CommandKind::Pause,
        CommandKind::Resume,
        CommandKind::Retry,
        CommandKind::Skip,
        CommandKind::Approve,
    ];
    let mut presses = Vec::new();
    for _ in 0..chance.pick(&[0, 0, 2, 4, 8]) {
        let rarely = [CommandKind::Rollback, CommandKind::Abort];
        let command = if chance.is(0.2) { chance.pick(&rarely) } else { chance.pick(&often) };
        let at = chance.seconds(0..=calm.as_secs());
        let seen = match chance.number(0..=9) {
            0..=5 => Seen::Newest,
            6..=7 => Seen::Older(chance.number(1..=3)),
            _ => Seen::None,
        };
        let press = Press { at, operator: 0, command, seen, aim: None };
        // Often both at once.
        if chance.is(0.4) {
            let command = chance.pick(&often);
            presses.push(Press { operator: 1, command, ..press.clone() });
        }
        presses.push(press);
    }
    presses.sort_by_key(|press| press.at);
    presses
}
