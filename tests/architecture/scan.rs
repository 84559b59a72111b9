//! Reading source files: what they are, and which paths they name.

use std::error::Error;
use std::fs;
use std::iter::Peekable;
use std::path::{Path, PathBuf};
use std::vec::IntoIter;

/// What `main.rs` calls this package by.
const PACKAGE: &str = "cutover";

/// One source file.
pub(crate) struct Source {
    pub(crate) path: PathBuf,
    /// Its module, from the crate's root.
    pub(crate) module: Vec<String>,
    pub(crate) text: String,
}

/// Every source file.
pub(crate) fn sources() -> Result<Vec<Source>, Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut dirs = vec![root.clone()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir)? {
            let path = entry?.path();
            if path.is_dir() {
                dirs.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path)?;
                let path = path.strip_prefix(&root)?.to_path_buf();
                found.push(Source { module: module_of(&path), path, text });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

/// The module that a file holds.
fn module_of(path: &Path) -> Vec<String> {
    let parts = path.with_extension("");
    let parts = parts.iter().map(|part| part.to_string_lossy().into_owned());
    parts.filter(|part| part != "mod" && part != "lib").collect()
}

/// The names of the package's dependencies, as code writes them.
pub(crate) fn dependencies() -> Result<Vec<String>, Box<dyn Error>> {
    let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"))?;
    let manifest: toml::Table = manifest.parse()?;
    let named = manifest.get("dependencies").and_then(toml::Value::as_table).ok_or("there are no dependencies")?;
    Ok(named.keys().map(|name| name.replace('-', "_")).collect())
}

/// Every path of a file that leads out of its module: from `crate`, which `super` is turned into, or from a dependency.
pub(crate) fn paths(source: &Source, dependencies: &[String]) -> Vec<Vec<String>> {
    let mut tokens = without_tests(tokens(&source.text)).into_iter().peekable();
    let mut found = Vec::new();
    let (mut before, mut is_visibility) = (None, false);
    while let Some(token) = tokens.next() {
        let is_start = !is_visibility
            && before.as_ref() != Some(&Token::Into)
            && matches!(&token, Token::Word(word) if ["crate", "super", PACKAGE].contains(&word.as_str()) || dependencies.contains(word));
        if let (Token::Word(word), true, Some(Token::Into)) = (&token, is_start, tokens.peek()) {
            let mut ends = Vec::new();
            follow(&mut tokens, vec![word.clone()], &mut ends);
            found.extend(ends.into_iter().map(|path| from_crate(path, &source.module)));
            before = None;
            continue;
        }
        // What follows says who sees an item, as in `pub(in crate::sim)`.
        is_visibility = before == Some(Token::Sign('(')) && token == Token::Word("in".to_owned());
        // `::crossterm` names a dependency, `a::crossterm` something of ours.
        before = if token == Token::Into && !matches!(before, Some(Token::Word(_))) { None } else { Some(token) };
    }
    found
}

/// Follows a path, and every branch of a group, to its ends.
fn follow(tokens: &mut Peekable<IntoIter<Token>>, mut path: Vec<String>, ends: &mut Vec<Vec<String>>) {
    while tokens.next_if_eq(&Token::Into).is_some() {
        match tokens.next() {
            Some(Token::Word(word)) => path.push(word),
            Some(Token::Sign('{')) => return branch(tokens, &path, ends),
            _ => break,
        }
    }
    ends.push(path);
}

fn branch(tokens: &mut Peekable<IntoIter<Token>>, path: &[String], ends: &mut Vec<Vec<String>>) {
    while let Some(token) = tokens.next() {
        match token {
            Token::Word(word) if word == "as" => drop(tokens.next()),
            Token::Word(word) => follow(tokens, [path, &[word]].concat(), ends),
            Token::Sign('{') => branch(tokens, path, ends),
            Token::Sign('}') => return,
            Token::Sign(_) | Token::Into => {}
        }
    }
}

/// A path with `crate` in place of `super` and of the package's own name.
fn from_crate(mut path: Vec<String>, module: &[String]) -> Vec<String> {
    if let Some(first) = path.first_mut().filter(|first| *first == PACKAGE) {
        *first = "crate".to_owned();
    }
    let ups = path.iter().take_while(|word| *word == "super").count();
    if ups == 0 {
        return path;
    }
    let above = module.iter().take(module.len().saturating_sub(ups));
    ["crate".to_owned()].into_iter().chain(above.cloned()).chain(path.into_iter().skip(ups)).collect()
}

/// What a path is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    /// `::`
    Into,
    Sign(char),
}

/// The words and signs of a text, without comments and without what stands in quotes.
fn tokens(text: &str) -> Vec<Token> {
    let mut rest = text;
    let mut found = Vec::new();
    while let Some(first) = rest.chars().next() {
        let width = match first {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => comment(rest),
            '"' => quoted(rest),
            '\'' => character(rest),
            'r' | 'b' if raw(rest).is_some() => raw(rest).unwrap_or(1),
            ':' if rest.starts_with("::") => {
                found.push(Token::Into);
                2
            }
            _ if first.is_alphanumeric() || first == '_' => {
                let width = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
                found.push(Token::Word(rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()));
                width
            }
            _ => {
                if !first.is_whitespace() {
                    found.push(Token::Sign(first));
                }
                first.len_utf8()
            }
        };
        rest = rest.get(width..).unwrap_or_default();
    }
    found
}

/// The length of a comment that may hold others.
fn comment(text: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    loop {
        let rest = text.get(at..).unwrap_or_default();
        let Some(first) = rest.chars().next() else { return at };
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += first.len_utf8();
        }
    }
}

/// The length of a string.
fn quoted(text: &str) -> usize {
    let mut is_escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The length of a character, or of the quote of a lifetime.
fn character(text: &str) -> usize {
    let mut inside = text.char_indices().skip(1);
    match (inside.next(), inside.next()) {
        (Some((_, '\\')), Some(_)) => inside.find(|(_, c)| *c == '\'').map_or(text.len(), |(at, _)| at + 1),
        (Some(_), Some((at, '\''))) => at + 1,
        _ => 1,
    }
}

/// The length of a raw string, if it is one.
fn raw(text: &str) -> Option<usize> {
    let start = text.trim_start_matches('b');
    let hashes = start.strip_prefix('r')?.chars().take_while(|c| *c == '#').count();
    let body = start.get(1 + hashes..)?.strip_prefix('"')?;
    let begin = text.len() - body.len();
    let end = format!("\"{}", "#".repeat(hashes));
    Some(body.find(&end).map_or(text.len(), |at| begin + at + end.len()))
}

/// Leaves out what is only compiled for tests: the item after each `#[cfg(test)]`.
fn without_tests(tokens: Vec<Token>) -> Vec<Token> {
    let mark = [
        Token::Sign('#'),
        Token::Sign('['),
        Token::Word("cfg".to_owned()),
        Token::Sign('('),
        Token::Word("test".to_owned()),
        Token::Sign(')'),
        Token::Sign(']'),
    ];
    let mut kept = Vec::new();
    let mut rest = tokens.as_slice();
    while let Some((first, others)) = rest.split_first() {
        match rest.strip_prefix(&mark) {
            Some(after) => rest = after.get(item(after)..).unwrap_or_default(),
            None => {
                kept.push(first.clone());
                rest = others;
            }
        }
    }
    kept
}

/// How many tokens an item has: to its semicolon, or to the end of its braces.
fn item(tokens: &[Token]) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Sign('{') => depth += 1,
            Token::Sign('}') => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + 1;
                }
            }
            Token::Sign(';') if depth == 0 => return at + 1,
            _ => {}
        }
    }
    tokens.len()
}
