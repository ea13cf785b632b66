use std::fmt::Write as _;

use crate::{Spread, rate};

/// A horizontal bar chart with the spread of every bar, as SVG.
#[derive(Debug)]
pub struct Chart {
    /// What is shown.
    pub title: String,
    /// What the length of a bar means.
    pub unit: String,
    /// The bars, from top to bottom.
    pub bars: Vec<Bar>,
}

/// One bar.
#[derive(Debug)]
pub struct Bar {
    /// What it stands for.
    pub label: String,
    /// How long it is: the median, with a line from least to greatest.
    pub spread: Spread,
    /// Whether it is Nexus.
    pub own: bool,
}

const WIDTH: f64 = 760.0;
const LABELS: f64 = 250.0;
const VALUES: f64 = 90.0;
const ROW: f64 = 30.0;
const TOP: f64 = 56.0;

impl Chart {
    /// The picture, readable on light and dark pages.
    #[must_use]
    pub fn svg(&self) -> String {
        let height = TOP + ROW * self.bars.len() as f64 + 12.0;
        let greatest = self.bars.iter().map(|bar| bar.spread.max).fold(f64::MIN_POSITIVE, f64::max);
        let scale = (WIDTH - LABELS - VALUES) / greatest;
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\" \
             role=\"img\" font-family=\"system-ui, sans-serif\" font-size=\"13\">\n\
             <title>{title}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n\
             <text x=\"12\" y=\"22\" font-size=\"15\" font-weight=\"600\" fill=\"#1b1f24\">{title}</text>\n\
             <text x=\"12\" y=\"42\" fill=\"#57606a\">{unit}; the line spans the least and the greatest round</text>\n",
            title = escaped(&self.title),
            unit = escaped(&self.unit),
        );
        for (index, bar) in self.bars.iter().enumerate() {
            bar.draw(&mut svg, TOP + ROW * index as f64, scale);
        }
        svg.push_str("</svg>\n");
        svg
    }
}

impl Bar {
    fn draw(&self, svg: &mut String, top: f64, scale: f64) {
        let Spread { min, median, max } = self.spread;
        let (length, middle, baseline) = (median * scale, top + 9.0, top + 14.0);
        let colour = if self.own { "#0969da" } else { "#afb8c1" };
        let (from, to) = (LABELS + min * scale, LABELS + max * scale);
        // Writing to a string does not fail.
        let _ = writeln!(
            svg,
            "<text x=\"{x:.0}\" y=\"{baseline}\" text-anchor=\"end\" fill=\"#1b1f24\">{label}</text>\n\
             <rect x=\"{LABELS}\" y=\"{top}\" width=\"{length:.1}\" height=\"18\" rx=\"2\" fill=\"{colour}\"/>\n\
             <path d=\"M{from:.1} {middle}H{to:.1}\" stroke=\"#1b1f24\" stroke-width=\"1.5\"/>\n\
             <text x=\"{value:.1}\" y=\"{baseline}\" fill=\"#1b1f24\">{figure}</text>",
            x = LABELS - 8.0,
            label = escaped(&self.label),
            value = to.max(LABELS + length) + 8.0,
            figure = rate(median),
        );
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_bar_fills_the_room_and_the_others_are_in_proportion() {
        let spread = |median| Spread { min: median, median, max: median };
        let bar = |label: &str, median, own| Bar { label: label.to_owned(), spread: spread(median), own };
        let chart = Chart {
            title: "a < b".to_owned(),
            unit: "events/s".to_owned(),
            bars: vec![bar("one", 200.0, true), bar("two", 100.0, false)],
        };
        let svg = chart.svg();
        assert!(svg.contains("a &lt; b"));
        assert!(svg.contains("width=\"420.0\"") && svg.contains("width=\"210.0\""), "{svg}");
    }
}
