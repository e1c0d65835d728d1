//! Where the time of a call goes, by the host's own metrics; and what having metrics costs.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result};
use toolhold::telemetry::Format;

use crate::case;
use crate::measure;
use crate::place;
use crate::product::{Product, Writes};
use crate::table::{number, ratio, table};

const METHOD: &str = "Mean microseconds of each stage, from `toolhold_call_stage_duration_seconds` (sum / count) of a host with metrics on, while it took turns \
with one that has none; `other` is what of `toolhold_call_duration_seconds` is in no stage.";

const STAGE: &str = "toolhold_call_stage_duration_seconds";
const WHOLE: &str = "toolhold_call_duration_seconds";

/// In the order in which a call passes them.
const STAGES: [&str; 6] = ["validate", "decide", "admit", "run", "land", "settle"];

/// Measures and prints.
pub(super) fn run(budget: Duration) -> Result<()> {
    let component = place::guest("probes")?;
    let (folder, other) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let plain = open(other.path(), &component)?;
    let measured = open(folder.path(), &component)?;
    let metrics = std::sync::Arc::clone(measured.host().metrics());
    println!("{METHOD}\n");
    let mut rows = table(
        1,
        [
            "work",
            "validate",
            "decide",
            "admit",
            "run",
            "land",
            "settle",
            "other",
            "whole",
            "p50 with metrics / without",
        ],
    );
    let content = "y".repeat(4096);
    let works = [
        ("echo `{}`", "echo", "{}".to_owned()),
        ("echo 4 KiB of JSON", "echo", case::items(4096)),
        ("read 4 KiB", "read", r#"{"path":"/work/small"}"#.to_owned()),
        ("write 4 KiB", "write", format!(r#"{{"path":"/work/one","content":"{content}"}}"#)),
    ];
    for (name, tool, arguments) in works {
        let before = Means::read(&metrics.encode(Format::Prometheus)?)?;
        let (without, with) =
            measure::compare(budget, &mut || plain.call(tool, &arguments), &mut || measured.call(tool, &arguments))?;
        let after = Means::read(&metrics.encode(Format::Prometheus)?)?;
        let whole = after.since(&before, WHOLE, "");
        let stages = STAGES.map(|stage| after.since(&before, STAGE, stage));
        let calls = after.calls() - before.calls();
        // A stage that a call does not pass takes nothing of it; so the sums count, by the calls that there were.
        let per_call = stages.map(|(sum, _)| sum / calls);
        let whole = whole.0 / calls;
        let mut row = vec![name.to_owned()];
        row.extend(per_call.map(number));
        row.push(number(whole - per_call.iter().sum::<f64>()));
        row.push(number(whole));
        row.push(ratio(with.micros(50.0), without.micros(50.0)));
        rows.add_row(row);
    }
    println!("{rows}");
    Ok(())
}

fn open(folder: &std::path::Path, component: &[u8]) -> Result<Product> {
    case::prepare(&folder.join("work"))?;
    Product::open(folder, component, Writes::AsAWhole)
}

/// Sums in microseconds and counts, by the metric and its stage.
#[derive(Debug, Default)]
struct Means(BTreeMap<(String, String), (f64, f64)>);

impl Means {
    /// Reads the text that a scraper gets. Lines of other metrics are passed over.
    fn read(text: &str) -> Result<Self> {
        let mut means = Self::default();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (series, value) = line.rsplit_once(' ').context("a line without a value")?;
            let (name, labels) = series.split_once('{').unwrap_or((series, ""));
            let (metric, is_sum) = match (name.strip_suffix("_sum"), name.strip_suffix("_count")) {
                (Some(metric), _) => (metric, true),
                (_, Some(metric)) => (metric, false),
                _ => continue,
            };
            if metric != STAGE && metric != WHOLE {
                continue;
            }
            let stage = label(labels, "stage").unwrap_or_default();
            let (sum, count) = means.0.entry((metric.to_owned(), stage.to_owned())).or_default();
            let value: f64 = value.parse()?;
            if is_sum {
                *sum += value * 1e6;
            } else {
                *count += value;
            }
        }
        Ok(means)
    }

    /// What was added after `before`.
    fn since(&self, before: &Self, metric: &str, stage: &str) -> (f64, f64) {
        let key = (metric.to_owned(), stage.to_owned());
        let of = |means: &Self| means.0.get(&key).copied().unwrap_or_default();
        let ((sum, count), (sum_before, count_before)) = (of(self), of(before));
        (sum - sum_before, count - count_before)
    }

    fn calls(&self) -> f64 {
        self.since(&Self::default(), WHOLE, "").1
    }
}

fn label<'a>(labels: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = labels.split_once(&format!("{name}=\""))?;
    rest.split_once('"').map(|(value, _)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_and_counts_are_read_and_told_apart_from_what_was_before() {
        let before = Means::read("").unwrap();
        let text = "# HELP x y\n\
            toolhold_call_stage_duration_seconds_bucket{stage=\"run\",le=\"0.1\"} 3\n\
            toolhold_call_stage_duration_seconds_sum{stage=\"run\"} 0.0003\n\
            toolhold_call_stage_duration_seconds_count{stage=\"run\"} 3\n\
            toolhold_call_duration_seconds_sum{tool=\"a.b\"} 0.0004\n\
            toolhold_call_duration_seconds_count{tool=\"a.b\"} 2\n\
            toolhold_call_duration_seconds_count{tool=\"a.c\"} 2\n\
            toolhold_calls_open 0\n";
        let after = Means::read(text).unwrap();
        let (sum, count) = after.since(&before, STAGE, "run");
        assert!((sum - 300.0).abs() < 1e-6 && (count - 3.0).abs() < 1e-6, "{sum} {count}");
        assert!((after.calls() - 4.0).abs() < 1e-6);
        assert_eq!(after.since(&after, STAGE, "run"), (0.0, 0.0));
        assert_eq!(after.since(&before, STAGE, "land"), (0.0, 0.0));
    }
}
