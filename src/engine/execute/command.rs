//! Programs of command stages: never through a shell, in a process group that ends with them, output followed line by
//! line with secrets masked.

use std::collections::VecDeque;
use std::process::Stdio;
use std::time::Duration;

use async_trait::async_trait;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::Command;
use tokio::sync::mpsc;

use super::Said;
use crate::domain::effect::{Failure, Outcome};
use crate::domain::ids::EffectId;
use crate::domain::redact::Redactor;

/// Last lines kept with the outcome.
const TAIL: usize = 20;

/// Lines that are still in the pipe when a program ends get this long.
const LAST_LINES: Duration = Duration::from_secs(2);

/// A longer line is cut.
const LONGEST_LINE: usize = 2_000;

/// A program to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// Program and arguments.
    pub run: Vec<String>,
    /// Variables on top of the engine's own.
    pub environment: Vec<(String, String)>,
    /// Working directory.
    pub dir: Option<String>,
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit {
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
}

/// What a running program says: the group it runs in, and its lines.
#[derive(Debug)]
pub enum Heard {
    /// It runs, in this process group.
    Started(u32),
    /// It wrote a line to standard output.
    Line(String),
    /// It wrote a line to standard error.
    Error(String),
}

/// Runs programs. Dropping the future ends the program with its whole group.
#[async_trait]
pub trait Programs: Send + Sync {
    /// Runs a program to its end.
    ///
    /// # Errors
    ///
    /// What kept it from starting.
    async fn run(&self, program: &Program, heard: mpsc::Sender<Heard>) -> Result<Exit, String>;
}

/// Runs programs of this host.
#[derive(Clone, Copy, Debug, Default)]
pub struct Processes;

#[async_trait]
impl Programs for Processes {
    async fn run(&self, program: &Program, heard: mpsc::Sender<Heard>) -> Result<Exit, String> {
        let Some((name, arguments)) = program.run.split_first() else { return Err("no program given".to_owned()) };
        let mut command = Command::new(name);
        command
            .args(arguments)
            .envs(program.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        if let Some(dir) = &program.dir {
            command.current_dir(dir);
        }
        let mut child = command.spawn().map_err(|error| format!("`{name}` cannot be started: {error}"))?;
        // The group's number is the program's own, because it was made its leader.
        let group = child.id().unwrap_or_default();
        let _guard = Group(group);
        let _told = heard.send(Heard::Started(group)).await;
        let out = child.stdout.take().map(|out| tokio::spawn(follow(out, heard.clone(), Heard::Line)));
        let err = child.stderr.take().map(|err| tokio::spawn(follow(err, heard, Heard::Error)));
        let status = child.wait().await.map_err(|error| format!("`{name}` was lost: {error}"))?;
        // Whatever it left behind in its group ends now, and with it the pipes.
        end_group(group);
        for mut follower in [out, err].into_iter().flatten() {
            // What left the group may hold the pipe open for ever; the program itself has ended.
            if tokio::time::timeout(LAST_LINES, &mut follower).await.is_err() {
                follower.abort();
            }
        }
        Ok(Exit { code: status.code() })
    }
}

async fn follow(pipe: impl AsyncRead + Unpin, heard: mpsc::Sender<Heard>, made: fn(String) -> Heard) {
    let mut lines = BufReader::new(pipe);
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line).await.is_ok_and(|read| read > 0) {
        let text = String::from_utf8_lossy(&line).trim_end().to_owned();
        line.clear();
        if heard.send(made(text)).await.is_err() {
            return;
        }
    }
}

/// Ends its process group when it is dropped.
struct Group(u32);

impl Drop for Group {
    fn drop(&mut self) {
        end_group(self.0);
    }
}

/// Ends every process of a group. Nothing happens when there is none.
pub(crate) fn end_group(group: u32) {
    if let Some(pid) = i32::try_from(group).ok().and_then(Pid::from_raw) {
        let _gone_already = kill_process_group(pid, Signal::KILL);
    }
}

/// The last lines of something that runs.
#[derive(Debug, Default)]
pub(super) struct Tail(VecDeque<String>);

impl Tail {
    pub(super) fn push(&mut self, line: String) {
        if self.0.len() >= TAIL {
            self.0.pop_front();
        }
        self.0.push_back(line);
    }
}

impl From<Tail> for Vec<String> {
    fn from(tail: Tail) -> Self {
        tail.0.into()
    }
}

/// A line that may be shown: harmless, secrets masked, not too long.
pub(super) fn readable(line: &str, redactor: &Redactor) -> String {
    // Cut last: half a secret is not recognised.
    redactor.clean(line).chars().take(LONGEST_LINE).collect()
}

/// A program that has ended.
pub(super) struct Run {
    pub(super) code: Option<i32>,
    /// Its last lines, as they may be shown.
    pub(super) tail: Vec<String>,
    /// All that it wrote to standard output, as it wrote it, as far as that is asked for: never to be kept or shown.
    pub(super) raw: Vec<String>,
}

impl From<Run> for Outcome {
    fn from(run: Run) -> Self {
        Self::Exited { code: run.code, tail: run.tail }
    }
}

/// Runs a program and follows what it says; `keeps` is how many of its last lines of standard output are wanted
/// as they were written.
pub(super) async fn run(
    programs: &dyn Programs,
    effect: EffectId,
    program: &Program,
    redactor: &Redactor,
    said: &mpsc::Sender<Said>,
    keeps: usize,
) -> Result<Run, Failure> {
    let (sender, mut heard) = mpsc::channel(64);
    let mut tail = Tail::default();
    let mut raw: VecDeque<String> = VecDeque::new();
    let listen = async {
        while let Some(heard) = heard.recv().await {
            let message = match heard {
                Heard::Started(group) => Said::Started { effect, group },
                Heard::Line(written) => {
                    let line = readable(&written, redactor);
                    raw.push_back(written);
                    if raw.len() > keeps {
                        raw.pop_front();
                    }
                    Said::Line { effect, line }
                }
                Heard::Error(written) => Said::Line { effect, line: readable(&written, redactor) },
            };
            if let Said::Line { line, .. } = &message {
                tail.push(line.clone());
            }
            if said.send(message).await.is_err() {
                break;
            }
        }
    };
    let (result, ()) = tokio::join!(programs.run(program, sender), listen);
    match result {
        Ok(exit) => Ok(Run { code: exit.code, tail: tail.into(), raw: raw.into() }),
        Err(why) => Err(Failure { transient: false, message: redactor.clean(&why) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(run: Result<Run, Failure>) -> Outcome {
        run.map_or_else(Outcome::Failed, Outcome::from)
    }

    fn shell(script: &str) -> Program {
        let run = ["sh", "-c", script].map(str::to_owned).to_vec();
        Program { run, environment: vec![("GREETING".to_owned(), "hello".to_owned())], dir: Some("/".to_owned()) }
    }

    async fn outcome(program: &Program) -> (Outcome, Vec<String>, u32) {
        let (say, mut said) = mpsc::channel(64);
        let redactor = Redactor::new(["s3cr3t-value".to_owned()]);
        let outcome = ended(run(&Processes, EffectId(1), program, &redactor, &say, 0).await);
        drop(say);
        let (mut lines, mut group) = (Vec::new(), 0);
        while let Some(said) = said.recv().await {
            match said {
                Said::Started { group: number, .. } => group = number,
                Said::Line { line, .. } => lines.push(line),
                Said::Task { .. } => unreachable!("a program is no task"),
            }
        }
        (outcome, lines, group)
    }

    fn is_alive(group: u32) -> bool {
        let pid = Pid::from_raw(i32::try_from(group).unwrap()).unwrap();
        rustix::process::test_kill_process_group(pid).is_ok()
    }

    async fn is_gone(group: u32) -> bool {
        for _ in 0..200 {
            if !is_alive(group) {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        false
    }

    #[tokio::test]
    async fn a_program_gets_its_surroundings_and_its_lines_are_followed_masked_and_harmless() {
        let script = r#"echo "$GREETING from $PWD"; echo "got s3cr3t-value" >&2; printf 'a\033[2Jb\n'; exit 3"#;
        let (outcome, mut lines, group) = outcome(&shell(script)).await;
        lines.sort();
        assert_eq!(lines, ["a␛[2Jb", "got ••••", "hello from /"]);
        assert!(matches!(outcome, Outcome::Exited { code: Some(3), ref tail } if tail.len() == 3), "{outcome:?}");
        assert!(is_gone(group).await);
    }

    #[tokio::test]
    async fn what_goes_to_standard_error_is_shown_and_is_no_report() {
        let (say, _said) = mpsc::channel(64);
        let program = shell("echo '{\"p95\":'; echo 'progress: 50 %' >&2; echo ' 480}'");
        let run =
            run(&Processes, EffectId(1), &program, &Redactor::default(), &say, 10).await.unwrap_or_else(|_| panic!());
        assert_eq!(run.raw, ["{\"p95\":", " 480}"]);
        assert!(run.tail.contains(&"progress: 50 %".to_owned()), "{:?}", run.tail);
    }

    #[tokio::test]
    async fn what_a_program_leaves_behind_in_its_group_ends_with_it() {
        let (outcome, _, group) = outcome(&shell("sleep 600 & exit 0")).await;
        assert!(matches!(outcome, Outcome::Exited { code: Some(0), .. }));
        assert!(is_gone(group).await, "the sleep outlived its program");
    }

    #[tokio::test]
    async fn giving_it_up_ends_its_whole_group() {
        let (say, mut said) = mpsc::channel(64);
        let program = shell("sleep 600 & sleep 600");
        let running = tokio::spawn(async move {
            let redactor = Redactor::default();
            ended(run(&Processes, EffectId(1), &program, &redactor, &say, 0).await)
        });
        let Some(Said::Started { group, .. }) = said.recv().await else { panic!("it must start") };
        assert!(is_alive(group));
        running.abort();
        assert!(is_gone(group).await);
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_is_named() {
        let program = Program { run: vec!["no-such-program-here".to_owned()], environment: Vec::new(), dir: None };
        let (outcome, _, _) = outcome(&program).await;
        assert!(matches!(outcome, Outcome::Failed(ref failure) if failure.message.contains("no-such-program-here")));
    }
}
