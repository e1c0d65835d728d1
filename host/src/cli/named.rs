//! A record by the beginning of its name: what a person types is short, and what is acted on is that one record or none.
//!
//! For what is looked up and nothing else: what a name is bound to, such as a key or a rule, is always the whole name.

use std::str::FromStr;

use toolhold_core::escape;
use toolhold_core::id::{ApprovalId, CallId, RunId};

use super::failure::{Failure, WithCode as _};
use super::project::Project;
use super::ui::Ui;
use crate::exit_code::ExitCode;
use crate::journal::{NameOf, Reader};

/// As much of a name as one has to type.
const LEAST: usize = 8;

/// As many names as are shown where one has to be chosen.
const SHOWN: u32 = 10;

/// A name of a record.
pub(super) trait Name: FromStr + Clone {
    /// Of what.
    const OF: NameOf;
    /// In a word.
    const WORD: &'static str;

    /// Its text.
    fn text(&self) -> &str;
}

impl Name for CallId {
    const OF: NameOf = NameOf::Call;
    const WORD: &'static str = "call";

    fn text(&self) -> &str {
        self.as_str()
    }
}

impl Name for RunId {
    const OF: NameOf = NameOf::Run;
    const WORD: &'static str = "run";

    fn text(&self) -> &str {
        self.as_str()
    }
}

impl Name for ApprovalId {
    const OF: NameOf = NameOf::Approval;
    const WORD: &'static str = "approval";

    fn text(&self) -> &str {
        self.as_str()
    }
}

/// The name that begins with `given`, and says which one it is. One that is known as it is given is that one; where nothing begins so, whoever
/// looks for it says so.
pub(super) fn whole<N: Name>(given: N, project: &Project, ui: Ui) -> Result<N, Failure> {
    let Some(reader) = Reader::open_if_any(&project.state()).code(ExitCode::Host)? else { return Ok(given) };
    let names = reader.names(N::OF, given.text(), SHOWN + 1).code(ExitCode::Host)?;
    match names.as_slice() {
        [] => Ok(given),
        names if names.iter().any(|name| name == given.text()) => Ok(given),
        _ if given.text().len() < LEAST => Err(too_short(&given)),
        [one] => {
            ui.say(&format!("{} {}", N::WORD, escape::line(one)));
            Ok(one.parse().unwrap_or(given))
        }
        several => Err(ambiguous::<N>(&given, several)),
    }
}

/// [`whole`], if there is a name.
pub(super) fn whole_if_any<N: Name>(given: Option<N>, project: &Project, ui: Ui) -> Result<Option<N>, Failure> {
    given.map(|given| whole(given, project, ui)).transpose()
}

fn too_short<N: Name>(given: &N) -> Failure {
    let given = escape::line(given.text());
    let text = format!(
        "`{given}` is no whole name of a {}, and too short for the beginning of one: type at least {LEAST} characters",
        N::WORD
    );
    Failure::new(ExitCode::BadInput, anyhow::anyhow!(text))
}

fn ambiguous<N: Name>(given: &N, names: &[String]) -> Failure {
    let shown = usize::try_from(SHOWN).unwrap_or(usize::MAX);
    let mut lines: Vec<String> = names.iter().take(shown).map(|name| format!("  {}", escape::line(name))).collect();
    if names.len() > shown {
        lines.push("  …".to_owned());
    }
    let (word, given) = (N::WORD, escape::line(given.text()));
    let text = format!("several {word}s have names that begin with `{given}`; type more of the one that you mean:");
    Failure::new(ExitCode::BadInput, anyhow::anyhow!("{text}\n{}", lines.join("\n")))
}
