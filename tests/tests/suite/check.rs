//! What is asked of a host again and again: that it stopped a guest where it should, and that the next call works.

use serde_json::{Value, json};
use toolhold_core::limit::Limit;
use toolhold_core::outcome::{Class, Failure};
use toolhold_sandbox::Sandbox;
use toolhold_tests::test_host::{Reply, TestHost};
use toolhold_tests::wat_guest;

/// The guest crate `hostile`, with these grants.
pub(crate) fn hostile(grants: &str) -> TestHost {
    TestHost::of("hostile", grants).unwrap()
}

/// A grant of the directory `host` at `/work`, and more keys of that grant.
pub(crate) fn directory(host: &std::path::Path, keys: &str) -> String {
    format!("directories = [{{ host = {:?}, guest = \"/work\", {keys} }}]\n", host.to_str().unwrap())
}

/// A grant to read and write everything below `host`, in place: what a guest did before it was stopped is there to be counted.
pub(crate) fn writable(host: &std::path::Path) -> String {
    directory(host, "read = [\"**\"], write = [\"**\"], atomic = false")
}

/// Calls `tool`, which must stop at `limit`; then another call must work.
pub(crate) fn stops(host: &TestHost, tool: &str, arguments: Value, limit: Limit) -> Reply {
    let reply = host.call(tool, arguments).unwrap();
    let exceeded = failed(&reply, Class::Limit).exceeded.unwrap();
    assert_eq!(exceeded.limit, limit, "{reply:?}");
    assert_eq!(exceeded.allowed, reply.limits.get(limit));
    assert!(exceeded.used > exceeded.allowed, "{exceeded:?}");
    assert!(limit == Limit::Time || reply.usage.get(limit) <= exceeded.allowed, "{:?}", reply.usage);
    assert!(exceeded.to_string().contains(&format!("`limits.{limit}`")), "{exceeded}");
    next_call_works(host.sandbox());
    reply
}

/// Calls `tool`, in which the guest must trap; then another call must work. Returns what the operator is told.
pub(crate) fn traps(host: &TestHost, tool: &str, arguments: Value) -> String {
    let reply = host.call(tool, arguments).unwrap();
    let failure = failed(&reply, Class::Trap).clone();
    next_call_works(host.sandbox());
    failure.detail.unwrap_or(failure.code)
}

/// Why `reply` is no result: a failure of this class.
pub(crate) fn failed(reply: &Reply, class: Class) -> &Failure {
    let failure = reply.failure().unwrap();
    assert_eq!(failure.class, class, "{failure:?}");
    failure
}

/// An honest call in `sandbox`, which holds nothing of earlier ones.
pub(crate) fn next_call_works(sandbox: &Sandbox) {
    let honest = wat_guest::from_text("(module)", "").unwrap();
    let reply = TestHost::new(sandbox, &honest, "").unwrap().call("run", json!({})).unwrap();
    assert_eq!(reply.value().unwrap(), &Value::Null);
}

/// No text that a model or a person is shown says where the host keeps its files.
pub(crate) fn names_no_host_path(reply: &Reply, host: &std::path::Path) {
    let shown = match &reply.outcome {
        Ok(value) => value.to_string(),
        Err(failure) => format!("{} {}", failure.code, failure.message),
    };
    assert!(!shown.contains(host.to_str().unwrap()), "{shown}");
}

/// Files that this process has open.
pub(crate) fn open_files() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Memory that this process holds at this moment.
pub(crate) fn resident_bytes() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * rustix::param::page_size()
}

/// The most memory that this process ever held.
pub(crate) fn peak_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.trim().trim_end_matches(" kB").parse::<usize>().unwrap() << 10
}
