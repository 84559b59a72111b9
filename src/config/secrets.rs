//! Refuses secrets that are written down.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;
use toml::de::{DeTable, DeValue};

use super::problem::Mistake;
use super::reader::Reader;
use crate::domain::redact::Redactor;

const BY_VARIABLE: &str = "keep it in the environment of whoever runs cutover and name the variable: in a command's `env_from`, a check's `headers_from`, or a channel's `…_env`";

/// What gives a secret away by its shape, and what it is.
const SHAPES: [(&str, &str); 6] = [
    ("an AWS access key", r"\b(AKIA|ASIA)[A-Z0-9]{16}\b"),
    ("a private key", r"-----BEGIN [A-Z ]*PRIVATE KEY"),
    ("a URL with a password", r"://[^/\s:@]+:[^/\s@$]+@"),
    ("an access token", r"\b(xox[abprs]-|gh[pousr]_|github_pat_|glpat-|sk_live_)[A-Za-z0-9_-]{10,}"),
    ("a webhook's secret address", r"hooks\.slack\.com/(services|workflows)/\w"),
    (
        "a secret",
        r#"(?i)(password|passwd|secret|token|api_?key|access_?key|credential)s?["']?\s*[=:]\s*["']?[^\s"'$\[{<][^\s"']{5,}"#,
    ),
];

static PATTERNS: LazyLock<Vec<(&'static str, Regex)>> = LazyLock::new(|| {
    SHAPES.iter().filter_map(|(what, pattern)| Regex::new(pattern).ok().map(|pattern| (*what, pattern))).collect()
});

/// Reports every secret in `table`, and says where they are, so that no excerpt shows them.
pub(super) fn refuse(reader: &Reader<'_>, table: &DeTable<'_>) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for (key, value) in table {
        look(reader, Some(key.get_ref()), value.get_ref(), &value.span(), &mut found);
    }
    found
}

fn look(
    reader: &Reader<'_>,
    key: Option<&str>,
    value: &DeValue<'_>,
    spot: &Range<usize>,
    found: &mut Vec<Range<usize>>,
) {
    match value {
        DeValue::String(text) => {
            if let Some(what) = secret(key, text) {
                reader.report(spot.clone(), Mistake::Secret { what, remedy: BY_VARIABLE });
                found.push(spot.clone());
            }
        }
        DeValue::Array(array) => array.iter().for_each(|item| look(reader, None, item.get_ref(), &item.span(), found)),
        DeValue::Table(table) => {
            // What stands there are names of variables, whatever the headers are called.
            let named = key != Some("headers_from");
            for (key, value) in table {
                let key = named.then(|| key.get_ref().as_ref());
                look(reader, key, value.get_ref(), &value.span(), found);
            }
        }
        DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) => {}
    }
}

/// What `text` gives away, if anything.
fn secret(key: Option<&str>, text: &str) -> Option<&'static str> {
    let by_shape = PATTERNS.iter().find(|(_, pattern)| pattern.is_match(text)).map(|(what, _)| *what);
    by_shape.or_else(|| {
        let key = key?.to_ascii_lowercase();
        // What points at a secret is none: a file, an ARN, another variable.
        let points = ["_file", "_path", "_arn", "_name", "_id", "_env"].iter().any(|ending| key.ends_with(ending))
            || text.starts_with("arn:")
            || text.contains("${")
            || text.is_empty();
        (Redactor::is_secret_name(&key) && !points).then_some("the value of a secret")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_is_a_pattern() {
        assert_eq!(PATTERNS.len(), SHAPES.len());
    }

    #[test]
    fn secrets_are_known_by_their_shape_or_their_key_and_references_are_let_be() {
        let is_secret = |key: &str, text: &str| secret(Some(key), text).is_some();
        for (key, text) in [
            ("run", "AKIAIOSFODNN7EXAMPLE"),
            ("url", "postgres://app:hunter2@db/shop"),
            ("body", "Authorization token=abcdefgh"),
            ("DB_PASSWORD", "hunter2"),
            ("webhook", "https://hooks.slack.com/services/T0/B0/x"),
            ("x", "ghp_abcdefghijklmnop"),
        ] {
            assert!(is_secret(key, text), "{key} = {text}");
        }
        for (key, text) in [
            ("DB_PASSWORD_FILE", "/run/secrets/db"),
            ("DB_SECRET_ARN", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db"),
            ("run", "psql --password=$PGPASSWORD"),
            ("run", "alembic upgrade head"),
            ("api_key_env", "STATUSPAGE_API_KEY"),
            ("topic", "arn:aws:sns:eu-west-1:123456789012:token-expiry"),
            ("url", "https://blue.api.shop.test:8443/a@b"),
        ] {
            assert!(!is_secret(key, text), "{key} = {text}");
        }
    }
}
