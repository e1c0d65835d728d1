//! What a person sees of a component before it is accepted, and the question.
//!
//! All of it comes from the component's author and is escaped. Nothing is written before the answer, and without a terminal there is
//! no answer but the one that was given on the command line.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use toolhold_core::describe::{Description, ToolInfo};
use toolhold_core::escape;
use toolhold_core::id::{ComponentName, SignerName, ToolDigest};
use toolhold_core::manifest::Component;
use toolhold_core::widening::{Widening, in_words, met_by, widened};

use super::failure::Failure;
use super::inspect::hints;
use super::ui::{Tone, Ui, paint};
use crate::exit_code::ExitCode;

/// A component that somebody may accept.
pub(super) struct Candidate<'a> {
    pub(super) name: &'a ComponentName,
    pub(super) origin: &'a str,
    pub(super) digest: ToolDigest,
    pub(super) size: u64,
    pub(super) description: &'a Description,
    /// Who signed it, if anybody did who is known.
    pub(super) signer: Option<&'a SignerName>,
    /// How many signatures came with it.
    pub(super) signatures: usize,
    /// What was accepted before: its bytes, and what they said if they are still here.
    pub(super) before: Option<(ToolDigest, Option<&'a Description>)>,
    /// What is granted to it already.
    pub(super) grants: Option<&'a Component>,
}

/// What was said on the command line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answers {
    /// To the component as such.
    pub(super) yes: bool,
    /// To what it asks for beyond what was accepted before.
    pub(super) needs: bool,
}

impl Candidate<'_> {
    /// What it asks for beyond what was accepted.
    pub(super) fn widenings(&self) -> Vec<Widening> {
        widened(self.before.and_then(|(_, description)| description), self.description)
    }

    /// The lines that are shown.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = vec![
            format!("{} from {}", paint(Tone::Strong, self.name.as_str()), escape::line(self.origin)),
            format!("  {}, {} bytes", self.digest, self.size),
            format!("  {}", self.signed()),
        ];
        if let Some((digest, _)) = self.before {
            lines.push(format!("  before: {digest}"));
        }
        for tool in &self.description.tools {
            lines.extend(self.tool(tool));
        }
        lines.extend(self.changes());
        lines
    }

    fn signed(&self) -> String {
        match (self.signer, self.signatures) {
            (Some(signer), _) => paint(Tone::Good, &format!("signed by `{signer}`")),
            (None, 0) => paint(Tone::Notice, "not signed"),
            (None, many) => paint(Tone::Notice, &format!("signed by {many} that the manifest does not know")),
        }
    }

    fn tool(&self, tool: &ToolInfo) -> Vec<String> {
        let mut lines = vec![format!("  {}.{}  {}", self.name, tool.name, escape::short(&tool.title, 100))];
        lines.push(format!("    {}", paint(Tone::Faint, &hints(tool.hints))));
        for need in &tool.needs {
            let met = self.grants.map(|component| met_by(component, need)).unwrap_or_default();
            let granted = match met.is_empty() {
                true => "nothing of it is granted".to_owned(),
                false => format!("meets {}", escape::line(&met.join(", "))),
            };
            lines.push(format!("    {} {} ({granted})", paint(Tone::Notice, "needs"), in_words(need)));
        }
        lines
    }

    fn changes(&self) -> Vec<String> {
        match self.before {
            None => Vec::new(),
            Some((_, None)) => {
                vec![paint(Tone::Notice, "  what it asked for before is not known any more: all of the above is new")]
            }
            Some((_, Some(before))) => {
                let gone =
                    before.tools.iter().filter(|old| !self.description.tools.iter().any(|new| new.name == old.name));
                let gone = gone.map(|tool| format!("  {} tool `{}` is gone", paint(Tone::Faint, "less:"), tool.name));
                let more = self.widenings();
                let more = more.iter().map(|more| format!("  {} {more}", paint(Tone::Bad, "more:")));
                gone.chain(more).collect()
            }
        }
    }

    /// Shows it and asks. Nothing is written if this does not succeed.
    ///
    /// # Errors
    ///
    /// The answer is no, or there is nobody to ask.
    pub(super) fn ask(&self, answers: Answers, ui: Ui) -> Result<(), Failure> {
        self.lines().iter().for_each(|line| ui.say_always(line));
        let widened = self.before.is_some() && !self.widenings().is_empty();
        if answers.yes && (answers.needs || !widened) {
            return Ok(());
        }
        if !(std::io::stdin().is_terminal() && std::io::stderr().is_terminal()) {
            let flags = if widened { "--yes --accept-needs" } else { "--yes" };
            let what = if widened { "it asks for more than was accepted" } else { "nobody accepted it" };
            let error = anyhow::anyhow!("{what}: nothing was written; look at it, then repeat with `{flags}`");
            return Err(Failure::new(ExitCode::NotAccepted, error));
        }
        let question = if widened { "accept it, with everything that is more? [y/N] " } else { "accept it? [y/N] " };
        if answered_yes(question)? {
            return Ok(());
        }
        Err(Failure::new(ExitCode::NotAccepted, anyhow::anyhow!("not accepted: nothing was written")))
    }
}

fn answered_yes(question: &str) -> std::io::Result<bool> {
    let mut out = std::io::stderr().lock();
    out.write_all(question.as_bytes())?;
    out.flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
