//! What is no TOML, said so that it can be put right.

use super::reader::Spot;

/// Errors that are told at most: one quote left open makes nonsense of everything below it.
const MOST: usize = 5;

/// What the file is instead of TOML, if that is plain to see.
pub(super) fn another_format(text: &str) -> Option<&'static str> {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let first = lines.next()?;
    if text.contains('\0') {
        Some("this is a binary file and no configuration; name the configuration with --config")
    } else if first.starts_with('{') {
        Some(
            "this looks like JSON, and a configuration is TOML; begin it with `[environments.production]`, after config.example.toml",
        )
    } else if first == "---" || is_yaml(first) {
        Some(
            "this looks like YAML, and a configuration is TOML; begin it with `[environments.production]`, after config.example.toml",
        )
    } else {
        None
    }
}

/// `environments:` alone on its line.
fn is_yaml(line: &str) -> bool {
    let key = line.strip_suffix(':').unwrap_or_default();
    !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// The parser's errors with what to do about each: one a line, and of many the first.
pub(super) fn told<'e>(
    text: &str,
    errors: impl Iterator<Item = (Spot, &'e str)>,
) -> impl Iterator<Item = (Spot, String)> {
    let line = |spot: &Spot| text.get(..spot.start).map_or(0, |before| before.matches('\n').count());
    let mut errors: Vec<(Spot, &str)> = errors.collect();
    errors.sort_by_key(|(spot, _)| spot.start);
    errors.dedup_by_key(|(spot, _)| line(spot));
    errors.into_iter().take(MOST).map(|(spot, message)| {
        let told = match remedy(message) {
            Some(remedy) => format!("{message}; {remedy}"),
            None => message.to_owned(),
        };
        (spot, told)
    })
}

/// By the words that the parser uses.
fn remedy(message: &str) -> Option<&'static str> {
    let has = |words: &str| message.contains(words);
    if has("duplicate key") {
        Some("it is there already: keep one of them")
    } else if has("leading zero") {
        Some("put it in quotes: as a number it would lose its zero")
    } else if has("invalid basic string") || has("invalid literal string") {
        Some("close its quotes on the same line")
    } else if has("missing comma between array elements") || has("unclosed array") {
        Some("put a comma between them, or close the array above with `]`")
    } else if has("unclosed") || has("unexpected `=`") {
        Some("close what was opened above")
    } else if has("string values must be quoted") {
        Some("put it in quotes")
    } else if has("key with no value") {
        Some("write `key = value`, or `[key]` for a table")
    } else if has("unquoted key") {
        Some("put the key in quotes")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_formats_are_known_by_their_beginnings() {
        let found = |text| another_format(text).and_then(|what| what.split_whitespace().nth(3));
        assert_eq!(found("# a\n\nenvironments:\n  x: 1\n"), Some("YAML,"));
        assert_eq!(found("---\na: 1\n"), Some("YAML,"));
        assert_eq!(found("{ \"a\": 1 }"), Some("JSON,"));
        assert_eq!(found("a\0b"), Some("binary"));
        assert_eq!(found("[environments.production]\naccount ="), None);
        assert_eq!(found(""), None);
    }

    #[test]
    fn one_error_a_line_is_told_and_of_many_the_first() {
        let text = "a\nb\nc\nd\ne\nf\ng\n";
        let errors = (0..14).rev().map(|at| (at..at, "duplicate key"));
        let told: Vec<(Spot, String)> = told(text, errors).collect();
        assert_eq!(told.iter().map(|(spot, _)| spot.start).collect::<Vec<_>>(), [0, 2, 4, 6, 8]);
        assert_eq!(told[0].1, "duplicate key; it is there already: keep one of them");
    }
}
