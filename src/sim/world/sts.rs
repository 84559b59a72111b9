//! Who the caller is.

use super::{ApiResult, World};

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

impl World {
    /// Who the caller is: always the same role.
    pub fn get_caller_identity(&self) -> ApiResult<CallerIdentity> {
        let account = self.schema.aws.account.clone();
        Ok(CallerIdentity {
            user_id: "AROASIMULATEDCAPTAIN:captain".to_owned(),
            arn: format!("arn:aws:sts::{account}:assumed-role/release-captain/captain"),
            account,
        })
    }
}
