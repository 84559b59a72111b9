//! `docs/pipelines.md`: what each line of a plan became, and what comes of each fault.

use crate::run::Subject;

pub(crate) fn holds(subject: Subject, rows: &[String]) {
    println!("{} {}\n{}", subject.file, subject.environment, rows.join("\n"));
}
