//! URLs that users and checks ask: that something answers there.

use std::time::Duration;

use super::Look;
use super::item::unconfigured;
use crate::domain::check::{Fetched, NoAnswer, Request};
use crate::domain::checklist::Item;
use crate::domain::plan::StageKind;

/// An answer that takes longer is none.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) async fn look(look: &Look<'_>) -> Vec<Item> {
    let mut urls: Vec<(String, String)> = Vec::new();
    urls.extend(look.component.url.iter().map(|url| ("users' URL".to_owned(), url.clone())));
    let blue = look.planned().and_then(|planned| planned.sides.as_ref()).map(|sides| &sides.blue);
    if let Some(url) = blue.and_then(|blue| blue.url.as_ref()) {
        urls.push(("URL of what serves".to_owned(), url.clone()));
    }
    if urls.is_empty() {
        let key = "`url` on the component and on each of its `services`: smoke tests ask them";
        return vec![unconfigured("URLs", key)];
    }
    // Whoever's checks have authorities of their own has certificates of these.
    let checks = look.plan.ok().into_iter().flat_map(|plan| &plan.stages).flat_map(|stage| requests(&stage.kind));
    let ca_file = checks.into_iter().find_map(|request| request.ca_file.clone());
    let mut items = Vec::new();
    for (name, url) in urls {
        let request = Request { ca_file: ca_file.clone(), ..Request::get(url.clone()) };
        let answer = look.around.web.fetch(&request, PATIENCE).await;
        items.push(judge(&name, &url, answer));
    }
    items
}

fn requests(kind: &StageKind) -> Vec<&Request> {
    match kind {
        StageKind::WarmUp(warm_up) => warm_up.visits.iter().collect(),
        other => other.checks().unwrap_or_default().iter().map(|check| &check.request).collect(),
    }
}

/// Whatever is answered, as long as it is no failure of the server's: what is below it is the checks' business.
fn judge(name: &str, url: &str, answer: Result<Fetched, NoAnswer>) -> Item {
    match answer {
        Ok(answer) => {
            let seen = format!("{url} answers {} in {} ms", answer.status, answer.took.as_millis());
            Item::held(name, answer.status < 500, seen, || "see the service's logs".to_owned())
        }
        Err(error) => {
            let remedy = match &error {
                NoAnswer::Tls { .. } => {
                    "correct the certificate; an authority of your own is named by `ca_file` in a stage of checks"
                }
                _ => "correct the URL; see that its name resolves here, and that security groups let this host in",
            };
            Item::wrong(name, format!("{url}: {error}"), remedy)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::checklist::Mark;

    #[test]
    fn any_answer_will_do_that_is_no_failure_of_the_server() {
        let answer = |status| Fetched {
            status,
            headers: Vec::new(),
            body: Vec::new(),
            is_cut: false,
            took: Duration::from_millis(7),
            certificate: None,
        };
        let mark = |answer| judge("URL", "https://shop.example", answer).mark;
        assert_eq!([mark(Ok(answer(404))), mark(Ok(answer(503)))], [Mark::Fine, Mark::Wrong]);
        assert_eq!(mark(Err(NoAnswer::NoSuchHost("shop.example".to_owned()))), Mark::Wrong);
    }
}
