//! A JSON Schema of the configuration, for editors. Which keys there are, and of what shape, is in [`sections`]; what they mean
//! is read from the manual's own tables, so that it is said once. Tests hold both against the readers.

mod manual;
mod sections;
mod shape;

use serde_json::{Map, Value, json};

use self::sections::SECTIONS;
use self::shape::{Key, Section, Shape};

/// The schema, of draft 2020-12.
pub fn schema() -> Value {
    let mut root = object(section("The file"), true);
    let head = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "cutover",
        "description": "Configuration of cutover, a release cockpit for services on AWS ECS.",
    });
    let defs: Map<String, Value> =
        SECTIONS.iter().filter(|it| it.heading != "The file").map(|it| (it.id.to_owned(), definition(it))).collect();
    let mut all = head.as_object().cloned().unwrap_or_default();
    all.append(&mut root);
    all.insert("$defs".to_owned(), Value::Object(defs));
    Value::Object(all)
}

/// The sections with the headings that the manual has them under, and the keys of each.
#[cfg(test)]
pub(super) fn keys() -> Vec<(&'static str, Vec<&'static str>)> {
    SECTIONS.iter().map(|it| (it.heading, it.keys.iter().map(|key| key.name).collect())).collect()
}

/// Stands for a heading that is not there, which a test would find.
const NONE: Section = Section { heading: "", id: "", keys: &[] };

fn section(heading: &str) -> &'static Section {
    SECTIONS.iter().find(|it| it.heading == heading).unwrap_or(&NONE)
}

fn definition(it: &Section) -> Value {
    Value::Object(object(it, true))
}

/// A table with these keys and no others; laid over another one, none is required.
fn object(it: &Section, is_whole: bool) -> Map<String, Value> {
    closed(&[it.heading], it.keys.iter(), is_whole)
}

fn closed<'k>(headings: &[&str], keys: impl Iterator<Item = &'k Key>, is_whole: bool) -> Map<String, Value> {
    let (mut properties, mut required) = (Map::new(), Vec::new());
    for key in keys {
        properties.insert(key.name.to_owned(), property(headings, key));
        if key.required && is_whole {
            required.push(Value::from(key.name));
        }
    }
    let mut table = Map::new();
    table.insert("type".to_owned(), "object".into());
    table.insert("properties".to_owned(), Value::Object(properties));
    if !required.is_empty() {
        table.insert("required".to_owned(), Value::Array(required));
    }
    table.insert("additionalProperties".to_owned(), false.into());
    table
}

/// A key with its title, and what the manual says of it under the first of these headings that has it.
fn property(headings: &[&str], key: &Key) -> Value {
    let shaped = value(key.shape);
    let mut all = Map::new();
    all.insert("title".to_owned(), key.name.into());
    if let Some(said) = headings.iter().find_map(|heading| manual::row(heading, key.name)) {
        let mut text = said.meaning;
        if !said.default.is_empty() && said.default != "required" {
            text.push_str(&format!("{}Default: {}", if text.is_empty() { "" } else { "\n\n" }, said.default));
        }
        all.insert("description".to_owned(), text.into());
    }
    all.extend(shaped.as_object().cloned().unwrap_or_default());
    Value::Object(all)
}

fn value(shape: Shape) -> Value {
    match shape {
        Shape::Flag => json!({ "type": "boolean" }),
        Shape::False => json!({ "const": false }),
        Shape::Number => json!({ "type": "number" }),
        Shape::AtLeast(least) => json!({ "type": "number", "minimum": least }),
        Shape::Whole(least, most) => json!({ "type": "integer", "minimum": least, "maximum": most }),
        Shape::Any => json!({ "type": "string" }),
        Shape::Text(pattern) => json!({ "type": "string", "pattern": pattern }),
        Shape::Word(words) => json!({ "enum": words }),
        Shape::List(item, least) => match least {
            0 => json!({ "type": "array", "items": value(*item) }),
            least => json!({ "type": "array", "items": value(*item), "minItems": least }),
        },
        Shape::Pair(item) => json!({ "type": "array", "items": value(*item), "minItems": 2, "maxItems": 2 }),
        Shape::Map(item) => json!({ "type": "object", "additionalProperties": value(*item) }),
        Shape::Named(item) => json!({
            "type": "object",
            "propertyNames": { "pattern": shape::NAME },
            "additionalProperties": value(*item),
        }),
        Shape::Of(heading) => json!({ "$ref": format!("#/$defs/{}", section(heading).id) }),
        Shape::Over(heading) => Value::Object(object(section(heading), false)),
        Shape::Either(shapes) => json!({ "anyOf": shapes.iter().map(|shape| value(*shape)).collect::<Vec<_>>() }),
        Shape::Kinds { common, tag, kinds } => kinds_of(common, tag, kinds),
    }
}

/// One table for each kind, told apart by the key `tag`, each with the common keys and its own.
fn kinds_of(common: &str, tag: &str, kinds: &[shape::Kind]) -> Value {
    let each = kinds.iter().map(|kind| {
        let shared = section(common).keys.iter().filter(|key| key.name != tag && !kind.without.contains(&key.name));
        let headings: Vec<&str> = kind.sections.iter().copied().chain([common]).collect();
        let own = kind.sections.iter().flat_map(|heading| section(heading).keys.iter());
        let own = own.filter(|key| !kind.without.contains(&key.name));
        let mut table = closed(&headings, shared.chain(own), true);
        let word = json!({ "title": tag, "const": kind.word });
        if let Some(Value::Object(properties)) = table.get_mut("properties") {
            properties.insert(tag.to_owned(), word);
        }
        let mut required: Vec<Value> = match table.remove("required") {
            Some(Value::Array(required)) => required,
            _ => Vec::new(),
        };
        if kind.is_tagged {
            required.insert(0, tag.into());
        }
        if !required.is_empty() {
            table.insert("required".to_owned(), Value::Array(required));
        }
        table.insert("title".to_owned(), kind.word.into());
        Value::Object(table)
    });
    json!({ "oneOf": each.collect::<Vec<_>>() })
}
