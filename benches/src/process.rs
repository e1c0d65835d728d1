//! What the system says of a process.

use std::time::Duration;

use anyhow::{Context as _, Result};

/// Bytes of memory that a process has at this moment (resident set size).
pub(crate) fn resident(id: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
    kibibytes(&status, "VmRSS")
        .map(|kibibytes| kibibytes << 10)
        .context("the system does not say how much memory it has")
}

/// How long the processors have worked for this process, on all of its threads.
pub(crate) fn worked() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// What a process has.
pub(crate) struct Resources {
    /// Bytes of memory (resident set size).
    pub(crate) resident: u64,
    /// Those that are its own, and no pages of files.
    pub(crate) own: u64,
    /// Open files, sockets and the like.
    pub(crate) descriptors: u64,
    pub(crate) threads: u64,
}

/// What a process has at this moment.
pub(crate) fn resources(id: u32) -> Result<Resources> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
    let memory = |key| kibibytes(&status, key).map(|kibibytes| kibibytes << 10).context("no such memory");
    let threads = value(&status, "Threads").and_then(|threads| threads.parse().ok()).context("no threads")?;
    let descriptors = std::fs::read_dir(format!("/proc/{id}/fd"))?.count() as u64;
    Ok(Resources { resident: memory("VmRSS")?, own: memory("RssAnon")?, descriptors, threads })
}

fn kibibytes(status: &str, key: &str) -> Option<u64> {
    value(status, key)?.strip_suffix(" kB")?.parse().ok()
}

fn value<'s>(status: &'s str, key: &str) -> Option<&'s str> {
    Some(status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_by_its_whole_name() {
        let status = "VmRSSx:\t1 kB\nVmRSS:\t   9216 kB\nThreads:\t4\n";
        assert_eq!(kibibytes(status, "VmRSS"), Some(9216));
        assert_eq!(kibibytes(status, "VmHWM"), None);
        assert_eq!(kibibytes(status, "Threads"), None);
        assert!(resident(std::process::id()).unwrap() > 0);
    }
}
