//! The channels of a configuration on the simulated receivers, and what these were sent.

use std::sync::Arc;

use cutover::cloud::Cloud;
use cutover::config::{PlanContext, Receiver};
use cutover::domain::redact::Redactor;
use cutover::notify::http::Http;
use cutover::notify::pagerduty::PagerDuty;
use cutover::notify::slack::SlackWebhook;
use cutover::notify::sns::SnsChannel;
use cutover::notify::statuspage::{Page, Statuspage};
use cutover::notify::{Channels, Notifier, Routed, Secret};
use cutover::sim::Sim;
use cutover::sim::world::inbox::Receiver as Inbox;

/// What the simulated receivers take for a secret.
const KEY: &str = "0123456789abcdef0123456789abcdef";
const HOOK: &str = "https://receivers.test/services/T0/B0/x";

pub(crate) fn open(context: &PlanContext, cloud: &Arc<dyn Cloud>, sim: &Sim) -> Channels {
    let http = Http::new(sim.http_client(), sim.clock());
    let mut channels = Channels::new(Redactor::default());
    for (name, channel) in &context.channels {
        let (route, http, key) = (channel.route.clone(), http.clone(), Secret::new(KEY));
        let opened: Arc<dyn Notifier> = match &channel.receiver {
            Receiver::Sns { topic } => {
                Arc::new(Routed { route, channel: SnsChannel::new(Arc::clone(cloud), topic.clone()) })
            }
            Receiver::SlackWebhook { .. } => {
                Arc::new(Routed { route, channel: SlackWebhook::new(http, Secret::new(HOOK)) })
            }
            Receiver::PagerDuty { url, .. } => Arc::new(PagerDuty::new(http, url.clone(), key, route)),
            Receiver::Statuspage { page, component, title, url, .. } => {
                let (base, page) = (url.clone(), page.clone());
                let page = Page { base, page, component: component.clone(), title: title.clone() };
                Arc::new(Statuspage::new(http, key, page, route))
            }
            other => panic!("no pipeline has had {other:?} so far"),
        };
        channels.add(name, opened);
    }
    channels
}

/// What each channel's receiver was sent, channel by channel, in few words.
pub(crate) fn told(context: &PlanContext, sim: &Sim) -> Vec<String> {
    let of = |receiver: &Receiver| -> Vec<String> {
        sim.with(|world, _| match receiver {
            Receiver::Sns { topic } => {
                let sent = world.deliveries().iter().filter(|delivery| delivery.topic_arn == *topic);
                // CloudWatch's own messages about its alarms come by the same topic.
                let subjects = sent.filter_map(|delivery| delivery.subject.as_deref());
                subjects.filter(|subject| subject.starts_with('[')).map(last).collect()
            }
            Receiver::SlackWebhook { .. } => {
                let letters = world.letters(Inbox::Slack);
                let text = |letter: &cutover::sim::world::inbox::Letter| {
                    letter.json()["text"].as_str().map(last).unwrap_or_default()
                };
                letters.iter().filter(|letter| letter.status == 200).map(text).collect()
            }
            Receiver::PagerDuty { .. } => {
                world.pager_incidents().iter().map(|incident| format!("incident {}", incident.status)).collect()
            }
            Receiver::Statuspage { component, .. } => world.page_statuses(component),
            _ => Vec::new(),
        })
    };
    let all = context.channels.iter().map(|(name, channel)| (name, of(&channel.receiver)));
    all.filter(|(_, sent)| !sent.is_empty()).map(|(name, sent)| format!("{name}: {}", sent.join(", "))).collect()
}

/// `begins` of `[production] api 1: begins`.
fn last(subject: &str) -> String {
    subject.lines().next().unwrap_or_default().split_once(": ").map_or(subject, |(_, what)| what).to_owned()
}
