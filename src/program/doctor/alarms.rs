//! Alarms: that they exist, tell somebody, and do not fire.

use super::Look;
use super::item::{unconfigured, unread};
use crate::cloud::{AlarmFacts, AlarmState};
use crate::domain::checklist::Item;
use crate::domain::gate::age;
use crate::domain::time::Timestamp;

pub(super) async fn look(look: &Look<'_>) -> Vec<Item> {
    let names = &look.component.alarms;
    if names.is_empty() {
        return vec![unconfigured("alarms", "them on the component: `alarms = [\"api-5xx-high\"]`")];
    }
    match look.inspect().alarm_setup(names).await {
        Ok(found) => names
            .iter()
            .map(|name| {
                let alarm = found.iter().find(|alarm| alarm.name == *name);
                judge(name.as_str(), alarm, look.around.clock.now(), |command| look.aws(command))
            })
            .collect(),
        Err(error) => vec![unread("alarms", &error)],
    }
}

fn judge(name: &str, found: Option<&AlarmFacts>, now: Timestamp, aws: impl Fn(&str) -> String) -> Item {
    let label = format!("alarm {name}");
    let Some(alarm) = found else {
        return Item::wrong(
            label,
            "there is no such alarm",
            "create it (`aws cloudwatch put-metric-alarm`), or correct its name in `alarms`",
        );
    };
    if alarm.actions.is_empty() {
        let remedy = "give it `--alarm-actions` with a topic: an alarm that tells nobody is only seen by a release";
        return Item::wrong(label, "it tells nobody", remedy);
    }
    if !alarm.actions_enabled {
        let remedy = format!("`{}`", aws(&format!("cloudwatch enable-alarm-actions --alarm-names {name}")));
        return Item::wrong(label, "its actions are switched off", remedy);
    }
    let since = alarm.since.map(|at| format!(" for {}", age(now.since(at)))).unwrap_or_default();
    match alarm.state {
        AlarmState::Ok => Item::fine(label, format!("OK{since}, tells {}", told(alarm))),
        AlarmState::Alarm => {
            Item::wrong(label, format!("firing{since}"), "mend what it is about: no release begins while it fires")
        }
        AlarmState::InsufficientData => Item::unknown(
            label,
            format!("too little data to say{since}"),
            "see that its metric has points, or let missing data be as good as none: `--treat-missing-data notBreaching`",
        ),
        AlarmState::Missing | AlarmState::Unknown => {
            Item::unknown(label, "in a state that this version does not know", "look at it in the console")
        }
    }
}

fn told(alarm: &AlarmFacts) -> String {
    let names: Vec<&str> = alarm.actions.iter().filter_map(|arn| arn.rsplit(':').next()).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::checklist::Mark;
    use crate::domain::ids::AlarmName;

    const NOW: Timestamp = Timestamp::from_secs(1_795_161_600);

    fn mark(change: impl FnOnce(&mut AlarmFacts)) -> Mark {
        let mut alarm = AlarmFacts {
            name: AlarmName::from("errors"),
            state: AlarmState::Ok,
            since: Some(NOW),
            actions_enabled: true,
            actions: vec!["arn:aws:sns:eu-west-1:123456789012:releases".to_owned()],
            dimensions: Vec::new(),
        };
        change(&mut alarm);
        judge("errors", Some(&alarm), NOW, str::to_owned).mark
    }

    #[test]
    fn an_alarm_is_there_tells_somebody_and_does_not_fire() {
        assert_eq!(mark(|_| {}), Mark::Fine);
        assert_eq!(mark(|it| it.state = AlarmState::Alarm), Mark::Wrong);
        assert_eq!(mark(|it| it.state = AlarmState::InsufficientData), Mark::Unknown);
        assert_eq!(mark(|it| it.actions.clear()), Mark::Wrong);
        assert_eq!(mark(|it| it.actions_enabled = false), Mark::Wrong);
        assert_eq!(judge("errors", None, NOW, str::to_owned).mark, Mark::Wrong);
    }
}
