//! What is written down of requests, as each comes along.
//!
//! Shared with the tasks that send: what a call has sent is known at any time, also when the call is cut off in the middle.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use toolhold_core::effect::{Request, RequestState};
use toolhold_core::id::Label;

/// Requests that are kept of one call; further ones are counted.
const KEPT: usize = 1_000;

/// Bytes that are kept of a URL or method.
const MAX_TEXT: usize = 4 << 10;

/// The requests of one call.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ledger(Arc<Mutex<Requests>>);

/// What was requested, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    pub(crate) kept: Vec<Request>,
    pub(crate) left_out: u64,
    /// What is said of the answers that came, of all of them.
    pub(crate) labels: BTreeSet<Label>,
    /// Names of the secrets that were taken out of answers, of all of them.
    pub(crate) returned: BTreeSet<String>,
}

/// The place of one request in the ledger.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    ledger: Ledger,
    /// `None`: it is only counted.
    index: Option<usize>,
}

impl Ledger {
    /// Writes a request down.
    pub(crate) fn add(&self, method: &str, url: &str, state: RequestState, secrets: Vec<String>) -> Entry {
        let (method, url) = (short(method), short(url));
        let mut requests = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let index = (requests.kept.len() < KEPT).then_some(requests.kept.len());
        match index {
            Some(_) => requests.kept.push(Request {
                method,
                url,
                state,
                sent_bytes: 0,
                received_bytes: 0,
                secrets,
                returned: Vec::new(),
            }),
            None => requests.left_out = requests.left_out.saturating_add(1),
        }
        Entry { ledger: self.clone(), index }
    }

    /// Everything so far.
    pub(crate) fn take(&self) -> Requests {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Entry {
    /// How far it came.
    pub(crate) fn state(&self, state: RequestState) {
        self.change(|request| request.state = state);
    }

    /// So many bytes more of its body were handed over.
    pub(crate) fn sent(&self, bytes: u64) {
        self.change(|request| request.sent_bytes = request.sent_bytes.saturating_add(bytes));
    }

    /// So many bytes more of the answer's body came in.
    pub(crate) fn received(&self, bytes: u64) {
        self.change(|request| request.received_bytes = request.received_bytes.saturating_add(bytes));
    }

    /// An answer came under a grant with these labels.
    pub(crate) fn labelled(&self, labels: &[Label]) {
        let mut requests = self.ledger.0.lock().unwrap_or_else(PoisonError::into_inner);
        requests.labels.extend(labels.iter().cloned());
    }

    /// The answer held these secrets.
    pub(crate) fn returned(&self, names: &[String]) {
        let mut requests = self.ledger.0.lock().unwrap_or_else(PoisonError::into_inner);
        requests.returned.extend(names.iter().cloned());
        if let Some(request) = self.index.and_then(|index| requests.kept.get_mut(index)) {
            let new = names.iter().filter(|name| !request.returned.contains(name)).cloned().collect::<Vec<_>>();
            request.returned.extend(new);
        }
    }

    fn change(&self, change: impl FnOnce(&mut Request)) {
        let mut requests = self.ledger.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(request) = self.index.and_then(|index| requests.kept.get_mut(index)) {
            change(request);
        }
    }
}

fn short(text: &str) -> String {
    text.get(..text.floor_char_boundary(MAX_TEXT)).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_counted_and_not_kept() {
        let ledger = Ledger::default();
        let add = |url: &str| ledger.add("GET", url, RequestState::Withheld, Vec::new());
        let entries: Vec<_> = (0..KEPT + 3).map(|_| add(&"x".repeat(MAX_TEXT + 1))).collect();
        entries.iter().for_each(|entry| entry.sent(7));
        let (last, names) = (entries.last().unwrap(), ["token".to_owned(), "token".to_owned()]);
        last.labelled(&["untrusted".parse().unwrap()]);
        last.returned(&names);
        let requests = ledger.take();
        assert_eq!((requests.kept.len(), requests.left_out), (KEPT, 3));
        assert_eq!(
            (requests.labels.len(), requests.returned.len()),
            (1, 1),
            "what is not kept is told of all the same"
        );
        assert!(requests.kept.iter().all(|request| request.url.len() == MAX_TEXT && request.sent_bytes == 7));
    }
}
