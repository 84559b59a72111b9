//! Requests that wake green up before users come: caches, pools, just-in-time compilers.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;

use crate::clock::Clock;
use crate::domain::effect::{CheckResult, Outcome};
use crate::domain::plan::WarmUpPlan;
use crate::web::Web;

/// How one request went.
enum Answer {
    /// Answered, in this time.
    Well(Duration),
    /// Answered with an error of the server's, or not at all.
    Badly(String),
}

/// Sends the requests. What the server answers to its first requests is not held against it, silence is: the stage fails
/// when fewer than half of the last quarter are answered.
pub(super) async fn run(web: &Arc<dyn Web>, clock: Clock, plan: &WarmUpPlan) -> Outcome {
    let began = clock.now();
    let count = usize::try_from(plan.requests).unwrap_or(usize::MAX);
    let requests = plan.visits.iter().cloned().cycle().take(count).map(|visit| {
        let web = Arc::clone(web);
        async move {
            match web.fetch(&visit, plan.timeout).await {
                Ok(fetched) if fetched.status < 500 => Answer::Well(fetched.took),
                Ok(fetched) => Answer::Badly(format!("status {}", fetched.status)),
                Err(error) => Answer::Badly(error.to_string()),
            }
        }
    });
    let at_once = usize::try_from(plan.at_once).unwrap_or(1).max(1);
    let answers: Vec<Answer> = stream::iter(requests).buffered(at_once).collect().await;
    Outcome::Checked(vec![judge(&answers, clock.now().since(began))])
}

fn judge(answers: &[Answer], took: Duration) -> CheckResult {
    let well = |answers: &[Answer]| answers.iter().filter(|answer| matches!(answer, Answer::Well(_))).count();
    let last = answers.get(answers.len() - answers.len().div_ceil(4)..).unwrap_or(answers);
    let passed = well(last) * 2 >= last.len();
    let slowest = |answers: &[Answer]| {
        let times = answers.iter().filter_map(|answer| match answer {
            Answer::Well(took) => Some(*took),
            Answer::Badly(_) => None,
        });
        times.max().map(|took| took.as_millis())
    };
    let first = answers.get(..last.len()).unwrap_or(answers);
    let mut detail = format!("{} of {} answered in {:.1} s", well(answers), answers.len(), took.as_secs_f64());
    if let (Some(begun), Some(ended)) = (slowest(first), slowest(last)) {
        detail.push_str(&format!("; slowest of the first {} {begun} ms, of the last {ended} ms", last.len()));
    }
    let trouble = answers.iter().rev().find_map(|answer| match answer {
        Answer::Badly(why) => Some(why),
        Answer::Well(_) => None,
    });
    if let Some(why) = trouble {
        detail.push_str(&format!("; last trouble: {why}"));
    }
    CheckResult::new("green answers", passed, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(well: usize, badly: usize) -> Vec<Answer> {
        let well = (0..well).map(|number| Answer::Well(Duration::from_millis(number as u64)));
        let badly = (0..badly).map(|_| Answer::Badly("status 503".to_owned()));
        badly.chain(well).collect()
    }

    #[test]
    fn what_fails_at_first_and_answers_at_last_is_warm() {
        let result = judge(&answers(10, 30), Duration::from_secs(2));
        assert!(result.passed, "{}", result.detail);
        assert!(result.detail.starts_with("10 of 40 answered") && result.detail.contains("status 503"));
        assert!(!judge(&answers(4, 36), Duration::from_secs(2)).passed);
        assert!(judge(&answers(1, 0), Duration::ZERO).passed);
    }
}
