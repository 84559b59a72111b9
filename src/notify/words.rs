//! Text within the bounds of whoever receives it.

use crate::domain::effect::Severity;
use crate::domain::time::Timestamp;

/// `text` in at most `most` characters; what is cut ends in `…`.
pub(super) fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some(_) => text.chars().take(most.saturating_sub(1)).chain(['…']).collect(),
    }
}

/// A moment as RFC 3339 has it, in UTC, to the second.
pub(super) fn rfc3339(at: Timestamp) -> String {
    jiff::Timestamp::from_second(at.secs()).unwrap_or_default().to_string()
}

/// A sign for how loud a message is, where there are pictures.
pub(super) fn sign(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "🔵",
        Severity::Warning => "🟠",
        Severity::Critical => "🔴",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_between_characters_and_says_so() {
        assert_eq!(cut("äöü", 3), "äöü");
        assert_eq!(cut("äöüß", 3), "äö…");
        assert_eq!(cut("", 0), "");
    }

    #[test]
    fn moments_are_utc() {
        assert_eq!(rfc3339(Timestamp::from_millis(1_795_161_600_999)), "2026-11-20T08:00:00Z");
    }
}
