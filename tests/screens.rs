//! Whole screens as pictures: text, the same rows as runs of letters for the styles, and what each letter means.
#![cfg(test)]

use std::fmt::Write;
use std::sync::Arc;

use cutover::app::fixture::{self, Scene};
use cutover::app::fleet::{Alarms, EngineState, Fleet, Latest, Place, Running, Sighting};
use cutover::app::keymap::Chord;
use cutover::app::model::Model;
use cutover::app::msg::{Cmd, Msg};
use cutover::app::past::{PastPreview, PastRelease};
use cutover::app::update::update;
use cutover::domain::components::ComponentIndex;
use cutover::domain::ids::{ReleaseId, Version};
use cutover::domain::percent::Percent;
use cutover::domain::release::Component;
use cutover::engine::handle::{Answer, Question};
use cutover::engine::snapshot::Snapshot;
use cutover::ui::draw;
use cutover::ui::theme::{Charset, Theme};
use proptest::prelude::*;
use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};

/// Chords, separated by spaces; words of several letters that name no key are typed letter by letter.
fn press(model: &mut Model, snapshot: &Snapshot, keys: &str) {
    for word in keys.split_whitespace() {
        let chords = match word.parse::<Chord>() {
            Ok(chord) => vec![chord],
            Err(_) => word.chars().map(|letter| letter.to_string().parse().unwrap()).collect(),
        };
        for chord in chords {
            let _ = update(model, snapshot, Msg::Key(chord));
        }
    }
}

fn screen(scene: Scene, (width, height): (u16, u16), theme: &Theme, keys: &str) -> Buffer {
    let snapshot = fixture::snapshot(scene);
    let mut model = fixture::model(scene, &snapshot).unwrap();
    let area = Rect::new(0, 0, width, height);
    let mut buffer = Buffer::empty(area);
    model.saw(draw(&mut buffer, area, &model, &snapshot, theme));
    press(&mut model, &snapshot, keys);
    draw(&mut buffer, area, &model, &snapshot, theme);
    buffer
}

fn dark() -> Theme {
    Theme::named("dark", Charset::Unicode).unwrap()
}

fn text(buffer: &Buffer) -> String {
    let mut text = String::new();
    for row in buffer.content.chunks(buffer.area.width.into()) {
        let row: String = row.iter().map(Cell::symbol).collect();
        let _ = writeln!(text, "{}", row.trim_end());
    }
    text
}

/// The screen, then each of its rows as the styles of its cells, then the styles. A style is a letter, and the number of
/// cells behind it where there are several: `a3b` is `aaab`.
fn picture(buffer: &Buffer) -> String {
    const LETTERS: &str = "-abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let mut styles: Vec<Style> = Vec::new();
    for cell in &buffer.content {
        if !styles.contains(&cell.style()) {
            styles.push(cell.style());
        }
    }
    let letter = |style: Style| {
        let place = styles.iter().position(|other| *other == style).unwrap();
        LETTERS.chars().nth(place).expect("more styles on one screen than letters")
    };
    let mut all = text(buffer);
    all.push_str("\n-- styles --\n");
    for row in buffer.content.chunks(buffer.area.width.into()) {
        for run in row.chunk_by(|cell, next| cell.style() == next.style()) {
            let _ = match run.len() {
                1 => write!(all, "{}", letter(run[0].style())),
                several => write!(all, "{}{several}", letter(run[0].style())),
            };
        }
        all.push('\n');
    }
    for style in &styles {
        let (fg, bg) = (style.fg.unwrap_or_default(), style.bg.unwrap_or_default());
        let _ = writeln!(all, "{} {fg} on {bg} {:?}", letter(*style), style.add_modifier);
    }
    all
}

macro_rules! pictures {
    ($($name:ident: $scene:ident $size:expr, $keys:literal;)+) => {
        $(#[test]
        fn $name() {
            insta::assert_snapshot!(picture(&screen(Scene::$scene, $size, &dark(), $keys)));
        })+
    };
}

const SMALL: (u16, u16) = (80, 24);
const MIDDLE: (u16, u16) = (120, 40);
const LARGE: (u16, u16) = (200, 60);

pictures! {
    window_question: Window SMALL, "K";
    least_60x15: Baking (60, 15), "";
    too_small_30x6: RollingBack (30, 6), "";
    question_promote: Human SMALL, "p ap";
    question_promote_full: Baking SMALL, "P";
    question_rollback: Baking SMALL, "R";
    question_rollback_reason: Baking SMALL, "R tab orders";
    question_skip: Failed SMALL, "K";
    question_approve: Phrase SMALL, "a";
    question_resume: Paused SMALL, "space";
    note_why_not: Gates SMALL, "p";
    help: Baking SMALL, "?";
    palette: Baking SMALL, ": ro";
    view_signals: RollingBack MIDDLE, "2";
    view_logs_filtered: Baking SMALL, "4 / pool";
    view_logs_error: Baking SMALL, "4 E";
    view_logs_mistake: Baking SMALL, "4 / level>=loud";
    view_logs_line: Baking SMALL, "4 E enter";
    view_logs_save: Baking SMALL, "4 S";
    view_logs_pinned: RollingBack SMALL, "4 E m k k";
    view_logs_patterns: RollingBack SMALL, "4 tab j";
    view_logs_wide: RollingBack LARGE, "4 E m T";
    view_history: RollingBack MIDDLE, "6";
    timeline_80x24: Human SMALL, "tab";
    frozen_80x24: Baking SMALL, "z";
}

/// The alarms view with everything that it asks for, and one of the alarms opened.
#[test]
fn alarms_listed_and_opened() {
    let snapshot = fixture::snapshot(Scene::RollingBack);
    let component = ComponentIndex::FIRST;
    for (width, height) in [SMALL, MIDDLE, LARGE] {
        let mut model = fixture::model(Scene::RollingBack, &snapshot).unwrap();
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
        let mut draw_as = |name: &str, model: &Model| {
            draw(&mut buffer, Rect::new(0, 0, width, height), model, &snapshot, &dark());
            insta::assert_snapshot!(format!("{name}_{width}x{height}"), picture(&buffer));
        };
        press(&mut model, &snapshot, "3");
        draw_as("alarms_unread", &model);
        let list = fixture::alarm_list(&snapshot.components[component].alarms);
        let found = Ok(Answer::Alarms(Arc::new(list)));
        let _ = update(&mut model, &snapshot, Msg::Found(Question::Alarms { component }, found));
        draw_as("alarms", &model);
        press(&mut model, &snapshot, "j enter");
        draw_as("alarm_composite", &model);
        press(&mut model, &snapshot, "esc k enter");
        let question = Question::Alarm { component, alarm: "api-5xx-high".into() };
        let found = Ok(Answer::Alarm(Arc::new(fixture::alarm_detail())));
        let _ = update(&mut model, &snapshot, Msg::Found(question, found));
        draw_as("alarm", &model);
    }
}

/// An ended release with two earlier ones, and the question before going back to the older.
#[test]
fn earlier_releases_and_the_way_back() {
    let snapshot = fixture::snapshot(Scene::Succeeded);
    let mut model = fixture::model(Scene::Succeeded, &snapshot).unwrap();
    let past = |id: u64, versions: &str, hours: u64| PastRelease {
        id: ReleaseId(id),
        versions: versions.to_owned(),
        ended: fixture::NOW - std::time::Duration::from_hours(hours),
        by: "maria".to_owned(),
    };
    let _ = update(&mut model, &snapshot, Msg::Past(vec![past(40, "4f2c1e9", 20), past(39, "77d2b01", 44)]));
    press(&mut model, &snapshot, "6 tab j");
    let draw_at = |(width, height), model: &mut Model| {
        let area = Rect::new(0, 0, width, height);
        let mut buffer = Buffer::empty(area);
        draw(&mut buffer, area, model, &snapshot, &dark());
        picture(&buffer)
    };
    insta::assert_snapshot!("past_80x24", draw_at(SMALL, &mut model));
    insta::assert_snapshot!("past_120x40", draw_at(MIDDLE, &mut model));
    let preview = PastPreview {
        to: ReleaseId(39),
        warm: false,
        steps: [
            "start 77d2b01 from api:117",
            "14 checks before it takes traffic",
            "all traffic to 77d2b01 in one step",
            "undo migrate of release 41: alembic downgrade -1",
        ]
        .map(str::to_owned)
        .to_vec(),
        left: vec!["schema of release 40 may lose data when undone; by hand: alembic downgrade -1".to_owned()],
        leaves_migrations: true,
        cost: "2 calls, about 1:58".to_owned(),
    };
    let _ = update(&mut model, &snapshot, Msg::LookedBack(Ok(preview)));
    insta::assert_snapshot!("past_question_80x24", draw_at(SMALL, &mut model));
}

/// The launch checklist: before anybody has looked, while it is looked at, what was found, and why it could not be.
#[test]
fn the_launch_checklist_at_every_size() {
    let snapshot = fixture::snapshot(Scene::Baking);
    let mut model = fixture::model(Scene::Baking, &snapshot).unwrap();
    let draw_at = |(width, height), model: &Model| {
        let area = Rect::new(0, 0, width, height);
        let mut buffer = Buffer::empty(area);
        draw(&mut buffer, area, model, &snapshot, &dark());
        buffer
    };
    press(&mut model, &snapshot, "[");
    assert!(text(&draw_at(SMALL, &model)).contains("not looked at yet"));
    press(&mut model, &snapshot, "x");
    assert!(text(&draw_at(SMALL, &model)).contains("looking at the account"));
    let _ = update(&mut model, &snapshot, Msg::Examined(Err("the environment is gone".to_owned())));
    assert!(text(&draw_at(SMALL, &model)).contains("it could not be looked at: the environment is gone"));
    press(&mut model, &snapshot, "x");
    let _ = update(&mut model, &snapshot, Msg::Examined(Ok(fixture::checklist())));
    for (width, height) in [SMALL, MIDDLE, LARGE] {
        insta::assert_snapshot!(format!("doctor_{width}x{height}"), picture(&draw_at((width, height), &model)));
    }
    press(&mut model, &snapshot, "G");
    insta::assert_snapshot!("doctor_end_80x24", picture(&draw_at(SMALL, &model)));
}

/// A fleet in which something of everything goes on.
fn fleet() -> Fleet {
    let (now, secs) = (fixture::NOW, std::time::Duration::from_secs);
    let image = |tag: &str| Version(format!("123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop:{tag}"));
    let seen = |version: Option<&str>, share: u8, tasks, alarms| Sighting::Seen {
        at: now - secs(18),
        state: Running {
            service: "api-blue".to_owned(),
            version: version.map(image),
            share: Percent::clamped(share),
            tasks,
            is_deploying: tasks.0 < tasks.1,
            alarms,
        },
    };
    let quiet = |watched| Alarms { watched, ..Alarms::default() };
    let firing = Alarms { watched: 3, firing: vec!["worker-lag-high".to_owned()], silent: 0 };
    let latest = |id: u64, to: Option<&str>, status: &str, minutes: u64, engine| Latest {
        id: ReleaseId(id),
        to: to.map(image),
        status: status.to_owned(),
        by: to.map(|_| if id.is_multiple_of(2) { "ken" } else { "maria" }.to_owned()),
        at: now - secs(60 * minutes),
        engine,
    };
    let place = |environment: &str, component: &str, release, cloud| Place {
        environment: environment.into(),
        site: "123456789012 eu-west-1".to_owned(),
        production: environment == "production",
        component: component.into(),
        release,
        cloud,
    };
    let (runs, lost, over) = (EngineState::Runs, EngineState::Lost, EngineState::NotNeeded);
    let denied = "cloudwatch:DescribeAlarms: not authorised; ask for the action";
    let failed = Sighting::Failed { at: now - secs(4), why: denied.to_owned() };
    Fleet {
        places: vec![
            place(
                "production",
                "api",
                Some(latest(41, Some("9ab03d7"), "running", 6, runs)),
                seen(Some("4f2c1e9"), 90, (6, 6), quiet(3)),
            ),
            place(
                "production",
                "checkout",
                Some(latest(38, Some("77d2b01"), "succeeded", 2_900, over)),
                seen(Some("77d2b01"), 100, (4, 4), quiet(0)),
            ),
            place(
                "production",
                "worker",
                Some(latest(39, Some("c0ffee1"), "rolled-back", 95, over)),
                seen(Some("b5e1d44"), 100, (2, 3), firing),
            ),
            place(
                "staging",
                "api",
                Some(latest(40, Some("9ab03d7"), "paused", 31, lost)),
                seen(None, 50, (2, 2), Alarms { silent: 2, ..quiet(2) }),
            ),
            place("staging", "checkout", Some(latest(12, None, "failed", 90_000, over)), failed),
            place("staging", "reports", None, Sighting::Nothing),
            place("test", "api", None, Sighting::NotYet),
        ],
    }
}

#[test]
fn the_fleet_at_three_sizes() {
    let snapshot = fixture::snapshot(Scene::Baking);
    let mut model = fixture::model(Scene::Baking, &snapshot).unwrap();
    let draw_at = |(width, height), model: &mut Model| {
        let area = Rect::new(0, 0, width, height);
        let mut buffer = Buffer::empty(area);
        model.saw(draw(&mut buffer, area, model, &snapshot, &dark()));
        picture(&buffer)
    };
    press(&mut model, &snapshot, "5");
    assert!(draw_at(SMALL, &mut model).contains("not read yet"));
    let _ = update(&mut model, &snapshot, Msg::Fleet(Arc::new(fleet())));
    insta::assert_snapshot!("fleet_80x24", draw_at(SMALL, &mut model));
    insta::assert_snapshot!("fleet_120x40", draw_at(MIDDLE, &mut model));
    press(&mut model, &snapshot, "j j");
    insta::assert_snapshot!("fleet_200x60", draw_at(LARGE, &mut model));
    press(&mut model, &snapshot, "G");
    assert!(draw_at(SMALL, &mut model).contains("cutover release test api --image REF"));
    let copied = update(&mut model, &snapshot, Msg::Key("y".parse().unwrap()));
    assert_eq!(copied, [Cmd::Copy("cutover release test api --image REF".to_owned())]);
    // The last one is selected, and fewer come.
    let mut fewer = fleet();
    fewer.places.truncate(2);
    let _ = update(&mut model, &snapshot, Msg::Fleet(Arc::new(fewer)));
    assert!(draw_at(SMALL, &mut model).contains("cutover history show 38"));
}

#[test]
fn every_scene_at_every_size() {
    for scene in Scene::ALL {
        for (width, height) in [SMALL, MIDDLE, LARGE] {
            let name = format!("{}_{width}x{height}", scene.word().replace('-', "_"));
            insta::assert_snapshot!(name, picture(&screen(scene, (width, height), &dark(), "")));
        }
    }
}

#[test]
fn light_sixteen_and_plain_are_pictures_of_their_own() {
    for (name, charset) in [("light", Charset::Unicode), ("sixteen", Charset::Ascii), ("plain", Charset::Ascii)] {
        let theme = Theme::named(name, charset).unwrap();
        insta::assert_snapshot!(format!("{name}_80x24"), picture(&screen(Scene::RollingBack, SMALL, &theme, "")));
    }
}

#[test]
fn without_colour_there_is_none_and_every_state_is_still_told() {
    let theme = Theme::named("plain", Charset::Unicode).unwrap();
    let words = |scene| {
        let buffer = screen(scene, MIDDLE, &theme, "");
        let is_plain = |cell: &Cell| cell.fg == Color::Reset && cell.bg == Color::Reset;
        assert!(buffer.content.iter().all(is_plain), "{}", scene.word());
        text(&buffer)
    };
    assert!(words(Scene::RollingBack).contains("ROLLING BACK"));
    assert!(words(Scene::Baking).contains("marginal"));
    assert!(words(Scene::Paused).contains("PAUSED"));
    for scene in Scene::ALL {
        assert!(words(scene).contains("PRODUCTION"));
    }
}

#[test]
fn production_is_told_in_capitals_and_by_a_ground_of_its_own_at_every_size() {
    for size in [(60, 15), SMALL, MIDDLE, LARGE, (300, 100), (30, 6)] {
        let buffer = screen(Scene::Baking, size, &dark(), "");
        assert!(text(&buffer).lines().next().unwrap().contains("PRODUCTION"), "{size:?}");
        let at = if size.0 < 60 { (0, 0) } else { (1, 0) };
        assert_ne!(buffer[at].bg, buffer[(size.0 - 1, 0)].bg, "{size:?}");
    }
}

#[test]
fn seven_bits_are_seven_bits_whatever_the_engine_says() {
    let theme = Theme::named("dark", Charset::Ascii).unwrap();
    for scene in Scene::ALL {
        for keys in ["", "2", "3", "4", "6", "D", "?", ": ro", "R"] {
            let shown = text(&screen(scene, MIDDLE, &theme, keys));
            assert!(shown.is_ascii(), "{} {keys}\n{shown}", scene.word());
        }
    }
}

#[test]
fn the_way_back_is_on_the_key_bar_whenever_it_can_be_taken() {
    for scene in Scene::ALL {
        let can = cutover::domain::guard::possible(
            &fixture::snapshot(scene).release,
            cutover::domain::command::CommandKind::Rollback,
        );
        for keys in ["", "2", "3", "4", "6", "D"] {
            let shown = text(&screen(scene, SMALL, &dark(), keys));
            let bar = shown.lines().last().unwrap();
            assert_eq!(bar.starts_with(" R roll back  "), can.is_ok(), "{} {keys}\n{shown}", scene.word());
            assert!(bar.contains("q detach"), "{} {keys}\n{shown}", scene.word());
        }
    }
}

#[test]
fn where_it_is_and_what_happens_stay_in_sight_behind_a_question() {
    let open = text(&screen(Scene::Human, SMALL, &dark(), "p"));
    let closed = text(&screen(Scene::Human, SMALL, &dark(), ""));
    let head = |text: &str| text.lines().take(4).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(head(&open), head(&closed));
}

#[test]
fn a_command_is_never_shown_as_done_before_it_is_seen() {
    let mut snapshot = fixture::snapshot(Scene::Human);
    Arc::make_mut(&mut Arc::make_mut(&mut snapshot.release).plan).production = false;
    let mut model = fixture::model(Scene::Human, &snapshot).unwrap();
    let area = Rect::new(0, 0, 120, 40);
    let shown = |model: &Model, snapshot: &Snapshot| {
        let mut buffer = Buffer::empty(area);
        draw(&mut buffer, area, model, snapshot, &dark());
        text(&buffer).lines().nth(2).unwrap().to_owned()
    };
    press(&mut model, &snapshot, "p enter");
    assert!(shown(&model, &snapshot).ends_with("promote: requested"));
    let accepted = cutover::engine::handle::Receipt::Accepted(cutover::domain::ids::Revision(13));
    let receipt = Msg::Receipt(cutover::domain::command::CommandKind::Promote, accepted);
    let _ = update(&mut model, &snapshot, receipt);
    assert!(shown(&model, &snapshot).ends_with("promote: accepted"));
    let release = std::sync::Arc::make_mut(&mut snapshot.release);
    release.revision = release.revision.next();
    release.orders.push(cutover::domain::command::Ordered {
        command: cutover::domain::command::Command::Promote,
        stage: release.foremost(),
        by: fixture::operator(),
        accepted: fixture::NOW,
        progress: cutover::domain::command::Progress::Accepted,
        at: fixture::NOW,
    });
    let _ = update(&mut model, &snapshot, Msg::SnapshotChanged);
    assert!(shown(&model, &snapshot).ends_with("promote: accepted 0:00, not yet observed"));
    let release = std::sync::Arc::make_mut(&mut snapshot.release);
    release.orders.last_mut().unwrap().progress = cutover::domain::command::Progress::Observed;
    let _ = update(&mut model, &snapshot, Msg::SnapshotChanged);
    assert!(shown(&model, &snapshot).ends_with("promote: observed after 0.0 s"));
}

#[test]
fn empty_panels_say_what_their_emptiness_means() {
    use cutover::app::logs::LogPane;
    use cutover::engine::snapshot::Source;
    let mut snapshot = fixture::snapshot(Scene::Gates);
    let mut model = fixture::model(Scene::Gates, &snapshot).unwrap();
    model.logs = LogPane::default();
    snapshot.components[ComponentIndex::FIRST].alarms.clear();
    let area = Rect::new(0, 0, 80, 24);
    let shown = |model: &Model, snapshot: &Snapshot| {
        let mut buffer = Buffer::empty(area);
        draw(&mut buffer, area, model, snapshot, &dark());
        text(&buffer)
    };
    let quiet = shown(&model, &snapshot);
    assert!(quiet.contains("no line yet; last heard of 2 s ago"), "{quiet}");
    assert!(quiet.contains("alarms  ◌ not read yet"), "{quiet}");
    for source in snapshot.sources.iter_mut().filter(|source| source.source == Source::Logs) {
        source.failing = Some((fixture::NOW, "AccessDenied".to_owned()));
    }
    let failing = shown(&model, &snapshot);
    assert!(failing.contains("no logs for 0:00: AccessDenied"), "{failing}");
    snapshot.sources.clear();
    assert!(shown(&model, &snapshot).contains("connecting to the logs"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_screen_is_drawn_at_any_size_and_only_there(
        scene in prop::sample::select(Scene::ALL.to_vec()),
        width in 0_u16..=300,
        height in 0_u16..=120,
        (left, above) in (0_u16..4, 0_u16..4),
        theme in prop::sample::select(Theme::names().collect::<Vec<_>>()),
        keys in prop::sample::select(vec![
            "", "2", "2 w s", "3", "4", "4 w", "4 E w", "4 l l", "4 / xyz", "4 / ~(", "6", "6 g", "tab", "?", "? G", ":",
            ": pro", ": xyz", "p", "P", "R", "R tab why", "D", "D x", "A", "K", "a", "space", "z", "q", "p esc R",
        ]),
    ) {
        let theme = Theme::named(theme, Charset::Unicode).unwrap();
        let snapshot = fixture::snapshot(scene);
        let mut model = fixture::model(scene, &snapshot).unwrap();
        let area = Rect::new(left, above, width, height);
        let around = Rect::new(0, 0, width + 8, height + 8);
        let mut buffer = Buffer::filled(around, Cell::new("#"));
        model.saw(draw(&mut buffer, area, &model, &snapshot, &theme));
        press(&mut model, &snapshot, keys);
        draw(&mut buffer, area, &model, &snapshot, &theme);
        for position in around.positions().filter(|position| !area.contains(*position)) {
            let cell = &buffer[position];
            prop_assert!(cell.symbol() == "#" && cell.modifier == Modifier::empty(), "{position:?} is {cell:?}");
        }
    }
}

/// Everything that comes from outside, as bad as it can be.
fn hostile(snapshot: &mut Snapshot, word: &str, number: f64, at: i64, count: usize) {
    use cutover::domain::time::Timestamp;
    let at = Timestamp::from_millis(at);
    snapshot.at = at;
    snapshot.speed = number;
    for (_, view) in snapshot.components.iter_mut() {
        view.toll.harmed = u64::MAX;
        for series in &mut view.series {
            let series = std::sync::Arc::make_mut(series);
            for point in series.green.iter_mut().chain(&mut series.blue).step_by(2) {
                (point.at, point.value) = (at, number);
            }
        }
        for alarm in &mut view.alarms {
            (alarm.since, alarm.reason) = (Some(at), word.repeat(count));
        }
    }
    let release = Arc::make_mut(&mut snapshot.release);
    let plan = Arc::make_mut(&mut release.plan);
    plan.environment = word.into();
    plan.place.region = word.repeat(count);
    for (_, component) in plan.components.iter_mut() {
        component.name = word.into();
        component.to = cutover::domain::ids::Version(word.repeat(count));
        component.signals = component.signals.iter().cloned().cycle().take(count).collect();
    }
    release.stages = release.stages.iter().cloned().cycle().take(count).collect();
    plan.stages = plan.stages.iter().cloned().cycle().take(count / 2).collect();
    for stage in &mut release.stages {
        (stage.note, stage.started) = (word.repeat(3), Some(at));
    }
    for moment in &mut release.timeline {
        (moment.text, moment.at) = (word.repeat(count), at);
    }
    for verdict in release.components.iter_mut().flat_map(|(_, component)| &mut component.verdicts) {
        (verdict.green, verdict.evidence, verdict.reason) = (Some(number), number, word.repeat(count));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn nothing_from_outside_breaks_a_picture(
        scene in prop::sample::select(Scene::ALL.to_vec()),
        word in ".{0,12}",
        number in any::<f64>(),
        at in any::<i64>(),
        count in 0_usize..40,
        size in (0_u16..200, 0_u16..70),
        keys in prop::sample::select(vec!["", "2", "3", "4 w", "6", "?", ":", "p", "R", "z", "tab"]),
    ) {
        let mut snapshot = fixture::snapshot(scene);
        hostile(&mut snapshot, &word, number, at, count);
        let mut model = fixture::model(scene, &snapshot).unwrap();
        let lines = vec![cutover::domain::log::LogLine {
            at: snapshot.at,
            component: Some(ComponentIndex::FIRST),
            side: None,
            task: word.clone(),
            level: cutover::domain::log::Level::Error,
            text: word.repeat(count),
        }];
        let batch = cutover::engine::handle::LogBatch { lines, dropped: u64::MAX };
        let _ = update(&mut model, &snapshot, Msg::Logs(batch));
        press(&mut model, &snapshot, keys);
        let area = Rect::new(0, 0, size.0, size.1);
        let mut buffer = Buffer::empty(area);
        model.saw(draw(&mut buffer, area, &model, &snapshot, &dark()));
        press(&mut model, &snapshot, "up pagedown");
        draw(&mut buffer, area, &model, &snapshot, &dark());
        let is_printable = |cell: &Cell| !cell.symbol().chars().any(char::is_control);
        prop_assert!(buffer.content.iter().all(is_printable));
    }
}

/// The first component as far as it has come.
fn first(snapshot: &mut Snapshot) -> &mut Component {
    &mut std::sync::Arc::make_mut(&mut snapshot.release).components[ComponentIndex::FIRST]
}

#[test]
fn what_matters_most_is_said_in_words() {
    use cutover::app::model::{Access, Connection};
    use cutover::domain::percent::Percent;
    let shown = |scene, change: &dyn Fn(&mut Model, &mut Snapshot)| {
        let mut snapshot = fixture::snapshot(scene);
        let mut model = fixture::model(scene, &snapshot).unwrap();
        change(&mut model, &mut snapshot);
        let area = Rect::new(0, 0, 100, 30);
        let mut buffer = Buffer::empty(area);
        draw(&mut buffer, area, &model, &snapshot, &dark());
        text(&buffer)
    };
    let cold = shown(Scene::Baking, &|_, snapshot| {
        first(snapshot).capacities.as_mut().unwrap().blue = fixture::capacity(1, 6);
    });
    assert!(cold.contains("rollback: blue 1/6 COLD, scales first"), "{cold}");
    let lost = shown(Scene::Baking, &|model, _| {
        model.connection = Connection::Lost { since: fixture::NOW, why: "gone".to_owned() };
    });
    assert!(lost.contains("engine lost 0:00") && lost.contains("(R roll back"), "{lost}");
    let read_only = shown(Scene::Baking, &|model, _| model.access = Access::ReadOnly("li steers".to_owned()));
    assert!(read_only.contains("read-only") && read_only.contains("(R roll back"), "{read_only}");
    let drifted = shown(Scene::Baking, &|_, snapshot| {
        let traffic = &mut first(snapshot).traffic;
        traffic.observed = Some(Percent::clamped(35));
        traffic.drift_since = Some(fixture::NOW);
    });
    assert!(drifted.contains("green set 10 %  observed 35 % drift 0:00"), "{drifted}");
    let retried = shown(Scene::Baking, &|_, snapshot| {
        use cutover::domain::{effect, ids, release};
        let release = std::sync::Arc::make_mut(&mut snapshot.release);
        release.in_flight.push(release::InFlight {
            intent: effect::Intent {
                id: ids::EffectId(9),
                attempt: 3,
                effect: effect::Effect::SetWeight { component: ComponentIndex::FIRST, green: Percent::clamped(50) },
            },
            since: fixture::NOW,
            retry_at: Some(fixture::NOW + std::time::Duration::from_secs(4)),
            error: Some("ThrottlingException: rate exceeded".to_owned()),
        });
    });
    assert!(retried.contains("setting green to 50 %: again in 0:04 · ThrottlingException"), "{retried}");
    let unwell = shown(Scene::Deploying, &|_, snapshot| {
        let both = first(snapshot).capacities.as_mut().unwrap();
        both.green.trouble = Some("CannotPullContainerError".to_owned());
        both.green.failed_tasks = 3;
    });
    assert!(unwell.contains("green: CannotPullContainerError, 3 tasks failed"), "{unwell}");
    let waived = shown(Scene::Paused, &|_, snapshot| {
        first(snapshot).waived.push("cpu".into());
    });
    assert!(waived.contains("cpu: waived: above its limit"), "{waived}");
    let fast = shown(Scene::Baking, &|_, snapshot| snapshot.speed = 20.0);
    assert!(fast.lines().next().unwrap().contains("20x"), "{fast}");
    let held = shown(Scene::Human, &|model, _| model.frozen = Some(Box::new(fixture::snapshot(Scene::Baking))));
    assert!(held.contains("screen frozen") && held.contains("WAITING") && held.contains("bake 3:11 of 5:00"), "{held}");
    let others = shown(Scene::Baking, &|_, snapshot| {
        Arc::make_mut(&mut Arc::make_mut(&mut snapshot.release).plan).production = false;
        Arc::make_mut(&mut Arc::make_mut(&mut snapshot.release).plan).environment = "staging".into();
    });
    assert!(others.contains("STAGING") && !others.contains("PRODUCTION"), "{others}");
}
