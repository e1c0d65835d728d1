//! What the system says of a process.

use anyhow::{Context as _, Result};

/// Bytes of memory that a process has at this moment (resident set size).
pub(crate) fn resident(id: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
    kibibytes(&status, "VmRSS")
        .map(|kibibytes| kibibytes << 10)
        .context("the system does not say how much memory it has")
}

fn kibibytes(status: &str, key: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
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
