//! What an item of the launch checklist is when nothing was found, and the signs of the text.

use std::fmt;

use crate::cloud::{CloudError, ErrorKind};
use crate::domain::checklist::{Item, Mark};

/// A mark's sign, or the one that ASCII has.
pub(super) fn sign(mark: Mark, ascii: bool) -> &'static str {
    match (mark, ascii) {
        (Mark::Fine, false) => "✔",
        (Mark::Wrong, false) => "✖",
        (Mark::Fine, true) => "+",
        (Mark::Wrong, true) => "x",
        (Mark::Unknown, _) => "?",
    }
}

/// The configuration names none of it.
pub(super) fn unconfigured(name: impl Into<String>, key: impl fmt::Display) -> Item {
    Item::unknown(name, "not configured", format!("configure {key}"))
}

/// It could not be read. What may not be read is wrong: cutover needs it.
pub(super) fn unread(name: impl Into<String>, error: &CloudError) -> Item {
    let (operation, seen) = (error.operation, error.to_string());
    match error.kind {
        ErrorKind::Denied => Item::wrong(name, seen, format!("allow `{operation}` to the identity that cutover uses")),
        ErrorKind::NotFound => Item::wrong(name, seen, "correct its name in the configuration, or create it"),
        ErrorKind::Expired => Item::wrong(name, seen, "log in again: `aws sso login`, or new keys"),
        _ => Item::unknown(name, seen, "run it again"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_not_be_read_is_wrong_and_what_fails_for_the_moment_is_not_known() {
        let mark = |kind| {
            let error = CloudError { kind, operation: "ecs:DescribeServices", message: "no".to_owned() };
            unread("it", &error)
        };
        let denied = mark(ErrorKind::Denied);
        assert_eq!(denied.mark, Mark::Wrong);
        assert_eq!(denied.remedy.as_deref(), Some("allow `ecs:DescribeServices` to the identity that cutover uses"));
        assert_eq!(mark(ErrorKind::Throttled).mark, Mark::Unknown);
        assert_eq!(mark(ErrorKind::Timeout).mark, Mark::Unknown);
    }
}
