//! Shows what a call would do, for the person who decides: the real tool, run once as a preview that sends no request at all.
//!
//! Not even a safe one: whoever wants to get something out could ask for a call that is never made, and let its preview carry it. What
//! the tool says on the side reaches nobody either, and its result is thrown away.

use toolhold_core::approval::Foreseen;
use toolhold_core::id::{CallId, Digest};
use toolhold_core::outcome::Failure;
use toolhold_core::policy::Question;
use toolhold_sandbox::{Caller, RunOptions};

use crate::Host;
use crate::effects::observed;
use crate::host::CallOptions;

impl Host {
    pub(super) async fn rehearse(&self, id: &CallId, question: &Question, options: &CallOptions) -> Foreseen {
        let settings = RunOptions {
            caller: Caller::new(&options.client, "rehearsals"),
            cancel: options.cancel.clone(),
            key: Some(Digest::of_parts(&[b"rehearsal", id.as_str().as_bytes()])),
            name: Some(format!("{id}-rehearsal")),
            ..RunOptions::default()
        };
        let mut run = self.act(&question.rehearsal, settings).await;
        let mut effects = observed(&question.rehearsal, &run);
        // Nothing of it lands, now or later.
        drop(run.staged.take());
        let mut failure = run.outcome.err().map(Failure::from);
        let mut pass = self.0.redactor.pass();
        pass.effects(&mut effects);
        failure.iter_mut().for_each(|failure| pass.failure(failure));
        Foreseen { effects, failure }
    }
}
