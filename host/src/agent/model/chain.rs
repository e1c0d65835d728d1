//! The models of a manifest, ready to be asked.

use std::sync::Arc;

use toolhold_core::base_url::BaseUrl;
use toolhold_core::id::ModelName;
use toolhold_core::manifest::{self, Manifest};

use super::client::{Client, Settings};
use super::spec::SpecError;
use super::{Authorities, Model};
use crate::agent::clock::Clock;
use crate::secrets::Secrets;

/// The chain that `[run] models` names, in its order. Nothing is sent yet.
///
/// # Errors
///
/// [`SpecError`], of the first model that cannot be made ready: a chain with a hole is found when it is needed least.
pub fn open_chain(
    manifest: &Manifest,
    secrets: &Secrets,
    clock: &Arc<dyn Clock>,
) -> Result<Vec<Box<dyn Model>>, SpecError> {
    manifest.chain().map(|model| open(model, secrets, clock)).collect()
}

/// The model that the manifest calls `name`, alone.
///
/// # Errors
///
/// [`SpecError`], also where there is none of that name.
pub fn open_named(
    name: &ModelName,
    manifest: &Manifest,
    secrets: &Secrets,
    clock: &Arc<dyn Clock>,
) -> Result<Box<dyn Model>, SpecError> {
    open(find(name, manifest)?, secrets, clock)
}

/// The model of the manifest that is called so.
pub(super) fn find<'m>(name: &ModelName, manifest: &'m Manifest) -> Result<&'m manifest::Model, SpecError> {
    manifest.models().get(name).ok_or_else(|| SpecError::NoSuchModel {
        name: name.clone(),
        known: manifest.models().keys().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
    })
}

fn open(model: &manifest::Model, secrets: &Secrets, clock: &Arc<dyn Clock>) -> Result<Box<dyn Model>, SpecError> {
    let default = || model.api.default_url().parse::<BaseUrl>().map_err(SpecError::BaseUrl);
    let base: BaseUrl = model.url.clone().map_or_else(default, Ok)?;
    let key =
        model.key.as_ref().map(|name| secrets.get(name).cloned().ok_or_else(|| SpecError::NoSecret(name.clone())));
    let key = key.transpose()?;
    // The manifest was checked for this; a key in the clear is worth a second look.
    if key.is_some() && !base.may_get_a_key() {
        return Err(SpecError::ClearText(base.to_string()));
    }
    let settings = Settings {
        name: Some(model.name.value.to_string()),
        api: model.api,
        key,
        authorities: model.ca.as_deref().map(Authorities::load).transpose()?.unwrap_or_default(),
        timeouts: model.timeouts.into(),
        max_output_tokens: model.max_output_tokens.map(|most| u32::try_from(most).unwrap_or(u32::MAX)),
        system: model.system.clone(),
        prices: model.prices,
        rate: model.rate,
        ..Settings::new(&model.model, base)
    };
    Ok(Box::new(Client::new(settings, Arc::clone(clock)).map_err(SpecError::Client)?))
}
