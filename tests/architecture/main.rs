//! The layers of docs/architecture.md, as rules that a test holds the code to.
//!
//! The scanner reads the source: comments, text and test modules aside, every path that begins with `crate`, `super` or
//! the name of a dependency must be one that the tables below allow to the file's layer.

mod scan;

use std::error::Error;
use std::path::PathBuf;

use scan::{Source, dependencies, paths, sources};

/// What a layer may use of this package, beside itself.
struct Layer {
    /// A module below `src/`; the longest name that fits a file is its layer.
    name: &'static str,
    /// Modules, each with what is below it; a layer below it must be named itself.
    uses: &'static [&'static str],
}

/// Each may only use what stands above it.
const LAYERS: [Layer; 28] = [
    // Pure: no I/O, no clock, no async.
    Layer { name: "domain", uses: &[] },
    Layer { name: "judge", uses: &["domain"] },
    Layer { name: "judge::threshold", uses: &["judge", "domain"] },
    Layer { name: "judge::beside", uses: &["judge", "judge::threshold", "domain"] },
    Layer { name: "document", uses: &[] },
    Layer { name: "clock", uses: &["domain::time"] },
    // Ports, and the adapter of each.
    Layer { name: "cloud", uses: &["domain"] },
    Layer { name: "cloud::aws", uses: &["cloud", "domain", "clock"] },
    Layer { name: "web", uses: &["domain"] },
    Layer { name: "web::client", uses: &["web", "domain", "clock"] },
    Layer { name: "journal", uses: &["domain"] },
    Layer { name: "journal::sqlite", uses: &["journal", "domain"] },
    Layer { name: "notify", uses: &["domain", "clock", "notify::http"] },
    Layer { name: "notify::http", uses: &["notify", "domain", "clock"] },
    Layer { name: "notify::sns", uses: &["notify", "cloud", "domain"] },
    Layer { name: "config", uses: &["domain", "cloud", "document"] },
    // The simulated AWS: its world is pure, too, and nobody but the program knows it.
    Layer { name: "sim::scenario", uses: &["sim::world::metrics", "domain::time", "document"] },
    Layer { name: "sim::world", uses: &["sim::scenario", "domain::time"] },
    Layer { name: "sim", uses: &["sim::world", "sim::scenario", "domain::time", "clock"] },
    // The truth: no terminal, no SDK, no adapter.
    Layer { name: "engine", uses: &["domain", "judge", "cloud", "web", "journal", "notify", "clock"] },
    // The cockpit: brain, pictures, terminal.
    Layer { name: "app", uses: &["engine::snapshot", "engine::handle", "domain", "document"] },
    Layer { name: "ui", uses: &["app", "engine::snapshot", "domain", "document"] },
    Layer { name: "term", uses: &["app::keymap", "ui::theme"] },
    // The faces.
    Layer { name: "runtime", uses: &["term", "ui", "app", "engine::snapshot", "engine::handle", "domain", "clock"] },
    Layer { name: "headless", uses: &["engine::snapshot", "engine::handle", "domain", "clock"] },
    Layer { name: "cli", uses: &["config", "domain"] },
    // The one place that chooses between adapters.
    Layer {
        name: "program",
        uses: &[
            "app",
            "ui",
            "term",
            "runtime",
            "headless",
            "cli",
            "config",
            "engine",
            "cloud",
            "cloud::aws",
            "web",
            "web::client",
            "journal",
            "journal::sqlite",
            "notify",
            "notify::http",
            "notify::sns",
            "judge",
            "judge::beside",
            "sim",
            "domain",
            "document",
            "clock",
        ],
    },
    Layer { name: "main", uses: &["program"] },
];

/// Layers that use no dependency but these. `jiff` is in the domain for the calendar: moments and zones come in.
const PURE: [(&str, &[&str]); 4] = [
    ("domain", &["jiff", "regex", "serde", "serde_json", "thiserror", "url"]),
    ("judge", &["serde", "serde_json", "thiserror"]),
    ("judge::threshold", &["serde", "serde_json", "thiserror"]),
    ("judge::beside", &["serde", "serde_json", "thiserror"]),
];

/// Dependencies that only these layers may name; a final `*` stands for any ending.
const GUARDED: [(&str, &[&str]); 19] = [
    ("aws_sdk_*", &["cloud::aws"]),
    ("aws_config", &["cloud::aws"]),
    ("aws_credential_types", &["cloud::aws"]),
    ("aws_runtime", &["cloud::aws"]),
    ("aws_types", &["cloud::aws"]),
    ("aws_smithy_*", &["cloud::aws", "notify::http", "sim"]),
    ("clap*", &["cli", "program"]),
    ("color_eyre", &["program"]),
    ("crossterm", &["term"]),
    ("hyper*", &["sim", "web::client"]),
    ("rcgen", &["sim"]),
    ("rustls*", &["sim", "web::client"]),
    ("tokio_rustls", &["sim", "web::client"]),
    ("x509_parser", &["web::client"]),
    ("time", &["sim"]),
    ("ratatui", &["ui", "term"]),
    ("rusqlite", &["journal::sqlite"]),
    ("rustix", &["engine", "term", "program"]),
    (
        "tokio",
        &[
            "clock",
            "cloud::aws",
            "engine",
            "notify",
            "notify::http",
            "sim",
            "term",
            "runtime",
            "headless",
            "program",
            "web::client",
        ],
    ),
];

/// No source file is longer.
const LONGEST: usize = 600;

type Outcome = Result<(), Box<dyn Error>>;

#[test]
fn imports_run_downwards_only() -> Outcome {
    let sources = sources()?;
    assert!(sources.len() > 200, "only {} files were found", sources.len());
    let wrong = violations(&sources, &dependencies()?);
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
    Ok(())
}

#[test]
fn files_stay_short() -> Outcome {
    let too_long: Vec<String> = sources()?
        .iter()
        .map(|source| (source, source.text.lines().count()))
        .filter(|(_, lines)| *lines > LONGEST)
        .map(|(source, lines)| format!("{} has {lines} lines", source.path.display()))
        .collect();
    assert!(too_long.is_empty(), "\n{}\n", too_long.join("\n"));
    Ok(())
}

#[test]
fn the_table_knows_every_module_and_names_no_other() -> Outcome {
    let sources = sources()?;
    for source in sources.iter().filter(|source| !source.module.is_empty()) {
        assert!(layer_of(&source.module).is_some(), "{} belongs to no layer", source.path.display());
    }
    let is_there = |name: &str| sources.iter().any(|source| is_below(&source.module, name));
    for layer in &LAYERS {
        for name in layer.uses.iter().chain([&layer.name]) {
            assert!(is_there(name), "`{name}`, in the rule for `{}`, does not exist", layer.name);
        }
    }
    let named = PURE.iter().map(|(name, _)| name).chain(GUARDED.iter().flat_map(|(_, layers)| *layers));
    for name in named {
        assert!(LAYERS.iter().any(|layer| layer.name == *name), "`{name}` is no layer");
    }
    Ok(())
}

#[test]
fn a_violation_is_found() {
    let dependencies = ["aws_sdk_ecs".to_owned(), "crossterm".to_owned(), "serde".to_owned(), "tokio".to_owned()];
    let check = |module: &str, text: &str| {
        let module: Vec<String> = module.split("::").map(str::to_owned).collect();
        let source = Source { path: PathBuf::from("made/up.rs"), module, text: text.to_owned() };
        violations(&[source], &dependencies)
    };
    for (module, text) in [
        ("domain::release", "use crate::engine::core;"),
        ("domain::release", "fn f() { crate::term::Screen::new() }"),
        ("domain", "pub(super) use super::{clock::Clock};"),
        ("engine::run", "use crate::{domain::ids::Side, cloud::{aws::Aws, Cloud}};"),
        ("engine::run", "use super::super::sim;"),
        ("engine", "use aws_sdk_ecs::Client;"),
        ("app::update", "use crate::engine::core::Core;"),
        ("ui", "let key: ::crossterm::event::KeyCode;"),
        ("sim::world", "use crate::cloud::Cloud;"),
        ("sim::world", "use crate::clock::Clock;"),
        ("cloud", "use crate::cloud::aws::Aws;"),
        ("domain", "use tokio::time::Instant;"),
        ("main", "fn main() { cutover::engine::run::this_actor(); }"),
    ] {
        assert_eq!(check(module, text).len(), 1, "{module}: {text}: {:?}", check(module, text));
    }
    for (module, text) in [
        ("domain::release", "use super::plan::Plan; use serde::Serialize; use std::fmt;"),
        ("engine::run", "// use crate::term::Screen;\n/* crate::ui /* nested */ crate::app */ fn f() {}"),
        ("engine::run", "let text = \"crate::term\"; let raw = r#\"crate::ui \"quoted\"\"#; let quote = '\"';"),
        ("engine::run", "#[cfg(test)]\nmod tests { use crate::sim::Sim; fn f() { let x = '}'; } }"),
        ("engine::run", "#[cfg(test)]\nuse crate::sim::Sim;\nfn life<'a>(x: &'a str) {}"),
        ("engine::run", "pub(in crate::sim) fn f() {}"),
        ("app::update", "use crate::engine::{handle::Receipt, snapshot::Snapshot};"),
    ] {
        assert_eq!(check(module, text), Vec::<String>::new(), "{module}: {text}");
    }
}

/// What breaks the rules, a line each.
fn violations(sources: &[Source], dependencies: &[String]) -> Vec<String> {
    let mut wrong = Vec::new();
    for source in sources.iter().filter(|source| !is_tests(&source.module)) {
        let Some(layer) = layer_of(&source.module) else { continue };
        for path in paths(source, dependencies) {
            let is_allowed = match inner(&path) {
                Some(inner) => layer.uses.iter().chain([&layer.name]).any(|name| reaches(name, inner)),
                None => path.first().is_none_or(|name| may_use_crate(layer, name)),
            };
            if !is_allowed {
                wrong.push(format!("{}: `{}` may not use {}", source.path.display(), layer.name, path.join("::")));
            }
        }
    }
    wrong
}

/// The layer of a module.
fn layer_of(module: &[String]) -> Option<&'static Layer> {
    LAYERS.iter().filter(|layer| is_below(module, layer.name)).max_by_key(|layer| layer.name.len())
}

/// Whether `module` is `name` or below it.
fn is_below(module: &[String], name: &str) -> bool {
    let mut parts = module.iter();
    name.split("::").all(|part| parts.next().is_some_and(|found| found == part))
}

/// Whether a rule for `name` covers `path`: it is below it, and not in a layer of its own.
fn reaches(name: &str, path: &[String]) -> bool {
    is_below(path, name) && layer_of(path).is_none_or(|layer| layer.name.len() <= name.len())
}

/// A path of this crate without its first word.
fn inner(path: &[String]) -> Option<&[String]> {
    path.split_first().filter(|(first, _)| *first == "crate").map(|(_, rest)| rest)
}

/// Whether a layer may name a dependency.
fn may_use_crate(layer: &Layer, name: &str) -> bool {
    let is_pure_enough = PURE.iter().filter(|(pure, _)| *pure == layer.name).all(|(_, crates)| crates.contains(&name));
    is_pure_enough
        && GUARDED.iter().filter(|(pattern, _)| fits(name, pattern)).all(|(_, layers)| layers.contains(&layer.name))
}

fn fits(name: &str, pattern: &str) -> bool {
    pattern.strip_suffix('*').map_or(name == pattern, |start| name.starts_with(start))
}

fn is_tests(module: &[String]) -> bool {
    module.iter().any(|part| part == "tests" || part == "testing")
}
