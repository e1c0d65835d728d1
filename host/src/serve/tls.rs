//! TLS from files: looked at before each handshake, so that a certificate that was renewed is used at once.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be used.
    #[error("`{}` {why}", .path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// The two do not belong together.
    #[error("the certificate and the key do not make a server: {0}")]
    Pair(rustls::Error),
}

/// Where certificate and key are.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// The certificate, and those between it and its authority, as PEM.
    pub certificate: PathBuf,
    /// The key, as PEM. For its owner alone.
    pub key: PathBuf,
}

/// What a handshake is made with.
#[derive(Debug, Clone)]
pub(super) struct Tls(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    files: TlsFiles,
    loaded: Mutex<Loaded>,
}

#[derive(Debug)]
struct Loaded {
    version: Version,
    config: Arc<ServerConfig>,
}

/// What tells one content of the files from another, without reading them.
type Version = [Option<(u64, i64, i64)>; 2];

impl Tls {
    pub(super) fn open(files: TlsFiles) -> Result<Self, TlsError> {
        let (version, config) = (version(&files), load(&files)?);
        Ok(Self(Arc::new(Inner { files, loaded: Mutex::new(Loaded { version, config }) })))
    }

    /// The certificate as it is now. Where that cannot be used, the one before it serves on, and the log says why.
    pub(super) fn config(&self) -> Arc<ServerConfig> {
        let mut loaded = self.0.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        let version = version(&self.0.files);
        if version != loaded.version {
            loaded.version = version;
            match load(&self.0.files) {
                Ok(config) => loaded.config = config,
                Err(error) => tracing::error!(%error, "the changed certificate is not used"),
            }
        }
        Arc::clone(&loaded.config)
    }
}

fn version(files: &TlsFiles) -> Version {
    let of = |path: &Path| {
        let told = std::fs::metadata(path).ok();
        told.map(|told: Metadata| (told.ino(), told.mtime(), told.mtime_nsec()))
    };
    [of(&files.certificate), of(&files.key)]
}

fn load(files: &TlsFiles) -> Result<Arc<ServerConfig>, TlsError> {
    let wrong = |path: &Path, why: String| TlsError::File { path: path.to_owned(), why };
    let certificate = &files.certificate;
    let text = std::fs::read(certificate).map_err(|error| wrong(certificate, format!("cannot be read: {error}")))?;
    let chain = CertificateDer::pem_slice_iter(&text).collect::<Result<Vec<_>, _>>();
    let chain = chain.map_err(|error| wrong(certificate, format!("is not PEM: {error}")))?;
    if chain.is_empty() {
        return Err(wrong(certificate, "has no certificate in it".to_owned()));
    }
    let key = key(&files.key)?;
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Pair)?
        .with_no_client_auth()
        .with_single_cert(chain, key);
    let mut config = config.map_err(TlsError::Pair)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// The key. Who can read it can be this server.
fn key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let wrong = |why: String| TlsError::File { path: path.to_owned(), why };
    let told = std::fs::metadata(path).map_err(|error| wrong(format!("cannot be read: {error}")))?;
    if told.mode() & 0o007 != 0 || told.mode() & 0o020 != 0 {
        return Err(wrong("can be used by others on this machine; run `chmod 600` on it".to_owned()));
    }
    PrivateKeyDer::from_pem_file(path).map_err(|error| wrong(format!("has no private key as PEM: {error}")))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn write(files: &TlsFiles, name: &str) {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        std::fs::write(&files.certificate, made.cert.pem()).unwrap();
        std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
        std::fs::set_permissions(&files.key, std::fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn files(folder: &tempfile::TempDir) -> TlsFiles {
        TlsFiles { certificate: folder.path().join("cert.pem"), key: folder.path().join("key.pem") }
    }

    #[test]
    fn a_renewed_certificate_is_used_and_a_broken_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let files = files(&folder);
        write(&files, "one.test");
        let tls = Tls::open(files.clone()).unwrap();
        let first = tls.config();
        assert!(Arc::ptr_eq(&first, &tls.config()));
        write(&files, "two.test");
        let second = tls.config();
        assert!(!Arc::ptr_eq(&first, &second));
        std::fs::write(&files.certificate, "nothing").unwrap();
        assert!(Arc::ptr_eq(&second, &tls.config()));
    }

    #[test]
    fn what_makes_no_server_is_refused_with_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let files = files(&folder);
        let error = || Tls::open(files.clone()).unwrap_err().to_string();
        assert!(error().contains("cert.pem` cannot be read"), "{}", error());
        write(&files, "one.test");
        std::fs::set_permissions(&files.key, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(error().contains("key.pem` can be used by others"), "{}", error());
        std::fs::set_permissions(&files.key, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(Tls::open(files.clone()).is_ok(), "a secret that is mounted for a group");
        let other = rcgen::generate_simple_self_signed(["two.test".to_owned()]).unwrap();
        std::fs::write(&files.certificate, other.cert.pem()).unwrap();
        assert!(error().contains("do not make a server"), "{}", error());
        std::fs::write(&files.certificate, "").unwrap();
        assert!(error().contains("has no certificate"), "{}", error());
    }
}
