//! The servers, the shop on them, and the program in front of it.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use cutover::domain::log::LogLine;
use cutover::engine::handle::EngineHandle;
use cutover::engine::snapshot::Snapshot;
use cutover::engine::socket::Berth;
use cutover::engine::socket::client::attach;
use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use crate::tools::{AwsCli, Tools, clean};

/// Python starts slowly on a busy machine.
const START: Duration = Duration::from_mins(2);

/// Longer than any release here takes.
const LONGEST: Duration = Duration::from_mins(5);

/// What the world has made.
#[derive(Debug, Deserialize)]
struct Names {
    rule: String,
    groups: [String; 2],
    urls: [String; 2],
    topic: String,
    queue: String,
}

/// A shop on servers of others.
pub(crate) struct Shop {
    /// AWS's own client.
    pub(crate) aws: AwsCli,
    names: Names,
    endpoints: Vec<(&'static str, String)>,
    dir: tempfile::TempDir,
    _running: [Child; 3],
}

impl Shop {
    /// Starts the servers and builds the shop on them.
    pub(crate) async fn open(tools: Tools) -> Self {
        let [ministack, moto] = [free_port(), free_port()];
        let mut command = tools.command("ministack");
        command
            .env("BIND_HOST", "127.0.0.1")
            .env("GATEWAY_PORT", ministack.port().to_string())
            .env("MINISTACK_REGION", "eu-west-1")
            .env("MINISTACK_ACCOUNT_ID", "123456789012")
            // It would listen on a port of its own, the same for everybody.
            .env("IOT_MTLS_ENABLED", "0");
        let first = start(command, "ministack");
        let mut command = tools.command("moto_server");
        command.args(["-H", "127.0.0.1", "-p", &moto.port().to_string()]);
        let second = start(command, "moto");
        for server in [ministack, moto] {
            timeout(START, answers(server))
                .await
                .unwrap_or_else(|_| panic!("nothing at {server}; see {}", logs().display()));
        }

        let [ministack, moto] = [ministack, moto].map(|server| format!("http://{server}"));
        let mut command = tools.command("python");
        command.args(["tests/independent/world.py", &ministack, &moto]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut world = start(command, "world");
        let mut said = BufReader::new(world.stdout.take().unwrap()).lines();
        let names = timeout(START, said.next_line()).await.unwrap().unwrap();
        let names = names.unwrap_or_else(|| panic!("the world ended; see {}", logs().display()));
        let names = serde_json::from_str(&names).unwrap();

        let endpoints = vec![("AWS_ENDPOINT_URL", ministack), ("AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING_V2", moto)];
        let aws = AwsCli::new(tools, endpoints.clone());
        let shop = Self { aws, names, endpoints, dir: tempfile::tempdir().unwrap(), _running: [first, second, world] };
        std::fs::write(shop.config(), shop.names.fill(include_str!("cutover.toml"))).unwrap();
        shop
    }

    fn config(&self) -> PathBuf {
        self.dir.path().join("cutover.toml")
    }

    fn berth(&self) -> Berth {
        Berth::below(&self.dir.path().join("journal"))
    }

    /// The program with these words.
    pub(crate) fn cutover(&self, arguments: &str) -> Command {
        let mut command = clean(Command::new(env!("CARGO_BIN_EXE_cutover")));
        command.args(arguments.split_whitespace()).envs(self.endpoints.clone()).env("CUTOVER_CONFIG", self.config());
        command
    }

    /// Releases this tag, to its end.
    pub(crate) async fn release(&self, tag: &str) -> Released {
        let arguments = format!("release drill --image registry.test/api:{tag} --headless --format json");
        let output = timeout(LONGEST, self.cutover(&arguments).output()).await.unwrap().unwrap();
        let lines: Vec<Value> = String::from_utf8(output.stdout)
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
            .collect();
        let of_type = |kind: &'static str| lines.iter().filter(move |line| line["type"] == kind);
        Released {
            code: output.status.code().unwrap(),
            moments: of_type("moment").map(|line| line["moment"]["text"].as_str().unwrap().to_owned()).collect(),
            summary: of_type("summary").next_back().map(|line| line["summary"].clone()).unwrap_or_default(),
            complaint: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Another face on the engine, once it is there.
    pub(crate) async fn attach(&self) -> EngineHandle {
        let socket = self.berth().socket("drill", "api");
        let attached = async {
            loop {
                match attach(&socket).await {
                    Ok(handle) => return handle,
                    Err(_) => sleep(Duration::from_millis(50)).await,
                }
            }
        };
        timeout(START, attached).await.unwrap()
    }

    /// Every log line and the last snapshot of a release, as another face sees them.
    pub(crate) async fn watch(&self) -> (Vec<LogLine>, Snapshot) {
        let mut face = self.attach().await;
        let mut lines = Vec::new();
        let last = |face: &EngineHandle| Arc::unwrap_or_clone(Arc::clone(&face.snapshot.borrow()));
        while last(&face).release.ended.is_none() {
            tokio::select! {
                changed = face.snapshot.changed() => if changed.is_err() { break },
                Some(batch) = face.logs.recv() => lines.extend(batch.lines),
            }
        }
        (lines, last(&face))
    }

    /// Where the last release stands, once it has ended.
    pub(crate) async fn ended(&self) -> Value {
        let ended = async {
            loop {
                let output = self.cutover("status --format json").output().await.unwrap();
                // 7: it still runs.
                if output.status.code() != Some(7) {
                    return serde_json::from_slice(&output.stdout).unwrap();
                }
                sleep(Duration::from_millis(200)).await;
            }
        };
        timeout(START, ended).await.unwrap()
    }

    /// Weights of the target groups of `api-blue` and `api-green` on the rule.
    pub(crate) async fn weights(&self) -> [u32; 2] {
        let query = "Rules[0].Actions[0].ForwardConfig.TargetGroups[].[TargetGroupArn,Weight]";
        let rules = format!("elbv2 describe-rules --rule-arns {} --query {query}", self.names.rule);
        let found = self.aws.call(rules).await;
        self.names.groups.each_ref().map(|group| {
            let weight = found.lines().find_map(|line| line.strip_prefix(group)?.trim().parse().ok());
            weight.unwrap_or_else(|| panic!("no weight of {group}: {found}"))
        })
    }

    /// How many tasks a service runs, and of which image.
    pub(crate) async fn serving(&self, service: &str) -> String {
        let query = "services[0].[runningCount,taskDefinition]";
        let found = format!("ecs describe-services --cluster shop --services {service} --query {query}");
        let found = self.aws.call(found).await;
        let (count, definition) = found.split_once('\t').unwrap_or_else(|| panic!("{service}: {found}"));
        let query = "taskDefinition.containerDefinitions[1].image";
        let image = format!("ecs describe-task-definition --task-definition {definition} --query {query}");
        format!("{count}\t{}", self.aws.call(image).await)
    }

    /// Everything that the topic's subscriber was told.
    pub(crate) async fn messages(&self) -> Vec<Told> {
        let Names { queue, .. } = &self.names;
        let (_, ministack) = &self.endpoints[0];
        // For this service alone the CLI does not heed the variable that names the endpoint.
        let receive = format!("sqs receive-message --endpoint-url {ministack} --queue-url {queue} --output json");
        let receive = format!("{receive} --max-number-of-messages 10 --visibility-timeout 600");
        let mut told = Vec::new();
        loop {
            let answer = self.aws.call(&receive).await;
            if answer.is_empty() {
                return told;
            }
            let answer: Value = serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{error}: {answer}"));
            for message in answer["Messages"].as_array().unwrap() {
                let envelope: Value = serde_json::from_str(message["Body"].as_str().unwrap()).unwrap();
                let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("{envelope}")).to_owned();
                let key = text(&envelope["MessageAttributes"]["cutover.key"]["Value"]);
                told.push(Told { subject: text(&envelope["Subject"]), key });
            }
        }
    }
}

impl Drop for Shop {
    /// Engines outlive the face that began them, and would outlive a test that fails.
    fn drop(&mut self) {
        if self.berth().sockets().is_empty() {
            return;
        }
        let holder = std::fs::read(self.berth().lock(&self.names.rule)).unwrap_or_default();
        let holder: Value = serde_json::from_slice(&holder).unwrap_or_default();
        if let Some(pid) = holder["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok()) {
            kill(pid);
        }
    }
}

impl Names {
    fn fill(&self, template: &str) -> String {
        let names = [
            ("RULE", &self.rule),
            ("BLUE_GROUP", &self.groups[0]),
            ("GREEN_GROUP", &self.groups[1]),
            ("BLUE_URL", &self.urls[0]),
            ("GREEN_URL", &self.urls[1]),
            ("TOPIC", &self.topic),
        ];
        names.iter().fold(template.to_owned(), |text, (name, value)| {
            text.replace(&format!("\"{name}\""), &format!("\"{value}\""))
        })
    }
}

/// A release without a screen.
#[derive(Debug)]
pub(crate) struct Released {
    /// Exit code.
    pub(crate) code: i32,
    /// What happened, in words.
    pub(crate) moments: Vec<String>,
    /// Its end in figures.
    pub(crate) summary: Value,
    /// What it wrote to standard error. Shown when a test fails.
    #[expect(dead_code, reason = "for the message of an assertion that fails")]
    complaint: String,
}

impl Released {
    /// Whether this has happened.
    pub(crate) fn says(&self, words: &str) -> bool {
        self.moments.iter().any(|moment| moment.contains(words))
    }
}

/// A message as its subscriber got it.
#[derive(Debug)]
pub(crate) struct Told {
    /// Subject.
    pub(crate) subject: String,
    /// By which repeats are told.
    pub(crate) key: String,
}

/// Ends a process at once, without a chance to tidy up.
pub(crate) fn kill(pid: u32) {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    // It may have ended by itself.
    let _gone = pid.map(|pid| kill_process(pid, Signal::KILL));
}

fn free_port() -> SocketAddr {
    std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

/// Where the servers' own logs go.
fn logs() -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("independent");
    std::fs::create_dir_all(&dir).unwrap();
    dir
}

fn start(mut command: Command, name: &str) -> Child {
    let log = File::create(logs().join(format!("{name}.log"))).unwrap();
    if name != "world" {
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap());
    }
    command.stderr(log).spawn().unwrap_or_else(|error| panic!("{name} does not start: {error}"))
}

async fn answers(server: SocketAddr) {
    while TcpStream::connect(server).await.is_err() {
        sleep(Duration::from_millis(100)).await;
    }
}
