//! What headers, cookies and the word to other origins must be.

use super::evaluate::Findings;
use super::json::matches;
use super::words::quote;
use super::{CookieRule, CorsRule, Expect, SameSite, SecurityHeader, TextRule};

/// `Strict-Transport-Security` must hold this many seconds: half a year.
const HSTS: u64 = 15_768_000;

/// Adds a result for each expectation.
pub(super) fn hold(findings: &mut Findings<'_>, expect: &Expect) {
    let answer = findings.answer;
    for (name, rule) in &expect.headers {
        let found = answer.all(name).reduce_joined();
        let (passed, wanted, found) = text(rule, found.as_deref());
        findings.add(name, passed, wanted, found);
    }
    for header in &expect.security_headers {
        security(findings, *header);
    }
    for (name, rule) in &expect.cookies {
        cookie(findings, name, *rule);
    }
    if let Some(rule) = &expect.cors {
        cors(findings, rule);
    }
}

/// Several headers of one name count as one with commas.
trait Joined<'a> {
    fn reduce_joined(self) -> Option<String>;
}

impl<'a, I: Iterator<Item = &'a str>> Joined<'a> for I {
    fn reduce_joined(mut self) -> Option<String> {
        let first = self.next()?.to_owned();
        Some(self.fold(first, |all, next| format!("{all}, {next}")))
    }
}

/// Whether a text is as wanted, what was wanted and what was found, in words.
pub(super) fn text(rule: &TextRule, found: Option<&str>) -> (bool, String, String) {
    let (passed, wanted) = match rule {
        TextRule::Present => (found.is_some(), "to be there".to_owned()),
        TextRule::Absent => (found.is_none(), "not to be there".to_owned()),
        TextRule::Equals(wanted) => (found == Some(wanted), quote(wanted)),
        TextRule::Contains(part) => (found.is_some_and(|found| found.contains(part)), format!("… {} …", quote(part))),
        TextRule::Matches(pattern) => {
            (found.is_some_and(|found| matches(pattern, found)), format!("to match {}", quote(pattern)))
        }
    };
    (passed, wanted, found.map_or_else(|| "missing".to_owned(), quote))
}

fn security(findings: &mut Findings<'_>, header: SecurityHeader) {
    let (name, wanted) = match header {
        SecurityHeader::Hsts => ("strict-transport-security", format!("max-age of {HSTS} or more")),
        SecurityHeader::FrameOptions => ("x-frame-options", "DENY or SAMEORIGIN".to_owned()),
        SecurityHeader::Csp => ("content-security-policy", "a policy".to_owned()),
        SecurityHeader::Nosniff => ("x-content-type-options", "nosniff".to_owned()),
    };
    let found = findings.answer.header(name).map(str::trim);
    let is_one_of = |all: &[&str]| found.is_some_and(|found| all.iter().any(|one| found.eq_ignore_ascii_case(one)));
    let passed = match header {
        SecurityHeader::Hsts => found.and_then(max_age).is_some_and(|seconds| seconds >= HSTS),
        SecurityHeader::FrameOptions => is_one_of(&["DENY", "SAMEORIGIN"]),
        SecurityHeader::Csp => found.is_some_and(|policy| !policy.is_empty()),
        SecurityHeader::Nosniff => is_one_of(&["nosniff"]),
    };
    findings.add(name, passed, wanted, found.map_or_else(|| "missing".to_owned(), quote));
}

fn max_age(value: &str) -> Option<u64> {
    let ages = value.split(';').filter_map(|part| part.trim().split_once('='));
    let mut ages = ages.filter(|(name, _)| name.trim().eq_ignore_ascii_case("max-age"));
    ages.next()?.1.trim().trim_matches('"').parse().ok()
}

fn cookie(findings: &mut Findings<'_>, name: &str, rule: CookieRule) {
    let mut wanted: Vec<String> = Vec::new();
    wanted.extend(rule.http_only.then(|| "HttpOnly".to_owned()));
    wanted.extend(rule.secure.then(|| "Secure".to_owned()));
    wanted.extend(rule.same_site.map(|same_site| format!("SameSite={}", same_site.word())));
    let wanted = if wanted.is_empty() { "to be set".to_owned() } else { wanted.join(", ") };
    let aspect = format!("cookie {name}");
    let mut set = findings.answer.all("set-cookie").filter_map(Flags::read);
    let Some(flags) = set.find(|flags| flags.name == name) else {
        return findings.add(&aspect, false, wanted, "not set");
    };
    let passed = (flags.http_only || !rule.http_only)
        && (flags.secure || !rule.secure)
        && rule.same_site.is_none_or(|same_site| flags.same_site == Some(same_site));
    let found = flags.words();
    findings.add(&aspect, passed, wanted, found);
}

/// A cookie without its value: that is nobody's business.
struct Flags<'a> {
    name: &'a str,
    http_only: bool,
    secure: bool,
    same_site: Option<SameSite>,
}

impl<'a> Flags<'a> {
    fn read(header: &'a str) -> Option<Self> {
        let mut parts = header.split(';').map(str::trim);
        let (name, _) = parts.next()?.split_once('=')?;
        let mut flags = Self { name: name.trim(), http_only: false, secure: false, same_site: None };
        for part in parts {
            let (attribute, value) = part.split_once('=').unwrap_or((part, ""));
            match attribute.trim().to_ascii_lowercase().as_str() {
                "httponly" => flags.http_only = true,
                "secure" => flags.secure = true,
                "samesite" => {
                    let known = SameSite::WORDS.iter().find(|(word, _)| word.eq_ignore_ascii_case(value.trim()));
                    flags.same_site = known.map(|(_, same_site)| *same_site);
                }
                _ => {}
            }
        }
        Some(flags)
    }

    fn words(&self) -> String {
        let mut words: Vec<String> = Vec::new();
        words.extend(self.http_only.then(|| "HttpOnly".to_owned()));
        words.extend(self.secure.then(|| "Secure".to_owned()));
        words.extend(self.same_site.map(|same_site| format!("SameSite={}", same_site.word())));
        if words.is_empty() { "set without any flag".to_owned() } else { words.join(", ") }
    }
}

fn cors(findings: &mut Findings<'_>, rule: &CorsRule) {
    let answer = findings.answer;
    let allowed = answer.header("access-control-allow-origin").map(str::trim);
    let credentials = answer.header("access-control-allow-credentials").map(str::trim);
    let is_named = allowed.is_some_and(|allowed| allowed == rule.origin);
    // Browsers take the asterisk from nobody who sends cookies.
    let may_read = is_named || (allowed == Some("*") && !(rule.allowed && rule.credentials));
    let origin = quote(&rule.origin);
    let wanted = if rule.allowed { origin } else { format!("not {origin}, nor *") };
    let found = allowed.map_or_else(|| "no origin".to_owned(), quote);
    findings.add("allowed origin", may_read == rule.allowed, wanted, found);
    if rule.allowed && rule.credentials {
        let found = credentials.map_or_else(|| "missing".to_owned(), quote);
        findings.add("cookies across origins", credentials == Some("true"), "true", found);
    }
}
