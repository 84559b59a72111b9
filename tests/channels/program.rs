//! `cutover notify test`, the program itself, against receivers on a port of this machine.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Output};

use cutover::clock::Clock;
use cutover::sim::listen::{ListenOptions, listen};
use cutover::sim::world::inbox::Receiver;
use cutover::sim::{Scenario, Sim};

use super::KEY;

/// The example's channels, at this address, without what only a whole configuration needs.
fn config(address: SocketAddr) -> String {
    let url = format!("url = \"http://{address}\"\n");
    let mut text = include_str!("../../config.example.toml").to_owned();
    for kind in ["pagerduty", "statuspage"] {
        let head = format!("kind = \"{kind}\"\n");
        text = text.replacen(&head, &format!("{head}{url}"), 1);
    }
    let bot = "token_env = \"SLACK_BOT_TOKEN\"\n";
    text = text.replacen(bot, &format!("{bot}{url}"), 1);
    text.replacen("https://hooks.example.com", &format!("http://{address}"), 1)
}

fn run(dir: &Path, address: SocketAddr, arguments: &[&str], secrets: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cutover"));
    command.args(arguments).current_dir(dir).env_clear().env("HOME", dir);
    command.envs([("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test"), ("CUTOVER_PROFILE", "default")]);
    command.env("AWS_ENDPOINT_URL", format!("http://{address}")).envs(secrets.iter().copied());
    command.output().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_reaches_every_channel_and_says_what_did_not_arrive() {
    let sim = Sim::new(Scenario::named("healthy").unwrap(), 1, Clock::system());
    let listening = listen(sim.clone(), SocketAddr::from(([127, 0, 0, 1], 0)), ListenOptions::default()).await.unwrap();
    let address = listening.address();
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("cutover.toml"), config(address)).unwrap();
    let secrets = [
        ("SLACK_BOT_TOKEN", "xoxb-hunter2hunter2"),
        ("PAGERDUTY_ROUTING_KEY", KEY),
        ("HOOK_SIGNING_KEY", "hunter2hunter2"),
        ("STATUSPAGE_API_KEY", "hunter2hunter2"),
    ];
    let of = |arguments: &'static [&'static str], secrets: &'static [(&'static str, &'static str)]| {
        let dir = dir.path().to_owned();
        async move { tokio::task::spawn_blocking(move || run(&dir, address, arguments, secrets)).await.unwrap() }
    };
    let secrets: &'static [_] = Box::leak(Box::new(secrets));

    let all = of(&["notify", "test", "--env", "demo"], secrets).await;
    let said = String::from_utf8(all.stdout).unwrap();
    let wanted = "audit: sent\nchat: sent\npage: the component was read, and nothing changed\n\
                  pager: sent, as a change event: nobody is paged\nteam: sent\n";
    assert_eq!((said.as_str(), all.status.code()), (wanted, Some(0)), "{}", String::from_utf8_lossy(&all.stderr));
    sim.with(|world, _| {
        assert_eq!((world.slack_messages().len(), world.pager_incidents().len()), (1, 0));
        assert_eq!(world.letters(Receiver::Webhook).len(), 1);
        let delivery = world.deliveries().last().unwrap();
        let attribute = delivery.attributes.iter().find(|(name, _)| name == "event");
        assert_eq!(attribute.map(|(_, value)| value.as_str()), Some("test"));
    });

    let missing = of(&["notify", "test", "chat", "--env", "demo"], &[]).await;
    let said = String::from_utf8(missing.stdout).unwrap();
    assert_eq!(said, "chat: NOT sent: the variable SLACK_BOT_TOKEN is not set\n");
    assert_eq!(missing.status.code(), Some(2));

    let unknown = of(&["notify", "test", "chta", "--env", "demo"], &[]).await;
    assert_eq!(unknown.status.code(), Some(2));
    let said = String::from_utf8(unknown.stderr).unwrap();
    assert!(said.contains("unknown channel `chta`; did you mean `chat`?"), "{said}");

    let shown = of(&["config", "show"], secrets).await;
    let said = String::from_utf8(shown.stdout).unwrap();
    assert!(said.contains("token_env = \"SLACK_BOT_TOKEN\"") && !said.contains("hunter2"), "{said}");
    listening.stop().await;
}
