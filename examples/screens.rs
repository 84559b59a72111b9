//! Prints one screen of a made-up release, for pictures and for trying themes:
//!
//! ```text
//! cargo run --example screens -- baking 120x40 dark unicode "p"
//! ```
//!
//! Scene, size, theme, signs and keys pressed before; all but the scene may be left out.

use std::io::Write;

use cutover::app::fixture::{self, Scene};
use cutover::app::keymap::Chord;
use cutover::app::msg::Msg;
use cutover::app::update::update;
use cutover::ui::draw;
use cutover::ui::theme::{Charset, Theme};
use ratatui::backend::{Backend, CrosstermBackend};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = |default: &str| arguments.next().unwrap_or_else(|| default.to_owned());
    let (name, size, theme, signs, keys) = (next("baking"), next("120x40"), next("dark"), next("unicode"), next(""));
    let names: Vec<&str> = Scene::ALL.iter().map(|scene| scene.word()).collect();
    let scene = Scene::ALL.into_iter().find(|scene| scene.word() == name);
    let scene = scene.ok_or_else(|| format!("no scene {name}; there are: {}", names.join(" ")))?;
    let (width, height) = size.split_once('x').ok_or("the size is columns x rows, such as 120x40")?;
    let area = Rect::new(0, 0, width.parse()?, height.parse()?);
    let theme = Theme::named(&theme, if signs == "ascii" { Charset::Ascii } else { Charset::Unicode })?;

    let snapshot = fixture::snapshot(scene);
    let mut model = fixture::model(scene, &snapshot)?;
    let mut buffer = Buffer::empty(area);
    model.saw(draw(&mut buffer, area, &model, &snapshot, &theme));
    for key in keys.split_whitespace() {
        // A lone word is typed, letter by letter.
        let chords: Vec<Chord> = match key.parse() {
            Ok(chord) => vec![chord],
            Err(_) => key.chars().filter_map(|letter| letter.to_string().parse().ok()).collect(),
        };
        for chord in chords {
            let _ = update(&mut model, &snapshot, Msg::Key(chord));
        }
    }
    draw(&mut buffer, area, &model, &snapshot, &theme);

    let mut frame = Vec::new();
    let mut backend = CrosstermBackend::new(&mut frame);
    backend.clear()?;
    let cells = area.positions().filter_map(|at| Some((at.x, at.y, buffer.cell(at)?)));
    backend.draw(cells)?;
    Write::flush(&mut backend)?;
    #[expect(clippy::disallowed_methods, reason = "a program of its own: nothing else writes to its terminal")]
    let mut out = std::io::stdout();
    out.write_all(&frame)?;
    Ok(())
}
