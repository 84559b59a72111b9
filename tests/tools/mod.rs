//! Programs that others have written, for tests to hold cutover to: servers that stand in for AWS, and AWS's own
//! client. `.ci/requirements.txt` names them, and `.ci/run` installs them.

use std::io::Write as _;
use std::path::PathBuf;

use tokio::process::Command;

/// Names the Python environment that the programs are installed in.
const PLACE: &str = "CUTOVER_INDEPENDENT";

/// Where the programs are.
pub(crate) struct Tools {
    bin: PathBuf,
}

impl Tools {
    /// The programs, or `None` where nobody has asked for tests with them: `test` is skipped then, and says so.
    pub(crate) fn find(test: &str) -> Option<Self> {
        let Some(place) = std::env::var_os(PLACE) else {
            // Past the test harness, which shows what a test prints only when it fails.
            let said =
                format!("{test} … skipped: set {PLACE} to a Python environment with .ci/requirements.txt installed\n");
            std::io::stderr().write_all(said.as_bytes()).unwrap();
            return None;
        };
        let bin = std::path::absolute(place).unwrap().join("bin");
        assert!(bin.is_dir(), "{PLACE} is set, and {} is not there", bin.display());
        Some(Self { bin })
    }

    /// One of the programs, in an environment that is the same everywhere.
    pub(crate) fn command(&self, program: &str) -> Command {
        clean(Command::new(self.bin.join(program)))
    }
}

/// Without the variables of whoever runs the tests, proxies and profiles among them.
pub(crate) fn clean(mut command: Command) -> Command {
    command
        .env_clear()
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
        .env("LC_ALL", "C.UTF-8")
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_DEFAULT_REGION", "eu-west-1")
        .kill_on_drop(true);
    command
}

/// The AWS CLI, pointed at servers.
pub(crate) struct AwsCli {
    tools: Tools,
    endpoints: Vec<(&'static str, String)>,
}

impl AwsCli {
    /// With the variables that name the servers' endpoints.
    pub(crate) fn new(tools: Tools, endpoints: Vec<(&'static str, String)>) -> Self {
        Self { tools, endpoints }
    }

    /// A call, as words between spaces.
    pub(crate) fn command(&self, arguments: &str) -> Command {
        let mut command = self.tools.command("aws");
        command
            .args(["--output", "text"])
            .args(arguments.split_whitespace())
            .envs(self.endpoints.clone())
            .env("AWS_MAX_ATTEMPTS", "1")
            .env("AWS_PAGER", "");
        command
    }

    /// What a call prints; its error if it fails.
    pub(crate) async fn call(&self, arguments: impl AsRef<str>) -> String {
        let output = self.command(arguments.as_ref()).output().await.unwrap();
        let said = if output.status.success() { output.stdout } else { output.stderr };
        String::from_utf8(said).unwrap().trim().to_owned()
    }
}
