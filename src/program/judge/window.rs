//! A stretch of time judged by what CloudWatch still holds of it.

use std::io::Write;

use color_eyre::eyre::{Result, WrapErr};

use super::super::output::Refused;
use super::super::{doctor, engine, settings as configuration};
use super::{End, say, settings};
use crate::cli::{Globals, Judge};
use crate::clock::Clock;
use crate::cloud::{Cloud, SignalRequest, Survey};
use crate::config::{Config, PlanContext, Request};
use crate::domain::components::{ComponentIndex, Components};
use crate::domain::ids::{ComponentName, ReleaseId, Version};
use crate::domain::plan::Sides;
use crate::domain::signal::{Measure, Point};
use crate::domain::time::Timestamp;
use crate::judge::detector::Detector;
use crate::judge::minutes::ticks;

/// Judges what the service of an environment did.
pub(super) async fn judge(globals: &Globals, arguments: &Judge, environment: &str, out: &mut impl Write) -> Result<()> {
    let config = configuration::load(globals)?;
    let lineup = config.lineup(environment, arguments.component.as_deref())?;
    let context = config.context(environment, &lineup)?;
    let (clouds, _) = engine::connect(&context, Clock::system()).await?;
    let of = match &arguments.component {
        Some(name) => lineup.position(|known| known.as_str() == name).unwrap_or(ComponentIndex::FIRST),
        None => ComponentIndex::FIRST,
    };
    let place = Place { config: &config, environment, lineup: &lineup, context: &context, clouds: &clouds, of };
    place.judge(arguments, Clock::system().now(), out).await
}

/// Where it ran.
struct Place<'a> {
    config: &'a Config,
    environment: &'a str,
    lineup: &'a Components<ComponentName>,
    context: &'a PlanContext,
    clouds: &'a Components<std::sync::Arc<dyn Cloud>>,
    of: ComponentIndex,
}

impl Place<'_> {
    async fn judge(&self, arguments: &Judge, now: Timestamp, out: &mut impl Write) -> Result<()> {
        let sides = self.sides().await?;
        let to = arguments.until.map_or(now, |until| until.moment(now)).min(now);
        let from = arguments.since.map_or(now, |since| since.moment(now));
        if from >= to {
            return Err(Refused::usage("--since must lie before --until, and before now"));
        }
        let signals = [("errors".into(), Measure::TargetErrors)];
        let (cluster, period) = (self.context.clusters[self.of].as_str(), self.config.engine.period);
        let request = SignalRequest { signals: &signals, sides: &sides, cluster, from, to, period };
        let found = self.clouds[self.of].signals(&request).await.wrap_err("the metrics could not be read")?;
        let (one, other) = found.into_iter().next().map(|pair| (pair.blue, pair.green)).unwrap_or_default();
        let (blue, green) = if is_first_green(arguments, &sides, &one, &other)? { (other, one) } else { (one, other) };
        if green.is_empty() {
            return Err(Refused::usage(
                "only one of the two services served requests then: there is nothing to compare",
            ));
        }
        let mut detector = Detector::new(settings(arguments).of_minutes());
        let weight = arguments.weight.map(|percent| percent / 100.0);
        for tick in ticks(&blue, &green, period, now) {
            // The minutes do not say when the weight was set: from the first with requests of green's on it counts.
            if let (Some(share), Some(began)) = (weight, detector.began()) {
                detector.set_weight(share, began);
            }
            detector.take(&tick);
            if detector.began().is_some() {
                say(&detector, 0, End::No, out)?;
            }
        }
        say(&detector, 0, End::Yes, out)
    }

    /// Both services, that which serves now first.
    async fn sides(&self) -> Result<Sides> {
        let mut surveys: Components<Option<Survey>> = self.context.targets.map(|_| None);
        for (of, target) in self.context.targets.iter() {
            if let Some(target) = target {
                let survey =
                    self.clouds[of].survey(target).await.wrap_err("failed to look at the services as they are")?;
                surveys[of] = Some(doctor::as_if_ready(survey));
            }
        }
        let versions = self.lineup.map(|_| Version("unknown".to_owned()));
        let serving = self.lineup.map(|_| None);
        let request = Request {
            environment: self.environment,
            components: self.lineup,
            versions: &versions,
            serving: &serving,
            release: ReleaseId(0),
        };
        let plan = self.config.plan(&request, &surveys)?;
        plan.components[self.of].sides.clone().ok_or_else(|| {
            Refused::usage(format!("{} has no services whose metrics could be compared", self.lineup[self.of]))
        })
    }
}

/// Whether the first of the two services was green.
fn is_first_green(arguments: &Judge, sides: &Sides, first: &[Point], second: &[Point]) -> Result<bool> {
    let names = [sides.blue.service.as_str(), sides.green.service.as_str()];
    match arguments.green.as_deref() {
        None => {
            let requests = |points: &[Point]| points.iter().map(|point| point.samples).sum::<u64>();
            Ok(requests(first) < requests(second))
        }
        Some(name) if name == names[0] => Ok(true),
        Some(name) if name == names[1] => Ok(false),
        Some(name) => Err(Refused::usage(format!("--green names `{name}`; the services are {}", names.join(" and ")))),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::Value;

    use super::*;
    use crate::cli::{Cli, Verb};
    use crate::program::testing::{EXAMPLE, IMAGE, Shop};

    const PIPELINE: &str = r#"
[[pipelines.plain.stages]]
name = "gates"
kind = "gate"

[[pipelines.plain.stages]]
name = "deploy"
kind = "deploy"

[[pipelines.plain.stages]]
name = "shift"
kind = "shift"
steps = [{ weight = 10, bake = "10m" }, { weight = 100, bake = "2m" }]
"#;

    #[tokio::test(start_paused = true)]
    async fn the_minutes_of_a_release_are_judged_again() {
        // Below the limit, and several times what blue fails.
        let config = EXAMPLE.replacen("pipeline = \"standard\"", "pipeline = \"plain\"", 1) + PIPELINE;
        // The comparison would hold it for somebody: here it only judges afterwards.
        let config = config.replacen("policy = \"rollback\"", "policy = \"observe\"", 1);
        let shop = Shop::of(&config, "demo", "[traffic]\nrate = 300.0\n[new]\nerrors = \"2.5%\"\n");
        let release = shop.release(IMAGE).await;
        assert_eq!(release.status().word(), "succeeded", "{:#?}", release.timeline);
        let place = Place {
            config: &shop.config,
            environment: shop.environment,
            lineup: &shop.lineup,
            context: &shop.context,
            clouds: &shop.clouds,
            of: ComponentIndex::FIRST,
        };
        let judged = async |line: &str| {
            let line = ["cutover", "judge", "--env", "demo"].into_iter().chain(line.split(' '));
            let Some(Verb::Judge(arguments)) = Cli::try_parse_from(line).unwrap().verb else { panic!("not to judge") };
            let mut out = Vec::new();
            place.judge(&arguments, shop.sim.clock().now(), &mut out).await?;
            let text = String::from_utf8(out)?;
            Ok::<Vec<Value>, color_eyre::Report>(text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
        };
        let said = judged("--since 3h --green api-green").await.unwrap();
        assert!(said.iter().any(|said| said["because"]["doubt"] == "source-knows-no-tasks"), "{said:#?}");
        assert!(said.iter().all(|said| said["verdict"] != "roll-back"));
        let wrong = judged("--since 3h --green api").await.unwrap_err();
        assert_eq!(wrong.to_string(), "--green names `api`; the services are api-green and api-blue");
    }
}
