//! What can be typed after `cutover`: one file a verb, and nothing but parsing. What a verb does is decided by the
//! program.

mod abort;
mod alarms;
mod approve;
mod attach;
mod audit;
mod completions;
mod config;
mod demo;
mod doctor;
mod engine;
mod globals;
mod history;
mod judge;
mod man;
mod notify;
mod pause;
mod plan;
mod promote;
mod release;
mod replay;
mod resume;
mod retry;
mod rollback;
mod sim;
mod skip;
mod status;
mod watch;
mod words;

#[cfg(test)]
mod tests;

use clap::{Parser, Subcommand};

use crate::domain::command::Command;

pub use abort::Abort;
pub use alarms::{Acknowledge, Alarms, AlarmsApply, AlarmsPlan, AlarmsVerb};
pub use approve::Approve;
pub use attach::Attach;
pub use audit::{Audit, AuditVerb, Verify};
pub use completions::{Completions, write_completions};
pub use config::{Config, ConfigInit, ConfigVerb};
pub use demo::Demo;
pub use doctor::Doctor;
pub use engine::Engine;
pub use globals::Globals;
pub use history::{Export, History, HistoryVerb, Metrics, Show};
pub use judge::{By, Envelope, Judge, Step, Tasks};
pub use man::{Man, write_man, write_man_pages};
pub use notify::{Notify, NotifyTest, NotifyVerb};
pub use pause::Pause;
pub use plan::Plan;
pub use promote::Promote;
pub use release::Release;
pub use replay::Replay;
pub use resume::Resume;
pub use retry::Retry;
pub use rollback::Rollback;
pub use sim::Sim;
pub use skip::Skip;
pub use status::Status;
pub use watch::Watch;
pub use words::{Aim, Among, Consent, Format, Headless, Image, Since, What, Which, Writing, is_commit};

const AFTER_HELP: &str = "\
Try it without an account:
  cutover demo                              a release against a simulated AWS
  cutover demo --scenario errors            one that goes wrong, and back

Release:
  cutover config check
  cutover doctor staging
  cutover plan staging --image registry/api:9ab03d7
  cutover release staging --image registry/api:9ab03d7
  cutover                                   watch what runs, from any other terminal
  cutover rollback --reason 'checkout fails'
  cutover watch production                  what others deploy there, and what is wrong

Exit codes:
    0  the release succeeded, or the command was accepted
    1  internal error
    2  wrong usage or configuration
    3  failed, or refused by a gate, before any traffic was shifted
    4  rolled back cleanly
    5  the rollback failed
    6  paused, or waiting for a human
    7  timed out; the release still runs
    8  refused: locked, stale, read-only, or against a policy
  130  detached by a signal; the release goes on

Environment:
  CUTOVER_CONFIG     the configuration file
  CUTOVER_JOURNAL    directory of the journal
  CUTOVER_PROFILE    AWS profile, in place of every environment's own
  CUTOVER_READ_ONLY  1 to change nothing, 0 to allow it
  CUTOVER_GIT_SHA    the commit that images were made of, where the pipeline asks for ${git_sha}
  CUTOVER_COLOR      auto, always or never; NO_COLOR is heeded too
  Flags outrank them, and they the file. Credentials come from where the AWS SDK finds them.";

/// Release services on AWS ECS, watch them, and take them back, on one screen.
///
/// Without a verb, it attaches to the release that runs; if none does, it says what can be done.
#[derive(Clone, Debug, PartialEq, Parser)]
#[command(name = "cutover", version, after_help = AFTER_HELP, subcommand_help_heading = "Verbs")]
#[command(subcommand_value_name = "VERB", max_term_width = 110, disable_help_subcommand = true)]
pub struct Cli {
    /// What goes with every verb.
    #[command(flatten)]
    pub globals: Globals,
    /// What to do; `None` attaches to what runs.
    #[command(subcommand)]
    pub verb: Option<Verb>,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Subcommand)]
#[expect(missing_docs, reason = "each verb is described at its type, and clap would show a second description instead")]
pub enum Verb {
    Demo(Demo),
    Doctor(Doctor),
    Plan(Plan),
    Release(Release),
    Attach(Attach),
    Watch(Watch),
    Status(Status),
    Promote(Promote),
    Pause(Pause),
    Resume(Resume),
    Rollback(Rollback),
    Abort(Abort),
    Retry(Retry),
    Skip(Skip),
    Approve(Approve),
    History(History),
    Audit(Audit),
    Replay(Replay),
    Judge(Judge),
    Config(Config),
    Alarms(Alarms),
    Notify(Notify),
    Sim(Sim),
    Completions(Completions),
    Man(Man),
    #[command(hide = true)]
    Engine(Engine),
}

impl Verb {
    /// The command that it sends to a running release, and which release; `None` if it sends none.
    pub fn command(&self) -> Option<(Command, Aim)> {
        // A pause or a rollback is accepted whatever has changed, so neither asks for a revision.
        let timely = |which: &Which| Aim { which: which.clone(), if_revision: None, stage: None };
        match self {
            Self::Promote(args) => Some((args.command(), args.aim.clone())),
            Self::Pause(args) => Some((Command::Pause, timely(&args.which))),
            Self::Resume(args) => Some((Command::Resume, args.aim.clone())),
            Self::Rollback(Rollback { to: Some(_), .. }) => None,
            Self::Rollback(args) => Some((Command::Rollback { reason: args.reason.clone() }, timely(&args.which))),
            Self::Abort(args) => Some((Command::Abort { reason: args.reason.clone() }, args.aim.clone())),
            Self::Retry(args) => Some((Command::Retry, args.aim.clone())),
            Self::Skip(args) => Some((Command::Skip { reason: args.reason.clone() }, args.aim.clone())),
            Self::Approve(args) => Some((args.command(), args.aim.clone())),
            Self::Alarms(Alarms { verb: AlarmsVerb::Acknowledge(args) }) => Some((args.command(), args.aim.clone())),
            Self::Demo(_)
            | Self::Doctor(_)
            | Self::Plan(_)
            | Self::Release(_)
            | Self::Attach(_)
            | Self::Watch(_)
            | Self::Status(_)
            | Self::History(_)
            | Self::Audit(_)
            | Self::Replay(_)
            | Self::Judge(_)
            | Self::Config(_)
            | Self::Alarms(_)
            | Self::Notify(_)
            | Self::Sim(_)
            | Self::Completions(_)
            | Self::Man(_)
            | Self::Engine(_) => None,
        }
    }

    /// Whether what it sends may be carried out without asking, should it be hard to take back.
    pub fn consent(&self) -> Consent {
        match self {
            Self::Promote(args) => args.consent(),
            _ => Consent::Asked,
        }
    }
}
