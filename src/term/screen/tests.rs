use std::io::Write;
use std::num::NonZero;
use std::sync::{Arc, Mutex};

use ratatui::style::{Modifier, Style};

use super::*;

/// A terminal that understands what it is sent, and remembers each write.
#[derive(Clone)]
struct Terminal {
    inner: Arc<Mutex<(vt100::Parser, Vec<Vec<u8>>)>>,
}

impl Terminal {
    fn new(columns: u16, rows: u16) -> Self {
        let cells = |count| NonZero::new(count).unwrap();
        Self { inner: Arc::new(Mutex::new((vt100::Parser::new(cells(rows), cells(columns), 0), Vec::new()))) }
    }

    fn contents(&self) -> String {
        self.inner.lock().unwrap().0.screen().contents()
    }

    fn writes(&self) -> Vec<Vec<u8>> {
        self.inner.lock().unwrap().1.clone()
    }
}

impl Write for Terminal {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut inner = self.inner.lock().unwrap();
        inner.0.process(bytes);
        inner.1.push(bytes.to_vec());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn screen(columns: u16, rows: u16) -> (Terminal, Screen) {
    let terminal = Terminal::new(columns, rows);
    let outlet = Outlet::spawn(terminal.clone()).unwrap();
    (terminal, Screen::new(outlet, Multiplexer::None, columns, rows))
}

async fn show(screen: &mut Screen, text: &str) -> Frame {
    let frame = screen.draw(|_, buf| {
        buf.set_string(0, 0, text, Style::new().add_modifier(Modifier::BOLD));
    });
    screen.outlet().idle().await;
    frame.unwrap()
}

#[tokio::test]
async fn a_frame_is_one_write_bracketed_by_synchronized_output() {
    let (terminal, mut screen) = screen(20, 3);
    assert!(matches!(show(&mut screen, "release 41").await, Frame::Sent(_)));
    assert!(matches!(show(&mut screen, "release 42").await, Frame::Sent(_)));
    let writes = terminal.writes();
    assert_eq!(writes.len(), 2);
    assert!(writes.iter().all(|write| write.starts_with(BEGIN) && write.ends_with(END)));
    assert_eq!(terminal.contents(), "release 42");
    assert!(terminal.inner.lock().unwrap().0.screen().cell(0, 0).unwrap().bold());
}

#[tokio::test]
async fn a_picture_that_did_not_change_costs_no_byte() {
    let (terminal, mut screen) = screen(20, 3);
    show(&mut screen, "steady").await;
    assert_eq!(show(&mut screen, "steady").await, Frame::Unchanged);
    assert_eq!(terminal.writes().len(), 1);
}

#[tokio::test]
async fn one_changed_cell_costs_few_bytes() {
    let (_, mut screen) = screen(120, 40);
    show(&mut screen, "working |").await;
    let Frame::Sent(bytes) = show(&mut screen, "working /").await else { panic!("nothing sent") };
    assert!(bytes <= 64, "{bytes}");
}

#[tokio::test]
async fn a_resized_or_disturbed_screen_is_drawn_anew() {
    let (terminal, mut screen) = screen(20, 3);
    show(&mut screen, "before").await;
    terminal.inner.lock().unwrap().0.process(b"\x1b[2;1Hnoise from elsewhere");
    screen.forget();
    show(&mut screen, "after").await;
    assert_eq!(terminal.contents(), "after");

    screen.resize(10, 2);
    assert_eq!(screen.area(), Rect::new(0, 0, 10, 2));
    show(&mut screen, "smaller").await;
    assert_eq!(terminal.contents(), "smaller");
}

#[tokio::test]
async fn what_is_said_aside_goes_with_the_next_frame_even_an_unchanged_one() {
    let (terminal, mut screen) = screen(20, 3);
    show(&mut screen, "steady").await;
    screen.copy("hi").unwrap();
    screen.bell();
    assert!(matches!(show(&mut screen, "steady").await, Frame::Sent(_)));
    assert!(terminal.writes().last().unwrap().ends_with(b"\x1b]52;c;aGk=\x07\x07"));
    assert_eq!(show(&mut screen, "steady").await, Frame::Unchanged);
}

#[tokio::test]
async fn absurd_sizes_are_no_trouble() {
    let (_, mut screen) = screen(10, 2);
    for (columns, rows) in [(0, 0), (u16::MAX, u16::MAX), (1, 0)] {
        screen.resize(columns, rows);
        screen.draw(|area, buf| buf.set_style(area, Style::new())).unwrap();
        screen.outlet().idle().await;
    }
}

const MESSAGES: [&str; 4] = [
    "g 7c1f  WARN  pool wait 3 ms, attempt 4 of 5 for connection",
    "b 99aa  INFO  GET /orders/1234 200 in 31 ms user=7719",
    "g 0d12  ERROR upstream timed out after 30 s at db.query(orders)",
    "b 99aa  INFO  POST /cart 201 in 12 ms user=81",
];

fn log_line(line: usize) -> String {
    format!("12:04:{line:02} {}", MESSAGES[line * 7 % 4])
}

/// Draws log lines from `first` on over the whole screen and answers the bytes that it took.
async fn show_logs(screen: &mut Screen, first: usize) -> usize {
    let frame = screen.draw(|area, buf| {
        for (y, line) in (area.top()..area.bottom()).zip(first..) {
            buf.set_string(0, y, log_line(line), Style::new());
        }
    });
    screen.outlet().idle().await;
    match frame.unwrap() {
        Frame::Sent(bytes) => bytes,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_scrolled_screen_costs_less_than_its_text() {
    let (terminal, mut screen) = screen(120, 40);
    let whole = show_logs(&mut screen, 0).await;
    let bytes = show_logs(&mut screen, 1).await;
    assert!(bytes <= 3_000 && bytes < whole, "{bytes} of {whole}");
    let shown = terminal.contents();
    let lines: Vec<&str> = shown.lines().map(str::trim_end).collect();
    let expected: Vec<String> = (1..=40).map(log_line).collect();
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn cells_between_two_changes_are_written_again_only_where_that_is_safe() {
    let (terminal, mut screen) = screen(20, 1);
    show(&mut screen, "a日本b c").await;
    show(&mut screen, "x日本y z").await;
    assert_eq!(terminal.contents(), "x日本y z");
    let frame = terminal.writes().last().unwrap().clone();
    assert_eq!(String::from_utf8_lossy(&frame).matches("\x1b[1;").count(), 2, "{}", frame.escape_ascii());
}
