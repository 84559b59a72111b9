//! Simulated AWS accounts that fit a configuration: its clusters, services, load balancer, alarms, logs, topics, images,
//! secrets and backups. A world has one application, so that each component that runs on ECS has one of its own.

use std::fmt::Write as _;

use cutover::clock::Clock;
use cutover::config::{Component, Config};
use cutover::domain::components::Components;
use cutover::domain::gate::{BackupSource, Breaker, Condition, DriftPlan};
use cutover::domain::ids::{ComponentName, Version};
use cutover::domain::plan::{Plan, StageKind};
use cutover::sim::{Scenario, Sim};

use crate::stand_in::DIGEST;

pub(crate) const OLD: &str = "4f2c1e9";
pub(crate) const NEW: &str = "9ab03d7";

/// Listener rules of a world; one of them leads to its application.
const RULES: usize = 2;

/// What is wrong with a world.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Wrongs {
    /// A condition of a gate that does not hold.
    pub(crate) unmet: Option<Condition>,
    /// Further keys of the scenario, and whose world they are for.
    pub(crate) keys: Vec<(Option<ComponentName>, String)>,
}

/// The accounts of a release's components, in its order. Components without services share the first there is.
pub(crate) struct Place {
    pub(crate) sims: Components<Sim>,
    /// Each world once.
    pub(crate) worlds: Vec<Sim>,
}

/// What everything here is made for.
pub(crate) struct Estate<'a> {
    pub(crate) config: &'a Config,
    pub(crate) environment: &'a str,
    pub(crate) lineup: &'a Components<ComponentName>,
    pub(crate) versions: &'a Components<Version>,
    /// What the application answers at places of its own, as scenario keys.
    pub(crate) pages: &'a str,
    pub(crate) clock: Clock,
}

impl Estate<'_> {
    /// The accounts, with what `plan` looks at in them, if it is known already.
    pub(crate) fn build(&self, plan: Option<&Plan>, wrongs: &Wrongs) -> Place {
        let made = self.lineup.map(|name| {
            let component = self.config.component(self.environment, Some(name.as_str())).unwrap().1;
            let of = self.lineup.position(|other| other == name).unwrap();
            component.site.as_ref()?;
            Some(self.world(name, component, &self.versions[of], plan, wrongs))
        });
        let mut worlds: Vec<Sim> = made.iter().filter_map(|(_, sim)| sim.clone()).collect();
        if worlds.is_empty() {
            let scenario = self.account() + "[traffic]\nrate = 0.0\n";
            worlds.push(self.sim(&scenario));
        }
        let sims = made.map(|sim| sim.clone().unwrap_or_else(|| worlds[0].clone()));
        Place { sims, worlds }
    }

    fn sim(&self, scenario: &str) -> Sim {
        let scenario =
            Scenario::parse("a world of its own", scenario).unwrap_or_else(|wrong| panic!("{wrong}\n{scenario}"));
        Sim::new(scenario, 7, self.clock)
    }

    fn account(&self) -> String {
        let environment = self.config.environment(self.environment).unwrap();
        let mut topics = self.config.channels.values().filter_map(|channel| match &channel.receiver {
            cutover::config::Receiver::Sns { topic } => topic.rsplit(':').next(),
            _ => None,
        });
        let topic = topics.next_back().unwrap_or("releases");
        format!(
            "history = \"4m\"\n[aws]\naccount = \"{}\"\nregion = \"{}\"\ntopic = \"{topic}\"\n",
            environment.account, environment.region
        )
    }

    fn world(
        &self,
        name: &ComponentName,
        component: &Component,
        version: &Version,
        plan: Option<&Plan>,
        wrongs: &Wrongs,
    ) -> Sim {
        let site = component.site.as_ref().unwrap();
        let rule: Vec<&str> = site.listener_rule.split('/').collect();
        let [_, _, balancer, balancer_id, ..] = rule.as_slice() else { panic!("{rule:?}") };
        let repository = version.0.split_once('/').unwrap().1.split([':', '@']).next().unwrap();
        let host = |url: &str| url.split("://").nth(1).unwrap().to_owned();
        let url = component.url.as_deref().unwrap();
        let log_group = component.logs.first().cloned().unwrap_or_else(|| format!("/ecs/{name}"));
        let drift = plan.and_then(drift);
        let mut text = self.account();
        write!(text, "cluster = \"{}\"\nload_balancer = \"{balancer}\"\n", site.cluster).unwrap();
        write!(
            text,
            "[app]\nfamily = \"{balancer}-{name}\"\ncontainer = \"{}\"\nrepository = \"{repository}\"\ntag = \"{OLD}\"\n\
             log_group = \"{log_group}\"\nhost = \"{}\"\nsite = \"https://content.example.com\"\n",
            site.container,
            host(url)
        )
        .unwrap();
        let env = drift
            .filter(|_| !matches!(wrongs.unmet, Some(Condition::Drift(_))))
            .map(|drift| drift.env.clone())
            .unwrap_or_default();
        let env: Vec<String> = env.iter().map(|name| format!("{name} = \"x\"")).collect();
        writeln!(text, "env = {{ {} }}", env.join(", ")).unwrap();
        let mut groups = Vec::new();
        for (index, service) in site.services.iter().enumerate() {
            let group = service.target_group.rsplit('/').nth(1).unwrap();
            let desired = if index == 0 { site.tasks.unwrap_or(2) } else { 0 };
            let breaker = drift.and_then(|drift| drift.circuit_breaker).map_or("rollback", Breaker::word);
            write!(
                text,
                "[[service]]\nname = \"{}\"\ntarget_group = \"{group}\"\ndesired = {desired}\ncircuit_breaker = \
                 \"{breaker}\"\n",
                service.service
            )
            .unwrap();
            if let Some(url) = &service.url {
                writeln!(text, "test_host = \"{}\"", host(url)).unwrap();
            }
            groups.push(group.to_owned());
        }
        if let Some(check) = drift.map(|drift| &drift.health_check) {
            text.push_str("[health_check]\n");
            let spans = [("interval", check.interval), ("timeout", check.timeout)];
            for (key, span) in spans.into_iter().filter_map(|(key, span)| Some((key, span?))) {
                writeln!(text, "{key} = \"{}s\"", span.as_secs()).unwrap();
            }
            let counts = [("healthy", check.healthy), ("unhealthy", check.unhealthy)];
            for (key, count) in counts.into_iter().filter_map(|(key, count)| Some((key, count?))) {
                writeln!(text, "{key} = {count}").unwrap();
            }
            writeln!(text, "path = \"{}\"", check.path.as_deref().unwrap_or("/healthz")).unwrap();
        }
        text.push_str(
            "[traffic]\nrate = 12.0\nburst = 1.0\n[metrics]\ndelay_max = \"10s\"\n[logs]\nrequests = \"0%\"\n",
        );
        let alarm_fires = wrongs.unmet == Some(Condition::NoAlarms);
        for (index, alarm) in component.alarms.iter().enumerate() {
            let threshold = if alarm_fires && index == 0 { "-1.0" } else { "1e9" };
            write!(
                text,
                "[[alarm]]\nname = \"{alarm}\"\nthreshold = {threshold}\nperiods = 1\nmissing = \"not-breaching\"\n\
                 [[alarm.metric]]\nnamespace = \"AWS/ApplicationELB\"\nname = \"RequestCount\"\nstat = \"Sum\"\n\
                 dimensions = {{ LoadBalancer = \"app/{balancer}/{balancer_id}\" }}\n"
            )
            .unwrap();
        }
        if component.alarms.is_empty() {
            text.insert_str(0, "alarm = []\n");
        }
        text.push_str(&Self::around(repository, plan, wrongs));
        text.push_str(self.pages);
        for (_, keys) in wrongs.keys.iter().filter(|(whose, _)| whose.as_ref().is_none_or(|whose| whose == name)) {
            text.push_str(keys);
        }
        self.with_rule(&text, &host(url), &groups, &site.listener_rule)
    }

    /// Images, secrets and backups.
    fn around(repository: &str, plan: Option<&Plan>, wrongs: &Wrongs) -> String {
        let severity = if matches!(wrongs.unmet, Some(Condition::Image(_))) { "CRITICAL" } else { "LOW" };
        let (mut secrets, mut snapshots) = (String::new(), String::new());
        let unmet = wrongs.unmet.as_ref();
        for condition in plan.into_iter().flat_map(conditions).filter(|one| Some(*one) != unmet) {
            match condition {
                Condition::Secret(secret) => {
                    writeln!(secrets, "[[estate.secret]]\nname = \"{}\"", secret.name).unwrap();
                }
                Condition::Backup(backup) => match &backup.source {
                    BackupSource::Database(database) => {
                        writeln!(snapshots, "[[estate.snapshot]]\ndatabase = \"{database}\"").unwrap();
                    }
                    source => panic!("no pipeline has had {source:?} so far"),
                },
                _ => {}
            }
        }
        let none = |of: &str, key: &str| if of.is_empty() { format!("{key} = []\n") } else { String::new() };
        format!(
            "[estate]\n{}{}[[estate.image]]\nrepository = \"{repository}\"\ntag = \"{OLD}\"\n[[estate.image]]\nrepository = \
             \"{repository}\"\ntag = \"{NEW}\"\ndigest = \"{DIGEST}\"\nfindings = {{ {severity} = 1 }}\n{secrets}{snapshots}",
            none(&secrets, "secret"),
            none(&snapshots, "snapshot"),
        )
    }

    /// The world whose listener rule with this ARN leads to the application.
    fn with_rule(&self, text: &str, host: &str, groups: &[String], arn: &str) -> Sim {
        let rules = |own: usize, blue: &str, green: &str| -> String {
            let rule = |index: usize| {
                let host = if index == own { host.to_owned() } else { format!("other-{index}.example") };
                format!("[[rule]]\nhost = \"{host}\"\nweights = {{ {blue} = 100, {green} = 0 }}\n")
            };
            (0..RULES).map(rule).collect()
        };
        // Which of a load balancer's rules has which ARN depends on their order alone.
        let balancer = arn.split('/').nth(2).unwrap();
        let empty = "[traffic]\nrate = 0.0\n[[service]]\nname = \"a\"\n[[service]]\nname = \"b\"\n";
        let empty = format!("{}load_balancer = \"{balancer}\"\n{empty}{}", self.account(), rules(0, "a", "b"));
        let own = self.sim(&empty).with(|world, _| {
            let listener = world.describe_listeners(None, &[]).unwrap().remove(0).arn;
            world.describe_rules(Some(&listener), &[]).unwrap().iter().position(|rule| rule.arn == arn)
        });
        let own = own.unwrap_or_else(|| panic!("no rule of the world is {arn}"));
        self.sim(&(text.to_owned() + &rules(own, &groups[0], &groups[1])))
    }
}

pub(crate) fn conditions(plan: &Plan) -> impl Iterator<Item = &Condition> {
    plan.stages.iter().flat_map(|stage| match &stage.kind {
        StageKind::Gate(gate) => gate.conditions.as_slice(),
        _ => &[],
    })
}

fn drift(plan: &Plan) -> Option<&DriftPlan> {
    conditions(plan).find_map(|condition| match condition {
        Condition::Drift(drift) => Some(drift),
        _ => None,
    })
}
