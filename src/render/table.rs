//! Columns of text, as wide as what stands in them.

use console::{Alignment, measure_text_width, pad_str};

use super::ui::Ui;

/// How a column is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    Left,
    Right,
    /// On the left, and cut with an ellipsis where the line would be too long.
    Elastic,
}

/// What stands between two columns.
const GAP: usize = 2;
/// What is left of an elastic column at least.
const LEAST: usize = 12;

/// Returns the lines of a table without its trailing spaces. Cells may carry styles.
pub fn lines(ui: &Ui, columns: &[Column], rows: &[Vec<String>]) -> Vec<String> {
    let wide = |index: usize| rows.iter().filter_map(|row| row.get(index)).map(|cell| measure_text_width(cell)).max();
    let mut widths: Vec<usize> = (0..columns.len()).map(|index| wide(index).unwrap_or_default()).collect();
    let total: usize = widths.iter().sum::<usize>() + GAP * columns.len().saturating_sub(1);
    let mut excess = total.saturating_sub(ui.width);
    for (width, _) in widths.iter_mut().zip(columns).filter(|(_, column)| **column == Column::Elastic) {
        let cut = excess.min(width.saturating_sub(LEAST));
        *width -= cut;
        excess -= cut;
    }
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(columns).zip(&widths).map(|((cell, column), width)| {
            let side = if *column == Column::Right { Alignment::Right } else { Alignment::Left };
            pad_str(cell, *width, side, (*column == Column::Elastic).then_some("…")).into_owned()
        });
        cells.collect::<Vec<_>>().join(&" ".repeat(GAP)).trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}
