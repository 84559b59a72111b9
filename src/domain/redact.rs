//! Keeps secrets out of whatever is kept, shown or sent, and control characters away from terminals.

use std::borrow::Cow;

/// What a masked secret looks like.
const MASK: &str = "••••";

/// Secrets shorter than this are not masked by value: masking every `a` would hide more than it protects.
const SHORTEST: usize = 6;

/// Words that, before `=` or `:`, announce a secret.
const NAMES: [&str; 9] =
    ["password", "passwd", "secret", "token", "api_key", "apikey", "access_key", "authorization", "credential"];

/// Masks secrets: known values, AWS keys, and what follows a name such as `password=`.
#[derive(Clone, Debug, Default)]
pub struct Redactor {
    values: Vec<String>,
}

impl Redactor {
    /// One that also masks these values wherever they appear. Values shorter than six characters are left alone.
    pub fn new(values: impl IntoIterator<Item = String>) -> Self {
        // Text is masked line by line, so that each line of a key that has several is a secret too.
        let lines = values.into_iter().flat_map(|value| value.lines().map(str::to_owned).collect::<Vec<_>>());
        let mut values: Vec<String> = lines.filter(|value| value.len() >= SHORTEST).collect();
        // Longest first, so that a secret that contains another is masked whole.
        values.sort_by_key(|value| std::cmp::Reverse(value.len()));
        Self { values }
    }

    /// One that masks these values, too.
    #[must_use]
    pub fn also(&self, values: impl IntoIterator<Item = String>) -> Self {
        Self::new(self.values.iter().cloned().chain(values))
    }

    /// Whether a variable of this name is taken to hold a secret.
    pub fn is_secret_name(name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        NAMES.iter().any(|word| name.contains(word)) || name.ends_with("_key")
    }

    /// `text` with secrets masked.
    pub fn mask<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut masked = Cow::Borrowed(text);
        for value in &self.values {
            if masked.contains(value.as_str()) {
                masked = Cow::Owned(masked.replace(value.as_str(), MASK));
            }
        }
        if let Some(text) = self.mask_cut(&masked) {
            masked = Cow::Owned(text);
        }
        if let Some(text) = mask_access_keys(&masked) {
            masked = Cow::Owned(text);
        }
        if let Some(text) = mask_named(&masked) {
            masked = Cow::Owned(text);
        }
        if let Some(text) = mask_url_passwords(&masked) {
            masked = Cow::Owned(text);
        }
        masked
    }

    /// The beginnings of values, where whoever sent the text cut them short with `…`.
    fn mask_cut(&self, text: &str) -> Option<String> {
        let cut_off = |head: &str| {
            let begins = |value: &String| {
                (SHORTEST..value.len()).rev().find(|end| value.get(..*end).is_some_and(|start| head.ends_with(start)))
            };
            self.values.iter().filter_map(begins).max()
        };
        let pieces: Vec<&str> = text.split('…').collect();
        let (last, heads) = pieces.split_last()?;
        let lengths: Vec<Option<usize>> = heads.iter().map(|head| cut_off(head)).collect();
        lengths.iter().any(Option::is_some).then(|| {
            let kept = heads.iter().zip(lengths).map(|(head, length)| match length {
                Some(length) => format!("{}{MASK}…", head.get(..head.len() - length).unwrap_or_default()),
                None => format!("{head}…"),
            });
            kept.chain([(*last).to_owned()]).collect()
        })
    }

    /// The value of a field, masked whole if the field's name says that it is a secret, and fit for a terminal.
    pub fn clean_field(&self, name: &str, value: &str) -> String {
        if Self::is_secret_name(name) && !value.is_empty() { MASK.to_owned() } else { self.clean(value) }
    }

    /// `text` with secrets masked and control characters made visible: fit for a terminal.
    pub fn clean(&self, text: &str) -> String {
        printable(&self.mask(text)).into_owned()
    }
}

/// Passwords in URLs: `postgres://app:hunter2@db/shop`.
fn mask_url_passwords(text: &str) -> Option<String> {
    const SCHEME_END: &str = "://";
    let mut out = String::new();
    let mut rest = text;
    let mut found = false;
    while let Some(at) = rest.find(SCHEME_END) {
        let (before, from) = rest.split_at(at + SCHEME_END.len());
        out.push_str(before);
        rest = from;
        let authority = from.split(|c: char| c.is_whitespace() || matches!(c, '/' | '"' | '\'')).next().unwrap_or(from);
        let login = authority.rfind('@').and_then(|end| authority.get(..end));
        let parts = login.and_then(|login| login.split_once(':'));
        if let Some((user, password)) = parts.filter(|(_, password)| !password.is_empty() && *password != MASK) {
            out.push_str(user);
            out.push(':');
            out.push_str(MASK);
            rest = from.get(user.len() + 1 + password.len()..).unwrap_or_default();
            found = true;
        }
    }
    out.push_str(rest);
    found.then_some(out)
}

/// AWS access key ids: `AKIA` or `ASIA` and sixteen capitals or digits.
fn mask_access_keys(text: &str) -> Option<String> {
    const LENGTH: usize = 20;
    let mut out = String::new();
    let mut rest = text;
    let mut found = false;
    while let Some(at) = ["AKIA", "ASIA"].iter().filter_map(|prefix| rest.find(prefix)).min() {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let key = from.get(..LENGTH).filter(|key| key.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()));
        if key.is_some() {
            out.push_str(MASK);
            found = true;
            rest = from.get(LENGTH..).unwrap_or_default();
        } else {
            out.push_str(from.get(..4).unwrap_or_default());
            rest = from.get(4..).unwrap_or_default();
        }
    }
    out.push_str(rest);
    found.then_some(out)
}

/// Values after a secret's name: `password=…`, `"token": "…"`, `Authorization: Bearer …`.
fn mask_named(text: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let mut spans: Vec<(usize, usize)> = Vec::new();
    for name in NAMES {
        for (at, _) in lower.match_indices(name) {
            spans.extend(value_after(text, at + name.len()));
        }
    }
    if spans.is_empty() {
        return None;
    }
    spans.sort_unstable();
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for (start, end) in spans {
        if start < from {
            continue;
        }
        out.push_str(text.get(from..start).unwrap_or_default());
        out.push_str(MASK);
        from = end;
    }
    out.push_str(text.get(from..).unwrap_or_default());
    Some(out)
}

/// The bytes of the value that follows a name ending at `at`, if one does.
fn value_after(text: &str, at: usize) -> Option<(usize, usize)> {
    let rest = text.get(at..)?;
    // The name may go on (`password_hash`) and be quoted.
    let skipped = rest.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '"' | '\'')))?;
    let mark = rest.get(skipped..)?;
    let after = mark.strip_prefix([':', '='])?;
    let gap = after.len() - after.trim_start_matches([' ', '"', '\'']).len();
    let mut start = at + skipped + 1 + gap;
    for scheme in ["Bearer ", "Basic ", "bearer ", "basic "] {
        if text.get(start..).is_some_and(|value| value.starts_with(scheme)) {
            start += scheme.len();
        }
    }
    let value = text.get(start..)?;
    let end = value
        .find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ',' | ';' | '&' | '}'))
        .unwrap_or(value.len());
    (end > 0).then_some((start, start + end))
}

/// `text` without anything that could steer a terminal: control characters become visible stand-ins, and characters
/// that reorder or hide text (bidirectional controls, zero-width ones) become `·`. Tabs become spaces.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' => out.push(' '),
            '\x00'..='\x1f' => out.push(char::from_u32(0x2400 + u32::from(c)).unwrap_or('·')),
            '\x7f' => out.push('␡'),
            c if is_unsafe(c) => out.push('·'),
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{61c}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked_by_value_by_shape_and_by_name() {
        let redactor = Redactor::new(["hunter2hunter2".to_owned(), "abc".to_owned()]);
        let masked = |text: &str| redactor.mask(text).into_owned();
        assert_eq!(masked("got hunter2hunter2 and abc"), "got •••• and abc");
        assert_eq!(masked("key AKIAIOSFODNN7EXAMPLE used"), "key •••• used");
        assert_eq!(masked("AKIA is a prefix"), "AKIA is a prefix");
        assert_eq!(masked("no postgres://app:hun@ter@db:5432/shop?x"), "no postgres://app:••••@db:5432/shop?x");
        assert_eq!(masked("'redis://:pw@cache' https://a.b/c@d:e"), "'redis://:••••@cache' https://a.b/c@d:e");
        assert_eq!(masked("postgres password=s3cr3t host=db"), "postgres password=•••• host=db");
        assert_eq!(masked(r#"{"token": "eyJhbGci", "n": 1}"#), r#"{"token": "••••", "n": 1}"#);
        assert_eq!(masked("Authorization: Bearer abc.def"), "Authorization: Bearer ••••");
        assert_eq!(masked("DB_PASSWORD_FILE: /run/x"), "DB_PASSWORD_FILE: ••••");
        assert_eq!(masked("no secret in here"), "no secret in here");
        assert_eq!(masked("the token ring"), "the token ring");
    }

    #[test]
    fn what_is_left_of_a_secret_where_a_text_was_cut_is_masked_too() {
        let redactor = Redactor::new(["hunter2hunter2".to_owned()]);
        assert_eq!(redactor.mask("denied for hunter2hun…"), "denied for ••••…");
        let twice = "hunter2hu…, wanted … hunter2 …, 3 times";
        assert_eq!(redactor.mask(twice), "••••…, wanted … hunter2 …, 3 times");
        assert_eq!(redactor.mask("denied for hunter2hun"), "denied for hunter2hun", "nothing was cut off here");
        assert_eq!(redactor.mask("denied for hunt…"), "denied for hunt…", "too short to tell");
    }

    #[test]
    fn nothing_that_steers_a_terminal_comes_through() {
        let shown = printable("\x1b[2J\x07a\tb\u{202e}c\u{9b}d\r\n");
        assert_eq!(shown, "␛[2J␇a b·c·d␍␊");
        assert!(matches!(printable("plain ✔ text"), Cow::Borrowed(_)));
    }
}
