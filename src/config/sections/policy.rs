//! `[policy]`: who may do what.

use toml::de::DeValue;

use super::super::policy::PolicyRules;
use super::super::problem::Mistake;
use super::super::reader::{Item, Located, Table};
use super::super::values;
use super::refuse_repeats;
use crate::domain::policy::{Deed, Pattern, Rule};

/// Stands for everything in `may`.
const ALL: &str = "all";

pub(super) fn read(table: Option<Table<'_>>, environments: &[String]) -> Option<PolicyRules> {
    let table = table?;
    let governed = names(&table, environments);
    let everybody = deeds(&table, "everybody").unwrap_or_default();
    let mut rule_names = Vec::new();
    let mut rules = Vec::new();
    for table in table.tables("rules").unwrap_or_default() {
        let name = table.required("name", "name = \"captains\"", values::name);
        if table.item("who").is_none() {
            table.missing("who", "who = [\"arn:aws:iam::123456789012:role/release-captain\"]");
        }
        let who = table.list("who", "an array of ARNs: [\"arn:aws:iam::123456789012:role/release-captain\"]", pattern);
        if table.item("may").is_none() {
            table.missing("may", "may = [\"release\", \"promote\"]");
        }
        let may = deeds(&table, "may");
        let only = names(&table, environments);
        table.finish();
        rule_names.extend(name.clone());
        let who = who.map(|who| who.into_iter().map(|pattern| pattern.value).collect());
        rules.extend((|| Some((Rule { name: name?.value, who: who?, may: may? }, only)))());
    }
    refuse_repeats(table.reader(), "rule", &rule_names);
    table.finish();
    Some(PolicyRules { environments: governed, everybody, rules })
}

/// The environments that are named, each of which must be there.
fn names(table: &Table<'_>, environments: &[String]) -> Option<Vec<String>> {
    let names = table.list("environments", "an array of names: [\"production\"]", values::text)?;
    for name in &names {
        table.reader().known("environment", name, environments);
    }
    Some(names.into_iter().map(|name| name.value).collect())
}

fn deeds(table: &Table<'_>, key: &str) -> Option<Vec<Deed>> {
    let words: Vec<(&str, Option<Deed>)> =
        Deed::all().map(|deed| (deed.word(), Some(deed))).chain([(ALL, None)]).collect();
    let read: Vec<Located<Option<Deed>>> =
        table.list(key, "an array of commands: [\"pause\", \"rollback\"]", values::word("command", &words))?;
    if read.iter().any(|deed| deed.value.is_none()) {
        return Some(Deed::all().collect());
    }
    Some(read.into_iter().filter_map(|deed| deed.value).collect())
}

/// A pattern of ARNs. A role's bare name would mean the role of that name in any account.
fn pattern(item: Item<'_>) -> Result<Pattern, Mistake> {
    let text = values::text(item)?;
    let DeValue::String(_) = item.get() else { return Err(item.wrong_type("an ARN in quotes")) };
    let is_arn = text == "*" || (text.starts_with("arn:") && text.split(':').count() >= 6);
    if is_arn && !text.contains(char::is_whitespace) {
        return Ok(Pattern(text));
    }
    Err(Mistake::BadValue {
        text: item.written(),
        what: "the ARN of an identity",
        wanted: "it in full, with * for what may differ, such as \"arn:aws:iam::123456789012:role/release-captain\" or \"arn:aws:sts::123456789012:assumed-role/release-captain/*\"".to_owned(),
    })
}
