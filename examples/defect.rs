//! `cutover` with a defect: the whole program, and beside it a thread that panics once the process gets SIGUSR1. What a
//! panic leaves of the terminal and of a release is tested with it.
//!
//! ```text
//! cargo run --example defect -- demo
//! kill -USR1 $(pgrep defect)
//! ```
//!
//! The panic is here and not in `cutover` behind a flag, a variable or a key: what is not in the program that people run,
//! nobody reaches by accident, and what is tested is that program's own way out.

use std::process::ExitCode;
use std::thread;

use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

#[expect(clippy::panic, reason = "this is what it is for")]
fn main() -> std::io::Result<ExitCode> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    // Listened for before anything else begins: until then the signal would end the process by itself.
    let mut asked = {
        let _entered = runtime.enter();
        signal(SignalKind::user_defined1())?
    };
    thread::spawn(move || {
        runtime.block_on(asked.recv());
        panic!("a defect, as it was asked for");
    });
    Ok(cutover::program::run())
}
