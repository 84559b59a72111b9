//! Smithy RPC v2 CBOR, which the AWS SDKs speak to CloudWatch.

use aws_smithy_cbor::data::Type;
use aws_smithy_cbor::decode::DeserializeError;
use aws_smithy_cbor::{Decoder, Encoder};
use aws_smithy_types::DateTime;
use serde_json::{Map, Number, Value as Json};

use super::value::Value;

/// Deeper bodies than any AWS model has are refused rather than recursed into.
const MAX_DEPTH: usize = 32;

/// Reads a request body. Moments become seconds since the epoch. An empty body is an empty structure.
pub(crate) fn decode(body: &[u8]) -> Result<Json, DeserializeError> {
    if body.is_empty() {
        return Ok(Json::Object(Map::new()));
    }
    item(&mut Decoder::new(body), MAX_DEPTH)
}

fn item(from: &mut Decoder<'_>, depth: usize) -> Result<Json, DeserializeError> {
    let deeper =
        depth.checked_sub(1).ok_or_else(|| DeserializeError::custom("body nested too deeply", from.position()))?;
    Ok(match from.datatype()? {
        Type::Bool => Json::Bool(from.boolean()?),
        Type::Null | Type::Undefined => {
            from.skip()?;
            Json::Null
        }
        Type::F16 | Type::F32 | Type::F64 => number(from.double()?),
        Type::Tag => number(from.timestamp()?.as_secs_f64()),
        Type::String | Type::StringIndef => Json::String(from.string()?),
        Type::Array | Type::ArrayIndef => {
            let length = from.list()?;
            let mut items = Vec::new();
            while more(from, length, items.len())? {
                items.push(item(from, deeper)?);
            }
            Json::Array(items)
        }
        Type::Map | Type::MapIndef => {
            let length = from.map()?;
            let mut members = Map::new();
            let mut read = 0;
            while more(from, length, read)? {
                let key = from.str()?.into_owned();
                members.insert(key, item(from, deeper)?);
                read += 1;
            }
            Json::Object(members)
        }
        Type::U8 | Type::U16 | Type::U32 | Type::U64 | Type::I8 | Type::I16 | Type::I32 | Type::I64 => {
            Json::Number(from.long()?.into())
        }
        Type::Int | Type::Simple | Type::Bytes | Type::BytesIndef | Type::Break | Type::Unknown(_) => {
            return Err(DeserializeError::custom("unsupported data type", from.position()));
        }
    })
}

/// Whether another element follows; steps over the break that ends an indefinite one.
fn more(from: &mut Decoder<'_>, length: Option<u64>, read: usize) -> Result<bool, DeserializeError> {
    match length {
        Some(length) => Ok((read as u64) < length),
        None if matches!(from.datatype()?, Type::Break) => {
            from.skip()?;
            Ok(false)
        }
        None => Ok(true),
    }
}

fn number(value: f64) -> Json {
    Number::from_f64(value).map_or(Json::Null, Json::Number)
}

/// Writes an answer's body.
pub(crate) fn encode(value: &Value) -> Vec<u8> {
    let mut encoder = Encoder::new(Vec::with_capacity(1_024));
    write(&mut encoder, value);
    encoder.into_writer()
}

fn write(to: &mut Encoder, value: &Value) {
    match value {
        Value::Bool(value) => {
            to.boolean(*value);
        }
        Value::Int(value) => {
            to.long(*value);
        }
        Value::Float(value) => {
            to.double(*value);
        }
        Value::Text(text) => {
            to.str(text);
        }
        Value::Time(at) => {
            to.timestamp(&DateTime::from_millis(at.millis()));
        }
        Value::List(items) | Value::Named(_, items) => {
            to.array(items.len());
            for item in items {
                write(to, item);
            }
        }
        Value::Struct(fields) => {
            to.begin_map();
            for (name, value) in fields.iter() {
                to.str(name);
                write(to, value);
            }
            to.end();
        }
        Value::Map(entries) => {
            to.map(entries.len());
            for (key, value) in entries {
                to.str(key);
                write(to, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::value::Fields;
    use super::*;
    use crate::domain::time::Timestamp;

    #[test]
    fn what_is_written_reads_back_with_moments_as_seconds_and_doubles_as_doubles() {
        let body = Fields::new()
            .with("Name", "p99")
            .with("At", Timestamp::from_millis(1_795_161_479_240))
            .with("Values", vec![5.0, 0.25])
            .with("Count", 3_i64)
            .with("On", true);
        let read = decode(&encode(&body.into())).unwrap();
        assert_eq!(read, json!({"Name": "p99", "At": 1_795_161_479.24, "Values": [5.0, 0.25], "Count": 3, "On": true}));
    }

    #[test]
    fn definite_and_indefinite_containers_are_read_alike() {
        let indefinite = [0xbf, 0x61, b'a', 0x9f, 0x01, 0x02, 0xff, 0xff];
        let definite = [0xa1, 0x61, b'a', 0x82, 0x01, 0x02];
        assert_eq!(decode(&indefinite).unwrap(), json!({"a": [1, 2]}));
        assert_eq!(decode(&definite).unwrap(), json!({"a": [1, 2]}));
    }

    #[test]
    fn truncated_and_bottomless_bodies_are_refused() {
        assert!(decode(&[0xa1, 0x61, b'a']).is_err());
        assert!(decode(&[0x81; 4_096]).is_err());
    }
}
