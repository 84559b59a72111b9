//! The schema against the manual, the files that are right, and those that are wrong.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};

use regex::Regex;
use serde_json::{Map, Value, json};

use super::mistakes::CASES;
use super::{EXAMPLE, LEAST, RARE, documented, read};
use crate::config::Mistake;
use crate::config::schema::{keys, schema};
use crate::domain::policy::Deed;

/// Headings of this program's own, for tables that the manual describes in a sentence.
const UNLISTED: [&str; 3] = ["contains", "tls", "on"];

/// Why a value is not what a schema says, as far as this program's schema uses its words; `None` when it is.
fn refusal(root: &Value, schema: &Value, value: &Value, place: &str) -> Option<String> {
    let no = |why: &str| Some(format!("{place}: {why}"));
    for (word, rule) in schema.as_object()? {
        let refused = match word.as_str() {
            "$schema" | "title" | "description" | "$defs" => None,
            "$ref" => {
                let pointer = rule.as_str().unwrap().strip_prefix('#').unwrap();
                refusal(root, root.pointer(pointer).unwrap_or_else(|| panic!("no {pointer}")), value, place)
            }
            "type" => {
                let is = match rule.as_str().unwrap() {
                    "object" => value.is_object(),
                    "array" => value.is_array(),
                    "string" => value.is_string(),
                    "boolean" => value.is_boolean(),
                    "number" => value.is_number(),
                    "integer" => value.is_i64(),
                    other => panic!("type {other}"),
                };
                if is { None } else { no(&format!("no {rule}")) }
            }
            "const" => {
                if rule == value {
                    None
                } else {
                    no("another value")
                }
            }
            "enum" => {
                if rule.as_array().unwrap().contains(value) {
                    None
                } else {
                    no("none of the words")
                }
            }
            "pattern" => match value.as_str() {
                Some(text) if !is_match(rule.as_str().unwrap(), text) => no("another pattern"),
                _ => None,
            },
            "minimum" => value.as_f64().filter(|it| *it < rule.as_f64().unwrap()).and_then(|_| no("too little")),
            "maximum" => value.as_f64().filter(|it| *it > rule.as_f64().unwrap()).and_then(|_| no("too much")),
            "minItems" => {
                value.as_array().filter(|it| it.len() < rule.as_u64().unwrap() as usize).and_then(|_| no("too few"))
            }
            "maxItems" => {
                value.as_array().filter(|it| it.len() > rule.as_u64().unwrap() as usize).and_then(|_| no("too many"))
            }
            "items" => value
                .as_array()
                .into_iter()
                .flatten()
                .enumerate()
                .find_map(|(index, item)| refusal(root, rule, item, &format!("{place}/{index}"))),
            "required" => value.as_object().and_then(|table| {
                let missing = rule.as_array().unwrap().iter().find(|key| !table.contains_key(key.as_str().unwrap()))?;
                no(&format!("lacks {missing}"))
            }),
            "properties" => value
                .as_object()
                .into_iter()
                .flatten()
                .find_map(|(key, item)| refusal(root, rule.get(key)?, item, &format!("{place}/{key}"))),
            "propertyNames" => value
                .as_object()
                .into_iter()
                .flatten()
                .find_map(|(key, _)| refusal(root, rule, &json!(key), &format!("{place}/{key}"))),
            "additionalProperties" => {
                let known = schema.get("properties").and_then(Value::as_object);
                let others = value.as_object().into_iter().flatten();
                others.filter(|(key, _)| known.is_none_or(|known| !known.contains_key(*key))).find_map(|(key, item)| {
                    if *rule == json!(false) {
                        no(&format!("unknown key {key}"))
                    } else {
                        refusal(root, rule, item, &format!("{place}/{key}"))
                    }
                })
            }
            "anyOf" | "oneOf" => {
                let refusals: Vec<Option<String>> =
                    rule.as_array().unwrap().iter().map(|each| refusal(root, each, value, place)).collect();
                let accepted = refusals.iter().filter(|refused| refused.is_none()).count();
                match accepted {
                    0 => Some(refusals.into_iter().flatten().collect::<Vec<_>>().join(" | ")),
                    several if several > 1 && word == "oneOf" => no("of several kinds"),
                    _ => None,
                }
            }
            other => panic!("the schema uses `{other}`, which this test does not know"),
        };
        if refused.is_some() {
            return refused;
        }
    }
    None
}

/// Patterns are many and each is asked often.
fn is_match(pattern: &str, text: &str) -> bool {
    thread_local!(static KNOWN: RefCell<HashMap<String, Regex>> = RefCell::default());
    KNOWN.with_borrow_mut(|known| {
        let regex = known.entry(pattern.to_owned()).or_insert_with(|| Regex::new(pattern).unwrap());
        regex.is_match(text)
    })
}

fn as_json(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) => number.into(),
        toml::Value::Boolean(flag) => flag.into(),
        // Editors show dates to a schema as text.
        toml::Value::Datetime(at) => at.to_string().into(),
        toml::Value::Array(all) => all.into_iter().map(as_json).collect(),
        toml::Value::Table(all) => {
            all.into_iter().map(|(key, value)| (key, as_json(value))).collect::<Map<_, _>>().into()
        }
    }
}

/// Why the schema refuses a file; `None` when it does not. What is no TOML is refused by the editor itself.
fn refused(text: &str) -> Option<String> {
    match toml::from_str::<toml::Value>(text) {
        Ok(value) => {
            let schema = schema();
            refusal(&schema, &schema, &as_json(value), "")
        }
        Err(error) => Some(error.to_string()),
    }
}

#[test]
fn files_that_are_right_are_right_by_the_schema() {
    for (name, text) in [("example", EXAMPLE), ("rare", RARE), ("least", LEAST)] {
        assert_eq!(refused(text), None, "{name}");
    }
}

#[test]
fn the_schema_has_the_keys_of_the_manual_and_says_what_it_says() {
    for (heading, keys) in keys().into_iter().filter(|(heading, _)| !UNLISTED.contains(heading)) {
        let mut listed = documented::documented(heading);
        if heading == "`checks`" {
            assert!(listed.contains("tls"));
        }
        let keys: BTreeSet<String> = keys.into_iter().map(str::to_owned).collect();
        // The manual's table of what all channels take is in two parts, of which only the first is read here.
        if heading == "`[channels.NAME]`" {
            listed.extend(["min_severity", "events"].map(str::to_owned));
        }
        if heading == "`kind = \"flag\"`" || heading == "`apply`" {
            continue;
        }
        assert_eq!(keys, listed, "{heading}");
    }
    let schema = schema();
    assert_eq!(schema["$defs"]["environment"]["properties"]["account"]["description"], "twelve digits, in quotes");
    let timeout = &schema["$defs"]["pipeline"]["properties"]["stages"]["items"]["oneOf"][0]["properties"]["timeout"];
    assert!(timeout["description"].as_str().unwrap().starts_with("it fails when its work takes longer"), "{timeout}");
}

/// Mistakes that a schema cannot see: what refers to something else in the file, compares two values, or is a rule of
/// several keys together.
const UNSEEN: [&str; 50] = [
    "duration misspelt",
    "duration beyond reason",
    "time-out of nothing",
    "percentage above a hundred",
    "percentage of nothing",
    "rule of another region",
    "target group of another account",
    "the same target group twice",
    "the same service twice",
    "two stages of one name",
    "steps that fall",
    "steps that stay",
    "steps from zero",
    "steps that do not end",
    "shift before deploy",
    "smoke before deploy",
    "smoke without a url",
    "unknown pipeline",
    "unknown channel",
    "unknown signal",
    "unknown environment",
    "settings where a component is not released",
    "unknown component in an environment",
    "automatic gates and no judge",
    "policy without a limit",
    "production without a gate",
    "stage of an environment that no pipeline has",
    "stage of an environment of another kind",
    "stage of an environment with a key that its kind lacks",
    "stage of an environment with a wrong value",
    "two rules of one name, one of an unknown environment",
    "digest before it is known",
    "digest beside the build",
    "digest in a phrase",
    "digest in an environment's phrase",
    "unknown variable, nearly right",
    "unknown variable",
    "a password in the environment",
    "theme misspelt",
    "two ways to green",
    "a way to green without a url",
    "checks of a side where there is none",
    "a secret in a header",
    "channel without its secret",
    "channel reached in two ways",
    "channel with its secret",
    "secret in two places",
    "status page that is not told",
    "build after what it builds for",
    "requests of a broken pattern, with fields that it has no use for",
];

#[test]
fn each_structural_mistake_is_refused_by_the_schema_too() {
    let unseen: Vec<&str> = CASES
        .iter()
        .filter(|(_, from, to)| refused(&LEAST.replacen(from, to, 1)).is_none())
        .map(|(what, _, _)| *what)
        .collect();
    assert_eq!(unseen, UNSEEN, "{unseen:#?}");
}

/// Every leaf of a document, by its pointer.
fn leaves(value: &Value, place: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(table) => table.iter().for_each(|(key, item)| {
            leaves(item, &format!("{place}/{}", key.replace('~', "~0").replace('/', "~1")), found);
        }),
        Value::Array(all) if !all.is_empty() => {
            all.iter().enumerate().for_each(|(index, item)| leaves(item, &format!("{place}/{index}"), found));
        }
        _ => found.push(place.to_owned()),
    }
}

#[test]
fn the_schema_and_the_readers_agree_on_types() {
    let schema = schema();
    // One of each kind: keys of stages are the same wherever the stage stands.
    let mut seen = BTreeSet::new();
    for (name, text) in [("rare", RARE), ("example", EXAMPLE)] {
        let whole = as_json(toml::from_str::<toml::Value>(text).unwrap());
        let mut places = Vec::new();
        leaves(&whole, "", &mut places);
        assert!(places.len() > 100, "{name}");
        places.retain(|place| {
            let words: Vec<&str> = place.split('/').filter(|word| word.parse::<usize>().is_err()).collect();
            seen.insert(words.iter().rev().take(2).copied().collect::<Vec<_>>().join(" "))
        });
        for place in places {
            for wrong in [json!(-1), json!("@"), json!({ "x": 1 })] {
                let mut changed = whole.clone();
                *changed.pointer_mut(&place).unwrap() = wrong.clone();
                let by_schema = refusal(&schema, &schema, &changed, "");
                let problems = read(&toml::to_string(&changed).unwrap()).err();
                let is_type = |mistake: &Mistake| matches!(mistake, Mistake::WrongType { .. });
                let by_type = problems.as_ref().is_some_and(|all| all.0.iter().any(|it| is_type(&it.mistake)));
                assert!(
                    by_schema.is_none() || problems.is_some(),
                    "{name} {place} = {wrong}: the schema alone refuses: {by_schema:?}"
                );
                assert!(
                    by_schema.is_some() || !by_type,
                    "{name} {place} = {wrong}: the readers alone refuse: {}",
                    problems.unwrap()
                );
            }
        }
    }
}

/// Whether the schema takes a file, and whether the readers do.
fn accepted(text: &str) -> (bool, bool) {
    (refused(text).is_none(), read(text).is_ok())
}

#[test]
fn an_environment_says_a_part_of_a_stage_and_of_the_tables_in_it() {
    let own = |stage: &str| accepted(&format!("{RARE}\n[environments.production.stages.{stage}\n"));
    for part in [
        "gates.window]\nwait = false",
        "schema.apply]\ncontainer = \"tools\"",
        "wake]\nkind = \"warm-up\"\nrequests = 5",
        "load]\nlimits = [{ name = \"p95\", at = \"/p95\", below = 900 }]",
    ] {
        assert_eq!(own(part), (true, true), "{part}");
    }
    for part in [
        "gates.window]\nwiat = false",
        "schema.apply]\ncontainer = 3",
        "wake]\nname = \"woken\"",
        "wake]\nrequests = 5\nspan = \"5m\"",
        "load]\nlimits = [{ name = \"p95\", below = 900 }]",
    ] {
        assert_eq!(own(part), (false, false), "{part}");
    }
}

#[test]
fn a_policy_may_name_every_command_and_whoever_an_identity_can_be() {
    let rule = |who: &str, may: &str| {
        accepted(&format!("{LEAST}\n[[policy.rules]]\nname = \"r\"\nwho = [\"{who}\"]\nmay = [\"{may}\"]\n"))
    };
    for word in Deed::all().map(Deed::word) {
        assert_eq!(rule("*", word), (true, true), "{word}");
    }
    let said = schema()["$defs"]["rule"]["properties"]["may"]["items"]["enum"].as_array().unwrap().len();
    assert_eq!(said, Deed::all().count() + 1, "`all` stands beside them");
    for who in
        ["arn:aws:iam::*:user/ann", "arn:aws:sts::1:assumed-role/a/*", "arn:*:*:*:*:*", "arn:::::", "arn:a:b:c:d:e:f"]
    {
        assert_eq!(rule(who, "all"), (true, true), "{who}");
    }
    for who in ["", "ann", "**", "arn:aws:iam::1", "arn:aws:iam::1:role/a b", " arn:aws:iam::1:role/a", "role/*"] {
        assert_eq!(rule(who, "all"), (false, false), "{who}");
    }
}
