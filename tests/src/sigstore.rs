//! A sigstore instance of a test: an authority, a log of certificates and a log of signatures, each with a key that was just made.
//!
//! What it makes has the form of the public instance's bundles and nothing in common with it: no key of anybody is kept, and nothing expires,
//! since all of it is said to have happened on one day in the past. A test that wants a false bundle takes a good one and changes it.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code: a panic is the report")]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::string::Ia5String;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CustomExtension, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, PublicKeyData as _, SanType, SerialNumber, SigningKey as _, date_time_ymd,
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// The day on which everything is signed, at noon. Certificates are valid on that day.
pub const NOON: i64 = 1_704_110_400;

/// The issuer of identities, unless a test says otherwise.
pub const ISSUER: &str = "https://token.actions.githubusercontent.com";

/// The kind of statement that vouches for its subjects.
pub const PROVENANCE: &str = "https://slsa.dev/provenance/v1";

/// Whom a certificate is made out to, and what else it says.
#[derive(Debug, Clone)]
pub struct Who {
    /// An address, or an e-mail address.
    pub subject: String,
    /// Who vouched for it; nobody, if it is empty.
    pub issuer: String,
    /// The repository.
    pub repository: Option<String>,
    /// Whether a log of certificates has it.
    pub logged: bool,
    /// Whether it may sign code.
    pub signs_code: bool,
    /// When the log took the signature, in seconds since 1970.
    pub at: i64,
}

impl Who {
    /// Somebody whom [`ISSUER`] knows by this name.
    #[must_use]
    pub fn new(subject: &str) -> Self {
        let (subject, issuer) = (subject.to_owned(), ISSUER.to_owned());
        Self { subject, issuer, repository: None, logged: true, signs_code: true, at: NOON }
    }
}

/// An authority and its logs.
#[derive(Debug)]
pub struct Instance {
    authority: CertifiedIssuer<'static, KeyPair>,
    certificates: KeyPair,
    signatures: KeyPair,
}

impl Default for Instance {
    fn default() -> Self {
        Self::new()
    }
}

impl Instance {
    /// One with keys that nobody else has.
    #[must_use]
    pub fn new() -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.distinguished_name.push(DnType::CommonName, "test authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self { authority: CertifiedIssuer::self_signed(params, key()).unwrap(), certificates: key(), signatures: key() }
    }

    /// What operators publish of it: a trusted root.
    #[must_use]
    pub fn root(&self) -> Value {
        let since = json!({ "start": "2020-01-01T00:00:00Z" });
        let log = |key: &KeyPair| {
            json!({
                "baseUrl": "https://log.example.com", "hashAlgorithm": "SHA2_256", "logId": { "keyId": base64(&id(key)) },
                "publicKey": {
                    "rawBytes": base64(&key.subject_public_key_info()), "keyDetails": "PKIX_ECDSA_P256_SHA_256", "validFor": since,
                },
            })
        };
        json!({
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [log(&self.signatures)],
            "certificateAuthorities": [{
                "subject": { "organization": "test", "commonName": "test authority" },
                "uri": "https://authority.example.com",
                "certChain": { "certificates": [{ "rawBytes": base64(self.authority.der()) }] },
                "validFor": since,
            }],
            "ctlogs": [log(&self.certificates)],
        })
    }

    /// A bundle in which `who` signs `message`: bytes, or the text that names them.
    #[must_use]
    pub fn signs(&self, who: &Who, message: &[u8]) -> Value {
        let key = key();
        self.signed_by(&key, &self.certificate(who, &key), who, message)
    }

    /// The same, with a key that is not that of the certificate.
    #[must_use]
    pub fn forges(&self, who: &Who, message: &[u8]) -> Value {
        self.signed_by(&key(), &self.certificate(who, &key()), who, message)
    }

    fn signed_by(&self, key: &KeyPair, certificate: &[u8], who: &Who, message: &[u8]) -> Value {
        let signature = key.sign(message).unwrap();
        let body = json!({
            "apiVersion": "0.0.1", "kind": "hashedrekord",
            "spec": {
                "data": { "hash": { "algorithm": "sha256", "value": hex::encode(Sha256::digest(message)) } },
                "signature": { "content": base64(&signature), "publicKey": { "content": base64(pem(certificate).as_bytes()) } },
            },
        });
        let mut bundle = self.bundle(certificate, "hashedrekord", &body, who.at);
        bundle["messageSignature"] = json!({
            "messageDigest": { "algorithm": "SHA2_256", "digest": base64(&Sha256::digest(message)) },
            "signature": base64(&signature),
        });
        bundle
    }

    /// A bundle in which `who` states something of a file called `name` that has these bytes.
    #[must_use]
    pub fn states(&self, who: &Who, predicate: &str, name: &str, bytes: &[u8]) -> Value {
        let statement = json!({
            "_type": "https://in-toto.io/Statement/v1", "predicateType": predicate, "predicate": {},
            "subject": [{ "name": name, "digest": { "sha256": hex::encode(Sha256::digest(bytes)) } }],
        });
        let (key, kind, payload) = (key(), "application/vnd.in-toto+json", statement.to_string());
        let certificate = self.certificate(who, &key);
        let signed = format!("DSSEv1 {} {kind} {} {payload}", kind.len(), payload.len());
        let signature = key.sign(signed.as_bytes()).unwrap();
        let hash = |text: &str| json!({ "algorithm": "sha256", "value": hex::encode(Sha256::digest(text)) });
        let body = json!({
            "apiVersion": "0.0.1", "kind": "dsse",
            "spec": {
                "envelopeHash": hash(""), "payloadHash": hash(&payload),
                "signatures": [{ "signature": base64(&signature), "verifier": base64(pem(&certificate).as_bytes()) }],
            },
        });
        let mut bundle = self.bundle(&certificate, "dsse", &body, who.at);
        bundle["dsseEnvelope"] = json!({
            "payload": base64(payload.as_bytes()), "payloadType": kind, "signatures": [{ "sig": base64(&signature) }],
        });
        bundle
    }

    /// A bundle without what was signed.
    fn bundle(&self, certificate: &[u8], kind: &str, body: &Value, at: i64) -> Value {
        json!({
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": {
                "certificate": { "rawBytes": base64(certificate) },
                "tlogEntries": [self.entry(kind, body, at)],
            },
        })
    }

    /// What the log says of an entry: when it took it, and that it is in the tree of two that it signed.
    fn entry(&self, kind: &str, body: &Value, at: i64) -> Value {
        let body = body.to_string();
        let promise = format!(
            r#"{{"body":"{}","integratedTime":{at},"logID":"{}","logIndex":7}}"#,
            base64(body.as_bytes()),
            hex::encode(id(&self.signatures))
        );
        let leaf = Sha256::digest([b"\0", body.as_bytes()].concat());
        let other = Sha256::digest(b"\0another entry");
        let root = base64(&Sha256::digest([b"\x01", leaf.as_slice(), other.as_slice()].concat()));
        let head = format!("log.example.com\n2\n{root}\n");
        let signed = [&id(&self.signatures)[..4], &self.signatures.sign(head.as_bytes()).unwrap()].concat();
        json!({
            "logIndex": "7",
            "logId": { "keyId": base64(&id(&self.signatures)) },
            "kindVersion": { "kind": kind, "version": "0.0.1" },
            "integratedTime": at.to_string(),
            "inclusionPromise": { "signedEntryTimestamp": base64(&self.signatures.sign(promise.as_bytes()).unwrap()) },
            "inclusionProof": {
                "logIndex": "0", "rootHash": root, "treeSize": "2", "hashes": [base64(&other)],
                "checkpoint": { "envelope": format!("{head}\n\u{2014} log.example.com {}\n", base64(&signed)) },
            },
            "canonicalizedBody": base64(body.as_bytes()),
        })
    }

    /// A certificate of one day. The log of certificates signs it as it is without what the log says.
    fn certificate(&self, who: &Who, key: &KeyPair) -> Vec<u8> {
        let mut params = CertificateParams::new([]).unwrap();
        (params.not_before, params.not_after) = (date_time_ymd(2024, 1, 1), date_time_ymd(2024, 1, 2));
        params.serial_number = Some(SerialNumber::from(7_u64));
        params.distinguished_name = DistinguishedName::new();
        let subject = Ia5String::try_from(who.subject.as_str()).unwrap();
        let is_address = who.subject.contains("://");
        params.subject_alt_names = vec![if is_address { SanType::URI(subject) } else { SanType::Rfc822Name(subject) }];
        let usage =
            if who.signs_code { ExtendedKeyUsagePurpose::CodeSigning } else { ExtendedKeyUsagePurpose::ServerAuth };
        params.extended_key_usages = vec![usage];
        let said = [(8, Some(&who.issuer).filter(|issuer| !issuer.is_empty())), (12, who.repository.as_ref())];
        for (number, text) in said {
            let extension =
                text.map(|text| extension(&[1, 3, 6, 1, 4, 1, 57264, 1, number], der(0x0c, text.as_bytes())));
            params.custom_extensions.extend(extension);
        }
        let without = params.signed_by(key, &self.authority).unwrap();
        if !who.logged {
            return without.der().to_vec();
        }
        let logged = der(0x04, &self.logged(first_of(without.der())));
        params.custom_extensions.push(extension(&[1, 3, 6, 1, 4, 1, 11129, 2, 4, 2], logged));
        params.signed_by(key, &self.authority).unwrap().der().to_vec()
    }

    /// What the log of certificates says of one that is about to be made (RFC 6962): a list of one.
    fn logged(&self, certificate: &[u8]) -> Vec<u8> {
        let at = u64::try_from(NOON * 1_000).unwrap().to_be_bytes();
        let issuer = Sha256::digest(self.authority.key().subject_public_key_info());
        let length = u32::try_from(certificate.len()).unwrap().to_be_bytes();
        let signed = [&[0, 0], at.as_slice(), &[0, 1], &issuer, &length[1..], certificate, &[0, 0]].concat();
        let signature = self.certificates.sign(&signed).unwrap();
        let of_two = |bytes: &[u8]| [&u16::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat();
        let said =
            [&[0], id(&self.certificates).as_slice(), &at, &[0, 0], &[4, 3], of_two(&signature).as_slice()].concat();
        of_two(&of_two(&said))
    }
}

fn key() -> KeyPair {
    KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap()
}

/// What a log is known by: the digest of its key.
fn id(key: &KeyPair) -> Vec<u8> {
    Sha256::digest(key.subject_public_key_info()).to_vec()
}

fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

fn pem(certificate: &[u8]) -> String {
    let text = base64(certificate);
    let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}

fn extension(oid: &[u64], content: Vec<u8>) -> CustomExtension {
    CustomExtension::from_oid_content(oid, content)
}

/// One element of DER.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let length = match u8::try_from(length) {
        Ok(length) if length < 0x80 => vec![length],
        Ok(length) => vec![0x81, length],
        Err(_) => [&[0x82], u16::try_from(length).unwrap().to_be_bytes().as_slice()].concat(),
    };
    [&[tag], length.as_slice(), content].concat()
}

/// The first element within an element of DER.
fn first_of(element: &[u8]) -> &[u8] {
    let header = |bytes: &[u8]| match usize::from(bytes[1]) {
        length if length < 0x80 => (2, length),
        0x81 => (3, usize::from(bytes[2])),
        _ => (4, usize::from(u16::from_be_bytes([bytes[2], bytes[3]]))),
    };
    let inner = &element[header(element).0..];
    let (start, length) = header(inner);
    &inner[..start + length]
}
