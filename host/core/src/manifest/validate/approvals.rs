//! Approvals: what takes more than one key to know.

use toml::Spanned;

use crate::id::SecretName;
use crate::limit::Unit;
use crate::manifest::approvals::{ApprovalLimits, Approvals, Risk, Webhook, webhook_url};
use crate::manifest::problem::{Code, Problem, suggest};
use crate::manifest::{Verdict, v1};

use super::http::Secrets;
use super::{Validator, value};

impl Validator<'_> {
    pub(super) fn approvals(&mut self, wire: v1::Approvals, secrets: &Secrets) -> Approvals {
        let mut limits = ApprovalLimits::default();
        let number = |written: Option<v1::Amount>, unit| written.and_then(|written| value(&written, unit));
        let ApprovalLimits { lifetime, max_waiting, prompts_per_minute } = &mut limits;
        for (field, written, unit) in [
            (lifetime, wire.lifetime, Unit::Micros),
            (max_waiting, wire.max_waiting, Unit::Count),
            (prompts_per_minute, wire.prompts_per_minute, Unit::Count),
        ] {
            *field = number(written, unit).unwrap_or(*field);
        }
        let webhook = wire.webhook.and_then(|webhook| self.webhook(webhook, secrets));
        Approvals { limits, webhook, clients: wire.clients }
    }

    fn webhook(&mut self, wire: v1::Webhook, secrets: &Secrets) -> Option<Webhook> {
        let (url, secret) = (wire.url?, wire.secret?);
        let name: SecretName = secret.get_ref().parse().ok()?;
        if !secrets.contains_key(&name) {
            let message = format!("there is no secret `{name}`");
            let help = suggest(name.as_str(), secrets.keys().map(SecretName::as_str), "the secrets are");
            let help = help.unwrap_or_else(|| format!("add it: `[secrets.{name}]` with `env = \"…\"`"));
            self.problems
                .push(Problem::new(Code::UnknownSecret, &secret.span(), message).label("not there").help(help));
        }
        Some(Webhook { url: webhook_url(&url).ok()?, secret: name })
    }

    /// Whether the rule asks each time. Only one that asks can.
    pub(super) fn every_time(&mut self, written: Option<Spanned<bool>>, verdict: Verdict) -> bool {
        let Some(written) = written else { return false };
        if *written.get_ref() && verdict != Verdict::Ask {
            let message = format!("`every-time` is for rules that ask, and this one says `{}`", verdict.as_str());
            let problem = Problem::new(Code::Approval, &written.span(), message).label("asks nobody");
            self.problems.push(problem.help("leave it out, or write `decision = \"ask\"`"));
        }
        *written.get_ref()
    }
}

pub(super) fn risk(written: Option<v1::Risk>) -> Risk {
    match written {
        None => Risk::default(),
        Some(v1::Risk::Low) => Risk::Low,
        Some(v1::Risk::Medium) => Risk::Medium,
        Some(v1::Risk::High) => Risk::High,
        Some(v1::Risk::Critical) => Risk::Critical,
    }
}
