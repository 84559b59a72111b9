//! Earlier releases, chosen and gone back to.

use super::*;
use crate::app::past::{BackWish, PastPreview, PastRelease};
use crate::domain::ids::ReleaseId;
use crate::domain::policy::{Deed, Policy};

fn past(id: u64) -> PastRelease {
    PastRelease { id: ReleaseId(id), versions: "4f2c1e9".to_owned(), ended: NOW, by: "maria".to_owned() }
}

fn preview(to: u64, leaves_migrations: bool) -> PastPreview {
    let left = vec!["schema of release 40 has no undo".to_owned()];
    let steps = vec!["start 4f2c1e9 from api:118".to_owned(), "all traffic to 4f2c1e9 in one step".to_owned()];
    PastPreview { to: ReleaseId(to), warm: false, steps, left, leaves_migrations, cost: "2 calls".to_owned() }
}

#[test]
fn an_ended_release_is_rolled_back_to_the_earlier_one_that_is_chosen() {
    let mut screen = Screen::at(Scene::Succeeded);
    assert_eq!(screen.press("R"), [], "there is nothing to go back to yet");
    screen.tell(Msg::Past(vec![past(40), past(39)]));
    assert_eq!(screen.press("R"), [], "first it leads to the list");
    assert_eq!((screen.model.view, screen.model.pane), (View::History, Pane::Past));
    assert_eq!(screen.press("j j R"), [Cmd::LookBack(ReleaseId(39))], "it does not go below the last");

    screen.tell(Msg::LookedBack(Ok(preview(39, false))));
    screen.turn("somebody looked", None);
    assert_eq!(screen.press("tab"), []);
    let wish = |reason: Option<&str>, leave_migrations| BackWish {
        to: ReleaseId(39),
        reason: reason.map(str::to_owned),
        leave_migrations,
    };
    assert_eq!(screen.press("\"orders enter"), [Cmd::GoBack(wish(Some("orders"), false))]);
    assert!(screen.model.overlay.is_none());

    // What cannot be undone is agreed to by a word.
    screen.tell(Msg::LookedBack(Ok(preview(39, true))));
    assert_eq!(screen.press("enter"), [], "a key alone is not enough");
    assert_eq!(screen.press("tab \"leave enter"), [Cmd::GoBack(wish(None, true))]);

    screen.tell(Msg::LookedBack(Err("release 39 never succeeded".to_owned())));
    assert!(
        screen.model.overlay.is_none()
            && screen.model.toasts.iter().any(|toast| toast.text.contains("never succeeded"))
    );

    screen.model.access = Access::ReadOnly("so it is".to_owned());
    assert_eq!(screen.press("R"), []);
    assert!(screen.model.toasts.iter().any(|toast| toast.text.contains("so it is")), "{:?}", screen.model.toasts);
}

#[test]
fn a_release_that_runs_is_rolled_back_itself_whatever_is_chosen() {
    let mut screen = Screen::at(Scene::Baking);
    screen.tell(Msg::Past(vec![past(40)]));
    screen.press("6 tab R");
    let cmds = screen.press("enter");
    assert!(matches!(&cmds[..], [Cmd::Send(Order { command: Command::Rollback { .. }, .. })]), "{cmds:?}");
}

#[test]
fn a_key_that_the_policy_does_not_allow_says_why() {
    let mut screen = Screen::at(Scene::Baking);
    let policy = Policy { everybody: vec![Deed::Order(CommandKind::Pause)], rules: Vec::new() };
    Arc::make_mut(&mut Arc::make_mut(&mut screen.snapshot.release).plan).policy = Some(policy);
    assert_eq!(screen.press("R"), []);
    assert!(screen.model.overlay.is_none());
    let why = "rollback: policy: whose rollback this is, is not known";
    assert!(screen.model.toasts.iter().any(|toast| toast.text.starts_with(why)), "{:?}", screen.model.toasts);
    assert!(matches!(&screen.press("space")[..], [Cmd::Send(Order { command: Command::Pause, .. })]));
}
