//! The machine: what makes calls cheap, and what walls a kernel offers around a whole process.

use rustix::process::{Resource, getrlimit};
use toolhold_sandbox::{Sandbox, SandboxConfig};

use super::{Check, Patient};

/// Open files with which a server runs out soon.
const FEW_FILES: u64 = 4096;

/// Open files with which it hardly starts.
const TOO_FEW_FILES: u64 = 128;

/// Makes engines with their pools, as a host does.
pub(super) fn pool() -> Check {
    let config = SandboxConfig::default();
    let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let calls = config.max_calls_in_flight;
    match Sandbox::new(config) {
        Ok(_) => Check::good(
            "pooling",
            format!(
                "instances come from pools: {workers} engines for calls that compute, room for {calls} calls at once"
            ),
        ),
        Err(error) => Check::problem(
            "pooling",
            format!("there is no engine: {error}"),
            "give the process address space: `ulimit -v unlimited`, and no `LimitAS` in its unit",
        ),
    }
}

/// Whether what all calls together may take (`max-memory`) fits into what this process may have. `None` where the kernel tells neither.
pub(super) fn memory(patient: &Patient, calls: Option<u64>) -> Option<Check> {
    let name = "memory";
    let group = patient.told("sys/fs/cgroup/memory.max").and_then(|limit| limit.parse::<u64>().ok());
    let machine = kibibytes(patient, "proc/meminfo", "MemTotal:");
    let has = group.into_iter().chain(machine).min()?;
    let calls = calls.unwrap_or(SandboxConfig::default().max_memory_in_flight);
    let own = kibibytes(patient, "proc/self/status", "VmRSS:").unwrap_or_default();
    let found = format!(
        "calls may hold {} MiB together, and this process has {} MiB in use, of {} MiB that it may have",
        calls >> 20,
        own >> 20,
        has >> 20
    );
    if calls.saturating_add(own) <= has {
        return Some(Check::good(name, found));
    }
    let room = has.saturating_sub(own).saturating_mul(3) / 4;
    let fix = format!(
        "`max-memory = \"{}MiB\"` in `[host]` has calls refused before the process is killed for what they hold",
        (room >> 20).max(1)
    );
    Some(Check::note(name, found, fix))
}

/// A number of kibibytes that the kernel tells by name, in bytes.
fn kibibytes(patient: &Patient, file: &str, name: &str) -> Option<u64> {
    let text = patient.told(file)?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kibibytes| kibibytes.saturating_mul(1024))
}

pub(super) fn huge_pages(patient: &Patient) -> Check {
    let name = "huge-pages";
    match patient.told("sys/kernel/mm/transparent_hugepage/enabled") {
        Some(text) if text.contains("[always]") => Check::good(name, "the kernel uses them for all memory"),
        Some(text) if text.contains("[madvise]") => {
            Check::good(name, "the kernel uses them where a program asks for them")
        }
        Some(_) => Check::note(
            name,
            "the kernel does not use them",
            "`echo madvise > /sys/kernel/mm/transparent_hugepage/enabled` makes large memories cheaper",
        ),
        None => Check::note(name, "the kernel does not tell", "nothing has to be done: it works without them"),
    }
}

/// Whether the kernel can tell which pages a guest wrote: memories are reset by that.
pub(super) fn page_map(patient: &Patient) -> Check {
    let name = "page-map-scan";
    let release = patient.told("proc/sys/kernel/osrelease").unwrap_or_default();
    let mut numbers = release.split(|sign: char| !sign.is_ascii_digit()).map_while(|part| part.parse::<u32>().ok());
    match (numbers.next(), numbers.next()) {
        (Some(major), Some(minor)) if (major, minor) >= (6, 7) => {
            Check::good(name, format!("kernel {release} tells which pages a call wrote"))
        }
        _ => Check::note(
            name,
            format!("kernel {release} does not tell which pages a call wrote: memories are reset by copying"),
            "a kernel of 6.7 or later makes calls with large memories cheaper",
        ),
    }
}

pub(super) fn landlock(patient: &Patient) -> Check {
    let name = "landlock";
    match patient.told("sys/kernel/security/lsm") {
        Some(modules) if modules.split(',').any(|module| module == "landlock") => Check::good(
            name,
            "the kernel has it: it can wall in the whole process, as the unit in `deploy/systemd` does by other means",
        ),
        Some(_) => Check::note(
            name,
            "the kernel does not have it",
            "nothing has to be done: the sandbox does not rest on it; `lsm=…,landlock` on the kernel's command line turns it on",
        ),
        None => Check::note(
            name,
            "the kernel does not tell: securityfs is not mounted here",
            "nothing has to be done: the sandbox does not rest on it",
        ),
    }
}

pub(super) fn seccomp(patient: &Patient) -> Check {
    let name = "seccomp";
    let status = patient.told("proc/self/status").unwrap_or_default();
    let mode = status.lines().find_map(|line| line.strip_prefix("Seccomp:")).map(str::trim);
    let offered = patient.told("proc/sys/kernel/seccomp/actions_avail").is_some();
    match mode {
        Some("2") => Check::good(name, "a filter bounds the system calls of this process"),
        _ if offered => Check::note(
            name,
            "the kernel has it, and no filter bounds the system calls of this process",
            "run the server by the unit in `deploy/systemd` or in a container: both bring one",
        ),
        _ => {
            Check::note(name, "the kernel does not have it", "nothing has to be done: the sandbox does not rest on it")
        }
    }
}

pub(super) fn open_files() -> Check {
    files(getrlimit(Resource::Nofile).current)
}

/// `None` is no limit.
fn files(limit: Option<u64>) -> Check {
    let name = "open-files";
    let fix = "raise the hard limit: `ulimit -Hn 65536`, or `LimitNOFILE=65536` in the unit";
    match limit {
        Some(limit) if limit < TOO_FEW_FILES => {
            Check::problem(name, format!("at most {limit}: a call with a few directories needs more"), fix)
        }
        Some(limit) if limit < FEW_FILES => {
            Check::note(name, format!("at most {limit}: enough for one user, few for a server"), fix)
        }
        Some(limit) => Check::good(name, format!("at most {limit}")),
        None => Check::good(name, "as many as wanted"),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::Condition;
    use super::*;

    #[test]
    fn few_files_are_a_note_and_hardly_any_a_problem() {
        for (limit, condition) in [
            (None, Condition::Good),
            (Some(65_536), Condition::Good),
            (Some(FEW_FILES - 1), Condition::Note),
            (Some(TOO_FEW_FILES - 1), Condition::Problem),
        ] {
            let check = files(limit);
            assert_eq!(check.condition, condition, "{limit:?}");
            assert_eq!(check.fix.is_some(), condition != Condition::Good);
        }
    }
}
