//! The server as an operator starts it and a peer asks it, and what happens at its end.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::project::{MANIFEST, Project, cache};

/// A server that runs, and ends with the test.
pub(crate) struct Serving {
    process: Child,
    pub(crate) address: SocketAddr,
    /// The role is `admin`.
    pub(crate) token: String,
}

impl Serving {
    pub(crate) fn start(project: &Project, words: &[&str]) -> Self {
        let made = project.run(&["tokens", "create", "test", "--role", "admin"]);
        Self::with_token(project, words, made.printed().trim().to_owned())
    }

    pub(crate) fn with_token(project: &Project, words: &[&str], token: String) -> Self {
        let words = [&["serve", "--listen", "127.0.0.1:0"], words].concat();
        Self::started(project.command(&words), token)
    }

    fn started(mut command: Command, token: String) -> Self {
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut url = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut url).unwrap();
        let address = url.trim().strip_prefix("http://").unwrap_or_else(|| panic!("no address: {url}"));
        Self { process, address: address.parse().unwrap(), token }
    }

    /// What is answered to a request with these lines and this body.
    pub(crate) fn ask(&self, first: &str, lines: &[&str], body: &str) -> String {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let (host, length) = (format!("Host: {}", self.address), format!("Content-Length: {}", body.len()));
        let all = [&[first, &host, &length, "Connection: close"], lines].concat();
        stream.write_all(format!("{} HTTP/1.1\r\n{}\r\n\r\n{body}", all[0], all[1..].join("\r\n")).as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// The files that it has open.
    fn files(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.process.id())).unwrap().count()
    }

    /// How long it has computed, in hundredths of a second.
    fn computed(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id())).unwrap();
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    }

    pub(crate) fn signal(&self, name: &str) {
        let id = self.process.id().to_string();
        assert!(std::process::Command::new("kill").args([name, &id]).status().unwrap().success());
    }

    /// Waits for its end, and returns what it said.
    pub(crate) fn ended(mut self) -> (bool, String) {
        let mut said = String::new();
        self.process.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        (self.process.wait().unwrap().success(), said)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _over = self.process.kill();
        let _reaped = self.process.wait();
    }
}

#[test]
fn a_first_start_makes_a_token_for_its_owner_alone_and_ends_on_a_signal() {
    let project = Project::locked();
    let serving = Serving::with_token(&project, &[], String::new());
    let file = project.path().join(".toolhold/admin.token");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let token = std::fs::read_to_string(&file).unwrap();
    assert!(token.starts_with("th_"));
    let listed = project.run(&["tokens", "list"]);
    listed.worked(&["admin"]);
    assert!(serving.ask("GET /v1/caller", &[], "").starts_with("HTTP/1.1 401 "));
    let bearer = format!("Authorization: Bearer {token}");
    let answer = serving.ask("GET /v1/caller", &[&bearer], "");
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains(r#"{"name":"admin","role":"admin"}"#), "{answer}");
    assert!(serving.ask("GET /v1/caller", &[&bearer, "Origin: http://evil.example"], "").starts_with("HTTP/1.1 403 "));
    project.run(&["tokens", "revoke", "admin"]).worked(&[]);
    assert!(serving.ask("GET /v1/caller", &[&bearer], "").starts_with("HTTP/1.1 401 "));
    serving.signal("-TERM");
    let (succeeded, said) = serving.ended();
    assert!(succeeded && said.contains("admin.token") && !said.contains(&token), "{said}");
    project.run(&["audit", "verify"]).worked(&[]);
    let audit = project.run(&["audit", "export"]).printed();
    assert!(audit.contains("tokens-loaded") && audit.contains("access-refused") && !audit.contains(&token), "{audit}");
}

#[test]
fn a_hang_up_ends_no_server_without_a_terminal_and_changed_tokens_count_without_one() {
    let project = Project::locked();
    let serving = Serving::start(&project, &[]);
    serving.signal("-HUP");
    let made = project.run(&["tokens", "create", "later", "--role", "observe"]).printed();
    let later = format!("Authorization: Bearer {}", made.trim());
    assert!(serving.ask("GET /v1/caller", &[&later], "").starts_with("HTTP/1.1 200 "));
    // What cannot be read lets nobody in: a token may have been revoked by it.
    let file = project.path().join(".toolhold/tokens.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, "nonsense").unwrap();
    assert!(!serving.ask("GET /v1/caller", &[&later], "").starts_with("HTTP/1.1 200 "));
    std::fs::write(&file, text).unwrap();
    assert!(serving.ask("GET /v1/caller", &[&later], "").starts_with("HTTP/1.1 200 "));
    // No other one holds the state meanwhile, and who would begin a run there is told how.
    project.write("script.toml", "[[turn]]\ntext = \"done\"\n");
    project.run(&["run", "t", "--model", "scripted:script.toml"]).failed(13, &["in use", "POST /v1/runs"]);
    let second = project.run(&["serve", "--listen", &serving.address.to_string()]);
    second.failed(13, &["cannot be listened on", "--listen"]);
    assert_eq!(second.said().matches("in use").count(), 1, "{}", second.said());
    serving.signal("-TERM");
    let (succeeded, said) = serving.ended();
    assert!(succeeded && said.contains("SIGHUP"), "{said}");
}

#[test]
fn what_cannot_be_served_safely_is_not_served() {
    let project = Project::locked();
    let open = ["serve", "--listen", "0.0.0.0:0"];
    project.run(&open).failed(2, &["--tls-cert", "--insecure-http"]);
    project.run(&["serve", "--tls-cert", "cert.pem"]).failed(2, &["--tls-key"]);
    project.run(&["serve", "--tls-cert", "cert.pem", "--tls-key", "key.pem"]).failed(3, &["cert.pem` cannot be read"]);
    project.run(&["serve", "--host", "https://a.example"]).failed(2, &["is no name of a host"]);
    project.write("tokens.toml", "version = 1\n");
    let file = project.path().join("tokens.toml");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o666)).unwrap();
    let words = ["serve", "--listen", "127.0.0.1:0", "--token-file", "tokens.toml"];
    project.run(&words).failed(3, &["can be written by others"]);
    // Nothing of a broken manifest is served.
    project.write("toolhold.toml", &MANIFEST.replace("version = 1", "version = 9"));
    project.run(&["serve", "--listen", "127.0.0.1:0"]).failed(3, &["version"]);
}

/// Whoever opens more connections than the system has room for makes no server turn in circles, and none end.
#[test]
fn a_server_that_has_no_room_for_a_connection_waits_and_goes_on() {
    const ROOM: usize = 48;
    let project = Project::locked();
    let mut command = Command::new("sh");
    command.current_dir(project.path()).env_clear().env("TOOLHOLD_CACHE", cache()).env("PATH", "/usr/bin:/bin");
    let script = format!("ulimit -n {ROOM}; exec \"$0\" serve --listen 127.0.0.1:0");
    command.args(["-c", &script, env!("CARGO_BIN_EXE_toolhold")]);
    let serving = Serving::started(command, String::new());
    let connections: Vec<TcpStream> = (0..100).map(|_| TcpStream::connect(serving.address).unwrap()).collect();
    let is_full = (0..1000).any(|_| {
        std::thread::sleep(Duration::from_millis(10));
        serving.files() >= ROOM
    });
    assert!(is_full, "{} files are open", serving.files());
    let before = serving.computed();
    std::thread::sleep(Duration::from_millis(800));
    let computed = serving.computed() - before;
    // Where it does nothing but ask for connections it is all of them that this machine has left.
    assert!(computed < 6, "{computed} hundredths of a second of 80");
    drop(connections);
    assert!(serving.ask("GET /healthz", &[], "").starts_with("HTTP/1.1 200 "));
}

/// A server in which a call runs that ends only when it is stopped.
fn with_a_call_that_waits(words: &[&str]) -> (Project, Serving, TcpStream) {
    let project = Project::new(
        "version = 1\n[tools.wait]\nsource = \"wait.wasm\"\n[limits]\ntime = \"300s\"\n[[rules]]\nname = \"all\"\ndecision = \"allow\"\ntools = [\"*\"]\n",
    );
    std::fs::write(project.path().join("wait.wasm"), crate::project::guest("waiting")).unwrap();
    assert_eq!(project.run(&["lock"]).code(), 0);
    let serving = Serving::start(&project, words);
    let body = r#"{"tool":"wait.sleep_forever","arguments":{},"mode":"live"}"#;
    let mut stream = TcpStream::connect(serving.address).unwrap();
    let (host, token, length) = (serving.address, &serving.token, body.len());
    let head = format!(
        "POST /v1/calls HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json"
    );
    stream.write_all(format!("{head}\r\nContent-Length: {length}\r\n\r\n{body}").as_bytes()).unwrap();
    // It is at work when its intent is on record.
    while !project.run(&["audit", "export"]).printed().contains("call-admitted") {
        assert!(serving.ask("GET /v1/caller", &[&format!("Authorization: Bearer {token}")], "").contains("test"));
    }
    (project, serving, stream)
}

#[test]
fn what_runs_has_its_time_to_finish_and_is_settled_when_that_is_over() {
    let (project, serving, mut stream) = with_a_call_that_waits(&["--grace", "300ms"]);
    serving.signal("-TERM");
    let (succeeded, said) = serving.ended();
    assert!(succeeded && said.contains("what runs may finish"), "{said}");
    let mut answer = String::new();
    let _reset = stream.read_to_string(&mut answer);
    assert!(!answer.contains("200 OK"), "{answer}");
    let audit = project.run(&["audit", "export"]).printed();
    assert!(audit.contains("caller-gone") || audit.contains("cancelled"), "{audit}");
    project.run(&["audit", "verify"]).worked(&[]);
}

#[test]
fn a_second_signal_stops_what_runs_at_once() {
    let (project, serving, _stream) = with_a_call_that_waits(&["--grace", "300s"]);
    serving.signal("-TERM");
    // Nothing new is taken from here on.
    while TcpStream::connect(serving.address).is_ok() {}
    serving.signal("-INT");
    assert!(serving.ended().0);
    let audit = project.run(&["audit", "export"]).printed();
    assert!(audit.contains("caller-gone") || audit.contains("cancelled"), "{audit}");
    assert_eq!(project.run(&["unknown", "list", "--json"]).printed().trim(), "[]");
}
