//! What this process logs, and where its spans go.

use std::io::IsTerminal as _;

use clap::{Args, ValueEnum};

use super::{known, variable};
use crate::telemetry::{self, Exporter, LogFormat, LogOptions, Settings};

/// How log lines look.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// One JSON object for each line.
    Json,
}

/// What goes to standard error beside the talk of a command.
#[derive(Debug, Clone, Args)]
pub(super) struct Logs {
    /// Log lines for people or for programs.
    #[arg(long, global = true, value_name = "FORMAT", env = "TOOLHOLD_LOG_FORMAT", default_value = "text")]
    log_format: Format,
}

/// Log lines are written and spans are sent, until this is finished.
#[must_use = "what is left is sent when it is finished"]
pub(super) struct Started(Option<Exporter>);

impl Logs {
    /// Whether a program reads what is said, and no person at a terminal.
    pub(super) fn is_for_a_program(&self) -> bool {
        matches!(self.log_format, Format::Json) && !std::io::stderr().is_terminal()
    }

    /// Begins. Spans go to the collector that the environment names, if it names one.
    pub(super) fn start(&self, verbose: u8) -> Started {
        let level = match verbose {
            // What a client does wrong it is told; the SDK would tell the operator as well, in words of its own.
            0 => "warn,rmcp::service=error",
            1 => "toolhold=info,toolhold_sandbox=info,warn",
            _ => "toolhold=debug,toolhold_sandbox=debug,info",
        };
        let format = match self.log_format {
            Format::Text => LogFormat::Text,
            Format::Json => LogFormat::Json,
        };
        let (exporter, wrong) = exporter();
        let options = LogOptions { level, format, ansi: std::io::stderr().is_terminal() };
        telemetry::start(options, || known::LogOutput(std::io::stderr()), exporter.as_ref());
        if let Some(wrong) = wrong {
            tracing::warn!("{wrong}");
        }
        Started(exporter)
    }
}

impl Started {
    /// Sends what is left.
    pub(super) fn finish(self) {
        if let Some(exporter) = self.0 {
            exporter.finish();
        }
    }
}

/// What sends spans, or why nothing does that should.
fn exporter() -> (Option<Exporter>, Option<String>) {
    match Settings::from_environment(&variable) {
        Ok(None) => (None, None),
        Ok(Some(settings)) => match Exporter::start(&settings, known::clean) {
            Ok(exporter) => (Some(exporter), None),
            Err(error) => (None, Some(error.to_string())),
        },
        Err(error) => (None, Some(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use serde_json::Value;
    use toolhold_core::redact::Redactor;

    use super::*;
    use crate::telemetry::spans;

    const SECRET: &str = "log-s3cr3t-\"quoted\"-\\value";

    /// What is written, in memory.
    #[derive(Clone, Default)]
    struct Paper(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn logged(format: LogFormat, act: impl FnOnce()) -> String {
        let (paper, options) = (Paper::default(), LogOptions { level: "info", format, ansi: false });
        let writer = paper.clone();
        let made = move || known::LogOutput(writer.clone());
        tracing::dispatcher::with_default(&telemetry::dispatch(options, made, None), act);
        String::from_utf8(paper.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn a_secret_that_is_logged_on_purpose_is_in_no_line() {
        known::learn(&Redactor::new([("token", SECRET)]));
        for format in [LogFormat::Text, LogFormat::Json] {
            let lines = logged(format, || {
                tracing::warn!(secret = SECRET, debug = ?SECRET, "here it is: {SECRET}");
                tracing::error!(error = &std::io::Error::other(SECRET) as &dyn std::error::Error, "failed");
            });
            assert!(lines.contains("here it is") && lines.contains("[redacted]"), "{lines}");
            assert!(!lines.contains("s3cr3t") && !lines.contains("value"), "{lines}");
            if format == LogFormat::Json {
                assert!(lines.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "{lines}");
            }
        }
    }

    #[test]
    fn a_line_says_of_which_run_and_step_it_is() {
        let lines = logged(LogFormat::Json, || {
            let step = spans::step("run-1", 7);
            step.in_scope(|| tracing::warn!(number = 3, "in\nit"));
            tracing::warn!("after it");
            tracing::debug!("not this one");
        });
        let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 2, "{lines:?}");
        let first = &lines[0];
        assert_eq!((&first["run"], &first["step"], &first["level"]), (&"run-1".into(), &7.into(), &"warn".into()));
        assert_eq!((&first["message"], &first["fields"]["number"]), (&"in\nit".into(), &3.into()));
        assert!(first["time"].as_str().unwrap().ends_with('Z') && first["target"].is_string());
        assert!(lines[1].get("run").is_none(), "{}", lines[1]);
    }

    #[test]
    fn lines_for_people_have_no_spans_before_them() {
        let lines = logged(LogFormat::Text, || spans::step("run-1", 7).in_scope(|| tracing::warn!("in it")));
        assert!(lines.contains("in it") && !lines.contains("run-1"), "{lines}");
    }
}
