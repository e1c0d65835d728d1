//! An error of a command: an exit code and what to say.

use std::fmt;
use std::io::IsTerminal as _;

use miette::{Diagnostic as _, GraphicalReportHandler, GraphicalTheme};
use toolhold_core::manifest::{Errors, Problem};

use crate::exit_code::ExitCode;

/// What a command returns when it cannot do what was asked.
pub(super) struct Failure {
    code: ExitCode,
    report: Report,
}

enum Report {
    Plain(anyhow::Error),
    Manifest(Box<Errors>),
    Told(Box<Told>),
}

/// What another process of this program says that it cannot do.
struct Told {
    /// As it would have shown it.
    report: String,
    /// In one line.
    message: String,
}

/// What a command returns.
pub(super) type CommandResult = Result<ExitCode, Failure>;

impl Failure {
    /// An error with a code of its own.
    pub(super) fn new(code: ExitCode, error: impl Into<anyhow::Error>) -> Self {
        Self { code, report: Report::Plain(error.into()) }
    }

    /// Errors that point into the manifest.
    pub(super) fn diagnostics(code: ExitCode, errors: Errors) -> Self {
        Self { code, report: Report::Manifest(Box::new(errors)) }
    }

    /// What another process says, as it would have shown it and in one line.
    pub(super) fn told(code: ExitCode, report: String, message: String) -> Self {
        Self { code, report: Report::Told(Box::new(Told { report, message })) }
    }

    /// The same with what else can be done.
    pub(super) fn or_else(self, hint: &str) -> Self {
        match self.report {
            Report::Plain(error) => Self::new(self.code, anyhow::anyhow!("{}; {hint}", chain(&error))),
            report @ (Report::Manifest(_) | Report::Told(_)) => Self { report, ..self },
        }
    }

    /// Whether whoever read standard output has gone away, which is no error of the command's.
    pub(super) fn is_unread(&self) -> bool {
        let Report::Plain(error) = &self.report else { return false };
        let of_pipe = |error: &std::io::Error| error.kind() == std::io::ErrorKind::BrokenPipe;
        error.downcast_ref::<std::io::Error>().is_some_and(of_pipe)
    }

    /// The exit code.
    pub(super) fn code(&self) -> ExitCode {
        self.code
    }

    /// The messages, one per error, as JSON.
    pub(super) fn to_json(&self) -> serde_json::Value {
        let messages: Vec<String> = match &self.report {
            Report::Plain(error) => vec![chain(error)],
            Report::Manifest(errors) => errors.problems().iter().map(ToString::to_string).collect(),
            Report::Told(told) => vec![told.message.clone()],
        };
        let code = format!("{:?}", self.code);
        let error = match &self.report {
            Report::Manifest(errors) => {
                let problems: Vec<_> = errors.problems().iter().map(|problem| problem_of(errors, problem)).collect();
                serde_json::json!({"code": code, "exit_code": self.code as u8, "messages": messages, "problems": problems})
            }
            _ => serde_json::json!({"code": code, "exit_code": self.code as u8, "messages": messages}),
        };
        serde_json::json!({ "error": error })
    }
}

/// A problem of a manifest with its place, as JSON.
fn problem_of(errors: &Errors, problem: &Problem) -> serde_json::Value {
    let (line, column) = errors.place(problem).unzip();
    let told = |told: Option<Box<dyn fmt::Display + '_>>| told.map(|told| told.to_string());
    serde_json::json!({
        "code": told(problem.code()), "message": problem.to_string(), "file": errors.file(), "line": line, "column": column,
        "help": told(problem.help()),
    })
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::new(ExitCode::Failure, error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.report {
            Report::Plain(error) => write!(out, "error: {}", chain(error)),
            Report::Manifest(errors) => write!(out, "{}", render(errors)),
            Report::Told(told) => out.write_str(&told.report),
        }
    }
}

/// An error and its causes, each said once: some errors say their cause themselves.
fn chain(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if text.is_empty() {
            text = cause;
        } else if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

/// The errors with the lines that they point at.
pub(super) fn render(errors: &toolhold_core::manifest::Errors) -> String {
    let theme =
        if std::io::stderr().is_terminal() { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let mut text = String::new();
    match GraphicalReportHandler::new_themed(theme).render_report(&mut text, errors) {
        Ok(()) => text,
        Err(_) => errors.to_string(),
    }
}

/// Gives the errors of a step their exit code.
pub(super) trait WithCode<T> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_said_once_wherever_the_error_says_it() {
        #[derive(Debug, thiserror::Error)]
        #[error("`a:1` cannot be listened on: {source}; give another")]
        struct Taken {
            source: std::io::Error,
        }
        let taken = || Taken { source: std::io::Error::other("address in use") };
        assert_eq!(chain(&taken().into()), "`a:1` cannot be listened on: address in use; give another");
        let within = anyhow::Error::new(taken()).context("it does not begin");
        assert_eq!(chain(&within), "it does not begin: `a:1` cannot be listened on: address in use; give another");
    }

    #[test]
    fn only_a_pipe_that_nobody_reads_is_no_error() {
        let of = |kind: std::io::ErrorKind| Failure::from(std::io::Error::from(kind));
        assert!(of(std::io::ErrorKind::BrokenPipe).is_unread());
        assert!(!of(std::io::ErrorKind::StorageFull).is_unread(), "what was printed is not there");
    }
}
