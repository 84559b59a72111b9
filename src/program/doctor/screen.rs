//! The launch checklist for the cockpit: looked at when somebody asks for it there.

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::{Around, Reach, connect, report};
use crate::clock::Clock;
use crate::cloud::aws::Aws;
use crate::config::Config;
use crate::domain::checklist::Group;
use crate::domain::components::Components;
use crate::domain::ids::{ComponentName, EnvironmentName};
use crate::program::channels;
use crate::runtime::Doctor;
use crate::term::{Capabilities, Wishes};
use crate::web::Web;

/// Looks at one environment.
pub(in crate::program) struct Bedside {
    config: Arc<Config>,
    environment: EnvironmentName,
    around: Arc<Around>,
    /// The way to each component, where there is one already; otherwise it is made when it is asked for.
    reach: Option<Arc<[Reach]>>,
}

impl fmt::Debug for Bedside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bedside").field("environment", &self.environment).finish_non_exhaustive()
    }
}

impl Bedside {
    /// Looks at the account that the configuration names.
    pub(in crate::program) fn new(config: &Config, environment: &EnvironmentName) -> Self {
        let around = Around::of_host(config, Clock::system());
        Self {
            config: Arc::new(config.clone()),
            environment: environment.clone(),
            around: Arc::new(around),
            reach: None,
        }
    }

    /// Looks at a simulated account: `reach` is the way to each component, by `lineup`'s names.
    pub(in crate::program) fn simulated(
        config: &Config,
        environment: &str,
        lineup: &Components<ComponentName>,
        reach: &Components<Arc<Aws>>,
        web: Arc<dyn Web>,
        clock: Clock,
    ) -> Self {
        let around = Around {
            clock,
            web,
            journal: None,
            kept: channels::simulated,
            terminal: Capabilities::of_process(Wishes::default()),
        };
        let mut config = config.clone();
        let environment = EnvironmentName::from(environment);
        let mut ways = Vec::new();
        if let Some(settings) = config.environments.get_mut(&environment) {
            // What is not released is not simulated either.
            settings.components.retain(|name, _| lineup.iter().any(|(_, known)| known == name));
            for name in settings.components.keys() {
                let of = lineup.iter().find(|(_, known)| *known == name);
                ways.extend(of.map(|(of, _)| Reach::new(Arc::clone(&reach[of]))));
            }
        }
        Self { config: Arc::new(config), environment, around: Arc::new(around), reach: Some(ways.into()) }
    }
}

impl Doctor for Bedside {
    fn look(&self) -> BoxFuture<'static, Result<Vec<Group>, String>> {
        let (config, name) = (Arc::clone(&self.config), self.environment.clone());
        let (around, reach) = (Arc::clone(&self.around), self.reach.clone());
        Box::pin(async move {
            let environment = config.environment(name.as_str()).map_err(|error| error.to_string())?;
            let reach = match reach {
                Some(reach) => reach,
                None => connect(environment, around.clock).await.into(),
            };
            Ok(report(&config, &name, environment, &reach, &around).await.groups)
        })
    }
}
