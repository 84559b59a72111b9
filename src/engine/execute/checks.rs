//! HTTP checks against green.

use std::time::Duration;

use crate::clock::Clock;
use crate::cloud::{Cloud, CloudError, Fetch, Fetched};
use crate::domain::effect::{CheckResult, Failure, Outcome};
use crate::domain::plan::HttpCheck;
use crate::domain::redact::printable;

/// A check that gets no answer at all is tried this often: one lost connection says nothing about a version. An answer
/// that is wrong counts at once.
const TRIES: u32 = 3;

/// The pause between tries.
const PAUSE: Duration = Duration::from_secs(1);

/// Bytes of an unexpected body that are quoted.
const QUOTED: usize = 120;

/// Runs the checks one after the other; `base` is what relative paths are below.
pub(super) async fn run(cloud: &dyn Cloud, clock: Clock, checks: &[HttpCheck], base: Option<&str>) -> Outcome {
    let mut results = Vec::with_capacity(checks.len());
    for check in checks {
        let Some(url) = url(check, base) else {
            let message = format!(
                "check `{}`: `{}` needs a base URL; give the green service a `url`, or the check an absolute one",
                check.name, check.path
            );
            return Outcome::Failed(Failure { transient: false, message });
        };
        results.push(one(cloud, clock, check, url).await);
    }
    Outcome::Checked(results)
}

fn url(check: &HttpCheck, base: Option<&str>) -> Option<String> {
    if check.path.starts_with("http://") || check.path.starts_with("https://") {
        return Some(check.path.clone());
    }
    base.map(|base| format!("{}/{}", base.trim_end_matches('/'), check.path.trim_start_matches('/')))
}

async fn one(cloud: &dyn Cloud, clock: Clock, check: &HttpCheck, url: String) -> CheckResult {
    let fetch = Fetch { method: check.method.clone(), url, timeout: check.timeout };
    let result = |passed, detail| CheckResult { name: check.name.clone(), passed, detail };
    let mut answer = cloud.fetch(&fetch).await;
    for _ in 1..TRIES {
        if !answer.as_ref().is_err_and(CloudError::is_transient) {
            break;
        }
        clock.sleep(PAUSE).await;
        answer = cloud.fetch(&fetch).await;
    }
    match answer {
        Err(error) => result(false, error.to_string()),
        Ok(answer) => match judge(check, &answer) {
            Ok(()) => result(true, format!("{} in {} ms", answer.status, answer.took.as_millis())),
            Err(why) => result(false, why),
        },
    }
}

fn judge(check: &HttpCheck, answer: &Fetched) -> Result<(), String> {
    if answer.status != check.status {
        return Err(format!("status {}, wanted {}", answer.status, check.status));
    }
    if check.json.is_empty() {
        return Ok(());
    }
    let body: serde_json::Value = serde_json::from_slice(&answer.body)
        .map_err(|error| format!("the body is not JSON ({error}): {}", quote(&answer.body)))?;
    for (pointer, wanted) in &check.json {
        match body.pointer(pointer) {
            Some(found) if found == wanted => {}
            Some(found) => return Err(format!("{pointer} is {}, wanted {wanted}", printable(&found.to_string()))),
            None => return Err(format!("{pointer} is missing, wanted {wanted}")),
        }
    }
    Ok(())
}

fn quote(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let cut = text.char_indices().nth(QUOTED).map(|(end, _)| format!("{}…", text.get(..end).unwrap_or_default()));
    printable(cut.as_deref().unwrap_or(&text)).into_owned()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn check(path: &str, json: &[(&str, serde_json::Value)]) -> HttpCheck {
        HttpCheck {
            name: "health".to_owned(),
            path: path.to_owned(),
            method: "GET".to_owned(),
            status: 200,
            json: json
                .iter()
                .map(|(pointer, value)| ((*pointer).to_owned(), value.clone()))
                .collect::<BTreeMap<_, _>>(),
            timeout: Duration::from_secs(5),
        }
    }

    fn answer(status: u16, body: &str) -> Fetched {
        Fetched { status, headers: Vec::new(), body: body.as_bytes().to_vec(), took: Duration::ZERO }
    }

    #[test]
    fn answers_are_held_against_status_and_json() {
        let ok = check("/healthz", &[("/status", "ok".into()), ("/db/pool", 3.into())]);
        assert_eq!(judge(&ok, &answer(200, r#"{"status":"ok","db":{"pool":3}}"#)), Ok(()));
        let why = |status, body| judge(&ok, &answer(status, body)).expect_err("must fail");
        assert_eq!(why(503, ""), "status 503, wanted 200");
        assert_eq!(why(200, r#"{"status":"down"}"#), "/db/pool is missing, wanted 3");
        assert!(why(200, "<html>\u{1b}[2J").contains("not JSON"));
        assert!(!why(200, "<html>\u{1b}[2J").contains('\u{1b}'));
    }

    #[test]
    fn a_path_needs_a_base_and_an_absolute_url_none() {
        assert_eq!(url(&check("/a", &[]), Some("https://green/")), Some("https://green/a".to_owned()));
        assert_eq!(url(&check("https://x/a", &[]), None), Some("https://x/a".to_owned()));
        assert_eq!(url(&check("/a", &[]), None), None);
    }
}
