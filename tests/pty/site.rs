//! A place to release from: a simulated AWS, the example configuration made quick, and a journal, all of a test's own.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use cutover::engine::socket::Berth;
use cutover::engine::socket::claim::Holder;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::{sleep, timeout};

use crate::terminal::{self, PROGRAM, Terminal};

/// The image that is released.
pub(crate) const IMAGE: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/api:9ab03d7";

const RULE: &str = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:listener-rule/app/shop/1c461757debacb6a/883b2f959812dae1/828d7925a419a529";

/// The longest that a release may take to get somewhere. It only ever passes when a test fails.
const PATIENCE: Duration = Duration::from_mins(1);

/// Between two looks at something that cannot be waited for.
pub(crate) const LOOK: Duration = Duration::from_millis(50);

/// Tasks come up within a second.
const QUICK: &str = r#"
history = "1m"
health_check = { interval = "1s", deregistration_delay = "1s" }
tasks = { provisioning = "100ms", pending = "100ms", activating = "100ms", stopping = "100ms", deprovisioning = "100ms" }
old = { boot = "100ms" }
new = { boot = "100ms" }
"#;

/// What makes the example quick, and lets humans alone open the gates. Each must be there to be replaced.
const HURRIED: [(&str, &str); 13] = [
    // The simulated application is there for those who know its authority.
    ("kind = \"smoke\"\n", "kind = \"smoke\"\nca_file = \"authority.pem\"\n"),
    ("kind = \"verify\"\n", "kind = \"verify\"\nca_file = \"authority.pem\"\n"),
    (r#"bake = "5m", gate = "automatic""#, r#"bake = "1s", gate = "human""#),
    (r#"watch = "5m""#, r#"watch = "1s""#),
    (r#"hold = "10m""#, r#"hold = "1s""#),
    (r#"period = "1m""#, r#"period = "10s""#),
    (r#"weight = "10s""#, r#"weight = "1s""#),
    (r#"capacity = "20s""#, r#"capacity = "1s""#),
    (r#"signals = "30s""#, r#"signals = "1s""#),
    (r#"alarms = "20s""#, r#"alarms = "1s""#),
    (r#"logs = "10s""#, r#"logs = "1s""#),
    (r#"identity = "5m""#, r#"identity = "5s""#),
    ("# confirm = \"release ${component} ${version}\"\n", ""),
];

/// The first gate waits for a human.
pub(crate) const ASKS_FIRST: (&str, &str) = ("no_alarms = true\n", "no_alarms = true\nconfirm = \"go\"\n");

/// The command stage runs for minutes, in a process group whose number it leaves in its working directory.
pub(crate) const LONG_COMMAND: (&str, &str) = (
    r#"for step in lock schema indexes; do echo \"$step: $COMPONENT $VERSION\"; sleep 0.2; done"#,
    r"echo $$ > group; sleep 120; true",
);

/// A program that has ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Where releases are made. Dropping it ends the simulated AWS and any engine that is left.
pub(crate) struct Site {
    dir: TempDir,
    endpoint: String,
    _sim: Child,
    /// Held open: it goes on writing there.
    _lines: BufReader<ChildStdout>,
}

impl Site {
    /// A place whose configuration is the example's, made quick, and changed as `changes` say.
    pub(crate) async fn new(changes: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("cutover.toml"), configuration(changes)).unwrap();
        std::fs::write(dir.path().join("quick.toml"), QUICK).unwrap();
        let mut sim = Command::new(PROGRAM);
        sim.args(["sim", "--listen", "127.0.0.1:0", "--scenario", "./quick.toml", "--authority", "authority.pem"])
            .current_dir(dir.path());
        let mut sim = sim.stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let mut said = String::new();
        let mut lines = BufReader::new(sim.stdout.take().unwrap());
        timeout(PATIENCE, lines.read_line(&mut said)).await.expect("the simulated AWS says nothing").unwrap();
        let endpoint =
            said.trim().rsplit_once("http://").unwrap_or_else(|| panic!("no address in {said:?}")).1.to_owned();
        Self { dir, endpoint, _sim: sim, _lines: lines }
    }

    /// Its directory.
    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Where its journal is kept.
    pub(crate) fn journal(&self) -> PathBuf {
        self.path().join("state")
    }

    /// Where its engines are found.
    pub(crate) fn berth(&self) -> Berth {
        Berth::below(&self.journal())
    }

    /// The socket of its engine.
    pub(crate) fn socket(&self) -> PathBuf {
        self.berth().socket("demo", "api")
    }

    fn variables(&self) -> Vec<(&'static str, String)> {
        let endpoint = format!("http://{}", self.endpoint);
        vec![
            ("PATH", std::env::var("PATH").unwrap_or_default()),
            ("HOME", self.path().display().to_string()),
            ("USER", "captain".to_owned()),
            ("TZ", "UTC".to_owned()),
            ("CUTOVER_CONFIG", self.path().join("cutover.toml").display().to_string()),
            ("CUTOVER_JOURNAL", self.journal().display().to_string()),
            ("AWS_ENDPOINT_URL", endpoint.clone()),
            ("AWS_ACCESS_KEY_ID", "test".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
            // The hosts of the simulated application resolve nowhere else.
            ("HTTP_PROXY", endpoint.clone()),
            ("HTTPS_PROXY", endpoint),
            ("NO_PROXY", "127.0.0.1".to_owned()),
        ]
    }

    /// The program, with these arguments, ready to be started without a terminal.
    pub(crate) fn program(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(arguments).env_clear().envs(self.variables()).current_dir(self.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command
    }

    /// Runs the program to its end, without a terminal.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Ran {
        finish(self.program(arguments).spawn().unwrap()).await
    }

    /// Starts the program in a terminal.
    pub(crate) fn terminal(&self, arguments: &[&str]) -> Terminal {
        self.terminal_with(PROGRAM, arguments)
    }

    /// Starts another program in a terminal, in the same surroundings.
    pub(crate) fn terminal_with(&self, program: &str, arguments: &[&str]) -> Terminal {
        let mut command = terminal::command(program, self.path());
        command.args(arguments);
        for (name, value) in self.variables() {
            command.env(name, value);
        }
        Terminal::start(command)
    }

    /// Begins a release in an engine of its own.
    pub(crate) async fn release(&self) {
        let ran = self.run(&["release", "demo", "--image", IMAGE, "--detach"]).await;
        assert_eq!(ran.code, 0, "{ran:?}");
        assert!(ran.out.contains("`cutover attach` watches it"), "{ran:?}");
    }

    /// Begins a release, and promotes it until it has succeeded.
    pub(crate) async fn released(&self, begin: &[&str]) -> Ran {
        let ran = self.run(begin).await;
        assert_eq!(ran.code, 0, "{ran:?}");
        let can_promote = |status: &Value| status["possible"].as_array().unwrap().contains(&"promote".into());
        loop {
            let status =
                self.until("it goes on", |status| can_promote(status) || status["status"] == "succeeded").await;
            if status["status"] == "succeeded" {
                return ran;
            }
            // It may have gone on meanwhile: then it is looked at again.
            let _may_be_stale = self.run(&["promote", "--if-revision", &status["revision"].to_string(), "--yes"]).await;
        }
    }

    /// What `status` says, for programs.
    pub(crate) async fn status(&self) -> Value {
        let ran = self.run(&["status", "--format", "json"]).await;
        serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
    }

    /// Waits until `status` says so.
    pub(crate) async fn until(&self, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let mut status = Value::Null;
        let looking = async {
            loop {
                status = self.status().await;
                if is_so(&status) {
                    return;
                }
                sleep(LOOK).await;
            }
        };
        let reached = timeout(PATIENCE, looking).await.is_ok();
        assert!(reached, "waited {PATIENCE:?} in vain until {what}; the status is {status:#}");
        status
    }

    /// Promotes until only the warm hold is left.
    pub(crate) async fn promote_to_the_hold(&self) -> Value {
        let can_promote = |status: &Value| status["possible"].as_array().unwrap().contains(&"promote".into());
        let mut status = self.status().await;
        while !is_holding(&status) {
            if can_promote(&status) {
                // It may have gone on meanwhile: then it is looked at again.
                let _may_be_stale = self.run(&["promote", "--if-revision", &status["revision"].to_string()]).await;
            }
            status = self.until("it goes on", |status| is_holding(status) || can_promote(status)).await;
        }
        status
    }

    /// The engine's process; panics if none has ever been here.
    pub(crate) fn engine(&self) -> Pid {
        self.holder().unwrap()
    }

    fn holder(&self) -> Option<Pid> {
        let holder: Holder = serde_json::from_slice(&std::fs::read(self.berth().lock(RULE)).ok()?).ok()?;
        Pid::from_raw(holder.pid.try_into().ok()?)
    }

    /// Sends the engine a signal and waits until it is gone.
    pub(crate) async fn end_engine(&self, signal: Signal) {
        let engine = self.engine();
        kill_process(engine, signal).unwrap();
        gone(engine).await;
    }

    /// How many task definitions there are: one more than have been registered.
    pub(crate) async fn definitions(&self) -> usize {
        let target = "X-Amz-Target: AmazonEC2ContainerServiceV20141113.ListTaskDefinitions";
        let answer = self.ask(&[target, "Content-Type: application/x-amz-json-1.1"], "{}").await;
        let answer: Value = serde_json::from_str(&answer).unwrap();
        answer["taskDefinitionArns"].as_array().unwrap().len()
    }

    /// The images that registered task definitions name.
    pub(crate) async fn images(&self) -> Vec<Value> {
        let target = |operation: &str| format!("X-Amz-Target: AmazonEC2ContainerServiceV20141113.{operation}");
        let json = "Content-Type: application/x-amz-json-1.1";
        let listed = self.ask(&[&target("ListTaskDefinitions"), json], "{}").await;
        let listed: Value = serde_json::from_str(&listed).unwrap();
        let mut images = Vec::new();
        for arn in listed["taskDefinitionArns"].as_array().unwrap() {
            let body = serde_json::json!({ "taskDefinition": arn }).to_string();
            let answer = self.ask(&[&target("DescribeTaskDefinition"), json], &body).await;
            let answer: Value = serde_json::from_str(&answer).unwrap();
            images.push(answer["taskDefinition"]["containerDefinitions"][0]["image"].clone());
        }
        images
    }

    /// The weights of blue and green on the listener rule.
    pub(crate) async fn weights(&self) -> Vec<u8> {
        let body = format!("Action=DescribeRules&Version=2015-12-01&RuleArns.member.1={RULE}");
        let answer = self.ask(&["Content-Type: application/x-www-form-urlencoded"], &body).await;
        let weights = answer.split("<Weight>").skip(1);
        weights.map(|part| part.split_once('<').unwrap().0.parse().unwrap()).collect()
    }

    /// Waits until green has traffic.
    pub(crate) async fn until_green_serves(&self) {
        let looking = async {
            while self.weights().await[1] == 0 {
                sleep(LOOK).await;
            }
        };
        assert!(timeout(PATIENCE, looking).await.is_ok(), "green never got traffic; {:#}", self.status().await);
    }

    async fn ask(&self, headers: &[&str], body: &str) -> String {
        let mut request =
            format!("POST / HTTP/1.1\r\nHost: aws\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
        for header in headers {
            write!(request, "{header}\r\n").unwrap();
        }
        write!(request, "\r\n{body}").unwrap();
        let mut answer = String::new();
        let asking = async {
            let mut stream = TcpStream::connect(&self.endpoint).await.unwrap();
            stream.write_all(request.as_bytes()).await.unwrap();
            stream.read_to_string(&mut answer).await.unwrap();
        };
        timeout(PATIENCE, asking).await.expect("the simulated AWS does not answer");
        answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer in {answer:?}")).1.to_owned()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let Some(engine) = self.holder().filter(|engine| is_alive(*engine)) else { return };
        // Its number may have become somebody else's: only a process of this directory is ours to end.
        let home = std::fs::read_link(format!("/proc/{}/cwd", engine.as_raw_nonzero()));
        if home.is_ok_and(|home| home == self.path()) {
            let _gone_already = kill_process(engine, Signal::KILL);
        }
    }
}

/// The example configuration, made quick, and changed as `changes` say.
pub(crate) fn configuration(changes: &[(&str, &str)]) -> String {
    let mut text = include_str!("../../config.example.toml").to_owned();
    for (old, new) in HURRIED.iter().chain(changes) {
        assert!(text.contains(old), "the example configuration has no {old:?}");
        text = text.replace(old, new);
    }
    text
}

/// Waits until a program has ended.
pub(crate) async fn finish(program: Child) -> Ran {
    let output = timeout(PATIENCE, program.wait_with_output()).await;
    let output = output.unwrap_or_else(|_| panic!("the program has not ended within {PATIENCE:?}")).unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ran { code: output.status.code().unwrap_or(-1), out: text(&output.stdout), err: text(&output.stderr) }
}

/// Waits until a process is gone.
pub(crate) async fn gone(process: Pid) {
    let looking = async {
        while is_alive(process) {
            sleep(LOOK).await;
        }
    };
    assert!(timeout(PATIENCE, looking).await.is_ok(), "process {process:?} is still there after {PATIENCE:?}");
}

/// Whether a process runs. One that has ended and that nobody has asked about does not.
pub(crate) fn is_alive(process: Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", process.as_raw_nonzero())).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, state)| !state.starts_with(['Z', 'X']))
}

/// Whether blue is kept warm.
pub(crate) fn is_holding(status: &Value) -> bool {
    status["outlook"]["now"] == "blue stays warm"
}
