//! HTTP checks: what is asked, what the answer must be, and how it is held against that. Pure: who asks is [`crate::web`].

mod certificate;
mod evaluate;
mod headers;
mod json;
mod redirect;
mod unanswered;
mod words;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::time::{Timestamp, millis};

pub use evaluate::evaluate;
pub use redirect::follow;
pub use unanswered::{NoAnswer, TlsTrouble, unanswered};

/// One HTTP request and what its answer must be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpCheck {
    /// Its name in the table of results, unique in its stage.
    pub name: String,
    /// What is asked.
    pub request: Request,
    /// What the answer must be.
    pub expect: Expect,
    /// A try fails when no whole answer came by then.
    #[serde(with = "millis")]
    pub timeout: Duration,
    /// How often it is tried again.
    pub retries: u32,
    /// The pause before it is tried again.
    #[serde(with = "millis")]
    pub pause: Duration,
    /// What it is tried again for.
    pub retry_on: RetryOn,
}

impl fmt::Display for HttpCheck {
    /// `GET https://api.example/healthz answers 200`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} answers", self.request.method, self.request.url)?;
        for (index, status) in self.expect.status.iter().enumerate() {
            write!(f, "{} {status}", if index == 0 { "" } else { " or" })?;
        }
        Ok(())
    }
}

/// What a check is tried again for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RetryOn {
    /// No answer at all: one lost connection says nothing about a version. An answer that is wrong counts at once.
    #[default]
    NoAnswer,
    /// Anything that makes it fail: what is checked may need a while.
    Failure,
}

/// An HTTP request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Method.
    pub method: String,
    /// Absolute `http` or `https` URL. Its host is the one that is named to the server and that its certificate is for.
    pub url: String,
    /// `host:port` to connect to instead of the URL's own.
    pub connect: Option<String>,
    /// Headers; names in lower case.
    pub headers: BTreeMap<String, String>,
    /// Headers whose values are secret: the environment variable that holds each, by the header's name in lower case.
    pub headers_from: BTreeMap<String, String>,
    /// Body, if there is one.
    pub body: Option<String>,
    /// Redirects that are followed at most; the answer that is held against the expectations is the last one.
    pub follow: u8,
    /// A PEM file with the authorities that certificates must come from, instead of the host's own.
    pub ca_file: Option<String>,
}

impl Request {
    /// A plain request for what is at `url`.
    pub fn get(url: String) -> Self {
        Self {
            method: "GET".to_owned(),
            url,
            connect: None,
            headers: BTreeMap::new(),
            headers_from: BTreeMap::new(),
            body: None,
            follow: 0,
            ca_file: None,
        }
    }
}

/// What an answer must be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expect {
    /// Any of these; empty where a redirect says what is wanted.
    pub status: Vec<StatusRange>,
    /// It must be there by then.
    pub max_time: Option<Duration>,
    /// What the JSON body must hold.
    pub json: Vec<JsonExpectation>,
    /// What headers must be, by name in lower case.
    pub headers: BTreeMap<String, TextRule>,
    /// Headers that keep browsers safe.
    pub security_headers: Vec<SecurityHeader>,
    /// Cookies that it must set, by name.
    pub cookies: BTreeMap<String, CookieRule>,
    /// Where it must lead.
    pub redirect: Option<RedirectRule>,
    /// What it must say to the script of another origin.
    pub cors: Option<CorsRule>,
    /// What the server's certificate must be, on top of being valid.
    pub certificate: Option<CertificateRule>,
}

/// Statuses from `first` to `last`, both of them included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusRange {
    /// The first one.
    pub first: u16,
    /// The last one.
    pub last: u16,
}

impl StatusRange {
    /// One status.
    pub const fn one(status: u16) -> Self {
        Self { first: status, last: status }
    }

    /// Whether `status` is in it.
    pub const fn has(self, status: u16) -> bool {
        self.first <= status && status <= self.last
    }
}

impl fmt::Display for StatusRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last { write!(f, "{}", self.first) } else { write!(f, "{}-{}", self.first, self.last) }
    }
}

/// What a JSON body must hold at a place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JsonExpectation {
    /// JSON pointer, such as `/status`.
    pub pointer: String,
    /// What must be there.
    pub rule: JsonRule,
}

/// What a JSON value must be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JsonRule {
    /// This value; numbers are equal by value, so that 1 is 1.0.
    Equals(serde_json::Value),
    /// There, whatever it is; `null` is not there.
    Present,
    /// Not there, or `null`.
    Absent,
    /// Text, or a number as text, that this regular expression matches somewhere.
    Matches(String),
    /// A number above this one.
    Above(serde_json::Number),
    /// A number below this one.
    Below(serde_json::Number),
    /// A moment at most this far from now: RFC 3339 text, or seconds or milliseconds since 1970.
    Recent(#[serde(with = "millis")] Duration),
}

/// What a text must be: a header, or a parameter of a redirect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TextRule {
    /// There, whatever it is.
    Present,
    /// Not there.
    Absent,
    /// This.
    Equals(String),
    /// It has this in it.
    Contains(String),
    /// This regular expression matches it somewhere.
    Matches(String),
}

/// A header that keeps browsers safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecurityHeader {
    /// `Strict-Transport-Security`, for half a year or more.
    Hsts,
    /// `X-Frame-Options` of `DENY` or `SAMEORIGIN`.
    FrameOptions,
    /// `Content-Security-Policy`.
    Csp,
    /// `X-Content-Type-Options: nosniff`.
    Nosniff,
}

impl SecurityHeader {
    /// All of them, by the words of the configuration.
    pub const WORDS: [(&'static str, Self); 4] =
        [("hsts", Self::Hsts), ("frame-options", Self::FrameOptions), ("csp", Self::Csp), ("nosniff", Self::Nosniff)];

    /// The word for it in the configuration.
    pub fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(_, header)| *header == self).map_or("", |(word, _)| word)
    }
}

/// What a cookie that is set must be like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CookieRule {
    /// Hidden from scripts.
    pub http_only: bool,
    /// Sent over TLS alone.
    pub secure: bool,
    /// Its `SameSite`, if that matters.
    pub same_site: Option<SameSite>,
}

/// With whose requests a cookie is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SameSite {
    /// The site's own.
    Strict,
    /// And with those that lead there.
    Lax,
    /// Everybody's.
    None,
}

impl SameSite {
    /// All of them, as they are written in cookies.
    pub const WORDS: [(&'static str, Self); 3] = [("Strict", Self::Strict), ("Lax", Self::Lax), ("None", Self::None)];

    /// The word for it.
    pub fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(_, same_site)| *same_site == self).map_or("", |(word, _)| word)
    }
}

/// Where an answer must lead.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedirectRule {
    /// Any of these; empty for 301, 302, 303, 307 or 308.
    pub status: Vec<u16>,
    /// `https`, if that matters.
    pub scheme: Option<String>,
    /// The host, with its port where that is not the scheme's own.
    pub host: Option<String>,
    /// The path.
    pub path: Option<String>,
    /// Parameters of the query, decoded.
    pub query: BTreeMap<String, TextRule>,
}

/// What an answer must say to the script of another origin, which the request's `Origin` names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CorsRule {
    /// The origin: `https://shop.example`.
    pub origin: String,
    /// It may read the answer; otherwise it may not.
    pub allowed: bool,
    /// It may send the user's cookies along.
    pub credentials: bool,
}

/// What a server's certificate must be like. That it is valid, for the host and from a known authority, goes without
/// saying: otherwise nothing is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateRule {
    /// Days that it must hold at least.
    pub min_days: u32,
}

/// An answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fetched {
    /// Status.
    pub status: u16,
    /// Headers in the order they came, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, or its beginning.
    pub body: Vec<u8>,
    /// The body went on.
    pub is_cut: bool,
    /// From the connection's opening to the end of the body.
    pub took: Duration,
    /// The server's certificate, where there was TLS.
    pub certificate: Option<Certificate>,
}

impl Fetched {
    /// The values of every header of this name, which is in lower case.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The value of the first header of this name, which is in lower case.
    pub fn header<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.all(name).next()
    }

    /// Whether it leads elsewhere.
    pub fn is_redirect(&self) -> bool {
        matches!(self.status, 301 | 302 | 303 | 307 | 308)
    }
}

/// A server's certificate, as far as checks and people care.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Hosts that it is for.
    pub names: Vec<String>,
    /// Who signed it.
    pub issuer: String,
    /// It holds from here on.
    pub not_before: Timestamp,
    /// It holds until here.
    pub not_after: Timestamp,
}
