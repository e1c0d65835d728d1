//! `toolhold audit`: checks the audit trail, or writes it out.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Subcommand;
use toolhold_core::chain::Head;

use super::failure::{CommandResult, Failure, WithCode as _};
use super::project::Project;
use super::ui::Ui;
use crate::exit_code::ExitCode;
use crate::journal::{self, Reader, Verified};

/// Check the audit trail, or write it out.
#[derive(Debug, Subcommand)]
pub(super) enum Audit {
    /// Find any edit, cut or reordering. Exits with 10 if there is one.
    Verify {
        /// A head that was noted elsewhere, as an earlier `verify` printed it: shows that nothing before it was rewritten.
        #[arg(long, value_name = "HEAD")]
        expect: Option<Head>,
        /// An export of everything that was removed since because it was old: it is checked as well, and has to join on.
        #[arg(long, value_name = "FILE")]
        older: Option<PathBuf>,
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
        if !project.has_state() {
            let why = anyhow::anyhow!("there is no audit in `{}` yet: nothing was called", project.state().display());
            return Err(Failure::new(ExitCode::Host, why));
        }
        let reader = Reader::open(&project.state()).map_err(failure)?;
        match self {
            Self::Verify { expect, older } => {
                let mut older = older.as_deref().map(opened).transpose()?;
                let older = older.as_mut().map(|older| older as &mut dyn BufRead);
                let verified = reader.verify_joined(expect.as_ref(), older).map_err(failure)?;
                ui.result(&verified, readable)?;
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

fn opened(path: &Path) -> Result<BufReader<File>, Failure> {
    let shown = path.display();
    let file = File::open(path).with_context(|| format!("cannot open `{shown}`")).code(ExitCode::BadInput)?;
    Ok(BufReader::new(file))
}

fn readable(verified: &Verified) -> String {
    let Verified { entries, head, begins_after } = verified;
    match begins_after {
        None => format!("{entries} entries, none changed; head {head}"),
        Some(start) => format!(
            "{entries} entries, none changed; head {head}; what is older was removed, as the audit says, up to {start}"
        ),
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
        journal::Error::Broken(_)
        | journal::Error::Cut { .. }
        | journal::Error::Removed { .. }
        | journal::Error::Corrupt(_) => ExitCode::AuditBroken,
        journal::Error::NoExport { .. } => ExitCode::BadInput,
        _ => ExitCode::Host,
    };
    Failure::new(code, error)
}
