//! Stand-ins for the programs that pipelines run: on PATH under their names, recording what they were called with, and
//! failing on demand. Shells and their tools are the host's own.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use cutover::domain::plan::LoadPlan;
use cutover::engine::{Exit, Heard, Program, Programs};
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tokio::sync::mpsc;

/// What is stood in for. Whatever a pipeline calls beside these is not found.
const NAMES: [&str; 14] = [
    "alembic",
    "aws",
    "docker",
    "k6",
    "no-active-incident.sh",
    "npm",
    "pg_dump",
    "pnpm",
    "pytest",
    "python",
    "railway",
    "sleep",
    "terraform",
    "vercel",
];

/// What scripts may use of the host.
const TOOLS: [&str; 9] = ["sh", "cat", "awk", "grep", "cut", "date", "test", "env", "echo"];

pub(crate) const DIGEST: &str = "sha256:9ab03d7a9ab03d7a9ab03d7a9ab03d7a9ab03d7a9ab03d7a9ab03d7a9ab03d7a";

/// Writes down its own name and arguments, and says what the real program would.
const SCRIPT: &str = r#"#!/bin/sh
name=${0##*/}
line="$name $*"
printf '%s\n' "$line" >> "$STAND_INS/calls"
if [ -n "$TOLD_TO_FAIL" ]; then
  case "$line" in
    # It fails by what it says: a deployment that came to nothing.
    "railway deployment list "*)
      echo "Recent Deployments"
      echo "  7422c95b-c604-46bc-9de4-b7a43e1fd53d | FAILED | 2026-11-20 08:00:00 UTC"
      exit 0 ;;
  esac
  echo "$name: told to fail" >&2
  exit 3
fi
case "$line" in
  "docker inspect "*) image=${line##* }; echo "${image%:*}@@DIGEST@" ;;
  "aws ecr get-login-password "*) echo "a-password" ;;
  "aws elbv2 describe-rules "*) echo "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/content-api-green/0" ;;
  "aws cloudfront create-invalidation "*) echo "IDFDVBD632BHDS5" ;;
  "aws ssm get-parameter "*) echo "/conflicto/prod/database-url" ;;
  "alembic current"*) echo "9f3c2d1e (head)" ;;
  "vercel deploy "*) echo "https://web-6vd6bhoqt.vercel.app" ;;
  "vercel inspect "*) printf '    id\t\tdpl_7Npest0z1YQ8p6\n' >&2 ;;
  "railway deployment list "*)
    echo "Recent Deployments"
    echo "  7422c95b-c604-46bc-9de4-b7a43e1fd53d | SUCCESS | 2026-11-20 08:00:00 UTC" ;;
esac
"#;

/// A directory to run programs in.
pub(crate) struct Bench {
    dir: TempDir,
    /// What load tools report, by their plans.
    loads: Mutex<Vec<(LoadPlan, Value)>>,
    /// What is to fail.
    fails: Mutex<Vec<Vec<String>>>,
    /// Programs as they were begun, with the variables that the pipeline gave them.
    begun: Mutex<Vec<Program>>,
}

impl Bench {
    pub(crate) fn new() -> Arc<Self> {
        let dir = tempfile::tempdir().unwrap();
        let bin = dir.path().join("bin");
        fs::create_dir(&bin).unwrap();
        let script = bin.join(".stand-in");
        fs::write(&script, SCRIPT.replace("@DIGEST@", DIGEST)).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        for name in NAMES {
            symlink(&script, bin.join(name)).unwrap();
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        for tool in TOOLS {
            let found = std::env::split_paths(&path).map(|place| place.join(tool)).find(|file| file.is_file());
            symlink(found.unwrap_or_else(|| panic!("this host has no {tool}")), bin.join(tool)).unwrap();
        }
        Arc::new(Self { dir, loads: Mutex::default(), fails: Mutex::default(), begun: Mutex::default() })
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The next time that it is run, this program fails, or the first one that it calls.
    pub(crate) fn fail(&self, run: &[String]) {
        self.fails.lock().unwrap().push(run.to_vec());
    }

    /// What a load stage's tool is to report: figures that all hold, but for the limit with the index `but`.
    pub(crate) fn report(&self, load: &LoadPlan, but: Option<usize>) {
        let mut report = json!({});
        for (index, limit) in load.limits.iter().enumerate() {
            let (below, above) = (limit.below.map(|most| most * 0.5), limit.above.map(|least| least * 1.005));
            let (over, under) = (limit.below.map(|most| most * 2.0), limit.above.map(|least| least * 0.5));
            let figure = if but == Some(index) { over.or(under) } else { below.or(above) };
            put(&mut report, &limit.at, figure.unwrap());
        }
        let mut loads = self.loads.lock().unwrap();
        loads.retain(|(known, _)| known != load);
        loads.push((load.clone(), report));
    }

    /// Every call of a stand-in so far: its name and arguments.
    pub(crate) fn calls(&self) -> Vec<String> {
        fs::read_to_string(self.path().join("calls")).unwrap_or_default().lines().map(str::to_owned).collect()
    }

    /// The programs that the engine has begun so far.
    pub(crate) fn begun(&self) -> Vec<Program> {
        self.begun.lock().unwrap().clone()
    }

    fn is_to_fail(&self, program: &Program) -> bool {
        let mut fails = self.fails.lock().unwrap();
        let at = fails.iter().position(|run| *run == program.run);
        at.map(|at| fails.remove(at)).is_some()
    }

    fn dir_of(&self, program: &Program) -> PathBuf {
        let dir = program.dir.as_ref().map_or_else(|| self.path().to_owned(), |dir| self.path().join(dir));
        // Where a tool keeps its own things.
        fs::create_dir_all(dir.join(".vercel")).unwrap();
        dir
    }
}

/// Puts a figure where a JSON pointer leads.
fn put(report: &mut Value, at: &str, figure: f64) {
    let mut place = report;
    for part in at.trim_start_matches('/').split('/') {
        let part = part.replace("~1", "/").replace("~0", "~");
        if !place.is_object() {
            *place = Value::Object(Map::new());
        }
        place = place.as_object_mut().unwrap().entry(part).or_insert(Value::Null);
    }
    *place = json!(figure);
}

/// Runs programs while the clock stands still, and lets them have taken a second.
pub(crate) struct OnPath(pub(crate) Arc<Bench>);

#[async_trait]
impl Programs for OnPath {
    async fn run(&self, program: &Program, heard: mpsc::Sender<Heard>) -> Result<Exit, String> {
        let bench = &self.0;
        bench.begun.lock().unwrap().push(program.clone());
        let dir = bench.dir_of(program);
        let bin = bench.path().join("bin");
        // A script of the repository has a place there; its stand-in is among the others.
        let name = Path::new(&program.run[0]).file_name().unwrap().to_owned();
        let mut command = Command::new(bin.join(&name));
        command.args(&program.run[1..]).current_dir(&dir).stdin(Stdio::null()).env_clear();
        command.env("PATH", &bin).env("STAND_INS", bench.path());
        if bench.is_to_fail(program) {
            command.env("TOLD_TO_FAIL", "1");
        }
        command.envs(program.environment.iter().map(|(name, value)| (name, value)));
        let ended = command.output().map_err(|error| format!("{} cannot be started: {error}", name.display()))?;
        let said = [ended.stdout, ended.stderr].concat();
        for line in String::from_utf8_lossy(&said).lines() {
            heard.send(Heard::Line(line.to_owned())).await.unwrap();
        }
        let load = bench.loads.lock().unwrap().iter().find(|(plan, _)| plan.command.run == program.run).cloned();
        if let Some((plan, report)) = load.filter(|_| ended.status.success()) {
            match plan.report {
                Some(file) => fs::write(dir.join(file), report.to_string()).unwrap(),
                None => heard.send(Heard::Line(report.to_string())).await.unwrap(),
            }
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        Ok(Exit { code: ended.status.code() })
    }
}
