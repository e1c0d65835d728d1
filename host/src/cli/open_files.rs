//! How many files this process may have open: what it was started with is a bound for programs of another time.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Enough for a server with all the calls that it takes at once. Not all that there may be: what this process starts inherits it, and some
/// programs look at each number that a file could have.
const ENOUGH: u64 = 65_536;

/// Raises the soft limit, as far as whoever started this process lets it.
pub(super) fn raise() {
    let limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.map_or(ENOUGH, |maximum| maximum.min(ENOUGH));
    if limit.current.is_some_and(|current| current < most)
        && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: Some(most), ..limit })
    {
        // What is not there is missed where it is needed, and `doctor` says how many there are.
        tracing::debug!(%error, "the number of open files stays as it is");
    }
}
