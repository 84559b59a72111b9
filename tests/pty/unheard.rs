//! Output that nobody reads, as behind `| head -1`: what was asked for is done all the same, and the exit code says how
//! it ended.

use std::net::TcpListener;
use std::process::Stdio;

use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::time::sleep;

use crate::site::{ASKS_FIRST, IMAGE, LOOK, Ran, Site, finish, gone};

/// A pipe that nobody reads from.
fn unheard() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

async fn run(mut command: Command) -> Ran {
    finish(command.stdout(unheard()).spawn().unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_verb_comes_to_its_end() {
    let site = Site::new(&[ASKS_FIRST]).await;
    for arguments in [
        ["release", "demo", "--image", IMAGE, "--detach"].as_slice(),
        &["pause"],
        &["resume"],
        &["config", "show"],
        &["config", "check"],
        &["history"],
        &["history", "--format", "json"],
        &["man"],
        &["completions", "bash"],
        &["--help"],
        &["--version"],
    ] {
        let ran = run(site.program(arguments)).await;
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{arguments:?}");
    }
    site.until("the gate waits", |status| status["status"] == "waiting").await;
    let waiting = run(site.program(&["status"])).await;
    assert_eq!((waiting.code, waiting.err.as_str()), (6, ""));
    let back = run(site.program(&["rollback"])).await;
    assert_eq!((back.code, back.err.as_str()), (0, ""));
    site.until("it has ended", |status| status["status"] == "aborted").await;
    gone(site.engine()).await;
    let followed = run(site.program(&["release", "demo", "--image", IMAGE, "--headless"])).await;
    assert_eq!((followed.code, followed.err.as_str()), (6, ""));
    // A demo is there to be looked at.
    let demo = run(site.program(&["demo", "--headless"])).await;
    assert_eq!((demo.code, demo.err.as_str()), (130, ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_simulated_aws_goes_on_serving() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut sim = Command::new(crate::terminal::PROGRAM);
    sim.args(["sim", "--listen", &address.to_string()]).kill_on_drop(true);
    let mut sim = sim.stdout(unheard()).spawn().unwrap();
    while TcpStream::connect(address).await.is_err() {
        assert_eq!(sim.try_wait().unwrap(), None);
        sleep(LOOK).await;
    }
    // It says where it listens once it does: it has to outlive that.
    let ended = tokio::time::timeout(std::time::Duration::from_millis(500), sim.wait()).await;
    assert!(ended.is_err(), "{ended:?}");
    assert!(TcpStream::connect(address).await.is_ok());
}
