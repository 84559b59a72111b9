//! Programs of command stages: never through a shell, in a process group that ends with them, output followed line by
//! line with secrets masked.

use std::collections::VecDeque;
use std::process::Stdio;

use async_trait::async_trait;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::Command;
use tokio::sync::mpsc;

use super::Said;
use crate::domain::effect::{Failure, Outcome};
use crate::domain::redact::Redactor;

/// Last lines kept with the outcome.
const TAIL: usize = 20;

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
    /// It wrote a line.
    Line(String),
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
        let out = child.stdout.take().map(|out| tokio::spawn(follow(out, heard.clone())));
        let err = child.stderr.take().map(|err| tokio::spawn(follow(err, heard)));
        let status = child.wait().await.map_err(|error| format!("`{name}` was lost: {error}"))?;
        // Whatever it left behind in its group ends now, and with it the pipes.
        end_group(group);
        for follower in [out, err].into_iter().flatten() {
            let _ended = follower.await;
        }
        Ok(Exit { code: status.code() })
    }
}

async fn follow(pipe: impl AsyncRead + Unpin, heard: mpsc::Sender<Heard>) {
    let mut lines = BufReader::new(pipe);
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line).await.is_ok_and(|read| read > 0) {
        let text: String = String::from_utf8_lossy(&line).trim_end().chars().take(LONGEST_LINE).collect();
        line.clear();
        if heard.send(Heard::Line(text)).await.is_err() {
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

/// Runs a program and follows what it says.
pub(super) async fn run(
    programs: &dyn Programs,
    program: &Program,
    redactor: &Redactor,
    said: &mpsc::Sender<Said>,
) -> Outcome {
    let (sender, mut heard) = mpsc::channel(64);
    let mut tail: VecDeque<String> = VecDeque::new();
    let listen = async {
        while let Some(heard) = heard.recv().await {
            let message = match heard {
                Heard::Started(group) => Said::Started(group),
                Heard::Line(line) => {
                    let line = redactor.clean(&line);
                    if tail.len() >= TAIL {
                        tail.pop_front();
                    }
                    tail.push_back(line.clone());
                    Said::Line(line)
                }
            };
            if said.send(message).await.is_err() {
                break;
            }
        }
    };
    let (result, ()) = tokio::join!(programs.run(program, sender), listen);
    match result {
        Ok(exit) => Outcome::Exited { code: exit.code, tail: tail.into() },
        Err(why) => Outcome::Failed(Failure { transient: false, message: redactor.clean(&why) }),
    }
}
