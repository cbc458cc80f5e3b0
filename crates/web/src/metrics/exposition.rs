//! Prometheus' text format, version 0.0.4, as far as counters, gauges and
//! histograms need it.

use std::fmt::Write;

use hotspan_model::measure::Distribution;

/// What the samples of a family mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Values by bound.
    Histogram,
}

impl Kind {
    /// The word of the format.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// The text so far.
#[derive(Debug, Default)]
pub(super) struct Exposition {
    text: String,
    family: &'static str,
}

impl Exposition {
    /// Begins a family; its samples follow.
    pub(super) fn family(&mut self, name: &'static str, kind: Kind, help: &str) {
        self.family = name;
        self.put(format_args!("# HELP {name} {}\n", escape(help, false)));
        self.put(format_args!("# TYPE {name} {}\n", kind.word()));
    }

    /// The family's only sample; nothing when the number is not known.
    pub(super) fn one(&mut self, value: Option<f64>) {
        if let Some(value) = value {
            let name = self.family;
            self.put(format_args!("{name} {value}\n"));
        }
    }

    /// A sample for each value of a label.
    pub(super) fn each<L: AsRef<str>>(
        &mut self,
        label: &str,
        samples: impl IntoIterator<Item = (L, u64)>,
    ) {
        let name = self.family;
        for (text, value) in samples {
            let text = escape(text.as_ref(), true);
            self.put(format_args!("{name}{{{label}=\"{text}\"}} {value}\n"));
        }
    }

    /// A sample for one value of a label, which is a word of the program.
    pub(super) fn labelled(&mut self, label: &str, word: &str, value: f64) {
        let name = self.family;
        self.put(format_args!("{name}{{{label}=\"{word}\"}} {value}\n"));
    }

    /// A histogram, its values divided by `unit`; `label` is a name and a
    /// plain value.
    pub(super) fn histogram(
        &mut self,
        label: Option<(&str, &str)>,
        distribution: &Distribution,
        unit: f64,
    ) {
        let name = self.family;
        let (with, alone) = match label {
            Some((name, value)) => {
                (format!("{name}=\"{value}\","), format!("{{{name}=\"{value}\"}}"))
            }
            None => Default::default(),
        };
        let mut below = 0;
        let bounds = distribution.bounds.iter().map(|bound| (*bound as f64 / unit).to_string());
        for (bound, count) in bounds.chain(["+Inf".to_owned()]).zip(&distribution.counts) {
            below += count;
            self.put(format_args!("{name}_bucket{{{with}le=\"{bound}\"}} {below}\n"));
        }
        self.put(format_args!("{name}_sum{alone} {}\n", distribution.sum as f64 / unit));
        self.put(format_args!("{name}_count{alone} {below}\n"));
    }

    /// Everything written.
    pub(super) fn finish(self) -> String {
        self.text
    }

    fn put(&mut self, line: std::fmt::Arguments<'_>) {
        // A string takes whatever is written to it.
        let _ = self.text.write_fmt(line);
    }
}

/// Names of categories and reasons come from clients, so anything may be in
/// them.
fn escape(text: &str, quoted: bool) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => escaped.push_str("\\\\"),
            '\n' => escaped.push_str("\\n"),
            '"' if quoted => escaped.push_str("\\\""),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use hotspan_model::measure::Histogram;

    use super::*;

    #[test]
    fn the_format() {
        let mut text = Exposition::default();
        text.family("a_total", Kind::Counter, "back\\slash\nand \"line\"");
        text.each("reason", [("plain", 1), ("quo\"te\\\n", 2)]);
        text.family("b_bytes", Kind::Gauge, "one");
        text.one(Some(1.5));
        text.one(None);
        text.family("c_seconds", Kind::Histogram, "times");
        let histogram = Histogram::new(&[500_000_000, 2_000_000_000]);
        for value in [1, 500_000_000, 1_000_000_000, 9_000_000_000] {
            histogram.observe(value);
        }
        text.histogram(Some(("kind", "x")), &histogram.read(), 1e9);
        expect![[r#"
            # HELP a_total back\\slash\nand "line"
            # TYPE a_total counter
            a_total{reason="plain"} 1
            a_total{reason="quo\"te\\\n"} 2
            # HELP b_bytes one
            # TYPE b_bytes gauge
            b_bytes 1.5
            # HELP c_seconds times
            # TYPE c_seconds histogram
            c_seconds_bucket{kind="x",le="0.5"} 2
            c_seconds_bucket{kind="x",le="2"} 3
            c_seconds_bucket{kind="x",le="+Inf"} 4
            c_seconds_sum{kind="x"} 10.500000001
            c_seconds_count{kind="x"} 4
        "#]]
        .assert_eq(&text.finish());
    }
}
