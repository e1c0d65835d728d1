//! Which model a person means on a command line, and what it takes to reach it.
//!
//! A key goes to the address it was given for and nowhere else: another base URL needs its key named explicitly, and a
//! key is never sent in the clear beyond this machine.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use toolhold_core::base_url::{BaseUrl, NotABaseUrl};
use toolhold_core::id::{ModelName, SecretName};
use toolhold_core::manifest::Api;

use super::client::{Client, Settings};
use super::script::{Script, Scripted};
use super::{Authorities, AuthoritiesError, CassetteError, KeyError, KeySource, Model};
use crate::agent::clock::Clock;

/// Which model, as a person writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelSpec {
    /// `scripted:FILE`: plays a file. No model is called.
    Scripted(PathBuf),
    /// `cassette:FILE`: plays what `--record` kept. No model is called.
    Cassette(PathBuf),
    /// `openai:MODEL`, `openai-responses:MODEL` or `anthropic:MODEL`: a model behind such an API.
    Remote {
        /// The API.
        api: Api,
        /// The provider's name for the model.
        model: String,
    },
    /// `NAME`: a model of the manifest.
    Named(ModelName),
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
    #[error(
        "`{0}` is no model: write `scripted:FILE`, `cassette:FILE`, `openai:MODEL`, `openai-responses:MODEL`, `anthropic:MODEL`, or the name of a `[models]` table"
    )]
    Form(String),
    /// Not an address.
    #[error(transparent)]
    BaseUrl(#[from] NotABaseUrl),
    /// A key would cross the network in the clear.
    #[error("a key would be sent to `{0}` in the clear; use `https://`, or give no key")]
    ClearText(String),
    /// No key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The manifest's key was not read.
    #[error("the secret `{0}` is not open; name it in `[secrets]`")]
    NoSecret(SecretName),
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
    /// The cassette cannot be used.
    #[error(transparent)]
    Cassette(#[from] CassetteError),
    /// The manifest has none of that name.
    #[error("the manifest has no model `{name}`; {}", others(.known))]
    NoSuchModel {
        /// What was asked for.
        name: ModelName,
        /// Those it has, as shown.
        known: String,
    },
    /// Neither the manifest nor whoever started this program has one that is called so.
    #[error(
        "there is no model `{0}` here: use the name of a `[models]` table of the manifest, or start the server with it"
    )]
    NotHere(String),
    /// A model of the manifest is opened with the manifest.
    #[error("`{0}` is the name of a model of a manifest, and here is none")]
    NotFromACommandLine(ModelName),
}

fn others(known: &str) -> String {
    if known.is_empty() { "add a table `[models.NAME]`".to_owned() } else { format!("it has {known}") }
}

impl FromStr for ModelSpec {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, SpecError> {
        let form = || SpecError::Form(text.chars().take(200).collect());
        let Some((kind, rest)) = text.split_once(':') else {
            return text.parse().map(Self::Named).map_err(|_| form());
        };
        let api = Api::ALL.into_iter().find(|api| api.as_str() == kind);
        match (kind, api) {
            ("scripted", _) if !rest.is_empty() => Ok(Self::Scripted(rest.into())),
            ("cassette", _) if !rest.is_empty() => Ok(Self::Cassette(rest.into())),
            (_, Some(api)) if is_model_name(rest) => Ok(Self::Remote { api, model: rest.to_owned() }),
            _ => Err(form()),
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
        self.read(options, variable)?.open(clock)
    }

    /// Reads what the model is made of, once, so that it can be opened for each of many runs.
    pub(super) fn read(
        &self,
        options: &ModelOptions,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Readied, SpecError> {
        match self {
            Self::Scripted(path) => Ok(Readied::Script(path.display().to_string(), Box::new(Script::load(path)?))),
            Self::Cassette(path) => Ok(Readied::Cassette(path.clone())),
            Self::Remote { api, model } => Ok(Readied::Remote(Box::new(settings(*api, model, options, variable)?))),
            Self::Named(name) => Err(SpecError::NotFromACommandLine(name.clone())),
        }
    }
}

/// What a model is made of.
pub(super) enum Readied {
    Script(String, Box<Script>),
    Cassette(PathBuf),
    Remote(Box<Settings>),
}

impl Readied {
    /// A model for one run.
    pub(super) fn open(&self, clock: Arc<dyn Clock>) -> Result<Box<dyn Model>, SpecError> {
        match self {
            Self::Script(name, script) => Ok(Box::new(Scripted::new(name, (**script).clone()))),
            Self::Cassette(path) => Ok(Box::new(Client::replay(path)?)),
            Self::Remote(settings) => {
                Ok(Box::new(Client::new((**settings).clone(), clock).map_err(SpecError::Client)?))
            }
        }
    }
}

fn settings(
    api: Api,
    model: &str,
    options: &ModelOptions,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<Settings, SpecError> {
    let base: BaseUrl = options.base_url.as_deref().unwrap_or(api.default_url()).parse()?;
    let default_key = || options.base_url.is_none().then(|| KeySource::Variable(api.default_variable().into()));
    let source = options.key.clone().or_else(default_key);
    let key = source.map(|source| source.read(variable)).transpose()?;
    if key.is_some() && !base.may_get_a_key() {
        return Err(SpecError::ClearText(base.to_string()));
    }
    let authorities = match &options.authorities {
        Some(_) if base.is_in_the_clear() => return Err(SpecError::NothingToVouchFor(base.to_string())),
        Some(path) => Authorities::load(path)?,
        None => Authorities::default(),
    };
    // A name that no other address shares: not in a run that goes on, and not in what is remembered of failures.
    let name = options.base_url.as_ref().map(|_| format!("{}:{model} at {base}", api.as_str()));
    Ok(Settings { api, key, authorities, name, ..Settings::new(model, base) })
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    fn environment(name: &str) -> Option<String> {
        ["OPENAI_API_KEY", "ANTHROPIC_API_KEY", "OTHER"].contains(&name).then(|| format!("key-of-{name}"))
    }

    fn open(base: Option<&str>, key: Option<&str>) -> Result<Settings, String> {
        let options = ModelOptions {
            base_url: base.map(str::to_owned),
            key: key.map(|name| KeySource::Variable(name.to_owned())),
            authorities: None,
        };
        settings(Api::OpenAi, "m", &options, &environment).map_err(|error| error.to_string())
    }

    #[test]
    fn a_spec_names_a_file_an_api_or_a_model_of_the_manifest() {
        let remote = |api, model: &str| ModelSpec::Remote { api, model: model.into() };
        for (text, spec) in [
            ("scripted:a:b.toml", ModelSpec::Scripted("a:b.toml".into())),
            ("cassette:a.jsonl", ModelSpec::Cassette("a.jsonl".into())),
            ("openai:org/m:free", remote(Api::OpenAi, "org/m:free")),
            ("openai-responses:m", remote(Api::OpenAiResponses, "m")),
            ("anthropic:m", remote(Api::Anthropic, "m")),
            ("primary", ModelSpec::Named("primary".parse().unwrap())),
        ] {
            assert_eq!(text.parse::<ModelSpec>().unwrap(), spec, "{text}");
        }
        for bad in ["", "GPT", "scripted:", "cassette:", "openai:", "openai:a b", "other:x", "OPENAI:x", "openai:a\nb"]
        {
            let error = bad.parse::<ModelSpec>().unwrap_err().to_string();
            assert!(error.contains("openai:MODEL"), "{error}");
        }
    }

    #[test]
    fn each_api_has_its_own_address_and_its_own_key() {
        for (api, host, key) in [
            (Api::OpenAi, "api.openai.com", "key-of-OPENAI_API_KEY"),
            (Api::OpenAiResponses, "api.openai.com", "key-of-OPENAI_API_KEY"),
            (Api::Anthropic, "api.anthropic.com", "key-of-ANTHROPIC_API_KEY"),
        ] {
            let settings = settings(api, "m", &ModelOptions::default(), &environment).unwrap();
            assert_eq!((settings.api, settings.base.host()), (api, Some(host)));
            assert_eq!(settings.key.unwrap().expose_secret(), key);
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
        let error =
            settings(Api::OpenAi, "m", &options, &environment).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains("is for `https://`"), "{error}");
    }
}
