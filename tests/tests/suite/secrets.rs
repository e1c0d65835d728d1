//! A secret that came to a guest all the same: whatever the guest does with it, nobody gets to see it, and the audit says so.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tempfile::TempDir;
use toolhold::secrets::KnownSecret;
use toolhold::{CallOptions, CallReport, Host, HostConfig, PreviewSession, ToolCall};
use toolhold_core::call::Mode;
use toolhold_core::outcome::{Class, Outcome};
use toolhold_core::redact::Redactor;
use toolhold_sandbox::EventSink;
use toolhold_tests::http_server::HttpServer;
use toolhold_tests::{guests, test_host};

/// With a sign that every encoding has to escape.
const SECRET: &str = "hunter22 \"e\\/+%&=longer";

/// The ways in which a server or a library writes it.
fn spellings() -> Vec<String> {
    let quoted = json!(SECRET).to_string();
    let mut all = [
        SECRET,
        quoted.trim_matches('"'),
        "hunter22%20%22e%5C%2F%2B%25%26%3Dlonger",
        "hunter22+%22e%5c%2f%2b%25%26%3dlonger",
        "\\u0068unter22\\u0020\\u0022\\u0065\\u005c\\/\\u002b%\\u0026=longer",
    ]
    .map(str::to_owned)
    .to_vec();
    let hex = |upper: bool| {
        SECRET.bytes().map(|byte| if upper { format!("{byte:02X}") } else { format!("{byte:02x}") }).collect()
    };
    all.extend([hex(false), hex(true)]);
    all.extend(["", "u:", "me:"].map(|user| base64(format!("{user}{SECRET}").as_bytes())));
    all
}

/// The standard alphabet, padded. Written here, so that the test shares nothing with what it tests.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let group = |chunk: &[u8]| {
        let bits = (0..3).fold(0u32, |bits, at| bits << 8 | u32::from(chunk.get(at).copied().unwrap_or(0)));
        let sign = |at: usize| char::from(ALPHABET[(bits >> (18 - 6 * at) & 63) as usize]);
        (0..4).map(|at| if at <= chunk.len() { sign(at) } else { '=' }).collect::<String>()
    };
    bytes.chunks(3).map(group).collect()
}

struct Place {
    root: TempDir,
}

impl Place {
    /// The guest `component`, with more text in the manifest after what is said of it.
    fn new(component: &str, more: &str) -> Self {
        Self::with(component, true, more)
    }

    /// The same, whose directory is written in place unless it is `atomic`.
    fn with(component: &str, atomic: bool, more: &str) -> Self {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("work")).unwrap();
        std::fs::write(root.path().join("guest.wasm"), guests::component(component).unwrap()).unwrap();
        let manifest = format!(
            "version = 1\n[tools.guest]\nsource = \"guest.wasm\"\n\
             directories = [{{ host = \"work\", guest = \"/work\", read = [\"**\"], write = [\"**\"], atomic = {atomic} }}]\n{more}\n\
             [[rules]]\nname = \"all\"\ndecision = \"allow\"\ntools = [\"guest.*\"]\n"
        );
        std::fs::write(root.path().join("toolhold.toml"), manifest).unwrap();
        Self { root }
    }

    async fn open(&self) -> Host {
        self.open_knowing(vec![KnownSecret { name: "api".to_owned(), value: SECRET.into() }]).await
    }

    async fn open_knowing(&self, known: Vec<KnownSecret>) -> Host {
        let manifest = self.root.path().join("toolhold.toml");
        let config = HostConfig { cache: test_host::config().cache, known, ..HostConfig::beside(&manifest) };
        toolhold::pin(&config).await.unwrap();
        Host::open(&config, &|_| ()).await.unwrap()
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Nothing of the secret: neither what the product looks for, nor what it is plain to see.
fn clean(text: &[u8], what: &str) {
    let redactor = Redactor::new([("api", SECRET)]);
    assert_eq!(redactor.redact_bytes(text), text, "{what}: {}", String::from_utf8_lossy(text));
    for part in
        ["hunter22", "HUNTER22", "68756e7465723232", "68756E7465723232", "aHVudGVyMjIg", "h1bnRlcjIyI", "dW50ZXIyMiA"]
    {
        assert!(!text.windows(part.len()).any(|window| window == part.as_bytes()), "{part} in {what}");
    }
}

fn clean_files(directory: &Path) {
    for entry in walkdir::WalkDir::new(directory) {
        let entry = entry.unwrap();
        clean(entry.path().as_os_str().as_encoded_bytes(), "a path of the state");
        if entry.file_type().is_file() {
            clean(&std::fs::read(entry.path()).unwrap(), &entry.path().display().to_string());
        }
    }
}

fn redactions(host: &Host) -> Vec<Value> {
    let mut lines = Vec::new();
    host.journal().flush_blocking().unwrap();
    host.journal().reader().unwrap().export(1, &mut lines).unwrap();
    clean(&lines, "the exported audit");
    let entries = String::from_utf8(lines).unwrap();
    let values = entries.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    values.filter(|entry| entry.to_string().contains("secret-redacted")).collect()
}

async fn call(host: &Host, tool: &str, arguments: Value, options: CallOptions) -> CallReport {
    host.call(ToolCall::new(tool, arguments.to_string()), options).await
}

#[test]
pub(crate) fn repeats() {
    let place = Place::with("hostile", false, "");
    runtime().block_on(async {
        let host = place.open().await;
        for fail in [false, true] {
            let heard = Arc::new(Mutex::new(String::new()));
            let ear = Arc::clone(&heard);
            let sink = EventSink::new(move |event| ear.lock().unwrap().push_str(&format!("{event:?}\n")));
            let options = CallOptions { events: Some(sink), ..CallOptions::default() };
            let arguments = json!({"texts": spellings(), "directory": "/work", "fail": fail});
            let report = call(&host, "guest.repeats", arguments, options).await;
            clean(format!("{report:?}").as_bytes(), "the report");
            let whole: Vec<String> =
                heard.lock().unwrap().lines().filter(|line| line.contains("[redacted]")).map(str::to_owned).collect();
            assert!(
                whole.len() >= spellings().len() * 3,
                "log, progress and emitted parts, as they came: {}",
                whole.len()
            );
            clean(whole.join("\n").as_bytes(), "what was told on the way");
            match &report.outcome {
                Outcome::Success(value) => {
                    assert!(!fail);
                    assert_eq!(value["keys"].as_object().unwrap().len(), spellings().len(), "{value}");
                    assert!(
                        value["texts"]
                            .as_array()
                            .unwrap()
                            .iter()
                            .all(|text| text.as_str().unwrap().contains("[redacted]"))
                    );
                }
                Outcome::Failure(failure) => assert!(fail && failure.class == Class::Tool, "{failure:?}"),
            }
            assert!(report.output.stdout.contains("out [redacted]") && report.output.stderr.contains("err [redacted]"));
        }
        let told = redactions(&host);
        assert_eq!(told.len(), 2, "{told:?}");
        for (entry, outcome) in told.iter().zip(["result", "failure"]) {
            let event = &entry["body"]["event"];
            assert_eq!(event["secrets"], json!(["api"]));
            for place in ["arguments", outcome, "log", "emitted", "stdout", "stderr", "effects"] {
                assert!(event["places"].as_array().unwrap().contains(&json!(place)), "{place}: {event}");
            }
        }
        clean_files(&place.root.path().join(".toolhold"));
        drop(host);
    });
    clean_files(&place.root.path().join(".toolhold"));
}

#[test]
fn a_secret_in_a_call_that_does_not_run_is_not_written_down_either() {
    let place = Place::new("hostile", "");
    runtime().block_on(async {
        let host = place.open().await;
        let unknown = call(&host, &format!("guest.{SECRET}"), json!({}), CallOptions::default()).await;
        clean(format!("{unknown:?}").as_bytes(), "a tool that does not exist");
        let invalid = call(&host, "guest.repeats", json!({"texts": SECRET, (SECRET): 1}), CallOptions::default()).await;
        clean(format!("{invalid:?}").as_bytes(), "arguments that do not conform");
        let key = "hunter22+%22e%5c%2f%2b%25%26%3dlonger".parse().unwrap();
        let keyed = ToolCall { key: Some(key), ..ToolCall::new("guest.panics", "{}") };
        let keyed = host.call(keyed, CallOptions::default()).await;
        let Outcome::Failure(failure) = &keyed.outcome else { panic!("{keyed:?}") };
        assert_eq!(failure.code, "secret-in-key");
        assert_eq!(redactions(&host).len(), 2);
        drop(host);
    });
    clean_files(&place.root.path().join(".toolhold"));
}

/// The parts of a request that secrets are put into, in every form in which a server could send them back.
fn echo(request: &str) -> String {
    let head = request.split("\r\n\r\n").next().unwrap_or_default();
    let value = head.lines().find_map(|line| line.strip_prefix("authorization: ")).unwrap_or_default();
    let path = head.split(' ').nth(1).unwrap_or_default();
    let percent: String = value.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let body = json!({"head": head, "json": json!({"value": value}).to_string(), "base64": base64(value.as_bytes()), "percent": percent});
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\netag: {value}\r\nlink: {path}\r\ncontent-length: {}\r\n\r\n{body}",
        body.to_string().len()
    )
}

#[test]
fn a_server_that_sends_a_secret_back_tells_nobody() {
    let server = HttpServer::start(|request, stream| {
        let _gone = stream.write_all(echo(request).as_bytes());
    })
    .unwrap();
    let grant = |path: &str, place: &str| {
        format!(
            "[[tools.guest.http]]\nhost = \"127.0.0.1\"\nschemes = [\"http\"]\nports = [{}]\naddresses = [\"127.0.0.0/8\"]\n\
             methods = [\"GET\", \"POST\"]\npaths = [\"{path}\"]\nsecrets = [{{ secret = \"api\", {place} }}]\n",
            server.port()
        )
    };
    let places = [
        ("/header", "header = \"authorization\", prefix = \"Bearer \""),
        ("/query", "query = \"key\""),
        ("/basic", "basic-user = \"me\""),
    ];
    let grants: String = places.iter().map(|(path, place)| grant(path, place)).collect();
    let place = Place::new("http", &format!("{grants}[secrets.api]\nfile = \"key\"\n"));
    let key = place.root.path().join("key");
    std::fs::write(&key, SECRET).unwrap();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    runtime().block_on(async {
        let host = place.open_knowing(Vec::new()).await;
        for (path, _) in places {
            for (tool, method) in [("guest.fetch", "get"), ("guest.send", "post")] {
                let url = format!("http://{}{path}?a=b", server.authority());
                let report = call(&host, tool, json!({"url": url, "method": method}), CallOptions::default()).await;
                let Outcome::Success(page) = &report.outcome else { panic!("{report:?}") };
                assert_eq!(page["status"], json!(200), "{page}");
                assert!(page.to_string().contains("[redacted]"), "{path}: {page}");
                assert_eq!(report.effects.secrets(), ["api"], "the name is told");
                assert_eq!(report.effects.requests[0].returned, ["api"], "and that it came back");
                clean(format!("{report:?}").as_bytes(), path);
            }
        }
        let refused = format!("http://{}/elsewhere", server.authority());
        let report = call(&host, "guest.fetch", json!({"url": refused}), CallOptions::default()).await;
        let Outcome::Failure(failure) = &report.outcome else { panic!("{report:?}") };
        assert!(failure.class == Class::Denied && failure.message.contains("path `/elsewhere`"), "{failure:?}");
        let told = redactions(&host);
        assert_eq!(told.len(), 6);
        for entry in &told {
            // It was found where it came in, so no place after that ever held it.
            assert_eq!(entry["body"]["event"]["places"], json!(["answer"]), "{entry}");
            assert_eq!(entry["body"]["event"]["secrets"], json!(["api"]));
        }
        drop(host);
    });
    let sent = server.requests();
    assert_eq!(sent.len(), 6);
    assert!(sent[0].contains(&format!("authorization: Bearer {SECRET}\r\n")), "{sent:?}");
    assert!(sent[2].starts_with("GET /query?a=b&key=hunter22"), "{sent:?}");
    assert!(sent[4].contains(&base64(format!("me:{SECRET}").as_bytes())), "{sent:?}");
    clean_files(&place.root.path().join(".toolhold"));
}

#[test]
fn a_tool_cannot_read_the_file_of_a_secret() {
    let place = Place::new("hostile", "[secrets.api]\nfile = \"work/key\"\n");
    let key = place.root.path().join("work/key");
    std::fs::write(&key, SECRET).unwrap();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    runtime().block_on(async {
        let host = place.open_knowing(Vec::new()).await;
        let paths = json!({"directory": "/work", "paths": ["key"]});
        let report = call(&host, "guest.path_escapes", paths, CallOptions::default()).await;
        let Outcome::Success(done) = &report.outcome else { panic!("{report:?}") };
        assert!(!done.to_string().contains("[redacted]"), "it was not even read: {done}");
        clean(done.to_string().as_bytes(), "what it found");
    });
    assert_eq!(std::fs::read_to_string(key).unwrap(), SECRET, "nor changed");
}

/// The name of a file is what a plan goes by, so it cannot be redacted in it.
#[test]
fn what_cannot_be_written_down_without_a_secret_does_not_land_and_is_not_kept() {
    let place = Place::new("hostile", "");
    let name = spellings().into_iter().find(|text| text.starts_with("hunter22%20")).unwrap();
    let arguments = json!({"texts": [name], "directory": "/work", "fail": false}).to_string();
    runtime().block_on(async {
        let host = place.open().await;
        let live = host.call(ToolCall::new("guest.repeats", arguments.as_str()), CallOptions::default()).await;
        let Outcome::Failure(failure) = &live.outcome else { panic!("{live:?}") };
        assert_eq!(failure.code, "secret-in-path", "{failure:?}");
        let call = ToolCall { mode: Mode::Preview, ..ToolCall::new("guest.repeats", arguments.as_str()) };
        let session = Arc::new(PreviewSession::new());
        for session in [None, Some(Arc::clone(&session))] {
            let options = CallOptions { session, ..CallOptions::default() };
            let preview = host.call(call.clone(), options).await;
            assert!(matches!(preview.outcome, Outcome::Success(_)), "{preview:?}");
            assert!(format!("{:?}", preview.effects.changes).contains("[redacted]"), "{:?}", preview.effects);
            clean(format!("{live:?}{preview:?}").as_bytes(), "the reports");
            let applied = host.apply(&preview.call, CallOptions::default()).await;
            assert!(matches!(applied.outcome, Outcome::Failure(_)), "{applied:?}");
        }
        clean(format!("{:?}", session.effects()).as_bytes(), "the whole dry run");
        assert_eq!(std::fs::read_dir(place.root.path().join("work")).unwrap().count(), 0);
        redactions(&host);
    });
    clean_files(&place.root.path().join(".toolhold"));
}
