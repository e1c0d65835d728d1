//! Who the user is to a registry: what `docker login` wrote, or the same text in a variable.
//!
//! Read only when a registry asks, sent only to that registry and to where it says tokens are made, and never shown.

use std::fmt;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use toolhold_core::origin::Site;

use super::Error;
use crate::private_file;

/// Where credentials are looked for. Nothing was read yet.
#[derive(Clone, Default)]
pub(crate) struct Credentials {
    /// The text of a configuration, from the environment.
    pub(crate) text: Option<SecretString>,
    /// Its file. Only one that nobody else can read is used.
    pub(crate) file: Option<PathBuf>,
}

/// A user and a password, as basic authentication sends them.
pub(super) struct Login {
    pub(super) basic: SecretString,
}

impl Login {
    /// Everything of it that must not be shown: as it is sent, and what that says.
    pub(super) fn secrets(&self) -> Vec<SecretString> {
        let sent = self.basic.expose_secret();
        let decoded = STANDARD.decode(sent).ok().and_then(|decoded| String::from_utf8(decoded).ok());
        let password =
            decoded.as_deref().and_then(|text| text.split_once(':')).map(|(_, password)| password.to_owned());
        [Some(sent.to_owned()), decoded, password].into_iter().flatten().map(SecretString::from).collect()
    }
}

#[derive(Deserialize, Default)]
struct Config {
    #[serde(default)]
    auths: std::collections::BTreeMap<String, Entry>,
    #[serde(default, rename = "credHelpers")]
    helpers: std::collections::BTreeMap<String, serde_json::Value>,
    #[serde(default, rename = "credsStore")]
    store: Option<serde_json::Value>,
}

#[derive(Deserialize, Default)]
struct Entry {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Credentials").field("file", &self.file).finish_non_exhaustive()
    }
}

impl Credentials {
    /// Those for `site`, if there are any.
    pub(super) fn login(&self, site: &Site) -> Result<Option<Login>, Error> {
        let fail = |why: &str| Error::Credentials(site.to_string(), why.to_owned());
        let text = match (&self.text, self.file.as_ref().filter(|file| file.exists())) {
            (Some(text), _) => text.expose_secret().to_owned(),
            (None, Some(file)) => private_file::read(file)?.to_string(),
            (None, None) => return Ok(None),
        };
        // The message of the parser could repeat what it read.
        let config: Config = serde_json::from_str(&text)
            .map_err(|_| fail("the configuration is not JSON as `docker login` writes it"))?;
        let keys = keys(site);
        let Some(entry) = keys.iter().find_map(|key| config.auths.get(key)) else {
            let elsewhere = config.store.is_some() || keys.iter().any(|key| config.helpers.contains_key(key));
            return if elsewhere {
                Err(fail(
                    "they are kept by a credential helper, which is not started from here; put an `auth` into DOCKER_AUTH_CONFIG",
                ))
            } else {
                Ok(None)
            };
        };
        let basic = match entry {
            Entry { auth: Some(auth), .. } if !auth.is_empty() => auth.clone(),
            Entry { username: Some(user), password: Some(password), .. } => {
                STANDARD.encode(format!("{user}:{password}"))
            }
            _ => return Err(fail("there is no `auth` for it: identity tokens and credential helpers are not used")),
        };
        let whole = STANDARD.decode(&basic).is_ok_and(|decoded| decoded.contains(&b':'));
        if whole {
            Ok(Some(Login { basic: basic.into() }))
        } else {
            Err(fail("its `auth` is not a user and a password in base64"))
        }
    }
}

/// How configurations name a registry.
fn keys(site: &Site) -> Vec<String> {
    let mut keys =
        vec![site.to_string(), format!("https://{site}"), format!("https://{site}/v1/"), format!("https://{site}/v2/")];
    if site.host() == "registry-1.docker.io" {
        keys.push("https://index.docker.io/v1/".to_owned());
    }
    keys
}
