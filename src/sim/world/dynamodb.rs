//! DynamoDB: tables with one key of text, read by that key and written under a condition.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use super::{ApiError, ApiResult, World};
use crate::sim::scenario::schema;

/// An item: attributes by name, each as DynamoDB writes it, such as `{"S": "text"}`.
pub type Item = Map<String, Json>;

/// A table.
#[derive(Clone, Debug)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// The attribute that items are told apart by.
    pub key: String,
    /// Its type: `S`, `N` or `B`.
    pub key_type: String,
    items: BTreeMap<String, Item>,
}

/// What came of a write.
#[derive(Clone, Debug, PartialEq)]
pub enum Put {
    /// It was done.
    Done,
    /// Its condition does not hold: this is there.
    NotSo(Option<Item>),
}

impl World {
    pub(super) fn set_up_tables(&mut self) {
        let table = |it: &schema::EstateLockTable| Table {
            name: it.name.clone(),
            key: it.key.clone(),
            key_type: it.key_type.clone(),
            items: BTreeMap::new(),
        };
        self.tables = self.schema.estate.lock_table.iter().map(table).collect();
    }

    /// `DescribeTable`.
    pub fn describe_table(&self, name: &str) -> ApiResult<&Table> {
        self.tables.iter().find(|table| table.name == name).ok_or_else(missing)
    }

    /// `GetItem`, always consistent.
    pub fn get_item(&self, table: &str, key: &Item) -> ApiResult<Option<Item>> {
        let table = self.describe_table(table)?;
        Ok(table.items.get(&table.key_of(key)?).cloned())
    }

    /// `PutItem`, if `condition` holds of what is there; `values` are what its names stand for.
    pub fn put_item(&mut self, table: &str, item: Item, condition: Option<&str>, values: &Item) -> ApiResult<Put> {
        let now = self.now;
        let table = self.tables.iter_mut().find(|known| known.name == table).ok_or_else(missing)?;
        let key = table.key_of(&item)?;
        let there = table.items.get(&key);
        if let Some(condition) = condition
            && !holds(condition, there, values)?
        {
            return Ok(Put::NotSo(there.cloned()));
        }
        let (name, shown) = (table.name.clone(), key.clone());
        table.items.insert(key, item);
        self.ledger.change(now, "PutItem", vec![("table", name), ("key", shown)]);
        Ok(Put::Done)
    }

    /// `DeleteItem` without a condition: somebody takes it out by hand.
    pub fn delete_item(&mut self, table: &str, key: &Item) -> ApiResult<()> {
        let table = self.tables.iter_mut().find(|known| known.name == table).ok_or_else(missing)?;
        let key = table.key_of(key)?;
        table.items.remove(&key);
        Ok(())
    }

    /// The items of a table, by their keys; none if there is no such table.
    pub fn items(&self, table: &str) -> impl Iterator<Item = (&String, &Item)> {
        self.tables.iter().filter(move |known| known.name == table).flat_map(|known| &known.items)
    }
}

impl Table {
    fn key_of(&self, item: &Item) -> ApiResult<String> {
        let Some(value) = item.get(&self.key) else {
            let what = format!("One or more parameter values were invalid: Missing the key {} in the item", self.key);
            return Err(invalid(what));
        };
        let text = value.get(&self.key_type).and_then(Json::as_str);
        text.map(str::to_owned).ok_or_else(|| {
            let (key, kind) = (&self.key, &self.key_type);
            invalid(format!("One or more parameter values were invalid: Type mismatch for key {key} expected: {kind}"))
        })
    }
}

/// Whether a condition holds: `attribute_not_exists(NAME)`, `attribute_exists(NAME)` and `NAME = :value`, joined by AND.
fn holds(condition: &str, there: Option<&Item>, values: &Item) -> ApiResult<bool> {
    let mut all = true;
    for part in condition.split(" AND ").map(str::trim) {
        let named = |function: &str| part.strip_prefix(function)?.strip_suffix(')');
        let attribute = |name: &str| there.and_then(|item| item.get(name.trim()));
        all &= if let Some(name) = named("attribute_not_exists(") {
            attribute(name).is_none()
        } else if let Some(name) = named("attribute_exists(") {
            attribute(name).is_some()
        } else if let Some((name, value)) = part.split_once('=') {
            let value = value.trim();
            let wanted = values.get(value).ok_or_else(|| {
                let why = format!(
                    "An expression attribute value used in expression is not defined; attribute value: {value}"
                );
                invalid(format!("Invalid ConditionExpression: {why}"))
            })?;
            attribute(name) == Some(wanted)
        } else {
            return Err(invalid(format!("Invalid ConditionExpression: Syntax error; token: \"{part}\"")));
        };
    }
    Ok(all)
}

fn missing() -> ApiError {
    ApiError::new("ResourceNotFoundException", "Requested resource not found")
}

fn invalid(message: String) -> ApiError {
    ApiError::new("ValidationException", message)
}
