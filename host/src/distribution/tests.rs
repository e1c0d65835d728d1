//! Hostile servers on loopback: what they answer, and that nothing comes of it.

use std::sync::{Arc, Mutex};

use secrecy::SecretString;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use toolhold_core::origin::Reference;

use super::*;

/// What a server does with a request: its target, and its head.
type Answers = dyn Fn(&str, &str) -> Reply + Send + Sync;

enum Reply {
    Text(String),
    Bytes(&'static str, Vec<u8>),
    Endless,
}

struct Server {
    site: Site,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn start(answers: impl Fn(&str, &str) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let site = listener.local_addr().unwrap().to_string().parse().unwrap();
        let (heads, answers): (Arc<Mutex<Vec<String>>>, Arc<Answers>) = (Arc::default(), Arc::new(answers));
        let seen = Arc::clone(&heads);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, Arc::clone(&answers), Arc::clone(&seen)));
            }
        });
        Self { site, heads }
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }

    fn origin(&self, version: &str) -> Origin {
        Origin::Registry(format!("{}/tools/files{version}", self.site).parse().unwrap())
    }
}

async fn answer(mut stream: TcpStream, answers: Arc<Answers>, seen: Arc<Mutex<Vec<String>>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8(head).unwrap();
    let target = head.split(' ').nth(1).unwrap().to_owned();
    seen.lock().unwrap().push(head.clone());
    match answers(&target, &head) {
        Reply::Text(text) => drop(stream.write_all(text.as_bytes()).await),
        Reply::Bytes(kind, bytes) => {
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
                bytes.len()
            );
            drop(stream.write_all(head.as_bytes()).await);
            drop(stream.write_all(&bytes).await);
        }
        Reply::Endless => {
            drop(stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n").await);
            while stream.write_all(&[b'x'; 1 << 16]).await.is_ok() {}
        }
    }
}

fn status(line: &str) -> Reply {
    Reply::Text(format!("HTTP/1.1 {line}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"))
}

fn sent_to(location: &str) -> Reply {
    status(&format!("307 Temporary Redirect\r\nlocation: {location}"))
}

fn manifest(layer: &[u8], change: impl Fn(&mut serde_json::Value)) -> Vec<u8> {
    let mut manifest = serde_json::json!({
        "schemaVersion": 2,
        "mediaType": artifact::MANIFEST,
        "config": { "mediaType": artifact::CONFIG, "digest": Digest::of(b"{}"), "size": 2 },
        "layers": [{ "mediaType": artifact::LAYER, "digest": Digest::of(layer), "size": layer.len() }],
    });
    change(&mut manifest);
    manifest.to_string().into_bytes()
}

/// A registry whose one manifest and one blob are these, whatever they are asked for by.
async fn registry(manifest: Vec<u8>, blob: Vec<u8>) -> Server {
    Server::start(move |target, _| match target.contains("/manifests/") {
        true => Reply::Bytes(artifact::MANIFEST, manifest.clone()),
        false => Reply::Bytes("application/octet-stream", blob.clone()),
    })
    .await
}

async fn failed(origin: &Origin) -> Error {
    fetch(origin, None, &Options::default()).await.unwrap_err()
}

#[tokio::test]
async fn what_a_registry_has_is_fetched_whole() {
    let server = registry(manifest(b"component", |_| ()), b"component".to_vec()).await;
    let fetched = fetch(&server.origin(":1"), None, &Options::default()).await.unwrap();
    assert_eq!((fetched.bytes.as_slice(), fetched.digest), (&b"component"[..], Digest::of(b"component")));
    assert_eq!(fetched.artifact, Some(Digest::of(&manifest(b"component", |_| ()))));
    assert_eq!(fetched.papers, Papers::default());
}

#[tokio::test]
async fn bytes_that_are_not_those_of_their_digest_are_dropped() {
    let good = manifest(b"component", |_| ());
    let changed = registry(good.clone(), b"Component".to_vec()).await;
    assert!(matches!(failed(&changed.origin(":1")).await, Error::Digest { .. }), "a changed byte");
    let other = registry(good.clone(), b"component".to_vec()).await;
    let pinned = other.origin(&format!("@{}", Digest::of(b"another manifest")));
    assert!(matches!(failed(&pinned).await, Error::Digest { .. }), "another manifest than the one that was asked for");
    assert!(fetch(&other.origin(&format!("@{}", Digest::of(&good))), None, &Options::default()).await.is_ok());
    let lying = manifest(b"component", |manifest| manifest["layers"][0]["size"] = 10_000.into());
    let lying = registry(lying, b"component".to_vec()).await;
    assert!(matches!(failed(&lying.origin(":1")).await, Error::NotAComponent(..)), "a size that lies");
    let (origin, options) = (changed.origin(":1"), Options::default());
    let fetched = fetch_pinned(&origin, Digest::of(b"component"), &options).await;
    assert!(matches!(fetched, Err(Error::Digest { .. })), "nor is anything else kept for what is pinned");
}

#[tokio::test]
async fn what_is_no_component_is_refused_before_its_bytes_are_asked_for() {
    for (what, change) in [
        (
            "a container image",
            (|manifest| manifest["config"]["mediaType"] = "application/vnd.oci.image.config.v1+json".into())
                as fn(&mut serde_json::Value),
        ),
        ("two layers", |manifest| {
            let layer = manifest["layers"][0].clone();
            manifest["layers"].as_array_mut().unwrap().push(layer);
        }),
        ("a layer of another kind", |manifest| {
            manifest["layers"][0]["mediaType"] = "application/vnd.oci.image.layer.v1.tar+gzip".into()
        }),
        ("a list of manifests", |manifest| manifest["mediaType"] = "application/vnd.oci.image.index.v1+json".into()),
        ("another version", |manifest| manifest["schemaVersion"] = 1.into()),
        ("a digest that is a path", |manifest| manifest["layers"][0]["digest"] = "sha256:../../etc/passwd".into()),
        ("too large", |manifest| manifest["layers"][0]["size"] = (MAX_COMPONENT + 1).into()),
    ] {
        let server = registry(manifest(b"component", change), b"component".to_vec()).await;
        assert!(
            matches!(failed(&server.origin(":1")).await, Error::NotAComponent(..) | Error::TooLarge { .. }),
            "{what}"
        );
        assert_eq!(server.heads().len(), 1, "{what}");
    }
}

#[tokio::test]
async fn an_endless_answer_ends() {
    let server = Server::start(|_, _| Reply::Endless).await;
    assert!(matches!(failed(&server.origin(":1")).await, Error::TooLarge { .. }), "an endless manifest");
    let endless = manifest(b"component", |_| ());
    let server = Server::start(move |target, _| match target.contains("/manifests/") {
        true => Reply::Bytes(artifact::MANIFEST, endless.clone()),
        false => Reply::Endless,
    })
    .await;
    assert!(matches!(failed(&server.origin(":1")).await, Error::TooLarge { most: 9, .. }), "an endless component");
}

#[tokio::test]
async fn a_server_cannot_send_us_into_our_own_network() {
    let inside = Server::start(|_, _| Reply::Bytes("text/plain", b"secret".to_vec())).await;
    let port = inside.site.port();
    for (location, private) in [
        (format!("http://127.0.0.1:{port}/"), false),
        (format!("http://localhost:{port}/"), false),
        (format!("https://127.0.0.1:{port}/"), true),
        (format!("https://localhost:{port}/"), true),
        (format!("https://127.0.0.2:{port}/"), true),
        (format!("https://[::1]:{port}/"), true),
        (format!("https://[::ffff:127.0.0.1]:{port}/"), true),
        (format!("//127.0.0.1:{port}/"), false),
        ("https://169.254.169.254/latest/meta-data".to_owned(), true),
        ("https://10.0.0.1/".to_owned(), true),
        ("https://0x7f000001/".to_owned(), true),
    ] {
        let to = location.clone();
        let server = Server::start(move |_, _| sent_to(&to)).await;
        let error = failed(&server.origin(":1")).await;
        let expected =
            if private { matches!(error, Error::Private { .. }) } else { matches!(error, Error::InTheClear(_)) };
        assert!(expected, "{location}: {error:?}");
    }
    assert!(inside.heads().is_empty());
}

#[tokio::test]
async fn a_server_cannot_send_us_nowhere_or_for_ever() {
    for location in ["file:///etc/passwd", "ftp://example.com/x", "https://user:pass@example.com/", "https://"] {
        let server = Server::start(move |_, _| sent_to(location)).await;
        assert!(matches!(failed(&server.origin(":1")).await, Error::Address(_)), "{location:?}");
    }
    let server = Server::start(|target, _| sent_to(target)).await;
    assert!(matches!(failed(&server.origin(":1")).await, Error::Redirects(_)));
    assert_eq!(server.heads().len(), 6);
}

#[tokio::test]
async fn without_tls_nothing_is_sent_that_the_user_did_not_name() {
    for text in ["http://example.com/files.wasm", "http://10.0.0.1/files.wasm"] {
        assert!(matches!(failed(&Origin::parse(text).unwrap()).await, Error::InTheClear(_)), "{text}");
    }
}

fn login() -> Options {
    let auth = "bWU6aHVudGVyMmh1bnRlcjI="; // me:hunter2hunter2
    let text = |site: &str| format!(r#"{{"auths": {{"{site}": {{"auth": "{auth}"}}}}}}"#);
    Options {
        credentials: Credentials { text: Some(SecretString::from(text("SITE"))), file: None },
        ..Options::default()
    }
}

/// [`login`] for one registry, and a host that it may send us to.
fn login_to(site: &Site, allowed: &[&Site]) -> Options {
    let text = secrecy::ExposeSecret::expose_secret(login().credentials.text.as_ref().unwrap())
        .replace("SITE", &site.to_string());
    let credentials = Credentials { text: Some(SecretString::from(text)), file: None };
    Options { allowed: allowed.iter().map(|site| (*site).clone()).collect(), credentials, ..Options::default() }
}

#[tokio::test]
async fn a_login_goes_to_the_registry_that_asks_and_not_to_where_it_sends_us() {
    let storage = Server::start(|_, _| Reply::Bytes("application/octet-stream", b"component".to_vec())).await;
    let elsewhere = format!("http://{}/blob", storage.site);
    let text = manifest(b"component", |_| ());
    let server = Server::start(move |target, head| {
        match (head.contains("authorization: Basic bWU6"), target.contains("/manifests/")) {
            (false, _) => status("401 Unauthorized\r\nwww-authenticate: Basic realm=\"x\""),
            (true, true) => Reply::Bytes(artifact::MANIFEST, text.clone()),
            (true, false) => sent_to(&elsewhere),
        }
    })
    .await;
    assert!(matches!(failed(&server.origin(":1")).await, Error::NoCredentials(_)));
    let other: Site = "example.com".parse().unwrap();
    let wrong = fetch(&server.origin(":1"), None, &login_to(&other, &[&storage.site])).await;
    assert!(matches!(wrong, Err(Error::NoCredentials(_))), "a login for another registry is not tried");
    let fetched = fetch(&server.origin(":1"), None, &login_to(&server.site, &[&storage.site])).await.unwrap();
    assert_eq!(fetched.bytes, b"component");
    let heads = storage.heads();
    assert!(heads.len() == 1 && !heads[0].to_lowercase().contains("authorization"), "{heads:?}");
}

#[tokio::test]
async fn a_token_is_made_where_the_registry_says_and_its_words_repeat_no_secret() {
    let text = manifest(b"component", |_| ());
    let server = Server::start(move |target, head| {
        let site = head.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default();
        if target.starts_with("/token?") {
            assert!(
                target.contains("service=it") && target.contains("scope=repository%3Atools%2Ffiles%3Apull"),
                "{target}"
            );
            return Reply::Bytes("application/json", br#"{"token": "a-token-for-you"}"#.to_vec());
        }
        match (head.contains("authorization: Bearer a-token-for-you"), target.contains("/manifests/")) {
            (false, _) => status(&format!(
                "401 Unauthorized\r\nwww-authenticate: Bearer realm=\"http://{site}/token\",service=\"it\""
            )),
            (true, true) => Reply::Bytes(artifact::MANIFEST, text.clone()),
            (true, false) => {
                let body = r#"{"errors": [{"code": "DENIED", "message": "a-token-for-you is not good enough"}]}"#;
                Reply::Text(format!(
                    "HTTP/1.1 403 Forbidden\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
                    body.len()
                ))
            }
        }
    })
    .await;
    let error = failed(&server.origin(":1")).await.to_string();
    assert!(error.contains("DENIED") && error.contains("not good enough") && !error.contains("a-token"), "{error}");
}

/// Longer than what is shown of a server's words.
fn long_token() -> String {
    (0..400u32).map(|number| char::from(b'a' + u8::try_from(number * 7 % 26).unwrap())).collect()
}

/// A registry that makes [`long_token`] for anybody, and does `then` with who has it: target and token.
async fn token_registry(then: impl Fn(&str, &str) -> Reply + Send + Sync + 'static) -> Server {
    Server::start(move |target, head| {
        let site = head.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default();
        if target.starts_with("/token?") {
            return Reply::Bytes("application/json", format!(r#"{{"token": "{}"}}"#, long_token()).into_bytes());
        }
        match head.contains("authorization: Bearer ") {
            true => then(target, &long_token()),
            false => status(&format!("401 Unauthorized\r\nwww-authenticate: Bearer realm=\"http://{site}/token\"")),
        }
    })
    .await
}

fn refused_with(body: &str) -> Reply {
    let length = body.len();
    Reply::Text(format!("HTTP/1.1 403 Forbidden\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"))
}

#[tokio::test]
async fn no_error_repeats_any_part_of_a_long_token() {
    let servers = [
        token_registry(|_, token| refused_with(&format!("{}{token}", "x".repeat(280)))).await,
        token_registry(|_, token| sent_to(&format!("ftp://example.com/{}{token}", "x".repeat(150)))).await,
        token_registry(|_, token| sent_to(&format!("https://127.0.0.1/{token}"))).await,
        token_registry(|_, token| {
            Reply::Bytes(artifact::MANIFEST, format!(r#"{{"schemaVersion": "{token}"}}"#).into())
        })
        .await,
        token_registry(|_, token| {
            let text = format!(r#"{{"{token}": 1}}"#);
            let signed = move |manifest: &mut serde_json::Value| {
                manifest["annotations"] = serde_json::json!({ artifact::SIGNATURES: text });
            };
            Reply::Bytes(artifact::MANIFEST, manifest(b"component", signed))
        })
        .await,
    ];
    for server in &servers {
        let pulled = failed(&server.origin(":1")).await.to_string();
        let pinned = fetch_pinned(&server.origin(":1"), Digest::of(b"component"), &Options::default()).await;
        for error in [pulled, pinned.unwrap_err().to_string()] {
            let parts = long_token();
            let repeated = (0..parts.len() - 12).find(|at| error.contains(&parts[*at..at + 12]));
            assert!(repeated.is_none(), "{error}");
        }
    }
}

#[tokio::test]
async fn a_password_is_not_repeated_either() {
    let server = Server::start(|_, head| match head.contains("authorization: Basic ") {
        false => status("401 Unauthorized\r\nwww-authenticate: Basic realm=\"x\""),
        true => refused_with("hunter2hunter2 is wrong, bWU6aHVudGVyMmh1bnRlcjI= too, me:hunter2hunter2 as well"),
    })
    .await;
    let got = fetch(&server.origin(":1"), None, &login_to(&server.site, &[])).await.unwrap_err().to_string();
    assert!(got.contains("is wrong") && !got.contains("hunter2") && !got.contains("aHVudGVy"), "{got}");
}

#[tokio::test]
async fn what_anybody_may_pull_needs_no_login_that_can_be_read() {
    let good = manifest(b"component", |_| ());
    let open = token_registry(move |target, _| match target.contains("/manifests/") {
        true => Reply::Bytes(artifact::MANIFEST, good.clone()),
        false => Reply::Bytes("application/octet-stream", b"component".to_vec()),
    })
    .await;
    let closed = token_registry(|_, _| status("401 Unauthorized")).await;
    let folder = tempfile::tempdir().unwrap();
    let text = |text: &str| Credentials { text: Some(SecretString::from(text.to_owned())), file: None };
    let file = Some(folder.path().to_owned());
    for credentials in [text(r#"{"credsStore": "desktop"}"#), text("{"), Credentials { text: None, file }] {
        let options = Options { credentials, ..Options::default() };
        assert_eq!(fetch(&open.origin(":1"), None, &options).await.unwrap().bytes, b"component");
        let refused = fetch(&closed.origin(":1"), None, &options).await;
        assert!(matches!(refused, Err(Error::Credentials(..) | Error::CredentialsFile(_))), "{refused:?}");
    }
}

#[tokio::test]
async fn tokens_are_not_fetched_from_within_our_network() {
    let inside = Server::start(|_, _| Reply::Bytes("application/json", br#"{"token": "x"}"#.to_vec())).await;
    let realm = format!("http://{}/token", inside.site);
    let server =
        Server::start(move |_, _| status(&format!("401 Unauthorized\r\nwww-authenticate: Bearer realm=\"{realm}\"")))
            .await;
    let got = fetch(&server.origin(":1"), None, &login_to(&server.site, &[])).await;
    assert!(matches!(got, Err(Error::InTheClear(_))), "{got:?}");
    assert!(inside.heads().is_empty());
}

#[tokio::test]
async fn signatures_that_come_along_must_be_for_these_bytes() {
    let of_others = Attached::new(Digest::of(b"another component")).render().unwrap();
    for text in [of_others.as_str(), "no signatures", ""] {
        let text = text.to_owned();
        let with = manifest(b"component", move |manifest| {
            manifest["annotations"] = serde_json::json!({ artifact::SIGNATURES: text })
        });
        let server = registry(with, b"component".to_vec()).await;
        assert!(matches!(failed(&server.origin(":1")).await, Error::Signatures(_)));
    }
}

#[tokio::test]
async fn a_login_that_others_can_read_is_not_used() {
    use std::os::unix::fs::PermissionsExt as _;
    let server = Server::start(|_, _| status("401 Unauthorized\r\nwww-authenticate: Basic realm=\"x\"")).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.json");
    std::fs::write(&file, format!(r#"{{"auths": {{"{}": {{"auth": "bWU6aA=="}}}}}}"#, server.site)).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let options = Options { credentials: Credentials { text: None, file: Some(file) }, ..Options::default() };
    let got = fetch(&server.origin(":1"), None, &options).await;
    assert!(matches!(got, Err(Error::CredentialsFile(_))), "{got:?}");
    assert_eq!(server.heads().len(), 1, "nothing was tried");
}

#[tokio::test]
async fn what_is_published_is_what_is_fetched_by_its_digest_alone() {
    let reference: Reference = format!("127.0.0.1:1/a@{}", Digest::of(b"x")).parse().unwrap();
    let parcel = Parcel {
        bytes: Vec::new(),
        imports: Vec::new(),
        exports: Vec::new(),
        tools: String::new(),
        signatures: None,
        bundle: None,
        created: String::new(),
        annotations: std::collections::BTreeMap::new(),
    };
    assert!(matches!(publish(parcel, &reference, &Options::default()).await, Err(Error::NoTag)));
}
