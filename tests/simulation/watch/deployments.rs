//! I1, I2, I4 and I5 of a deployment inside AWS: the engine begins it, lets it go on and has it go back, and AWS moves the
//! traffic. What AWS may do is what was asked for last.

use cutover::domain::command::{CommandKind, Ordered};
use cutover::domain::components::ComponentIndex;
use cutover::domain::effect::Effect;
use cutover::domain::ids::Side;
use cutover::domain::percent::Percent;
use cutover::domain::plan::{Driver, Sides};
use cutover::domain::time::Timestamp;
use cutover::sim::World;
use cutover::sim::world::Change;
use cutover::sim::world::codedeploy::ListDeployments;
use cutover::sim::world::ecs::{ListServiceDeployments, RolloutState};

use super::writes::fact;
use super::{Invariant, State, Truth, group};

/// What is known of a component's deployments.
#[derive(Debug, Default)]
pub(super) struct Deployments {
    /// The most that the journal ever asked for.
    most: u32,
    /// All that there were when the new version was last deployed.
    there: usize,
    /// Deployments of the new version that were begun.
    of_green: usize,
    /// The newest is one of the old version.
    deploys_blue: bool,
    /// AWS was told to go back.
    is_recalled: bool,
}

impl Deployments {
    /// The journal asks for a weight.
    pub(super) fn asked(&mut self, green: Percent) {
        self.most = self.most.max(u32::from(green.get()));
    }
}

/// What an operation means for a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    BeginsGreen,
    BeginsBlue,
    GoesOn,
    GoesBack,
}

impl State {
    fn act(&self, of: ComponentIndex, change: &Change) -> Option<Act> {
        let sides = self.sides(of);
        let is_blues = fact(change, "taskDefinition") == sides.blue.task_definition.as_str();
        let begun = || if is_blues { Act::BeginsBlue } else { Act::BeginsGreen };
        match (sides.driver, change.operation) {
            (Driver::Native | Driver::Rolling, "UpdateService") | (Driver::CodeDeploy, "CreateDeployment") => {
                Some(begun())
            }
            (Driver::Native, "ContinueServiceDeployment") if fact(change, "action") == "CONTINUE" => Some(Act::GoesOn),
            (Driver::Native, "ContinueServiceDeployment") => Some(Act::GoesBack),
            (Driver::Native | Driver::Rolling, "StopServiceDeployment") => Some(Act::GoesBack),
            (Driver::CodeDeploy, "ContinueDeployment") => Some(Act::GoesOn),
            (Driver::CodeDeploy, "StopDeployment") => (fact(change, "autoRollback") == "true").then_some(Act::GoesBack),
            _ => None,
        }
    }

    /// Whether it brings traffic back to blue, and nothing else.
    pub(super) fn is_way_back(&self, of: ComponentIndex, change: &Change) -> bool {
        match self.act(of, change) {
            Some(Act::BeginsBlue | Act::GoesBack) => true,
            Some(Act::GoesOn) => self.places[of].deployments.deploys_blue,
            Some(Act::BeginsGreen) | None => false,
        }
    }

    /// The engine has changed a deployment.
    pub(super) fn deployment_changed(&mut self, of: ComponentIndex, change: &Change, world: &World, now: Timestamp) {
        let Some(act) = self.act(of, change) else {
            return self.violate(
                Invariant::I5,
                now,
                format!("{} is none of the engine's operations", change.operation),
            );
        };
        if self.is_way_back(of, change) {
            self.recalled(of, act, change, now);
        } else {
            let is_going_back = self.mirror.unwinding.is_some();
            let status = self.mirror.status().word();
            self.require(!is_going_back, Invariant::I2, now, || {
                format!("{} {:?} after the journal had {status}", change.operation, change.facts)
            });
            match act {
                Act::BeginsGreen => self.green_begun(of, change, world, now),
                Act::GoesOn | Act::BeginsBlue | Act::GoesBack => self.let_on(of, change, now),
            }
        }
    }

    fn recalled(&mut self, of: ComponentIndex, act: Act, change: &Change, now: Timestamp) {
        let deployments = &mut self.places[of].deployments;
        deployments.is_recalled = true;
        deployments.deploys_blue |= act == Act::BeginsBlue;
        if self.is_broken {
            return;
        }
        self.has_intent(change, now, |effect| match effect {
            Effect::SetWeight { component, green } => *component == of && *green == Percent::ZERO,
            Effect::Scale { component, side: Side::Green, desired: 0, .. } => *component == of,
            Effect::Scale { component, side: Side::Blue, desired, .. } => *component == of && *desired > 0,
            _ => false,
        });
    }

    /// The new version is deployed: once, unless somebody has it tried again, and to nobody yet.
    fn green_begun(&mut self, of: ComponentIndex, change: &Change, world: &World, now: Timestamp) {
        let definition = fact(change, "taskDefinition").to_owned();
        let is_rolling = self.sides(of).driver == Driver::Rolling;
        self.has_intent(change, now, |effect| match effect {
            Effect::Scale { component, side: Side::Green, desired, task_definition } => {
                *component == of
                    && *desired > 0
                    && task_definition.as_ref().is_some_and(|asked| asked.as_str() == definition)
            }
            Effect::SetWeight { component, green } => is_rolling && *component == of && *green == Percent::FULL,
            _ => false,
        });
        self.comes_after_a_failed_migration(of, change.operation, now);
        let retries =
            self.mirror.orders.iter().filter(|ordered: &&Ordered| ordered.command.kind() == CommandKind::Retry);
        let allowed = 1 + retries.count();
        let there = deployments_of(world, self.sides(of));
        let deployments = &mut self.places[of].deployments;
        // Asked twice for the same, ECS begins nothing new: an answer that was lost is asked for again.
        deployments.of_green += usize::from(deployments.there != there);
        (deployments.there, deployments.deploys_blue) = (there, false);
        let begun = deployments.of_green;
        self.require(begun <= allowed, Invariant::I5, now, || {
            format!("{definition} is deployed for the {begun}. time")
        });
        let is_idle = self.weight_was(of, now, |truth| truth.green == 0);
        let truth = self.truth(of);
        self.require(is_idle, Invariant::I4, now, || format!("green is replaced under traffic: {truth:?}"));
    }

    /// AWS is let on: to more traffic for a green that is there, or to taking down blue when green has all of it.
    fn let_on(&mut self, of: ComponentIndex, change: &Change, now: Timestamp) {
        let is_finishing = self.open.iter().any(|intent| {
            matches!(&intent.effect, Effect::Scale { component, side: Side::Blue, desired: 0, .. } if *component == of)
        });
        if !is_finishing {
            self.has_intent(change, now, |effect| match effect {
                Effect::SetWeight { component, green } => *component == of && *green > Percent::ZERO,
                _ => false,
            });
        }
        let truth = self.truth(of);
        let is_whole = self.weight_was(of, now, |truth| truth.green == 100);
        self.require(!is_finishing || is_whole, Invariant::I4, now, || {
            format!("blue is let go under traffic: {truth:?}")
        });
        let wanted = self.healthy_wanted(of, Side::Green) as usize;
        let is_up = self.capacity_was(of, now, |truth| truth.healthy_green >= wanted);
        self.require(is_up, Invariant::I4, now, || format!("AWS is let on, to too few healthy targets: {truth:?}"));
    }

    /// AWS has moved traffic: no further than was asked for, and not onto green once it was told to go back.
    pub(super) fn moved(&mut self, of: ComponentIndex, before: u32, green: u32, now: Timestamp) {
        let driver = self.sides(of).driver;
        if green <= before || !driver.is_deployment() || self.places[of].somebody_set_weights {
            return;
        }
        let (most, is_recalled) = (self.places[of].deployments.most, self.places[of].deployments.is_recalled);
        let is_asked = match driver {
            // Its clock goes on once it was let through.
            Driver::CodeDeploy | Driver::Rolling => most > 0,
            _ => green <= most,
        };
        self.require(is_asked, Invariant::I1, now, || format!("AWS gives green {green}, and {most} was asked for"));
        // While tasks are replaced, one of blue's that dies makes green's share greater.
        let is_raised = is_recalled && driver != Driver::Rolling;
        self.require(!is_raised, Invariant::I2, now, || {
            format!("green {before} → {green} after AWS was told to go back")
        });
    }
}

/// How many deployments the world knows of.
fn deployments_of(world: &World, sides: &Sides) -> usize {
    let of_service = ListServiceDeployments { service: sides.green.service.clone(), ..Default::default() };
    match &sides.group {
        Some(group) => {
            let of = Some((group.application.clone(), group.name.clone()));
            world.list_deployments(&ListDeployments { of, ..ListDeployments::default() }).unwrap().len()
        }
        None => world.list_service_deployments(&of_service).unwrap().len(),
    }
}

/// What is true of a service whose tasks are replaced: green's weight is its share of those that run, and all of them
/// once its deployment is done.
pub(super) fn share_of(world: &World, sides: &Sides, at: Timestamp) -> Truth {
    let service = world.describe_services(None, std::slice::from_ref(&sides.blue.service)).unwrap().found.remove(0);
    let is_blue = |definition: &str| definition == sides.blue.task_definition.as_str();
    let running = |wanted: bool| -> u32 {
        let of = service.deployments.iter().filter(|one| is_blue(&one.task_definition) == wanted);
        of.map(|one| one.running).sum()
    };
    let (blue, green) = (running(true), running(false));
    let is_completed = matches!(
        service.deployments.as_slice(),
        [only] if only.rollout_state == RolloutState::Completed && !is_blue(&only.task_definition)
    );
    let share = match green {
        0 => 0,
        _ if is_completed => 100,
        green => (green * 100 / (green + blue)).clamp(1, 99),
    };
    let healthy = world.healthy_targets(group(&sides.blue)).0;
    let healthy_blue = healthy.min(blue as usize);
    Truth { at, green: share, healthy_blue, healthy_green: (healthy - healthy_blue).min(green as usize) }
}
