//! `toolhold audit`: checks the audit trail, or writes it out.

use std::io::Write;

use clap::Subcommand;
use serde_json::json;
use toolhold_core::chain::Head;

use super::failure::{CommandResult, Failure};
use super::project::Project;
use super::ui::Ui;
use crate::exit_code::ExitCode;
use crate::journal::{self, Reader};

/// Check the audit trail, or write it out.
#[derive(Debug, Subcommand)]
pub(super) enum Audit {
    /// Find any edit, cut or reordering. Exits with 10 if there is one.
    Verify {
        /// A head that was noted elsewhere, as an earlier `verify` printed it: shows that nothing before it was rewritten.
        #[arg(long, value_name = "HEAD")]
        expect: Option<Head>,
    },
    /// Write every entry as a line of JSON.
    Export {
        /// Start at this entry.
        #[arg(long, value_name = "NUMBER", default_value_t = 1)]
        from: u64,
    },
}

impl Audit {
    /// Runs the command.
    pub(super) fn run(self, project: &Project, ui: Ui) -> CommandResult {
        let reader = Reader::open(&project.state()).map_err(failure)?;
        match self {
            Self::Verify { expect } => {
                let verified = reader.verify(expect.as_ref()).map_err(failure)?;
                ui.result(&json!({"entries": verified.entries, "head": verified.head.to_string()}), |_| {
                    format!("{} entries, none changed; head {}", verified.entries, verified.head)
                })?;
            }
            Self::Export { from } => {
                let mut out = Out { out: std::io::stdout().lock(), is_unread: false };
                match reader.export(from, &mut out) {
                    Err(_) if out.is_unread => return Err(std::io::Error::from(std::io::ErrorKind::BrokenPipe).into()),
                    done => done.map_err(failure)?,
                };
                out.flush()?;
            }
        }
        Ok(ExitCode::Success)
    }
}

/// Standard output, and whether whoever read it has gone away.
struct Out<W> {
    out: W,
    is_unread: bool,
}

impl<W: Write> Write for Out<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.out.write(bytes).inspect_err(|error| self.is_unread |= error.kind() == std::io::ErrorKind::BrokenPipe)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}

fn failure(error: journal::Error) -> Failure {
    let code = match &error {
        journal::Error::Broken(_) | journal::Error::Cut { .. } | journal::Error::Corrupt(_) => ExitCode::AuditBroken,
        _ => ExitCode::Host,
    };
    Failure::new(code, error)
}
