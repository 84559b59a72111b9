//! `checks`: HTTP requests and what their answers must be.

use std::collections::BTreeMap;
use std::time::Duration;

use regex::Regex;
use toml::de::DeValue;

use super::super::model::{Check, Checks, Expected, JsonWanted, RedirectWanted, TextWanted, Via};
use super::super::problem::Mistake;
use super::super::reader::{Item, Located, Table};
use super::super::template::{Template, some_template, template};
use super::super::values;
use super::refuse_repeats;
use crate::domain::check::{
    CertificateRule, CookieRule, CorsRule, JsonRule, RetryOn, SameSite, SecurityHeader, StatusRange,
};

const TEXT_WANTED: &str = "the text, true if any will do, false if there must be none, or { contains = \"…\" }";

/// The checks of a stage and how green is reached for them. `None` when there are none.
pub(super) fn read_set(table: &Table<'_>) -> Option<Checks> {
    let via = via(table);
    let ca_file = table.optional("ca_file", some_template);
    let all = read_all(table)?;
    Some(Checks { via, ca_file, all })
}

/// The checks of a gate: of what serves, which its own URL reaches.
pub(super) fn read_of_blue(table: &Table<'_>) -> Checks {
    let ca_file = table.optional("ca_file", some_template);
    Checks { via: Via::Url, ca_file, all: read_all(table).unwrap_or_default() }
}

/// How requests reach green.
pub(super) fn via(table: &Table<'_>) -> Via {
    let Some(item) = table.item("via") else { return Via::Url };
    if !matches!(item.get(), DeValue::Table(_)) {
        // The one word there is; the other ways are tables.
        table.optional("via", values::word("way to green", &[("url", ())]));
        return Via::Url;
    }
    let Some(way) = table.table("via") else { return Via::Url };
    let port = way.optional("port", values::whole(1, 65_535)).and_then(|port| u16::try_from(port).ok());
    let header = way.optional("header", header_name);
    let value = way.optional("value", some_template);
    let address = way.optional("address", some_template);
    let (reader, spot) = (table.reader(), way.spot());
    let is_one = [port.is_some(), header.is_some(), address.is_some()].into_iter().filter(|is| *is).count() == 1
        && header.is_some() == value.is_some();
    reader.check(
        is_one,
        &spot,
        "this does not say one way to green",
        "write `{ port = 8443 }`, `{ header = \"x-release\", value = \"green\" }` or `{ address = \"10.0.0.7:443\" }`",
    );
    way.finish();
    match (port, header.zip(value), address) {
        (Some(port), _, _) => Via::Port(port),
        (_, Some((name, value)), _) => Via::Header { name, value },
        (_, _, Some(address)) => Via::Address(address),
        (None, None, None) => Via::Url,
    }
}

fn read_all(table: &Table<'_>) -> Option<Vec<Check>> {
    let tables = table.tables("checks")?;
    let mut names = Vec::new();
    let mut checks = Vec::new();
    for table in tables {
        let name = table.required("name", "name = \"health\"", values::text);
        names.extend(name.clone());
        checks.extend(check(table, name));
    }
    refuse_repeats(table.reader(), "check", &names);
    Some(checks)
}

fn check(table: Table<'_>, name: Option<Located<String>>) -> Option<Check> {
    let path = table.required("path", "path = \"/healthz\"", path);
    let method = table.or("method", method, "GET".to_owned());
    let own_headers = headers(&table, "headers", template_at);
    let headers_from = headers(&table, "headers_from", |table, key| table.optional(key, values::variable));
    let body = table.optional("body", template);
    let follow = u8::try_from(table.or("follow", values::whole(0, 10), 0)).unwrap_or(0);
    let redirect = redirect(&table);
    let https_redirect = table.or("https_redirect", values::flag, false);
    let default = if redirect.is_some() || https_redirect { Vec::new() } else { vec![StatusRange::one(200)] };
    let check = Check {
        name: name.map(|name| name.value).unwrap_or_default(),
        status: statuses(&table, "status").unwrap_or(default),
        json: json(&table),
        response_headers: headers(&table, "response_headers", text_wanted),
        security_headers: security_headers(&table),
        cookies: named(&table, "cookies", cookie),
        cors: cors(&table),
        certificate: certificate(&table),
        max_time: table.optional("max_time", values::some_time),
        timeout: table.or("timeout", values::some_time, Duration::from_secs(5)),
        retries: u32::try_from(table.or("retries", values::whole(0, 100), 2)).unwrap_or(0),
        pause: table.or("pause", values::duration, Duration::from_secs(1)),
        retry_on: table.or("retry_on", values::word("reason to try again", &RETRY_ON), RetryOn::NoAnswer),
        path: path?.value,
        method,
        headers: own_headers,
        headers_from,
        body,
        follow,
        redirect,
        https_redirect,
    };
    contradictions(&table, &check);
    table.finish();
    Some(check).filter(|check| !check.name.is_empty())
}

pub(in super::super) const RETRY_ON: [(&str, RetryOn); 2] =
    [("no-answer", RetryOn::NoAnswer), ("failure", RetryOn::Failure)];

fn contradictions(table: &Table<'_>, check: &Check) {
    let (reader, spot) = (table.reader(), table.spot());
    let leads = check.redirect.is_some() || check.https_redirect;
    reader.check(!leads || check.follow == 0, &spot, "a redirect cannot be checked and followed", "remove `follow`");
    let is_double = check.redirect.is_some() && check.https_redirect;
    reader.check(!is_double, &spot, "`https_redirect` and `redirect` both say where it leads", "keep one of them");
    let is_plain = check.https_redirect || check.path.written().starts_with("http://");
    let what = "there is no certificate without TLS";
    reader.check(!is_plain || check.certificate.is_none(), &spot, what, "remove `tls`, or ask over https");
    let twice = check.headers.keys().find(|name| check.headers_from.contains_key(*name));
    if let Some(name) = twice {
        reader.check(false, &spot, format!("the header `{name}` comes from two places"), "keep one of them");
    }
}

/// A table whose keys are names of headers, which are the same in lower case.
fn headers<T>(table: &Table<'_>, key: &str, read: impl Fn(&Table<'_>, &str) -> Option<T>) -> BTreeMap<String, T> {
    named(table, key, read).into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect()
}

/// A table whose keys are names of headers, cookies or parameters.
fn named<T>(table: &Table<'_>, key: &str, read: impl Fn(&Table<'_>, &str) -> Option<T>) -> BTreeMap<String, T> {
    let Some(inner) = table.table(key) else { return BTreeMap::new() };
    let mut all = BTreeMap::new();
    for name in inner.names() {
        if !is_header(&name.value) {
            table.reader().report(name.spot.clone(), bad_header(&name.value));
        }
        all.extend(read(&inner, &name.value).map(|value| (name.value, value)));
    }
    inner.finish();
    all
}

fn template_at(table: &Table<'_>, key: &str) -> Option<Template> {
    table.optional(key, template)
}

fn text_wanted(table: &Table<'_>, key: &str) -> Option<TextWanted> {
    let item = table.item(key)?;
    if !matches!(item.get(), DeValue::Table(_)) {
        return table.optional(key, |item| match item.get() {
            DeValue::Boolean(true) => Ok(TextWanted::Present),
            DeValue::Boolean(false) => Ok(TextWanted::Absent),
            DeValue::String(_) => template(item).map(TextWanted::Equals),
            _ => Err(item.wrong_type(TEXT_WANTED)),
        });
    }
    let rule = table.table(key)?;
    let contains = rule.optional("contains", some_template).map(TextWanted::Contains);
    let matches = rule.optional("matches", pattern).map(TextWanted::Matches);
    let spot = rule.spot();
    let wanted = match (contains, matches) {
        (Some(one), None) | (None, Some(one)) => Some(one),
        (None, None) | (Some(_), Some(_)) => None,
    };
    let what = "this does not say one thing that the text must be";
    table.reader().check(wanted.is_some(), &spot, what, "`{ contains = \"…\" }` or `{ matches = \"…\" }`");
    rule.finish();
    wanted
}

fn path(item: Item<'_>) -> Result<Template, Mistake> {
    let path = some_template(item)?;
    let is_one = ["/", "http://", "https://"].iter().any(|start| path.written().starts_with(start));
    if is_one { Ok(path) } else { Err(values::bad(item, "a path", "one such as \"/healthz\", or an absolute URL")) }
}

fn method(item: Item<'_>) -> Result<String, Mistake> {
    let words = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"].map(|word| (word, word));
    values::word("method", &words)(item).map(str::to_owned)
}

fn is_header(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

fn bad_header(name: &str) -> Mistake {
    Mistake::BadValue { text: name.to_owned(), what: "a name", wanted: "letters, digits, `-` and `_`".to_owned() }
}

fn header_name(item: Item<'_>) -> Result<String, Mistake> {
    let name = values::text(item)?;
    if is_header(&name) { Ok(name.to_ascii_lowercase()) } else { Err(bad_header(&name)) }
}

fn pattern(item: Item<'_>) -> Result<String, Mistake> {
    let text = values::text(item)?;
    match Regex::new(&text) {
        Ok(_) => Ok(text),
        Err(_) => Err(values::bad(item, "a regular expression", "one such as \"^v[0-9]+\"")),
    }
}

fn statuses(table: &Table<'_>, key: &str) -> Option<Vec<StatusRange>> {
    let item = table.item(key)?;
    if matches!(item.get(), DeValue::Array(_)) {
        let all = table.list(key, "an array of statuses: [200, 204]", status)?;
        return Some(all.into_iter().map(|range| range.value).collect()).filter(|all: &Vec<_>| !all.is_empty());
    }
    table.optional(key, status).map(|range| vec![range])
}

/// `200`, `"2xx"` or `"200-204"`.
fn status(item: Item<'_>) -> Result<StatusRange, Mistake> {
    let DeValue::String(text) = item.get() else {
        let status = values::whole(100, 599)(item)?;
        return Ok(StatusRange::one(u16::try_from(status).unwrap_or(200)));
    };
    let range = match text.split_once('-') {
        Some((first, last)) => first.trim().parse().ok().zip(last.trim().parse().ok()),
        None => text
            .strip_suffix("xx")
            .and_then(|class| class.parse::<u16>().ok())
            .filter(|class| *class < 10)
            .map(|class| (class * 100, class * 100 + 99)),
    };
    let range = range.filter(|(first, last)| 100 <= *first && first <= last && *last <= 599);
    let wanted = "200, \"2xx\" or \"200-204\"";
    range.map(|(first, last)| StatusRange { first, last }).ok_or_else(|| values::bad(item, "a status", wanted))
}

fn json(table: &Table<'_>) -> Vec<(String, JsonWanted)> {
    let mut all = Vec::new();
    let Some(wanted) = table.table("json") else { return all };
    for pointer in wanted.names() {
        if !pointer.value.is_empty() && !pointer.value.starts_with('/') {
            let wanted = format!("\"/{}\"", pointer.value);
            let mistake = Mistake::BadValue { text: pointer.value.clone(), what: "a JSON pointer", wanted };
            table.reader().report(pointer.spot.clone(), mistake);
        }
        let is_table = wanted.item(&pointer.value).is_some_and(|item| matches!(item.get(), DeValue::Table(_)));
        let rules = if is_table { wanted.table(&pointer.value) } else { None };
        let rules = match rules {
            Some(rules) => json_rules(rules),
            None => wanted.optional(&pointer.value, expected).map(JsonWanted::Equals).into_iter().collect(),
        };
        all.extend(rules.into_iter().map(|rule| (pointer.value.clone(), rule)));
    }
    wanted.finish();
    all.sort_by(|(one, _), (other, _)| one.cmp(other));
    all
}

fn json_rules(table: Table<'_>) -> Vec<JsonWanted> {
    let mut all = Vec::new();
    let rule = |rule: JsonRule| JsonWanted::Rule(rule);
    all.extend(table.optional("equals", expected).map(JsonWanted::Equals));
    all.extend(
        table.optional("exists", values::flag).map(|is| rule(if is { JsonRule::Present } else { JsonRule::Absent })),
    );
    all.extend(table.optional("matches", pattern).map(|pattern| rule(JsonRule::Matches(pattern))));
    all.extend(table.optional("above", number).map(|least| rule(JsonRule::Above(least))));
    all.extend(table.optional("below", number).map(|most| rule(JsonRule::Below(most))));
    all.extend(table.optional("recent", values::some_time).map(|most| rule(JsonRule::Recent(most))));
    table.finish();
    all
}

fn number(item: Item<'_>) -> Result<serde_json::Number, Mistake> {
    let number = values::number(item)?;
    let whole = matches!(item.get(), DeValue::Integer(_)).then(|| serde_json::Number::from(number as i64));
    let usable = whole.or_else(|| serde_json::Number::from_f64(number));
    usable.ok_or_else(|| values::bad(item, "a usable number", "a finite number"))
}

fn expected(item: Item<'_>) -> Result<Expected, Mistake> {
    match item.get() {
        DeValue::String(_) => template(item).map(Expected::Text),
        DeValue::Boolean(flag) => Ok(Expected::Value((*flag).into())),
        DeValue::Integer(_) | DeValue::Float(_) => number(item).map(|number| Expected::Value(number.into())),
        DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => {
            Err(item.wrong_type("a string, a number, true or false"))
        }
    }
}

fn security_headers(table: &Table<'_>) -> Vec<SecurityHeader> {
    let Some(item) = table.item("security_headers") else { return Vec::new() };
    let all = SecurityHeader::WORDS.map(|(_, header)| header).to_vec();
    if matches!(item.get(), DeValue::Boolean(_)) {
        return if table.or("security_headers", values::flag, false) { all } else { Vec::new() };
    }
    let wanted = "true for all of them, or an array: [\"hsts\", \"nosniff\"]";
    let read = values::word("security header", &SecurityHeader::WORDS);
    let chosen = table.list("security_headers", wanted, read).unwrap_or_default();
    chosen.into_iter().map(|header| header.value).collect()
}

fn cookie(table: &Table<'_>, key: &str) -> Option<CookieRule> {
    let rule = table.table(key)?;
    let cookie = CookieRule {
        http_only: rule.or("http_only", values::flag, false),
        secure: rule.or("secure", values::flag, false),
        same_site: rule.optional("same_site", values::word("SameSite", &SameSite::WORDS)),
    };
    rule.finish();
    Some(cookie)
}

fn redirect(table: &Table<'_>) -> Option<RedirectWanted> {
    let rule = table.table("redirect")?;
    let known = [301, 302, 303, 307, 308];
    let spot = rule.spot();
    let status: Vec<u16> = statuses(&rule, "status").unwrap_or_default().into_iter().map(|range| range.first).collect();
    let is_one = status.iter().all(|status| known.contains(status));
    table.reader().check(is_one, &spot, "this is the status of no redirect", "write one of 301, 302, 303, 307 and 308");
    let redirect = RedirectWanted {
        status,
        host: rule.optional("host", some_template),
        path: rule.optional("path", some_template),
        query: named(&rule, "query", text_wanted),
    };
    rule.finish();
    Some(redirect)
}

fn cors(table: &Table<'_>) -> Option<CorsRule> {
    let rule = table.table("cors")?;
    let origin = rule.required("origin", "origin = \"https://shop.example\"", values::url);
    let allowed = rule.or("allowed", values::flag, true);
    let credentials = rule.or("credentials", values::flag, false);
    rule.finish();
    Some(CorsRule { origin: origin?.value, allowed, credentials })
}

fn certificate(table: &Table<'_>) -> Option<CertificateRule> {
    let rule = table.table("tls")?;
    let min_days = u32::try_from(rule.or("min_days", values::whole(0, 3_650), 14)).unwrap_or(14);
    rule.finish();
    Some(CertificateRule { min_days })
}
