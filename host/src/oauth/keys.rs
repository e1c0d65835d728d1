//! The keys of an issuer: read when they are needed, again when they are old, and never more often than now and then.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jsonwebtoken::jwk::JwkSet;
use tokio::sync::Mutex;
use url::Url;

use super::KeySource;
use crate::agent::model::install_tls;

/// Keys are read again when they are so old: what an issuer has withdrawn is not taken for longer.
const FRESH: Duration = Duration::from_secs(600);

/// Keys that cannot be read again are taken until they are so old.
const STALE: Duration = Duration::from_secs(3600);

/// A token with a key that is not known makes us read them again, but not more often: anybody can send such a token.
const PAUSE: Duration = Duration::from_secs(30);

/// For the whole answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// The largest set, in bytes and in keys.
const MOST_BYTES: usize = 256 << 10;
const MOST_KEYS: usize = 64;

/// Why keys cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The file cannot be read.
    #[error("the keys in `{}` cannot be read: {source}", path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// They cannot be fetched.
    #[error("the keys at `{url}` cannot be fetched: {why}")]
    Fetch {
        /// From where.
        url: Url,
        /// Why.
        why: String,
    },
    /// They are no keys.
    #[error("`{place}` is no JSON Web Key Set with 1 to {MOST_KEYS} keys in at most {MOST_BYTES} bytes: {why}")]
    NoKeys {
        /// Where they were read.
        place: String,
        /// What is wrong.
        why: String,
    },
}

/// The keys of an issuer.
#[derive(Debug)]
pub(super) struct Keys {
    source: Source,
    /// Held while they are read: who comes meanwhile gets the same answer.
    known: Mutex<Known>,
}

#[derive(Debug)]
enum Source {
    File(PathBuf),
    Url(Url, reqwest::Client),
}

#[derive(Debug)]
struct Known {
    set: Arc<JwkSet>,
    read: Instant,
    tried: Instant,
}

impl Keys {
    /// Reads them for the first time.
    pub(super) async fn open(source: KeySource) -> Result<Self, KeysError> {
        let source = match source {
            KeySource::File(path) => Source::File(path),
            KeySource::Url(url) => Source::Url(url.clone(), client(&url)?),
        };
        let (set, now) = (Arc::new(source.read().await?), Instant::now());
        Ok(Self { source, known: Mutex::new(Known { set, read: now, tried: now }) })
    }

    /// Those in which one named `id` is looked for; `None` if there are none that may still be taken.
    pub(super) async fn with(&self, id: Option<&str>) -> Option<Arc<JwkSet>> {
        let mut known = self.known.lock().await;
        let has = id.is_none_or(|id| known.set.find(id).is_some());
        let wanted = !has || known.read.elapsed() >= FRESH;
        if wanted && known.tried.elapsed() >= PAUSE {
            known.tried = Instant::now();
            match self.source.read().await {
                Ok(set) => (known.set, known.read) = (Arc::new(set), known.tried),
                Err(error) => tracing::warn!(%error, "the keys of the issuer are those of before"),
            }
        }
        (known.read.elapsed() < STALE).then(|| Arc::clone(&known.set))
    }

    /// As if they had been read so long ago.
    #[cfg(test)]
    pub(super) async fn aged(&self, by: Duration) {
        let mut known = self.known.lock().await;
        let before = |at: Instant| at.checked_sub(by).unwrap();
        (known.read, known.tried) = (before(known.read), before(known.tried));
    }
}

/// A server of keys sends nobody elsewhere.
fn client(url: &Url) -> Result<reqwest::Client, KeysError> {
    install_tls();
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).timeout(PATIENCE).no_proxy();
    client.build().map_err(|error| KeysError::Fetch { url: url.clone(), why: error.to_string() })
}

impl Source {
    async fn read(&self) -> Result<JwkSet, KeysError> {
        match self {
            Self::File(path) => parsed(&read_file(path)?, path.display().to_string()),
            Self::Url(url, client) => parsed(&fetch(client, url).await?, url.to_string()),
        }
    }
}

fn read_file(path: &Path) -> Result<Vec<u8>, KeysError> {
    use std::io::Read as _;
    let failed = |source| KeysError::File { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let most = MOST_BYTES as u64 + 1;
    std::fs::File::open(path).map_err(failed)?.take(most).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

async fn fetch(client: &reqwest::Client, url: &Url) -> Result<Vec<u8>, KeysError> {
    let failed = |why: String| KeysError::Fetch { url: url.clone(), why };
    let words = |error: reqwest::Error| failed(error.without_url().to_string());
    let mut answer = client.get(url.clone()).send().await.map_err(words)?;
    if !answer.status().is_success() {
        return Err(failed(format!("the server answered {}", answer.status().as_u16())));
    }
    let mut bytes = Vec::new();
    while let Some(piece) = answer.chunk().await.map_err(words)? {
        bytes.extend_from_slice(&piece);
        if bytes.len() > MOST_BYTES {
            break;
        }
    }
    Ok(bytes)
}

fn parsed(bytes: &[u8], place: String) -> Result<JwkSet, KeysError> {
    if bytes.len() > MOST_BYTES {
        return Err(KeysError::NoKeys { place, why: "it is longer".to_owned() });
    }
    match serde_json::from_slice::<JwkSet>(bytes) {
        Ok(set) if (1..=MOST_KEYS).contains(&set.keys.len()) => Ok(set),
        Ok(set) => Err(KeysError::NoKeys { place, why: format!("it has {}", set.keys.len()) }),
        Err(error) => Err(KeysError::NoKeys { place, why: error.to_string() }),
    }
}
