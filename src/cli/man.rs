//! `cutover man`

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Args, CommandFactory};

use super::Cli;

/// Print the manual page, or write one for every verb
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
#[command(after_help = "Examples:\n  cutover man | man -l -\n  cutover man --dir ~/.local/share/man/man1")]
pub struct Man {
    /// Write a page for every verb into this directory
    #[arg(long)]
    pub dir: Option<PathBuf>,
}

/// Writes the manual page of the program.
pub fn write_man(out: &mut dyn Write) -> io::Result<()> {
    clap_mangen::Man::new(Cli::command()).render(out)
}

/// Writes a page for the program and one for every verb into `dir`, which must exist.
pub fn write_man_pages(dir: &Path) -> io::Result<()> {
    clap_mangen::generate_to(Cli::command(), dir)
}
