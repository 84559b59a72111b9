//! From an event of a log to a line that is kept: harmless, and still what the service wrote.

use serde_json::{Map, Value};

use crate::domain::log::Level;
use crate::domain::log::reading::level;
use crate::domain::redact::Redactor;

/// Bytes kept of one line.
const LONGEST: usize = 64 * 1_024;

/// The level and the text of a log message. JSON stays JSON; each text in it is cleaned as it is meant, so that no escape
/// hides a secret or a control character.
pub(super) fn kept(message: &str, redactor: &Redactor) -> (Level, String) {
    let message = message.trim_end();
    let text = if message.len() > LONGEST {
        let (head, rest) = message.split_at(message.floor_char_boundary(LONGEST));
        format!("{} … {} bytes more", redactor.clean(head), rest.len())
    } else {
        json(message, redactor).unwrap_or_else(|| {
            let text = redactor.clean(message);
            // A raw control character is no JSON; what stands in its place may make it some, with escapes to be read.
            json(&text, redactor).unwrap_or(text)
        })
    };
    (level(&text), text)
}

/// A JSON object, cleaned; `None` when it is none.
fn json(message: &str, redactor: &Redactor) -> Option<String> {
    let fields = message.starts_with('{').then(|| serde_json::from_str::<Map<String, Value>>(message).ok());
    Some(Value::Object(cleaned(fields??, redactor)).to_string())
}

fn cleaned(fields: Map<String, Value>, redactor: &Redactor) -> Map<String, Value> {
    fields.into_iter().map(|(name, value)| (redactor.clean(&name), value_of(&name, value, redactor))).collect()
}

fn value_of(name: &str, value: Value, redactor: &Redactor) -> Value {
    match value {
        Value::String(text) => Value::String(redactor.clean_field(name, &text)),
        Value::Number(number) => {
            let text = number.to_string();
            let clean = redactor.clean_field(name, &text);
            if clean == text { Value::Number(number) } else { Value::String(clean) }
        }
        Value::Array(items) => Value::Array(items.into_iter().map(|item| value_of(name, item, redactor)).collect()),
        Value::Object(fields) => Value::Object(cleaned(fields, redactor)),
        Value::Null | Value::Bool(_) => value,
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use proptest::prelude::*;

    use super::*;
    use crate::domain::log::fields::fields;
    use crate::domain::log::reading::{laid_out, read};
    use crate::domain::redact::printable;

    /// What lines have been seen to do to whoever shows them.
    const HOSTILE: [&[u8]; 17] = [
        b"\x1b[2J\x1b[H\x1b[31mALL SYSTEMS DOWN\x1b[0m",
        b"\x1b]0;renamed\x07\x1b]52;c;ZXZpbA==\x07",
        b"\x1b]8;;http://evil.example\x1b\\\\click\x1b]8;;\x1b\\\\",
        b"\x9b31mC1 control \xc2\x9b31m as UTF-8",
        b"\xff\xfe\xc0\xaf broken UTF-8 \xed\xa0\x80",
        b"progress 10%\rprogress 100%\x08\x08\x08\x00\x7f",
        "user \u{202e}nimda\u{202c} \u{2066}from\u{2069} \u{200b}nowhere\u{feff}".as_bytes(),
        "tag \u{e0001}\u{e0041} and \u{fff9}notes\u{fffb}".as_bytes(),
        "a\u{300}\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}\u{307}".as_bytes(),
        br#"{"message":"\u001b[2J","\u202ekey":"\u0000","n":{"deep":["\u009b31m","\r\n"]}}"#,
        br#"{"message":"half a pair \ud83d and \udc00\ud83d","a":"\ud83d\ude00"}"#,
        br#"{"message":"unclosed \u001b"#,
        b"{\"a\":\"\x1b\\u008a\"}",
        br#"{"a":1,"a":"\u001b","a":null}"#,
        b"{{{{{{{{[[[[[[[[\"\\\x1b",
        b"",
        b"\x1bPq#0;2;0;0;0#0~~@@vv@@~~@@~~$-\x1b\\\\ \x1b_G payload \x1b\\\\",
    ];

    fn is_harmless(text: &str) -> bool {
        matches!(printable(text), Cow::Borrowed(_))
    }

    /// Everything that is made of a line for people.
    fn check(bytes: &[u8]) -> Result<(), TestCaseError> {
        let message = String::from_utf8_lossy(bytes);
        let (_, text) = kept(&message, &Redactor::default());
        prop_assert!(is_harmless(&text), "{text:?}");
        prop_assert!(is_harmless(&read(&text)), "{:?}", read(&text));
        prop_assert!(laid_out(&text).lines().all(is_harmless), "{:?}", laid_out(&text));
        for field in fields(&text) {
            prop_assert!(is_harmless(&field.name) && is_harmless(field.value.shown()), "{field:?}");
        }
        Ok(())
    }

    #[test]
    fn hostile_lines_come_out_harmless_whatever_is_made_of_them() {
        for line in HOSTILE {
            check(line).unwrap();
            let nested =
                serde_json::json!({ "message": String::from_utf8_lossy(line), "x": [String::from_utf8_lossy(line)] });
            check(nested.to_string().as_bytes()).unwrap();
        }
    }

    #[test]
    fn depth_is_no_danger() {
        let deep = format!("{}{}", "[".repeat(20_000), "]".repeat(20_000));
        check(format!("{{\"a\":{deep}}}").as_bytes()).unwrap();
        check(format!("{}{}", "{\"a\":".repeat(10_000), "}".repeat(10_000)).as_bytes()).unwrap();
    }

    proptest! {
        #[test]
        fn any_bytes_come_out_harmless(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            check(&bytes)?;
        }

        #[test]
        fn so_does_anything_that_looks_like_json(
            text in r#"(\{|\}|\[|\]|"|:|,|\\|\\u[0-9a-f]{4}|\\[bfnrt"/]|[a-z]{1,4}|[0-9]{1,3}|\x1b|\u{202e}|\PC){0,60}"#
        ) {
            check(text.as_bytes())?;
            check(format!("{{\"a\":\"{text}\"}}").as_bytes())?;
            check(format!("{{\"a\":{text}}}").as_bytes())?;
        }
    }

    fn text(message: &str) -> String {
        kept(message, &Redactor::new(["hunter2\"hunter2".to_owned()])).1
    }

    #[test]
    fn json_stays_json_and_is_cleaned_as_it_is_meant() {
        assert_eq!(
            text(
                r#"{"a": "x\u001b[2Jy", "b": {"api_token": "abc", "n": 12345678}, "c": "got hunter2\"hunter2", "d\u202e": 1}"#
            ),
            r#"{"a":"x␛[2Jy","b":{"api_token":"••••","n":12345678},"c":"got ••••","d·":1}"#
        );
        assert_eq!(
            text(r#"{"password": 123456, "tokens": ["a", "b"]}"#),
            r#"{"password":"••••","tokens":["••••","••••"]}"#
        );
    }

    #[test]
    fn other_text_is_cleaned_as_it_stands() {
        assert_eq!(text("ERROR \u{1b}[31mboom password=abc\n"), "ERROR ␛[31mboom password=••••");
        assert_eq!(kept("ERROR boom\n", &Redactor::default()), (Level::Error, "ERROR boom".to_owned()));
        assert_eq!(text("{not json\u{0}"), "{not json␀");
    }

    #[test]
    fn no_line_is_longer_than_is_kept_and_what_is_cut_is_said() {
        let long = text(&"é".repeat(40 * 1_024));
        assert!(long.len() < LONGEST + 64, "{}", long.len());
        assert!(long.ends_with(" … 16384 bytes more"), "{}", &long[long.len() - 40..]);
    }
}
