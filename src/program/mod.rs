//! What each verb does: the one place that chooses between adapters and puts the parts together.

mod demo;
mod faces;
mod output;
mod parts;
mod sim;

use std::process::ExitCode;

use clap::Parser;
use color_eyre::eyre::Result;

use crate::cli::{Cli, Verb};

/// Runs the program to its exit code.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    match act(cli) {
        Ok(code) => ExitCode::from(code),
        Err(report) => {
            output::complain(&report);
            ExitCode::from(output::code_of(&report))
        }
    }
}

fn act(cli: Cli) -> Result<u8> {
    match &cli.verb {
        Some(Verb::Demo(arguments)) => output::runtime()?.block_on(demo::run(&cli.globals, arguments)),
        Some(Verb::Sim(arguments)) => output::runtime()?.block_on(sim::run(arguments)),
        _ => Err(color_eyre::eyre::eyre!("not wired yet")),
    }
}
