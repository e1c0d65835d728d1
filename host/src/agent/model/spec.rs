//! Which model: `scripted:FILE` or `openai:MODEL`, and what it takes to reach it.
//!
//! A key goes to the address it was given for and nowhere else: another base URL needs its key named explicitly, and a
//! key is never sent in the clear beyond this machine.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use url::{Host, Url};

use super::openai::{OpenAi, Settings};
use super::script::{Script, Scripted};
use super::{Authorities, AuthoritiesError, KeyError, KeySource, Model};
use crate::agent::clock::Clock;

const DEFAULT_BASE: &str = "https://api.openai.com/v1";
const DEFAULT_VARIABLE: &str = "OPENAI_API_KEY";

/// Which model, as a person writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelSpec {
    /// `scripted:FILE`: plays a file. No model is called.
    Scripted(PathBuf),
    /// `openai:MODEL`: a model behind an OpenAI-compatible chat-completions API.
    OpenAi(String),
}

/// What it takes to reach a model.
#[derive(Debug, Clone, Default)]
pub struct ModelOptions {
    /// The address up to and including the version, such as `http://127.0.0.1:8080/v1`.
    pub base_url: Option<String>,
    /// Where the key comes from.
    pub key: Option<KeySource>,
    /// A PEM file with certificates of authorities that may vouch for the server, beside those the system trusts.
    pub authorities: Option<PathBuf>,
}

/// Why a model cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SpecError {
    /// Not one of the forms.
    #[error("`{0}` is no model: write `scripted:FILE`, or `openai:MODEL` such as `openai:gpt-5-mini`")]
    Form(String),
    /// Not an address.
    #[error("`{url}` is no base URL ({reason}): write one such as `http://127.0.0.1:8080/v1`")]
    BaseUrl {
        /// What was given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A key would cross the network in the clear.
    #[error("a key would be sent to `{0}` in the clear; use `https://`, or give no key")]
    ClearText(String),
    /// No key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The certificates cannot be used.
    #[error(transparent)]
    Authorities(#[from] AuthoritiesError),
    /// Certificates for a connection without any.
    #[error("`--model-ca` is for `https://`, and `{0}` is not: leave it out, or use `https://`")]
    NothingToVouchFor(String),
    /// The HTTP client could not be built.
    #[error("the HTTP client cannot be set up: {0}")]
    Client(String),
    /// The script cannot be used.
    #[error(transparent)]
    Script(#[from] super::script::Error),
}

impl FromStr for ModelSpec {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, SpecError> {
        match text.split_once(':') {
            Some(("scripted", file)) if !file.is_empty() => Ok(Self::Scripted(file.into())),
            Some(("openai", model)) if is_model_name(model) => Ok(Self::OpenAi(model.to_owned())),
            _ => Err(SpecError::Form(text.chars().take(200).collect())),
        }
    }
}

fn is_model_name(text: &str) -> bool {
    (1..=200).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

impl ModelSpec {
    /// Makes the model ready. Nothing is sent yet; `variable` reads the environment.
    ///
    /// # Errors
    ///
    /// See [`SpecError`].
    pub fn open(
        &self,
        options: &ModelOptions,
        variable: &dyn Fn(&str) -> Option<String>,
        clock: Arc<dyn Clock>,
    ) -> Result<Box<dyn Model>, SpecError> {
        match self {
            Self::Scripted(path) => Ok(Box::new(Scripted::new(&path.display().to_string(), Script::load(path)?))),
            Self::OpenAi(model) => {
                let settings = settings(model, options, variable)?;
                Ok(Box::new(OpenAi::new(settings, clock).map_err(SpecError::Client)?))
            }
        }
    }
}

fn settings(
    model: &str,
    options: &ModelOptions,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<Settings, SpecError> {
    let base = base_url(options.base_url.as_deref().unwrap_or(DEFAULT_BASE))?;
    let default_key = || options.base_url.is_none().then(|| KeySource::Variable(DEFAULT_VARIABLE.into()));
    let source = options.key.clone().or_else(default_key);
    let key = source.map(|source| source.read(variable)).transpose()?;
    if key.is_some() && base.scheme() == "http" && !is_loopback(&base) {
        return Err(SpecError::ClearText(base.to_string()));
    }
    let authorities = match &options.authorities {
        Some(_) if base.scheme() == "http" => return Err(SpecError::NothingToVouchFor(base.to_string())),
        Some(path) => Authorities::load(path)?,
        None => Authorities::default(),
    };
    Ok(Settings { key, authorities, ..Settings::new(model, base) })
}

fn base_url(text: &str) -> Result<Url, SpecError> {
    let refused = |reason: &str| SpecError::BaseUrl { url: without_password(text), reason: reason.into() };
    let mut url = Url::parse(text).map_err(|error| refused(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(refused("neither `http://` nor `https://`"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refused("it holds a user name or password; a key comes from a variable or a file"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refused("it has a query or a fragment"));
    }
    let path = url.path().trim_end_matches('/').trim_end_matches("/chat/completions").to_owned();
    url.set_path(&path);
    Ok(url)
}

/// The text up to where a password could stand.
fn without_password(text: &str) -> String {
    let start = text.find("://").map_or(0, |at| at + 3);
    match text.rfind('@').filter(|at| *at >= start) {
        Some(at) => format!("{}…{}", text.get(..start).unwrap_or_default(), text.get(at..).unwrap_or_default()),
        None => text.chars().take(200).collect(),
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    fn environment(name: &str) -> Option<String> {
        (name == "OPENAI_API_KEY" || name == "OTHER").then(|| format!("key-of-{name}"))
    }

    fn open(base: Option<&str>, key: Option<&str>) -> Result<Settings, String> {
        let options = ModelOptions {
            base_url: base.map(str::to_owned),
            key: key.map(|name| KeySource::Variable(name.to_owned())),
            authorities: None,
        };
        settings("m", &options, &environment).map_err(|error| error.to_string())
    }

    #[test]
    fn a_spec_has_one_of_two_forms() {
        assert_eq!("scripted:a:b.toml".parse::<ModelSpec>().unwrap(), ModelSpec::Scripted("a:b.toml".into()));
        assert_eq!("openai:org/m:free".parse::<ModelSpec>().unwrap(), ModelSpec::OpenAi("org/m:free".into()));
        for bad in ["", "gpt", "scripted:", "openai:", "openai:a b", "anthropic:x", "OPENAI:x", "openai:a\nb"] {
            let error = bad.parse::<ModelSpec>().unwrap_err().to_string();
            assert!(error.contains("openai:MODEL"), "{error}");
        }
    }

    #[test]
    fn the_default_key_goes_to_the_default_address_only() {
        let key_of = |base, key| open(base, key).unwrap().key.map(|key| key.expose_secret().to_owned());
        assert_eq!(key_of(None, None).as_deref(), Some("key-of-OPENAI_API_KEY"));
        assert_eq!(key_of(Some("https://example.org/v1"), None), None);
        assert_eq!(key_of(Some("https://example.org/v1"), Some("OTHER")).as_deref(), Some("key-of-OTHER"));
        assert_eq!(key_of(Some("http://127.0.0.1:1/v1"), Some("OTHER")).as_deref(), Some("key-of-OTHER"));
        assert_eq!(key_of(Some("http://lan:1/v1"), None), None);
    }

    #[test]
    fn unusable_addresses_say_why() {
        for (base, key, words) in [
            ("ftp://x", None, "neither"),
            ("nonsense", None, "no base URL"),
            ("http://u:secret@x/v1", None, "password"),
            ("https://x/v1?a=b", None, "query"),
            ("http://example.org/v1", Some("OTHER"), "in the clear"),
            ("http://127.0.0.1.example.org/v1", Some("OTHER"), "in the clear"),
            ("https://example.org/v1", Some("MISSING"), "`MISSING` holds no key"),
        ] {
            let error = open(Some(base), key).err().unwrap_or_default();
            assert!(error.contains(words) && !error.contains("secret"), "{base}: {error}");
        }
    }

    #[test]
    fn authorities_for_an_address_without_tls_are_a_mistake() {
        let options = ModelOptions {
            base_url: Some("http://127.0.0.1:1/v1".into()),
            authorities: Some("ca.pem".into()),
            ..ModelOptions::default()
        };
        let error = settings("m", &options, &environment).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains("is for `https://`"), "{error}");
    }

    #[test]
    fn a_base_url_may_end_in_a_slash_or_name_the_endpoint() {
        for base in ["http://h/v1", "http://h/v1/", "http://h/v1/chat/completions", "http://h/v1/chat/completions/"] {
            assert_eq!(base_url(base).unwrap().as_str(), "http://h/v1", "{base}");
        }
    }
}
