//! A deployment that somebody else began, while it is only watched: what can be done with it from the screen, and why not
//! the rest. Whatever acts on it takes it over first, as a release of cutover's own.

use super::dialog::{Dialog, Wants};
use super::keymap::Action;
use super::model::{Access, Model, Overlay};
use super::msg::Cmd;
use crate::domain::command::CommandKind;
use crate::domain::components::ComponentIndex;
use crate::domain::deployment::Deployment;
use crate::domain::foreign::{Foreign, Then};
use crate::domain::percent::Percent;
use crate::domain::plan::Driver;
use crate::domain::policy::Deed;
use crate::domain::release::{Release, Tone};
use crate::engine::snapshot::Snapshot;

/// What somebody wants done with a deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakeOver {
    /// The deployment that they saw.
    pub deployment: String,
    /// What is done with it first.
    pub then: Then,
    /// Why, if said.
    pub reason: Option<String>,
}

/// The deployment that is watched, if one is.
pub fn afoot(release: &Release) -> Option<&Foreign> {
    release.plan.origin.foreign().filter(|foreign| release.is_watching() && foreign.is_afoot())
}

/// What AWS says of it, once that was read.
pub fn seen(release: &Release) -> Option<&Deployment> {
    let foreign = afoot(release)?;
    let both = release.components[ComponentIndex::FIRST].capacities.as_ref()?;
    both.deployment.as_deref().filter(|deployment| deployment.id == foreign.deployment)
}

/// What a key does while a deployment is watched; `None` where it means what it always does.
pub fn meant(action: Action, release: &Release) -> Option<Then> {
    afoot(release)?;
    match action {
        Action::TakeOver => Some(Then::Judge),
        Action::Promote => Some(Then::GoOn),
        Action::Rollback => Some(Then::Back),
        _ => None,
    }
}

/// The same of a command.
pub fn meant_by(kind: CommandKind, release: &Release) -> Option<Then> {
    afoot(release)?;
    match kind {
        CommandKind::Promote => Some(Then::GoOn),
        CommandKind::Rollback => Some(Then::Back),
        _ => None,
    }
}

/// Whether a deployment that is watched can be taken over for this.
///
/// # Errors
/// Why not, and what is nearest to it.
pub fn possible(release: &Release, then: Then) -> Result<(), String> {
    let Some(foreign) = afoot(release) else {
        return Err(match release.begun {
            Some(_) => "this release is cutover's own".to_owned(),
            None => "nothing is being deployed that could be taken over".to_owned(),
        });
    };
    let driver = release.plan.components[ComponentIndex::FIRST].driver();
    let Some(seen) = seen(release) else {
        // Weights that somebody sets are no deployment of AWS's that could be read.
        return if driver == Driver::Alb {
            Ok(())
        } else {
            Err("the deployment has not been read yet, or is over".to_owned())
        };
    };
    if seen.course.is_over() {
        return Err(format!("the deployment is over: {}", seen.status));
    }
    if seen.course.is_given_up() {
        return Err(format!("it goes back already: {}", seen.why_given_up()));
    }
    let sides = release.plan.components[ComponentIndex::FIRST].sides.as_ref();
    if sides.is_some_and(|sides| sides.blue.task_definition == seen.task_definition) {
        return Err("it deploys anew what serves already: there is nothing to judge it by or to go back to".to_owned());
    }
    if then == Then::GoOn && foreign.own_clock && seen.wait.is_none() {
        let deployer = driver.deployer();
        return Err(format!(
            "{deployer} goes on by its own clock and waits for nobody; take over has it judged, rollback stops it"
        ));
    }
    Ok(())
}

/// Why a command that means nothing here cannot be given, and what is nearest to it.
pub fn refusal(release: &Release, kind: CommandKind) -> Option<String> {
    let foreign = afoot(release)?;
    let driver = release.plan.components[ComponentIndex::FIRST].driver();
    let deployer = driver.deployer();
    let is_waiting = seen(release).is_some_and(|seen| seen.wait.is_some());
    Some(match kind {
        CommandKind::Pause | CommandKind::Resume if is_waiting => {
            "it waits already, until somebody answers or its time is over; promote lets it go on".to_owned()
        }
        CommandKind::Pause | CommandKind::Resume if driver == Driver::Rolling => {
            "ECS replaces the tasks by itself and cannot be paused; rollback stops it".to_owned()
        }
        CommandKind::Pause | CommandKind::Resume if foreign.own_clock => {
            format!(
                "{deployer} shifts on its own clock and cannot be paused; rollback stops it, take over has it judged"
            )
        }
        CommandKind::Pause | CommandKind::Resume => {
            "cutover does not steer it yet; once taken over, it is held before each step until that is judged"
                .to_owned()
        }
        CommandKind::PromoteFull => {
            "nobody can skip the steps of somebody else's deployment; promote lets it go on".to_owned()
        }
        CommandKind::Abort => "there is no release to abort; rollback stops the deployment".to_owned(),
        CommandKind::Promote | CommandKind::Rollback => return None,
        CommandKind::Retry | CommandKind::Skip | CommandKind::Approve | CommandKind::Acknowledge => {
            "this is only watched; take over makes it a release of cutover's".to_owned()
        }
    })
}

/// Whether it can be sent from here now.
///
/// # Errors
/// Why not.
pub fn can(model: &Model, snapshot: &Snapshot, then: Then) -> Result<(), String> {
    if let Access::ReadOnly(why) = &model.access {
        return Err(format!("read-only: {why}"));
    }
    let deed = if then == Then::Back { Deed::Order(CommandKind::Rollback) } else { Deed::Release };
    snapshot.release.plan.lets(deed, model.actor.arn.as_deref())?;
    possible(&snapshot.release, then)
}

/// Asks whether it is meant.
pub(super) fn ask(model: &mut Model, snapshot: &Snapshot, then: Then) -> Vec<Cmd> {
    if let Err(why) = can(model, snapshot, then) {
        model.tell(snapshot.speed, Tone::Warning, format!("{}: {why}", verb(then)));
        return Vec::new();
    }
    let release = &snapshot.release;
    let production = release.plan.production && then != Then::Back;
    let name = || release.plan.components[ComponentIndex::FIRST].name.to_string();
    model.frozen = None;
    model.overlay = Some(Overlay::Dialog(Dialog {
        command: if then == Then::Back { CommandKind::Rollback } else { CommandKind::Promote },
        stage: None,
        component: None,
        wants: if production { Wants::Word(name()) } else { Wants::Yes },
        typed: String::new(),
        seen: release.revision,
        alarm: None,
        earlier: None,
        take: Some(then),
    }));
    Vec::new()
}

/// What the answer to such a question sets off; `None` while it is no answer.
pub(super) fn wish(dialog: &Dialog, release: &Release) -> Option<TakeOver> {
    let then = dialog.take?;
    let command = dialog.answer(dialog.command).ok()?;
    let reason = command.reason().map(str::to_owned);
    Some(TakeOver { deployment: afoot(release)?.deployment.clone(), then, reason })
}

/// What is done, in a word or two.
pub fn verb(then: Then) -> &'static str {
    match then {
        Then::Judge => "take over",
        Then::GoOn => "go on",
        Then::Back => "roll back",
    }
}

/// What taking it over does, in lines, the first of which says what happens at once.
pub fn outlook(release: &Release, then: Then) -> Vec<String> {
    let Some(foreign) = afoot(release) else { return Vec::new() };
    let plan = &release.plan.components[ComponentIndex::FIRST];
    let deployer = plan.driver().deployer();
    let green = release.components[ComponentIndex::FIRST].traffic.observed.unwrap_or(foreign.weight);
    let alb = plan.driver() == Driver::Alb;
    let first = match then {
        Then::Back if alb => "all traffic goes back to blue, by one call".to_owned(),
        Then::Back => format!("{deployer} is told to go back: all traffic to {}", plan.from),
        Then::GoOn if alb => format!("green goes on from {green} to the next step of the pipeline"),
        Then::GoOn => format!("{deployer} goes on from {green}, where it waits"),
        Then::Judge if foreign.own_clock => format!("{deployer} goes on as it was told; green has {green}"),
        Then::Judge if green == Percent::ZERO => "green is checked before it gets any traffic".to_owned(),
        Then::Judge => format!("green is judged at {green}, where it is; then it goes on when the gates open"),
    };
    let mut lines = vec![first];
    if then != Then::Back {
        lines.push(format!(
            "from now on {} signals and {} alarms judge it, and roll it back",
            plan.signals.len(),
            plan.alarms.len()
        ));
        let firing = &release.components[ComponentIndex::FIRST].firing;
        if let Some(alarm) = firing.first() {
            lines.push(format!("alarm {} fires: it goes back at once", alarm.name));
        }
    }
    lines.push("it becomes a release of cutover's: kept in the journal, told to the channels".to_owned());
    lines
}
