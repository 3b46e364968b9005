//! Medians, and how they are written.

/// Milliseconds of several rounds.
#[derive(Debug, Clone, Default)]
pub(super) struct Times(Vec<f64>);

impl Times {
    pub(super) fn push(&mut self, milliseconds: f64) {
        self.0.push(milliseconds);
        self.0.sort_unstable_by(f64::total_cmp);
    }

    pub(super) fn median(&self) -> Option<f64> {
        let middle = self.0.len() / 2;
        let upper = *self.0.get(middle)?;
        if self.0.len() % 2 == 1 {
            return Some(upper);
        }
        let lower = *self.0.get(middle.checked_sub(1)?)?;
        Some(f64::midpoint(lower, upper))
    }

    /// Returns the median with the least and the most, as a table has it.
    pub(super) fn shown(&self) -> Option<String> {
        let (median, least, most) = (self.median()?, *self.0.first()?, *self.0.last()?);
        let (unit, factor) = unit(median);
        let [median, least, most] = [median, least, most].map(|time| digits(time / factor));
        Some(format!("{median} {unit} ({least}–{most})"))
    }
}

/// Returns a time with its unit.
pub(super) fn time(milliseconds: f64) -> String {
    let (unit, factor) = unit(milliseconds);
    format!("{} {unit}", digits(milliseconds / factor))
}

fn unit(milliseconds: f64) -> (&'static str, f64) {
    if milliseconds < 1_000.0 { ("ms", 1.0) } else { ("s", 1e3) }
}

fn digits(number: f64) -> String {
    match number {
        small if small < 10.0 => format!("{small:.2}"),
        middle if middle < 100.0 => format!("{middle:.1}"),
        large => format!("{large:.0}"),
    }
}

/// Returns a ratio, with as many digits as mean something.
pub(super) fn ratio(number: f64) -> String {
    if number < 10.0 { format!("{number:.2}×") } else { format!("{number:.0}×") }
}
