//! What the rules say of a tool before there are arguments: for a list that a person reads.

use crate::call::Mode;
use crate::manifest::Verdict;

use super::Policy;

/// What becomes of the calls of a tool, as far as its rules say so whatever the arguments are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outlook {
    /// None gets past the rules.
    Never,
    /// It depends on the arguments, or on what the run has read.
    Some,
    /// The same with all of them.
    Every(Verdict),
}

impl Policy {
    /// What the rules say of `tool`. No promise for any call: limits, breakers and the disk have a word too.
    #[must_use]
    pub fn outlook(&self, tool: &str) -> Outlook {
        let Some(entry) = self.entry(tool).filter(|_| self.could_run(tool)) else { return Outlook::Never };
        let always = entry.rules.iter().filter(|rule| rule.is_unconditional()).map(|rule| rule.verdict).max();
        // The strongest that matches wins, so a condition counts only where its rule is stronger.
        let strongest = entry.rules.iter().map(|rule| rule.verdict).max();
        match always.filter(|_| always == strongest) {
            Some(Verdict::Allow) if self.manifest().mode() == Mode::Preview => Outlook::Every(Verdict::Preview),
            Some(verdict) => Outlook::Every(verdict),
            None => Outlook::Some,
        }
    }
}
