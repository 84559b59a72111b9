//! The program itself: two releases of ready-made stages in engines of their own, with stand-ins on PATH. The second one
//! fails and is undone to what the journal says that the first one has left.

use std::fs;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use crate::stages::{READY, Ready};
use crate::stand_in::Bench;

const PROGRAM: &str = env!("CARGO_BIN_EXE_cutover");
const TOKEN: &str = "tok-0123456789abcdef";

/// The longest that a release may take. It only ever passes when a test fails.
const PATIENCE: Duration = Duration::from_mins(1);

/// A stage that fails after all others.
const FAILS: &str =
    "\n[[pipelines.@.stages]]\nname = \"later\"\nkind = \"command\"\nrun = [\"sh\", \"-c\", \"exit 3\"]\n";

/// A simulated AWS in a process of its own, and where it listens.
async fn account(bench: &Bench) -> (Child, String) {
    let mut sim = Command::new(PROGRAM);
    sim.args(["sim", "--listen", "127.0.0.1:0"]).current_dir(bench.path()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut sim = sim.spawn().unwrap();
    let mut lines = BufReader::new(sim.stdout.take().unwrap());
    let mut said = String::new();
    timeout(PATIENCE, lines.read_line(&mut said)).await.expect("the simulated AWS says nothing").unwrap();
    // It goes on writing there.
    sim.stdout = Some(lines.into_inner());
    (sim, format!("http://{}", said.trim().rsplit_once("http://").unwrap().1))
}

/// Releases a version to its end; the exit code, and all that was written.
async fn release(bench: &Bench, endpoint: &str, component: &str, version: &str) -> (i32, String) {
    let mut program = Command::new(PROGRAM);
    program.args(["release", "demo", component, "--image", &format!("{component}={version}"), "--headless"]);
    program.env_clear().current_dir(bench.path()).kill_on_drop(true);
    program.env("PATH", bench.path().join("bin")).env("STAND_INS", bench.path()).env("HOME", bench.path());
    program.env("CUTOVER_CONFIG", bench.path().join("cutover.toml")).env("CUTOVER_JOURNAL", bench.path().join("state"));
    program.env("AWS_ENDPOINT_URL", endpoint).env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test");
    program.env("USER", "captain").env("VERCEL_TOKEN", TOKEN).env("RAILWAY_TOKEN", TOKEN);
    let ran = timeout(PATIENCE, program.output()).await.expect("the release never ends").unwrap();
    let said = [ran.stdout, ran.stderr].concat();
    (ran.status.code().unwrap_or(-1), String::from_utf8_lossy(&said).into_owned())
}

async fn try_out(ready: &Ready) {
    let bench = Bench::new();
    fs::create_dir_all(bench.path().join("web/.vercel")).unwrap();
    let (_sim, endpoint) = account(&bench).await;
    let config = |more: &str| fs::write(bench.path().join("cutover.toml"), ready.config(more)).unwrap();

    config("");
    let (code, first) = release(&bench, &endpoint, ready.component, "9ab03d7").await;
    assert_eq!(code, 0, "{first}");
    assert_eq!(bench.calls(), ready.calls, "{}", ready.name);

    config(FAILS);
    // The first release's engine holds on to the component for a moment.
    let second = async {
        loop {
            match release(&bench, &endpoint, ready.component, "c0ffee1").await {
                (8, _) => sleep(Duration::from_millis(100)).await,
                ended => return ended,
            }
        }
    };
    let (code, second) = timeout(PATIENCE, second).await.expect("the first engine never ends");
    assert_eq!(code, 4, "{second}");
    let calls = bench.calls();
    let undo: Vec<String> = ready.undo.iter().map(|call| call.replace("4f2c1e9", "9ab03d7")).collect();
    assert!(calls.ends_with(&undo), "{}: {calls:#?}", ready.name);
    assert!(calls.len() == 2 * ready.calls.len() + undo.len(), "{}: {calls:#?}", ready.name);

    let files = fs::read_dir(bench.path().join("state")).unwrap().map(|entry| entry.unwrap().path());
    let kept: Vec<String> = files
        .filter(|file| file.is_file())
        .map(|file| String::from_utf8_lossy(&fs::read(file).unwrap()).into_owned())
        .collect();
    assert!(!kept.is_empty());
    let everything = [first, second, calls.join("\n"), kept.concat()].concat();
    assert!(!everything.contains(TOKEN), "{} shows its token", ready.name);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_itself_goes_back_to_what_the_release_before_has_left() {
    tokio::join!(try_out(&READY[0]), try_out(&READY[1]), try_out(&READY[2]));
}
