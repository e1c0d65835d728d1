//! What a token says, and whether it counts. Pure: keys and time are passed in.

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;
use toolhold_core::id::Digest;

/// The longest token that is looked at, in bytes.
pub(super) const LONGEST: usize = 16 << 10;

/// The scope with which a client may call tools. There is none with which it may do more.
pub(super) const RUN: &str = "toolhold:run";

/// How much the clocks of two machines may differ, in seconds.
const SKEW: u64 = 30;

/// The shortest modulus of an RSA key, in digits of base64: 2048 bits.
const SHORTEST_MODULUS: usize = 342;

/// The longest name of somebody that is used as it is, in bytes.
const LONGEST_NAME: usize = 96;

/// Who came with a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bearer {
    /// What they are called here.
    pub(super) name: String,
    /// Whether the token has the scope for it.
    pub(super) may_run: bool,
}

/// What is read of a token. A claim of another type is no claim.
#[derive(Debug, Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    exp: u64,
    nbf: Option<u64>,
    iat: Option<u64>,
    scope: Option<String>,
    scp: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Audience {
    fn has(&self, resource: &str) -> bool {
        match self {
            Self::One(one) => is(one, resource),
            Self::Several(several) => several.iter().any(|one| is(one, resource)),
        }
    }
}

/// The same address, with or without a slash at its end.
fn is(claimed: &str, expected: &str) -> bool {
    claimed.trim_end_matches('/') == expected
}

/// Whose tokens count, and for whom. Neither has a slash at its end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    pub(super) resource: &'a str,
    /// In seconds since 1970.
    pub(super) now: u64,
}

/// The key that a token says it is signed with.
///
/// # Errors
///
/// It is no token of a kind that is taken.
pub(super) fn key_id(token: &str) -> Result<Option<String>, &'static str> {
    if token.len() > LONGEST {
        return Err("it is too long");
    }
    let header = decode_header(token).map_err(|_| "it is no JSON Web Token")?;
    if algorithm(header.alg).is_none() {
        return Err("it is signed in a way that is not taken: RS256, ES256 and EdDSA are");
    }
    // RFC 9068 has `at+jwt` for access tokens; what says that it is something else is not one.
    let kind = header.typ.as_deref().map(|kind| kind.trim_start_matches("application/").to_ascii_lowercase());
    if !matches!(kind.as_deref(), None | Some("jwt" | "at+jwt")) {
        return Err("it is no access token");
    }
    if header.crit.is_some() || header.enc.is_some() || header.zip.is_some() {
        return Err("it has an extension that nobody here knows");
    }
    Ok(header.kid)
}

/// Who comes with `token`.
///
/// # Errors
///
/// Why it does not count.
pub(super) fn bearer(token: &str, keys: &JwkSet, expected: Expected<'_>) -> Result<Bearer, &'static str> {
    let id = key_id(token)?;
    let algorithm = decode_header(token).map_err(|_| "it is no JSON Web Token")?.alg;
    let key = key(keys, id.as_deref(), algorithm).ok_or("no key of the issuer is the one that it is signed with")?;
    let key = DecodingKey::from_jwk(key).map_err(|_| "the issuer's key cannot be used")?;
    let claims =
        decode::<Claims>(token, &key, &signature_only(algorithm)).map_err(|_| "its signature does not hold")?;
    judged(&claims.claims, expected)
}

/// What is in a token is judged here, with the time that is passed in; only the signature is left to others.
fn signature_only(algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.required_spec_claims.clear();
    (validation.validate_exp, validation.validate_nbf, validation.validate_aud) = (false, false, false);
    validation
}

fn judged(claims: &Claims, expected: Expected<'_>) -> Result<Bearer, &'static str> {
    if !is(&claims.iss, expected.issuer) {
        return Err("it is of another issuer");
    }
    if !claims.aud.has(expected.resource) {
        return Err("it is meant for somebody else");
    }
    if claims.exp.saturating_add(SKEW) <= expected.now {
        return Err("it has expired");
    }
    let latest = expected.now.saturating_add(SKEW);
    if claims.nbf.is_some_and(|from| from > latest) || claims.iat.is_some_and(|at| at > latest) {
        return Err("it does not hold yet");
    }
    if claims.sub.is_empty() {
        return Err("it does not say whose it is");
    }
    let mut scopes =
        claims.scope.iter().flat_map(|scopes| scopes.split(' ')).chain(claims.scp.iter().flatten().map(String::as_str));
    Ok(Bearer { name: name(&claims.sub), may_run: scopes.any(|scope| scope == RUN) })
}

/// Names of others never meet those of tokens that were made here. One that is odd is told from others by its digest.
fn name(subject: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.@|:".contains(&byte);
    if subject.len() <= LONGEST_NAME && subject.bytes().all(plain) && !subject.starts_with("sha256:") {
        return format!("oauth:{subject}");
    }
    format!("oauth:{}", Digest::of(subject.as_bytes()))
}

fn algorithm(algorithm: Algorithm) -> Option<KeyAlgorithm> {
    match algorithm {
        Algorithm::RS256 => Some(KeyAlgorithm::RS256),
        Algorithm::ES256 => Some(KeyAlgorithm::ES256),
        Algorithm::EdDSA => Some(KeyAlgorithm::EdDSA),
        _ => None,
    }
}

/// The one key that it can be. A token that names none is taken where there is only one of its kind.
fn key<'a>(keys: &'a JwkSet, id: Option<&str>, algorithm: Algorithm) -> Option<&'a Jwk> {
    let mut fitting = keys.keys.iter().filter(|key| fits(key, algorithm));
    match id {
        Some(id) => fitting.find(|key| key.common.key_id.as_deref() == Some(id)),
        None => fitting.next().filter(|_| fitting.next().is_none()),
    }
}

/// Whether a key is for this kind of signature, whatever a token says: a public key is never taken for a shared secret.
fn fits(key: &Jwk, with: Algorithm) -> bool {
    let kind = match (&key.algorithm, with) {
        (AlgorithmParameters::RSA(key), Algorithm::RS256) => key.n.len() >= SHORTEST_MODULUS,
        (AlgorithmParameters::EllipticCurve(key), Algorithm::ES256) => key.curve == EllipticCurve::P256,
        (AlgorithmParameters::OctetKeyPair(key), Algorithm::EdDSA) => key.curve == EllipticCurve::Ed25519,
        _ => false,
    };
    let named = key.common.key_algorithm.is_none_or(|named| Some(named) == algorithm(with));
    let meant = matches!(key.common.public_key_use, None | Some(PublicKeyUse::Signature));
    kind && named && meant
}
