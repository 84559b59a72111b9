//! What each verb does: the one place that chooses between adapters and puts the parts together.

mod alarms;
mod audit;
mod back;
mod channels;
mod demo;
mod doctor;
mod engine;
mod faces;
mod fleet;
mod foreign;
mod history;
mod hold;
mod init;
mod judge;
mod launch;
mod lease;
mod notify;
mod output;
mod parts;
mod plan;
mod promotion;
mod rehearsal;
mod release;
mod replay;
mod settings;
mod sim;
mod steer;
mod telling;
#[cfg(test)]
mod testing;
mod versions;
mod watch;
mod who;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use color_eyre::eyre::Result;

use crate::cli::{
    AlarmsVerb, Attach, Cli, ConfigVerb, Globals, NotifyVerb, Verb, write_completions, write_man, write_man_pages,
};

/// Runs the program to its exit code.
pub fn run() -> ExitCode {
    // Reports of defects are readable; should it be installed already, the one there is does as well.
    let _installed = color_eyre::install();
    let cli = Cli::parse();
    ExitCode::from(output::code(|| act(&cli)))
}

fn act(cli: &Cli) -> Result<u8> {
    let globals = &cli.globals;
    let verb = cli.verb.clone().unwrap_or_else(|| Verb::Attach(Attach::default()));
    if let Some((command, aim)) = verb.command() {
        if matches!(verb, Verb::Rollback(_)) {
            output::runtime()?.block_on(back::refuse_idle(globals, &aim.which))?;
        }
        return output::runtime()?.block_on(steer::send(globals, command, &aim, verb.consent()));
    }
    match &verb {
        Verb::Demo(arguments) => output::runtime()?.block_on(demo::run(globals, arguments)),
        Verb::Doctor(arguments) => output::runtime()?.block_on(doctor::run(globals, arguments)),
        Verb::Plan(arguments) => output::runtime()?.block_on(plan::run(globals, arguments)),
        Verb::Release(arguments) => output::runtime()?.block_on(release::run(globals, arguments)),
        Verb::Watch(arguments) => output::runtime()?.block_on(watch::run(globals, arguments)),
        Verb::Attach(arguments) => output::runtime()?.block_on(release::attach_to(globals, arguments)),
        Verb::Engine(arguments) => output::runtime()?.block_on(engine::run(globals, arguments)),
        Verb::Status(arguments) => output::runtime()?.block_on(steer::status(globals, arguments)),
        Verb::Sim(arguments) => output::runtime()?.block_on(sim::run(arguments)),
        Verb::History(arguments) => history::run(globals, arguments),
        Verb::Audit(arguments) => audit::run(globals, arguments),
        Verb::Replay(arguments) => output::runtime()?.block_on(replay::run(globals, arguments)),
        Verb::Judge(arguments) => judge::run(globals, arguments),
        Verb::Config(arguments) => match &arguments.verb {
            ConfigVerb::Init(init) => output::runtime()?.block_on(init::run(init)),
            verb => config(globals, verb),
        },
        Verb::Alarms(arguments) => match &arguments.verb {
            AlarmsVerb::Plan(plan) => output::runtime()?.block_on(alarms::plan(globals, plan)),
            AlarmsVerb::Apply(apply) => output::runtime()?.block_on(alarms::apply(globals, apply)),
            // Sent above.
            AlarmsVerb::Acknowledge(_) => Ok(0),
        },
        Verb::Notify(arguments) => match &arguments.verb {
            NotifyVerb::Test(test) => output::runtime()?.block_on(notify::test(globals, test)),
        },
        Verb::Completions(arguments) => {
            write_completions(arguments.shell, &mut output::out())?;
            Ok(0)
        }
        Verb::Man(arguments) => {
            match &arguments.dir {
                Some(dir) => write_man_pages(dir)?,
                None => write_man(&mut output::out())?,
            }
            Ok(0)
        }
        Verb::Rollback(arguments) => match arguments.to {
            Some(to) => output::runtime()?.block_on(back::run(globals, arguments, to)),
            None => Ok(0),
        },
        Verb::Promote(_)
        | Verb::Pause(_)
        | Verb::Resume(_)
        | Verb::Abort(_)
        | Verb::Retry(_)
        | Verb::Skip(_)
        | Verb::Approve(_) => Ok(0),
    }
}

fn config(globals: &Globals, verb: &ConfigVerb) -> Result<u8> {
    let mut out = output::out();
    if *verb == ConfigVerb::Schema {
        writeln!(out, "{:#}", crate::config::schema())?;
        return Ok(0);
    }
    let config = settings::load(globals)?;
    match verb {
        ConfigVerb::Check => {
            faces::Manner::read(&config.screen)?;
            writeln!(out, "the configuration has no mistakes")?;
        }
        ConfigVerb::Show => write!(out, "{}", config.show())?,
        // Done without a configuration.
        ConfigVerb::Schema | ConfigVerb::Init(_) => {}
    }
    Ok(0)
}
