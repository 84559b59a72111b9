//! `cutover alarms`: the alarms of the configuration, made in CloudWatch or compared with it.

use std::io::{IsTerminal as _, Write};
use std::sync::Arc;

use color_eyre::eyre::Result;
use serde::Serialize;

use super::{output, settings};
use crate::cli::{AlarmsApply, AlarmsPlan, Format, Globals};
use crate::clock::Clock;
use crate::cloud::aws::{Aws, Connection};
use crate::cloud::{AlarmState, Alarming, Cloud, CloudError};
use crate::config::{Config, Environment};
use crate::domain::alarm::{Definition, Site, differences, is_owned};
use crate::domain::ids::{AlarmName, ComponentName};
use crate::domain::plan::load_balancer_of;

/// Something differs.
const DIFFERS: u8 = 3;

/// Alarms of a region that are looked through for those that the configuration no longer has.
const MOST: usize = 10_000;

/// What is to be done about one alarm.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
enum Step {
    /// It is as it should be.
    Same,
    /// It is not there.
    Missing,
    /// It is cutover's, and differs.
    Differs {
        /// How.
        how: Vec<String>,
    },
    /// Somebody else made one of this name.
    Foreign {
        /// How it differs.
        how: Vec<String>,
    },
    /// It is cutover's, and the configuration no longer has it.
    Leftover,
}

/// One alarm with what is to be done about it.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Item {
    alarm: AlarmName,
    component: ComponentName,
    #[serde(flatten)]
    step: Step,
    #[serde(skip)]
    wanted: Option<Definition>,
}

/// What may be done beyond the usual.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Licence {
    adopt: bool,
    prune: bool,
}

/// Shows what differs.
pub(super) async fn plan(globals: &Globals, arguments: &AlarmsPlan) -> Result<u8> {
    let config = settings::load(globals)?;
    let (name, cloud) = reach(&config, &arguments.environment).await?;
    let items = look(name, config.environment(name)?, cloud.as_ref().alarming()).await?;
    let mut out = output::out();
    match arguments.writing.format() {
        Format::Json => {
            for item in &items {
                writeln!(out, "{}", serde_json::to_string(item)?)?;
            }
        }
        Format::Text => write(&items, &mut out)?,
    }
    let differs = items.iter().any(|item| item.step != Step::Same);
    Ok(if differs { DIFFERS } else { 0 })
}

/// Makes what is missing and changes what differs, once it is agreed to.
pub(super) async fn apply(globals: &Globals, arguments: &AlarmsApply) -> Result<u8> {
    let config = settings::load(globals)?;
    let (name, cloud) = reach(&config, &arguments.environment).await?;
    if let Some(why) = settings::read_only(&config, name) {
        return Err(output::Refused::policy(format!("no alarm is changed: {why}")));
    }
    let licence = Licence { adopt: arguments.adopt, prune: arguments.prune };
    let items = look(name, config.environment(name)?, cloud.as_ref().alarming()).await?;
    let mut out = output::out();
    write(&items, &mut out)?;
    let due = items.iter().filter(|item| is_due(item, licence)).count();
    if due == 0 {
        writeln!(out, "nothing to do")?;
        return Ok(0);
    }
    if !arguments.yes {
        agree(due)?;
    }
    let done = carry_out(&items, licence, cloud.as_ref().alarming(), &mut out).await?;
    writeln!(out, "{done} of {due} done")?;
    Ok(0)
}

fn agree(due: usize) -> Result<()> {
    if !std::io::stdin().is_terminal() {
        return Err(output::Refused::policy(format!("{due} alarms would be changed; say --yes if that is meant")));
    }
    write!(std::io::stderr(), "change {due} alarms? [y/N] ")?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    if matches!(answer.trim(), "y" | "Y" | "yes") {
        Ok(())
    } else {
        Err(output::Refused::policy("no alarm was changed"))
    }
}

async fn reach<'c>(config: &'c Config, environment: &'c str) -> Result<(&'c str, Arc<dyn Cloud>)> {
    let settings = config.environment(environment)?;
    let connection = Connection {
        region: settings.region.clone(),
        cluster: String::new(),
        profile: settings.profile.clone(),
        role_arn: settings.role.clone(),
        http: None,
        clock: Clock::system(),
    };
    Ok((environment, Arc::new(Aws::connect(connection).await)))
}

/// Every alarm that the configuration has for an environment, as it is in CloudWatch, and those that it has no longer.
async fn look(name: &str, environment: &Environment, cloud: &dyn Alarming) -> Result<Vec<Item>, CloudError> {
    let all = cloud.every_alarm(MOST).await?.alarms;
    let mut items = Vec::new();
    for wish in &environment.alarms {
        let Some(site) = site(environment, &wish.component) else { continue };
        let owner = format!("{name}/{}", wish.component);
        let wanted = wish.definition(&site, &owner);
        let found = all.iter().find(|alarm| alarm.name == wish.name && alarm.state != AlarmState::Missing);
        let step = match found {
            None => Step::Missing,
            Some(alarm) => {
                let how = differences(&alarm.setup, &wanted);
                match is_owned(&owner, &alarm.name, alarm.setup.description.as_deref()) {
                    true if how.is_empty() => Step::Same,
                    true => Step::Differs { how },
                    false => Step::Foreign { how },
                }
            }
        };
        items.push(Item { alarm: wish.name.clone(), component: wish.component.clone(), step, wanted: Some(wanted) });
    }
    for component in environment.components.keys() {
        let owner = format!("{name}/{component}");
        let is_left = |alarm: &&crate::cloud::Alarm| {
            is_owned(&owner, &alarm.name, alarm.setup.description.as_deref())
                && !environment.alarms.iter().any(|wish| wish.name == alarm.name && wish.component == *component)
        };
        items.extend(all.iter().filter(is_left).map(|alarm| Item {
            alarm: alarm.name.clone(),
            component: component.clone(),
            step: Step::Leftover,
            wanted: None,
        }));
    }
    Ok(items)
}

fn site(environment: &Environment, component: &ComponentName) -> Option<Site> {
    let site = environment.components.get(component)?.site.as_ref()?;
    let last = |text: &str, sign: char| text.rsplit(sign).next().unwrap_or_default().to_owned();
    Some(Site {
        cluster: last(&site.cluster, '/'),
        load_balancer: load_balancer_of(&site.listener_rule).unwrap_or_default().to_owned(),
        services: site.services.each_ref().map(|service| last(&service.service, '/')),
        groups: site.services.each_ref().map(|service| last(&service.target_group, ':')),
    })
}

/// Whether something is done about it.
fn is_due(item: &Item, licence: Licence) -> bool {
    match item.step {
        Step::Same => false,
        Step::Missing | Step::Differs { .. } => true,
        Step::Foreign { .. } => licence.adopt,
        Step::Leftover => licence.prune,
    }
}

/// Does what is due, and answers how much of it was done.
async fn carry_out(items: &[Item], licence: Licence, cloud: &dyn Alarming, out: &mut impl Write) -> Result<usize> {
    let mut done = 0;
    for item in items.iter().filter(|item| is_due(item, licence)) {
        let verb = match &item.wanted {
            Some(wanted) => {
                cloud.put_alarm(wanted).await?;
                if item.step == Step::Missing { "made" } else { "changed" }
            }
            None => {
                cloud.delete_alarm(&item.alarm).await?;
                "deleted"
            }
        };
        writeln!(out, "{verb} {}", item.alarm)?;
        done += 1;
    }
    Ok(done)
}

fn write(items: &[Item], out: &mut impl Write) -> Result<()> {
    if items.is_empty() {
        writeln!(out, "the configuration has no alarm for this environment: [alarms.NAME]")?;
    }
    for item in items {
        let (sign, what, how): (&str, &str, &[String]) = match &item.step {
            Step::Same => ("=", "as it should be", &[]),
            Step::Missing => ("+", "is not there; is made", &[]),
            Step::Differs { how } => ("~", "differs; is changed", how),
            Step::Foreign { how } if how.is_empty() => ("!", "made by somebody else; --adopt takes it over", &[]),
            Step::Foreign { how } => ("!", "made by somebody else, and differs; --adopt takes it over", how),
            Step::Leftover => ("-", "no longer in the configuration; --prune deletes it", &[]),
        };
        writeln!(out, "{sign} {} ({}) {what}", item.alarm, item.component)?;
        for line in how {
            writeln!(out, "    {line}")?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;
    use crate::sim::{Scenario, Sim};

    const EXAMPLE: &str = include_str!("../../config.example.toml");

    /// The demo's account, and the example's alarms in it.
    fn stage() -> (Sim, Aws, Config) {
        let clock = Clock::starting_at(Timestamp::from_secs(1_795_161_600), 1.0);
        let sim = Sim::new(Scenario::named("healthy").unwrap(), 11, clock);
        let aws = Aws::simulated(sim.http_client(), clock, "eu-west-1", "shop");
        let config = Config::read("config.example.toml", EXAMPLE, std::path::Path::new("/state")).unwrap();
        (sim, aws, config)
    }

    async fn steps(aws: &Aws, config: &Config) -> Vec<(String, Step)> {
        let items = look("demo", config.environment("demo").unwrap(), aws).await.unwrap();
        items.into_iter().map(|item| (item.alarm.to_string(), item.step)).collect()
    }

    async fn apply(aws: &Aws, config: &Config, licence: Licence) -> String {
        let items = look("demo", config.environment("demo").unwrap(), aws).await.unwrap();
        let mut out = Vec::new();
        carry_out(&items, licence, aws, &mut out).await.unwrap();
        String::from_utf8(out).unwrap()
    }

    const PLAIN: Licence = Licence { adopt: false, prune: false };

    #[tokio::test(start_paused = true)]
    async fn the_alarms_of_the_example_are_made_once_and_then_are_as_they_should_be() {
        let (_sim, aws, config) = stage();
        let before = steps(&aws, &config).await;
        assert_eq!(before.len(), 7, "four alarms and three alerts");
        assert!(before.iter().all(|(_, step)| *step == Step::Missing), "{before:?}");
        assert_eq!(apply(&aws, &config, PLAIN).await.lines().count(), 7);
        let after = steps(&aws, &config).await;
        assert!(after.iter().all(|(_, step)| *step == Step::Same), "{after:?}");
        assert_eq!(apply(&aws, &config, PLAIN).await, "", "a second time changes nothing");
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_changed_by_hand_is_put_right_and_what_is_not_its_own_is_left_alone() {
        let (_sim, aws, mut config) = stage();
        apply(&aws, &config, PLAIN).await;
        let demo = config.environments.values_mut().find(|environment| environment.account == "123456789012").unwrap();
        demo.alarms[0].threshold = 7.0;
        // A name that somebody else's alarm has.
        demo.alarms[1].name = "api-cpu-high".into();
        let found = steps(&aws, &config).await;
        assert!(matches!(&found[0].1, Step::Differs { how } if how == &["threshold: 5 → 7"]), "{found:?}");
        assert!(matches!(&found[1].1, Step::Foreign { how } if !how.is_empty()), "{found:?}");
        assert_eq!(found.last().unwrap().1, Step::Leftover, "the one whose name was changed");
        let made = apply(&aws, &config, PLAIN).await;
        assert_eq!(made.lines().count(), 1, "{made}");
        let all = aws.every_alarm(MOST).await.unwrap().alarms;
        let cpu = all.iter().find(|alarm| alarm.name.as_str() == "api-cpu-high").unwrap();
        assert_eq!(cpu.setup.condition().unwrap().threshold, Some(80.0));
        let made = apply(&aws, &config, Licence { adopt: true, prune: true }).await;
        assert!(made.contains("changed api-cpu-high") && made.contains("deleted api-errors-early"), "{made}");
        assert!(steps(&aws, &config).await.iter().all(|(_, step)| *step == Step::Same));
    }

    #[tokio::test(start_paused = true)]
    async fn cloudwatch_judges_by_what_was_made() {
        let (sim, aws, config) = stage();
        apply(&aws, &config, PLAIN).await;
        sim.clock().sleep(std::time::Duration::from_mins(12)).await;
        let all = aws.every_alarm(MOST).await.unwrap().alarms;
        for wish in &config.environment("demo").unwrap().alarms {
            let alarm = all.iter().find(|alarm| alarm.name == wish.name).unwrap();
            // The demo's 99th percentile is 600 ms.
            let is_beyond = wish.name.as_str() == "api-slow-early";
            let expected = if is_beyond { AlarmState::Alarm } else { AlarmState::Ok };
            // One request in a hundred is answered with a 4xx: this one goes to and fro.
            if wish.name.as_str() == "api-success-low" {
                continue;
            }
            assert_eq!(alarm.state, expected, "{}: {}", alarm.name, alarm.reason);
        }
    }
}
