//! Why there is no answer, and what that means for a check.

use std::fmt;
use std::time::Duration;

use super::words::{apart, day, quote, span};
use super::{Certificate, HttpCheck};
use crate::domain::effect::CheckResult;
use crate::domain::time::Timestamp;

/// Names of a certificate that are listed.
const LISTED: usize = 3;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// The name does not resolve.
    #[error("no such host: {0}")]
    NoSuchHost(String),
    /// Nothing listens there.
    #[error("nothing listens at {0}")]
    Refused(String),
    /// No connection, for another reason.
    #[error("no connection to {address}: {reason}")]
    Unreachable {
        /// `host:port`.
        address: String,
        /// The operating system's or the proxy's reason.
        reason: String,
    },
    /// There was no whole answer by then.
    #[error("no whole answer within {}", span(*.0))]
    TimedOut(Duration),
    /// The connection ended before the answer did, or what came was no HTTP.
    #[error("connection lost: {0}")]
    Lost(String),
    /// There was no trust in the other end, so that nothing was asked.
    #[error("{trouble}")]
    Tls {
        /// What is wrong.
        trouble: TlsTrouble,
        /// The certificate that it showed, if it could be read.
        certificate: Option<Certificate>,
    },
    /// The request cannot be sent as it is.
    #[error("cannot be asked: {0}")]
    Impossible(String),
}

impl NoAnswer {
    /// Whether trying again may help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::NoSuchHost(_) | Self::Refused(_) | Self::Unreachable { .. } => true,
            Self::TimedOut(_) | Self::Lost(_) => true,
            Self::Tls { .. } | Self::Impossible(_) => false,
        }
    }
}

/// Why the other end is not to be trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TlsTrouble {
    /// Its certificate has expired.
    Expired,
    /// Its certificate does not hold yet.
    NotYetValid,
    /// Its certificate is for other hosts.
    WrongHost,
    /// Nobody known has signed its certificate.
    UnknownIssuer,
    /// Its certificate was taken back.
    Revoked,
    /// No common protocol, a broken certificate, and the like.
    Other(String),
}

impl fmt::Display for TlsTrouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Expired => "the certificate has expired",
            Self::NotYetValid => "the certificate does not hold yet",
            Self::WrongHost => "the certificate is for another host",
            Self::UnknownIssuer => "the certificate comes from an unknown issuer",
            Self::Revoked => "the certificate was revoked",
            Self::Other(what) => return write!(f, "TLS failed: {what}"),
        })
    }
}

/// The result of a check that got no answer.
pub fn unanswered(check: &HttpCheck, error: &NoAnswer, now: Timestamp) -> CheckResult {
    let (aspect, wanted, found) = match error {
        NoAnswer::Tls { trouble, certificate } => (
            "certificate",
            format!("valid for {}", host(&check.request.url)),
            distrust(trouble, certificate.as_ref(), now),
        ),
        NoAnswer::Impossible(what) => ("request", "one that can be sent".to_owned(), quote(what)),
        error => ("answer", format!("within {}", span(check.timeout)), quote(&error.to_string())),
    };
    CheckResult {
        name: check.name.clone(),
        aspect: aspect.to_owned(),
        passed: false,
        wanted,
        detail: found,
        took: None,
    }
}

fn distrust(trouble: &TlsTrouble, certificate: Option<&Certificate>, now: Timestamp) -> String {
    match (trouble, certificate) {
        (TlsTrouble::Expired, Some(shown)) => {
            format!("expired {} ({})", apart(shown.not_after, now), day(shown.not_after))
        }
        (TlsTrouble::NotYetValid, Some(shown)) => {
            format!("holds only from {} ({})", day(shown.not_before), apart(shown.not_before, now))
        }
        (TlsTrouble::WrongHost, Some(shown)) => {
            let mut names: Vec<String> = shown.names.iter().take(LISTED).map(|name| quote(name)).collect();
            if shown.names.len() > LISTED {
                names.push("…".to_owned());
            }
            format!("for {}", if names.is_empty() { "no host at all".to_owned() } else { names.join(", ") })
        }
        (TlsTrouble::UnknownIssuer, Some(shown)) => format!("from an unknown issuer: {}", quote(&shown.issuer)),
        (trouble, _) => quote(&trouble.to_string()),
    }
}

/// The host of a URL, for people.
fn host(url: &str) -> String {
    let host = url::Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned));
    quote(&host.unwrap_or_else(|| url.to_owned()))
}
