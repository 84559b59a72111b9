//! Arguments → settings → which face; exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    cutover::program::run()
}
