//! What belongs on a launch checklist and no program can see.

use crate::domain::checklist::Item;

/// What to look for, and where.
const ITEMS: [(&str, &str); 10] = [
    ("security audit completed", "its report has no open finding that is high or worse"),
    ("web application firewall", "`aws wafv2 get-web-acl-for-resource --resource-arn LOAD_BALANCER` names one"),
    ("dashboards ready", "`aws cloudwatch list-dashboards` shows those that whoever is on call looks at"),
    ("performance benchmarks met", "the last load test's report; a `load` stage keeps it true"),
    ("migrations tested", "the last release to staging ran them: `cutover history --env staging`"),
    ("rollback rehearsed", "it was done in staging, and timed: `cutover history metrics --env staging`"),
    ("API documentation updated", "it is that of the version that is released"),
    ("on-call rotation", "somebody is on call from the moment of the release, and knows it"),
    ("runbooks and contacts", "whoever is on call has them open: docs/README.md lists this program's"),
    ("team trained", "somebody else than its author has released with it"),
];

pub(super) fn items() -> Vec<Item> {
    ITEMS.map(|(name, remedy)| Item::unknown(name, "people alone know", remedy)).to_vec()
}
