//! `cutover audit`

use clap::builder::TypedValueParser;
use clap::{Args, Subcommand};

use super::words::{Among, Writing};
use crate::domain::ids::ReleaseId;

const EXAMPLES: &str = "\
Examples:
  cutover audit --since 7d --env production
  cutover audit --who maria --json
  cutover audit verify                      has anything been changed?

docs/history.md says what is kept, how it is sealed, and what sealing cannot do.";

const VERIFY: &str = "\
The exit code says what was found:
  0  nothing was changed
  1  something was; each record is named

Keep the last line somewhere else, and give it to --head later: whoever can write the journal's directory could
otherwise write journal and anchor anew.";

/// List who did what to releases, when, on what evidence, why, and what the answer was
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true, disable_help_subcommand = true)]
#[command(override_usage = "cutover audit [OPTIONS] [VERB]")]
#[command(subcommand_help_heading = "Verbs", subcommand_value_name = "VERB")]
pub struct Audit {
    /// What to do; `None` lists.
    #[command(subcommand)]
    pub verb: Option<AuditVerb>,
    /// Only of this release
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).map(ReleaseId))]
    pub release: Option<ReleaseId>,
    /// Only what somebody did whose name, host or ARN has this in it
    #[arg(long, value_name = "TEXT")]
    pub who: Option<String>,
    /// Which.
    #[command(flatten)]
    pub among: Among,
    /// How to write them.
    #[command(flatten)]
    pub writing: Writing,
}

/// What to do with the audit trail.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
#[expect(missing_docs, reason = "each verb is described at its type, and clap would show a second description instead")]
pub enum AuditVerb {
    Verify(Verify),
}

/// Find out whether anything in the journal was changed, taken out, put in, moved or cut off
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
#[command(after_help = VERIFY)]
pub struct Verify {
    /// A record and its hash, as an earlier run showed it: the journal must still hold just that
    #[arg(long, value_name = "N:HASH")]
    pub head: Option<String>,
    /// Make the anchor anew from the newest record, after a backup was restored for one
    #[arg(long)]
    pub renew_anchor: bool,
    /// How to write it.
    #[command(flatten)]
    pub writing: Writing,
}
