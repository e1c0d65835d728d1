//! What a call did that does not land with what it staged goes into the audit: requests that left, and files written in place.

use std::collections::BTreeSet;

use toolhold_core::call::AuthorizedCall;
use toolhold_core::event::{Event, bounded};
use toolhold_core::id::CallId;
use toolhold_sandbox::RunReport;

use super::report;
use crate::clock;
use crate::host::Host;
use crate::journal;

/// Requests, and files, of one call that are told of; the rest is counted.
const TOLD: usize = 64;

impl Host {
    /// Tells the audit what the call did elsewhere, before anything is made of its outcome.
    pub(crate) async fn tell_what_is_done(
        &self,
        id: &CallId,
        call: &AuthorizedCall,
        run: &RunReport,
    ) -> Result<(), journal::Error> {
        match self.done(id, call, run) {
            Some(event) => self.0.journal.record(clock::micros(), event).await,
            None => Ok(()),
        }
    }

    fn done(&self, id: &CallId, call: &AuthorizedCall, run: &RunReport) -> Option<Event> {
        let redacted = |text: &str| bounded(&self.0.redactor.redact(text));
        let mut requests: Vec<_> = run.requests.iter().filter_map(|request| request.departed()).collect();
        let mut written: Vec<String> = written_in_place(call, run).into_iter().map(|path| redacted(&path)).collect();
        let more = requests.len().saturating_sub(TOLD) + written.len().saturating_sub(TOLD);
        requests.truncate(TOLD);
        written.truncate(TOLD);
        requests.iter_mut().for_each(|request| request.url = redacted(&request.url));
        let left_out = run.requests_left_out.saturating_add(more as u64);
        let is_nothing = requests.is_empty() && written.is_empty() && left_out == 0;
        (!is_nothing).then(|| Event::CallActed { call: id.clone(), requests, written, left_out })
    }
}

/// The guest paths that were written in place, each once. Where not all that was touched is known, the directories are told as well.
fn written_in_place(call: &AuthorizedCall, run: &RunReport) -> BTreeSet<String> {
    let mut written = BTreeSet::new();
    for grant in report::wrote_in_place(call, &run.files) {
        if run.files.left_out > 0 {
            written.insert(grant.to_owned());
        }
        let touches = run.files.touches.iter().filter(|touch| touch.grant == grant && report::is_write(touch));
        written.extend(touches.map(|touch| match touch.path.as_str() {
            "" => grant.to_owned(),
            path => format!("{}/{path}", grant.trim_end_matches('/')),
        }));
    }
    written
}
