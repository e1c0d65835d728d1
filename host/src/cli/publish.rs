//! `toolhold publish`: a component into an OCI registry.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use toolhold_core::id::{ComponentName, ToolDigest};
use toolhold_core::origin::{Origin, Reference};
use toolhold_core::signature::{Attached, Bundle, Signature};

use super::failure::{CommandResult, Failure, WithCode as _};
use super::keys::secret_key;
use super::pack;
use super::project::{Project, failure};
use super::sources::{self, Sources};
use super::ui::Ui;
use crate::clock;
use crate::distribution::{self, Parcel};
use crate::exit_code::ExitCode;
use crate::open::{Papers, bundle_in};
use crate::sigstore;

/// Publish a component to an OCI registry, and print the reference that always leads to it.
///
/// The layout is that of the CNCF, which other runtimes read. Its tools and their needs go along as an annotation, and so do the
/// signatures in `FILE.sig`, the one that `--key` makes, and a sigstore bundle.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  toolhold publish weather.wasm oci://ghcr.io/me/weather:1.2
  toolhold publish weather.wasm oci://ghcr.io/me/weather:1.2 --key ~/.config/toolhold/release.key")]
pub(super) struct Publish {
    /// The component's file.
    component: PathBuf,
    /// `oci://HOST/REPOSITORY:TAG`.
    reference: String,
    /// Sign it with the secret key in this file.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Its sigstore bundle [default: `FILE.sigstore.json`, if that is there].
    #[arg(long, value_name = "FILE")]
    bundle: Option<PathBuf>,
    /// The name that is signed [default: the last part of the repository].
    #[arg(long, value_name = "NAME")]
    name: Option<ComponentName>,
    /// An annotation of the artifact, such as `org.opencontainers.image.source=https://…`.
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    annotation: Vec<(String, String)>,
    #[command(flatten)]
    sources: Sources,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write `KEY=VALUE`")?;
    if key.is_empty() || key.starts_with("dev.toolhold.") {
        return Err("keys that begin with `dev.toolhold.` are written by this command".to_owned());
    }
    Ok((key.to_owned(), value.to_owned()))
}

impl Publish {
    /// Runs the command.
    pub(super) async fn run(self, project: &Project, ui: Ui) -> CommandResult {
        let reference = self.reference()?;
        let bytes = std::fs::read(&self.component)
            .map_err(|error| anyhow::anyhow!("`{}` cannot be read: {error}", self.component.display()))
            .code(ExitCode::BadInput)?;
        let loaded = pack::load(&pack::sandbox(project)?, bytes.clone(), ui).await?;
        let mut attached = Attached::new(loaded.digest);
        let papers = Papers::beside(&self.component, loaded.digest).map_err(failure)?;
        attached.signatures = papers.signatures;
        let bundle = self.bundle(papers.bundle, loaded.digest, &reference)?;
        if let Some(path) = &self.key {
            let key = secret_key(path)?;
            attached.add(Signature::new(&key, &self.signed_name(&reference)?, loaded.digest));
        }
        let signatures = (!attached.signatures.is_empty()).then(|| attached.render());
        let signatures = signatures.transpose().code(ExitCode::Failure)?;
        let parcel = Parcel {
            bytes,
            imports: loaded.imports.to_vec(),
            exports: loaded.exports.to_vec(),
            tools: tools(&loaded.description),
            signatures,
            bundle: bundle.as_ref().map(|bundle| bundle.as_str().to_owned()),
            created: clock::now().to_string(),
            annotations: self.annotation.iter().cloned().collect::<BTreeMap<_, _>>(),
        };
        let published = distribution::publish(parcel, &reference, &self.sources.options(project)).await;
        let published = published.map_err(sources::failure)?;
        let told = format!("oci://{}", published.reference);
        let json = json!({
            "reference": told, "component": published.component, "signatures": attached.signatures.len(),
            "bundle": bundle.is_some(),
        });
        ui.result(&json, |_| told.clone())?;
        Ok(ExitCode::Success)
    }

    fn reference(&self) -> Result<Reference, Failure> {
        match Origin::parse(&self.reference).code(ExitCode::Usage)? {
            Origin::Registry(reference) => Ok(reference),
            Origin::File(_) | Origin::Web(_) | Origin::Server(_) => {
                let error =
                    anyhow::anyhow!("components are published to registries: write `oci://HOST/REPOSITORY:TAG`");
                Err(Failure::new(ExitCode::Usage, error))
            }
        }
    }

    /// The bundle that goes along, which must be of this component: whoever gets another one is told that something is wrong.
    fn bundle(
        &self,
        beside: Option<Bundle>,
        digest: ToolDigest,
        reference: &Reference,
    ) -> Result<Option<Bundle>, Failure> {
        let named = self.bundle.as_deref().map(bundle_in).transpose().map_err(failure)?;
        let Some(bundle) = named.or(beside) else {
            if self.name.is_some() && self.key.is_none() {
                let error = anyhow::anyhow!(
                    "`--name` is the name that is signed, and nothing is: give `--key` or `--bundle` too"
                );
                return Err(Failure::new(ExitCode::Usage, error));
            }
            return Ok(None);
        };
        let name = self.signed_name(reference)?;
        sigstore::is_for(&bundle, digest, &name).code(ExitCode::NotAccepted)?;
        Ok(Some(bundle))
    }

    fn signed_name(&self, reference: &Reference) -> Result<ComponentName, Failure> {
        let name = self.name.clone().or_else(|| Origin::Registry(reference.clone()).name());
        let missing =
            || anyhow::anyhow!("the last part of the repository is not a name of a component: give one with `--name`");
        name.ok_or_else(missing).code(ExitCode::Usage)
    }
}

/// Tools and needs, without schemas: what a person looks for in a registry.
fn tools(description: &toolhold_core::describe::Description) -> String {
    let tool = |tool: &toolhold_core::describe::ToolInfo| json!({ "name": tool.name, "title": tool.title, "hints": tool.hints, "needs": tool.needs });
    json!(description.tools.iter().map(tool).collect::<Vec<_>>()).to_string()
}
