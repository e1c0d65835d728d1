//! What a person sees of a component before it is accepted, and the question.
//!
//! What the host found out comes first; what comes from the component's author is quoted, escaped and cut, so that it cannot pass for
//! the host's. Nothing is written before the answer, and without a terminal there is no answer but the one on the command line.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use toolhold_core::describe::{Description, ToolInfo};
use toolhold_core::escape;
use toolhold_core::id::{ComponentName, ToolDigest};
use toolhold_core::manifest::Component;
use toolhold_core::widening::{Widening, in_words, met_by, widened};
use toolhold_sandbox::DescribedBy;

use super::failure::Failure;
use super::inspect::hints;
use super::ui::{Tone, Ui, paint};
use crate::exit_code::ExitCode;
use crate::open::Voucher;

/// A component that somebody may accept.
pub(super) struct Candidate<'a> {
    pub(super) name: &'a ComponentName,
    pub(super) origin: &'a str,
    pub(super) digest: ToolDigest,
    pub(super) size: u64,
    pub(super) description: &'a Description,
    /// Who signed it, if anybody did who is known.
    pub(super) signer: Option<&'a Voucher>,
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

/// Lines of one kind that are shown: a component can have very many tools, and what matters must not scroll away.
const MOST_LINES: usize = 60;

/// Bytes of an author's title that are shown.
const TITLE: usize = 120;

impl Candidate<'_> {
    /// What it asks for beyond what was accepted, or says otherwise.
    fn widenings(&self) -> Vec<Widening> {
        widened(self.before.and_then(|(_, description)| description), self.description)
    }

    /// Whether grants and rules that are there may reach further with it than with what was accepted.
    fn is_wider(&self) -> bool {
        // Where nothing was accepted, what the manifest grants to it already was granted unseen.
        (self.before.is_some() || self.grants.is_some()) && !self.widenings().is_empty()
    }

    /// The lines that are shown: first what the host found out, then what the component's author says.
    fn lines(&self) -> Vec<String> {
        let mut lines = vec![
            format!("{} from {}", paint(Tone::Strong, self.name.as_str()), escape::short(self.origin, 300)),
            format!("  {}, {} bytes", self.digest, self.size),
            format!("  {}", paint(self.signer.map_or(Tone::Notice, |_| Tone::Good), &self.signed())),
        ];
        if let Some((digest, _)) = self.before {
            lines.push(format!("  before: {digest}"));
        }
        lines.extend(bounded(self.verdict()));
        lines.extend(bounded(self.description.tools.iter().flat_map(|tool| self.tool(tool)).collect()));
        lines
    }

    fn signed(&self) -> String {
        match (self.signer, self.signatures) {
            (Some(Voucher { signer, subject: None }), _) => format!("signed by `{signer}`"),
            (Some(Voucher { signer, subject: Some(subject) }), _) => {
                format!("signed by `{signer}` as {}", escape::short(subject, 300))
            }
            (None, 0) => "not signed".to_owned(),
            (None, many) => format!("signed by {many} that the manifest does not know"),
        }
    }

    fn tool(&self, tool: &ToolInfo) -> Vec<String> {
        let mut lines = vec![format!("  {}.{}  {}", self.name, tool.name, escape::quoted(&tool.title, TITLE))];
        lines.push(format!("    {}", paint(Tone::Faint, &hints(tool.hints, DescribedBy::Section))));
        for need in &tool.needs {
            let met = self.grants.map(|component| met_by(component, need)).unwrap_or_default();
            let granted = match met.is_empty() {
                true => "nothing of it is granted".to_owned(),
                false => format!("meets {}", escape::short(&met.join(", "), 300)),
            };
            lines.push(format!("    {} ({granted}) {}", paint(Tone::Notice, "needs"), in_words(need)));
        }
        lines
    }

    /// How it stands to what was accepted before.
    fn verdict(&self) -> Vec<String> {
        let more = self.widenings();
        let more = more.iter().map(|more| format!("  {} {more}", paint(Tone::Bad, "more:")));
        match self.before {
            None if self.grants.is_some() => {
                let new = paint(Tone::Bad, "  nothing of it was ever accepted here: all of it is new");
                std::iter::once(new).chain(more).collect()
            }
            None => Vec::new(),
            Some((_, None)) => {
                let new = paint(Tone::Bad, "  what it asked for before is not known any more: all of it is new");
                std::iter::once(new).chain(more).collect()
            }
            Some((_, Some(before))) => {
                let gone =
                    before.tools.iter().filter(|old| !self.description.tools.iter().any(|new| new.name == old.name));
                let gone = gone.map(|tool| format!("  {} tool `{}` is gone", paint(Tone::Faint, "less:"), tool.name));
                more.chain(gone).collect()
            }
        }
    }

    /// What is asked: what would be accepted once more, since the top of a long list is gone from the screen.
    fn question(&self) -> String {
        let more = match (self.is_wider(), self.widenings().len()) {
            (false, _) => String::new(),
            (true, 1) => ", with 1 thing that is more than was accepted".to_owned(),
            (true, many) => format!(", with {many} things that are more than was accepted"),
        };
        format!("accept {}, {}, {}{more}? [y/N] ", self.name, self.digest, self.signed())
    }

    /// Shows it and asks. Nothing is written if this does not succeed.
    ///
    /// # Errors
    ///
    /// The answer is no, or there is nobody to ask.
    pub(super) fn ask(&self, answers: Answers, ui: Ui) -> Result<(), Failure> {
        self.lines().iter().for_each(|line| ui.say_always(line));
        let wider = self.is_wider();
        if answers.yes && (answers.needs || !wider) {
            return Ok(());
        }
        let flags = if wider { "--yes --accept-needs" } else { "--yes" };
        let what = if wider { "it asks for more than was accepted" } else { "nobody accepted it" };
        ask(&self.question(), what, flags)
    }
}

/// Asks a person. Without a terminal there is nobody to ask: `what` says what lacks an answer, and `flags` give one.
///
/// # Errors
///
/// The answer is no, or there is nobody to ask.
pub(super) fn ask(question: &str, what: &str, flags: &str) -> Result<(), Failure> {
    if !(std::io::stdin().is_terminal() && std::io::stderr().is_terminal()) {
        let error = anyhow::anyhow!("{what}: nothing was written; look at it, then repeat with `{flags}`");
        return Err(Failure::new(ExitCode::NotAccepted, error));
    }
    if answered_yes(question)? {
        return Ok(());
    }
    Err(Failure::new(ExitCode::NotAccepted, anyhow::anyhow!("not accepted: nothing was written")))
}

/// The first of `lines`, and how many are left out.
fn bounded(mut lines: Vec<String>) -> Vec<String> {
    let left_out = lines.len().saturating_sub(MOST_LINES);
    if left_out > 0 {
        lines.truncate(MOST_LINES);
        lines.push(paint(
            Tone::Bad,
            &format!("  … {left_out} more lines are not shown; `toolhold inspect` shows all of it"),
        ));
    }
    lines
}

fn answered_yes(question: &str) -> std::io::Result<bool> {
    let mut out = std::io::stderr().lock();
    out.write_all(question.as_bytes())?;
    out.flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
