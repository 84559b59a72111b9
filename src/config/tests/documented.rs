use std::collections::BTreeSet;

use super::{EXAMPLE, RARE, read};
use crate::config::{Mistake, VARIABLES, Variable};

const MANUAL: &str = include_str!("../../../docs/configuration.md");

/// A section of the manual, and the text of the example after which an unknown key is read as one of its own. What the
/// example leaves out is in the rare configuration.
const SECTIONS: [(&str, &str); 49] = [
    ("The file", ""),
    ("`[environments.NAME]`", "[environments.demo]\n"),
    ("`lock`", "lock = { "),
    ("`[components.NAME]`", "[components.api]\n"),
    ("`requests`", "requests = { "),
    ("`services`", "services = [\n  { "),
    ("`[signals.NAME]`", "[signals.errors]\n"),
    ("`[alarms.NAME]`", "[alarms.api-unhealthy]\n"),
    ("`measure`", "measure = { "),
    ("`metrics`", "used = { "),
    ("`[[pipelines.NAME.stages]]`", "kind = \"deploy\"\n"),
    ("`kind = \"gate\"`", "kind = \"gate\"\n"),
    ("`window`", "stages.window]\n"),
    ("`hours`", "hours = [\n  { "),
    ("`freezes`", "freezes = [\n  { "),
    ("`drift`", "stages.drift]\n"),
    ("`health_check`", "health_check = { "),
    ("`image`", "image = { "),
    ("`secrets`", "secrets = { "),
    ("`backups`", "backups = [\n  { "),
    ("`commands`", "commands = [\n  { "),
    ("`approval`", "stages.approval]\n"),
    ("`kind = \"command\"`", "kind = \"command\"\n"),
    ("`kind = \"build\"`", "kind = \"build\"\n"),
    ("`kind = \"task\"`", "kind = \"task\"\n"),
    ("`kind = \"migrate\"`", "kind = \"migrate\"\n"),
    ("`apply`", "apply = { "),
    ("`kind = \"warm-up\"`", "kind = \"warm-up\"\n"),
    ("`kind = \"load\"`", "kind = \"load\"\n"),
    ("`limits`", "limits = [\n  { "),
    ("`kind = \"flag\"`", "kind = \"flag\"\n"),
    ("`via = \"appconfig\"`", "via = \"appconfig\"\n"),
    ("`kind = \"wait\"`", "kind = \"wait\"\n"),
    ("`kind = \"smoke\"`", "kind = \"smoke\"\n"),
    ("`checks`", "checks = [\n  { "),
    ("`json`", "\"/pool/free\" = { "),
    ("`cookies`", "session = { "),
    ("`redirect`", "redirect = { "),
    ("`cors`", "cors = { "),
    ("`kind = \"shift\"`", "kind = \"shift\"\n"),
    ("`steps`", "steps = [\n  { "),
    ("`kind = \"verify\"`", "kind = \"verify\"\n"),
    ("`kind = \"cleanup\"`", "kind = \"cleanup\"\n"),
    ("`[rollback]`", "[rollback]\n"),
    ("`[policy]`", "[policy]\n"),
    ("`[[policy.rules]]`", "[[policy.rules]]\n"),
    ("`[engine]`", "[engine]\n"),
    ("`[engine.polls]`", "[engine.polls]\n"),
    ("`[screen]`", "[screen]\n"),
];

/// A kind of channel, and the text of the example after which an unknown key is read as one of its own.
const CHANNELS: [(&str, &str); 5] = [
    ("`kind = \"sns\"`", "[channels.team]\n"),
    ("`kind = \"slack\"`", "[channels.chat]\n"),
    ("`kind = \"pagerduty\"`", "[channels.pager]\n"),
    ("`kind = \"webhook\"`", "[channels.audit]\n"),
    ("`kind = \"statuspage\"`", "[channels.page]\n"),
];

/// The keys in the first column of a section's table.
pub(super) fn documented(section: &str) -> BTreeSet<String> {
    let (_, rest) = MANUAL.split_once(&format!("\n### {section}\n")).unwrap_or_else(|| panic!("no section {section}"));
    let section = rest.split("\n#").next().unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    // One row may be of several keys: `from`, `to`.
    rows.filter_map(|row| row.split_once(" |"))
        .flat_map(|(keys, _)| keys.split('`').step_by(2).map(str::to_owned))
        .filter(|key| !key.is_empty())
        .collect()
}

/// The keys that are read after `anchor`.
fn known(anchor: &str) -> BTreeSet<String> {
    // Comments show keys too.
    let example: String = EXAMPLE.split_inclusive('\n').filter(|line| !line.starts_with('#')).collect();
    let text = if example.contains(anchor) { &example } else { RARE };
    assert!(text.contains(anchor), "both lack {anchor}");
    let key = if anchor.ends_with("{ ") { "unheard_of = 1, " } else { "unheard_of = 1\n" };
    unknown_among(&text.replacen(anchor, &format!("{anchor}{key}"), 1))
}

/// The keys that are read where `text` has `unheard_of`.
fn unknown_among(text: &str) -> BTreeSet<String> {
    let problems = read(text).unwrap_err();
    let known = |mistake: &Mistake| match mistake {
        Mistake::UnknownKey { key, known, .. } if key == "unheard_of" => Some(known.iter().cloned().collect()),
        _ => None,
    };
    problems.0.iter().find_map(|problem| known(&problem.mistake)).unwrap_or_else(|| panic!("{text}\n{problems}"))
}

#[test]
fn every_key_is_in_the_manual_and_the_manual_has_no_other() {
    let common = documented("`[[pipelines.NAME.stages]]`");
    for (section, anchor) in SECTIONS {
        let mut listed = documented(section);
        if section.starts_with("`kind") || section.starts_with("`via = ") {
            listed.extend(common.iter().cloned());
        }
        assert_eq!(listed, known(anchor), "{section}");
    }
}

#[test]
fn every_key_of_a_channel_is_in_the_manual_and_the_manual_has_no_other() {
    let common = documented("`[channels.NAME]`");
    let routed = ["min_severity", "events"].map(str::to_owned);
    for (section, anchor) in CHANNELS {
        let mut listed: BTreeSet<String> = documented(section).union(&common).cloned().collect();
        if section.contains("statuspage") {
            listed.retain(|key| !routed.contains(key));
        }
        assert_eq!(listed, known(anchor), "{section}");
    }
}

#[test]
fn the_keys_of_a_status_page_stage_are_in_the_manual() {
    let stage = "[[pipelines.standard.stages]]\nname = \"page\"\nkind = \"status-page\"\nunheard_of = 1\n\n";
    let text = EXAMPLE.replacen("[[pipelines.standard.stages]]", &format!("{stage}[[pipelines.standard.stages]]"), 1);
    let mut listed = documented("`kind = \"status-page\"`");
    listed.extend(documented("`[[pipelines.NAME.stages]]`"));
    assert_eq!(listed, unknown_among(&text));
}

#[test]
fn every_variable_is_in_the_manual() {
    for (name, _) in VARIABLES {
        assert!(MANUAL.contains(&format!("`{name}`")), "{name}");
    }
    for (name, _) in Variable::ALL {
        assert!(MANUAL.contains(&format!("`${{{name}}}`")), "{name}");
    }
}
