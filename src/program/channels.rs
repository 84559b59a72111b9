//! From the configuration's channels to those that messages are sent by.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::cloud::Cloud;
use crate::config::{Address, Channel, Receiver, SecretSource};
use crate::domain::components::{ComponentIndex, Components};
use crate::domain::redact::Redactor;
use crate::notify::http::Http;
use crate::notify::pagerduty::PagerDuty;
use crate::notify::slack::{SlackThread, SlackWebhook};
use crate::notify::sns::SnsChannel;
use crate::notify::statuspage::{Page, Statuspage};
use crate::notify::webhook::Webhook;
use crate::notify::{Channels, Notifier, Routed, Secret, Unusable};
use crate::web::Web;

/// How a secret is come by: from where it is kept, or from nowhere in a demo.
pub(super) type Vault = fn(&SecretSource) -> Result<String, String>;

/// What an engine reaches outside.
pub(super) struct Means {
    /// AWS, for each component.
    pub(super) clouds: Components<Arc<dyn Cloud>>,
    /// What HTTP checks are asked with.
    pub(super) web: Arc<dyn Web>,
    /// What messages are sent by, but for those of SNS.
    pub(super) http: Http,
    /// Secrets.
    pub(super) vault: Vault,
}

/// The channels, ready to be used; `redactor` masks what they send, and so are their own secrets masked.
pub(super) fn open(channels: &BTreeMap<String, Channel>, means: &Means, redactor: &Redactor) -> Channels {
    let mut secrets = Vec::new();
    let opened: Vec<(&str, Arc<dyn Notifier>)> = channels
        .iter()
        .map(|(name, channel)| {
            let mut take = |source: &SecretSource| -> Result<Secret, String> {
                let secret = (means.vault)(source)?;
                secrets.push(secret.trim().to_owned());
                Ok(Secret::new(&secret))
            };
            let opened = make(channel, means, &mut take);
            let opened = opened.unwrap_or_else(|why| Arc::new(Unusable { why }));
            (name.as_str(), opened)
        })
        .collect();
    let mut all = Channels::new(redactor.also(secrets));
    for (name, channel) in opened {
        all.add(name, channel);
    }
    all
}

type Take<'a> = &'a mut dyn FnMut(&SecretSource) -> Result<Secret, String>;

fn make(channel: &Channel, means: &Means, take: Take<'_>) -> Result<Arc<dyn Notifier>, String> {
    let (route, http) = (channel.route.clone(), means.http.clone());
    let made: Arc<dyn Notifier> = match &channel.receiver {
        Receiver::Sns { topic } => Arc::new(Routed {
            route,
            channel: SnsChannel::new(Arc::clone(&means.clouds[ComponentIndex::FIRST]), topic.clone()),
        }),
        Receiver::SlackWebhook { url } => Arc::new(Routed { route, channel: SlackWebhook::new(http, take(url)?) }),
        Receiver::SlackThread { token, channel, url } => {
            Arc::new(SlackThread::new(http, url.clone(), take(token)?, channel.clone(), route))
        }
        Receiver::PagerDuty { routing_key, url } => {
            Arc::new(PagerDuty::new(http, url.clone(), take(routing_key)?, route))
        }
        Receiver::Webhook { url, secret } => {
            let url = match url {
                Address::Plain(url) => Secret::new(url),
                Address::Secret(source) => take(source)?,
            };
            let secret = secret.as_ref().map(take).transpose()?;
            Arc::new(Routed { route, channel: Webhook::new(http, url, secret) })
        }
        Receiver::Statuspage { api_key, page, component, title, url } => {
            let page =
                Page { base: url.clone(), page: page.clone(), component: component.clone(), title: title.clone() };
            Arc::new(Statuspage::new(http, take(api_key)?, page, route))
        }
    };
    Ok(made)
}

/// A secret from where it is kept. Why it cannot be had never says what it is.
pub(super) fn kept(source: &SecretSource) -> Result<String, String> {
    match source {
        SecretSource::Variable(name) => match std::env::var(name) {
            Ok(value) if !value.trim().is_empty() => Ok(value),
            Ok(_) => Err(format!("the variable {name} is empty")),
            Err(_) => Err(format!("the variable {name} is not set")),
        },
        SecretSource::File(file) => {
            let text = std::fs::read_to_string(file);
            let text = text.map_err(|error| format!("the file {} cannot be read: {error}", file.display()))?;
            if text.trim().is_empty() { Err(format!("the file {} is empty", file.display())) } else { Ok(text) }
        }
    }
}

/// What the simulated receivers take for a secret.
#[expect(clippy::unnecessary_wraps, reason = "it stands where a secret may be missing")]
pub(super) fn simulated(source: &SecretSource) -> Result<String, String> {
    let name = match source {
        SecretSource::Variable(name) => name.clone(),
        SecretSource::File(file) => file.display().to_string(),
    };
    Ok(match name.to_ascii_uppercase() {
        name if name.ends_with("TOKEN") => "xoxb-simulated".to_owned(),
        name if name.ends_with("URL") => "https://receivers.test/hooks/simulated".to_owned(),
        _ => "0123456789abcdef0123456789abcdef".to_owned(),
    })
}
