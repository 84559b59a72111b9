//! A JSON Schema of the configuration, for editors. Which keys there are, and of what shape, is in [`sections`]; what they mean
//! is read from the manual's own tables, so that it is said once. Tests hold both against the readers.

mod manual;
mod sections;
mod shape;

use serde_json::{Map, Value, json};

use self::sections::SECTIONS;
use self::shape::{Key, Kinds, Section, Shape};

/// The schema, of draft 2020-12.
pub fn schema() -> Value {
    let mut root = object(section("The file"), Extent::Whole);
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
    Value::Object(object(it, Extent::Whole))
}

/// How much of a table must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extent {
    /// What is required.
    Whole,
    /// Nothing: it is laid over another one, key by key, and so are the tables in it. Arrays are replaced whole.
    Part,
}

/// A table with these keys and no others.
fn object(it: &Section, extent: Extent) -> Map<String, Value> {
    closed(&[it.heading], it.keys.iter(), extent)
}

fn closed<'k>(headings: &[&str], keys: impl Iterator<Item = &'k Key>, extent: Extent) -> Map<String, Value> {
    let (mut properties, mut required) = (Map::new(), Vec::new());
    for key in keys {
        properties.insert(key.name.to_owned(), property(headings, key, extent));
        if key.required && extent == Extent::Whole {
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
fn property(headings: &[&str], key: &Key, extent: Extent) -> Value {
    let shaped = value(key.shape, extent);
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

fn value(shape: Shape, extent: Extent) -> Value {
    let item = |shape: &Shape| value(*shape, Extent::Whole);
    match shape {
        Shape::Flag => json!({ "type": "boolean" }),
        Shape::False => json!({ "const": false }),
        Shape::Number => json!({ "type": "number" }),
        Shape::AtLeast(least) => json!({ "type": "number", "minimum": least }),
        Shape::Whole(least, most) => json!({ "type": "integer", "minimum": least, "maximum": most }),
        Shape::Any => json!({ "type": "string" }),
        Shape::Text(pattern) => json!({ "type": "string", "pattern": pattern }),
        Shape::Word(words) => json!({ "enum": words }),
        Shape::List(each, least) => match least {
            0 => json!({ "type": "array", "items": item(each) }),
            least => json!({ "type": "array", "items": item(each), "minItems": least }),
        },
        Shape::Pair(each) => json!({ "type": "array", "items": item(each), "minItems": 2, "maxItems": 2 }),
        Shape::One(each) => json!({ "type": "array", "items": item(each), "minItems": 1, "maxItems": 1 }),
        Shape::Map(each) => json!({ "type": "object", "additionalProperties": value(*each, extent) }),
        Shape::Named(each) => json!({
            "type": "object",
            "propertyNames": { "pattern": shape::NAME },
            "additionalProperties": value(*each, extent),
        }),
        Shape::Of(heading) => match extent {
            Extent::Whole => json!({ "$ref": format!("#/$defs/{}", section(heading).id) }),
            Extent::Part => Value::Object(object(section(heading), Extent::Part)),
        },
        Shape::Over(heading) => Value::Object(object(section(heading), Extent::Part)),
        Shape::Either(shapes) => {
            json!({ "anyOf": shapes.iter().map(|shape| value(*shape, extent)).collect::<Vec<_>>() })
        }
        Shape::Kinds(kinds) => kinds_of(kinds, &[], extent),
        Shape::OverKinds(kinds, fixed) => kinds_of(kinds, fixed, Extent::Part),
    }
}

/// One table for each kind, told apart by the key that names it, each with the common keys and its own but those in
/// `fixed`. Of a part the kind need not be named: it is one of those that have its keys.
fn kinds_of(of: &Kinds, fixed: &[&str], extent: Extent) -> Value {
    let Kinds { common, tag, each } = *of;
    let tables = each.iter().map(|kind| {
        let is_had = |key: &&Key| !kind.without.contains(&key.name) && !fixed.contains(&key.name);
        let shared = section(common).keys.iter().filter(|key| key.name != tag);
        let headings: Vec<&str> = kind.sections.iter().copied().chain([common]).collect();
        let own = kind.sections.iter().flat_map(|heading| section(heading).keys.iter());
        let mut table = closed(&headings, shared.chain(own).filter(is_had), extent);
        let word = json!({ "title": tag, "const": kind.word });
        if let Some(Value::Object(properties)) = table.get_mut("properties") {
            properties.insert(tag.to_owned(), word);
        }
        let mut required: Vec<Value> = match table.remove("required") {
            Some(Value::Array(required)) => required,
            _ => Vec::new(),
        };
        if kind.is_tagged && extent == Extent::Whole {
            required.insert(0, tag.into());
        }
        if !required.is_empty() {
            table.insert("required".to_owned(), Value::Array(required));
        }
        table.insert("title".to_owned(), kind.word.into());
        Value::Object(table)
    });
    let tables: Vec<Value> = tables.collect();
    match extent {
        Extent::Whole => json!({ "oneOf": tables }),
        Extent::Part => json!({ "anyOf": tables }),
    }
}
