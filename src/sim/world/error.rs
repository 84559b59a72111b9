//! What AWS answers when it refuses.

/// A refusal as an AWS service words it. The wire layer gives it the shape of the protocol at hand.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code} ({status}): {message}")]
pub struct ApiError {
    /// The exception's name, such as `ServiceNotFoundException`.
    pub code: &'static str,
    /// The sentence AWS sends along.
    pub message: String,
    /// The HTTP status, 400 for nearly everything.
    pub status: u16,
}

impl ApiError {
    /// A refusal with status 400.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), status: 400 }
    }

    /// A refusal with status 404, as SNS, STS and the metrics service use it for things that are not there.
    pub fn not_found(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), status: 404 }
    }
}

/// What every operation of the simulated AWS returns.
pub type ApiResult<T> = Result<T, ApiError>;
