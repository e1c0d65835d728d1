//! What fails: each level changes what the one above says.

use std::ops::Range;

use toml::Spanned;

use crate::id::LocalName;
use crate::limit::Unit;
use crate::manifest::amount;
use crate::manifest::problem::{Code, Problem};
use crate::manifest::settings::{BREAKER, RETRY};
use crate::manifest::source::Located;
use crate::manifest::{Fallback, Reliability, v1};

use super::{Validator, settings};

/// Faults in a hundred calls cannot be more.
const ALL: u64 = 100;

impl Validator<'_> {
    /// `[retry]` and `[breaker]`.
    pub(super) fn of_all(&mut self, retry: v1::Amounts, breaker: v1::Amounts) -> Reliability {
        self.of_component(&Reliability::default(), retry, breaker, None)
    }

    /// What a component changes.
    pub(super) fn of_component(
        &mut self,
        above: &Reliability,
        retry: v1::Amounts,
        breaker: v1::Amounts,
        rate: Option<&str>,
    ) -> Reliability {
        let mut own = above.clone();
        let wait = place(&retry, "base").or_else(|| place(&retry, "cap"));
        let share = place(&breaker, "error-rate");
        settings(&RETRY, retry, &mut own.retry);
        settings(&BREAKER, breaker, &mut own.breaker);
        // What is said above is told there.
        if let Some(span) = wait.filter(|_| own.retry.base > own.retry.cap) {
            let [base, cap] = [own.retry.base, own.retry.cap].map(|wait| amount::show(wait, Unit::Micros));
            let message = format!("`base` is {base}, and no wait may be longer than `cap`, which is {cap}");
            let problem = Problem::new(Code::Amount, &span, message).label("not usable");
            self.problems.push(problem.help("raise `cap` beside it, or lower `base`"));
        }
        if let Some(span) = share.filter(|_| own.breaker.error_rate > ALL) {
            let message = format!("`error-rate` must be at most {ALL}: it counts faults in a hundred calls");
            self.problems.push(Problem::new(Code::Amount, &span, message).label("not usable"));
        }
        // The checker has read it before.
        own.rate = rate.and_then(|rate| rate.parse().ok()).or(own.rate);
        own
    }

    /// What a single tool changes.
    pub(super) fn tool(
        &mut self,
        name: &Spanned<String>,
        wire: v1::Tool,
        above: &Reliability,
    ) -> Option<(LocalName, Located<Reliability>)> {
        let local: LocalName = name.get_ref().parse().ok()?;
        let own = self.of_component(above, wire.retry, wire.breaker, wire.rate.as_deref());
        let fallback = wire.fallback.and_then(|fallback| self.fallback(fallback));
        Some((local, Located::new(Reliability { fallback, ..own }, name.span())))
    }

    fn fallback(&mut self, wire: Spanned<v1::Fallback>) -> Option<Located<Fallback>> {
        let span = wire.span();
        let fallback = match wire.into_inner() {
            v1::Fallback { tool: Some(tool), value: None } => Fallback::Tool(tool.into_inner().parse().ok()?),
            v1::Fallback { tool: None, value: Some(value) } => Fallback::Value(value),
            // What the checker took out is told already.
            _ if self.problems.iter().any(|told| span.start <= told.span.start && told.span.end <= span.end) => {
                return None;
            }
            v1::Fallback { tool, .. } => {
                let message = match tool {
                    Some(_) => "a fallback is a `tool` or a `value`, not both",
                    None => "this fallback names neither a `tool` nor a `value`",
                };
                let problem = Problem::new(Code::Fallback, &span, message).label("in here");
                self.problems.push(problem.help("write `{ tool = \"component.tool\" }` or `{ value = … }`"));
                return None;
            }
        };
        Some(Located::new(fallback, span))
    }
}

/// Where a key is written, and with what.
fn place(written: &v1::Amounts, key: &str) -> Option<Range<usize>> {
    written.iter().find(|(name, _)| name.get_ref() == key).map(|(_, amount)| amount.span())
}
