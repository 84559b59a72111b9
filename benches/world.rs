//! How fast simulated time passes.

use std::time::Duration;

use cutover::domain::time::Timestamp;
use cutover::sim::{Scenario, World};

const START: Timestamp = Timestamp::from_secs(1_795_170_000);

fn main() {
    divan::main();
}

fn world() -> Option<World> {
    Scenario::named("errors").ok().map(|scenario| World::new(&scenario, 1, START))
}

/// A world with its quarter of an hour of history.
#[divan::bench]
fn making_a_world() -> Option<World> {
    world()
}

/// Half an hour at 300 requests a second.
#[divan::bench]
fn half_an_hour(bencher: divan::Bencher<'_, '_>) {
    bencher.with_inputs(world).bench_local_values(|world| {
        world.map(|mut world| {
            world.advance(START + Duration::from_mins(30));
            world
        })
    });
}
