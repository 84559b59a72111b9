//! awsQuery: form-encoded requests, XML answers.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::tz::TimeZone;
use serde_json::{Map, Value as Json};

use super::value::{Fields, Value};
use crate::domain::time::Timestamp;

/// A key with more parts than any AWS model has is refused rather than recursed into.
const MAX_PARTS: usize = 32;

/// A request's parameters as a tree, before lists and maps are told apart.
#[derive(Default)]
struct Node {
    text: Option<String>,
    children: BTreeMap<String, Node>,
}

/// Reads a form body into the tree that JSON clients would send: `A.member.2.B=x` is the second element of list `A`,
/// `M.entry.1.key=k&M.entry.1.value=v` (or `Name`/`Value`) an entry of map `M`. Every leaf is a string.
pub(crate) fn decode(body: &[u8]) -> Json {
    let mut root = Node::default();
    for (key, value) in form_urlencoded::parse(body) {
        if key.split('.').count() > MAX_PARTS {
            continue;
        }
        let mut node = &mut root;
        for part in key.split('.') {
            node = node.children.entry(part.to_owned()).or_default();
        }
        node.text = Some(value.into_owned());
    }
    collapse(root)
}

fn collapse(mut node: Node) -> Json {
    if node.children.is_empty() {
        return node.text.map_or(Json::Null, Json::String);
    }
    if let Some(list) = node.children.remove("member") {
        return Json::Array(in_order(list).map(collapse).collect());
    }
    if let Some(map) = node.children.remove("entry") {
        return Json::Object(in_order(map).filter_map(entry).collect());
    }
    Json::Object(node.children.into_iter().map(|(name, child)| (name, collapse(child))).collect::<Map<_, _>>())
}

fn in_order(list: Node) -> impl Iterator<Item = Node> {
    let mut items: Vec<(u64, Node)> =
        list.children.into_iter().map(|(index, item)| (index.parse().unwrap_or(u64::MAX), item)).collect();
    items.sort_by_key(|(index, _)| *index);
    items.into_iter().map(|(_, item)| item)
}

fn entry(mut pair: Node) -> Option<(String, Json)> {
    let key = pair.children.remove("key").or_else(|| pair.children.remove("Name"))?.text?;
    let value = pair.children.remove("value").or_else(|| pair.children.remove("Value"))?;
    Some((key, collapse(value)))
}

/// Writes a successful answer. Operations without a result have no `<…Result>` element.
pub(crate) fn encode(operation: &str, namespace: &str, request_id: &str, body: &Value) -> String {
    let mut xml = String::with_capacity(1_024);
    _ = write!(xml, r#"<{operation}Response xmlns="{namespace}">"#);
    if *body != Value::nothing() {
        element(&mut xml, &format!("{operation}Result"), body);
    }
    _ = write!(xml, "<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{operation}Response>");
    xml
}

/// Writes a refused answer. A status from 500 on is AWS's fault (`Receiver`), any other the client's (`Sender`).
pub(crate) fn encode_error(namespace: &str, request_id: &str, status: u16, code: &str, message: &str) -> String {
    let fault = if status >= 500 { "Receiver" } else { "Sender" };
    let error = Fields::new().with("Type", fault).with("Code", code).with("Message", message);
    let mut xml = format!(r#"<ErrorResponse xmlns="{namespace}">"#);
    element(&mut xml, "Error", &error.into());
    _ = write!(xml, "<RequestId>{request_id}</RequestId></ErrorResponse>");
    xml
}

fn element(xml: &mut String, name: &str, value: &Value) {
    _ = write!(xml, "<{name}>");
    match value {
        Value::Bool(value) => _ = write!(xml, "{value}"),
        Value::Int(value) => _ = write!(xml, "{value}"),
        Value::Float(value) => _ = write!(xml, "{value:?}"),
        Value::Text(text) => escape(xml, text),
        Value::Time(at) => xml.push_str(&iso(*at)),
        Value::List(items) => items.iter().for_each(|item| element(xml, "member", item)),
        Value::Named(name, items) => items.iter().for_each(|item| element(xml, name, item)),
        Value::Struct(fields) => fields.iter().for_each(|(name, value)| element(xml, name, value)),
        Value::Map(entries) => {
            for (key, value) in entries {
                xml.push_str("<entry>");
                element(xml, "key", &Value::Text(key.clone()));
                element(xml, "value", value);
                xml.push_str("</entry>");
            }
        }
    }
    _ = write!(xml, "</{name}>");
}

/// XML 1.0 cannot carry most control characters at all; they become the replacement character, as AWS does.
fn escape(xml: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '"' => xml.push_str("&quot;"),
            '\r' => xml.push_str("&#xD;"),
            '\n' | '\t' => xml.push(c),
            c if c < ' ' || c == '\u{fffe}' || c == '\u{ffff}' => xml.push('\u{fffd}'),
            c => xml.push(c),
        }
    }
}

/// A moment as awsQuery writes it: `2026-11-20T08:00:01.000Z`.
pub(crate) fn iso(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.millis())
        .map(|at| at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lists_and_maps_are_told_from_structures() {
        let form = b"Action=X&Rules.member.10.Weight=1&Rules.member.2.Weight=9&Filter.Name=a%26b\
            &Attributes.entry.1.Name=env&Attributes.entry.1.Value.DataType=String&Empty=";
        assert_eq!(
            decode(form),
            json!({
                "Action": "X",
                "Attributes": {"env": {"DataType": "String"}},
                "Empty": "",
                "Filter": {"Name": "a&b"},
                "Rules": [{"Weight": "9"}, {"Weight": "1"}],
            })
        );
    }

    #[test]
    fn text_cannot_break_out_of_its_element() {
        let body = Fields::new().with("Message", "a<b> & \"c\" \u{1b}[31m").with("At", Timestamp::from_millis(1_500));
        let xml = encode("Publish", "urn:x", "id-1", &body.into());
        assert_eq!(
            xml,
            "<PublishResponse xmlns=\"urn:x\"><PublishResult><Message>a&lt;b&gt; &amp; &quot;c&quot; \u{fffd}[31m</Message>\
             <At>1970-01-01T00:00:01.500Z</At></PublishResult><ResponseMetadata><RequestId>id-1</RequestId>\
             </ResponseMetadata></PublishResponse>"
        );
    }

    #[test]
    fn the_side_at_fault_follows_the_status() {
        assert!(encode_error("urn:x", "1", 400, "Throttling", "Rate exceeded").contains("<Type>Sender</Type>"));
        assert!(encode_error("urn:x", "1", 503, "ServiceUnavailable", "").contains("<Type>Receiver</Type>"));
    }
}
