//! The simulated service itself, as HTTP clients see it.

use std::time::Duration;

/// A request to the simulated service.
#[derive(Clone, Debug)]
pub struct AppRequest {
    /// The host asked for, without its port.
    pub host: String,
    /// `GET` and so on.
    pub method: String,
    /// The path, with its query.
    pub path: String,
    /// Headers in the order sent; names in lower case.
    pub headers: Vec<(String, String)>,
}

/// What the service answers.
#[derive(Clone, Debug)]
pub enum AppResponse {
    /// An answer.
    Answered {
        /// The status.
        status: u16,
        /// Headers; names in lower case.
        headers: Vec<(String, String)>,
        /// The body.
        body: String,
        /// How long the answer takes.
        latency: Duration,
    },
    /// Nothing listens there.
    Refused,
    /// There is no such host.
    UnknownHost,
}
