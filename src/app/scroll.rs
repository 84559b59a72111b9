//! Scrolling that holds on to what is being read: the position is a line's identity, not its index, so that lines which
//! arrive below or fall out above do not move the text under the operator's eyes.

/// Where a list of lines is scrolled to. Lines are numbered from the first one ever; old ones may be gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Anchor {
    /// The last line is at the bottom, and stays there as lines arrive.
    #[default]
    Follow,
    /// This line is at the top.
    Line(u64),
}

/// The lines held now and how many of them fit on the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// The number of the oldest line still held.
    pub first: u64,
    /// How many lines are held.
    pub len: usize,
    /// How many of them fit.
    pub height: usize,
}

impl Extent {
    /// The highest index that the top line can have while the screen stays full.
    fn last_top(self) -> usize {
        self.len.saturating_sub(self.height)
    }
}

impl Anchor {
    /// The index, among the lines held, of the line at the top of the screen.
    pub fn top(self, extent: Extent) -> usize {
        match self {
            Self::Follow => extent.last_top(),
            Self::Line(line) => {
                usize::try_from(line.saturating_sub(extent.first)).unwrap_or(usize::MAX).min(extent.last_top())
            }
        }
    }

    /// How many lines are hidden below the screen: those not yet read while scrolled back.
    pub fn below(self, extent: Extent) -> usize {
        extent.last_top().saturating_sub(self.top(extent))
    }

    /// Scrolled by so many lines, down when positive. Reaching the end by scrolling down follows again.
    #[must_use]
    pub fn by(self, lines: isize, extent: Extent) -> Self {
        let top = self.top(extent).saturating_add_signed(lines);
        if lines > 0 && top >= extent.last_top() { Self::Follow } else { Self::at(top, extent) }
    }

    /// With the line of this index at the top, as far as the screen can stay full; never following.
    #[must_use]
    pub fn at(index: usize, extent: Extent) -> Self {
        Self::Line(extent.first.saturating_add(index.min(extent.last_top()) as u64))
    }

    /// Scrolled as little as needed to show the line of this index. Stays following while that shows it.
    #[must_use]
    pub fn showing(self, index: usize, extent: Extent) -> Self {
        let top = self.top(extent);
        if index < top {
            Self::at(index, extent)
        } else if index >= top.saturating_add(extent.height.max(1)) {
            Self::at(index.saturating_add(1).saturating_sub(extent.height), extent)
        } else {
            self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELD: Extent = Extent { first: 100, len: 50, height: 10 };

    #[test]
    fn following_shows_the_end_and_scrolling_up_holds_the_line() {
        let anchor = Anchor::Follow.by(-5, HELD);
        assert_eq!(anchor, Anchor::Line(135));
        let later = Extent { first: 120, len: 60, ..HELD };
        assert_eq!(anchor.top(later), 15);
        assert_eq!(anchor.below(later), 35);
    }

    #[test]
    fn a_line_that_fell_out_leaves_the_oldest_one_at_the_top() {
        assert_eq!(Anchor::Line(3).top(HELD), 0);
        assert_eq!(Anchor::Line(u64::MAX).top(HELD), 40);
    }

    #[test]
    fn scrolling_down_to_the_end_follows_again() {
        assert_eq!(Anchor::Line(138).by(5, HELD), Anchor::Follow);
        assert_eq!(Anchor::Line(100).by(-3, HELD), Anchor::Line(100));
        assert_eq!(Anchor::Follow.by(-3, Extent { len: 4, ..HELD }), Anchor::Line(100));
    }

    #[test]
    fn a_selected_line_is_brought_into_sight_by_the_shortest_way() {
        assert_eq!(Anchor::Line(110).showing(5, HELD), Anchor::Line(105));
        assert_eq!(Anchor::Line(110).showing(19, HELD), Anchor::Line(110));
        assert_eq!(Anchor::Line(110).showing(25, HELD), Anchor::Line(116));
        assert_eq!(Anchor::Follow.showing(49, HELD), Anchor::Follow);
    }

    #[test]
    fn no_room_and_no_lines_are_no_trouble() {
        let nothing = Extent { first: 0, len: 0, height: 0 };
        assert_eq!(Anchor::Follow.by(1, nothing).showing(3, nothing).top(nothing), 0);
    }
}
