mod alarms;
mod past;

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::app::fixture::{self, NOW, Scene, line, lines};
use crate::app::keymap::{Chord, Context};
use crate::app::model::{Access, MOST_TOASTS, Pane, View};
use crate::domain::command::{Command, CommandKind, Order, Refusal};
use crate::domain::components::ComponentIndex;
use crate::domain::gate::{ApprovalPlan, GatePlan};
use crate::domain::ids::Revision;
use crate::domain::plan::StageKind;
use crate::domain::release::{Ending, Moment};
use crate::domain::time::Timestamp;
use crate::engine::handle::{LogBatch, Receipt};

/// A screen with its engine's newest snapshot.
struct Screen {
    model: Model,
    snapshot: Snapshot,
}

impl Screen {
    fn at(scene: Scene) -> Self {
        let snapshot = fixture::snapshot(scene);
        let mut model = fixture::model(scene, &snapshot).unwrap();
        model.saw(crate::app::model::Sight { logs: 10, history: 5, charts: 2, fleet: 8, overlay: 20 });
        Self { model, snapshot }
    }

    /// The same, outside production.
    fn staging(scene: Scene) -> Self {
        let mut screen = Self::at(scene);
        Arc::make_mut(&mut Arc::make_mut(&mut screen.snapshot.release).plan).production = false;
        screen
    }

    fn tell(&mut self, msg: Msg) -> Vec<Cmd> {
        update(&mut self.model, &self.snapshot, msg)
    }

    /// Presses the chords, which are separated by spaces; words after `"` are typed letter by letter.
    fn press(&mut self, keys: &str) -> Vec<Cmd> {
        let mut cmds = Vec::new();
        for word in keys.split(' ') {
            if let Some(text) = word.strip_prefix('"') {
                for letter in text.chars() {
                    cmds.extend(self.tell(Msg::Key(letter.to_string().parse().unwrap())));
                }
            } else {
                cmds.extend(self.tell(Msg::Key(word.parse::<Chord>().unwrap())));
            }
        }
        cmds
    }

    /// Changes the release the way an engine does: with a new revision and a line of the timeline.
    fn turn(&mut self, text: &str, by: Option<&str>) -> Vec<Cmd> {
        let release = Arc::make_mut(&mut self.snapshot.release);
        release.revision = release.revision.next();
        release.timeline.push(Moment {
            number: release.timeline.len() as u64 + 1,
            at: NOW,
            revision: release.revision,
            tone: Tone::Plain,
            text: text.to_owned(),
            by: by.map(str::to_owned),
        });
        self.tell(Msg::SnapshotChanged)
    }

    fn notes(&self) -> Vec<&str> {
        self.model.toasts.iter().map(|toast| toast.text.as_str()).collect()
    }
}

/// What is for a stage names the one that was asked about.
fn sends(command: Command) -> Vec<Cmd> {
    let stage = match command {
        Command::Promote | Command::PromoteFull => Some("shift".into()),
        Command::Retry | Command::Skip { .. } => Some("smoke".into()),
        Command::Approve { .. } => Some("gates".into()),
        Command::Pause
        | Command::Resume
        | Command::Rollback { .. }
        | Command::Abort { .. }
        | Command::Acknowledge { .. } => None,
    };
    vec![Cmd::Send(Order { command, stage, by: fixture::operator(), seen: Some(Revision(12)) })]
}

#[test]
fn outside_production_promoting_takes_a_key_and_enter() {
    assert_eq!(Screen::staging(Scene::Baking).press("p enter"), sends(Command::Promote));
    assert_eq!(Screen::staging(Scene::Baking).press("p y"), sends(Command::Promote));
    assert_eq!(Screen::staging(Scene::Baking).press("p esc enter"), []);
    assert_eq!(Screen::staging(Scene::Human).press("P enter"), sends(Command::PromoteFull));
}

#[test]
fn in_production_whatever_raises_green_asks_for_the_components_name() {
    let mut screen = Screen::at(Scene::Human);
    assert_eq!(screen.press("p enter"), []);
    assert_eq!(screen.notes(), ["type api to confirm"]);
    assert_eq!(screen.press("\"ap enter"), []);
    assert_eq!(screen.press("\"i enter"), sends(Command::Promote));
    assert_eq!(Screen::at(Scene::Human).press("P \"api enter"), sends(Command::PromoteFull));
    let mut screen = Screen::at(Scene::Human);
    assert_eq!(screen.press("p \"apix backspace enter"), sends(Command::Promote));
}

#[test]
fn rolling_back_is_one_chord_and_enter_everywhere_in_production_too() {
    let back = || sends(Command::Rollback { reason: None });
    assert_eq!(Screen::at(Scene::Baking).press("R enter"), back());
    for open in ["p", "?", ":", "/", "p \"ap", "4 /", "2", "R"] {
        let mut screen = Screen::at(Scene::Baking);
        screen.press(open);
        assert_eq!(screen.press("ctrl-r enter"), back(), "with {open}");
    }
    for open in ["?", "A", "R", "space space", "6"] {
        let mut screen = Screen::at(Scene::Baking);
        screen.press(open);
        assert_eq!(screen.press("R enter"), back(), "with {open}");
    }
}

#[test]
fn a_capital_r_typed_into_a_text_is_a_letter() {
    let mut screen = Screen::at(Scene::Baking);
    assert_eq!(screen.press("/ R enter"), []);
    assert_eq!(screen.model.logs.filter().text(), "R");
}

#[test]
fn a_reason_can_be_given_for_going_back() {
    let mut screen = Screen::at(Scene::Baking);
    let command = Command::Rollback { reason: Some("orders".to_owned()) };
    assert_eq!(screen.press("R tab \"orders enter"), sends(command));
    assert_eq!(Screen::at(Scene::Baking).press("A enter"), sends(Command::Abort { reason: None }));
}

#[test]
fn pausing_asks_nothing_and_resuming_does() {
    assert_eq!(Screen::at(Scene::Baking).press("space"), sends(Command::Pause));
    let mut screen = Screen::at(Scene::Paused);
    assert_eq!(screen.press("space"), []);
    assert_eq!(screen.press("enter"), sends(Command::Resume));
}

#[test]
fn failed_stages_are_retried_or_skipped_with_a_reason() {
    assert_eq!(Screen::at(Scene::Failed).press("t enter"), sends(Command::Retry));
    let mut screen = Screen::at(Scene::Failed);
    assert_eq!(screen.press("K enter"), []);
    assert_eq!(screen.notes(), ["type a reason"]);
    assert_eq!(screen.press("\"known enter"), sends(Command::Skip { reason: "known".to_owned() }));
}

#[test]
fn a_gate_is_approved_with_its_phrase() {
    let mut screen = Screen::at(Scene::Phrase);
    assert_eq!(screen.press("a \"deplox enter"), []);
    assert_eq!(screen.press("backspace \"y enter"), sends(Command::Approve { phrase: "deploy".to_owned() }));
}

#[test]
fn a_gate_without_a_phrase_is_approved_with_a_key() {
    let mut screen = Screen::at(Scene::Phrase);
    let approval = ApprovalPlan { by: Vec::new(), count: 2, not_requester: true, expires: None };
    let gate = GatePlan { conditions: Vec::new(), confirm: None, approval: Some(approval) };
    Arc::make_mut(&mut Arc::make_mut(&mut screen.snapshot.release).plan).stages[0].kind = StageKind::Gate(gate);
    assert_eq!(screen.press("a"), []);
    assert_eq!(screen.press("enter"), sends(Command::Approve { phrase: String::new() }));
}

#[test]
fn a_window_is_gone_past_with_a_reason_only() {
    let mut screen = Screen::at(Scene::Window);
    assert_eq!(screen.press("p"), []);
    assert_eq!(screen.notes(), ["promote: this gate waits for its window; skip goes past it, with a reason"]);
    let mut screen = Screen::at(Scene::Window);
    assert_eq!(screen.press("K enter"), []);
    let command = Command::Skip { reason: "hotfix".to_owned() };
    let order = Order { command, stage: Some("gates".into()), by: fixture::operator(), seen: Some(Revision(12)) };
    assert_eq!(screen.press("\"hotfix enter"), [Cmd::Send(order)]);
}

#[test]
fn what_cannot_be_done_says_why_and_asks_nothing() {
    let mut screen = Screen::at(Scene::Gates);
    assert_eq!(screen.press("p enter"), []);
    assert_eq!(screen.notes(), ["promote: traffic is not being shifted now"]);
    assert_eq!(screen.model.context(), Context::Release);

    let mut screen = Screen::at(Scene::Baking);
    screen.model.access = Access::ReadOnly("maria@bastion-2 steers".to_owned());
    assert_eq!(screen.press("R enter"), []);
    assert_eq!(screen.notes(), ["rollback: read-only: maria@bastion-2 steers"]);

    let mut screen = Screen::at(Scene::Baking);
    screen.tell(Msg::Connection(Connection::Lost { since: NOW, why: "socket closed".to_owned() }));
    assert_eq!(screen.press("R enter"), []);
    assert_eq!(
        screen.notes()[1],
        "rollback: the engine cannot be reached (socket closed); from a shell: cutover rollback production api"
    );
}

#[test]
fn a_question_is_voided_when_the_release_moves_on_but_not_the_way_back() {
    let mut screen = Screen::at(Scene::Human);
    screen.press("p \"api");
    screen.turn("paused", Some("li"));
    assert_eq!(screen.model.context(), Context::Release);
    assert_eq!(screen.notes(), ["promote not sent: meanwhile paused (by li)"]);
    assert_eq!(screen.press("enter"), [], "the enter that was on its way sends nothing");

    let mut screen = Screen::at(Scene::Human);
    screen.press("R");
    screen.turn("paused", Some("li"));
    assert_eq!(screen.press("enter"), sends(Command::Rollback { reason: None }));
}

#[test]
fn the_question_of_the_way_back_closes_once_it_has_begun_or_the_release_has_ended() {
    let mut screen = Screen::at(Scene::Baking);
    screen.press("R");
    screen.snapshot = fixture::snapshot(Scene::RollingBack);
    screen.tell(Msg::SnapshotChanged);
    assert_eq!(screen.model.context(), Context::Release);
    assert_eq!(screen.notes(), ["rollback not sent: the release is going back; that outranks everything else"]);
}

#[test]
fn commands_are_followed_until_the_snapshot_has_them() {
    let mut screen = Screen::staging(Scene::Human);
    screen.press("p enter");
    assert_eq!(screen.model.sent.len(), 1);
    assert_eq!(screen.press("p enter"), [], "one at a time");
    assert_eq!(screen.notes(), ["promote: promote is already on its way"]);
    screen.tell(Msg::Receipt(CommandKind::Promote, Receipt::Accepted(Revision(13))));
    assert_eq!(screen.model.sent[0].accepted, Some(Revision(13)));
    screen.turn("10 % → 50 %: promoted", Some("maria"));
    assert_eq!(screen.model.sent, []);
}

#[test]
fn refusals_and_silence_stay_long_enough_to_come_back_to_them() {
    let mut screen = Screen::staging(Scene::Human);
    screen.press("p enter");
    let stale = Refusal::Stale { seen: Revision(12), what: "paused".to_owned(), by: Some("li".to_owned()) };
    screen.tell(Msg::Receipt(CommandKind::Promote, Receipt::Refused(stale)));
    screen.press("space");
    screen.tell(Msg::Receipt(CommandKind::Pause, Receipt::Lost("the engine has ended".to_owned())));
    screen.tell(Msg::Tick(NOW + std::time::Duration::from_secs(29)));
    assert_eq!(
        screen.notes(),
        [
            "promote refused: stale: since revision 12 paused (by li); look again",
            "pause: no answer (the engine has ended); look whether it was taken before you send it again"
        ]
    );
    assert_eq!(screen.model.sent, []);
    screen.tell(Msg::Tick(NOW + std::time::Duration::from_secs(31)));
    assert!(screen.notes().is_empty());
}

#[test]
fn an_accepted_command_takes_the_notes_before_it_away() {
    let mut screen = Screen::staging(Scene::Human);
    screen.press("p enter");
    screen.tell(Msg::Receipt(CommandKind::Promote, Receipt::Lost("no word".to_owned())));
    assert_eq!(screen.notes().len(), 1);
    screen.press("space");
    assert_eq!(screen.notes().len(), 1, "asked for is not accepted");
    screen.tell(Msg::Receipt(CommandKind::Pause, Receipt::Accepted(Revision(13))));
    assert!(screen.notes().is_empty());
}

#[test]
fn an_answer_nobody_waits_for_changes_nothing() {
    let mut screen = Screen::at(Scene::Baking);
    for receipt in [Receipt::Accepted(Revision(99)), Receipt::Lost("late".to_owned())] {
        assert_eq!(screen.tell(Msg::Receipt(CommandKind::Promote, receipt)), []);
    }
    assert!(screen.notes().is_empty() && screen.model.sent.is_empty());
}

#[test]
fn notes_go_by_themselves_later_when_the_clock_runs_faster() {
    let second = |secs| NOW + std::time::Duration::from_secs(secs);
    let mut screen = Screen::at(Scene::Gates);
    screen.press("p");
    screen.tell(Msg::Tick(second(5)));
    assert_eq!(screen.notes().len(), 1);
    screen.tell(Msg::Tick(second(7)));
    assert!(screen.notes().is_empty());
    screen.snapshot.speed = 20.0;
    screen.press("p");
    screen.tell(Msg::Tick(second(7 + 110)));
    assert_eq!(screen.notes().len(), 1);
    for number in 0..20 {
        screen.model.insist(1.0, Tone::Bad, format!("trouble {number}"));
    }
    assert_eq!(screen.notes().len(), MOST_TOASTS);
}

#[test]
fn leaving_never_asks_since_it_only_detaches() {
    assert_eq!(Screen::at(Scene::Baking).press("q"), [Cmd::Quit]);
    assert_eq!(Screen::at(Scene::Baking).press("/ q"), [], "a letter of the filter");
    assert_eq!(Screen::at(Scene::Baking).press("p ctrl-c"), [Cmd::Quit]);
    assert_eq!(Screen::at(Scene::Baking).press("? q"), [], "closes the help");
}

#[test]
fn the_palette_runs_what_it_finds_and_says_why_not() {
    assert_eq!(Screen::at(Scene::Baking).press(": \"rollb enter enter"), sends(Command::Rollback { reason: None }));
    let mut screen = Screen::at(Scene::Baking);
    screen.press(": \"retry enter");
    assert_eq!(screen.notes(), ["retry: no stage has failed"]);
    screen.press(": \"viewlogs enter");
    assert_eq!(screen.model.view, View::Logs);
}

#[test]
fn views_go_round() {
    let mut screen = Screen::at(Scene::Baking);
    for view in [View::Signals, View::Alarms, View::Logs, View::Fleet, View::History, View::Doctor, View::Release] {
        screen.press("]");
        assert_eq!(screen.model.view, view);
    }
    screen.press("[");
    assert_eq!(screen.model.view, View::Doctor);
    screen.press("1 tab enter");
    assert_eq!((screen.model.view, screen.model.pane), (View::History, Pane::Timeline));
}

#[test]
fn status_changes_call_for_attention_once() {
    let mut screen = Screen::at(Scene::Baking);
    screen.snapshot = fixture::snapshot(Scene::RollingBack);
    let text = "api in production: rolling-back".to_owned();
    assert_eq!(screen.tell(Msg::SnapshotChanged), [Cmd::Title(text.clone()), Cmd::Announce(text)]);
    assert_eq!(screen.tell(Msg::SnapshotChanged), []);
    screen.snapshot = fixture::snapshot(Scene::RolledBack);
    assert_eq!(screen.tell(Msg::SnapshotChanged).len(), 2);
    let mut fresh = Model::new(fixture::operator(), crate::app::keymap::Keymap::built_in().unwrap());
    let cmds = update(&mut fresh, &screen.snapshot, Msg::SnapshotChanged);
    assert_eq!(cmds, [Cmd::Title(format!("api in production: {}", Ending::RolledBack.word()))], "no news at the start");
}

#[test]
fn a_reader_is_not_moved_by_a_flood_of_logs() {
    let mut screen = Screen::at(Scene::Baking);
    screen.press("4 pageup pageup");
    let top = |screen: &Screen| screen.model.logs.shown_at(screen.model.logs.top()).unwrap().0;
    let before = top(&screen);
    for _ in 0..10 {
        screen.tell(Msg::Logs(LogBatch { lines: lines(2_000, true), dropped: 7 }));
        assert_eq!(top(&screen), before);
    }
    assert_eq!(screen.model.logs.lost, 70);
    screen.press("G");
    assert!(screen.model.logs.is_following());
}

#[test]
fn typing_a_filter_shows_at_once_and_giving_it_up_brings_the_old_one_back() {
    let mut screen = Screen::at(Scene::Baking);
    screen.press("4 / \"pool enter");
    let all = screen.model.logs.len();
    let some = screen.model.logs.shown_len();
    assert!(some > 0 && some < all);
    screen.press("/ \"xyz");
    assert_eq!(screen.model.logs.shown_len(), 0);
    screen.press("esc");
    assert_eq!(screen.model.logs.shown_len(), some);
    screen.press("/ backspace backspace backspace backspace \"/(/");
    assert!(
        matches!(&screen.model.overlay, Some(Overlay::Filter { error: Some(why), .. }) if why.what.contains("unclosed"))
    );
    screen.press("esc backspace");
    assert_eq!(screen.model.logs.shown_len(), all);
    screen.press("s v v");
    assert!(screen.model.logs.shown_len() < all);
}

#[test]
fn errors_are_jumped_to_and_copied() {
    let mut screen = Screen::at(Scene::Baking);
    let cmds = screen.press("4 E y");
    let Some(Cmd::Copy(text)) = cmds.first() else { panic!("{cmds:?}") };
    assert!(text.starts_with("POST /orders 500"), "{text}");
    screen.press("esc f e");
    assert!(screen.notes().is_empty(), "the newest error is found from wherever the tail is followed");
    screen.press("e");
    assert_eq!(screen.notes(), ["last error; E goes back"]);
    let mut screen = Screen::at(Scene::Gates);
    screen.model.logs = crate::app::logs::LogPane::default();
    screen.press("e");
    assert_eq!(screen.notes(), ["no error is held"]);
}

#[test]
fn keys_for_the_logs_bring_them_into_sight() {
    let mut screen = Screen::at(Scene::Baking);
    screen.press("tab e");
    assert_eq!(screen.model.pane, Pane::Logs);
    screen.press("tab / esc");
    assert_eq!(screen.model.pane, Pane::Logs);
    screen.press("3 E");
    assert_eq!(screen.model.view, View::Logs);
}

#[test]
fn a_frozen_picture_stays_until_it_is_let_go_or_a_decision_is_made() {
    let mut screen = Screen::at(Scene::Baking);
    screen.press("z");
    screen.snapshot = fixture::snapshot(Scene::Human);
    screen.tell(Msg::SnapshotChanged);
    assert_eq!(screen.model.frozen.as_ref().unwrap().release.status(), Status::Running);
    screen.press("R");
    assert!(screen.model.frozen.is_none());
    screen.press("esc z esc");
    assert!(screen.model.frozen.is_none());
}

#[test]
fn time_never_goes_backwards() {
    let mut screen = Screen::at(Scene::Baking);
    screen.tell(Msg::Tick(Timestamp::from_secs(5)));
    assert_eq!(screen.model.now, NOW);
}

fn any_msg() -> impl Strategy<Value = Msg> {
    let keys = prop::sample::select(vec![
        "p",
        "P",
        "space",
        "R",
        "ctrl-r",
        "A",
        "t",
        "K",
        "a",
        "q",
        "ctrl-c",
        "?",
        ":",
        "/",
        "]",
        "[",
        "1",
        "2",
        "3",
        "4",
        "5",
        "6",
        "tab",
        "up",
        "down",
        "pageup",
        "pagedown",
        "g",
        "G",
        "left",
        "right",
        "z",
        "e",
        "E",
        "n",
        "N",
        "y",
        "enter",
        "esc",
        "w",
        "s",
        "v",
        "f",
        "L",
        "backspace",
        "x",
        "~",
        "!",
        "(",
        "é",
    ]);
    prop_oneof![
        8 => keys.prop_map(|key| Msg::Key(key.parse().unwrap())),
        1 => ".{0,20}".prop_map(Msg::Paste),
        1 => Just(Msg::SnapshotChanged),
        1 => (0_u64..400).prop_map(|count| Msg::Logs(LogBatch { lines: lines(count, true), dropped: count })),
        1 => Just(Msg::Logs(LogBatch { lines: vec![line(1, 2, true)], dropped: 0 })),
        1 => prop::sample::select(CommandKind::ALL.to_vec()).prop_map(|kind| Msg::Receipt(kind, Receipt::Accepted(Revision(13)))),
        1 => prop::sample::select(CommandKind::ALL.to_vec()).prop_map(|kind| Msg::Receipt(kind, Receipt::Lost("gone".to_owned()))),
        1 => any::<i64>().prop_map(|at| Msg::Tick(Timestamp::from_millis(at))),
        1 => Just(Msg::Connection(Connection::Attached)),
        1 => Just(Msg::Connection(Connection::Lost { since: NOW, why: "gone".to_owned() })),
        1 => Just(Msg::Resize),
    ]
}

#[test]
fn charts_are_scrolled_to_the_last_one_and_no_further() {
    let mut screen = Screen::at(Scene::Baking);
    screen.press("2 down down");
    assert_eq!(screen.model.chart, 2);
    screen.press("G down");
    assert_eq!(screen.model.chart, screen.snapshot.release.plan.components[ComponentIndex::FIRST].signals.len() - 2);
    screen.press("g up");
    assert_eq!(screen.model.chart, 0);
}

#[test]
fn a_rollback_that_is_refused_leaves_nothing_open_that_enter_would_answer() {
    let mut screen = Screen::at(Scene::RollingBack);
    screen.press(": r a");
    assert_eq!(screen.press("ctrl-r enter"), []);
    assert!(screen.model.overlay.is_none());
    assert!(!screen.model.toasts.is_empty(), "why it was refused");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn nothing_typed_or_told_makes_it_panic_and_nothing_impossible_is_sent(
        scene in prop::sample::select(Scene::ALL.to_vec()),
        next in prop::sample::select(Scene::ALL.to_vec()),
        msgs in prop::collection::vec(any_msg(), 0..120),
    ) {
        let mut screen = Screen::at(scene);
        let half = msgs.len() / 2;
        for (at, msg) in msgs.into_iter().enumerate() {
            if at == half {
                screen.snapshot = fixture::snapshot(next);
                screen.tell(Msg::SnapshotChanged);
            }
            let lost = matches!(screen.model.connection, Connection::Lost { .. });
            for cmd in screen.tell(msg) {
                if let Cmd::Send(order) = cmd {
                    prop_assert!(!lost);
                    prop_assert!(crate::domain::guard::possible(&screen.snapshot.release, order.command.kind()).is_ok());
                }
            }
            prop_assert!(screen.model.toasts.len() <= MOST_TOASTS);
        }
        // Whatever has happened and whatever is open: where going back is possible it is one chord and enter.
        screen.tell(Msg::Connection(Connection::Attached));
        let cmds = screen.press("ctrl-r enter");
        if crate::domain::guard::possible(&screen.snapshot.release, CommandKind::Rollback).is_ok() {
            let order = Order { command: Command::Rollback { reason: None }, stage: None, by: fixture::operator(), seen: Some(Revision(12)) };
            prop_assert_eq!(cmds, vec![Cmd::Send(order)]);
        } else {
            prop_assert_eq!(cmds, vec![]);
        }
    }
}
