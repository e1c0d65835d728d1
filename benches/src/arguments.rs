//! The command line: `toolhold-bench [--budget MS] [--minutes N] [SECTION…]`, and what the bench starts itself as.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::sections::Section;

/// How long each lane of a comparison is measured, unless the command line says otherwise.
const BUDGET: Duration = Duration::from_millis(2000);

/// How many minutes a server is used, unless the command line says otherwise.
const MINUTES: u32 = 10;

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// Measure and print.
    Measure(Measure),
    /// Be what is measured against: a process of its own, started by a section.
    Be(Part),
}

/// Which sections, and for how long.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Measure {
    pub(crate) budget: Duration,
    /// For sections that take as long as they are told.
    pub(crate) minutes: u32,
    pub(crate) sections: Vec<Section>,
}

/// What a section starts this program as. Not for people: none of it is in the usage.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// The least possible MCP host, with this compiled component, this directory and this file as its journal.
    LeastHost { artifact: PathBuf, directory: PathBuf, journal: PathBuf },
    /// Bare wasmtime that loads this compiled component and calls it.
    ColdFloor { artifact: PathBuf },
    /// Bare wasmtime with as many calls under way.
    LiveFloor { calls: usize },
    /// A host with as many calls under way, its files in this folder.
    LiveHost { calls: usize, folder: PathBuf },
    /// As many agents at a host, its files in this folder.
    Fleet { agents: usize, writes: bool, folder: PathBuf },
    /// The same among faults.
    ChaoticFleet { agents: usize, folder: PathBuf },
    /// As many runs that wait for a person, with their callers or without, the host's files in this folder.
    Parked { runs: usize, waiting: bool, folder: PathBuf },
}

const USAGE: &str = "usage: toolhold-bench [--budget MS] [--minutes N] [SECTION…]";

impl Command {
    /// Reads the arguments that come after the name of the program.
    pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Self> {
        let mut rest = arguments.into_iter();
        let (mut budget, mut minutes, mut sections) = (BUDGET, MINUTES, Vec::new());
        while let Some(argument) = rest.next() {
            match argument.to_str() {
                Some("--budget") => {
                    budget = Duration::from_millis(above_zero("--budget", "milliseconds", rest.next())?.into())
                }
                Some("--minutes") => minutes = above_zero("--minutes", "minutes", rest.next())?,
                Some(word) if word.starts_with("be-") => return Ok(Self::Be(Part::parse(word, rest)?)),
                Some(word) => sections.push(section(word)?),
                None => bail!("`{}` is no section; {USAGE}", argument.display()),
            }
        }
        if sections.is_empty() {
            sections.extend(Section::ALL);
        }
        Ok(Self::Measure(Measure { budget, minutes, sections }))
    }
}

impl Part {
    fn parse(word: &str, rest: impl Iterator<Item = OsString>) -> Result<Self> {
        let mut rest = rest.map(PathBuf::from);
        let mut path = |what: &str| rest.next().with_context(|| format!("`{word}` needs {what}"));
        match word {
            "be-least-host" => Ok(Self::LeastHost {
                artifact: path("an artifact")?,
                directory: path("a directory")?,
                journal: path("a journal")?,
            }),
            "be-cold-floor" => Ok(Self::ColdFloor { artifact: path("an artifact")? }),
            "be-live-floor" => Ok(Self::LiveFloor { calls: number(&path("a number")?)? }),
            "be-live-host" => Ok(Self::LiveHost { calls: number(&path("a number")?)?, folder: path("a folder")? }),
            "be-fleet" | "be-writing-fleet" => Ok(Self::Fleet {
                agents: number(&path("a number")?)?,
                writes: word == "be-writing-fleet",
                folder: path("a folder")?,
            }),
            "be-chaotic-fleet" => {
                Ok(Self::ChaoticFleet { agents: number(&path("a number")?)?, folder: path("a folder")? })
            }
            "be-parked" | "be-parked-waiting" => Ok(Self::Parked {
                runs: number(&path("a number")?)?,
                waiting: word == "be-parked-waiting",
                folder: path("a folder")?,
            }),
            _ => bail!("`{word}` is nothing that this program can be; {USAGE}"),
        }
    }
}

fn number(argument: &Path) -> Result<usize> {
    let number = argument.to_str().and_then(|text| text.parse().ok());
    number.with_context(|| format!("`{}` is no number", argument.display()))
}

fn section(word: &str) -> Result<Section> {
    let names = || Section::ALL.map(Section::name).join(", ");
    Section::named(word)
        .with_context(|| format!("`{word}` is no section; there are {}, soak and peers; {USAGE}", names()))
}

fn above_zero(option: &str, unit: &str, argument: Option<OsString>) -> Result<u32> {
    let argument = argument.with_context(|| format!("`{option}` needs a number of {unit}; {USAGE}"))?;
    let number = argument.to_str().and_then(|text| text.parse().ok()).filter(|number| *number > 0);
    number.with_context(|| format!("`{}` is no number of {unit} above 0", argument.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Command> {
        Command::parse(words.iter().map(OsString::from))
    }

    #[test]
    fn without_a_section_all_are_measured_in_their_order() {
        let all = Measure { budget: BUDGET, minutes: MINUTES, sections: Section::ALL.to_vec() };
        assert_eq!(parse(&[]).unwrap(), Command::Measure(all));
    }

    #[test]
    fn sections_are_measured_as_they_are_named() {
        let budget = Duration::from_millis(250);
        let two = Measure { budget, minutes: 90, sections: vec![Section::Mcp, Section::Calls] };
        assert_eq!(parse(&["--budget", "250", "mcp", "--minutes", "90", "calls"]).unwrap(), Command::Measure(two));
    }

    #[test]
    fn what_is_no_section_or_no_budget_is_named() {
        for (words, said) in [
            (vec!["mpc"], "`mpc` is no section; there are calls, mcp"),
            (vec!["--budget"], "`--budget` needs a number"),
            (vec!["--budget", "0"], "`0` is no number of milliseconds above 0"),
            (vec!["--budget", "2s"], "`2s` is no number"),
            (vec!["--minutes", "0.5", "soak"], "`0.5` is no number of minutes above 0"),
            (vec!["be-something"], "`be-something` is nothing"),
            (vec!["be-least-host", "artifact", "work"], "`be-least-host` needs a journal"),
            (vec!["be-live-floor", "many"], "`many` is no number"),
        ] {
            let error = parse(&words).unwrap_err().to_string();
            assert!(error.contains(said), "{words:?}: {error}");
        }
    }
}
