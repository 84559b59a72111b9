//! The launch checklist on the screen: gone through when somebody asks for it.

use super::logs::Towards;
use super::model::{Model, View};
use super::msg::Cmd;
use crate::domain::checklist::{Group, Item, Mark};
use crate::domain::time::Timestamp;

/// What the screen knows of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checklist {
    /// What was found last.
    pub groups: Vec<Group>,
    /// When that was.
    pub at: Option<Timestamp>,
    /// Since when it is gone through again.
    pub looking: Option<Timestamp>,
    /// Why it could not be gone through.
    pub failed: Option<String>,
    /// The selected item, counted over all groups.
    pub selected: usize,
}

impl Checklist {
    /// All items, in the order of their groups.
    pub fn items(&self) -> impl DoubleEndedIterator<Item = &Item> {
        self.groups.iter().flat_map(|group| &group.items)
    }

    /// The one that is selected.
    pub fn chosen(&self) -> Option<&Item> {
        self.items().nth(self.selected)
    }

    /// Moves the selection.
    pub(super) fn step(&mut self, by: isize) {
        let last = self.items().count().saturating_sub(1);
        self.selected = self.selected.saturating_add_signed(by).min(last);
    }

    /// Selects the next item that something is to be done about; `false` when there is none further on.
    pub(super) fn jump(&mut self, towards: Towards) -> bool {
        let is_open = |(_, item): &(usize, &Item)| item.mark != Mark::Fine;
        let next = match towards {
            Towards::Newer => self.items().enumerate().skip(self.selected + 1).find(is_open),
            Towards::Older => self.items().enumerate().take(self.selected).filter(is_open).last(),
        };
        let there = next.map(|(place, _)| place);
        self.selected = there.unwrap_or(self.selected);
        there.is_some()
    }
}

/// Shows it, and goes through it if nobody has yet.
pub(super) fn show(model: &mut Model) -> Vec<Cmd> {
    model.view = View::Doctor;
    let checklist = &model.checklist;
    if checklist.at.is_some() || checklist.failed.is_some() { Vec::new() } else { examine(model) }
}

/// Goes through it, unless that is under way.
pub(super) fn examine(model: &mut Model) -> Vec<Cmd> {
    if model.checklist.looking.is_some() {
        return Vec::new();
    }
    model.checklist.looking = Some(model.now);
    vec![Cmd::Examine]
}

/// Takes what was found. The first thing that is wrong is selected.
pub(super) fn found(model: &mut Model, found: Result<Vec<Group>, String>) {
    let now = model.now;
    let checklist = &mut model.checklist;
    checklist.looking = None;
    match found {
        Ok(groups) => {
            *checklist = Checklist { groups, at: Some(now), ..Checklist::default() };
            let wrong = checklist.items().position(|item| item.mark == Mark::Wrong);
            checklist.selected = wrong.unwrap_or(0);
        }
        Err(why) => checklist.failed = Some(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::fixture::{self, Scene};
    use crate::app::msg::Msg;
    use crate::app::update::update;

    fn press(model: &mut Model, keys: &str) -> Vec<Cmd> {
        let snapshot = fixture::snapshot(Scene::Baking);
        let chords = keys.split(' ').map(|key| key.parse().unwrap());
        chords.flat_map(|chord| update(model, &snapshot, Msg::Key(chord))).collect()
    }

    fn tell(model: &mut Model, found: Result<Vec<Group>, String>) {
        let _ = update(model, &fixture::snapshot(Scene::Baking), Msg::Examined(found));
    }

    #[test]
    fn it_is_gone_through_when_asked_for_and_not_twice_at_once() {
        let mut model = fixture::model(Scene::Baking, &fixture::snapshot(Scene::Baking)).unwrap();
        assert_eq!(press(&mut model, "D"), [Cmd::Examine]);
        assert_eq!(model.view, View::Doctor);
        assert_eq!(press(&mut model, "1 D x"), [], "one look at a time");
        tell(&mut model, Err("no credentials".to_owned()));
        assert_eq!(model.checklist.failed.as_deref(), Some("no credentials"));
        assert_eq!(press(&mut model, "1 D"), [], "what was found stays");
        assert_eq!(press(&mut model, "x"), [Cmd::Examine]);
        tell(&mut model, Ok(fixture::checklist()));
        assert_eq!(model.checklist.failed, None);
        assert_eq!(model.checklist.chosen().map(|item| item.mark), Some(Mark::Wrong), "what is wrong comes first");
    }

    #[test]
    fn passing_by_asks_nothing_of_aws() {
        let mut model = fixture::model(Scene::Baking, &fixture::snapshot(Scene::Baking)).unwrap();
        assert_eq!(press(&mut model, "["), []);
        assert_eq!((model.view, model.checklist.looking), (View::Doctor, None));
    }

    #[test]
    fn jumps_go_from_one_open_item_to_the_next_and_copying_takes_the_remedy() {
        let mut model = fixture::model(Scene::Baking, &fixture::snapshot(Scene::Baking)).unwrap();
        press(&mut model, "D");
        tell(&mut model, Ok(fixture::checklist()));
        press(&mut model, "g e");
        let open: Vec<usize> = {
            let marks = model.checklist.items().enumerate();
            marks.filter(|(_, item)| item.mark != Mark::Fine).map(|(place, _)| place).collect()
        };
        assert_eq!(Some(&model.checklist.selected), open.first());
        let remedy = model.checklist.chosen().and_then(|item| item.remedy.clone()).unwrap();
        assert_eq!(press(&mut model, "y"), [Cmd::Copy(remedy)]);
        for place in open.iter().skip(1) {
            press(&mut model, "e");
            assert_eq!(model.checklist.selected, *place);
        }
        press(&mut model, "e");
        assert_eq!(Some(&model.checklist.selected), open.last());
        press(&mut model, "E");
        assert_eq!(Some(&model.checklist.selected), open.iter().rev().nth(1));
        press(&mut model, "G");
        assert_eq!(model.checklist.selected + 1, model.checklist.items().count());
    }
}
