use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::domain::effect::CheckResult;

/// 2026-11-20T10:00:00Z.
const NOW: Timestamp = Timestamp::from_secs(1_795_168_800);
const DAY: Duration = Duration::from_hours(24);

fn check(expect: Expect) -> HttpCheck {
    HttpCheck {
        name: "it".to_owned(),
        request: Request {
            method: "GET".to_owned(),
            url: "https://green.test/here".to_owned(),
            connect: None,
            headers: BTreeMap::new(),
            headers_from: BTreeMap::new(),
            body: None,
            follow: 0,
            ca_file: None,
        },
        expect,
        timeout: Duration::from_secs(5),
        retries: 0,
        pause: Duration::ZERO,
        retry_on: RetryOn::NoAnswer,
    }
}

fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Fetched {
    Fetched {
        status,
        headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        body: body.as_bytes().to_vec(),
        took: Duration::from_millis(40),
        ..Fetched::default()
    }
}

/// Each result as `aspect: passed? found | wanted`.
fn said(expect: Expect, answer: &Fetched) -> Vec<String> {
    let results = evaluate(&check(expect), answer, NOW);
    let word = |result: &CheckResult| if result.passed { "ok" } else { "no" };
    results
        .iter()
        .map(|result| format!("{}: {} {} | {}", result.aspect, word(result), result.detail, result.wanted))
        .collect()
}

fn with_json(rules: &[(&str, JsonRule)]) -> Expect {
    let all =
        rules.iter().map(|(pointer, rule)| JsonExpectation { pointer: (*pointer).to_owned(), rule: rule.clone() });
    Expect { json: all.collect(), ..Expect::default() }
}

#[test]
fn statuses_say_what_a_failing_service_says_of_itself() {
    let wanted =
        Expect { status: vec![StatusRange::one(200), StatusRange { first: 300, last: 308 }], ..Expect::default() };
    let status = |answer| said(wanted.clone(), &answer).remove(0);
    assert_eq!(status(answer(200, &[], "x")), "status: ok 200 | 200 or 300-308");
    assert_eq!(status(answer(302, &[("location", "/there")], "")), "status: ok 302 to /there | 200 or 300-308");
    assert_eq!(status(answer(500, &[], "no pool\u{1b}[2J")), "status: no 500: no pool␛[2J | 200 or 300-308");
    let page = answer(503, &[("content-type", "text/html")], "<html>");
    assert_eq!(status(page), "status: no 503: nobody answers behind it | 200 or 300-308");
}

#[test]
fn json_is_held_against_every_operator() {
    let body = r#"{"status":"ok","pool":{"free":3,"load":0.5},"version":"9ab03d7","note":null,"at":"2026-11-20T09:59:30Z","ms":1795168799000}"#;
    let number = |number: i64| serde_json::Number::from(number);
    let minute = Duration::from_mins(1);
    let all = [
        ("/status", JsonRule::Equals(json!("ok"))),
        ("/pool/free", JsonRule::Equals(json!(3.0))),
        ("/pool", JsonRule::Present),
        ("/note", JsonRule::Absent),
        ("/version", JsonRule::Matches("^9ab".to_owned())),
        ("/pool/free", JsonRule::Above(number(2))),
        ("/pool/load", JsonRule::Below(number(1))),
        ("/at", JsonRule::Recent(minute)),
        ("/ms", JsonRule::Recent(minute)),
    ];
    let results = evaluate(&check(with_json(&all)), &answer(200, &[], body), NOW);
    assert!(results.iter().all(|result| result.passed), "{results:?}");
    let wrong = [
        ("/status", JsonRule::Equals(json!("up"))),
        ("/gone", JsonRule::Present),
        ("/version", JsonRule::Absent),
        ("/version", JsonRule::Matches("^v".to_owned())),
        ("/pool/free", JsonRule::Above(number(3))),
        ("/version", JsonRule::Below(number(3))),
        ("/at", JsonRule::Recent(Duration::from_secs(10))),
        ("/status", JsonRule::Recent(minute)),
    ];
    assert_eq!(
        said(with_json(&wrong), &answer(200, &[], body)),
        [
            r#"/status: no "ok" | "up""#,
            "/gone: no missing | to be there",
            r#"/version: no "9ab03d7" | not to be there"#,
            r#"/version: no "9ab03d7" | to match ^v"#,
            "/pool/free: no 3 | above 3",
            r#"/version: no "9ab03d7" | below 3"#,
            r#"/at: no "2026-11-20T09:59:30Z", 30 s ago | a moment within 10 s of now"#,
            r#"/status: no "ok" | a moment within 60 s of now"#,
        ]
    );
    let one = with_json(&[("/status", JsonRule::Present)]);
    assert!(said(one.clone(), &answer(200, &[], "<html>"))[0].starts_with("body: no no JSON (expected value"));
    assert_eq!(said(one, &answer(200, &[], "")), ["body: no an empty body | JSON"]);
}

#[test]
fn security_headers_are_named_one_by_one() {
    let expect =
        Expect { security_headers: SecurityHeader::WORDS.map(|(_, header)| header).to_vec(), ..Expect::default() };
    let good = [
        ("strict-transport-security", "max-age=31536000; includeSubDomains"),
        ("x-frame-options", "sameorigin"),
        ("content-security-policy", "default-src 'self'"),
        ("x-content-type-options", "nosniff"),
    ];
    assert!(evaluate(&check(expect.clone()), &answer(200, &good, ""), NOW).iter().all(|result| result.passed));
    let poor = [("strict-transport-security", "max-age=300"), ("x-frame-options", "ALLOWALL")];
    assert_eq!(
        said(expect, &answer(200, &poor, "")),
        [
            "strict-transport-security: no max-age=300 | max-age of 15768000 or more",
            "x-frame-options: no ALLOWALL | DENY or SAMEORIGIN",
            "content-security-policy: no missing | a policy",
            "x-content-type-options: no missing | nosniff",
        ]
    );
}

#[test]
fn headers_and_cookies_are_told_without_their_secrets() {
    let rules = [
        ("server", TextRule::Absent),
        ("content-type", TextRule::Contains("json".to_owned())),
        ("cache-control", TextRule::Equals("no-store".to_owned())),
        ("x-id", TextRule::Matches("^[0-9]+$".to_owned())),
    ];
    let session = CookieRule { http_only: true, secure: true, same_site: Some(SameSite::Lax) };
    let expect = Expect {
        headers: rules.map(|(name, rule)| (name.to_owned(), rule)).into(),
        cookies: [("session", session), ("other", CookieRule::default())]
            .map(|(name, rule)| (name.to_owned(), rule))
            .into(),
        ..Expect::default()
    };
    let good = [
        ("content-type", "application/json"),
        ("cache-control", "no-store"),
        ("x-id", "17"),
        ("set-cookie", "other=1"),
        ("set-cookie", "session=s3cr3t; path=/; httponly; SECURE; SameSite=lax"),
    ];
    let results = said(expect.clone(), &answer(200, &good, ""));
    assert!(results.iter().all(|result| result.contains(": ok ")), "{results:?}");
    let poor = [("server", "nginx"), ("x-id", "a"), ("set-cookie", "session=s3cr3t; Secure")];
    assert_eq!(
        said(expect, &answer(200, &poor, "")),
        [
            "cache-control: no missing | no-store",
            "content-type: no missing | … json …",
            "server: no nginx | not to be there",
            "x-id: no a | to match ^[0-9]+$",
            "cookie other: no not set | to be set",
            "cookie session: no Secure | HttpOnly, Secure, SameSite=Lax",
        ]
    );
}

#[test]
fn a_redirect_must_lead_to_the_right_place() {
    let callback = TextRule::Equals("https://api.test/auth/callback".to_owned());
    let rule = RedirectRule {
        status: vec![302],
        scheme: None,
        host: Some("accounts.google.com".to_owned()),
        path: Some("/o/oauth2".to_owned()),
        query: [("redirect_uri".to_owned(), callback), ("client_id".to_owned(), TextRule::Present)].into(),
    };
    let expect = Expect { redirect: Some(rule), ..Expect::default() };
    let place =
        "https://accounts.google.com/o/oauth2?client_id=1&redirect_uri=https%3A%2F%2Fapi.test%2Fauth%2Fcallback";
    let results = said(expect.clone(), &answer(302, &[("location", place)], ""));
    assert!(results.iter().all(|result| result.contains(": ok ")), "{results:?}");
    let evil = "https://accounts.google.com.evil.test/o/oauth2?redirect_uri=https%3A%2F%2Fold.test%2Fauth%2Fcallback";
    assert_eq!(
        said(expect.clone(), &answer(301, &[("location", evil)], "")),
        [
            "redirect: no 301 | 302",
            "to host: no accounts.google.com.evil.test | accounts.google.com",
            "to path: ok /o/oauth2 | /o/oauth2",
            "client_id: no missing | to be there",
            "redirect_uri: no https://old.test/auth/callback | https://api.test/auth/callback",
        ]
    );
    let nowhere = said(expect, &answer(200, &[], ""));
    assert_eq!(nowhere, ["redirect: no 200 | 302", "location: no missing | a place to go to"]);
}

#[test]
fn other_origins_are_let_in_by_name_or_kept_out() {
    let rule = |allowed, credentials| Expect {
        cors: Some(CorsRule { origin: "https://shop.test".to_owned(), allowed, credentials }),
        ..Expect::default()
    };
    let open = answer(200, &[("access-control-allow-origin", "*")], "");
    let named = [("access-control-allow-origin", "https://shop.test"), ("access-control-allow-credentials", "true")];
    let named = answer(200, &named, "");
    let closed = answer(200, &[], "");
    let passes = |expect: Expect, answer: &Fetched| evaluate(&check(expect), answer, NOW).iter().all(|one| one.passed);
    assert!(
        passes(rule(true, true), &named) && passes(rule(true, false), &open) && passes(rule(false, false), &closed)
    );
    assert!(!passes(rule(true, true), &open) && !passes(rule(true, false), &closed));
    assert!(!passes(rule(false, false), &open) && !passes(rule(false, false), &named));
    assert_eq!(said(rule(true, true), &closed)[0], "allowed origin: no no origin | https://shop.test");
}

#[test]
fn time_and_certificate_have_their_limits() {
    let expect = Expect {
        max_time: Some(Duration::from_secs(2)),
        certificate: Some(CertificateRule { min_days: 14 }),
        ..Expect::default()
    };
    let certificate = |days| Certificate {
        names: vec!["green.test".to_owned()],
        issuer: "Example CA".to_owned(),
        not_before: NOW - DAY,
        not_after: NOW + days * DAY,
    };
    let mut found = Fetched { certificate: Some(certificate(75)), ..answer(200, &[], "") };
    assert_eq!(
        said(expect.clone(), &found),
        ["certificate: ok until 2027-02-03, 75 days, from Example CA | 14 days left", "time: ok 40 ms | at most 2 s"]
    );
    found = Fetched { certificate: Some(certificate(13)), took: Duration::from_millis(2_345), ..found };
    assert_eq!(
        said(expect.clone(), &found),
        ["certificate: no until 2026-12-03, 13 days, from Example CA | 14 days left", "time: no 2.3 s | at most 2 s"]
    );
    found.certificate = None;
    assert_eq!(said(expect, &found)[0], "certificate: no none: the answer came without TLS | 14 days left");
}

#[test]
fn distrust_is_told_in_words_that_help_at_night() {
    let shown = Certificate {
        names: ["a.test", "b.test", "c.test", "d.test"].map(str::to_owned).to_vec(),
        issuer: "Nobody".to_owned(),
        not_before: NOW - 93 * DAY,
        not_after: NOW - 3 * DAY,
    };
    let told = |trouble| {
        let error = NoAnswer::Tls { trouble, certificate: Some(shown.clone()) };
        unanswered(&check(Expect::default()), &error, NOW).to_string()
    };
    let wanted = "wanted valid for green.test";
    assert_eq!(told(TlsTrouble::Expired), format!("it: certificate expired 3 days ago (2026-11-17), {wanted}"));
    assert_eq!(told(TlsTrouble::WrongHost), format!("it: certificate for a.test, b.test, c.test, …, {wanted}"));
    assert_eq!(told(TlsTrouble::UnknownIssuer), format!("it: certificate from an unknown issuer: Nobody, {wanted}"));
    let silent = unanswered(&check(Expect::default()), &NoAnswer::TimedOut(Duration::from_secs(5)), NOW);
    assert_eq!(silent.to_string(), "it: answer no whole answer within 5 s, wanted within 5 s");
}

#[test]
fn following_keeps_to_what_browsers_do() {
    let post = Request { method: "POST".to_owned(), body: Some("{}".to_owned()), ..check(Expect::default()).request };
    let next = |status, place: &str| follow(&post, &answer(status, &[("location", place)], ""));
    let after = next(302, "/there?x=1").unwrap();
    assert_eq!((after.method.as_str(), after.url.as_str(), after.body), ("GET", "https://green.test/there?x=1", None));
    assert_eq!(next(307, "/there").unwrap().method, "POST");
    assert!(next(200, "/there").is_none() && next(302, "ftp://x/").is_none(), "no redirect that can be followed");
    assert!(next(302, "http://green.test/there").is_none(), "nothing goes from TLS to no TLS");
}

#[test]
fn a_check_passes_when_everything_it_looked_at_holds() {
    let result = |name: &str, passed| CheckResult { name: name.to_owned(), passed, ..CheckResult::default() };
    let results = [result("a", true), result("b", true), result("a", false), result("c", true)];
    assert_eq!(CheckResult::tally(&results), (2, 3));
}

proptest! {
    #[test]
    fn no_answer_makes_a_check_panic_or_steers_a_terminal(
        status in any::<u16>(),
        headers in prop::collection::vec(
            (prop::sample::select(vec!["location", "set-cookie", "strict-transport-security", "x-frame-options",
                "access-control-allow-origin", "content-type", "x-any"]), ".{0,40}"),
            0..8,
        ),
        body in prop::collection::vec(any::<u8>(), 0..200),
        now in any::<i64>(),
        took in any::<u64>(),
        until in any::<i64>(),
        number in any::<f64>(),
    ) {
        let mut fetched = answer(status, &[], "");
        fetched.headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        fetched.body = body;
        fetched.took = Duration::from_millis(took);
        let end = Timestamp::from_millis(until);
        fetched.certificate =
            Some(Certificate { names: Vec::new(), issuer: "\u{1b}[2J".to_owned(), not_before: end, not_after: end });
        let everything = Expect {
            status: vec![StatusRange::one(200)],
            max_time: Some(Duration::from_secs(1)),
            json: vec![
                JsonExpectation { pointer: String::new(), rule: JsonRule::Recent(Duration::MAX) },
                JsonExpectation { pointer: "/a".to_owned(), rule: JsonRule::Matches("(".to_owned()) },
            ],
            headers: [("x-any".to_owned(), TextRule::Matches("(".to_owned()))].into(),
            security_headers: SecurityHeader::WORDS.map(|(_, header)| header).to_vec(),
            cookies: [("x".to_owned(), CookieRule::default())].into(),
            redirect: Some(RedirectRule {
                host: Some("x".to_owned()),
                path: Some("/".to_owned()),
                scheme: Some("https".to_owned()),
                query: [("q".to_owned(), TextRule::Present)].into(),
                ..RedirectRule::default()
            }),
            cors: Some(CorsRule { origin: "https://x".to_owned(), allowed: true, credentials: true }),
            certificate: Some(CertificateRule { min_days: 14 }),
        };
        let check = check(everything);
        let now = Timestamp::from_millis(now);
        let mut results = evaluate(&check, &fetched, now);
        fetched.body = serde_json::to_vec(&json!(number)).unwrap();
        results.extend(evaluate(&check, &fetched, now));
        for trouble in [TlsTrouble::Expired, TlsTrouble::NotYetValid, TlsTrouble::WrongHost, TlsTrouble::UnknownIssuer] {
            results.push(unanswered(&check, &NoAnswer::Tls { trouble, certificate: fetched.certificate.clone() }, now));
        }
        prop_assert!(results.len() > 20);
        for result in results {
            prop_assert!(!result.to_string().chars().any(char::is_control), "{result:?}");
        }
        let _next = follow(&check.request, &fetched);
    }
}
