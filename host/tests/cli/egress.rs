//! Requests of the whole program to servers on loopback: who is trusted, what is spoken, and what of the surroundings is ignored.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;

use crate::project::{Done, Project, packed};
use crate::server::{Server, Speaks};

const SECRET: &str = "sk-hunter22-very-long";

/// A project whose tool may send requests to `localhost` at the port, with a secret and a key for repeats.
fn project(port: u16) -> Project {
    let project = Project::new(&format!(
        r#"
version = 1
[tools.http]
source = "http.wasm"
[[tools.http.http]]
host = "localhost"
ports = [{port}]
methods = ["GET", "POST"]
addresses = ["127.0.0.0/8", "::1/128"]
secrets = [{{ secret = "api", header = "authorization", prefix = "Bearer " }}]
idempotency-header = "Idempotency-Key"
[secrets.api]
file = "key"
[[rules]]
name = "all"
decision = "allow"
tools = ["http.*"]
"#
    ));
    std::fs::write(project.path().join("http.wasm"), packed("http")).unwrap();
    project.write("key", SECRET);
    readable_by(&project, 0o600);
    assert_eq!(project.run(&["lock"]).code(), 0);
    project
}

fn readable_by(project: &Project, mode: u32) {
    std::fs::set_permissions(project.path().join("key"), std::fs::Permissions::from_mode(mode)).unwrap();
}

/// Calls the tool, which trusts the authority of `trusted`.
fn ask(project: &Project, server: &Server, trusted: &Server, more: &[(&str, &str)], call: &[&str]) -> Done {
    let url = format!("url=https://localhost:{}/a", server.port);
    let authority = trusted.authority();
    let variables = [&[("SSL_CERT_FILE", authority.to_str().unwrap())], more].concat();
    project.run_with(&variables, &[&["call", "--json"], call, &[&url]].concat())
}

#[test]
fn a_server_that_the_machine_trusts_gets_the_secret_over_either_protocol_and_the_tool_does_not() {
    for (speaks, protocol) in [(Speaks::Http1, "http/1.1\n"), (Speaks::Http2, "h2\n")] {
        let server = Server::start("localhost", speaks);
        let project = project(server.port);
        let done = ask(&project, &server, &server, &[], &["http.fetch"]);
        assert_eq!(done.code(), 0, "{}{}", done.printed(), done.said());
        let heads = server.heads();
        assert!(heads.len() == 1 && heads[0].starts_with(protocol), "{heads:?}");
        assert!(heads[0].contains(&format!("authorization: Bearer {SECRET}")), "{heads:?}");
        assert!(heads[0].contains(&format!("localhost:{}", server.port)), "{heads:?}");
        assert!(!heads[0].to_ascii_lowercase().contains("idempotency-key"), "a request for no change: {heads:?}");
        let report: serde_json::Value = serde_json::from_str(&done.printed()).unwrap();
        assert!(report["result"].to_string().contains("hello, Bearer [redacted]***"), "{report}");
        assert_eq!(report["effects"]["requests"][0]["returned"], json!(["api"]), "{report}");
        assert!(!done.printed().contains("hunter22") && !done.said().contains("hunter22"));
    }
}

#[test]
fn a_server_that_nobody_vouches_for_or_that_is_another_one_is_sent_nothing() {
    let trusted = Server::start("localhost", Speaks::Http1);
    for speaks in [Speaks::Http1, Speaks::Http2] {
        let stranger = Server::start("localhost", speaks);
        let other = Server::start("other.example", speaks);
        for (server, trusted) in [(&stranger, &trusted), (&other, &other)] {
            let project = project(server.port);
            let done = ask(&project, server, trusted, &[], &["http.send", "method=post", "text=x"]);
            assert_ne!(done.code(), 0, "{}", done.printed());
            let report: serde_json::Value = serde_json::from_str(&done.printed()).unwrap();
            let request = &report["effects"]["requests"][0];
            assert_eq!(request["request"], "not-sent", "{report}");
            assert!(request["why"].as_str().unwrap().contains("no TLS connection to `localhost`"), "{report}");
            assert_eq!(server.heads(), [""; 0], "it could read a request");
        }
    }
    assert!(trusted.heads().is_empty());
}

#[test]
fn a_request_for_a_change_carries_a_key_and_another_call_another_one() {
    let server = Server::start("localhost", Speaks::Http1);
    let project = project(server.port);
    for _ in 0..2 {
        let done = ask(&project, &server, &server, &[], &["http.send", "method=post", "text=x"]);
        assert_eq!(done.code(), 0, "{}{}", done.printed(), done.said());
    }
    let key = |head: &String| {
        let line = head.lines().find_map(|line| line.strip_prefix("idempotency-key: ")).map(str::to_owned);
        line.unwrap_or_else(|| panic!("no key in {head}"))
    };
    let keys: Vec<String> = server.heads().iter().map(key).collect();
    assert!(keys.len() == 2 && keys[0] != keys[1] && keys.iter().all(|key| key.len() == 64), "{keys:?}");
}

#[test]
fn proxies_of_the_environment_are_not_asked() {
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    proxy.set_nonblocking(true).unwrap();
    let at = format!("http://{}", proxy.local_addr().unwrap());
    let names = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
    let variables: Vec<_> = names.iter().map(|name| (*name, at.as_str())).collect();
    let server = Server::start("localhost", Speaks::Http2);
    let project = project(server.port);
    let done = ask(&project, &server, &server, &variables, &["http.fetch"]);
    assert_eq!(done.code(), 0, "{}{}", done.printed(), done.said());
    assert_eq!(server.heads().len(), 1);
    assert_eq!(proxy.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "the proxy was asked");
}

#[test]
fn a_secret_that_others_can_read_is_not_used_and_nothing_runs() {
    let server = Server::start("localhost", Speaks::Http1);
    let project = project(server.port);
    for mode in [0o640, 0o604, 0o620] {
        readable_by(&project, mode);
        let done = ask(&project, &server, &server, &[], &["http.fetch"]);
        assert_eq!(done.code(), 3, "{}", done.said());
        let said = done.said();
        assert!(said.contains("secret `api`") && said.contains("chmod 600") && !said.contains("hunter22"), "{said}");
    }
    assert!(server.heads().is_empty());
    readable_by(&project, 0o600);
    assert_eq!(ask(&project, &server, &server, &[], &["http.fetch"]).code(), 0);
}
