//! The manifest, what the lock file says of its components, and its secrets.

use std::sync::Arc;

use toolhold_core::manifest::{Manifest, SecretSource};
use toolhold_sandbox::capability::http::NoEgress;

use super::{Check, Patient};
use crate::open::{self, Components, Files, OpenError};
use crate::secrets::Secrets;

/// The manifest, where there is one that can be read.
pub(super) async fn examine(patient: &Patient) -> (Option<Arc<Manifest>>, Vec<Check>) {
    let (name, shown) = ("manifest", patient.config.manifest.display());
    let manifest = match open::manifest(&patient.config.manifest) {
        Ok(manifest) => Arc::new(manifest),
        Err(OpenError::NoManifest(_)) => {
            let fix = "name it with `--manifest`, or begin one: `toolhold add SOURCE` writes it";
            return (None, vec![Check::problem(name, format!("there is no `{shown}`"), fix)]);
        }
        Err(error) => {
            let fix = "`toolhold manifest check` shows each place";
            return (None, vec![Check::problem(name, with_the_first(&error), fix)]);
        }
    };
    let found =
        format!("`{shown}` names {} components and {} rules", manifest.components().len(), manifest.rules().len());
    let checks = [
        Some(Check::good(name, found)),
        Some(components(patient, &manifest).await),
        secrets(&manifest),
        keyring(patient, &manifest),
        servers(&manifest),
    ];
    (Some(manifest), checks.into_iter().flatten().collect())
}

/// The error, and of a manifest with problems the first one.
fn with_the_first(error: &OpenError) -> String {
    match error {
        OpenError::Manifest(errors) => match errors.problems().first() {
            Some(first) => format!("{error}: {first}"),
            None => error.to_string(),
        },
        _ => error.to_string(),
    }
}

/// Loads every component as a host does: by the lock file, compiled, none called.
async fn components(patient: &Patient, manifest: &Arc<Manifest>) -> Check {
    let name = "components";
    let lock = match open::lock(&patient.config.lock) {
        Ok(lock) => lock,
        Err(error) => return Check::problem(name, error.to_string(), "`toolhold lock` pins what the manifest names"),
    };
    let loaded =
        Components::load_with(manifest, &patient.config, Files::AsPinned(&lock), Arc::new(NoEgress), &|_| ()).await;
    match loaded {
        Ok(loaded) => {
            let count = loaded.digests().count();
            Check::good(name, format!("{count} are what the lock file pins, and load"))
        }
        Err(error) => Check::problem(
            name,
            error.to_string(),
            "`toolhold lock` shows what is different and pins it if you accept it; `toolhold fetch` gets what is not here",
        ),
    }
}

/// Other MCP servers are pinned like components, and are not asked here: that would start programs.
fn servers(manifest: &Manifest) -> Option<Check> {
    let count = manifest.components().values().filter(|component| component.server.is_some()).count();
    let found = format!("{count} MCP servers were not asked whether they are there and still say what was accepted");
    (count > 0).then(|| {
        Check::note("servers", found, "`toolhold lock` asks them and shows what is different; so does the first call")
    })
}

/// Reads every secret, and forgets it.
fn secrets(manifest: &Manifest) -> Option<Check> {
    let name = "secrets";
    if manifest.secrets().is_empty() {
        return None;
    }
    Some(match Secrets::open(manifest.secrets(), Vec::new()) {
        Ok(_) => Check::good(name, format!("{} can be read", manifest.secrets().len())),
        Err(error) => Check::problem(name, error.to_string(), "docs/secrets.md has the sources of secrets"),
    })
}

/// Whether the program is there that reads the keyring.
fn keyring(patient: &Patient, manifest: &Manifest) -> Option<Check> {
    let name = "keyring";
    let folders = patient.path.as_deref().unwrap_or_default();
    let found = std::env::split_paths(folders).any(|folder| folder.join("secret-tool").is_file());
    let is_needed = manifest.secrets().values().any(|source| matches!(source, SecretSource::Keyring { .. }));
    let fix = "install it: Debian and Ubuntu have it in `libsecret-tools`";
    match (found, is_needed) {
        (true, _) => Some(Check::good(name, "`secret-tool` is there, which reads the keyring of the desktop")),
        (false, true) => {
            Some(Check::problem(name, "the manifest has secrets in it, and `secret-tool` is not there", fix))
        }
        (false, false) => {
            Some(Check::note(name, "`secret-tool` is not there; no secret of the manifest needs it", fix))
        }
    }
}
