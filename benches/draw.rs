//! How long a picture takes: the release view with a full log, as it is while a release bakes.

use cutover::app::fixture::{self, Scene};
use cutover::app::keymap::KeymapError;
use cutover::app::logs::MOST_LINES;
use cutover::app::model::Model;
use cutover::app::msg::Msg;
use cutover::app::update::update;
use cutover::engine::handle::LogBatch;
use cutover::engine::snapshot::Snapshot;
use cutover::term::{Multiplexer, Outlet, Screen};
use cutover::ui::theme::{Charset, Theme};
use divan::Bencher;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (200, 50)];

fn main() {
    divan::main();
}

fn full_screen(scene: Scene) -> Result<(Model, Snapshot), KeymapError> {
    let snapshot = fixture::snapshot(scene);
    let mut model = fixture::model(scene, &snapshot)?;
    let lines = fixture::lines(MOST_LINES as u64, true);
    let _nothing_to_do = update(&mut model, &snapshot, Msg::Logs(LogBatch { lines, dropped: 0 }));
    Ok((model, snapshot))
}

/// Filling the buffer. The budget is that of 200 × 50.
#[divan::bench(args = SIZES)]
fn release_view(bencher: Bencher<'_, '_>, (columns, rows): (u16, u16)) {
    let (Ok((mut model, snapshot)), Ok(theme)) = (full_screen(Scene::Baking), Theme::named("dark", Charset::Unicode))
    else {
        return;
    };
    let area = Rect::new(0, 0, columns, rows);
    let mut buffer = Buffer::empty(area);
    bencher.bench_local(|| {
        buffer.reset();
        model.saw(cutover::ui::draw(&mut buffer, area, &model, &snapshot, &theme));
    });
}

/// The same with the comparison to what is shown and the frame's bytes, while one log line comes with each frame.
#[divan::bench(args = SIZES)]
fn frame_with_a_new_line(bencher: Bencher<'_, '_>, (columns, rows): (u16, u16)) {
    let (Ok((mut model, snapshot)), Ok(theme), Ok(outlet)) =
        (full_screen(Scene::Baking), Theme::named("dark", Charset::Unicode), Outlet::spawn(std::io::sink()))
    else {
        return;
    };
    let mut screen = Screen::new(outlet, Multiplexer::None, columns, rows);
    let mut number = 0;
    let next = || {
        number += 1;
        LogBatch { lines: vec![fixture::line(number % 500, 500, true)], dropped: 0 }
    };
    let mut next = next;
    bencher.bench_local(|| {
        let _nothing_to_do = update(&mut model, &snapshot, Msg::Logs(next()));
        while !screen.outlet().is_idle() {
            std::thread::yield_now();
        }
        screen.draw(|area, buffer| {
            cutover::ui::draw(buffer, area, &model, &snapshot, &theme);
        })
    });
}

/// A new filter looks at every line held.
#[divan::bench]
fn new_filter(bencher: Bencher<'_, '_>) {
    let Ok((mut model, _)) = full_screen(Scene::Baking) else { return };
    let Ok(filter) = cutover::app::filter::Filter::default().with_text("orders") else { return };
    bencher.with_inputs(|| filter.clone()).bench_local_values(|filter| model.logs.set_filter(filter));
}
