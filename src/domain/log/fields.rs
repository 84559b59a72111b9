//! The fields of a line: of a JSON object, or of the pairs `name=value` in other text. Nothing is copied that need not be.

use std::borrow::Cow;

use crate::domain::redact::printable;

/// A field of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// Its name.
    pub name: Cow<'a, str>,
    /// What it holds.
    pub value: Value<'a>,
}

/// What a field holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// Text, without its quotes.
    Text(Cow<'a, str>),
    /// A number, a truth, nothing, or an object or array: as written.
    Other(&'a str),
}

impl<'a> Value<'a> {
    /// As people read it.
    pub fn shown(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Other(text) => text,
        }
    }

    /// The same, kept.
    pub fn into_shown(self) -> Cow<'a, str> {
        match self {
            Self::Text(text) => text,
            Self::Other(text) => Cow::Borrowed(text),
        }
    }

    /// The number that it is, or that its text begins to be nothing else than.
    pub fn number(&self) -> Option<f64> {
        self.shown().trim().parse().ok().filter(|number: &f64| number.is_finite())
    }
}

/// The fields of `text`, in its order: of a JSON object if it begins as one, otherwise every `name=value`. What is broken
/// ends them.
pub fn fields(text: &str) -> Fields<'_> {
    match text.strip_prefix('{') {
        Some(_) => Fields::Json(Json { text, at: 1, is_done: false }),
        None => Fields::Pairs(Pairs { text, at: 0 }),
    }
}

/// All fields of a JSON object, or `None` where `text` is not a whole one.
pub fn object(text: &str) -> Option<Vec<Field<'_>>> {
    let mut json = Json { text: text.starts_with('{').then_some(text)?, at: 1, is_done: false };
    let fields: Vec<Field<'_>> = json.by_ref().collect();
    (json.is_done && text.get(json.at..)?.trim().is_empty()).then_some(fields)
}

/// The field of this name. Where there is none, a name with dots leads into objects: `error.kind`.
pub fn field<'a>(text: &'a str, name: &str) -> Option<Value<'a>> {
    let (mut text, mut name) = (text, name);
    loop {
        if let Some(found) = fields(text).find(|field| field.name == name) {
            return Some(found.value);
        }
        let (outer, inner) = name.split_once('.')?;
        match fields(text).find(|field| field.name == outer)?.value {
            Value::Other(object) if object.starts_with('{') => (text, name) = (object, inner),
            Value::Other(_) | Value::Text(_) => return None,
        }
    }
}

/// The fields of a line.
#[derive(Clone, Debug)]
pub enum Fields<'a> {
    /// Of a JSON object.
    Json(Json<'a>),
    /// Of pairs in text.
    Pairs(Pairs<'a>),
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        match self {
            Self::Json(json) => json.next(),
            Self::Pairs(pairs) => pairs.next(),
        }
    }
}

/// The fields of a JSON object. Values are stepped over by counting brackets, so that no depth is too much.
#[derive(Clone, Debug)]
pub struct Json<'a> {
    text: &'a str,
    at: usize,
    /// The closing bracket was found where it belongs.
    is_done: bool,
}

impl<'a> Json<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek() == Some(byte)).then(|| self.at += 1)
    }

    /// The inside of a string, as written.
    fn string(&mut self) -> Option<&'a str> {
        self.take(b'"')?;
        let start = self.at;
        loop {
            let rest = self.text.as_bytes().get(self.at..)?;
            self.at += rest.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
            match self.peek()? {
                b'"' => break,
                _ => self.at += 2,
            }
        }
        let inside = self.text.get(start..self.at)?;
        self.at += 1;
        Some(inside)
    }

    fn value(&mut self) -> Option<Value<'a>> {
        match self.peek()? {
            b'"' => self.string().map(|inside| Value::Text(unescaped(inside))),
            b'{' | b'[' => self.nested().map(Value::Other),
            _ => {
                let rest = self.text.get(self.at..)?;
                let end = rest.find(|c: char| matches!(c, ',' | '}' | ']') || c.is_ascii_whitespace())?;
                let word = rest.get(..end).filter(|word| is_scalar(word))?;
                self.at += end;
                Some(Value::Other(word))
            }
        }
    }

    fn nested(&mut self) -> Option<&'a str> {
        let start = self.at;
        let mut depth = 0_usize;
        loop {
            let rest = self.text.as_bytes().get(self.at..)?;
            self.at += rest.iter().position(|byte| matches!(byte, b'"' | b'{' | b'[' | b'}' | b']'))?;
            match self.peek()? {
                b'"' => {
                    self.string()?;
                    continue;
                }
                b'{' | b'[' => depth += 1,
                _ => depth = depth.checked_sub(1)?,
            }
            self.at += 1;
            if depth == 0 {
                return self.text.get(start..self.at);
            }
        }
    }

    fn step(&mut self) -> Option<Field<'a>> {
        let is_first = self.at == 1;
        self.skip_space();
        if self.take(b'}').is_some() {
            self.is_done = true;
            return None;
        }
        if !is_first {
            self.take(b',')?;
            self.skip_space();
        }
        let name = unescaped(self.string()?);
        self.skip_space();
        self.take(b':')?;
        self.skip_space();
        let value = self.value()?;
        Some(Field { name, value })
    }
}

impl<'a> Iterator for Json<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        if self.is_done || self.at == usize::MAX {
            return None;
        }
        let field = self.step();
        if field.is_none() && !self.is_done {
            self.at = usize::MAX;
        }
        field
    }
}

fn is_scalar(word: &str) -> bool {
    matches!(word, "true" | "false" | "null")
        || (word.starts_with(|c: char| c == '-' || c.is_ascii_digit()) && word.parse::<f64>().is_ok())
}

/// The inside of a JSON string as it is meant; what it hides that could steer a terminal is made visible.
fn unescaped(inside: &str) -> Cow<'_, str> {
    if !inside.contains('\\') {
        return Cow::Borrowed(inside);
    }
    let mut out = String::with_capacity(inside.len());
    let mut rest = inside;
    while let Some((plain, escaped)) = rest.split_once('\\') {
        out.push_str(plain);
        let mut characters = escaped.chars();
        let meant = match characters.next() {
            Some('n') => '\n',
            Some('t') => '\t',
            Some('r') => '\r',
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('u') => {
                let (meant, length) = unicode(escaped);
                out.push(meant);
                rest = escaped.get(length..).unwrap_or_default();
                continue;
            }
            Some(other) => other,
            None => break,
        };
        out.push(meant);
        rest = characters.as_str();
    }
    out.push_str(rest.strip_suffix('\\').unwrap_or(rest));
    match printable(&out) {
        Cow::Borrowed(_) => Cow::Owned(out),
        Cow::Owned(safe) => Cow::Owned(safe),
    }
}

/// The character that `u` and four digits, or two such, stand for, and how many bytes they take.
fn unicode(escaped: &str) -> (char, usize) {
    let unit = |text: &str| u32::from_str_radix(text, 16).ok();
    let Some(first) = escaped.get(1..5).and_then(unit) else { return ('\u{fffd}', 1) };
    if let Some(plain) = char::from_u32(first) {
        return (plain, 5);
    }
    let second = escaped.get(5..11).and_then(|pair| pair.strip_prefix("\\u")).and_then(unit);
    match second.filter(|low| (0xd800..0xdc00).contains(&first) && (0xdc00..0xe000).contains(low)) {
        Some(low) => (char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + (low - 0xdc00)).unwrap_or('\u{fffd}'), 11),
        None => ('\u{fffd}', 5),
    }
}

/// Every `name=value` of a text; a value with spaces stands in double quotes.
#[derive(Clone, Debug)]
pub struct Pairs<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Iterator for Pairs<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        loop {
            let rest = self.text.get(self.at..)?;
            let mark = rest.find('=')?;
            let head = rest.get(..mark)?;
            let name_at = head
                .rfind(|c: char| !is_of_name(c))
                .map_or(0, |at| at + head.get(at..).and_then(|tail| tail.chars().next()).map_or(1, char::len_utf8));
            let name = head.get(name_at..)?;
            let after = rest.get(mark + 1..)?;
            let (value, length) = match after.strip_prefix('"') {
                Some(quoted) => {
                    let end = closing(quoted).unwrap_or(quoted.len());
                    (unescaped(quoted.get(..end)?), (end + 2).min(after.len()))
                }
                None => {
                    let end = after.find(|c: char| c.is_whitespace() || matches!(c, ',' | ';')).unwrap_or(after.len());
                    (Cow::Borrowed(after.get(..end)?), end)
                }
            };
            self.at += mark + 1 + length;
            let is_name = name.starts_with(|c: char| c.is_alphabetic() || matches!(c, '_' | '@'));
            if is_name && !value.is_empty() {
                return Some(Field { name: Cow::Borrowed(name), value: Value::Text(value) });
            }
        }
    }
}

/// Whether a field may have this character in its name.
pub fn is_of_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '@')
}

/// Where the quote closes that was opened before `text`.
fn closing(text: &str) -> Option<usize> {
    let mut is_escaped = false;
    text.bytes().position(|byte| {
        let closes = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        closes
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn named(text: &str) -> Vec<(String, String)> {
        fields(text).map(|field| (field.name.into_owned(), field.value.shown().to_owned())).collect()
    }

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn json_is_read_field_by_field_and_text_without_its_escapes() {
        let line = r#"{ "a":1 , "b" : "x \"y\" \u0041\n\ud83d\ude00", "c":{"d":["}",{}],"e":-2.5e3}, "f":null }"#;
        let expected = [("a", "1"), ("b", "x \"y\" A␊😀"), ("c", r#"{"d":["}",{}],"e":-2.5e3}"#), ("f", "null")];
        assert_eq!(named(line), pairs(&expected));
        assert_eq!(object(line).map(|all| all.len()), Some(4));
        assert_eq!(field(line, "c.e").and_then(|value| value.number()), Some(-2500.0));
        assert_eq!(field(line, "c.d.e"), None);
        assert_eq!(field(r#"{"a.b":1,"a":{"b":2}}"#, "a.b").unwrap().shown(), "1");
    }

    #[test]
    fn pairs_are_found_wherever_they_stand_in_a_text() {
        let line = r#"12:04 WARN pool wait ms=812 conn="19 of \"20\"" (user.id=42, ok=yes) a==b =c d="#;
        let expected = [("ms", "812"), ("conn", "19 of \"20\""), ("user.id", "42"), ("ok", "yes)"), ("a", "=b")];
        assert_eq!(named(line), pairs(&expected));
    }

    #[test]
    fn broken_json_is_no_object_and_gives_what_came_before_the_break() {
        for broken in [
            "{",
            "{\"a\":1",
            "{\"a\":1,}",
            "{\"a\" 1}",
            "{\"a\":1}x",
            "{\"a\":tru}",
            "{\"a\":[1}",
            "{\"a\":\"\\",
            "{,}",
        ] {
            assert_eq!(object(broken), None, "{broken}");
        }
        assert_eq!(named(r#"{"a":1,"b":"#), pairs(&[("a", "1")]));
        assert_eq!(object("{}"), Some(Vec::new()));
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_reader_and_nothing_unsafe_comes_out(text in r#"(\{|"|\\|\\u[0-9a-f]{0,4}|[a-z=:, \[\]{}"]|\PC|\x1b){0,60}"#) {
            for text in [text.clone(), format!("{{{text}")] {
                for found in fields(&text) {
                    if found.value.shown() != text && !text.contains('\u{1b}') {
                        prop_assert!(!found.value.shown().chars().any(char::is_control));
                    }
                }
                let _whole = object(&text);
                let _some = field(&text, "a.b");
            }
        }

        #[test]
        fn whatever_json_serde_writes_is_read_the_same(entries in prop::collection::btree_map("[a-z]{1,6}", "[ -~é日]{0,12}", 0..8)) {
            let text = serde_json::to_string(&entries).unwrap();
            let read: Vec<(String, String)> = object(&text).unwrap().into_iter()
                .map(|field| (field.name.into_owned(), field.value.into_shown().into_owned())).collect();
            let expected: Vec<(String, String)> = entries.into_iter().collect();
            prop_assert_eq!(read, expected);
        }
    }
}
