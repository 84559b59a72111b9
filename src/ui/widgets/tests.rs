use std::borrow::Cow;

use proptest::prelude::*;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::*;
use crate::ui::theme::{Background, Charset, ColourDepth, Dots, Role, Theme};

fn theme(charset: Charset) -> Theme {
    Theme::built_in(ColourDepth::Sixteen, Background::Dark, charset).unwrap()
}

/// What is drawn on so many columns and rows, with the signs of either set.
fn drawn_with(charset: Charset, (columns, rows): (u16, u16), draw: impl FnOnce(Rect, &mut Buffer, &Theme)) -> Buffer {
    let mut buf = Buffer::empty(Rect::new(0, 0, columns, rows));
    draw(buf.area, &mut buf, &theme(charset));
    buf
}

fn drawn(size: (u16, u16), draw: impl FnOnce(Rect, &mut Buffer, &Theme)) -> Buffer {
    drawn_with(Charset::Unicode, size, draw)
}

/// The text alone, row by row.
fn rows(buf: &Buffer) -> Vec<String> {
    let row = |y| (0..buf.area.width).map(|x| buf[(x, y)].symbol()).collect::<String>();
    (0..buf.area.height).map(row).collect()
}

fn bar(share: f64, columns: u16, charset: Charset) -> String {
    let bar = Bar { share, mark: None, role: Role::Blue };
    rows(&drawn_with(charset, (columns, 1), |area, buf, theme| bar.render(area, buf, theme))).concat()
}

#[test]
fn bars_are_exact_to_an_eighth_of_a_column() {
    assert_eq!(bar(0.5, 8, Charset::Unicode), "████░░░░");
    assert_eq!(bar(0.53, 8, Charset::Unicode), "████▎░░░");
    assert_eq!(bar(0.0, 4, Charset::Unicode), "░░░░");
    assert_eq!(bar(1.0, 4, Charset::Unicode), "████");
    assert_eq!(bar(0.55, 10, Charset::Ascii), "#####-....");
    assert_eq!(bar(f64::NAN, 4, Charset::Unicode), "░░░░");
}

#[test]
fn almost_nothing_and_almost_all_do_not_look_like_none_and_all() {
    assert_eq!(bar(0.0001, 4, Charset::Unicode), "▏░░░");
    assert_eq!(bar(0.9999, 4, Charset::Unicode), "███▉");
}

#[test]
fn a_missing_point_is_a_gap_and_a_zero_is_not() {
    let points = [Some(0.0), None, Some(4.0), Some(8.0)];
    let sparkline = Sparkline { points: &points, ceiling: None, role: Role::Green };
    let draw = |size, charset| rows(&drawn_with(charset, size, |area, buf, theme| sparkline.render(area, buf, theme)));
    assert_eq!(draw((6, 1), Charset::Unicode), ["  ▁ ▄█"]);
    assert_eq!(draw((6, 1), Charset::Ascii), ["  _ -#"]);
    assert_eq!(draw((4, 2), Charset::Unicode), ["   █", "▁ ██"]);
}

#[test]
fn more_points_than_columns_keep_their_peaks() {
    let points = [Some(1.0), Some(8.0), Some(1.0), Some(1.0), None, None];
    let sparkline = Sparkline { points: &points, ceiling: Some(8.0), role: Role::Green };
    assert_eq!(rows(&drawn((3, 1), |area, buf, theme| sparkline.render(area, buf, theme))), ["█▁ "]);
}

const BLUE: [Option<f64>; 8] =
    [Some(0.2), Some(0.2), Some(0.3), Some(0.2), Some(0.2), Some(0.25), Some(0.2), Some(0.2)];
const GREEN: [Option<f64>; 8] = [None, Some(0.1), Some(0.4), None, None, Some(0.6), Some(0.8), Some(0.9)];

fn percent(value: f64) -> String {
    format!("{value} %")
}

fn chart(threshold: f64, dots: Option<Dots>) -> impl Fn(Rect, &mut Buffer, &Theme) {
    move |area, buf, theme| {
        let series = [
            Series { points: &BLUE, sign: "b", role: Role::Blue },
            Series { points: &GREEN, sign: "g", role: Role::Green },
        ];
        Chart {
            series: &series,
            threshold: Some(threshold),
            marks: &[Mark { at: 0.5, label: "10 %" }],
            cursor: None,
            times: &[(0.0, "12:00"), (0.5, "12:15"), (1.0, "now")],
            value: &percent,
            dots,
        }
        .render(area, buf, theme);
    }
}

#[test]
fn charts_break_their_lines_at_gaps_and_name_them_at_the_end() {
    insta::assert_debug_snapshot!("chart", drawn((44, 9), chart(0.7, None)));
}

#[test]
fn charts_do_without_braille_and_without_unicode() {
    let blocks = rows(&drawn((40, 7), chart(0.7, Some(Dots::Quadrants)))).join("\n");
    let ascii = rows(&drawn_with(Charset::Ascii, (40, 7), chart(0.7, None))).join("\n");
    assert!(ascii.is_ascii());
    insta::assert_snapshot!("chart-fallbacks", format!("{blocks}\n\n{ascii}"));
}

#[test]
fn a_far_threshold_is_named_and_does_not_press_the_lines_flat() {
    let picture = rows(&drawn((40, 7), chart(50.0, None)));
    assert!(picture[0].contains("▲ limit 50 %"), "{picture:#?}");
    assert!(picture[0].trim_start().starts_with("1 %"), "{picture:#?}");
}

#[test]
fn a_meter_is_a_bar_where_there_is_room_and_never_rounds_up() {
    let meter = |share, columns| {
        let meter = Meter { label: "evidence", share, role: Role::Ok };
        rows(&drawn((columns, 1), |area, buf, theme| meter.render(area, buf, theme))).concat()
    };
    assert_eq!(meter(Some(0.48), 15), "evidence ▄ 48 %");
    assert_eq!(meter(Some(0.5), 22), "evidence ███▌░░░  50 %");
    assert_eq!(meter(Some(0.999), 15), "evidence █ 99 %");
    assert_eq!(meter(None, 20), "evidence ◌ no data  ");
}

fn steps(columns: u16, states: [StepState; 3]) -> String {
    let steps: Vec<Step<'_>> =
        ["10", "50", "100"].into_iter().zip(states).map(|(label, state)| Step { label, state }).collect();
    let steps = Steps { steps: &steps, role: Role::Green };
    rows(&drawn((columns, 1), |area, buf, theme| {
        steps.render(area, buf, theme);
    }))
    .concat()
}

#[test]
fn steps_shorten_their_rules_and_then_hide_what_is_behind() {
    use StepState::{Done, Now, ToCome};
    assert_eq!(steps(30, [Done, Now, ToCome]), "●10 ─────── ◉50 ─────── ○100  ");
    assert_eq!(steps(18, [Done, Now, ToCome]), "●10 ── ◉50 ── ○100");
    assert_eq!(steps(12, [Done, Now, ToCome]), "… ◉50 ─ ○100");
    assert_eq!(steps(8, [Done, Done, Done]), "… ●100  ");
}

#[test]
fn panels_carry_titles_and_show_the_focus_without_colour() {
    let panel = |focus| Panel {
        title: Line::from("logs"),
        right: Line::from("follow"),
        below: Line::from("+312 · 0 lost"),
        focus,
        role: None,
    };
    let draw = |focus, columns| {
        drawn((columns, 3), |area, buf, theme| {
            panel(focus).render(area, buf, theme);
        })
    };
    assert_eq!(
        rows(&draw(Focus::Elsewhere, 24)),
        ["╭ logs ──────── follow ╮", "│                      │", "╰─────── +312 · 0 lost ╯"]
    );
    assert_eq!(rows(&draw(Focus::Here, 12)), ["┏ logs ━━━━┓", "┃          ┃", "┗━━━━━━━━━━┛"]);
    insta::assert_debug_snapshot!("panel", draw(Focus::Here, 24));
}

#[test]
fn lists_draw_only_what_is_visible() {
    let asked = std::cell::RefCell::new(Vec::new());
    let row = |index: usize| {
        asked.borrow_mut().push(index);
        Line::from(format!("line {index}"))
    };
    let list = List { len: 50_000, top: 100, selected: Some(101), row: &row };
    let buf = drawn((12, 3), |area, buf, theme| list.render(area, buf, theme));
    assert_eq!(*asked.borrow(), [100, 101, 102]);
    assert_eq!(rows(&buf), [" line 100  ┃", "▌line 101  │", " line 102  │"]);
    insta::assert_debug_snapshot!("list", buf);
}

#[test]
fn tables_align_cut_and_leave_out_columns() {
    let columns = [
        Column { title: "alarm", width: Width::AtLeast(8), align: Align::Left },
        Column { title: "since", width: Width::Exactly(5), align: Align::Right },
        Column { title: "state", width: Width::Exactly(6), align: Align::Left },
    ];
    let cell = |row: usize, column: usize| -> (Cow<'_, str>, Role) {
        match column {
            0 => (Cow::Borrowed(["api-5xx-high", "api-latency-p99-high"][row]), Role::Text),
            1 => (Cow::Owned(format!("{}:14", row + 2)), Role::Muted),
            _ => (Cow::Borrowed("firing"), Role::Bad),
        }
    };
    let table = Table { columns: &columns, len: 2, top: 0, selected: Some(0), cell: &cell };
    let draw = |columns| drawn((columns, 3), |area, buf, theme| table.render(area, buf, theme));
    assert_eq!(
        rows(&draw(30)),
        [" alarm            since state ", "▌api-5xx-high      2:14 firing", " api-latency-p99…  3:14 firing"]
    );
    assert_eq!(rows(&draw(16)), [" alarm     since", "▌api-5xx-…  2:14", " api-late…  3:14"]);
    insta::assert_debug_snapshot!("table", draw(30));
}

const HINTS: [Hint<'static>; 3] = [
    Hint { key: "p", label: "promote", readiness: Readiness::Disabled("gate not met") },
    Hint { key: "R", label: "roll back", readiness: Readiness::Ready },
    Hint { key: "?", label: "help", readiness: Readiness::Ready },
];

#[test]
fn the_key_bar_says_why_a_key_is_dead_and_what_it_left_out() {
    let draw = |columns| {
        drawn((columns, 1), |area, buf, theme| {
            KeyBar { hints: &HINTS }.render(area, buf, theme);
        })
    };
    assert_eq!(rows(&draw(52)), ["(p promote)  R roll back  ? help     p: gate not met"]);
    assert_eq!(rows(&draw(36)), ["(p promote)  R roll back  ? help    "]);
    assert_eq!(rows(&draw(30)), ["(p promote)  R roll back  …   "]);
    insta::assert_debug_snapshot!("keybar", draw(52));
}

fn dialog(prompt: Option<&'static str>) -> Dialog<'static> {
    Dialog {
        title: "roll back api in production",
        body: &[
            ("All traffic goes to blue 4f2c1e9 with one call, in about 3 s.", Role::Text),
            ("", Role::Text),
            ("Green 9ab03d7 keeps running for an hour.", Role::Muted),
        ],
        prompt,
        keys: &[
            Hint { key: "enter", label: "roll back", readiness: Readiness::Ready },
            Hint { key: "esc", label: "keep going", readiness: Readiness::Ready },
        ],
        role: Role::Danger,
    }
}

#[test]
fn dialogs_wrap_their_question_and_dim_the_rest() {
    let buf = drawn((60, 12), |area, buf, theme| {
        text::fill(buf, area, "x", theme.style(Role::Text));
        dialog(Some("DEPL")).render(area, buf, theme);
    });
    insta::assert_debug_snapshot!("dialog", buf);
}

#[test]
fn on_a_small_screen_the_answer_outlives_the_question() {
    let picture = rows(&drawn((36, 6), |area, buf, theme| dialog(Some("DEPL")).render(area, buf, theme)));
    assert!(picture[3].contains("> DEPL"), "{picture:#?}");
    assert!(picture[4].contains("enter roll back  esc keep going"), "{picture:#?}");
}

/// Every widget, one after the other, on the same area.
fn draw_everything(area: Rect, buf: &mut Buffer, theme: &Theme, top: usize) {
    Bar { share: 0.3, mark: Some(0.6), role: Role::Blue }.render(area, buf, theme);
    Sparkline { points: &GREEN, ceiling: None, role: Role::Green }.render(area, buf, theme);
    chart(0.7, None)(area, buf, theme);
    chart(70.0, Some(Dots::Quadrants))(area, buf, theme);
    Meter { label: "evidence", share: Some(0.4), role: Role::Ok }.render(area, buf, theme);
    Meter { label: "", share: None, role: Role::Ok }.render(area, buf, theme);
    let step = |label, state| Step { label, state };
    let plan = [step("10", StepState::Done), step("50", StepState::Now), step("100", StepState::ToCome)];
    Steps { steps: &plan, role: Role::Green }.render(area, buf, theme);
    Steps { steps: &[], role: Role::Green }.render(area, buf, theme);
    let title = || Line::from("日本語 title");
    let panel = Panel { title: title(), right: title(), below: title(), focus: Focus::Here, role: None };
    let inner = panel.render(area, buf, theme);
    let row = |index: usize| Line::from(format!("{index} 日本語"));
    List { len: 90, top, selected: Some(5), row: &row }.render(inner, buf, theme);
    let columns = [
        Column { title: "alarm", width: Width::AtLeast(8), align: Align::Right },
        Column { title: "state", width: Width::Exactly(6), align: Align::Left },
    ];
    let cell = |row: usize, _: usize| (Cow::Owned(format!("{row} 日本語")), Role::Text);
    Table { columns: &columns, len: 90, top, selected: Some(5), cell: &cell }.render(inner, buf, theme);
    KeyBar { hints: &HINTS }.render(area, buf, theme);
    dialog(Some("日本語日本語日本語日本語日本語日本語")).render(area, buf, theme);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn no_size_makes_a_widget_panic_or_draw_outside_its_area(
        columns in 0_u16..=300, rows in 0_u16..=120, x in 0_u16..40, y in 0_u16..20, top in 0_usize..200, small in any::<bool>(),
    ) {
        let (columns, rows) = if small { (columns % 12, rows % 6) } else { (columns, rows) };
        let area = Rect::new(x, y, columns, rows);
        let mut buf = Buffer::empty(Rect::new(0, 0, columns + x + 3, rows + y + 2));
        let untouched = buf.clone();
        for charset in [Charset::Unicode, Charset::Ascii] {
            draw_everything(area, &mut buf, &theme(charset), top);
        }
        for position in buf.area.positions().filter(|position| !area.contains(*position)) {
            prop_assert_eq!(&buf[position], &untouched[position], "{} is outside of {}", position, area);
        }
        // An area that reaches beyond the buffer is drawn as far as the buffer goes.
        let mut cut = Buffer::empty(Rect::new(0, 0, columns / 2, rows / 2));
        draw_everything(area, &mut cut, &theme(Charset::Unicode), top);
    }
}
