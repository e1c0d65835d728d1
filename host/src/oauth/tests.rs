//! Tokens of an issuer that is made here, and what others make of them.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::from_fn_with_state;
use axum::routing::any;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ED25519};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::token::{Expected, bearer};
use super::*;
use crate::access::{Access, Caller, TokenFile, gate};
use crate::journal::{Journal, Options};

const ISSUER: &str = "https://login.example";
const RESOURCE: &str = "https://tools.example/mcp";
const NOW: u64 = 1_800_000_000;

/// A key that signs, and as others are told of it.
struct Signer {
    algorithm: Algorithm,
    private: EncodingKey,
    public: Value,
}

impl Signer {
    fn es256(id: &str) -> Self {
        let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let point = pair.public_key_raw();
        let (x, y) = (BASE64.encode(&point[1..33]), BASE64.encode(&point[33..65]));
        let public = json!({ "kty": "EC", "crv": "P-256", "kid": id, "use": "sig", "x": x, "y": y });
        Self { algorithm: Algorithm::ES256, private: EncodingKey::from_ec_der(&pair.serialize_der()), public }
    }

    fn eddsa(id: &str) -> Self {
        let pair = KeyPair::generate_for(&PKCS_ED25519).unwrap();
        let public = json!({ "kty": "OKP", "crv": "Ed25519", "kid": id, "x": BASE64.encode(pair.public_key_raw()) });
        Self { algorithm: Algorithm::EdDSA, private: EncodingKey::from_ed_der(&pair.serialize_der()), public }
    }

    fn signs(&self, id: Option<&str>, claims: &Value) -> String {
        self.signs_as(Header { kid: id.map(str::to_owned), ..Header::new(self.algorithm) }, claims)
    }

    fn signs_as(&self, header: Header, claims: &Value) -> String {
        install_tls();
        encode(&header, claims, &self.private).unwrap()
    }
}

fn install_tls() {
    crate::agent::model::install_tls();
}

fn keys(signers: &[&Signer]) -> JwkSet {
    let keys: Vec<_> = signers.iter().map(|signer| signer.public.clone()).collect();
    serde_json::from_value(json!({ "keys": keys })).unwrap()
}

fn claims() -> Value {
    json!({ "iss": ISSUER, "sub": "ann", "aud": RESOURCE, "exp": NOW + 60, "scope": "openid toolhold:run" })
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

fn judge(token: &str, keys: &JwkSet) -> Result<(String, bool), &'static str> {
    let expected = Expected { issuer: ISSUER, resource: RESOURCE, now: NOW };
    bearer(token, keys, expected).map(|bearer| (bearer.name, bearer.may_run))
}

#[test]
fn a_token_counts_that_is_signed_by_the_issuer_meant_for_us_and_valid_now() {
    for signer in [Signer::es256("one"), Signer::eddsa("one")] {
        let keys = keys(&[&signer, &Signer::es256("other"), &Signer::eddsa("another")]);
        let taken = |claims: &Value| judge(&signer.signs(Some("one"), claims), &keys);
        assert_eq!(taken(&claims()), Ok(("oauth:ann".to_owned(), true)));
        assert_eq!(taken(&with("aud", json!(["https://other.example", RESOURCE]))), Ok(("oauth:ann".to_owned(), true)));
        assert_eq!(taken(&with("iss", json!(format!("{ISSUER}/")))), Ok(("oauth:ann".to_owned(), true)));
        assert_eq!(taken(&with("scope", json!("openid toolhold:runs"))), Ok(("oauth:ann".to_owned(), false)));
        let cases = [
            ("iss", json!("https://login.example.evil"), "another issuer"),
            ("aud", json!("https://tools.example"), "somebody else"),
            ("aud", json!([]), "somebody else"),
            ("exp", json!(NOW - 31), "expired"),
            ("nbf", json!(NOW + 31), "yet"),
            ("iat", json!(NOW + 31), "yet"),
            ("sub", json!(""), "whose"),
            ("exp", json!(null), "signature"),
            ("aud", json!(7), "signature"),
        ];
        for (name, value, why) in cases {
            let refused = taken(&with(name, value)).unwrap_err();
            assert!(refused.contains(why), "{name}: {refused}");
        }
        let mut without = claims();
        without.as_object_mut().unwrap().remove("exp");
        assert!(taken(&without).is_err());
    }
}

#[test]
fn nothing_in_a_token_chooses_its_key_or_how_it_is_checked() {
    let (signer, stranger) = (Signer::es256("one"), Signer::es256("one"));
    let known = keys(&[&signer]);
    assert!(judge(&stranger.signs(Some("one"), &claims()), &known).unwrap_err().contains("signature"));
    assert!(judge(&signer.signs(Some("other"), &claims()), &known).unwrap_err().contains("no key"));
    // Without a name of a key there must be only one that it can be.
    assert!(judge(&signer.signs(None, &claims()), &known).is_ok());
    assert!(judge(&signer.signs(None, &claims()), &keys(&[&signer, &stranger])).unwrap_err().contains("no key"));
    // A key that came along is not looked at.
    let mut header = Header { kid: Some("one".into()), ..Header::new(Algorithm::ES256) };
    header.jwk = serde_json::from_value(stranger.public.clone()).ok();
    assert!(judge(&stranger.signs_as(header, &claims()), &known).unwrap_err().contains("signature"));
    let unsigned = |head: &str| format!("{}.{}.", BASE64.encode(head), BASE64.encode(claims().to_string()));
    for head in [r#"{"alg":"none"}"#, r#"{"alg":"None","kid":"one"}"#, r#"{"kid":"one"}"#, "{}"] {
        assert!(judge(&unsigned(head), &known).is_err(), "{head}");
    }
    // A public key is no secret to sign with.
    let public = signer.public.to_string();
    let header = Header { kid: Some("one".into()), ..Header::new(Algorithm::HS256) };
    install_tls();
    let forged = encode(&header, &claims(), &EncodingKey::from_secret(public.as_bytes())).unwrap();
    assert!(judge(&forged, &known).unwrap_err().contains("RS256"));
    // One claim that was changed after it was signed.
    let token = signer.signs(Some("one"), &claims());
    let parts: Vec<&str> = token.split('.').collect();
    let other = BASE64.encode(with("sub", json!("eve")).to_string());
    assert!(judge(&format!("{}.{other}.{}", parts[0], parts[2]), &known).unwrap_err().contains("signature"));
}

#[test]
fn what_is_no_access_token_is_none() {
    let signer = Signer::es256("one");
    let keys = keys(&[&signer]);
    let header = || Header { kid: Some("one".into()), ..Header::new(Algorithm::ES256) };
    let of_kind = |kind: &str| judge(&signer.signs_as(Header { typ: Some(kind.into()), ..header() }, &claims()), &keys);
    assert!(of_kind("at+jwt").is_ok() && of_kind("application/AT+JWT").is_ok());
    assert!(of_kind("logout+jwt").unwrap_err().contains("no access token"));
    let mut critical = header();
    critical.crit = Some(vec!["exp".into()]);
    assert!(judge(&signer.signs_as(critical, &claims()), &keys).unwrap_err().contains("extension"));
    assert!(judge(&format!("{}.a.b", "x".repeat(20_000)), &keys).unwrap_err().contains("too long"));
    let encrypts = {
        let mut key = signer.public.clone();
        key["use"] = json!("enc");
        key
    };
    let encrypts: JwkSet = serde_json::from_value(json!({ "keys": [encrypts] })).unwrap();
    assert!(judge(&signer.signs(Some("one"), &claims()), &encrypts).unwrap_err().contains("no key"));
    let small = json!({ "keys": [{ "kty": "RSA", "kid": "one", "n": "AQAB", "e": "AQAB" }] });
    let small: JwkSet = serde_json::from_value(small).unwrap();
    let header = BASE64.encode(r#"{"alg":"RS256","kid":"one"}"#);
    assert!(judge(&format!("{header}.e30.AAAA"), &small).unwrap_err().contains("no key"));
}

#[test]
fn names_of_others_cannot_pass_for_names_of_ours_or_of_each_other() {
    let signer = Signer::es256("one");
    let keys = keys(&[&signer]);
    let named = |subject: &str| judge(&signer.signs(Some("one"), &with("sub", json!(subject))), &keys).unwrap().0;
    assert_eq!(named("auth0|7:a@b"), "oauth:auth0|7:a@b");
    let odd = ["a b", "\u{202e}nna", &"x".repeat(97), "sha256:00"].map(named);
    assert!(odd.iter().all(|name| name.starts_with("oauth:sha256:") && name.len() == 12 + 1 + 64), "{odd:?}");
    assert_eq!(odd.iter().collect::<std::collections::BTreeSet<_>>().len(), odd.len());
}

/// What is served at `/mcp` and beside it, behind both doors.
struct Served {
    _folder: tempfile::TempDir,
    router: Router,
    oauth: OAuth,
    keys: PathBuf,
    journal: Journal,
}

impl Served {
    async fn new(signers: &[&Signer]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("keys.json");
        std::fs::write(&file, serde_json::to_string(&keys(signers)).unwrap()).unwrap();
        let journal = Journal::open(&folder.path().join("state"), &Options::default()).unwrap();
        let access = Access::open(TokenFile::of_state(journal.directory()), journal.clone()).await.unwrap();
        let (issuer, resource) = (ISSUER.parse().unwrap(), RESOURCE.parse().unwrap());
        let oauth = OAuth::open(Settings { issuer, resource, keys: KeySource::File(file.clone()) }).await.unwrap();
        let who = |caller: Caller| async move { format!("{} {}", caller.name, caller.role) };
        let router = Router::new()
            .route("/mcp", any(who))
            .route("/v1/runs", any(who))
            .layer(from_fn_with_state(access.clone(), gate))
            .layer(from_fn_with_state((oauth.clone(), access), door))
            .merge(super::router(&oauth));
        Self { _folder: folder, router, oauth, keys: file, journal }
    }

    async fn ask(&self, path: &str, tokens: &[&str]) -> (StatusCode, HeaderMap, String) {
        let mut request = Request::get(path);
        for token in tokens {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let response = self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 1 << 16).await.unwrap();
        (parts.status, parts.headers, String::from_utf8(body.to_vec()).unwrap())
    }
}

fn now() -> u64 {
    crate::clock::micros() / 1_000_000
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_the_issuer_lets_in_to_the_protocol_and_to_nothing_else() {
    let signer = Signer::es256("one");
    let served = Served::new(&[&signer]).await;
    let token = signer.signs(Some("one"), &with("exp", json!(now() + 60)));
    let (status, _, body) = served.ask("/mcp", &[&token]).await;
    assert_eq!((status, body.as_str()), (StatusCode::OK, "oauth:ann run"));
    assert_eq!(served.ask("/v1/runs", &[&token]).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(served.ask("/mcp/", &[&token]).await.0, StatusCode::NOT_FOUND);
    assert_eq!(served.ask("/mcp", &[&token, "th_x"]).await.0, StatusCode::BAD_REQUEST);
    let expired = signer.signs(Some("one"), &with("exp", json!(now() - 60)));
    let (status, headers, body) = served.ask("/mcp", &[&expired]).await;
    assert_eq!((status, body.contains("expired")), (StatusCode::UNAUTHORIZED, true), "{body}");
    assert!(headers["www-authenticate"].to_str().unwrap().contains("invalid_token"), "{headers:?}");
    let mut without = with("exp", json!(now() + 60));
    without["scope"] = json!("openid");
    let (status, headers, _) = served.ask("/mcp", &[&signer.signs(Some("one"), &without)]).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert!(headers["www-authenticate"].to_str().unwrap().contains("insufficient_scope"), "{headers:?}");
    served.journal.flush_blocking().unwrap();
    let mut audit = Vec::new();
    served.journal.reader().unwrap().export(0, &mut audit).unwrap();
    let audit = String::from_utf8(audit).unwrap();
    assert!(audit.contains("access-refused") && !audit.contains(&expired), "{audit}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_no_token_learns_where_to_get_one() {
    let served = Served::new(&[&Signer::es256("one")]).await;
    let (status, headers, _) = served.ask("/mcp", &[]).await;
    let challenge = headers["www-authenticate"].to_str().unwrap().to_owned();
    let address = "https://tools.example/.well-known/oauth-protected-resource/mcp";
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert!(
        challenge.starts_with("Bearer ") && challenge.contains(&format!(r#"resource_metadata="{address}""#)),
        "{challenge}"
    );
    for path in ["/.well-known/oauth-protected-resource/mcp", "/.well-known/oauth-protected-resource"] {
        let (status, _, body) = served.ask(path, &[]).await;
        let metadata: Value = serde_json::from_str(&body).unwrap();
        assert_eq!((status, &metadata["resource"]), (StatusCode::OK, &json!(RESOURCE)));
        assert_eq!(metadata["authorization_servers"], json!([ISSUER]));
    }
    // Elsewhere nobody is sent to the issuer: its tokens are worth nothing there.
    let (_, headers, _) = served.ask("/v1/runs", &[]).await;
    assert!(!headers["www-authenticate"].to_str().unwrap().contains("resource_metadata"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_new_is_found_and_one_that_was_withdrawn_is_worth_nothing() {
    let (first, second) = (Signer::es256("first"), Signer::eddsa("second"));
    let served = Served::new(&[&first]).await;
    let token = |signer: &Signer, id: &str| signer.signs(Some(id), &with("exp", json!(now() + 60)));
    std::fs::write(&served.keys, serde_json::to_string(&keys(&[&second])).unwrap()).unwrap();
    // Whoever asks with keys that nobody knows does not make us read again and again.
    assert_eq!(served.ask("/mcp", &[&token(&second, "second")]).await.0, StatusCode::UNAUTHORIZED);
    served.oauth.0.keys.aged(Duration::from_secs(31)).await;
    assert_eq!(served.ask("/mcp", &[&token(&second, "second")]).await.0, StatusCode::OK);
    assert_eq!(served.ask("/mcp", &[&token(&first, "first")]).await.0, StatusCode::UNAUTHORIZED);
    // Keys that cannot be read again are taken for a while, and then nobody is let in.
    std::fs::write(&served.keys, "{}").unwrap();
    served.oauth.0.keys.aged(Duration::from_secs(1800)).await;
    assert_eq!(served.ask("/mcp", &[&token(&second, "second")]).await.0, StatusCode::OK);
    served.oauth.0.keys.aged(Duration::from_secs(1801)).await;
    assert_eq!(served.ask("/mcp", &[&token(&second, "second")]).await.0, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn what_could_be_changed_on_the_way_is_refused() {
    let open = |issuer: &str, resource: &str| {
        let settings = Settings {
            issuer: issuer.parse().unwrap(),
            resource: resource.parse().unwrap(),
            keys: KeySource::File("/nowhere/keys.json".into()),
        };
        async { OAuth::open(settings).await.unwrap_err().to_string() }
    };
    for (issuer, resource) in [
        ("http://login.example", RESOURCE),
        (ISSUER, "http://tools.example/mcp"),
        (ISSUER, "https://tools.example/mcp#x"),
        ("https://u:p@login.example", RESOURCE),
        ("http://localhost.evil.example", RESOURCE),
    ] {
        let error = open(issuer, resource).await;
        assert!(error.contains("must be an https address"), "{error}");
    }
    assert!(open("http://localhost:9000", "http://127.0.0.1:8077/mcp").await.contains("cannot be read"));
}
