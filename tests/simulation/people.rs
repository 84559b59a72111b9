//! Who acts beside the engine: operators, somebody else, and the one who looks after a release that waits.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use cutover::domain::command::{Actor, Command, CommandKind, Order};
use cutover::domain::components::ComponentIndex;
use cutover::domain::ids::{Revision, StageName};
use cutover::domain::plan::{ComponentPlan, Plan, Sides, StageKind};
use cutover::domain::release::{Release, StageStatus, Status, Work};
use cutover::engine::handle::{OrderSender, Receipt};
use cutover::engine::hub::Hub;
use cutover::sim::World;
use cutover::sim::world::alarms::AlarmState;
use cutover::sim::world::codedeploy::ListDeployments;
use cutover::sim::world::ecs::{ListServiceDeployments, StopType};
use cutover::sim::world::elb::{Action, WeightedTargetGroup};
use tokio::sync::mpsc;

use crate::chance::Chance;
use crate::parts::Sabotage;
use crate::trial::{Ambush, Disturbance, PHRASE, Press, Seen, Trial};
use crate::watch::{Invariant, Watch};

/// An order is answered within this time.
const ANSWERED: Duration = Duration::from_secs(1);

/// What stands for the living engine: the newest one's hub.
#[derive(Clone, Default)]
pub(crate) struct Desk {
    pub(crate) hub: Arc<Mutex<Option<Hub>>>,
    pub(crate) sabotage: Option<Sabotage>,
}

impl Desk {
    fn orders(&self) -> Option<(OrderSender, Revision)> {
        let hub = self.hub.lock().unwrap().clone()?;
        let handle = hub.attach();
        let revision = handle.snapshot.borrow().release.revision;
        if self.sabotage == Some(Sabotage::OrdersAreLost) {
            let (sender, mut lost) = mpsc::channel(1);
            tokio::spawn(async move { while lost.recv().await.is_some() {} });
            return Some((OrderSender::new(sender), revision));
        }
        Some((handle.orders, revision))
    }

    /// Sends an order, to a stage if one is named, and waits for its answer.
    async fn send(
        &self,
        watch: &Watch,
        command: Command,
        stage: Option<StageName>,
        by: &str,
        seen: Seen,
    ) -> Option<Receipt> {
        let (orders, newest) = self.orders()?;
        let seen = match seen {
            Seen::Newest => Some(newest),
            Seen::Older(by) => Some(Revision(newest.0.saturating_sub(by))),
            Seen::None => None,
        };
        let by = Actor::new(by, "bastion");
        let kind = command.kind();
        let receipt = tokio::time::timeout(ANSWERED, orders.send(Order { command, stage, by, seen })).await;
        let is_alive = self.hub.lock().unwrap().is_some();
        match &receipt {
            Err(_) if is_alive => watch.violate(Invariant::I7, format!("{} was not answered", kind.word())),
            Ok(Receipt::Lost(why)) if is_alive => {
                watch.violate(Invariant::I7, format!("{} was lost by a living engine: {why}", kind.word()));
            }
            _ => {}
        }
        receipt.ok()
    }
}

/// Presses the keys drawn for one operator.
pub(crate) async fn operate(operator: usize, presses: Vec<Press>, desk: Desk, watch: Watch) {
    let began = tokio::time::Instant::now();
    for press in presses.into_iter().filter(|press| press.operator == operator) {
        tokio::time::sleep_until(began + press.at).await;
        let stage = press.aim.and_then(|aim| at_work(&watch.release(), aim));
        desk.send(&watch, command(press.command), stage, &format!("operator-{operator}"), press.seen).await;
    }
}

/// Waits for an effect to begin, and presses then.
pub(crate) async fn ambush(ambush: Option<Ambush>, desk: Desk, watch: Watch) {
    let Some(ambush) = ambush else { return };
    watch.prey().await;
    tokio::time::sleep(ambush.after).await;
    desk.send(&watch, command(ambush.command), None, "ambush", Seen::Newest).await;
}

/// The stage of a component, by number, whose turn it is.
fn at_work(release: &Release, component: usize) -> Option<StageName> {
    let of = release.components.indices().nth(component)?;
    let plans = release.active().map(|index| &release.plan.stages[index]);
    plans.into_iter().find(|plan| plan.component == Some(of)).map(|plan| plan.name.clone())
}

fn command(kind: CommandKind) -> Command {
    match kind {
        CommandKind::Promote => Command::Promote,
        CommandKind::PromoteFull => Command::PromoteFull,
        CommandKind::Pause => Command::Pause,
        CommandKind::Resume => Command::Resume,
        CommandKind::Rollback => Command::Rollback { reason: Some("looks bad".to_owned()) },
        CommandKind::Abort => Command::Abort { reason: None },
        CommandKind::Retry => Command::Retry,
        CommandKind::Skip => Command::Skip { reason: "known".to_owned() },
        CommandKind::Approve => Command::Approve { phrase: PHRASE.to_owned() },
        CommandKind::Acknowledge => Command::Acknowledge { alarm: "api-5xx-high".into(), note: "known".to_owned() },
    }
}

/// Does what was drawn to the world.
pub(crate) async fn disturb(trial: Trial, plan: Plan, watch: Watch) {
    let began = tokio::time::Instant::now();
    for (at, disturbance) in trial.disturbances {
        tokio::time::sleep_until(began + at).await;
        let of = component_named(&plan, disturbance.component());
        watch.disturb(of, |world| carry_out(&disturbance, world, &plan.components[of]));
    }
}

fn component_named(plan: &Plan, name: &str) -> ComponentIndex {
    plan.components.position(|component| component.name.as_str() == name).unwrap()
}

fn carry_out(disturbance: &Disturbance, world: &mut World, plan: &ComponentPlan) {
    match disturbance {
        Disturbance::TaskCrashes(service) => drop(world.crash_task(service, 137)),
        Disturbance::AlarmFires(alarm) => world.set_alarm_state(alarm, AlarmState::Alarm, "flapping", None).unwrap(),
        Disturbance::AlarmEnds(alarm) => world.set_alarm_state(alarm, AlarmState::Ok, "flapping", None).unwrap(),
        Disturbance::SomebodyGoesBack => go_back(world, plan.sides.as_ref().unwrap()),
        Disturbance::SomebodySetsGreen { green, .. } => {
            let sides = plan.sides.as_ref().unwrap();
            let group = |target_group: &str, weight: u8| WeightedTargetGroup {
                target_group_arn: target_group.to_owned(),
                weight: u32::from(weight),
            };
            let target_groups =
                vec![group(&sides.blue.target_group, 100 - green), group(&sides.green.target_group, *green)];
            let action = Action::Forward { target_groups, stickiness_seconds: None };
            world.modify_rule(&sides.rule, None, Some(vec![action])).unwrap();
        }
    }
}

/// Has AWS take the newest deployment back, if that goes on.
fn go_back(world: &mut World, sides: &Sides) {
    match &sides.group {
        Some(group) => {
            let of = Some((group.application.clone(), group.name.clone()));
            let listed = world.list_deployments(&ListDeployments { of, ..ListDeployments::default() }).unwrap();
            let _refused = listed.first().map(|newest| world.stop_deployment(newest, Some(true)));
        }
        None => {
            let wanted = ListServiceDeployments { service: sides.green.service.clone(), ..Default::default() };
            let newest = world.list_service_deployments(&wanted).unwrap().into_iter().next();
            let _refused = newest.map(|newest| world.stop_service_deployment(&newest.arn, StopType::Rollback));
        }
    }
}

/// Looks at the release every now and then, and acts when it waits for a human. Returns only when the release neither
/// ends nor waits within its bound, or when something is wrong already.
pub(crate) async fn look_after(trial: Trial, desk: Desk, watch: Watch) {
    let mut chance = Chance::new(trial.seed, 2);
    let bound = bound(&watch.release().plan);
    let calm = watch.now() + trial.calm;
    let mut deadline = calm + bound;
    let mut interventions = 0;
    loop {
        tokio::time::sleep(Duration::from_secs(15)).await;
        if !watch.violations().is_empty() {
            return;
        }
        let (now, release) = (watch.now(), watch.release());
        if release.ended.is_none() && now > deadline {
            let status = release.status().word();
            let stages: Vec<_> =
                release.active().map(|index| (&release.plan.stages[index].name, &release.stages[index])).collect();
            watch.violate(
                Invariant::I7,
                format!(
                    "still {status} {} s after the cloud began to behave, at {stages:?}",
                    now.since(calm).as_secs()
                ),
            );
            return;
        }
        if !is_waiting(&release) {
            continue;
        }
        deadline = (now + bound).max(deadline);
        // Humans take their time.
        if chance.is(0.3) {
            interventions += 1;
            let command = if interventions > 6 { CommandKind::Rollback } else { answer(&release, &mut chance) };
            let stage = release.foremost().map(|index| release.plan.stages[index].name.clone());
            desk.send(&watch, self::command(command), stage, "captain", Seen::Newest).await;
        }
    }
}

/// Whether the release waits for a human, or a stage of it does while others are at work.
fn is_waiting(release: &Release) -> bool {
    match release.status() {
        Status::Waiting | Status::Paused => true,
        Status::Running => release
            .active()
            .any(|index| matches!(release.stages[index].status, StageStatus::Waiting | StageStatus::Failed)),
        Status::Planned | Status::RollingBack | Status::Ended(_) => false,
    }
}

/// What a human does about a release that waits.
fn answer(release: &Release, chance: &mut Chance) -> CommandKind {
    if chance.is(0.1) {
        return chance.pick(&[CommandKind::Rollback, CommandKind::Abort]);
    }
    if release.hold.is_some() {
        return CommandKind::Resume;
    }
    let stage = release.foremost().and_then(|index| release.stages.get(index));
    match stage.map(|stage| (stage.status, stage.work)) {
        Some((StageStatus::Failed, _)) => chance.pick(&[CommandKind::Retry, CommandKind::Skip]),
        Some((_, Work::Confirming)) => CommandKind::Approve,
        _ => CommandKind::Promote,
    }
}

/// A task that is given up has stopped by then.
const STOPPED_WITHIN: Duration = Duration::from_mins(5);

/// The longest that a release takes when no human is waited for, there and back: forward every stage as long as it may
/// and those side by side at the same time, back one after the other.
fn bound(plan: &Plan) -> Duration {
    let mut back = Duration::ZERO;
    let mut ends: Vec<Duration> = Vec::new();
    for stage in &plan.stages {
        let begins = stage.after.iter().map(|earlier| ends[*earlier]).max().unwrap_or_default();
        let work = match &stage.kind {
            StageKind::Shift(shift) => {
                shift.steps.iter().map(|step| step.bake + shift.patience + 2 * stage.timeout).sum()
            }
            StageKind::Verify(verify) => verify.watch,
            StageKind::Cleanup(cleanup) => cleanup.hold,
            StageKind::Wait(wait) => wait.span,
            // What runs on ECS may have to be stopped first, there and back.
            StageKind::Task(_) | StageKind::Migrate(_) => {
                back += stage.timeout + 2 * STOPPED_WITHIN;
                STOPPED_WITHIN
            }
            StageKind::Build(_)
            | StageKind::Command(_)
            | StageKind::Deploy
            | StageKind::Load(_)
            | StageKind::Flag(_) => {
                back += stage.timeout;
                Duration::ZERO
            }
            StageKind::Gate(_)
            | StageKind::Smoke(_)
            | StageKind::WarmUp(_)
            | StageKind::Notify
            | StageKind::StatusPage(_) => Duration::ZERO,
        };
        ends.push(begins + stage.timeout + work);
    }
    Duration::from_mins(5) + plan.rollback.escalate_after + ends.into_iter().max().unwrap_or_default() + back
}
