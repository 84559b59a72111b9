//! `cutover notify test`: one harmless message to each channel.

use std::io::Write;
use std::sync::Arc;

use color_eyre::eyre::Result;

use super::channels::{self, Means};
use super::output::{self, Refused};
use super::settings;
use crate::cli::{Globals, NotifyTest};
use crate::clock::Clock;
use crate::cloud::aws::{Aws, Connection, https_client};
use crate::config::{Channel, Config};
use crate::domain::components::Components;
use crate::domain::effect::{Notice, Severity};
use crate::domain::ids::{ComponentName, EnvironmentName};
use crate::domain::notice::Facts;
use crate::domain::redact::Redactor;
use crate::engine::run::this_actor;
use crate::notify::Notifier as _;
use crate::notify::http::Http;
use crate::web::client::Client;

/// Sends the messages and says what became of each. The exit code is 2 when one of them did not arrive.
pub(super) async fn test(globals: &Globals, arguments: &NotifyTest) -> Result<u8> {
    let mut config = settings::load(globals)?;
    let environment = environment(&config, arguments.environment.as_deref())?;
    let (region, profile, role) = {
        let settings = config.environment(environment.as_str())?;
        (settings.region.clone(), settings.profile.clone(), settings.role.clone())
    };
    if let Some(wanted) = &arguments.channel {
        config.channel(wanted)?;
        config.channels.retain(|name, _| name == wanted);
    }
    if config.channels.is_empty() {
        return Err(Refused::usage("the configuration has no channel; add one: [channels.team]"));
    }
    let clock = Clock::system();
    let connection = Connection { region, cluster: String::new(), profile, role_arn: role, http: None, clock };
    let means = Means {
        clouds: Components::one(Arc::new(Aws::connect(connection).await)),
        web: Arc::new(Client::new(clock)),
        http: Http::new(https_client(), clock),
        vault: channels::kept,
    };
    let all = channels::open(&config.channels, &means, &Redactor::default());
    let mut out = output::out();
    let mut failed = 0;
    for (name, channel) in &config.channels {
        let facts = Facts::test(environment.clone(), ComponentName("none".to_owned()), this_actor(), clock.now());
        match all.send(&notice(name, facts), 1).await {
            Ok(()) => writeln!(out, "{name}: {}", what(channel))?,
            Err(failure) => {
                failed += 1;
                writeln!(out, "{name}: NOT sent: {}", failure.message)?;
            }
        }
    }
    Ok(if failed == 0 { 0 } else { output::USAGE })
}

fn notice(channel: &str, facts: Facts) -> Notice {
    Notice {
        channel: channel.to_owned(),
        key: format!("{}/test/{}", facts.environment, facts.at.millis()),
        severity: Severity::Info,
        subject: format!("[{}] cutover tries the channel {channel}", facts.environment),
        body: format!("by: {}\n{}\n", facts.by(), facts.detail),
        facts: Box::new(facts),
    }
}

/// What a test does to a channel of this kind.
fn what(channel: &Channel) -> &'static str {
    match channel.kind() {
        "pagerduty" => "sent, as a change event: nobody is paged",
        "statuspage" => "the component was read, and nothing changed",
        _ => "sent",
    }
}

/// The environment that is meant: SNS topics are reached with its credentials.
fn environment(config: &Config, named: Option<&str>) -> Result<EnvironmentName> {
    if let Some(name) = named {
        config.environment(name)?;
        return Ok(EnvironmentName::from(name));
    }
    let all: Vec<&str> = config.environments.keys().map(EnvironmentName::as_str).collect();
    match all.as_slice() {
        [only] => Ok(EnvironmentName::from(*only)),
        _ => Err(Refused::usage(format!("there are several environments: {}; say which with --env", all.join(", ")))),
    }
}
