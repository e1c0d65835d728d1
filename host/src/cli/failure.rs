//! An error of a command: an exit code and what to say.

use std::fmt;

use crate::exit_code::ExitCode;

/// What a command returns when it cannot do what was asked.
pub struct Failure {
    code: ExitCode,
    report: Report,
}

enum Report {
    Plain(anyhow::Error),
    Diagnostics(Vec<miette::Report>),
}

/// What a command returns.
pub type CommandResult = Result<ExitCode, Failure>;

impl Failure {
    /// An error with a code of its own.
    pub fn new(code: ExitCode, error: impl Into<anyhow::Error>) -> Self {
        Self { code, report: Report::Plain(error.into()) }
    }

    /// Errors that point into a file.
    pub fn diagnostics(code: ExitCode, reports: Vec<miette::Report>) -> Self {
        Self { code, report: Report::Diagnostics(reports) }
    }

    /// The exit code.
    pub fn code(&self) -> ExitCode {
        self.code
    }

    /// The messages, one per error, as JSON.
    pub fn to_json(&self) -> serde_json::Value {
        let messages: Vec<String> = match &self.report {
            Report::Plain(error) => vec![format!("{error:#}")],
            Report::Diagnostics(reports) => reports.iter().map(ToString::to_string).collect(),
        };
        serde_json::json!({"error": {"code": format!("{:?}", self.code), "exit_code": self.code as u8, "messages": messages}})
    }
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::new(ExitCode::Failure, error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.report {
            Report::Plain(error) => write!(out, "error: {error:#}"),
            Report::Diagnostics(reports) => {
                for report in reports {
                    writeln!(out, "{report:?}")?;
                }
                write!(out, "{} error{} found", reports.len(), if reports.len() == 1 { "" } else { "s" })
            }
        }
    }
}

/// Gives the errors of a step their exit code.
pub trait WithCode<T> {
    /// The same result, with `code` for its error.
    ///
    /// # Errors
    ///
    /// The error that was there.
    fn code(self, code: ExitCode) -> Result<T, Failure>;
}

impl<T, E: Into<anyhow::Error>> WithCode<T> for Result<T, E> {
    fn code(self, code: ExitCode) -> Result<T, Failure> {
        self.map_err(|error| Failure::new(code, error))
    }
}
