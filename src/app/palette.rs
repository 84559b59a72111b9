//! The command palette: every action by name, the likeliest first.

use super::keymap::Action;

/// Actions that make no sense out of the place that they belong to.
const NOT_LISTED: [Action; 4] = [Action::Confirm, Action::Cancel, Action::Palette, Action::ViewFleet];

/// What has been typed into the palette, and what of it fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Palette {
    typed: String,
    /// Actions that fit, best first.
    pub found: Vec<Action>,
    /// The selected one, by its place.
    pub selected: usize,
}

impl Default for Palette {
    fn default() -> Self {
        let mut palette = Self { typed: String::new(), found: Vec::new(), selected: 0 };
        palette.search();
        palette
    }
}

impl Palette {
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
        let listed = Action::ALL.iter().copied().filter(|action| !NOT_LISTED.contains(action));
        let mut scored: Vec<(u32, Action)> = listed
            .filter_map(|action| {
                let name = score(&self.typed, action.name());
                let text = score(&self.typed, action.describe()).map(|worse| worse.saturating_add(LATER));
                Some((name.or(text)?, action))
            })
            .collect();
        scored.sort_by_key(|(score, _)| *score);
        self.found = scored.into_iter().map(|(_, action)| action).collect();
        self.selected = 0;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn first(typed: &str) -> Option<Action> {
        let mut palette = Palette::default();
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
        let mut palette = Palette::default();
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
