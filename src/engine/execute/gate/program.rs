//! Programs that look at something: bounded in time, their last words kept.

use std::time::Duration;

use super::{Look, told};
use crate::domain::effect::CheckResult;
use crate::domain::gate::GateCommand;
use crate::domain::time::Timestamp;
use crate::engine::execute::command::{self, Program, Run};

/// Last lines of a program that failed which are told.
const TOLD: usize = 3;

impl Look<'_> {
    pub(super) async fn command(&self, command: &GateCommand) -> CheckResult {
        let found = self.run(command).await.map(|lines| match lines.last() {
            Some(last) => format!("exit 0: {last}"),
            None => "exit 0".to_owned(),
        });
        told(command.name.clone(), found)
    }

    /// The moment that a program's last line is.
    pub(super) async fn moment(&self, command: &GateCommand) -> Result<Timestamp, String> {
        let lines = self.run(command).await?;
        let last = lines.iter().rev().map(|line| line.trim()).find(|line| !line.is_empty());
        let last = last.ok_or_else(|| "it printed nothing; its last line must be a moment".to_owned())?;
        parse(last).ok_or_else(|| format!("`{last}` is no moment; print RFC 3339, or seconds since 1970"))
    }

    /// The last lines of a program that ended well; otherwise what went wrong. Giving it up ends its whole group.
    async fn run(&self, command: &GateCommand) -> Result<Vec<String>, String> {
        let mut environment = self.variables.clone();
        environment.extend(command.env.iter().map(|(name, value)| (name.clone(), value.clone())));
        let program = Program { run: command.run.clone(), environment, dir: command.dir.clone() };
        let outcome = tokio::select! {
            outcome = command::run(self.programs, self.effect, &program, self.redactor, self.said, 0) => outcome,
            () = self.clock.sleep(command.timeout) => return Err(overdue(command.timeout)),
        };
        match outcome {
            Ok(Run { code: Some(0), tail, .. }) => Ok(tail),
            Ok(Run { code, tail, .. }) => {
                let how = code.map_or_else(|| "ended by a signal".to_owned(), |code| format!("exit {code}"));
                let last = tail.iter().skip(tail.len().saturating_sub(TOLD)).map(String::as_str);
                let last = last.collect::<Vec<_>>().join(" / ");
                Err(if last.is_empty() { how } else { format!("{how}: {last}") })
            }
            Err(failure) => Err(failure.message),
        }
    }
}

fn overdue(timeout: Duration) -> String {
    format!("not done within {} s", timeout.as_secs_f64())
}

fn parse(text: &str) -> Option<Timestamp> {
    let by_words = text.parse::<jiff::Timestamp>().ok().map(|at| Timestamp::from_millis(at.as_millisecond()));
    by_words.or_else(|| text.parse().ok().map(Timestamp::from_secs))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_rfc_3339_or_seconds() {
        let at = Some(Timestamp::from_secs(1_795_161_600));
        assert_eq!(parse("2026-11-20T08:00:00Z"), at);
        assert_eq!(parse("2026-11-20T09:00:00+01:00"), at);
        assert_eq!(parse("1795161600"), at);
        assert_eq!(parse("yesterday"), None);
    }
}
