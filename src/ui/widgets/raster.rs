//! Points finer than a cell: lines drawn on a grid of dots and read back as signs.

use crate::ui::theme::Dots;

impl Dots {
    /// Dots across and down one cell.
    const fn per_cell(self) -> (usize, usize) {
        match self {
            Self::Braille => (2, 4),
            Self::Quadrants => (2, 2),
            Self::Ascii => (1, 2),
        }
    }

    /// The bit of the dot at `(x, y)` within its cell.
    fn bit(self, x: usize, y: usize) -> u8 {
        match self {
            // Braille numbers its first three rows column by column and adds the fourth at the end.
            Self::Braille if y == 3 => 0x40 << x,
            Self::Braille => 1 << (x * 3 + y),
            Self::Quadrants => 1 << (y * 2 + x),
            Self::Ascii => 1 << y,
        }
    }

    /// The sign of a cell with these dots.
    pub(super) fn sign(self, dots: u8) -> char {
        let nth = |signs: &str| signs.chars().nth(dots.into()).unwrap_or(' ');
        match self {
            Self::Braille => char::from_u32(0x2800 + u32::from(dots)).unwrap_or(' '),
            Self::Quadrants => nth(" ▘▝▀▖▌▞▛▗▚▐▜▄▙▟█"),
            Self::Ascii => nth(" '.:"),
        }
    }
}

/// A grid of dots over so many cells.
#[derive(Clone, Debug)]
pub(super) struct Raster {
    dots: Dots,
    columns: usize,
    cells: Vec<u8>,
}

impl Raster {
    pub(super) fn new(dots: Dots, columns: usize, rows: usize) -> Self {
        Self { dots, columns, cells: vec![0; columns * rows] }
    }

    /// The highest coordinates of the grid.
    pub(super) fn reach(&self) -> (usize, usize) {
        let (across, down) = self.dots.per_cell();
        let rows = self.cells.len().checked_div(self.columns).unwrap_or(0);
        ((self.columns * across).saturating_sub(1), (rows * down).saturating_sub(1))
    }

    /// Sets the dot at `(x, y)`, counted from the top left; outside the grid nothing.
    pub(super) fn dot(&mut self, x: usize, y: usize) {
        let (across, down) = self.dots.per_cell();
        if x / across >= self.columns {
            return;
        }
        let bit = self.dots.bit(x % across, y % down);
        if let Some(cell) = self.cells.get_mut(y / down * self.columns + x / across) {
            *cell |= bit;
        }
    }

    /// Sets the dots of the straight line between two points.
    pub(super) fn line(&mut self, from: (usize, usize), to: (usize, usize)) {
        let span = from.0.abs_diff(to.0).max(from.1.abs_diff(to.1)).max(1);
        let between = |a: usize, b: usize, step: usize| {
            let share = step as f64 / span as f64;
            (a as f64 + (b as f64 - a as f64) * share).round() as usize
        };
        for step in 0..=span {
            self.dot(between(from.0, to.0, step), between(from.1, to.1, step));
        }
    }

    /// The dots of the cell at this column and row.
    pub(super) fn cell(&self, column: usize, row: usize) -> u8 {
        self.cells.get(row * self.columns + column).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(dots: Dots, draw: impl FnOnce(&mut Raster)) -> String {
        let mut raster = Raster::new(dots, 2, 1);
        draw(&mut raster);
        (0..2).map(|column| dots.sign(raster.cell(column, 0))).collect()
    }

    #[test]
    fn every_packing_reads_its_own_dots_back() {
        assert_eq!(drawn(Dots::Braille, |raster| raster.line((0, 3), (3, 0))), "⡠⠊");
        assert_eq!(drawn(Dots::Quadrants, |raster| raster.line((0, 1), (3, 0))), "▄▀");
        assert_eq!(drawn(Dots::Ascii, |raster| raster.line((0, 0), (1, 1))), "'.");
    }

    #[test]
    fn a_point_is_a_dot_and_outside_is_nothing() {
        assert_eq!(drawn(Dots::Braille, |raster| raster.line((1, 1), (1, 1))), "⠐⠀");
        assert_eq!(drawn(Dots::Braille, |raster| raster.dot(4, 0)), "⠀⠀");
        assert_eq!(drawn(Dots::Braille, |raster| raster.dot(0, 99)), "⠀⠀");
    }
}
