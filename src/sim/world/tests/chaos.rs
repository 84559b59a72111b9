//! Random operations at random moments: whatever clients do, some things hold.

use super::*;
use crate::sim::world::random::Stream;

/// One random operation.
fn disturb(world: &mut World, chance: &mut Stream) {
    let service = if chance.chance(0.5) { "api-blue" } else { "api-green" };
    let desired = (chance.bits() % 8) as u32;
    match chance.bits() % 8 {
        0 => world.release(service, desired),
        1 | 2 => {
            let (service, desired) = (service.to_owned(), Some(desired));
            let force_new_deployment = chance.chance(0.3);
            world
                .update_service(UpdateService { service, desired, force_new_deployment, ..UpdateService::default() })
                .unwrap();
        }
        3 | 4 => world.shift((chance.bits() % 101) as u32),
        5 => drop(world.crash_task(service, 137)),
        6 => {
            let tasks = world.list_tasks(&ListTasks::default()).unwrap();
            if let Some(task) = tasks.get(chance.bits() as usize % tasks.len().max(1)) {
                world.stop_task(None, task, None).unwrap();
            }
        }
        _ => world.set_alarm_state("api-cpu-high", AlarmState::Alarm, "flapping", None).unwrap(),
    }
}

fn check(world: &World, seed: u64) {
    for name in ["api-blue", "api-green"] {
        let service = world.service(name);
        let states = world.describe_target_health(&world.group(name)).unwrap();
        let mut addresses: Vec<_> = states.iter().map(|target| &target.id).collect();
        addresses.sort();
        addresses.dedup();
        assert_eq!(addresses.len(), states.len(), "seed {seed}: a task is twice in {name}");
        let healthy = states.iter().filter(|target| target.state == TargetState::Healthy).count() as u32;
        assert!(healthy <= service.running, "seed {seed}: {healthy} healthy of {} running in {name}", service.running);
        let primaries = service.deployments.iter().filter(|one| one.status == DeploymentStatus::Primary).count();
        assert_eq!(primaries, 1, "seed {seed}: {name} has {primaries} primary deployments");
        assert_eq!(
            service.deployments.iter().map(|one| one.running).sum::<u32>(),
            service.running,
            "seed {seed}: {name}"
        );
        assert!(service.events.len() <= 100);
    }
    let (total, minutes) = (world.truth(), world.truth_by_minute());
    let summed = |count: fn(&Truth) -> u64| minutes.iter().map(|(_, truth)| count(truth)).sum::<u64>();
    assert_eq!(summed(|truth| truth.old.requests + truth.new.requests), total.old.requests + total.new.requests);
    assert_eq!(summed(Truth::harmed), total.harmed());
    assert!(total.old.harmed == 0, "seed {seed}: the old version harms nobody");
}

#[test]
fn whatever_clients_do_the_world_stays_whole_and_settles() {
    for seed in 0..12 {
        let scenario = Scenario::parse("chaos", "summary = \"\"\nhistory = \"1m\"\n[traffic]\nrate = 8.0\n").unwrap();
        let mut world = World::new(&scenario, seed, START);
        let mut chance = Stream::new(seed, "chaos");
        for _ in 0..40 {
            disturb(&mut world, &mut chance);
            world.advance(world.now() + Duration::from_millis(chance.bits() % 30_000));
            // Counts are brought up to date by the next tick.
            world.wait(1);
            check(&world, seed);
        }
        world.wait(600);
        for name in ["api-blue", "api-green"] {
            let service = world.service(name);
            assert_eq!((service.running, service.pending), (service.desired, 0), "seed {seed}: {name}");
            assert_eq!(service.deployments.len(), 1, "seed {seed}: {name} has settled");
            let healthy = world.states(name).iter().filter(|state| **state == TargetState::Healthy).count();
            assert_eq!(healthy, service.desired as usize, "seed {seed}: {name}");
        }
    }
}
