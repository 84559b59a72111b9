//! The command palette: every action by name, the likeliest first.

use super::keymap::Action;

/// Actions that make no sense out of the place that they belong to.
const NOT_LISTED: [Action; 8] = [
    Action::Confirm,
    Action::Cancel,
    Action::Palette,
    Action::ViewFleet,
    Action::ReplayPause,
    Action::ReplayFaster,
    Action::ReplaySlower,
    Action::ReplayNext,
];

/// Actions that only move what is on the screen: a palette is no way to scroll.
const MOVING: [Action; 8] = [
    Action::Up,
    Action::Down,
    Action::PageUp,
    Action::PageDown,
    Action::Top,
    Action::Bottom,
    Action::Left,
    Action::Right,
];

/// What steers a release, the likeliest first.
const STEERING: [Action; 10] = [
    Action::Rollback,
    Action::PauseOrResume,
    Action::Promote,
    Action::PromoteFull,
    Action::Approve,
    Action::Retry,
    Action::Skip,
    Action::TakeOver,
    Action::Acknowledge,
    Action::Abort,
];

/// What takes the screen away: never under an enter that was meant for something else.
const LEAVING: [Action; 3] = [Action::Redraw, Action::Suspend, Action::Quit];

/// What has been typed into the palette, and what of it fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Palette {
    typed: String,
    /// What steers the release and can be done now; it stands first as long as nothing is typed.
    possible: Vec<Action>,
    /// Actions that fit, best first.
    pub found: Vec<Action>,
    /// The selected one, by its place.
    pub selected: usize,
}

impl Palette {
    /// The palette before anything is typed; `can` tells what can be done now.
    pub fn new(can: impl Fn(Action) -> bool) -> Self {
        let possible = STEERING.into_iter().filter(|action| can(*action)).collect();
        let mut palette = Self { typed: String::new(), possible, found: Vec::new(), selected: 0 };
        palette.search();
        palette
    }

    /// What has been typed.
    pub fn typed(&self) -> &str {
        &self.typed
    }

    /// The selected action.
    pub fn action(&self) -> Option<Action> {
        self.found.get(self.selected).copied()
    }

    /// Adds to what is typed.
    pub fn type_text(&mut self, text: &str) {
        super::dialog::type_into(&mut self.typed, text);
        self.search();
    }

    /// Takes the last character back.
    pub fn erase(&mut self) {
        self.typed.pop();
        self.search();
    }

    /// Selects so many places further on.
    pub fn step(&mut self, by: isize) {
        self.selected = self.selected.saturating_add_signed(by).min(self.found.len().saturating_sub(1));
    }

    fn search(&mut self) {
        self.selected = 0;
        let listed = Action::ALL.iter().copied().filter(|action| !NOT_LISTED.contains(action));
        if self.typed.trim().is_empty() {
            let elsewhere =
                |action: &Action| MOVING.contains(action) || STEERING.contains(action) || LEAVING.contains(action);
            let rest = listed.filter(|action| !elsewhere(action));
            let not_now = STEERING.into_iter().filter(|action| !self.possible.contains(action));
            self.found = self.possible.iter().copied().chain(rest).chain(LEAVING).chain(not_now).collect();
            return;
        }
        let mut scored: Vec<(u32, Action)> = listed
            .filter_map(|action| {
                let name = score(&self.typed, action.name());
                let text = || described(&self.typed, action.describe()).map(|worse| worse.saturating_add(LATER));
                Some((name.or_else(text)?, action))
            })
            .collect();
        scored.sort_by_key(|(score, _)| *score);
        self.found = scored.into_iter().map(|(_, action)| action).collect();
    }
}

/// A fit of the description comes after every fit of the name.
const LATER: u32 = 10_000;

/// How badly `typed` fits `text`: its characters must come in order, best at the start and close together. `None` when
/// they do not.
fn score(typed: &str, text: &str) -> Option<u32> {
    let mut score = 0_u32;
    let mut rest = text.char_indices();
    let mut previous = None;
    for wanted in typed.chars().filter(|wanted| !wanted.is_whitespace()) {
        let (at, _) = rest.by_ref().find(|(_, found)| found.eq_ignore_ascii_case(&wanted))?;
        let gap = previous.map_or(at, |previous: usize| at.saturating_sub(previous + 1));
        score = score.saturating_add(u32::try_from(gap).unwrap_or(u32::MAX));
        previous = Some(at);
    }
    // Among equal fits the shorter name is meant.
    Some(score.saturating_mul(10).saturating_add(u32::try_from(text.len()).unwrap_or(u32::MAX).min(9_999) / 10))
}

/// How badly `typed` fits a description: a word of it must begin so, or all sorts of sentences would fit.
fn described(typed: &str, text: &str) -> Option<u32> {
    let typed = typed.trim().to_lowercase();
    let text = text.to_lowercase();
    let begins_word = |at: &usize| text.get(..*at).is_some_and(|before| !before.ends_with(char::is_alphanumeric));
    let at = text.match_indices(&typed).map(|(at, _)| at).find(begins_word)?;
    Some(u32::try_from(at).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn palette() -> Palette {
        Palette::new(|action| action == Action::Promote || action == Action::Rollback)
    }

    #[test]
    fn before_anything_is_typed_what_can_be_done_stands_first_and_nothing_moves() {
        let found = palette().found;
        assert_eq!(found.get(..2), Some([Action::Rollback, Action::Promote].as_slice()));
        assert_eq!(found.last(), Some(&Action::Abort));
        assert!(found.iter().all(|action| !MOVING.contains(action)));
        let mut typed = palette();
        typed.type_text("roll");
        assert!(!typed.found.contains(&Action::Left), "a scroll is no roll");
        typed.erase();
        typed.type_text("l back");
        assert_eq!(typed.found.first(), Some(&Action::Rollback));
    }

    fn first(typed: &str) -> Option<Action> {
        let mut palette = palette();
        palette.type_text(typed);
        palette.action()
    }

    #[test]
    fn few_letters_are_enough() {
        assert_eq!(first("rollb"), Some(Action::Rollback));
        assert_eq!(first("pfull"), Some(Action::PromoteFull));
        assert_eq!(first("promote"), Some(Action::Promote));
        assert_eq!(first("nerr"), Some(Action::NextError));
        assert_eq!(first("clipboard"), Some(Action::Copy), "found by what it does");
        assert_eq!(first("xyzzy"), None);
    }

    #[test]
    fn the_selection_stays_on_the_list_and_starts_anew_with_every_letter() {
        let mut palette = palette();
        palette.step(1_000);
        assert_eq!(palette.action(), palette.found.last().copied());
        palette.step(-1_000);
        assert_eq!(palette.selected, 0);
        palette.step(3);
        palette.type_text("p");
        assert_eq!(palette.selected, 0);
        palette.type_text("\u{1b}[31m");
        assert_eq!(palette.typed(), "p[31m", "nothing that moves a terminal is taken in");
    }
}
