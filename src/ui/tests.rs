//! What whole screens say at moments that have gone wrong, or nearly so, in releases.

use std::sync::Arc;
use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::draw;
use super::theme::{Charset, Theme};
use crate::app::fixture::{self, NOW, Scene};
use crate::app::model::Model;
use crate::app::msg::Msg;
use crate::app::update::update;
use crate::domain::components::ComponentIndex;
use crate::domain::release::{Hold, Release, StageStatus, UnwindPhase, Work};
use crate::domain::signal::Point;
use crate::engine::snapshot::Snapshot;

const SMALL: (u16, u16) = (80, 24);
const LARGE: (u16, u16) = (160, 48);

/// A scene in which `change` has happened.
fn changed(scene: Scene, change: impl Fn(&mut Release)) -> Snapshot {
    let mut snapshot = fixture::snapshot(scene);
    change(Arc::make_mut(&mut snapshot.release));
    snapshot
}

fn shown(snapshot: &Snapshot, model: &Model, (width, height): (u16, u16)) -> String {
    let area = Rect::new(0, 0, width, height);
    let mut buf = Buffer::empty(area);
    draw(&mut buf, area, model, snapshot, &Theme::named("dark", Charset::Unicode).unwrap());
    let row = |y| (0..width).map(|x| buf[(x, y)].symbol()).collect::<String>().trim_end().to_owned() + "\n";
    (0..height).map(row).collect()
}

fn look(scene: Scene, snapshot: &Snapshot, size: (u16, u16), keys: &str) -> String {
    let mut model = fixture::model(scene, snapshot).unwrap();
    for key in keys.split_whitespace() {
        let _ = update(&mut model, snapshot, Msg::Key(key.parse().unwrap()));
    }
    shown(snapshot, &model, size)
}

fn line(screen: &str, number: usize) -> &str {
    screen.lines().nth(number).unwrap()
}

#[test]
fn users_that_are_not_counted_yet_are_not_called_unharmed() {
    let mut snapshot = fixture::snapshot(Scene::Baking);
    snapshot.components[ComponentIndex::FIRST].toll = crate::engine::snapshot::Toll::default();
    let screen = look(Scene::Baking, &snapshot, SMALL, "");
    assert!(line(&screen, 3).contains("◌ green's users not counted yet (metrics lag 1–3 min)"), "{screen}");
    assert!(!screen.contains("harmed"), "{screen}");
}

#[test]
fn what_keeps_the_engine_from_going_on_comes_before_everything_else() {
    let mut snapshot = fixture::snapshot(Scene::Stale);
    snapshot.engine.trouble = Some("journal lost, bringing all traffic back to blue: the disk is full".to_owned());
    for size in [SMALL, LARGE] {
        let screen = look(Scene::Stale, &snapshot, size, "");
        assert!(line(&screen, 3).contains("journal lost, bringing all traffic back to blue"), "{screen}");
    }
}

#[test]
fn ending_the_hold_of_blue_is_asked_for_by_its_name() {
    let wait = |release: &mut Release| {
        release.ended = None;
        let stage = release.stages.last_mut().unwrap();
        (stage.status, stage.work) = (StageStatus::Running, Work::Until(NOW + Duration::from_mins(42)));
    };
    let screen = look(Scene::Succeeded, &changed(Scene::Succeeded, wait), SMALL, "p");
    assert!(screen.contains("end the wait: scale blue down now"), "{screen}");
    assert!(screen.contains("blue 6/6 is scaled to 0: going back will no longer be one call"), "{screen}");
    assert!(screen.lines().last().unwrap().contains("p end wait"), "{screen}");
}

#[test]
fn a_side_without_new_points_has_no_present_value() {
    let mut snapshot = changed(Scene::Baking, |release| release.components[ComponentIndex::FIRST].verdicts.clear());
    for series in &mut snapshot.components[ComponentIndex::FIRST].series {
        let series = Arc::make_mut(series);
        let kept = series.blue.len().saturating_sub(9);
        series.blue.truncate(kept);
    }
    let small = look(Scene::Baking, &snapshot, SMALL, "");
    let errors = small.lines().find(|line| line.contains("errors")).unwrap();
    assert!(errors.contains("b      –"), "{small}");
    let large = look(Scene::Baking, &snapshot, LARGE, "2");
    assert!(large.contains(" min ago"), "{large}");
}

#[test]
fn a_pause_says_by_whom_and_what_goes_on() {
    let by = |release: &mut Release| {
        let why = "paused by maria".to_owned();
        release.hold = Some(Hold { since: NOW - Duration::from_secs(5), by: Some(fixture::operator()), why });
    };
    let snapshot = changed(Scene::Baking, by);
    let large = look(Scene::Baking, &snapshot, LARGE, "");
    let whole =
        "‖ PAUSED  0:05 by maria@bastion-1  · traffic stays at 10 %, bake goes on, failing signals still roll back";
    assert!(line(&large, 2).contains(whole), "{large}");
    let small = look(Scene::Baking, &snapshot, SMALL, "");
    assert!(line(&small, 2).ends_with("traffic stays at 10 %, bake goes on"), "{small}");
}

#[test]
fn once_traffic_is_back_the_alarm_is_over_and_the_work_is_named() {
    let restore = |release: &mut Release| {
        release.ended = None;
        let unwinding = release.unwinding.as_mut().unwrap();
        unwinding.restored = Some(NOW - Duration::from_millis(400));
        unwinding.phase = UnwindPhase::Undo { left: 3 };
        release.stages[2].status = StageStatus::Running;
    };
    let screen = look(Scene::RolledBack, &changed(Scene::RolledBack, restore), SMALL, "");
    assert!(line(&screen, 2).contains("0:04 · all traffic on blue since 0.4 s · undoing deploy"), "{screen}");
    assert!(screen.contains("○10 ─────── ○50 ─────── ○100"), "{screen}");
}

#[test]
fn a_long_reason_goes_on_in_the_second_row_and_the_stage_that_failed_stays_marked() {
    let fail = |release: &mut Release| {
        let why =
            "deploy failed: Essential container in task exited: api exited with 1, three tasks in a row".to_owned();
        release.ended.as_mut().unwrap().why = why;
        release.stages[4].attempts = 0;
    };
    let screen = look(Scene::RolledBack, &changed(Scene::RolledBack, fail), SMALL, "");
    assert!(line(&screen, 2).contains("after 6:12: deploy failed: Essential"), "{screen}");
    assert!(line(&screen, 3).contains("three tasks in a row"), "{screen}");
    assert!(line(&screen, 3).ends_with("blue 4f2c1e9 serves 100 %"), "{screen}");
    let smoke = screen.lines().find(|line| line.contains("smoke")).unwrap();
    assert!(smoke.contains("✖ smoke") && smoke.contains("undone"), "{screen}");
    let wide = look(Scene::RolledBack, &changed(Scene::RolledBack, fail), LARGE, "");
    assert!(wide.contains("failed, undone"), "{wide}");
}

#[test]
fn what_was_judged_stays_beside_what_is_measured_later() {
    let mut snapshot = fixture::snapshot(Scene::RollingBack);
    for series in
        snapshot.components[ComponentIndex::FIRST].series.iter_mut().filter(|series| series.signal.as_str() == "errors")
    {
        let series = Arc::make_mut(series);
        for points in [&mut series.green, &mut series.blue] {
            let last = *points.last().unwrap();
            points.push(Point { at: last.at + Duration::from_mins(1), value: 9.54, ..last });
        }
    }
    let cards = look(Scene::RollingBack, &snapshot, LARGE, "");
    assert!(cards.contains("g 9.54 %") && cards.contains("judged 14:04:27 at 7.42 %"), "{cards}");
    let small = look(Scene::RollingBack, &snapshot, SMALL, "");
    let row = small.lines().find(|line| line.contains("✖ errors")).unwrap();
    assert!(small.contains("judged 14:04:27 ╮") && row.contains("g 9.54 %") && row.contains("7.42 %"), "{small}");
    let charts = look(Scene::RollingBack, &snapshot, LARGE, "2");
    assert!(charts.contains("g 9.54 %") && charts.contains("judged 14:04:27 at 7.42 %: fail"), "{charts}");
    let live = look(Scene::Baking, &fixture::snapshot(Scene::Baking), LARGE, "");
    assert!(!live.contains("judged"), "{live}");
}

#[test]
fn the_palette_begins_with_the_way_back() {
    let screen = look(Scene::Baking, &fixture::snapshot(Scene::Baking), SMALL, ":");
    let selected = screen.lines().find(|line| line.contains('▌')).unwrap();
    assert!(selected.contains("rollback"), "{screen}");
    assert!(!screen.contains("page-up"), "{screen}");
}
