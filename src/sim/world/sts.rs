//! Who the caller is.

/// Output of `GetCallerIdentity`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallerIdentity {
    /// Such as `AROAEXAMPLE:captain`.
    pub user_id: String,
    /// Twelve digits.
    pub account: String,
    /// The caller's ARN.
    pub arn: String,
}
