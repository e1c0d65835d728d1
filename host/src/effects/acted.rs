//! What a call did that does not land with what it staged goes into the audit: requests that left, and files written in place.

use std::collections::BTreeSet;

use toolhold_core::call::AuthorizedCall;
use toolhold_core::effect::{Departed, Request};
use toolhold_core::event::{Event, bounded};
use toolhold_core::id::CallId;
use toolhold_core::redact::Redactor;
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
        let redactor = &self.0.redactor;
        let mut requests: Vec<_> = run.requests.iter().filter_map(Request::departed).collect();
        let mut written: Vec<String> = written_in_place(call, run).into_iter().collect();
        let more = requests.len().saturating_sub(TOLD) + written.len().saturating_sub(TOLD);
        requests.truncate(TOLD);
        written.truncate(TOLD);
        written.iter_mut().for_each(|path| *path = told(redactor, path));
        for Departed { method, url, .. } in &mut requests {
            (*method, *url) = (told(redactor, method), told(redactor, url));
        }
        let left_out = run.requests_left_out.saturating_add(more as u64);
        let is_nothing = requests.is_empty() && written.is_empty() && left_out == 0;
        (!is_nothing).then(|| Event::CallActed { call: id.clone(), requests, written, left_out })
    }
}

/// A text without secrets, and then within its bound: what is cut in half is a secret that nobody finds.
fn told(redactor: &Redactor, text: &str) -> String {
    bounded(&redactor.redact(text))
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

#[cfg(test)]
mod tests {
    use toolhold_core::effect::RequestState;
    use toolhold_core::event::MAX_TEXT_BYTES;

    use super::*;

    #[test]
    fn a_secret_where_a_long_text_is_cut_is_taken_out_whole() {
        let secret = "s3cret-value-of-somebody";
        let redactor = Redactor::new([("token", secret)]);
        for before in MAX_TEXT_BYTES - secret.len() - 1..=MAX_TEXT_BYTES {
            let url = format!("{}?key={secret}&more", "x".repeat(before - 5));
            let request = Request::new("GET", url, RequestState::Answered { status: 200 });
            let told = told(&redactor, &request.departed().unwrap().url);
            assert!(told.len() <= MAX_TEXT_BYTES && !told.contains("s3"), "{before}: {}", &told[before - 5..]);
        }
    }
}
