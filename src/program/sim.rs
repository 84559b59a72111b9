//! `cutover sim`: the simulated AWS for any client.

use std::io::Write;

use color_eyre::eyre::Result;

use super::demo::scenario;
use super::output;
use crate::cli;
use crate::clock::Clock;
use crate::sim::Sim;
use crate::sim::listen::{ListenError, ListenOptions, listen};

/// Serves until it is interrupted.
pub(super) async fn run(arguments: &cli::Sim) -> Result<u8> {
    let scenario = scenario(&arguments.scenario)?;
    let sim = Sim::new(scenario, arguments.seed, Clock::accelerated(arguments.speed));
    if let Some(file) = &arguments.authority {
        let authority = sim.authority()?;
        std::fs::write(file, authority.pem)
            .map_err(|error| output::Refused::usage(format!("{} cannot be written: {error}", file.display())))?;
    }
    let options = ListenOptions { allow_non_loopback: arguments.expose };
    let listening = listen(sim, arguments.listen, options).await.map_err(|error| {
        output::Refused::usage(match error {
            ListenError::NotLoopback(_) => format!("{error}, with --expose"),
            ListenError::InUse(_) | ListenError::Refused { .. } => error.to_string(),
        })
    })?;
    let address = listening.address();
    writeln!(
        output::out(),
        "simulated AWS, scenario {}, on http://{address}\n\n  export AWS_ENDPOINT_URL=http://{address} \
         AWS_REGION=eu-west-1 AWS_DEFAULT_REGION=eu-west-1 \
         AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test\n  aws ecs describe-services \
         --cluster shop --services api-blue api-green\n\nCtrl-C ends it.",
        arguments.scenario
    )?;
    output::interrupted().await;
    listening.stop().await;
    Ok(0)
}
