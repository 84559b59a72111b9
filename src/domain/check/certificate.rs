//! How long a certificate still holds.

use super::evaluate::Findings;
use super::words::{day, days, quote};
use super::{Certificate, CertificateRule};
use crate::domain::time::Timestamp;

/// Adds the result of a rule.
pub(super) fn hold(findings: &mut Findings<'_>, rule: CertificateRule, now: Timestamp) {
    let wanted = match rule.min_days {
        1 => "a day left".to_owned(),
        days => format!("{days} days left"),
    };
    match &findings.answer.certificate {
        Some(certificate) => {
            let left = days(certificate.not_after, now);
            let found = words(certificate, now);
            findings.add("certificate", left >= i64::from(rule.min_days), wanted, found);
        }
        None => findings.add("certificate", false, wanted, "none: the answer came without TLS"),
    }
}

/// `until 2027-02-03, 75 days, from Example CA`.
fn words(certificate: &Certificate, now: Timestamp) -> String {
    let left = days(certificate.not_after, now);
    format!("until {}, {left} days, from {}", day(certificate.not_after), quote(&certificate.issuer))
}
