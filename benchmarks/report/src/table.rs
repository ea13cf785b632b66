use std::fmt::Write as _;

/// A Markdown table under construction.
#[derive(Debug)]
pub struct Table {
    columns: usize,
    text: String,
}

impl Table {
    /// A table with these headings; the first column is text, the others are figures.
    #[must_use]
    pub fn new(headings: &[&str]) -> Self {
        let mut table = Self { columns: headings.len(), text: String::new() };
        table.row(&headings.iter().map(ToString::to_string).collect::<Vec<_>>());
        table.text.push_str("| --- |");
        for _ in 1..headings.len() {
            table.text.push_str(" ---: |");
        }
        table.text.push('\n');
        table
    }

    /// Adds a row; missing cells stay empty.
    pub fn row(&mut self, cells: &[String]) {
        self.text.push('|');
        for index in 0..self.columns {
            let cell = cells.get(index).map_or("", String::as_str);
            // Writing to a string does not fail.
            let _ = write!(self.text, " {} |", cell.replace('|', "\\|"));
        }
        self.text.push('\n');
    }

    /// The Markdown.
    #[must_use]
    pub fn finish(self) -> String {
        self.text
    }
}

/// A rate for people: three digits, with `k` and `M`.
#[must_use]
pub fn rate(figure: f64) -> String {
    match figure {
        figure if figure >= 999_500.0 => format!("{:.2} M", figure / 1e6),
        figure if figure >= 99_950.0 => format!("{:.0} k", figure / 1e3),
        figure if figure >= 9_995.0 => format!("{:.1} k", figure / 1e3),
        figure if figure >= 999.5 => format!("{:.2} k", figure / 1e3),
        figure => format!("{figure:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_keep_three_digits() {
        assert_eq!(
            [12.0, 1234.0, 12_345.0, 123_456.0, 2_345_678.0].map(rate),
            ["12", "1.23 k", "12.3 k", "123 k", "2.35 M"]
        );
    }

    #[test]
    fn a_table_has_a_cell_for_every_heading() {
        let mut table = Table::new(&["what", "rate"]);
        table.row(&["a|b".to_owned()]);
        assert_eq!(table.finish(), "| what | rate |\n| --- | ---: |\n| a\\|b |  |\n");
    }
}
