//! The simulated application, asked in process: without sockets and cryptography, whose time is not the simulation's.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use cutover::domain::check::{Certificate, Fetched, NoAnswer, Request};
use cutover::sim::Sim;
use cutover::sim::wire::{Answer, answer_app};
use cutover::web::Web;

const DAY: Duration = Duration::from_hours(24);

/// Asks whichever of the simulated applications knows the host.
pub(crate) struct InProcess(pub(crate) Vec<Sim>);

#[async_trait]
impl Web for InProcess {
    async fn fetch(&self, request: &Request, timeout: Duration) -> Result<Fetched, NoAnswer> {
        let scheme = request.url.split(':').next().unwrap_or_default().to_owned();
        let mut message = http::Request::builder().method(request.method.as_str()).uri(request.url.as_str());
        message = message.header("x-forwarded-proto", scheme.as_str());
        for (name, value) in &request.headers {
            message = message.header(name, value);
        }
        let body = Bytes::from(request.body.clone().unwrap_or_default());
        let message = message.body(body).map_err(|error| NoAnswer::Impossible(error.to_string()))?;
        let ask = |sim| match answer_app(sim, message.clone()) {
            Answer::Reply { response, after } => Some((sim, response, after)),
            _ => None,
        };
        let Some((sim, response, after)) = self.0.iter().find_map(ask) else {
            return Err(NoAnswer::Refused(request.url.clone()));
        };
        tokio::time::timeout(timeout, tokio::time::sleep(after)).await.map_err(|_| NoAnswer::TimedOut(timeout))?;
        let now = sim.clock().now();
        let headers = response.headers().iter();
        let headers =
            headers.map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
        let certificate = Certificate {
            names: vec!["api.shop.test".to_owned()],
            issuer: "Simulated Authority".to_owned(),
            not_before: now - DAY,
            not_after: now + 90 * DAY,
        };
        Ok(Fetched {
            status: response.status().as_u16(),
            headers: headers.collect(),
            body: response.body().to_vec(),
            is_cut: false,
            took: after,
            certificate: Some(certificate).filter(|_| scheme == "https"),
        })
    }
}
