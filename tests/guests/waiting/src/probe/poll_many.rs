//! `poll_many`: one host call over very many entries, again and again: host work that burns no fuel. Hits `time`.

use toolhold_sdk::prelude::*;
use wasip2::clocks::monotonic_clock::subscribe_duration;
use wasip2::io::poll::poll;

/// Polls this many entries for the same ready pollable, for ever.
#[tool(hints(read_only))]
pub(crate) fn poll_many(
    /// How many.
    entries: usize,
) -> usize {
    let ready = subscribe_duration(0);
    let list = vec![&ready; entries];
    loop {
        if poll(&list).is_empty() {
            return 0;
        }
    }
}
