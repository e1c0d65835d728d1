//! Explanations as text for a terminal. No meaning in colour: there is none.

use std::fmt::{self, Display, Formatter};

use crate::id::Label;
use crate::limit::Unit;
use crate::manifest::amount;
use crate::policy::DenialKind;

use super::{DirectoryLine, Explanation, LimitFrom, PathExplanation, PathReason, RequestLine, RuleLine, RuleOutcome};

impl Display for Explanation {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        writeln!(out, "{}: {}", self.tool, self.verdict.as_str())?;
        if let Some(denial) = self.denial {
            writeln!(out, "  {}", DenialKind::as_str(denial))?;
        }
        if let Some(rule) = &self.decided_by {
            writeln!(out, "  decided by {rule}")?;
        }
        if let Some(reason) = &self.reason {
            writeln!(out, "  because {reason}")?;
        }
        if let Some(asks) = &self.asks {
            let every = if asks.every_time { ", every time" } else { "" };
            let lifetime = amount::show(asks.lifetime, Unit::Micros);
            writeln!(
                out,
                "  a person is asked{every}, with risk {}, for {lifetime}; see `toolhold approvals`",
                asks.risk.as_str()
            )?;
        }
        if let Some(at) = &self.previewed_at {
            writeln!(out, "  every call is a preview: `mode = \"preview\"` ({at})")?;
        }
        self.write_rules(out)?;
        self.write_reach(out)?;
        writeln!(out, "\nlimits")?;
        for line in &self.limits {
            write!(out, "  {:<19} {:<10} ", line.limit.key(), line.bound)?;
            match &line.from {
                LimitFrom::Default => writeln!(out, "default")?,
                LimitFrom::Manifest(at) => writeln!(out, "{at}")?,
                LimitFrom::Run => writeln!(out, "lowered by the run")?,
            }
        }
        match &self.suggestion {
            Some(suggestion) => writeln!(out, "\n{suggestion}"),
            None => Ok(()),
        }
    }
}

impl Explanation {
    fn write_rules(&self, out: &mut Formatter<'_>) -> fmt::Result {
        writeln!(out, "\nrules")?;
        self.rules.iter().try_for_each(|line| writeln!(out, "  {line}"))?;
        match self.rules_about_other_tools {
            0 if self.rules.is_empty() => writeln!(out, "  there is none"),
            0 => Ok(()),
            1 => writeln!(out, "  1 rule is about other tools"),
            count => writeln!(out, "  {count} rules are about other tools"),
        }
    }

    fn write_reach(&self, out: &mut Formatter<'_>) -> fmt::Result {
        writeln!(out, "\nit can reach")?;
        self.directories.iter().try_for_each(|line| write!(out, "{line}"))?;
        if self.directories.is_empty() {
            writeln!(out, "  no files")?;
        }
        self.requests.iter().try_for_each(|line| write!(out, "{line}"))?;
        if !self.env.is_empty() {
            writeln!(out, "  environment: {}", self.env.join(", "))?;
        }
        Ok(())
    }
}

fn listed(labels: &[Label]) -> String {
    labels.iter().map(Label::as_str).collect::<Vec<_>>().join(", ")
}

impl Display for RuleLine {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        write!(out, "{:<8}{}: ", self.verdict.as_str(), self.rule)?;
        match &self.outcome {
            RuleOutcome::Decides => write!(out, "decides"),
            RuleOutcome::Overruled => write!(out, "matches, and another rule decides"),
            RuleOutcome::Undecidable => {
                write!(out, "cannot be judged: the arguments are too deep or too large for its `when`")
            }
            RuleOutcome::OtherArguments(Some(violation)) => write!(out, "does not match: {}", violation.message),
            RuleOutcome::OtherLabels(labels) => {
                write!(out, "does not match: the run has read nothing labelled {}", listed(labels))
            }
            RuleOutcome::OtherArguments(None) => write!(out, "does not match"),
        }
    }
}

impl Display for DirectoryLine {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        write!(out, "  {} → {}", self.guest, self.host)?;
        match &self.at {
            Some(at) => writeln!(out, " ({at})")?,
            None => writeln!(out)?,
        }
        for (key, patterns, needs) in [
            ("read", &self.read, Some(&self.needs_read)),
            ("write", &self.write, Some(&self.needs_write)),
            ("deny", &self.deny, None),
        ] {
            if patterns.is_empty() {
                continue;
            }
            write!(out, "    {key:<6}{}", patterns.join(", "))?;
            match needs {
                Some(needs) => writeln!(out, " (within {}, which the tool declares)", needs.join(", "))?,
                None => writeln!(out)?,
            }
        }
        writeln!(out, "    links {}", self.symlinks)?;
        if !self.labels.is_empty() {
            writeln!(out, "    labels {}", listed(&self.labels))?;
        }
        if !self.atomic && !self.write.is_empty() {
            writeln!(out, "    written in place: changes land at once and cannot be undone")?;
        }
        Ok(())
    }
}

impl Display for RequestLine {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let Self { methods, schemes, host, paths, .. } = self;
        write!(out, "  {} {}://{host}", methods.join(" "), schemes.join(", "))?;
        match &self.at {
            Some(at) => writeln!(out, " ({at})")?,
            None => writeln!(out)?,
        }
        for (key, words) in [
            ("ports", &self.ports),
            ("paths", paths),
            ("beside public addresses", &self.addresses),
            ("secrets", &self.secrets),
            ("within", &self.within),
            ("labels", &self.labels),
        ] {
            if !words.is_empty() {
                writeln!(out, "    {key} {}", words.join(", "))?;
            }
        }
        Ok(())
    }
}

impl Display for PathExplanation {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let verdict = if self.allowed { "may" } else { "may not" };
        write!(out, "{} {verdict} {} {}: {}", self.tool, self.access.key(), self.path, self.reason)?;
        match &self.at {
            Some(at) => writeln!(out, " ({at})")?,
            None => writeln!(out)?,
        }
        match &self.suggestion {
            Some(suggestion) => writeln!(out, "{suggestion}"),
            None => Ok(()),
        }
    }
}

impl Display for PathReason {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchTool => write!(out, "there is no such tool"),
            Self::NotSimple => write!(out, "the path is not absolute, or has empty, `.` or `..` parts"),
            Self::NotGranted => write!(out, "no directory is granted there"),
            Self::DeniedBy(pattern) => write!(out, "the `deny` pattern `{pattern}` matches"),
            Self::NoPattern => write!(out, "no pattern of the directory matches"),
            Self::NotDeclared => write!(out, "the tool does not declare to need it"),
            Self::OutsideRun => write!(out, "this run is narrowed to other paths"),
            Self::AllowedBy(pattern) => write!(out, "the pattern `{pattern}` matches"),
        }
    }
}
