//! The text format of Prometheus (version 0.0.4), written. What does not belong here: where the
//! numbers come from.

use std::fmt::{Display, Write};

/// A document in the making.
#[derive(Debug, Default)]
pub(crate) struct Text(String);

/// What a number means over time.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// Only grows, until a restart.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts in buckets.
    Histogram,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

impl Text {
    /// Begins a family; its samples follow.
    pub(crate) fn family(&mut self, name: &str, kind: Kind, help: &str) {
        let kind = kind.as_str();
        self.line(format_args!("# HELP {name} {help}"));
        self.line(format_args!("# TYPE {name} {kind}"));
    }

    /// A sample of the family begun last.
    pub(crate) fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        if labels.is_empty() {
            return self.line(format_args!("{name} {value}"));
        }
        let labels: Vec<String> = labels
            .iter()
            .map(|(label, value)| format!("{label}=\"{}\"", escaped(value)))
            .collect();
        self.line(format_args!("{name}{{{}}} {value}", labels.join(",")));
    }

    /// A family with one sample.
    pub(crate) fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.family(name, Kind::Gauge, help);
        self.sample(name, &[], value);
    }

    /// The whole document.
    pub(crate) fn finish(self) -> String {
        self.0
    }

    fn line(&mut self, line: impl Display) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "{line}");
    }
}

fn escaped(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::{Kind, Text};

    #[test]
    fn samples_are_written_as_prometheus_reads_them() {
        let mut text = Text::default();
        text.family("films", Kind::Counter, "Films.");
        text.sample("films", &[("state", "a\"b\\c\nd"), ("place", "local")], 3);
        text.gauge("up", "Whether.", 1.5);
        assert_eq!(
            text.finish(),
            "# HELP films Films.\n# TYPE films counter\n\
             films{state=\"a\\\"b\\\\c\\nd\",place=\"local\"} 3\n\
             # HELP up Whether.\n# TYPE up gauge\nup 1.5\n"
        );
    }
}
