//! `sleep_often`: very many short sleeps: no fuel burns and no single host call takes long. Hits `host-calls` or `time`.

use std::time::Duration;

use toolhold_sdk::prelude::*;

/// Sleeps for a nanosecond, for ever.
#[tool(hints(read_only))]
pub(crate) fn sleep_often() -> u64 {
    loop {
        std::thread::sleep(Duration::from_nanos(1));
    }
}
