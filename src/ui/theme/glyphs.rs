//! The signs: one set in Unicode, one in seven bits, each sign one column wide in both.

use ratatui::symbols::border;

/// How a chart packs points into a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dots {
    /// Two by four points a cell.
    Braille,
    /// Two by two, for fonts without braille.
    Quadrants,
    /// One by two, in seven bits.
    Ascii,
}

/// The signs that pictures are made of. Each is one column wide.
#[derive(Debug, PartialEq, Eq)]
pub struct Glyphs {
    /// Passed, healthy.
    pub ok: &'static str,
    /// Failed, firing.
    pub bad: &'static str,
    /// Marginal, needs a look.
    pub warning: &'static str,
    /// Under way.
    pub running: &'static str,
    /// Not begun.
    pub pending: &'static str,
    /// Held by an operator.
    pub paused: &'static str,
    /// Held still on the screen alone.
    pub frozen: &'static str,
    /// Waits for a human.
    pub waiting: &'static str,
    /// Left out.
    pub skipped: &'static str,
    /// Taken back.
    pub undone: &'static str,
    /// Nothing known.
    pub no_data: &'static str,
    /// A step reached.
    pub step_done: &'static str,
    /// The step under way.
    pub step_now: &'static str,
    /// A step to come.
    pub step_todo: &'static str,
    /// A horizontal rule.
    pub rule: &'static str,
    /// A thin vertical separator.
    pub separator: &'static str,
    /// From one thing to another.
    pub arrow: &'static str,
    /// Rising.
    pub up: &'static str,
    /// Falling.
    pub down: &'static str,
    /// Before the selected row.
    pub cursor: &'static str,
    /// Where text was cut.
    pub ellipsis: &'static str,
    /// Between two hints.
    pub bullet: &'static str,
    /// The empty part of a bar.
    pub track: &'static str,
    /// A filled cell of a bar.
    pub full: &'static str,
    /// A partly filled cell, in equal parts, least first, without empty and full.
    pub parts: &'static [&'static str],
    /// Heights of a sparkline, lowest first; the lowest one is a measured zero.
    pub levels: &'static [&'static str],
    /// A missing point of a sparkline.
    pub gap: &'static str,
    /// A threshold across a chart.
    pub threshold: &'static str,
    /// A marked moment down a chart.
    pub mark: &'static str,
    /// The position in a list longer than its panel.
    pub thumb: &'static str,
    /// Frames of a spinner.
    pub spinner: &'static [&'static str],
    /// The frame of a panel.
    pub border: border::Set<'static>,
    /// The frame of the panel that has the focus.
    pub border_focus: border::Set<'static>,
    /// How charts pack their points.
    pub dots: Dots,
}

impl Glyphs {
    /// The spinner's sign after `ticks` ticks.
    pub fn spinner(&self, ticks: usize) -> &'static str {
        self.spinner.iter().cycle().nth(ticks % self.spinner.len().max(1)).copied().unwrap_or(" ")
    }
}

/// The full set.
pub static UNICODE: Glyphs = Glyphs {
    ok: "✔",
    bad: "✖",
    warning: "⚠",
    running: "▶",
    pending: "·",
    paused: "‖",
    frozen: "❄",
    waiting: "◆",
    skipped: "»",
    undone: "↺",
    no_data: "◌",
    step_done: "●",
    step_now: "◉",
    step_todo: "○",
    rule: "─",
    separator: "│",
    arrow: "→",
    up: "▲",
    down: "▼",
    cursor: "▌",
    ellipsis: "…",
    bullet: "·",
    track: "░",
    full: "█",
    parts: &["▏", "▎", "▍", "▌", "▋", "▊", "▉"],
    levels: &["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"],
    gap: " ",
    threshold: "╌",
    mark: "┊",
    thumb: "┃",
    spinner: &["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧"],
    border: border::ROUNDED,
    border_focus: border::Set {
        top_left: "┏",
        top_right: "┓",
        bottom_left: "┗",
        bottom_right: "┛",
        vertical_left: "┃",
        vertical_right: "┃",
        horizontal_top: "━",
        horizontal_bottom: "━",
    },
    dots: Dots::Braille,
};

/// Seven bits.
pub static ASCII: Glyphs = Glyphs {
    ok: "+",
    bad: "x",
    warning: "!",
    running: ">",
    pending: ".",
    paused: "=",
    frozen: "*",
    waiting: "?",
    skipped: "-",
    undone: "<",
    no_data: "~",
    step_done: "*",
    step_now: "@",
    step_todo: "o",
    rule: "-",
    separator: "|",
    arrow: ">",
    up: "^",
    down: "v",
    cursor: ">",
    ellipsis: "~",
    bullet: "-",
    track: ".",
    full: "#",
    parts: &["-"],
    levels: &["_", ".", ":", "-", "=", "+", "*", "#"],
    gap: " ",
    threshold: "-",
    mark: ":",
    thumb: "#",
    spinner: &["|", "/", "-", "\\"],
    border: border::Set {
        top_left: "+",
        top_right: "+",
        bottom_left: "+",
        bottom_right: "+",
        vertical_left: "|",
        vertical_right: "|",
        horizontal_top: "-",
        horizontal_bottom: "-",
    },
    border_focus: border::Set {
        top_left: "#",
        top_right: "#",
        bottom_left: "#",
        bottom_right: "#",
        vertical_left: "#",
        vertical_right: "#",
        horizontal_top: "=",
        horizontal_bottom: "=",
    },
    dots: Dots::Ascii,
};
