//! A server that is used for long: what of it grows.

use anyhow::Result;

const METHOD: &str = "`toolhold serve` under about 200 calls a second over HTTP for the minutes that are named, looked at 20 times: reads, echoes, staged writes (some undone), \
dry runs (some applied), calls that are denied, make no sense, trap, are given up, asked about, repeated by key or not waited for, sessions of MCP, runs whose events \
are followed, health, metrics and lists. Its journal begins with as many calls of yesterday; each of the 20 times `toolhold journal prune --older-than 1d` removes what has come of age, and \
`toolhold reload` takes up the manifest; `undo-bytes` is 1 MiB. Calls, and their percentiles in microseconds, are those since the time before; memory (VmRSS, RssAnon), the state directory, the \
journal and its log in MiB. Growth is from the mean of the second fifth to that of the last.";

/// Uses a server for so many minutes and prints what it had meanwhile.
pub(super) fn run(minutes: u32) -> Result<()> {
    println!("{METHOD}\n");
    crate::soak::run(minutes)
}
