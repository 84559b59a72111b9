use std::collections::BTreeSet;

use super::{EXAMPLE, read};
use crate::config::{Mistake, VARIABLES, Variable};

const MANUAL: &str = include_str!("../../../docs/configuration.md");

/// A section of the manual, and the text of the example after which an unknown key is read as one of its own.
const SECTIONS: [(&str, &str); 23] = [
    ("The file", ""),
    ("`[environments.NAME]`", "[environments.demo]\n"),
    ("`[components.NAME]`", "[components.api]\n"),
    ("`services`", "services = [\n  { "),
    ("`[signals.NAME]`", "[signals.errors]\n"),
    ("`[[pipelines.NAME.stages]]`", "kind = \"deploy\"\n"),
    ("`kind = \"gate\"`", "kind = \"gate\"\n"),
    ("`kind = \"command\"`", "kind = \"command\"\n"),
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
    ("`[channels.NAME]`", "[channels.team]\n"),
    ("`[engine]`", "[engine]\n"),
    ("`[engine.polls]`", "[engine.polls]\n"),
    ("`[screen]`", "[screen]\n"),
];

/// The keys in the first column of a section's table.
fn documented(section: &str) -> BTreeSet<String> {
    let (_, rest) = MANUAL.split_once(&format!("\n### {section}\n")).unwrap_or_else(|| panic!("no section {section}"));
    let section = rest.split("\n#").next().unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.filter_map(|row| Some(row.split_once('`')?.0.to_owned())).collect()
}

/// The keys that are read after `anchor`.
fn known(anchor: &str) -> BTreeSet<String> {
    assert!(EXAMPLE.contains(anchor), "the example lacks {anchor}");
    let key = if anchor.ends_with("{ ") { "unheard_of = 1, " } else { "unheard_of = 1\n" };
    let problems = read(&EXAMPLE.replacen(anchor, &format!("{anchor}{key}"), 1)).unwrap_err();
    let known = |mistake: &Mistake| match mistake {
        Mistake::UnknownKey { key, known, .. } if key == "unheard_of" => Some(known.iter().cloned().collect()),
        _ => None,
    };
    problems.0.iter().find_map(|problem| known(&problem.mistake)).unwrap_or_else(|| panic!("{anchor}: {problems}"))
}

#[test]
fn every_key_is_in_the_manual_and_the_manual_has_no_other() {
    let common = documented("`[[pipelines.NAME.stages]]`");
    for (section, anchor) in SECTIONS {
        let mut listed = documented(section);
        if section.starts_with("`kind") {
            listed.extend(common.iter().cloned());
        }
        assert_eq!(listed, known(anchor), "{section}");
    }
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
