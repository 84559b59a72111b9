//! Who gives commands: the operating-system user and host, and their own AWS identity where it is known in time.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::mpsc;

use crate::clock::Clock;
use crate::cloud::Cloud;
use crate::cloud::aws::{Aws, Connection};
use crate::config::{Config, PlanContext};
use crate::domain::command::{Actor, CommandKind};
use crate::domain::components::ComponentIndex;
use crate::domain::plan::Plan;
use crate::engine::handle::{EngineHandle, OrderSender};
use crate::engine::run::this_actor;

/// Nobody is kept waiting longer for their own name.
const PATIENCE: Duration = Duration::from_millis(1_500);

/// Orders on their way through.
const ORDERS: usize = 16;

/// Whoever runs this process, about to send a command of this kind. What makes things safer is sent at once, without
/// asking AWS for a name first, unless the policy asks whose it is.
pub(super) async fn sender(config: &Config, plan: &Plan, kind: CommandKind) -> Actor {
    let actor = this_actor();
    let is_urgent = kind.is_always_timely() || kind == CommandKind::Abort;
    if is_urgent && !plan.asks_who(kind.into()) {
        return actor;
    }
    let Some(context) = context(config, plan) else { return actor };
    Actor { arn: own_arn(&context).await, ..actor }
}

/// The AWS identity that this process has before it takes on a role, if AWS says so in time.
pub(super) async fn own_arn(context: &PlanContext) -> Option<String> {
    let ask = async {
        let aws = Aws::connect(Connection {
            region: context.place.region.clone(),
            cluster: context.clusters[ComponentIndex::FIRST].clone(),
            profile: context.profile.clone(),
            role_arn: None,
            http: None,
            clock: Clock::system(),
        });
        aws.await.identity().await.ok()
    };
    let answer = tokio::time::timeout(PATIENCE, ask).await;
    answer.ok().flatten().map(|identity| identity.arn)
}

/// Whoever runs this process, with their AWS identity where a policy asks for it.
pub(super) async fn named(config: &Config, plan: &Plan) -> Actor {
    let actor = this_actor();
    let Some(context) = context(config, plan).filter(|_| plan.policy.is_some()) else { return actor };
    Actor { arn: own_arn(&context).await, ..actor }
}

/// Puts the sender's AWS identity on every order that goes through the handle from here on, once it is known. No order
/// waits for it.
pub(super) fn introduce(handle: EngineHandle, config: &Config, plan: &Plan) -> EngineHandle {
    let Some(context) = context(config, plan) else { return handle };
    let known: Arc<OnceLock<String>> = Arc::default();
    let finding = Arc::clone(&known);
    tokio::spawn(async move {
        if let Some(arn) = own_arn(&context).await {
            let _first = finding.set(arn);
        }
    });
    EngineHandle { orders: stamp(handle.orders, known), ..handle }
}

fn stamp(onward: OrderSender, known: Arc<OnceLock<String>>) -> OrderSender {
    let (orders, mut arriving) = mpsc::channel::<crate::engine::handle::Envelope>(ORDERS);
    tokio::spawn(async move {
        while let Some(mut envelope) = arriving.recv().await {
            let by = &mut envelope.order.by;
            by.arn = by.arn.take().or_else(|| known.get().cloned());
            // An engine that has ended drops it, which is its answer.
            onward.forward(envelope).await;
        }
    });
    OrderSender::new(orders)
}

fn context(config: &Config, plan: &Plan) -> Option<PlanContext> {
    let lineup = plan.components.map(|component| component.name.clone());
    config.context(plan.environment.as_str(), &lineup).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::command::{Command, Order};
    use crate::engine::handle::Receipt;

    #[tokio::test]
    async fn orders_carry_the_identity_from_when_it_is_known() {
        let (engine, mut arriving) = mpsc::channel(4);
        let known = Arc::new(OnceLock::new());
        let orders = stamp(OrderSender::new(engine), Arc::clone(&known));
        let order = || Order { command: Command::Pause, stage: None, by: Actor::new("maria", "bastion"), seen: None };
        let seen = tokio::spawn(async move {
            let mut seen = Vec::new();
            while let Some(envelope) = arriving.recv().await {
                seen.push(envelope.order.by.arn.clone());
                let _gone = envelope.answer.send(Receipt::Lost(String::new()));
            }
            seen
        });
        orders.send(order()).await;
        known.set("arn:aws:iam::1:user/maria".to_owned()).unwrap();
        orders.send(order()).await;
        drop(orders);
        assert_eq!(seen.await.unwrap(), [None, Some("arn:aws:iam::1:user/maria".to_owned())]);
    }
}
