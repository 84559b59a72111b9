//! The table of a stage's checks: what was looked at, what it must be, what was found, and how long it took.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;

use super::look::Look;
use super::theme::Role;
use super::widgets::text::{clip, pad, width, wrap};
use crate::domain::check::HttpCheck;
use crate::domain::effect::CheckResult;
use crate::domain::plan::StageKind;
use crate::domain::release::{Stage, StageStatus};

/// Columns of the sign and of the gap before each further column.
const GAP: usize = 2;

/// Columns of the time: `1240 ms`.
const TIME: usize = 7;

/// Columns that a name gets at most, beside an expectation, alone, and alone where there is plenty of room.
const NAME: [usize; 3] = [16, 24, 32];

/// With so many rows, one is spent on saying how many findings there is no room for; with fewer, the title's figures do.
const COUNTED: usize = 8;

/// Without so many columns for what is wanted and found, the time gives way.
const LEAST: usize = 28;

/// One row.
pub(super) struct Row {
    state: State,
    name: String,
    wanted: String,
    found: String,
    took: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Failed,
    Passed,
    Open,
}

/// The rows of a stage: its results, those first that somebody has to decide about; before there are any, what is asked.
pub(super) fn rows(stage: &Stage, kind: &StageKind) -> Vec<Row> {
    if stage.checks.is_empty() {
        let asked: &[HttpCheck] = match kind {
            StageKind::Smoke(checks) if stage.status == StageStatus::Running => checks,
            _ => &[],
        };
        return asked.iter().map(open).collect();
    }
    let mut names: Vec<&str> = Vec::new();
    for result in &stage.checks {
        if names.last() != Some(&result.name.as_str()) {
            names.push(&result.name);
        }
    }
    let of = |name: &str| stage.checks.iter().filter(move |result| result.name == name).collect::<Vec<_>>();
    let (failed, passed): (Vec<_>, Vec<_>) =
        names.into_iter().map(of).partition(|results| results.iter().any(|result| !result.passed));
    let mut rows: Vec<Row> =
        failed.iter().flatten().filter(|result| !result.passed).map(|result| row(result)).collect();
    rows.extend(passed.iter().filter_map(|results| whole(results)));
    rows
}

fn open(check: &HttpCheck) -> Row {
    // Where it is asked is the same for nearly all of them; the path tells them apart.
    let rest = check.request.url.split_once("://").map_or(check.request.url.as_str(), |(_, rest)| rest);
    let path = rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/");
    Row {
        state: State::Open,
        name: check.name.clone(),
        wanted: format!("{} {path}", check.request.method),
        found: String::new(),
        took: None,
    }
}

fn row(result: &CheckResult) -> Row {
    let wanted = match (result.aspect.as_str(), result.wanted.as_str()) {
        ("", wanted) => wanted.to_owned(),
        (aspect, wanted) => format!("{aspect} {wanted}"),
    };
    let state = if result.passed { State::Passed } else { State::Failed };
    Row { state, name: result.name.clone(), wanted, found: result.detail.clone(), took: result.took }
}

/// A check that passed, in one row: the finding that says most, and how many others there are. What is particular to a
/// check comes after its status, and its time has a column of its own.
fn whole(results: &[&CheckResult]) -> Option<Row> {
    let telling = results.iter().rev().find(|result| result.aspect != "time").or(results.last())?;
    let mut row = row(telling);
    if results.len() > 1 {
        row.found = format!("{}, and {} more", row.found, results.len() - 1);
    }
    Some(row)
}

/// Draws them, and answers how many rows it took.
pub(super) fn draw(look: Look<'_>, rows: &[Row], area: Rect, buf: &mut Buffer) -> u16 {
    let columns = Columns::of(rows, usize::from(area.width));
    let mut lines = area.rows().collect::<Vec<_>>().into_iter();
    let has_wanted = rows.iter().any(|row| !row.wanted.is_empty());
    let is_roomy = usize::from(area.height) > rows.len() + 1;
    if has_wanted && (is_roomy || area.height >= 4) {
        let Some(line) = lines.next() else { return 0 };
        let head = Row {
            state: State::Open,
            name: "check".to_owned(),
            wanted: "expected".to_owned(),
            found: "found".to_owned(),
            took: None,
        };
        let mut cells = columns.cells(look, &head, [Role::Muted; 3]);
        if columns.time > 0 {
            cells.push(look.span(Role::Muted, format!("{:>width$}", "time", width = columns.time + GAP)));
        }
        look.row(line, buf, [vec![Span::raw("   ")], cells].concat(), Vec::new());
    }
    let mut left = lines.len();
    let is_counted = left >= COUNTED;
    let mut shown = 0;
    for row in rows {
        let mut told = row_lines(look, row, &columns, area);
        // The last line is kept for how many there is no room for.
        let kept = usize::from(is_counted && shown + 1 < rows.len());
        if told.len() + kept > left {
            told.truncate(usize::from(left > kept));
        }
        if told.is_empty() {
            break;
        }
        left -= told.len();
        shown += 1;
        for (spans, line) in told.into_iter().zip(&mut lines) {
            look.row(line, buf, spans, Vec::new());
        }
    }
    if is_counted
        && shown < rows.len()
        && let Some(line) = lines.next()
    {
        let more = format!("   {} {} more", look.theme.glyphs.ellipsis, rows.len() - shown);
        look.row(line, buf, vec![look.span(Role::Muted, more)], Vec::new());
    }
    area.height - u16::try_from(lines.len()).unwrap_or(area.height).min(area.height)
}

/// A row, and below it, in full, what of a failure its columns have no room for.
fn row_lines<'a>(look: Look<'a>, row: &Row, columns: &Columns, area: Rect) -> Vec<Vec<Span<'a>>> {
    let glyphs = look.theme.glyphs;
    let (sign, role, found) = match row.state {
        State::Failed => (glyphs.bad, Role::Bad, Role::Text),
        State::Passed => (glyphs.ok, Role::Ok, Role::Muted),
        State::Open => (glyphs.running, Role::Running, Role::Muted),
    };
    let start = vec![Span::raw(" "), look.span(role, sign), Span::raw(" ")];
    let mut cells = columns.cells(look, row, [Role::Text, Role::Muted, found]);
    if columns.time > 0 {
        let took = row.took.map(|took| format!("{} ms", took.as_millis())).unwrap_or_default();
        cells.push(look.span(Role::Muted, format!("{took:>width$}", width = columns.time + GAP)));
    }
    let mut told = vec![[start, cells].concat()];
    // What is wrong is told in full, at the cost of what is right.
    let is_clipped = width(&row.found) > columns.found || width(&row.wanted) > columns.wanted;
    if row.state != State::Failed || !is_clipped || area.height < 6 {
        return told;
    }
    let parts: &[(&str, &str)] = match row.wanted.as_str() {
        "" => &[("", &row.found)],
        wanted => &[("expected  ", wanted), ("found     ", &row.found)],
    };
    for (label, text) in parts {
        let room = usize::from(area.width).saturating_sub(6 + label.len());
        for (index, text) in wrap(text, room).into_iter().enumerate() {
            let label = if index == 0 { (*label).to_owned() } else { " ".repeat(label.len()) };
            told.push(vec![Span::raw("     "), look.span(Role::Muted, label), look.span(Role::Text, text.to_owned())]);
        }
    }
    told
}

/// How wide each column is.
struct Columns {
    name: usize,
    wanted: usize,
    found: usize,
    time: usize,
}

impl Columns {
    fn of(rows: &[Row], all: usize) -> Self {
        let widest = |cell: &dyn Fn(&Row) -> &str| rows.iter().map(|row| width(cell(row))).max().unwrap_or(0);
        let [beside, alone, roomy] = NAME;
        let alone = alone.max(roomy.min(all * 2 / 5));
        let wanted = widest(&|row| &row.wanted);
        let name = widest(&|row| &row.name).min(if wanted == 0 { alone } else { beside }).max("check".len());
        let room = all.saturating_sub(4 + name + GAP);
        let is_timed = rows.iter().any(|row| row.took.is_some());
        let time = if is_timed && room >= LEAST + TIME + GAP { TIME } else { 0 };
        let room = room.saturating_sub(if time > 0 { time + GAP } else { 0 });
        // What was found is the news: it gets what the expectations leave, and at least half.
        let wanted = if wanted == 0 { 0 } else { wanted.max("expected".len()).min(room.saturating_sub(GAP) / 2) };
        let found = room.saturating_sub(if wanted > 0 { wanted + GAP } else { 0 });
        Self { name, wanted, found, time }
    }

    fn cells<'a>(&self, look: Look<'a>, row: &Row, roles: [Role; 3]) -> Vec<Span<'a>> {
        let ellipsis = look.theme.glyphs.ellipsis;
        let cell = |text: &str, columns: usize| pad(&clip(text, columns, ellipsis), columns);
        let [name, wanted, found] = roles;
        let mut cells = vec![look.span(name, cell(&row.name, self.name))];
        if self.wanted > 0 {
            cells.push(look.span(wanted, format!("  {}", cell(&row.wanted, self.wanted))));
        }
        cells.push(look.span(found, format!("  {}", cell(&row.found, self.found))));
        cells
    }
}
