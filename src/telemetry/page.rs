//! The page that Prometheus reads: text format 0.0.4, written line by line.
//!
//! Lines go straight from sums to text. Through the protocol structs of `prometheus`, 10,000 series of 20 families
//! would be hundreds of thousands of structs with a dozen strings each, for every scrape; here the labels of a series
//! are made into text once, when it begins.

use std::fmt::{self, Write as _};
use std::sync::Arc;

use super::histogram::Histogram;

/// Media type of a page.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A metric family: what its lines are called and what they mean.
#[derive(Debug, Clone, Copy)]
pub struct Family {
    /// Whole name, with the unit and, for a counter, `_total` at its end.
    pub name: &'static str,
    /// A sentence on what is measured.
    pub help: &'static str,
    /// How its values behave.
    pub kind: Kind,
}

/// How the values of a family behave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only goes up, while the process lives.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts by bucket, and a sum.
    Histogram,
}

impl Kind {
    const fn text(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// Labels of a series, kept as the escaped text that its lines show; cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Labels(Arc<str>);

impl Labels {
    /// Labels in the order given; an empty value says the same as no label.
    #[must_use]
    pub fn new(pairs: &[(&str, &str)]) -> Self {
        let mut text = String::new();
        for (name, value) in pairs {
            if !text.is_empty() {
                text.push(',');
            }
            push_label(&mut text, name, value);
        }
        Self(Arc::from(text))
    }

    /// No labels.
    #[must_use]
    pub fn none() -> Self {
        Self::new(&[])
    }
}

impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A number on a page.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value {
    /// A count.
    Count(u64),
    /// A level that may be below zero.
    Level(i64),
    /// Anything with a fraction.
    Real(f64),
}

impl From<u64> for Value {
    fn from(n: u64) -> Self {
        Self::Count(n)
    }
}

impl From<i64> for Value {
    fn from(n: i64) -> Self {
        Self::Level(n)
    }
}

impl From<f64> for Value {
    fn from(n: f64) -> Self {
        Self::Real(n)
    }
}

/// A page as it is written, family after family.
#[derive(Debug, Default)]
pub struct Page {
    text: String,
}

impl Page {
    /// An empty page.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins a family of counters or gauges; all its lines follow.
    pub fn family(&mut self, family: &Family) -> Lines<'_> {
        self.head(family);
        Lines { text: &mut self.text, name: family.name }
    }

    /// Begins a family of histograms; all its lines follow.
    pub fn histograms(&mut self, family: &Family, histogram: Histogram) -> HistogramLines<'_> {
        self.head(family);
        let bounds = histogram.bounds().chain([f64::INFINITY]).map(bound_label).collect();
        HistogramLines { text: &mut self.text, name: family.name, histogram, bounds }
    }

    /// Appends families in the same format that somebody else wrote.
    pub fn append(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// The page as text.
    #[must_use]
    pub fn into_text(self) -> String {
        self.text
    }

    fn head(&mut self, family: &Family) {
        let Family { name, help, kind } = family;
        self.text.push_str("# HELP ");
        self.text.push_str(name);
        self.text.push(' ');
        help.chars().for_each(|c| push_escaped(&mut self.text, c));
        self.text.push_str("\n# TYPE ");
        self.text.push_str(name);
        self.text.push(' ');
        self.text.push_str(kind.text());
        self.text.push('\n');
    }
}

/// The lines of a family of counters or gauges.
#[derive(Debug)]
pub struct Lines<'a> {
    text: &'a mut String,
    name: &'static str,
}

impl Lines<'_> {
    /// Writes a line.
    pub fn line(&mut self, labels: &Labels, value: impl Into<Value>) {
        push_line(self.text, [self.name, ""], labels, "", value.into());
    }

    /// Writes a line with one label more, by which the lines of one series differ.
    pub fn line_with(&mut self, labels: &Labels, (name, text): (&str, &str), value: impl Into<Value>) {
        let mut last = String::new();
        push_label(&mut last, name, text);
        push_line(self.text, [self.name, ""], labels, &last, value.into());
    }
}

/// The lines of a family of histograms.
#[derive(Debug)]
pub struct HistogramLines<'a> {
    text: &'a mut String,
    name: &'static str,
    histogram: Histogram,
    /// The label `le` of each bucket, as text.
    bounds: Vec<String>,
}

impl HistogramLines<'_> {
    /// Writes the lines of one series: cumulated buckets, sum and count.
    ///
    /// The count is that of the buckets, so that they agree even while workers go on counting.
    pub fn lines<const N: usize>(&mut self, labels: &Labels, sums: &[u64; N]) {
        let mut count = 0_u64;
        for (bound, in_bucket) in self.bounds.iter().zip(self.histogram.counts(sums)) {
            count = count.wrapping_add(in_bucket);
            push_line(self.text, [self.name, "_bucket"], labels, bound, Value::Count(count));
        }
        push_line(self.text, [self.name, "_sum"], labels, "", Value::Real(self.histogram.sum(sums)));
        push_line(self.text, [self.name, "_count"], labels, "", Value::Count(count));
    }
}

fn push_line(text: &mut String, name: [&str; 2], labels: &Labels, last_label: &str, value: Value) {
    name.iter().for_each(|part| text.push_str(part));
    if !(labels.0.is_empty() && last_label.is_empty()) {
        text.push('{');
        text.push_str(&labels.0);
        if !(labels.0.is_empty() || last_label.is_empty()) {
            text.push(',');
        }
        text.push_str(last_label);
        text.push('}');
    }
    text.push(' ');
    push_value(text, value);
    text.push('\n');
}

fn bound_label(bound: f64) -> String {
    let mut value = String::new();
    push_real(&mut value, bound);
    format!("le=\"{value}\"")
}

fn push_label(text: &mut String, name: &str, value: &str) {
    text.push_str(name);
    text.push_str("=\"");
    for c in value.chars() {
        match c {
            '"' => text.push_str("\\\""),
            c => push_escaped(text, c),
        }
    }
    text.push('"');
}

fn push_escaped(text: &mut String, c: char) {
    match c {
        '\\' => text.push_str("\\\\"),
        '\n' => text.push_str("\\n"),
        c => text.push(c),
    }
}

fn push_value(text: &mut String, value: Value) {
    match value {
        Value::Count(n) => text.push_str(itoa::Buffer::new().format(n)),
        Value::Level(n) => text.push_str(itoa::Buffer::new().format(n)),
        Value::Real(n) => push_real(text, n),
    }
}

fn push_real(text: &mut String, n: f64) {
    if n.is_infinite() {
        text.push_str(if n > 0.0 { "+Inf" } else { "-Inf" });
    } else {
        // Writing to a string does not fail, and "NaN" is what both call it.
        let _ = write!(text, "{n}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALLS: Family = Family { name: "calls_total", help: "Calls\\ of\nall.", kind: Kind::Counter };
    const WAIT: Family = Family { name: "wait_seconds", help: "Waits.", kind: Kind::Histogram };
    const BUCKETS: Histogram = Histogram::listed(0, &[500, 1_000], 1_000);

    #[test]
    fn a_page_is_what_prometheus_reads() {
        let mut page = Page::new();
        let labels = Labels::new(&[("agent", "a\"b\\c\nd"), ("arm", "")]);
        let mut lines = page.family(&CALLS);
        lines.line(&Labels::none(), 1_u64);
        lines.line(&labels, -2_i64);
        lines.line_with(&labels, ("outcome", "lost"), f64::NEG_INFINITY);
        lines.line_with(&Labels::none(), ("outcome", "won"), 0.25);
        page.histograms(&WAIT, BUCKETS).lines(&Labels::none(), &[3, 0, 1, 2_250]);
        page.histograms(&WAIT, BUCKETS).lines(&labels, &[0; 4]);
        let expected = r##"# HELP calls_total Calls\\ of\nall.
# TYPE calls_total counter
calls_total 1
calls_total{agent="a\"b\\c\nd",arm=""} -2
calls_total{agent="a\"b\\c\nd",arm="",outcome="lost"} -Inf
calls_total{outcome="won"} 0.25
# HELP wait_seconds Waits.
# TYPE wait_seconds histogram
wait_seconds_bucket{le="0.5"} 3
wait_seconds_bucket{le="1"} 3
wait_seconds_bucket{le="+Inf"} 4
wait_seconds_sum 2.25
wait_seconds_count 4
"##;
        let text = page.into_text();
        assert_eq!(&text[..expected.len()], expected);
        assert!(text.contains("wait_seconds_bucket{agent=\"a\\\"b\\\\c\\nd\",arm=\"\",le=\"+Inf\"} 0\n"));
    }
}
