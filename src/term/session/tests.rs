use std::io::{Read, Seek};

use portable_pty::{CommandBuilder, ExitStatus, PtySize, native_pty_system};
use ratatui::buffer::Buffer;
use ratatui::style::Style;

use super::*;
use crate::term::{Multiplexer, Screen};

fn over_a_file() -> (File, Arc<Terminal>) {
    let file = tempfile::tempfile().unwrap();
    let terminal = Terminal { file: file.try_clone().unwrap(), taken: AtomicBool::new(true) };
    (file, Arc::new(terminal))
}

fn contents(file: &mut File) -> Vec<u8> {
    let mut bytes = Vec::new();
    file.rewind().unwrap();
    file.read_to_end(&mut bytes).unwrap();
    bytes
}

#[test]
fn the_terminal_is_given_back_once_and_no_late_frame_follows() {
    let (mut file, terminal) = over_a_file();
    let mut gate = Gate(Arc::clone(&terminal));
    gate.write_all(b"frame").unwrap();
    terminal.give();
    terminal.give();
    gate.write_all(b"late frame").unwrap();
    assert_eq!(contents(&mut file), [b"frame", GIVE].concat());
}

#[test]
fn what_is_taken_is_given_back() {
    for mode in ["?1049", "?2004", "?1004"] {
        let sets = |bytes: &[u8], end: &str| String::from_utf8_lossy(bytes).contains(&format!("\x1b[{mode}{end}"));
        assert!(sets(TAKE, "h") && sets(GIVE, "l"), "{mode}");
    }
}

/// Set in a process that plays the program in a terminal of its own; holds how it is to end.
const ENDING: &str = "CUTOVER_TEST_ENDING";

/// The part of the program in the tests below: draws one frame and ends as it is told. Elsewhere it finds no terminal.
#[tokio::test]
async fn plays_the_program() {
    let Ok(ending) = std::env::var(ENDING) else {
        return;
    };
    let (session, outlet) = match Session::enter() {
        Ok(entered) => entered,
        Err(error) => {
            eprintln!("{error}");
            std::process::exit(2);
        }
    };
    let (columns, rows) = session.size().unwrap();
    let mut screen = Screen::new(outlet, Multiplexer::None, columns, rows);
    let picture = |_, buf: &mut Buffer| buf.set_string(0, 0, "broadcasting", Style::new());
    screen.draw(picture).unwrap();
    screen.outlet().idle().await;
    match ending.as_str() {
        "leave" => drop(session),
        "panic" => {
            let worker = tokio::task::spawn_blocking(|| panic!("a worker fell over"));
            session.crashed().await;
            drop(worker.await);
            std::process::exit(1);
        }
        "suspend" => {
            let outcome = session.suspend().unwrap();
            screen.forget();
            screen.draw(|_, buf| buf.set_string(0, 0, format!("{outcome:?}"), Style::new())).unwrap();
            screen.outlet().idle().await;
        }
        other => panic!("no such ending: {other}"),
    }
}

struct Played {
    output: String,
    status: ExitStatus,
    is_restored: bool,
}

/// Runs this test binary as the program, in a terminal of its own.
fn play(ending: &str) -> Played {
    run(CommandBuilder::new(std::env::current_exe().unwrap()), ending)
}

/// Runs it from a shell that stops and continues jobs, which continues the program once it has stopped.
fn play_as_a_job(ending: &str) -> Played {
    let mut shell = CommandBuilder::new("sh");
    shell.args(["-c", r#"set -m; "$0" "$@"; fg"#]);
    shell.arg(std::env::current_exe().unwrap());
    run(shell, ending)
}

fn run(mut command: CommandBuilder, ending: &str) -> Played {
    let pty = native_pty_system().openpty(PtySize { rows: 24, cols: 80, ..PtySize::default() }).unwrap();
    let before = pty.master.get_termios().unwrap();
    command.args(["--exact", "--nocapture", "term::session::tests::plays_the_program"]);
    command.env(ENDING, ending);
    command.env("RUST_BACKTRACE", "0");
    let mut program = pty.slave.spawn_command(command).unwrap();
    let mut reader = pty.master.try_clone_reader().unwrap();
    let output = thread::spawn(move || {
        let mut bytes = Vec::new();
        // Linux reports the end of a pseudo-terminal as an error; what came before it counts.
        let _ = reader.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    });
    let status = program.wait().unwrap();
    let is_restored = pty.master.get_termios().unwrap() == before;
    drop(pty.slave);
    Played { output: output.join().unwrap(), status, is_restored }
}

fn position(output: &str, part: &[u8]) -> usize {
    let part = std::str::from_utf8(part).unwrap();
    output.find(part).unwrap_or_else(|| panic!("{part:?} is not in {output:?}"))
}

#[test]
fn leaving_restores_screen_and_modes() {
    let played = play("leave");
    assert!(played.status.success(), "{}", played.output);
    assert!(played.is_restored);
    let order = [TAKE, b"broadcasting", GIVE].map(|part| position(&played.output, part));
    assert!(order.is_sorted(), "{}", played.output);
    assert_eq!(played.output.matches("\x1b[?1049l").count(), 1);
}

#[test]
fn a_panic_on_another_thread_restores_first_reports_then_and_ends_the_program() {
    let played = play("panic");
    assert_eq!(played.status.exit_code(), 1, "{}", played.output);
    assert!(played.is_restored);
    let order = [TAKE, GIVE, b"a worker fell over"].map(|part| position(&played.output, part));
    assert!(order.is_sorted(), "{}", played.output);
    assert_eq!(played.output.matches("\x1b[?1049l").count(), 1);
}

#[test]
fn a_suspended_program_gives_the_terminal_to_the_shell_and_takes_it_again() {
    let played = play_as_a_job("suspend");
    assert!(played.status.success(), "{}", played.output);
    let (stopped, continued) = played.output.split_once("\x1b[?1049l").expect("the terminal was given back");
    assert!(stopped.contains("broadcasting"), "{}", played.output);
    let order = [TAKE, b"AndContinued", GIVE].map(|part| position(continued, part));
    assert!(order.is_sorted(), "{}", played.output);
}

#[test]
fn a_program_without_a_shell_is_not_suspended() {
    let played = play("suspend");
    assert!(played.output.contains("NobodyToReturnTo"), "{}", played.output);
    assert_eq!(played.output.matches("\x1b[?1049l").count(), 1);
}

#[test]
fn without_a_terminal_the_way_out_is_named() {
    let refused = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture", "term::session::tests::plays_the_program"])
        .env(ENDING, "leave")
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(2));
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains("standard input is not a terminal; run with --headless for plain output"), "{said}");
}
