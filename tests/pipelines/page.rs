//! `docs/pipelines.md`: what each line of a plan became, and what comes of each fault.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use toml::{Table, Value};

use crate::run::Subject;

/// Cases that write the page take turns.
static PAGE: Mutex<()> = Mutex::new(());

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Holds the page's table of a pipeline's failures against what came of them, or writes it anew.
pub(crate) fn holds(subject: Subject, rows: &[String]) {
    let _turn = PAGE.lock().unwrap_or_else(PoisonError::into_inner);
    let page = root().join("docs/pipelines.md");
    let text = fs::read_to_string(&page).unwrap();
    let head = format!("### Failures of {}, {}\n", subject.name(), subject.environment);
    let (before, rest) = text.split_once(&head).unwrap_or_else(|| panic!("the page has no {head:?}"));
    let end = rest.find("\n### ").map_or(rest.len(), |end| end + 1);
    let (section, after) = rest.split_at(end);
    let lines: Vec<&str> = section.lines().filter(|line| line.starts_with('|')).skip(2).collect();
    if std::env::var_os("CUTOVER_WRITE_DOCS").is_some() {
        let table = "\n| stage | what goes wrong | ends | undone | told |\n|---|---|---|---|---|\n";
        let gap = if after.is_empty() { "" } else { "\n" };
        fs::write(&page, format!("{before}{head}{table}{}\n{gap}{after}", rows.join("\n"))).unwrap();
    } else {
        assert_eq!(lines, rows, "run CUTOVER_WRITE_DOCS=1 cargo test --test pipelines, and read what has changed");
    }
}

/// The tables of the plans name every stage of their files, and nothing that is not there.
#[test]
fn every_stage_of_a_file_stands_for_a_line_of_its_plan() {
    let text = fs::read_to_string(root().join("docs/pipelines.md")).unwrap();
    let mut seen = 0;
    for entry in fs::read_dir(root().join("assets/pipelines")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let file: Table = fs::read_to_string(&path).unwrap().parse().unwrap();
        let head = format!("### {name}\n");
        let (_, section) = text.split_once(&head).unwrap_or_else(|| panic!("the page has no {head:?}"));
        let rows = section.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
        let mut named = BTreeSet::new();
        let stages = stages(&file);
        for row in rows.skip(2) {
            let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
            let [line, here, why] = cells.as_slice() else { panic!("{name}: {row}") };
            assert!(!line.is_empty() && (*here != "–" || !why.is_empty()), "{name}: {row}");
            for word in here.split(", ").filter(|_| *here != "–") {
                let word = word.strip_prefix('`').and_then(|word| word.strip_suffix('`'));
                let word = word.unwrap_or_else(|| panic!("{name}: {row}"));
                let is_there = stages.contains(word) || (word.contains('.') && is_key(&file, word));
                assert!(is_there, "{name} has no stage and no key {word}");
                named.insert(word.to_owned());
            }
            seen += 1;
        }
        let missing: Vec<&String> = stages.difference(&named).collect();
        assert!(missing.is_empty(), "no line of the plan is {missing:?} of {name}");
    }
    assert!(seen > 100, "only {seen} lines of plans were found");
}

fn stages(file: &Table) -> BTreeSet<String> {
    let pipelines = file["pipelines"].as_table().unwrap().values();
    let stages = pipelines.flat_map(|pipeline| pipeline["stages"].as_array().unwrap());
    stages.map(|stage| stage["name"].as_str().unwrap().to_owned()).collect()
}

fn is_key(file: &Table, dotted: &str) -> bool {
    let mut place = Some(Value::Table(file.clone()));
    for part in dotted.split('.') {
        place = place.and_then(|value| value.get(part).cloned());
    }
    place.is_some()
}
