//! Typed reading of a request's parameters, whatever protocol carried them: awsQuery sends every number, flag and
//! moment as text.

use serde_json::Value as Json;

use super::service::Service;
use crate::domain::time::Timestamp;
use crate::sim::world::ApiError;

/// One structure of a request. Absent and null members read as `None`.
#[derive(Clone, Copy)]
pub(crate) struct Input<'a> {
    service: Service,
    node: &'a Json,
}

impl<'a> Input<'a> {
    pub(crate) fn new(service: Service, node: &'a Json) -> Self {
        Self { service, node }
    }

    /// The member as it came.
    pub(crate) fn raw(self, name: &str) -> Option<&'a Json> {
        self.node.get(name).filter(|member| !member.is_null())
    }

    /// Every member of the structure, as it came.
    pub(crate) fn everything(self) -> impl Iterator<Item = (&'a String, &'a Json)> {
        self.node.as_object().into_iter().flatten()
    }

    fn read<T>(self, name: &str, kind: &str, read: impl FnOnce(&'a Json) -> Option<T>) -> Result<Option<T>, ApiError> {
        let Some(member) = self.raw(name) else { return Ok(None) };
        match read(member) {
            Some(value) => Ok(Some(value)),
            None => Err(self.service.invalid(format!("{name} must be {kind}"))),
        }
    }

    pub(crate) fn text(self, name: &str) -> Result<Option<&'a str>, ApiError> {
        self.read(name, "a string", Json::as_str)
    }

    /// Text that has to be there and not be empty.
    pub(crate) fn required(self, name: &str) -> Result<&'a str, ApiError> {
        self.text(name)?.filter(|text| !text.is_empty()).ok_or_else(|| self.service.missing(name))
    }

    /// An owned copy, for inputs that keep it.
    pub(crate) fn string(self, name: &str) -> Result<Option<String>, ApiError> {
        Ok(self.text(name)?.map(str::to_owned))
    }

    pub(crate) fn int(self, name: &str) -> Result<Option<i64>, ApiError> {
        self.read(name, "an integer", |member| member.as_i64().or_else(|| member.as_str()?.parse().ok()))
    }

    /// A count within AWS's range for it.
    pub(crate) fn count(self, name: &str, range: std::ops::RangeInclusive<i64>) -> Result<Option<usize>, ApiError> {
        let Some(count) = self.int(name)? else { return Ok(None) };
        if range.contains(&count) {
            return Ok(usize::try_from(count).ok());
        }
        Err(self.service.invalid(format!("{name} must be between {} and {}", range.start(), range.end())))
    }

    /// A whole number that fits `u32`.
    pub(crate) fn natural(self, name: &str) -> Result<Option<u32>, ApiError> {
        let Some(value) = self.int(name)? else { return Ok(None) };
        u32::try_from(value).map(Some).map_err(|_| self.service.invalid(format!("{name} must not be negative")))
    }

    pub(crate) fn float(self, name: &str) -> Result<Option<f64>, ApiError> {
        self.read(name, "a number", number)
    }

    pub(crate) fn flag(self, name: &str) -> Result<Option<bool>, ApiError> {
        self.read(name, "a boolean", |member| member.as_bool().or_else(|| member.as_str()?.parse().ok()))
    }

    /// A moment: seconds since the epoch, or a date in awsQuery.
    pub(crate) fn time(self, name: &str) -> Result<Option<Timestamp>, ApiError> {
        self.read(name, "a timestamp", |member| match member.as_str() {
            Some(text) => text.parse::<jiff::Timestamp>().ok().map(|at| Timestamp::from_millis(at.as_millisecond())),
            None => member.as_f64().map(|seconds| Timestamp::from_millis((seconds * 1_000.0).round() as i64)),
        })
    }

    /// A moment in milliseconds since the epoch, which is how CloudWatch Logs counts.
    pub(crate) fn millis(self, name: &str) -> Result<Option<Timestamp>, ApiError> {
        Ok(self.int(name)?.map(Timestamp::from_millis))
    }

    pub(crate) fn member(self, name: &str) -> Option<Self> {
        self.raw(name).map(|node| Self { node, ..self })
    }

    /// The elements of a list of structures; none when it is absent.
    pub(crate) fn members(self, name: &str) -> Result<Vec<Self>, ApiError> {
        Ok(self.elements(name)?.iter().map(|node| Self { node, ..self }).collect())
    }

    /// The elements of a list of strings; none when it is absent.
    pub(crate) fn texts(self, name: &str) -> Result<Vec<String>, ApiError> {
        self.elements(name)?
            .iter()
            .map(|node| node.as_str().map(str::to_owned))
            .collect::<Option<_>>()
            .ok_or_else(|| self.service.invalid(format!("{name} must be a list of strings")))
    }

    /// The elements of a list of numbers; none when it is absent.
    pub(crate) fn floats(self, name: &str) -> Result<Vec<f64>, ApiError> {
        self.elements(name)?
            .iter()
            .map(number)
            .collect::<Option<_>>()
            .ok_or_else(|| self.service.invalid(format!("{name} must be a list of numbers")))
    }

    fn elements(self, name: &str) -> Result<&'a [Json], ApiError> {
        // awsQuery writes an empty list as an empty text.
        let read = |member: &'a Json| match member {
            Json::Array(items) => Some(items.as_slice()),
            Json::String(text) if text.is_empty() => Some(&[] as &[Json]),
            _ => None,
        };
        Ok(self.read(name, "a list", read)?.unwrap_or_default())
    }

    /// A refusal of a parameter, in the service's own words.
    pub(crate) fn invalid(self, message: impl Into<String>) -> ApiError {
        self.service.invalid(message)
    }

    /// A refusal of an absent parameter, in the service's own words.
    pub(crate) fn missing(self, name: &str) -> ApiError {
        self.service.missing(name)
    }
}

fn number(node: &Json) -> Option<f64> {
    node.as_f64().or_else(|| node.as_str()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn typed_and_textual_parameters_read_alike() {
        let typed = json!({"Weight": 10, "On": true, "At": 1.5, "Threshold": 5, "List": []});
        let textual =
            json!({"Weight": "10", "On": "true", "At": "1970-01-01T00:00:01.5Z", "Threshold": "5", "List": ""});
        for node in [typed, textual] {
            let input = Input::new(Service::Elbv2, &node);
            assert_eq!(input.int("Weight").unwrap(), Some(10));
            assert_eq!(input.flag("On").unwrap(), Some(true));
            assert_eq!(input.time("At").unwrap(), Some(Timestamp::from_millis(1_500)));
            assert_eq!(input.float("Threshold").unwrap(), Some(5.0));
            assert_eq!(input.texts("List").unwrap(), Vec::<String>::new());
            assert_eq!(input.text("Absent").unwrap(), None);
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_in_the_services_own_words() {
        let node = json!({"maxResults": 500, "service": 7});
        let input = Input::new(Service::Ecs, &node);
        assert_eq!(input.count("maxResults", 1..=100).unwrap_err().code, "InvalidParameterException");
        assert_eq!(input.required("service").unwrap_err().code, "InvalidParameterException");
        assert_eq!(Input::new(Service::CloudWatch, &node).required("AlarmName").unwrap_err().code, "MissingParameter");
    }
}
