//! What programs report: the digest of what they built, and the figures of a load test.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::command::Run;
use crate::domain::effect::{CheckResult, Outcome};
use crate::domain::ids::Version;
use crate::domain::plan::{LoadPlan, ReportLimit};

/// Lines of a program's output that are looked through, or read as a report.
pub(super) const LONGEST: usize = 20_000;

/// The largest report that is read, in bytes.
const LARGEST: u64 = 8 * 1024 * 1024;

/// What a build came to: the image by the digest that its last such line names.
pub(super) fn built(run: Run, repository: &str) -> Outcome {
    if run.code != Some(0) {
        return run.into();
    }
    match run.raw.iter().rev().find_map(|line| digest(line, repository)) {
        Some(digest) => Outcome::Built { tail: run.tail, image: Version(format!("{repository}@{digest}")) },
        None => {
            let why = "the program ended well and named no digest; let it write `sha256:…` last".to_owned();
            Outcome::Misreported { tail: run.tail, why }
        }
    }
}

/// `sha256:` and 64 hexadecimal digits at the end of a line, quotes and brackets aside, or before the size with which
/// `docker push` ends it. Where an image stands before it, as in `FROM python@sha256:…`, it must be one of the repository.
fn digest<'a>(line: &'a str, repository: &str) -> Option<&'a str> {
    let is_size = |size: &str| !size.is_empty() && size.bytes().all(|byte| byte.is_ascii_digit());
    let line =
        line.trim_end().rsplit_once(" size: ").filter(|(_, size)| is_size(size)).map_or(line, |(digest, _)| digest);
    let line = line.trim_end_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ')' | ']' | '}' | ','));
    let at = line.rfind("sha256:")?;
    let (before, digest) = line.split_at(at);
    if let Some(image) = before.strip_suffix('@') {
        let named = image.rsplit(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '=' | '(' | '[')).next()?;
        let is_tag = |rest: &str| rest.is_empty() || rest.starts_with(':');
        named.strip_prefix(repository).filter(|rest| is_tag(rest))?;
    }
    let hex = digest.strip_prefix("sha256:")?;
    (hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(digest)
}

/// The file that a load test writes its report to, as it was before.
#[derive(Debug)]
pub(super) struct ReportFile {
    path: PathBuf,
    /// When it was last written before the program began, and how long it was.
    before: Option<(SystemTime, u64)>,
    began: SystemTime,
}

/// File systems keep times as coarse as this.
const COARSE: Duration = Duration::from_secs(2);

impl ReportFile {
    /// The file of a load test that is about to begin, if it writes one. A relative path starts where the program runs.
    pub(super) async fn of(load: &LoadPlan) -> Option<Self> {
        let path = Path::new(load.command.dir.as_deref().unwrap_or_default()).join(load.report.as_ref()?);
        let before = tokio::fs::metadata(&path).await.ok().and_then(|file| Some((file.modified().ok()?, file.len())));
        Some(Self { path, before, began: file_time() })
    }

    /// What the program wrote there. What was there before is no report of this run.
    async fn read(&self) -> std::io::Result<String> {
        let file = tokio::fs::metadata(&self.path).await?;
        if file.len() > LARGEST {
            return Err(std::io::Error::other(format!("it has more than {LARGEST} bytes")));
        }
        let written = file.modified()?;
        if self.before == Some((written, file.len())) || written + COARSE < self.began {
            return Err(std::io::Error::other("it is older than this run of the program, which has not written it"));
        }
        tokio::fs::read_to_string(&self.path).await
    }
}

#[expect(clippy::disallowed_methods, reason = "is held against the times of files, which are the machine's own")]
fn file_time() -> SystemTime {
    SystemTime::now()
}

/// What a load test came to.
pub(super) async fn measured(run: Run, load: &LoadPlan, file: Option<&ReportFile>) -> Outcome {
    let text = match file {
        None => run.raw.join("\n"),
        Some(file) => match file.read().await {
            Ok(text) => text,
            Err(why) => return failed(format!("the report {} cannot be read: {why}", file.path.display()), run),
        },
    };
    match report(&text) {
        Some(report) => {
            let checks = load.limits.iter().map(|limit| hold(limit, &report)).collect();
            Outcome::Measured { code: run.code, tail: run.tail, checks }
        }
        None => failed("the report is not JSON".to_owned(), run),
    }
}

/// A tool that failed says more by its exit code than by the report that it did not write.
fn failed(why: String, run: Run) -> Outcome {
    match run.code {
        Some(0) => Outcome::Misreported { tail: run.tail, why },
        _ => run.into(),
    }
}

/// The report: all of the text, or what begins with its first line that is a brace, since tools greet before they report.
fn report(text: &str) -> Option<serde_json::Value> {
    let from = |start: usize| serde_json::from_str(text.get(start..)?).ok();
    from(0).or_else(|| {
        let begins = text.match_indices('{').map(|(at, _)| at);
        begins.filter(|at| *at == 0 || text.as_bytes().get(at - 1) == Some(&b'\n')).find_map(from)
    })
}

fn hold(limit: &ReportLimit, report: &serde_json::Value) -> CheckResult {
    let name = limit.name.clone();
    let Some(found) = report.pointer(&limit.at).and_then(serde_json::Value::as_f64) else {
        return CheckResult::new(name, false, format!("the report has no number at {}", limit.at));
    };
    let is_below = limit.below.is_none_or(|below| found < below);
    let is_above = limit.above.is_none_or(|above| found > above);
    let wanted = [limit.below.map(|below| format!("below {below}")), limit.above.map(|above| format!("above {above}"))];
    let wanted: Vec<String> = wanted.into_iter().flatten().collect();
    CheckResult::new(name, is_below && is_above, format!("{found}, must be {}", wanted.join(" and ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(code: i32, lines: &[&str]) -> Run {
        Run { code: Some(code), tail: Vec::new(), raw: lines.iter().map(|line| (*line).to_owned()).collect() }
    }

    fn load(limits: Vec<ReportLimit>) -> LoadPlan {
        let command = crate::domain::plan::CommandPlan {
            run: vec!["k6".to_owned()],
            undo: None,
            env: std::collections::BTreeMap::new(),
            dir: None,
            repeatable: true,
            undo_on_failure: false,
        };
        LoadPlan { command, report: None, limits }
    }

    fn p95(below: f64) -> ReportLimit {
        ReportLimit { name: "p95".to_owned(), at: "/latency/p95".to_owned(), below: Some(below), above: None }
    }

    #[test]
    fn the_last_digest_that_a_build_names_is_what_is_released() {
        let digest = |digit: &str| format!("sha256:{}", digit.repeat(64));
        let lines = [format!("layer {}", digest("a")), format!("\"{}\",", digest("b")), "pushed".to_owned()];
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let outcome = built(run(0, &lines), "registry/api");
        let image = Version(format!("registry/api@{}", digest("b")));
        assert_eq!(outcome, Outcome::Built { tail: Vec::new(), image: image.clone() });
        assert!(matches!(built(run(0, &["done", "sha256:abc"]), "api"), Outcome::Misreported { .. }));
        let base = format!("#5 FROM docker.io/library/python:3.12@{}", digest("c"));
        let outcome = built(run(0, &[lines[0], &format!("registry/api:9ab@{}", digest("b")), &base]), "registry/api");
        assert!(matches!(outcome, Outcome::Built { image: found, .. } if found == image), "another image's is not it");
        let push = format!("9ab03d7: digest: {} size: 2417", digest("b"));
        let outcome = built(run(0, &[lines[0], &push]), "registry/api");
        assert!(matches!(outcome, Outcome::Built { image: found, .. } if found == image), "as docker push says it");
        assert!(matches!(built(run(2, &lines), "api"), Outcome::Exited { code: Some(2), .. }));
    }

    #[tokio::test]
    async fn a_report_after_a_greeting_is_held_against_the_limits() {
        let lines = ["Running 100 users", "{\"latency\":", " {\"p95\": 480.5}}"];
        let Outcome::Measured { checks, code: Some(0), .. } =
            measured(run(0, &lines), &load(vec![p95(500.0), p95(400.0)]), None).await
        else {
            panic!("a report")
        };
        assert_eq!(checks.iter().map(|check| check.passed).collect::<Vec<_>>(), [true, false]);
        assert_eq!(checks[1].detail, "480.5, must be below 400");
        let missing = ReportLimit { at: "/errors".to_owned(), ..p95(1.0) };
        let Outcome::Measured { checks, .. } = measured(run(0, &lines), &load(vec![missing]), None).await else {
            panic!("a report")
        };
        assert!(!checks[0].passed, "a figure that is not there holds no limit");
    }

    #[tokio::test]
    async fn a_tool_that_fails_without_a_report_fails_by_its_exit_code() {
        let outcome = measured(run(1, &["no such host"]), &load(vec![p95(1.0)]), None).await;
        assert!(matches!(outcome, Outcome::Exited { code: Some(1), .. }), "{outcome:?}");
        let outcome = measured(run(0, &["fine"]), &load(vec![p95(1.0)]), None).await;
        assert!(matches!(outcome, Outcome::Misreported { .. }), "{outcome:?}");
    }

    #[tokio::test]
    async fn a_report_is_read_where_the_program_runs_and_only_if_it_has_written_it() {
        let dir = tempfile::tempdir().unwrap();
        let mut load = load(vec![p95(500.0)]);
        load.command.dir = Some(dir.path().to_str().unwrap().to_owned());
        load.report = Some("report.json".to_owned());
        let file = dir.path().join("report.json");
        let refused = |outcome: Outcome| match outcome {
            Outcome::Misreported { why, .. } => why,
            other => panic!("{other:?}"),
        };

        let report = ReportFile::of(&load).await;
        let missing = refused(measured(run(0, &[]), &load, report.as_ref()).await);
        assert!(missing.contains(file.to_str().unwrap()), "{missing}");

        let report = ReportFile::of(&load).await;
        std::fs::write(&file, r#"{"latency": {"p95": 480}}"#).unwrap();
        assert!(matches!(measured(run(0, &[]), &load, report.as_ref()).await, Outcome::Measured { .. }));

        let report = ReportFile::of(&load).await;
        let left = refused(measured(run(0, &[]), &load, report.as_ref()).await);
        assert!(left.contains("older than this run"), "the last run's report: {left}");

        std::fs::remove_file(&file).unwrap();
        let report = ReportFile::of(&load).await;
        std::fs::write(&file, r#"{"latency": {"p95": 480}}"#).unwrap();
        let long_ago = file_time() - Duration::from_hours(1);
        std::fs::File::options().write(true).open(&file).unwrap().set_modified(long_ago).unwrap();
        let old = refused(measured(run(0, &[]), &load, report.as_ref()).await);
        assert!(old.contains("older than this run"), "brought there, not written: {old}");
    }
}
