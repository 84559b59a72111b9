//! Steps on the way: `●10 ───── ◉50 ───── ○100`.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::text::{columns, put, width};
use crate::ui::theme::{Role, Theme};

/// How far a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepState {
    /// Reached and left behind.
    Done,
    /// Under way.
    Now,
    /// To come.
    ToCome,
}

/// One step.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// What it is called.
    pub label: &'a str,
    /// How far it is.
    pub state: StepState,
}

/// A row of steps.
#[derive(Clone, Copy, Debug)]
pub struct Steps<'a> {
    /// The steps, in order.
    pub steps: &'a [Step<'a>],
    /// The look of what is reached.
    pub role: Role,
}

/// The longest rule between two steps.
const LONGEST_RULE: usize = 7;

impl Steps<'_> {
    /// Draws the steps on the first row and answers the columns taken. When they do not fit, those behind give way first.
    pub fn render(&self, area: Rect, buf: &mut Buffer, theme: &Theme) -> u16 {
        let area = area.intersection(buf.area);
        if area.is_empty() {
            return 0;
        }
        let last = self.steps.len().saturating_sub(1);
        let now = self.steps.iter().position(|step| step.state != StepState::Done).unwrap_or(last);
        let hidden = (0..now).find(|hidden| self.least(*hidden) <= area.width.into()).unwrap_or(now);
        let shown = self.steps.get(hidden..).unwrap_or_default();
        let spare = usize::from(area.width).saturating_sub(self.least(hidden));
        let rule = 1 + spare.checked_div(shown.len().saturating_sub(1)).unwrap_or(0).min(LONGEST_RULE - 1);

        let mut x = area.x;
        let mut draw = |text: &str, role: Role| {
            x = x.saturating_add(put(buf, (x, area.y), area.right().saturating_sub(x), text, theme.style(role)));
        };
        if hidden > 0 {
            draw(&format!("{} ", theme.glyphs.ellipsis), Role::Muted);
        }
        for (index, step) in shown.iter().enumerate() {
            let (sign, role) = match step.state {
                StepState::Done => (theme.glyphs.step_done, self.role),
                StepState::Now => (theme.glyphs.step_now, Role::Strong),
                StepState::ToCome => (theme.glyphs.step_todo, Role::Muted),
            };
            if index > 0 {
                draw(
                    &format!(" {} ", theme.glyphs.rule.repeat(rule)),
                    if step.state == StepState::Done { role } else { Role::Muted },
                );
            }
            draw(&format!("{sign}{}", step.label), role);
        }
        x - area.x
    }

    /// The columns that the steps from `hidden` on need with the shortest rules.
    fn least(&self, hidden: usize) -> usize {
        let shown = self.steps.get(hidden..).unwrap_or_default();
        let labels: usize = shown.iter().map(|step| 1 + width(step.label)).sum();
        labels + shown.len().saturating_sub(1) * 3 + if hidden > 0 { 2 } else { 0 }
    }

    /// The columns that the steps take when there is all the room they like.
    pub fn width(&self) -> u16 {
        columns(self.least(0) + self.steps.len().saturating_sub(1) * (LONGEST_RULE - 1))
    }
}
