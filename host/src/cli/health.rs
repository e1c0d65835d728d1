//! `toolhold health`: how well tools, models and runs work.

use std::time::Duration;

use clap::Args;
use comfy_table::{Table, presets};
use toolhold_core::escape;
use toolhold_core::health::{Confidence, Verdict};

use super::effects::time;
use super::failure::{CommandResult, WithCode as _};
use super::project::Project;
use super::ui::{Tone, Ui, paint};
use crate::clock;
use crate::exit_code::ExitCode;
use crate::health::{Named, Overview, ToolSet};
use crate::journal::Reader;

/// How wide the longest bar of the picture is, in characters.
const BAR: usize = 40;

/// Show how well tools, models and runs work, by what the journal knows.
///
/// Works beside a host that runs. What is within the window is compared with what was before it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  toolhold health
  toolhold health --window 1h --json

docs/health.md says what the words mean.")]
pub(super) struct Health {
    /// How far back it looks, such as 90min, 24h or 7d.
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = super::time::some_time)]
    window: Duration,
}

impl Health {
    /// Runs the command.
    pub(super) fn run(self, project: &Project, ui: Ui) -> CommandResult {
        let window = u64::try_from(self.window.as_micros()).unwrap_or(u64::MAX);
        let since = clock::micros().saturating_sub(window);
        let overview = if project.has_state() {
            Overview::of(&Reader::open(&project.state()).code(ExitCode::Host)?, since).code(ExitCode::Host)?
        } else {
            Overview::default()
        };
        ui.result(&overview, text)?;
        Ok(ExitCode::Success)
    }
}

fn text(overview: &Overview) -> String {
    if overview.health.is_empty() {
        return "nothing was used yet".to_owned();
    }
    let mut parts = vec![table(&overview.health)];
    let alerts = alerts(overview);
    if !alerts.is_empty() {
        parts.push(alerts.join("\n"));
    }
    if !overview.unusual.is_empty() {
        let line = |unusual: &crate::health::Unusual| {
            format!(
                "run {} had {} {}, where at most {} are usual",
                unusual.run, unusual.number, unusual.what, unusual.usual
            )
        };
        parts.push(overview.unusual.iter().map(line).collect::<Vec<_>>().join("\n"));
    }
    if !overview.turns.is_empty() {
        parts.push(format!("{}\n{}", paint(Tone::Strong, "turns of a run"), picture(&overview.turns)));
    }
    parts.join("\n\n")
}

/// What somebody has to look at.
fn alerts(overview: &Overview) -> Vec<String> {
    let expected = |set: &ToolSet| {
        let Confidence { runs, percent, at_least_percent, at_most_percent } = set.confidence;
        format!("{percent}% of {runs} runs worked (likely {at_least_percent} to {at_most_percent}%)")
    };
    let mut lines = Vec::new();
    if let (Some(before), Some(present)) = (&overview.better_before, overview.tool_sets.first()) {
        lines.push(paint(Tone::Bad, "runs went clearly better with the tools before"));
        lines.push(format!("  since {}: {}", time(present.since), expected(present)));
        lines.push(format!("  before that, since {}: {}", time(before.since), expected(before)));
        lines.push("  `toolhold lock --back` takes the tools that you had before".to_owned());
    }
    for away in &overview.away {
        lines.push(paint(
            Tone::Bad,
            &format!(
                "{} is the first choice, and has not answered since {} ({} requests in vain): others stand in for it",
                escape::line(&away.model),
                time(away.since),
                away.failures
            ),
        ));
    }
    lines
}

fn table(health: &[Named]) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header(["name", "health", "uses", "faults", "mean", "p99"]);
    for named in health {
        let health = &named.health;
        let tone = match health.verdict {
            Verdict::Healthy => Tone::Good,
            Verdict::Degraded | Verdict::Critical => Tone::Bad,
            Verdict::Slow | Verdict::Unknown => Tone::Faint,
        };
        let used = health.uses > 0;
        let of_uses = |text: String| if used { text } else { String::new() };
        table.add_row([
            escape::line(&named.name).into_owned(),
            paint(tone, health.verdict.as_str()),
            health.uses.to_string(),
            of_uses(format!("{} ({}%)", health.faults, health.fault_percent)),
            of_uses(milliseconds(health.mean_micros)),
            of_uses(milliseconds(health.p99_micros)),
        ]);
    }
    table.to_string()
}

fn milliseconds(micros: u64) -> String {
    format!("{}.{} ms", micros / 1000, micros % 1000 / 100)
}

/// A bar for each number of turns.
fn picture(turns: &std::collections::BTreeMap<u32, usize>) -> String {
    let most = turns.values().copied().max().unwrap_or(1).max(1);
    let line = |(turns, runs): (&u32, &usize)| {
        let bar = "█".repeat((runs * BAR).div_ceil(most));
        format!("{turns:>5}  {bar} {runs}")
    };
    turns.iter().map(line).collect::<Vec<_>>().join("\n")
}
