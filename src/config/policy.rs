//! `[policy]`: who may do what, by AWS identity.

use crate::domain::ids::EnvironmentName;
use crate::domain::policy::{Deed, Policy, Rule};

/// Who may do what, in all environments that it governs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyRules {
    /// The environments that it governs; all others are open to whoever has the credentials. `None`: all.
    pub environments: Option<Vec<String>>,
    /// What anybody may do.
    pub everybody: Vec<Deed>,
    /// The rules, each with the environments that it is of; `None`: all.
    pub rules: Vec<(Rule, Option<Vec<String>>)>,
}

impl PolicyRules {
    /// What holds in one environment; `None` where it governs nothing.
    pub fn of(&self, environment: &EnvironmentName) -> Option<Policy> {
        let has = |names: &Option<Vec<String>>| {
            names.as_ref().is_none_or(|names| names.iter().any(|name| name == environment.as_str()))
        };
        if !has(&self.environments) {
            return None;
        }
        let rules = self.rules.iter().filter(|(_, environments)| has(environments)).map(|(rule, _)| rule.clone());
        Some(Policy { everybody: self.everybody.clone(), rules: rules.collect() })
    }
}
