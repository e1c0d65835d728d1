//! Shows what a call would do, for the person who decides: the real tool, run once as a preview that sends no request at all.
//!
//! Not even a safe one: whoever wants to get something out could ask for a call that is never made, and let its preview carry it. What
//! the tool says on the side reaches nobody either, and its result is thrown away.

use tokio_util::sync::CancellationToken;
use toolhold_core::approval::Foreseen;
use toolhold_core::call::AuthorizedCall;
use toolhold_core::effect::{Request, RequestState};
use toolhold_core::escape;
use toolhold_core::id::{CallId, Digest};
use toolhold_core::outcome::Failure;
use toolhold_sandbox::{Caller, RunFailure, RunOptions, RunReport};

use crate::Host;
use crate::effects::observed;

/// What was seen of a call.
pub(super) struct Rehearsed {
    pub(super) foreseen: Foreseen,
    /// Why it would come to nothing: a grant does not cover what it does, or the tool will not do it. Escaped.
    pub(super) refused: Option<String>,
}

impl Host {
    /// Runs `call`, which is one of [`Policy::rehearsal`], in the turn of `caller`; `id` names the run of it and is used once.
    ///
    /// [`Policy::rehearsal`]: toolhold_core::policy::Policy::rehearsal
    pub(super) async fn rehearse(
        &self,
        id: &CallId,
        call: &AuthorizedCall,
        (caller, cancel): (Caller, CancellationToken),
    ) -> Rehearsed {
        let settings = RunOptions {
            caller,
            cancel,
            key: Some(Digest::of_parts(&[b"rehearsal", id.as_str().as_bytes()])),
            name: Some(format!("{id}-rehearsal")),
            ..RunOptions::default()
        };
        let mut run = self.act(call, settings).await;
        let mut effects = observed(call, &run);
        // Nothing of it lands, now or later.
        drop(run.staged.take());
        let refused = refused(&run).map(|why| escape::line(&self.0.redactor.redact(&why)).into_owned());
        let mut failure = run.outcome.err().map(Failure::from);
        let mut pass = self.0.redactor.pass();
        pass.effects(&mut effects);
        failure.iter_mut().for_each(|failure| pass.failure(failure));
        Rehearsed { foreseen: Foreseen { effects, failure, modified: false }, refused }
    }
}

/// Why a call comes to nothing that was seen to its end. What a tool was refused and could do without is no reason.
fn refused(run: &RunReport) -> Option<String> {
    let failure = match &run.outcome {
        Ok(_) | Err(RunFailure::Withheld) => return None,
        Err(failure) => failure,
    };
    let of_request = |request: &Request| match &request.state {
        RequestState::Refused { why } => Some(format!("{} `{}`: {why}", request.method, request.url)),
        _ => None,
    };
    let of_grant = run
        .files
        .refusals
        .last()
        .map(|refusal| format!("`{}/{}`: {}", refusal.grant.trim_end_matches('/'), refusal.path, refusal.why));
    let of_grant = of_grant.or_else(|| run.requests.iter().rev().find_map(of_request));
    of_grant.or_else(|| match failure {
        RunFailure::Tool(error) => Some(Failure::from(RunFailure::Tool(error.clone())).message),
        _ => None,
    })
}
