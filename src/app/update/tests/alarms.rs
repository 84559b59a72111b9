//! The alarms view: what is asked for, which alarm keys are about, and what is said about it.

use super::*;
use crate::app::alarms::{Place, rows};
use crate::app::fixture::{alarm_detail, alarm_list};
use crate::domain::command::Ordered;
use crate::engine::handle::{Answer, Question};
use crate::engine::snapshot::AlarmWord;

const OF: ComponentIndex = ComponentIndex::FIRST;

/// The alarms view with everything read.
fn view(scene: Scene) -> Screen {
    let mut screen = Screen::at(scene);
    screen.press("3");
    let list = alarm_list(&screen.snapshot.components[OF].alarms);
    let found = Ok(Answer::Alarms(Arc::new(list)));
    let _ = screen.tell(Msg::Found(Question::Alarms { component: OF }, found));
    screen
}

fn names(screen: &Screen) -> Vec<String> {
    rows(&screen.model, &screen.snapshot).iter().map(|row| row.alarm.name.to_string()).collect()
}

fn asked(cmds: &[Cmd]) -> Vec<&Question> {
    cmds.iter().filter_map(|cmd| if let Cmd::Ask(question) = cmd { Some(question) } else { None }).collect()
}

#[test]
fn what_is_looked_at_is_asked_for_once_a_minute_and_nothing_else_is() {
    let mut screen = Screen::at(Scene::Baking);
    let later = |secs: u64| Msg::Tick(NOW + std::time::Duration::from_secs(secs));
    assert!(asked(&screen.tell(later(1))).is_empty(), "nobody looks at the alarms");
    screen.press("3");
    assert_eq!(asked(&screen.tell(later(2))), [&Question::Alarms { component: OF }]);
    assert_eq!(asked(&screen.tell(later(70))).len(), 0, "the first answer is still to come");
    let _ = screen.tell(Msg::Found(Question::Alarms { component: OF }, Err("throttled".to_owned())));
    assert_eq!(asked(&screen.tell(later(71))).len(), 1, "it is older than what follows a failure");
    let list = Arc::new(alarm_list(&[]));
    let _ = screen.tell(Msg::Found(Question::Alarms { component: OF }, Ok(Answer::Alarms(list))));
    assert_eq!(asked(&screen.tell(later(100))).len(), 0);
    assert_eq!(asked(&screen.tell(later(131))).len(), 1);
}

#[test]
fn the_worst_comes_first_and_of_the_same_state_what_rolls_back() {
    let mut screen = view(Scene::RollingBack);
    let all = names(&screen);
    assert_eq!(&all[..3], ["api-5xx-high", "api-down", "shop-maintenance"], "{all:?}");
    let placed: Vec<Place> = rows(&screen.model, &screen.snapshot).iter().take(3).map(|row| row.place).collect();
    assert_eq!(placed, [Place::Listed, Place::Component, Place::Elsewhere]);
    assert_eq!(all.len(), 7);
    screen.press("s");
    assert!(!names(&screen).contains(&"shop-connections-high".to_owned()));
    screen.press("s");
    assert_eq!(names(&screen).len(), 3, "those of the release");
}

#[test]
fn the_selection_stays_with_its_alarm_when_the_order_changes() {
    let mut screen = view(Scene::Baking);
    screen.press("G k");
    let chosen = screen.model.alarms.selected.clone().unwrap();
    screen.snapshot = fixture::snapshot(Scene::RollingBack);
    let _ = screen.tell(Msg::SnapshotChanged);
    let rows = rows(&screen.model, &screen.snapshot);
    let place = crate::app::alarms::selected(&screen.model, &rows);
    assert_eq!(rows[place].alarm.name, chosen);
}

#[test]
fn an_opened_alarm_is_asked_about_and_leads_to_the_logs_of_the_change_that_is_selected() {
    let mut screen = view(Scene::RollingBack);
    screen.press("enter");
    let alarm = screen.model.alarms.open.as_ref().unwrap().alarm.clone();
    let question = Question::Alarm { component: OF, alarm };
    assert!(asked(&screen.tell(Msg::Tick(NOW))).contains(&&question));
    let _ = screen.tell(Msg::Found(question, Ok(Answer::Alarm(Arc::new(alarm_detail())))));
    screen.press("j j j");
    assert_eq!(screen.model.alarms.open.as_ref().unwrap().turn, 2, "there are three changes");
    screen.press("g L");
    assert_eq!(screen.model.view, View::Logs);
    let since = alarm_detail().transitions[0].at;
    let marked = screen.model.logs.marked.and_then(|number| screen.model.logs.line(number)).unwrap();
    assert!(marked.at >= since && marked.at.since(since) < std::time::Duration::from_secs(1));
    screen.press("3 esc");
    assert!(screen.model.alarms.open.is_none());
}

#[test]
fn an_acknowledgement_takes_a_note_and_stands_until_the_alarm_fires_anew() {
    let mut screen = view(Scene::RollingBack);
    screen.press("n enter");
    assert_eq!(screen.notes(), ["type a reason"]);
    let sent = screen.press("\"on-it enter");
    let command = Command::Acknowledge { alarm: "api-5xx-high".into(), note: "on-it".to_owned() };
    assert_eq!(sent, sends(command.clone()));
    let ordered = |accepted| Ordered {
        command: command.clone(),
        stage: None,
        by: fixture::operator(),
        accepted,
        progress: crate::domain::command::Progress::Observed,
        at: accepted,
    };
    let since = screen.snapshot.components[OF].alarms[0].since.unwrap();
    for (accepted, stands) in [(since, true), (since - std::time::Duration::from_secs(1), false)] {
        Arc::make_mut(&mut screen.snapshot.release).orders = vec![ordered(accepted)];
        let rows = rows(&screen.model, &screen.snapshot);
        assert_eq!(rows[0].alarm.state, AlarmWord::Firing);
        assert_eq!(rows[0].note(), stands.then_some(("maria", "on-it")));
    }
}
