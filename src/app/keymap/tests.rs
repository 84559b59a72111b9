use super::*;

fn chord(text: &str) -> Chord {
    text.parse().unwrap()
}

fn built_in() -> Keymap {
    Keymap::built_in().unwrap()
}

fn overlaid(text: &str) -> Result<Keymap, String> {
    Keymap::with_overlay(Document { name: "keys.toml", text }).map_err(|error| error.to_string())
}

#[test]
fn every_action_can_be_reached_somewhere() {
    let keymap = built_in();
    for action in Action::ALL {
        assert!(Context::ALL.iter().any(|context| keymap.chord(*context, *action).is_some()), "{action} has no key");
    }
}

#[test]
fn leaving_keys_only_ever_detach_and_ctrl_k_does_nothing() {
    let keymap = built_in();
    for context in Context::ALL {
        assert_eq!(keymap.action(*context, chord("ctrl-c")), Some(Action::Quit), "{context}");
        assert_eq!(keymap.action(*context, chord("ctrl-k")), None, "{context}");
        assert!(matches!(keymap.action(*context, chord("q")), Some(Action::Quit) | None), "{context}");
    }
}

#[test]
fn rollback_is_reachable_from_every_context() {
    let keymap = built_in();
    for context in Context::ALL {
        assert!(keymap.chord(*context, Action::Rollback).is_some(), "{context}");
    }
}

#[test]
fn text_typed_into_a_question_never_reaches_the_view_behind_it() {
    let keymap = built_in();
    assert_eq!(keymap.action(Context::Release, chord("p")), Some(Action::Promote));
    assert_eq!(keymap.action(Context::Dialog, chord("p")), None);
    assert_eq!(keymap.action(Context::Prompt, chord("space")), None);
    assert_eq!(keymap.action(Context::Prompt, chord("ctrl-r")), Some(Action::Rollback));
}

#[test]
fn the_hint_is_a_chord_that_means_it_here() {
    let keymap = built_in();
    assert_eq!(keymap.chord(Context::Release, Action::Rollback), Some(chord("R")));
    assert_eq!(keymap.chord(Context::Dialog, Action::Rollback), Some(chord("ctrl-r")));
    assert_eq!(keymap.chord(Context::Help, Action::Help), Some(chord("f1")));
}

#[test]
fn an_overlay_replaces_an_actions_keys_and_can_swap_two() {
    let keymap = overlaid("[global]\npromote = 'P'\npromote-full = ['p', 'ctrl-p']\nskip = []\n").unwrap();
    assert_eq!(keymap.action(Context::Release, chord("P")), Some(Action::Promote));
    assert_eq!(keymap.action(Context::Release, chord("ctrl-p")), Some(Action::PromoteFull));
    assert_eq!(keymap.action(Context::Release, chord("K")), None);
    assert_eq!(keymap.action(Context::Release, chord("R")), Some(Action::Rollback));
    assert!(keymap.bindings(Context::Global).all(|(action, _)| action != Action::Skip));
}

#[test]
fn mistakes_are_told_with_their_place_and_the_nearest_name() {
    let refused = |text| overlaid(text).unwrap_err();
    assert_eq!(refused("[globl]\n"), "keys.toml:1:2: unknown context \"globl\"; did you mean \"global\"?");
    assert_eq!(
        refused("[global]\npromot = 'x'"),
        "keys.toml:2:1: unknown action \"promot\"; did you mean \"promote\"?"
    );
    assert_eq!(
        refused("[logs]\nfollow = ['f', 'entr']"),
        "keys.toml:2:16: unknown key \"entr\"; did you mean \"enter\"?"
    );
    assert_eq!(
        refused("[global]\npromote = 'R'"),
        "keys.toml:2:11: R already means rollback in [global]; give one of them another key, or [] for none"
    );
    assert_eq!(
        refused("[logs]\nfollow = 'ctrl-c'"),
        "keys.toml:2:10: ctrl-c only ever detaches; choose another key for follow"
    );
    assert_eq!(
        refused("[logs]\nfollow = 3"),
        "keys.toml:2:10: expected a key such as \"p\", or a list of keys, found integer"
    );
    assert_eq!(refused("logs = 3"), "keys.toml:1:8: expected a table, found integer");
}

#[test]
fn the_page_lists_every_binding() {
    let page = built_in().to_markdown();
    assert!(page.contains("| `R` `ctrl-r` | `rollback` | roll back: all traffic to blue, now |"), "{page}");
    assert!(page.contains("## dialog"));
}
