//! Log groups: that they exist, and for how long they keep lines.

use super::Look;
use super::item::{unconfigured, unread};
use crate::cloud::LogGroupFacts;
use crate::domain::checklist::Item;

pub(super) async fn look(look: &Look<'_>) -> Vec<Item> {
    let groups = &look.component.logs;
    if groups.is_empty() {
        return vec![unconfigured("log groups", "them on the component: `logs = [\"/ecs/api\"]`")];
    }
    let mut items = Vec::new();
    for name in groups {
        items.push(match look.inspect().log_group(name).await {
            Ok(found) => judge(name, found.as_ref(), |command| look.aws(command)),
            Err(error) => unread(format!("log group {name}"), &error),
        });
    }
    items
}

fn judge(name: &str, found: Option<&LogGroupFacts>, aws: impl Fn(&str) -> String) -> Item {
    let label = format!("log group {name}");
    match found {
        Some(LogGroupFacts { retention_days: Some(days) }) => {
            Item::fine(label, format!("lines are kept for {days} days"))
        }
        Some(LogGroupFacts { retention_days: None }) => {
            let command = format!("logs put-retention-policy --log-group-name {name} --retention-in-days 30");
            Item::wrong(label, "lines are kept for ever", format!("`{}`", aws(&command)))
        }
        None => {
            let command = format!("logs create-log-group --log-group-name {name}");
            Item::wrong(
                label,
                "there is no such log group",
                format!("`{}`, or correct its name in `logs`", aws(&command)),
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::checklist::Mark;

    #[test]
    fn a_log_group_is_there_and_forgets_one_day() {
        let mark = |found: Option<&LogGroupFacts>| judge("/ecs/api", found, str::to_owned).mark;
        assert_eq!(mark(Some(&LogGroupFacts { retention_days: Some(30) })), Mark::Fine);
        assert_eq!(mark(Some(&LogGroupFacts { retention_days: None })), Mark::Wrong);
        assert_eq!(mark(None), Mark::Wrong);
    }
}
