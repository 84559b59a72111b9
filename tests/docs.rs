//! The documentation says what the program does: commands that parse, names that exist, links that lead somewhere.
//!
//! `CUTOVER_WRITE_DOCS=1 cargo test --test docs` writes docs/keys.md anew from the keymap.

use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser as _};
use cutover::app::fixture;
use cutover::app::keymap::Keymap;
use cutover::cli::Cli;
use cutover::domain::effect::Effect;
use cutover::domain::event::Event;
use cutover::domain::machine;
use cutover::domain::release::Release;
use cutover::sim::Scenario;

type Outcome = Result<(), Box<dyn Error>>;

const KEYS_HEAD: &str = "\
# Keys

Made from [`assets/keymap.toml`](../assets/keymap.toml) by `CUTOVER_WRITE_DOCS=1 cargo test --test docs`, and held to it by
the same test without the variable. The key bar at the bottom of the screen shows what works now, `?` everything; a key
that cannot work says why.

";

#[test]
fn the_keys_are_those_of_the_keymap() -> Outcome {
    let wanted = format!("{KEYS_HEAD}{}", Keymap::built_in()?.to_markdown().trim_end()) + "\n";
    let page = root().join("docs/keys.md");
    if std::env::var_os("CUTOVER_WRITE_DOCS").is_some() {
        fs::write(&page, &wanted)?;
    }
    assert_eq!(fs::read_to_string(&page)?, wanted, "run CUTOVER_WRITE_DOCS=1 cargo test --test docs");
    Ok(())
}

#[test]
fn every_command_line_can_be_typed() -> Outcome {
    let mut seen = 0;
    for (page, text) in pages()? {
        for line in commands(&text) {
            assert_parses(&line, &page.display().to_string());
            seen += 1;
        }
    }
    assert!(seen > 30, "only {seen} command lines were found");
    Ok(())
}

#[test]
fn the_commands_that_help_shows_can_be_typed() {
    let mut command = Cli::command();
    command.build();
    let mut helps = vec![command.render_help().to_string()];
    helps.extend(command.get_subcommands_mut().map(|verb| verb.render_help().to_string()));
    let lines: Vec<Vec<String>> = helps.iter().flat_map(|help| help.lines().filter_map(shell_line)).collect();
    assert!(lines.len() > 20, "only {} command lines were found", lines.len());
    for line in lines {
        assert_parses(&line, "the help");
    }
}

#[test]
fn the_commands_that_messages_show_can_be_typed() {
    let plan = fixture::snapshot(fixture::Scene::Baking).release.plan.clone();
    let mut release = Release::planned(fixture::snapshot(fixture::Scene::Baking).release.id, plan);
    let reaction = machine::step(&mut release, Event::Requested { by: fixture::operator() }, fixture::NOW);
    let bodies = reaction.start.iter().filter_map(|intent| match &intent.effect {
        Effect::Notify(notice) => Some(notice.body.clone()),
        _ => None,
    });
    let text: Vec<String> = bodies.collect();
    let typed = text.iter().flat_map(|body| body.lines()).filter_map(|line| line.split_once(':'));
    let lines: Vec<Vec<String>> = typed.filter_map(|(_, typed)| shell_line(typed)).collect();
    assert!(lines.iter().any(|line| line.iter().any(|word| word == "rollback")), "{text:?}");
    for line in lines {
        assert_parses(&line, "a message");
    }
}

#[test]
fn scenarios_are_all_named_and_no_others() -> Outcome {
    let known: Vec<&str> = Scenario::names().collect();
    for (page, head) in [("README.md", "| scenario |"), ("docs/scenarios.md", "| name | shows |")] {
        let text = fs::read_to_string(root().join(page))?;
        let named: Vec<String> = table(&text, head)?.into_iter().map(|(name, _)| name).collect();
        assert_eq!(named, known, "{page}");
    }
    let mut command = Cli::command();
    let demo = command.find_subcommand_mut("demo").ok_or("there is no demo")?.render_help().to_string();
    let listed = demo.split_once("come along:\n").and_then(|(_, rest)| rest.split_once("Write your own"));
    let (listed, _) = listed.ok_or("the demo's help lists no scenarios")?;
    let listed: BTreeSet<&str> = listed.split_whitespace().collect();
    assert_eq!(listed, known.iter().copied().collect());
    Ok(())
}

#[test]
fn exit_codes_are_those_of_the_help() -> Outcome {
    let help = Cli::command().render_help().to_string();
    let (_, codes) = help.split_once("Exit codes:\n").ok_or("the help has no exit codes")?;
    let (codes, _) = codes.split_once("\n\n").ok_or("the exit codes have no end")?;
    let of_help: Vec<(String, String)> = codes
        .lines()
        .filter_map(|line| line.trim().split_once(' '))
        .map(|(code, meaning)| (code.to_owned(), meaning.trim().to_owned()))
        .collect();
    let readme = fs::read_to_string(root().join("README.md"))?;
    let of_readme = table(&readme, "| exit code | |")?;
    assert_eq!(of_readme, of_help);
    Ok(())
}

#[test]
fn every_link_leads_somewhere() -> Outcome {
    let mut seen = 0;
    for (page, text) in pages()? {
        let dir = page.parent().ok_or("a page has no directory")?;
        for target in links(&text) {
            let file = target.split('#').next().unwrap_or_default();
            if file.is_empty() || file.contains("://") {
                continue;
            }
            assert!(dir.join(file).exists(), "{}: {target} leads nowhere", page.display());
            seen += 1;
        }
    }
    assert!(seen > 30, "only {seen} links were found");
    Ok(())
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every page, with its text.
fn pages() -> Result<Vec<(PathBuf, String)>, Box<dyn Error>> {
    let mut found = Vec::new();
    for dir in [root().to_path_buf(), root().join("docs")] {
        for entry in fs::read_dir(dir)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "md") {
                let text = fs::read_to_string(&path)?;
                found.push((path, text));
            }
        }
    }
    Ok(found)
}

/// The command lines of a page: in blocks of code, and in running text between backticks.
fn commands(text: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for (number, block) in text.split("```").enumerate() {
        if number % 2 == 1 {
            found.extend(block.replace("\\\n", " ").lines().skip(1).filter_map(shell_line));
        } else {
            found.extend(block.split('`').skip(1).step_by(2).filter_map(shell_line));
        }
    }
    found
}

/// What this program is called with in a line of a shell. Two spaces begin a remark beside the command.
fn shell_line(line: &str) -> Option<Vec<String>> {
    let typed = line.trim().trim_start_matches("$ ").split("  ").next().unwrap_or_default();
    let mut words = words(typed).into_iter().skip_while(|word| is_assignment(word));
    match words.next()?.as_str() {
        "cutover" | "target/release/cutover" => {}
        "cargo" if words.next()? == "run" => while words.next()? != "--" {},
        _ => return None,
    }
    Some(words.take_while(|word| !["|", "||", "&&", "&", ";", ">"].contains(&word.as_str())).collect())
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| name.chars().all(|c| c.is_ascii_uppercase() || c == '_'))
}

/// Words of a shell; quotes keep what is between them together.
fn words(line: &str) -> Vec<String> {
    let mut found = vec![String::new()];
    let mut quote = None;
    for c in line.chars() {
        match c {
            _ if quote == Some(c) => quote = None,
            '\'' | '"' if quote.is_none() => quote = Some(c),
            ' ' if quote.is_none() => found.push(String::new()),
            ';' if quote.is_none() => found.extend([";".to_owned(), String::new()]),
            _ => found.last_mut().into_iter().for_each(|word| word.push(c)),
        }
    }
    found.retain(|word| !word.is_empty());
    found
}

fn assert_parses(line: &[String], place: &str) {
    let parsed = Cli::try_parse_from(["cutover".to_owned()].iter().chain(line));
    let is_shown = |kind| matches!(kind, ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    if let Err(error) = parsed {
        assert!(is_shown(error.kind()), "{place}: cutover {}: {error}", line.join(" "));
    }
}

/// The rows of the table whose head begins with `head`: the first cell without its backticks, and the rest.
fn table(text: &str, head: &str) -> Result<Vec<(String, String)>, Box<dyn Error>> {
    let mut lines = text.lines().skip_while(|line| !line.starts_with(head));
    lines.next().ok_or_else(|| format!("there is no table `{head}`"))?;
    let rows = lines.skip(1).take_while(|line| line.starts_with('|'));
    let cells = rows.filter_map(|row| row.trim_matches(['|', ' ']).split_once('|'));
    Ok(cells.map(|(first, rest)| (first.trim().trim_matches('`').to_owned(), rest.trim().to_owned())).collect())
}

/// What the links and pictures of a page point to.
fn links(text: &str) -> Vec<&str> {
    text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target).collect()
}

#[test]
fn lines_of_a_shell_are_told_from_others() {
    let line = |text: &str| shell_line(text).map(|words| words.join("|"));
    assert_eq!(line("cutover rollback --reason 'it fails'").as_deref(), Some("rollback|--reason|it fails"));
    assert_eq!(line("cutover status; echo $?").as_deref(), Some("status"));
    assert_eq!(line("  $ A_B=1 cutover status  what runs").as_deref(), Some("status"));
    assert_eq!(line("cargo run --release -- demo && echo done").as_deref(), Some("demo"));
    assert_eq!(line("cutover man | man -l -").as_deref(), Some("man"));
    assert_eq!(line("cargo test"), None);
    assert_eq!(line("cutover.toml"), None);
}
