//! Stages that an environment has other settings of.

use std::time::Duration;

use super::{LEAST, read};
use crate::config::model::{Stage, StageWork};

/// Two environments that share a pipeline, of which one has its own steps.
fn config() -> crate::config::Config {
    let own = "[environments.production]\naccount = \"123456789012\"\nregion = \"eu-west-1\"\n\n\
               [environments.staging.stages.shift]\nsteps = [{ weight = 100, bake = \"1m\" }]\n\n\
               [environments.staging.stages.deploy]\ntimeout = \"3m\"\n\n[components.api]";
    read(&LEAST.replacen("[components.api]", own, 1)).unwrap_or_else(|problems| panic!("{problems}"))
}

fn of<'a>(config: &'a crate::config::Config, environment: &str, stage: &str) -> &'a Stage {
    let environment = config.environment(environment).unwrap();
    config.stages(environment, "standard").iter().find(|known| known.name.as_str() == stage).unwrap()
}

#[test]
fn an_environment_says_only_what_differs_and_the_rest_is_the_pipelines() {
    let config = config();
    let shift = |environment: &str| match &of(&config, environment, "shift").work {
        StageWork::Shift(plan) => plan.clone(),
        other => panic!("{other:?}"),
    };
    let weights = |environment: &str| shift(environment).steps.iter().map(|step| step.weight.get()).collect::<Vec<_>>();
    assert_eq!((weights("staging"), weights("production")), (vec![100], vec![10, 100]));
    assert_eq!(shift("staging").patience, shift("production").patience, "what is not said is the pipeline's");
    let timeout = |environment: &str| of(&config, environment, "deploy").timeout;
    assert_eq!(timeout("staging"), Duration::from_mins(3));
    assert_ne!(timeout("production"), timeout("staging"));
    assert_eq!(of(&config, "staging", "shift").after, of(&config, "production", "shift").after);
}

#[test]
fn a_gate_that_an_environment_shuts_to_verdicts_needs_a_signal_there() {
    // Without a limit nothing judges: the pipeline's automatic gates are a mistake, and here an environment's human ones
    // are not.
    let human = "[environments.staging.stages.shift]\nsteps = [{ weight = 100, bake = \"1m\", gate = \"human\" }]\n\n[components.api]";
    let without = LEAST.replacen("max = \"5 %\"\n", "", 1);
    assert!(read(&without).is_err());
    read(&without.replacen("[components.api]", human, 1)).unwrap_or_else(|problems| panic!("{problems}"));
}
