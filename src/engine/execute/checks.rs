//! HTTP checks against green.

use std::collections::BTreeMap;

use futures_util::StreamExt as _;
use futures_util::stream;

use crate::clock::Clock;
use crate::domain::check::{Fetched, HttpCheck, NoAnswer, Request, RetryOn, evaluate, follow, unanswered};
use crate::domain::effect::{CheckResult, Outcome};
use crate::web::Web;

/// Checks that run side by side at most: enough to be quick, too few to be a load.
const AT_ONCE: usize = 6;

/// What checks are run with.
#[derive(Clone, Copy)]
pub(super) struct Checker<'a> {
    pub(super) web: &'a dyn Web,
    pub(super) clock: Clock,
    /// Variables beside the engine's own environment.
    pub(super) variables: &'a BTreeMap<String, String>,
}

impl Checker<'_> {
    /// Runs the checks, some at a time; the results are in the checks' order.
    pub(super) async fn run(self, checks: &[HttpCheck]) -> Outcome {
        // Made beforehand: a stream that makes them as it goes would borrow in a way that cannot cross threads.
        let all: Vec<_> = checks.iter().map(|check| self.one(check)).collect();
        Outcome::Checked(stream::iter(all).buffered(AT_ONCE).concat().await)
    }

    pub(super) async fn one(self, check: &HttpCheck) -> Vec<CheckResult> {
        let request = match self.complete(&check.request) {
            Ok(request) => request,
            Err(error) => return vec![unanswered(check, &error, self.clock.now())],
        };
        let mut tries = 1;
        loop {
            let answer = self.ask(&request, check).await;
            let now = self.clock.now();
            let (mut results, is_worth_another) = match answer {
                Ok(answer) => {
                    let results = evaluate(check, &answer, now);
                    let failed = results.iter().any(|result| !result.passed);
                    (results, failed && check.retry_on == RetryOn::Failure)
                }
                Err(error) => (vec![unanswered(check, &error, now)], error.is_transient()),
            };
            if !is_worth_another || tries > check.retries {
                for result in results.iter_mut().filter(|result| !result.passed && tries > 1) {
                    result.detail.push_str(&format!(", {tries} times"));
                }
                return results;
            }
            tries += 1;
            self.clock.sleep(check.pause).await;
        }
    }

    /// The request with the secrets that it only names: they are in no plan, and so in no journal.
    fn complete(&self, request: &Request) -> Result<Request, NoAnswer> {
        let mut complete = request.clone();
        for (header, variable) in &request.headers_from {
            let value = self.variables.get(variable).cloned().or_else(|| std::env::var(variable).ok());
            let missing = || NoAnswer::Impossible(format!("{header} comes from {variable}, which is not set"));
            complete.headers.insert(header.clone(), value.ok_or_else(missing)?);
        }
        Ok(complete)
    }

    /// One answer, after the redirects that the check follows.
    async fn ask(&self, request: &Request, check: &HttpCheck) -> Result<Fetched, NoAnswer> {
        let mut answer = self.web.fetch(request, check.timeout).await?;
        let mut request = request.clone();
        for _ in 0..request.follow {
            let Some(next) = follow(&request, &answer) else { break };
            let secret = request.headers_from.keys().filter(|name| !next.headers_from.contains_key(*name));
            let secret: Vec<String> = secret.cloned().collect();
            request = next;
            request.headers.retain(|name, _| !secret.contains(name));
            let took = answer.took;
            answer = self.web.fetch(&request, check.timeout).await?;
            answer.took += took;
        }
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::Mutex;
    use std::time::Duration;

    use async_trait::async_trait;
    use tokio::time::Instant;

    use super::*;
    use crate::domain::check::{Expect, StatusRange};

    /// Answers in turn, each after half a second, and keeps what it was asked.
    #[derive(Default)]
    struct Scripted {
        answers: Mutex<VecDeque<Result<Fetched, NoAnswer>>>,
        asked: Mutex<Vec<Request>>,
        open: Mutex<(usize, usize)>,
    }

    #[async_trait]
    impl Web for Scripted {
        async fn fetch(&self, request: &Request, _: Duration) -> Result<Fetched, NoAnswer> {
            self.asked.lock().unwrap().push(request.clone());
            {
                let mut open = self.open.lock().unwrap();
                open.0 += 1;
                open.1 = open.1.max(open.0);
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
            self.open.lock().unwrap().0 -= 1;
            self.answers.lock().unwrap().pop_front().unwrap_or_else(|| Ok(status(200)))
        }
    }

    fn status(status: u16) -> Fetched {
        Fetched { status, took: Duration::from_millis(500), ..Fetched::default() }
    }

    fn to(place: &str) -> Fetched {
        Fetched { headers: vec![("location".to_owned(), place.to_owned())], ..status(302) }
    }

    fn check(name: &str) -> HttpCheck {
        HttpCheck {
            name: name.to_owned(),
            request: Request {
                method: "GET".to_owned(),
                url: "https://green.test/healthz".to_owned(),
                connect: None,
                headers: BTreeMap::new(),
                headers_from: BTreeMap::new(),
                body: None,
                follow: 0,
                ca_file: None,
            },
            expect: Expect { status: vec![StatusRange::one(200)], ..Expect::default() },
            timeout: Duration::from_secs(5),
            retries: 2,
            pause: Duration::from_secs(1),
            retry_on: RetryOn::NoAnswer,
        }
    }

    async fn run(web: &Scripted, checks: &[HttpCheck]) -> Vec<CheckResult> {
        let variables = BTreeMap::from([("SMOKE_TOKEN".to_owned(), "s3cr3t-t0k3n".to_owned())]);
        let checker = Checker { web, clock: Clock::system(), variables: &variables };
        match checker.run(checks).await {
            Outcome::Checked(results) => results,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn checks_run_side_by_side_within_a_bound_and_keep_their_order() {
        let web = Scripted::default();
        let checks: Vec<HttpCheck> = (0..12).map(|number| check(&format!("check {number}"))).collect();
        let begun = Instant::now();
        let results = run(&web, &checks).await;
        let names: Vec<&str> = results.iter().map(|result| result.name.as_str()).collect();
        assert_eq!(names, checks.iter().map(|check| check.name.as_str()).collect::<Vec<_>>());
        assert_eq!((begun.elapsed(), web.open.lock().unwrap().1), (Duration::from_secs(1), AT_ONCE));
    }

    #[tokio::test(start_paused = true)]
    async fn no_answer_is_tried_again_and_a_wrong_one_counts_at_once() {
        let lost = || Err(NoAnswer::Lost("reset".to_owned()));
        let web = Scripted { answers: Mutex::new([lost(), lost(), Ok(status(200))].into()), ..Scripted::default() };
        let begun = Instant::now();
        assert!(run(&web, &[check("health")]).await[0].passed);
        assert_eq!(begun.elapsed(), Duration::from_millis(3_500), "three tries with two pauses");
        let web = Scripted { answers: Mutex::new([lost(), lost(), lost()].into()), ..Scripted::default() };
        assert_eq!(run(&web, &[check("health")]).await[0].detail, "connection lost: reset, 3 times");
        let web = Scripted { answers: Mutex::new([Ok(status(503)), Ok(status(200))].into()), ..Scripted::default() };
        assert_eq!(run(&web, &[check("health")]).await[0].detail, "503");
        assert_eq!(web.asked.lock().unwrap().len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_check_may_wait_for_what_is_not_ready_yet() {
        let web = Scripted { answers: Mutex::new([Ok(status(503)), Ok(status(200))].into()), ..Scripted::default() };
        let patient = HttpCheck { retry_on: RetryOn::Failure, ..check("database") };
        assert!(run(&web, &[patient]).await[0].passed);
    }

    #[tokio::test(start_paused = true)]
    async fn redirects_are_followed_when_asked_for_and_secrets_stay_at_home() {
        let mut asks = check("home");
        asks.request.headers_from.insert("x-token".to_owned(), "SMOKE_TOKEN".to_owned());
        let answers = || Mutex::new([Ok(to("/home")), Ok(to("https://elsewhere.test/")), Ok(status(200))].into());
        let web = Scripted { answers: answers(), ..Scripted::default() };
        assert!(!run(&web, &[asks.clone()]).await[0].passed, "a redirect is an answer like any other");
        asks.request.follow = 3;
        let web = Scripted { answers: answers(), ..Scripted::default() };
        let results = run(&web, &[asks]).await;
        assert_eq!((results[0].passed, results[0].took), (true, Some(Duration::from_millis(1_500))));
        let asked = web.asked.lock().unwrap();
        let urls: Vec<&str> = asked.iter().map(|request| request.url.as_str()).collect();
        assert_eq!(urls, ["https://green.test/healthz", "https://green.test/home", "https://elsewhere.test/"]);
        let token = |index: usize| asked[index].headers.get("x-token").map(String::as_str);
        assert_eq!([token(0), token(1), token(2)], [Some("s3cr3t-t0k3n"), Some("s3cr3t-t0k3n"), None]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_secret_that_is_missing_fails_the_check() {
        let mut asks = check("me");
        asks.request.headers_from.insert("authorization".to_owned(), "NO_SUCH_VARIABLE_OF_CUTOVER".to_owned());
        let web = Scripted::default();
        let results = run(&web, &[asks]).await;
        let wanted = "cannot be asked: authorization comes from NO_SUCH_VARIABLE_OF_CUTOVER, which is not set";
        assert!(!results[0].passed && wanted.contains(&results[0].detail), "{}", results[0].detail);
        assert!(web.asked.lock().unwrap().is_empty());
    }
}
