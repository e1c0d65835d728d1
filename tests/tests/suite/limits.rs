//! One test per limit: a small bound in the manifest, a guest that crosses it, its name in the report.
//!
//! A test here is called `limit_` and the limit's key; a limit without one does not compile.

use std::io::Write as _;

use serde_json::json;
use toolhold_core::limit::Limit;
use toolhold_tests::http_server::HttpServer;
use toolhold_tests::test_host::TestHost;

use crate::check::{directory, hostile, stops, writable};
use crate::http::granted;

#[test]
pub(crate) fn limit_fuel() {
    stops(&hostile("limits.fuel = 1_000_000"), "endless_loop", json!({}), Limit::Fuel);
}

#[test]
pub(crate) fn limit_time() {
    let host = hostile("limits.fuel = 1_000_000_000_000\nlimits.time = \"100ms\"");
    stops(&host, "endless_loop", json!({}), Limit::Time);
}

#[test]
pub(crate) fn limit_memory() {
    stops(&hostile("limits.memory = \"8MiB\""), "memory_growth", json!({}), Limit::Memory);
}

#[test]
pub(crate) fn limit_table_elements() {
    let host = TestHost::of_text("table_growth_unchecked", "limits.table-elements = 5_000").unwrap();
    stops(&host, "run", json!({}), Limit::TableElements);
}

#[test]
pub(crate) fn limit_output() {
    stops(&hostile("limits.output = 1000"), "giant_result", json!({"bytes": 999}), Limit::Output);
    let fits = hostile("limits.output = 1000").call("giant_result", json!({"bytes": 998})).unwrap();
    assert_eq!(fits.usage.get(Limit::Output), 1000, "998 bytes and two quotes");
}

#[test]
pub(crate) fn limit_log() {
    stops(&hostile("limits.log = 1000"), "log_flood", json!({"bytes": 1}), Limit::Log);
}

#[test]
pub(crate) fn limit_stdout() {
    let reply = stops(&hostile("limits.stdout = 4096"), "stdout_flood", json!({}), Limit::Stdout);
    assert!(reply.output.stdout.len() <= 4096);
}

#[test]
pub(crate) fn limit_stderr() {
    let reply = stops(&hostile("limits.stderr = 4096"), "stderr_flood", json!({}), Limit::Stderr);
    assert!(reply.output.stderr.len() <= 4096);
}

#[test]
pub(crate) fn limit_host_calls() {
    stops(&hostile("limits.host-calls = 1000"), "host_calls", json!({}), Limit::HostCalls);
}

#[test]
pub(crate) fn limit_bytes_read() {
    let root = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join("a"), vec![b'a'; 10_000]).unwrap();
    let grants = directory(root.path(), "read = [\"**\"]");
    stops(
        &hostile(&format!("{grants}limits.bytes-read = 100_000")),
        "read_flood",
        json!({"path": "/work/a"}),
        Limit::BytesRead,
    );
}

#[test]
pub(crate) fn limit_bytes_written() {
    let root = tempfile::tempdir().unwrap();
    let host = hostile(&format!("{}limits.bytes-written = 100_000", writable(root.path())));
    stops(&host, "write_flood", json!({"path": "/work/a"}), Limit::BytesWritten);
    assert!(std::fs::metadata(root.path().join("a")).unwrap().len() <= 100_000);
}

#[test]
pub(crate) fn limit_files_created() {
    let root = tempfile::tempdir().unwrap();
    let host = hostile(&format!("{}limits.files-created = 20", writable(root.path())));
    stops(&host, "files_flood", json!({"path": "/work"}), Limit::FilesCreated);
    assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 20);
}

#[test]
pub(crate) fn limit_http_requests() {
    let server = HttpServer::with("HTTP/1.1 204 No Content\r\n\r\n").unwrap();
    let host = granted(&server, "limits.http-requests = 7");
    let reply = stops(&host, "http_requests", json!({"authority": server.authority()}), Limit::HttpRequests);
    assert_eq!(reply.requests.len(), 7);
}

#[test]
pub(crate) fn limit_http_bytes_sent() {
    let server = HttpServer::with("HTTP/1.1 204 No Content\r\n\r\n").unwrap();
    let host = granted(&server, "limits.http-bytes-sent = 100_000");
    let reply = stops(&host, "http_send_flood", json!({"authority": server.authority()}), Limit::HttpBytesSent);
    assert!(reply.requests[0].sent_bytes <= 100_000, "{:?}", reply.requests);
}

#[test]
pub(crate) fn limit_http_bytes_received() {
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n".to_vec();
    let server = HttpServer::start(move |_, stream| {
        let _gone = stream.write_all(&head);
        while stream.write_all(&[b'x'; 4096]).is_ok() {}
    });
    let server = server.unwrap();
    let host = granted(&server, "limits.http-bytes-received = 100_000\nlimits.http-requests = 1_000");
    let reply = stops(&host, "http_receive_flood", json!({"authority": server.authority()}), Limit::HttpBytesReceived);
    assert!(reply.requests[0].received_bytes <= 100_000, "{:?}", reply.requests);
}

#[test]
pub(crate) fn limit_handles() {
    let root = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join("a"), "a").unwrap();
    let grants = directory(root.path(), "read = [\"**\"]");
    stops(&hostile(&format!("{grants}limits.handles = 20")), "handle_leak", json!({"path": "/work/a"}), Limit::Handles);
}
