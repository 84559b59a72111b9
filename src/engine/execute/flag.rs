//! Flags of AWS AppConfig: switched by deployments that are followed to their end.

use std::time::Duration;

use tokio::sync::mpsc;

use super::Said;
use crate::clock::Clock;
use crate::cloud::{Cloud, ErrorKind, FlagDeployment, FlagState, FlagStep};
use crate::domain::effect::{Failure, Outcome};
use crate::domain::flag::{FeatureFlag, Switch};
use crate::domain::ids::EffectId;

/// How often a deployment is looked at.
const LOOK: Duration = Duration::from_secs(5);

/// A call to switch it on that was given up may take effect this much later: the longest that one call may take, and a look.
const LANDING: Duration = Duration::from_secs(20);

/// What a flag is switched with.
pub(super) struct Lever<'a> {
    pub(super) cloud: &'a dyn Cloud,
    pub(super) clock: Clock,
    pub(super) said: &'a mpsc::Sender<Said>,
    pub(super) effect: EffectId,
    pub(super) flag: &'a FeatureFlag,
    /// Unique to the release: by it a deployment is known as its own.
    pub(super) tag: &'a str,
}

/// What is to be done next.
#[derive(Debug, PartialEq)]
enum Next {
    /// It is switched.
    Done(String),
    /// It will not be.
    Failed(String),
    /// Time.
    Wait(String),
    /// A deployment that switches it.
    Switch,
    /// The end of this deployment, which would switch it on.
    Stop(u32),
}

impl Lever<'_> {
    /// What a deployment of this release that switches it so is described with.
    fn note(&self, to: Switch) -> String {
        format!("cutover {} {}: {}", self.tag, self.flag.flag, to.word())
    }

    /// Switches it, and waits until it is. Doing that again changes nothing: what is under way is followed.
    pub(super) async fn switch(&self, to: Switch) -> Outcome {
        let began = self.clock.now();
        let mut tail = Vec::new();
        let mut asked = None;
        loop {
            let state = match self.cloud.flags().flag(self.flag).await {
                Ok(state) => state,
                Err(error) if error.is_transient() => {
                    self.clock.sleep(LOOK).await;
                    continue;
                }
                Err(error) => return Outcome::Failed(Failure { transient: false, message: error.to_string() }),
            };
            let may_land = to == Switch::Off && self.clock.now().since(began) < LANDING;
            let next = match to {
                Switch::On => self.next_on(&state, asked),
                Switch::Off => self.next_off(&state, may_land),
            };
            match next {
                Next::Done(line) => {
                    self.say(&mut tail, line).await;
                    return Outcome::Exited { code: Some(0), tail };
                }
                Next::Failed(message) => return Outcome::Failed(Failure { transient: false, message }),
                Next::Wait(line) => self.say(&mut tail, line).await,
                Next::Switch => match self.cloud.flags().switch_flag(self.flag, to, &self.note(to)).await {
                    Ok(number) => {
                        asked = Some(number);
                        self.say(&mut tail, format!("deployment {number} switches it {}", to.word())).await;
                    }
                    // What got in its way shows at the next look.
                    Err(error) if error.is_transient() || error.kind == ErrorKind::Conflict => {}
                    Err(error) => return Outcome::Failed(Failure { transient: false, message: error.to_string() }),
                },
                Next::Stop(number) => match self.cloud.flags().stop_flag(self.flag, number).await {
                    Ok(()) => self.say(&mut tail, format!("deployment {number} is stopped")).await,
                    Err(error) if error.is_transient() || error.kind == ErrorKind::Conflict => {}
                    Err(error) => return Outcome::Failed(Failure { transient: false, message: error.to_string() }),
                },
            }
            self.clock.sleep(LOOK).await;
        }
    }

    fn next_on(&self, state: &FlagState, asked: Option<u32>) -> Next {
        match &state.newest {
            Some(newest) if newest.note == self.note(Switch::On) => match newest.step {
                FlagStep::Complete => Next::Done(format!("deployment {} is complete", newest.number)),
                FlagStep::TakenBack if asked.is_none_or(|asked| asked == newest.number) => {
                    Next::Failed(format!("AppConfig took deployment {} back", newest.number))
                }
                FlagStep::TakenBack => Next::Switch,
                FlagStep::Growing | FlagStep::Baking | FlagStep::GoingBack | FlagStep::Unknown => {
                    Next::Wait(far(newest))
                }
            },
            Some(newest) if newest.step.is_under_way() => Next::Wait(in_the_way(newest)),
            _ if state.deployed == Some(Switch::On) => Next::Done("it is on already".to_owned()),
            _ => Next::Switch,
        }
    }

    fn next_off(&self, state: &FlagState, may_land: bool) -> Next {
        match &state.newest {
            Some(newest) if newest.note == self.note(Switch::On) && newest.step.is_under_way() => match newest.step {
                FlagStep::GoingBack => Next::Wait(far(newest)),
                _ => Next::Stop(newest.number),
            },
            Some(newest) if newest.note == self.note(Switch::Off) && newest.step == FlagStep::Baking => {
                Next::Done(format!("deployment {} reaches everybody", newest.number))
            }
            Some(newest) if newest.step.is_under_way() && newest.note == self.note(Switch::Off) => {
                Next::Wait(far(newest))
            }
            Some(newest) if newest.step.is_under_way() => Next::Wait(in_the_way(newest)),
            _ if state.deployed == Some(Switch::On) => Next::Switch,
            _ if may_land => Next::Wait("it is off; a call that was given up may still switch it on".to_owned()),
            _ => Next::Done("it is off".to_owned()),
        }
    }

    /// Says a line that is news.
    async fn say(&self, tail: &mut Vec<String>, line: String) {
        if tail.last() != Some(&line) {
            tail.push(line.clone());
            let _nobody_listens = self.said.send(Said::Line { effect: self.effect, line }).await;
        }
    }
}

fn far(deployment: &FlagDeployment) -> String {
    let FlagDeployment { number, percent, step, .. } = deployment;
    let step = match step {
        FlagStep::Growing => "growing",
        FlagStep::Baking => "baking",
        FlagStep::Complete => "complete",
        FlagStep::GoingBack => "going back",
        FlagStep::TakenBack => "taken back",
        FlagStep::Unknown => "in a state that is not known here",
    };
    format!("deployment {number}: {percent} %, {step}")
}

fn in_the_way(deployment: &FlagDeployment) -> String {
    format!("waits for deployment {} of the environment, which is somebody else's", deployment.number)
}
