//! A panic: the terminal is given back, its report can be read, and a release goes on.

use rustix::process::Signal;

use crate::site::{ASKS_FIRST, Site, is_alive};
use crate::terminal::{Ended, Terminal, command, example};

/// Lets the defect show, and looks at what is left.
async fn panics(terminal: Terminal) -> Ended {
    terminal.signal(Signal::USR1);
    let ended = terminal.ends().await;
    ended.gave_the_terminal_back();
    assert_eq!((ended.code, &ended.signal), (1, &None), "{}", ended.last_words());
    assert!(!ended.screen.alternate_screen() && !ended.screen.hide_cursor(), "{:?}", ended.output);
    let left = ended.screen.contents();
    // A terminal still in raw mode would begin each line where the last one ended.
    for (line, text) in [("The application panicked", ""), ("Message:", "a defect, as it was asked for")] {
        assert!(left.lines().any(|left| left.starts_with(line) && left.contains(text)), "no {line:?} in:\n{left}");
    }
    ended
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_in_the_demo_gives_the_terminal_back_and_can_be_read() {
    let home = tempfile::tempdir().unwrap();
    let mut demo = command(&example("defect"), home.path());
    demo.args(["demo", "--speed", "10"]);
    let terminal = Terminal::start(demo);
    terminal.shows("╭ pipeline").await;
    panics(terminal).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_of_a_face_is_nothing_to_the_release() {
    let site = Site::new(&[ASKS_FIRST]).await;
    site.release().await;
    let watching = site.terminal_with(&example("defect"), &["attach"]);
    watching.shows("WAITING").await;
    let before = site.status().await;
    let ended = panics(watching).await;
    assert!(!ended.last_words().contains("Detached"), "{}", ended.last_words());

    assert!(is_alive(site.engine()));
    assert_eq!(site.status().await, before);
    let mut again = site.terminal(&["attach"]);
    again.shows("WAITING").await;
    again.press("q");
    assert_eq!(again.ends().await.code, 0);
}
