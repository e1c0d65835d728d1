//! Other arguments, written in the person's own editor.

use std::io::Write as _;

use clap::Args;

use crate::cli::failure::{Failure, WithCode as _};
use crate::exit_code::ExitCode;

/// The person's editor, as the environment names it.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct Editor {
    #[arg(long, hide = true, env = "VISUAL")]
    visual: Option<String>,
    #[arg(long, hide = true, env = "EDITOR")]
    editor: Option<String>,
}

impl Editor {
    /// What the person makes of `arguments`.
    ///
    /// # Errors
    ///
    /// There is no editor, or it did not end well.
    pub(in crate::cli) fn edit(&self, arguments: &str) -> Result<String, Failure> {
        let none = || anyhow::anyhow!("neither `VISUAL` nor `EDITOR` names an editor: give `--arguments`");
        let named = self.visual.as_ref().or(self.editor.as_ref()).ok_or_else(none).code(ExitCode::Usage)?;
        let mut words = named.split_whitespace();
        let program = words.next().ok_or_else(none).code(ExitCode::Usage)?;
        // Only its owner can read it; it goes when this ends.
        let mut file = tempfile::Builder::new().prefix("toolhold-").suffix(".json").tempfile()?;
        let value: Option<serde_json::Value> = serde_json::from_str(arguments).ok();
        let pretty = value.and_then(|value| serde_json::to_string_pretty(&value).ok());
        writeln!(file, "{}", pretty.as_deref().unwrap_or(arguments))?;
        #[expect(
            clippy::disallowed_methods,
            reason = "the person's own editor, which the person's own environment names"
        )]
        let ended = std::process::Command::new(program).args(words).arg(file.path()).status()?;
        if !ended.success() {
            return Err(Failure::new(ExitCode::Failure, anyhow::anyhow!("the editor failed: nothing was decided")));
        }
        // By its name: an editor may put a new file in its place.
        Ok(std::fs::read_to_string(file.path())?)
    }
}
