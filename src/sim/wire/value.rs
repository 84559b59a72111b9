//! The body of an answer, independent of the protocol that carries it.

use std::collections::BTreeMap;

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::domain::time::Timestamp;

/// One value of an answer. Each protocol writes the same value its own way: a moment is a number of seconds in JSON,
/// a tagged one in CBOR and a date in XML; a list's elements are `<member>`s in XML only.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    Time(Timestamp),
    List(Vec<Value>),
    /// A list whose elements have a name of their own in XML, where others have `<member>`s.
    Named(&'static str, Vec<Value>),
    /// A structure: its members are named by AWS's model.
    Struct(Fields),
    /// A map: its keys are data.
    Map(Vec<(String, Value)>),
}

/// The members of a structure, in the order in which they are written. Absent members are left out, as AWS does.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Fields(Vec<(&'static str, Value)>);

impl Fields {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds a member that is always present.
    #[must_use]
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.0.push((name, value.into()));
        self
    }

    /// Adds a member that AWS leaves out when it has no value.
    #[must_use]
    pub(crate) fn maybe(self, name: &'static str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// Adds a list that AWS leaves out when it is empty.
    #[must_use]
    pub(crate) fn unless_empty<T: Into<Value>>(self, name: &'static str, items: impl IntoIterator<Item = T>) -> Self {
        let items: Vec<Value> = items.into_iter().map(Into::into).collect();
        if items.is_empty() { self } else { self.with(name, Value::List(items)) }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'static str, &Value)> {
        self.0.iter().map(|(name, value)| (*name, value))
    }
}

impl Value {
    /// A list made of anything that is a value.
    pub(crate) fn list<T: Into<Value>>(items: impl IntoIterator<Item = T>) -> Self {
        Self::List(items.into_iter().map(Into::into).collect())
    }

    /// A structure without members: the answer of operations that return nothing.
    pub(crate) fn nothing() -> Self {
        Self::Struct(Fields::new())
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Int(value) => serializer.serialize_i64(*value),
            Self::Float(value) => serializer.serialize_f64(*value),
            Self::Text(value) => serializer.serialize_str(value),
            Self::Time(at) => serializer.serialize_f64(seconds(*at)),
            Self::List(items) | Self::Named(_, items) => serializer.collect_seq(items),
            Self::Struct(fields) => {
                let mut map = serializer.serialize_map(Some(fields.0.len()))?;
                for (name, value) in fields.iter() {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
            Self::Map(entries) => serializer.collect_map(entries.iter().map(|(key, value)| (key, value))),
        }
    }
}

/// Seconds since the epoch, the way JSON and CBOR carry a moment.
pub(crate) fn seconds(at: Timestamp) -> f64 {
    at.millis() as f64 / 1_000.0
}

impl From<Fields> for Value {
    fn from(fields: Fields) -> Self {
        Self::Struct(fields)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<i32> for Value {
    fn from(value: i32) -> Self {
        Self::Int(value.into())
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Self::Int(value.into())
    }
}

impl From<u16> for Value {
    fn from(value: u16) -> Self {
        Self::Int(value.into())
    }
}

impl From<usize> for Value {
    fn from(value: usize) -> Self {
        Self::Int(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

impl From<u64> for Value {
    fn from(value: u64) -> Self {
        Self::Int(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<&String> for Value {
    fn from(value: &String) -> Self {
        Self::Text(value.clone())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<Timestamp> for Value {
    fn from(value: Timestamp) -> Self {
        Self::Time(value)
    }
}

impl<T: Into<Value>> From<Vec<T>> for Value {
    fn from(items: Vec<T>) -> Self {
        Self::list(items)
    }
}

impl From<&BTreeMap<String, String>> for Value {
    fn from(entries: &BTreeMap<String, String>) -> Self {
        Self::Map(entries.iter().map(|(key, value)| (key.clone(), value.into())).collect())
    }
}

/// Free-form JSON, such as the container definitions that a client registered; nulls are absent members.
impl From<&serde_json::Value> for Value {
    fn from(json: &serde_json::Value) -> Self {
        match json {
            serde_json::Value::Null => Self::nothing(),
            serde_json::Value::Bool(value) => Self::Bool(*value),
            serde_json::Value::Number(number) => {
                number.as_i64().map_or_else(|| Self::Float(number.as_f64().unwrap_or_default()), Self::Int)
            }
            serde_json::Value::String(text) => Self::Text(text.clone()),
            serde_json::Value::Array(items) => Self::list(items.iter().filter(|item| !item.is_null())),
            serde_json::Value::Object(members) => Self::Map(
                members
                    .iter()
                    .filter(|(_, value)| !value.is_null())
                    .map(|(key, value)| (key.clone(), value.into()))
                    .collect(),
            ),
        }
    }
}
