//! Servers that were told to end. A thread waits for each, so that whoever lets go of one in a task keeps no other task waiting.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};

/// Those that are waited for. Of the process, as it must not end before them.
static ENDING: Mutex<Vec<JoinHandle<()>>> = Mutex::new(Vec::new());

/// Has `wait`, which returns when a server is ended, called on a thread of its own.
pub(super) fn watch(wait: impl Fn() + Send + Sync + 'static) {
    let wait = Arc::new(wait);
    let waits = Arc::clone(&wait);
    match Builder::new().name("toolhold-mcp-end".to_owned()).spawn(move || waits()) {
        Ok(thread) => {
            let mut ending = ENDING.lock().unwrap_or_else(PoisonError::into_inner);
            ending.retain(|thread| !thread.is_finished());
            ending.push(thread);
        }
        // No server stays behind for want of a thread.
        Err(_) => wait(),
    }
}

/// Waits until every server that was told to end has ended, or was killed. Not to be called in a task.
pub(crate) fn ended() {
    let ending = std::mem::take(&mut *ENDING.lock().unwrap_or_else(PoisonError::into_inner));
    for thread in ending {
        let _as_good_if_it_panicked = thread.join();
    }
}
