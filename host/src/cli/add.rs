//! `toolhold add`: a component from elsewhere into the manifest and the lock file, once a person has seen what it is.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;
use toolhold_core::describe::Description;
use toolhold_core::id::ComponentName;
use toolhold_core::lock::{Lock, Pin};
use toolhold_core::manifest::{Manifest, Unsigned};
use toolhold_core::origin::{Origin, Version};
use toolhold_core::signature::{Bundle, Untrusted};
use toolhold_core::tool::Tool;
use toolhold_sandbox::{Kind, Loaded};

use super::acceptance::{Answers, Candidate};
use super::failure::{CommandResult, Failure, WithCode as _};
use super::pack;
use super::project::{Project, failure};
use super::snapshot::Snapshot;
use super::sources::{self, Sources};
use super::ui::Ui;
use crate::distribution::{self, Fetched};
use crate::exit_code::ExitCode;
use crate::open::{self, Accepted, Papers, Voucher, Vouching};
use crate::store::Store;
use crate::{HostConfig, OpenError, manifest_edit};

/// Add a component from a file, the web or an OCI registry.
///
/// Shows its tools, what they need and who signed it, and asks. Then it is pinned by its digest and named in the manifest, with no
/// grant and no rule: until you write them, nothing of it can be called.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  toolhold add oci://ghcr.io/someone/weather:1.2
  toolhold add https://example.com/weather.wasm --as sky
  toolhold add build/weather.wasm --yes
  toolhold add https://example.com/weather.wasm --bundle weather.wasm.sigstore.json")]
pub(super) struct Add {
    /// A path, `https://…`, or `oci://HOST/REPOSITORY` with `:TAG` or `@DIGEST`.
    reference: String,
    /// What it is called here [default: the last part of the reference].
    #[arg(long = "as", value_name = "NAME")]
    name: Option<ComponentName>,
    /// What its signers call it [default: the last part of the reference].
    #[arg(long, value_name = "NAME")]
    signed_as: Option<ComponentName>,
    /// Its sigstore bundle, where it does not lie beside it.
    #[arg(long, value_name = "FILE")]
    bundle: Option<PathBuf>,
    /// Accept it without a question.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    sources: Sources,
}

impl Add {
    /// Runs the command.
    pub(super) async fn run(self, project: &Project, ui: Ui) -> CommandResult {
        let config = project.host();
        let snapshot = Snapshot::of(&config)?;
        let before = open::manifest_text(&config.manifest).map_err(failure)?;
        let manifest = open::parsed(&config.manifest, &before).map_err(failure)?;
        let origin = Origin::parse(&self.reference).code(ExitCode::Usage)?;
        let name = self.name(&origin)?;
        if manifest.components().contains_key(&name) {
            let error = anyhow::anyhow!(
                "the manifest has a component `{name}` already: `toolhold update {name}` looks for a newer one, `--as` gives this one another name"
            );
            return Err(Failure::new(ExitCode::BadInput, error));
        }
        let path = matches!(origin, Origin::File(_)).then(|| PathBuf::from(&self.reference));
        let fetched = distribution::fetch(&origin, path, &self.sources.options(project)).await;
        let bundle = self.bundle.as_deref().map(open::bundle_in).transpose().map_err(failure)?;
        let fetched = with_bundle(fetched.map_err(sources::failure)?, &origin, bundle.as_ref())?;
        let signed_as = self.signed_as.clone().or_else(|| origin.name()).unwrap_or_else(|| name.clone());
        let signer = signer(&manifest, &fetched, &signed_as, &name)?;
        let by = signer.as_ref().map(|voucher| &voucher.signer);
        let loaded = pack::load(&pack::sandbox(project)?, fetched.bytes.clone(), ui).await?;
        let written = written(&origin, &config.manifest)?;
        let entry = manifest_edit::Entry { name: &name, source: &written, signer: by, signed_as: &signed_as };
        let after = manifest_edit::with_component(&before, &entry).code(ExitCode::BadInput)?;
        if matches!(loaded.kind, Kind::Command { .. }) && loaded.description.tools.is_empty() {
            return Err(says_nothing(&entry));
        }
        let tools = tools(&config, &after, &name, &loaded)?;
        let candidate = Candidate {
            name: &name,
            origin: &written,
            digest: loaded.digest,
            size: loaded.size,
            description: &described(&tools),
            signer: signer.as_ref(),
            signatures: fetched.papers.count(),
            before: None,
            grants: None,
        };
        candidate.ask(Answers { yes: self.yes, needs: true }, ui)?;
        let _turn = snapshot.holds(&config)?;
        accept(&config, &after, &name, pin(&written, &loaded, &tools, &fetched), &fetched)?;
        let told = json!({
            "component": name, "source": written, "digest": loaded.digest, "artifact": fetched.artifact,
            "signed_by": by, "tools": loaded.description.tools,
        });
        ui.result(&told, |_| added(&name, &origin, &fetched))?;
        Ok(ExitCode::Success)
    }

    fn name(&self, origin: &Origin) -> Result<ComponentName, Failure> {
        let missing = || {
            anyhow::anyhow!(
                "the last part of `{}` is not a name of a component: give it one with `--as NAME`",
                toolhold_core::escape::line(&self.reference)
            )
        };
        self.name.clone().or_else(|| origin.name()).ok_or_else(missing).code(ExitCode::Usage)
    }
}

/// Who signed it, of those whom the manifest knows. A signature of one of them that does not hold is no accident.
fn signer(
    manifest: &Manifest,
    fetched: &Fetched,
    signed_as: &ComponentName,
    name: &ComponentName,
) -> Result<Option<Voucher>, Failure> {
    let vouching = Vouching::of(manifest).map_err(failure)?;
    match vouching.anybody(name, signed_as, fetched.digest, &fetched.papers).map_err(failure)? {
        Ok(voucher) => Ok(Some(voucher)),
        Err(Untrusted::Nobody { .. }) if manifest.unsigned() == Unsigned::Allow => Ok(None),
        Err(source) => Err(failure(OpenError::Untrusted { component: name.clone(), source })),
    }
}

/// What was fetched, with the bundle that somebody named. What is read from a file has it beside the file, where hosts look for it.
pub(super) fn with_bundle(fetched: Fetched, origin: &Origin, bundle: Option<&Bundle>) -> Result<Fetched, Failure> {
    let Some(bundle) = bundle else { return Ok(fetched) };
    if !origin.is_remote() {
        let error = anyhow::anyhow!(
            "`--bundle` is for what comes from elsewhere: a file is read anew whenever a host opens, so put the bundle beside it, as `FILE.sigstore.json`"
        );
        return Err(Failure::new(ExitCode::Usage, error));
    }
    let papers = Papers { bundle: Some(bundle.clone()), ..fetched.papers };
    Ok(Fetched { papers, ..fetched })
}

/// Refuses a program of which nothing says how it is called, with the lines that would.
fn says_nothing(entry: &manifest_edit::Entry<'_>) -> Failure {
    let name = entry.name;
    let table = manifest_edit::with_component("", entry).unwrap_or_default();
    let error = anyhow::anyhow!(
        "this is a program, and nothing says how it is called: write this into the manifest, as it is meant, then run `toolhold update {name}`
{table}
[tools.{name}.commands.run]
description = \"What it does, for the model.\"
argv = [\"{{path}}\"]
input = {{ properties.path.type = \"string\", required = [\"path\"] }}"
    );
    Failure::new(ExitCode::BadInput, error)
}

/// The tools of what is added.
fn tools(config: &HostConfig, manifest: &str, name: &ComponentName, loaded: &Loaded) -> Result<Vec<Tool>, Failure> {
    let manifest = open::parsed(&config.manifest, manifest).map_err(failure)?;
    let component = manifest.components().get(name);
    let component = component.ok_or_else(|| anyhow::anyhow!("the manifest cannot take a component `{name}`"));
    open::tools(&manifest, name, component.code(ExitCode::BadInput)?, loaded).map_err(failure)
}

/// What tools say of themselves.
pub(super) fn described(tools: &[Tool]) -> Description {
    Description { format: 1, tools: tools.iter().map(|tool| tool.info().clone()).collect() }
}

/// What the lock file says of a component.
pub(super) fn pin(written: &str, loaded: &Loaded, tools: &[Tool], fetched: &Fetched) -> Pin {
    let pin = open::pin_as_loaded(written, loaded, tools);
    let Papers { signatures, bundle } = fetched.papers.clone();
    Pin { artifact: fetched.artifact, signatures, bundle, ..pin }
}

/// First the bytes, then the lock file, then the manifest: cut off in between, nothing is named that is not there.
fn accept(
    config: &HostConfig,
    manifest: &str,
    name: &ComponentName,
    pin: Pin,
    fetched: &Fetched,
) -> Result<(), Failure> {
    let parsed = open::parsed(&config.manifest, manifest).map_err(failure)?;
    let lock = locked(config)?;
    let mut pins = lock.components().clone();
    pins.insert(name.clone(), pin);
    let accepted = Accepted::stored(config, &parsed, Lock::new(pins)).map_err(failure)?;
    Store::of(&config.state).put(&fetched.bytes).code(ExitCode::Host)?;
    accepted.write().map_err(failure)?;
    manifest_edit::write(&config.manifest, manifest).code(ExitCode::Failure)
}

/// The lock file as it is; an empty one if there is none yet.
pub(super) fn locked(config: &HostConfig) -> Result<Lock, Failure> {
    match open::lock(&config.lock) {
        Err(OpenError::NoLock(_)) => Ok(Lock::default()),
        other => other.map_err(failure),
    }
}

/// An origin as the manifest names it: paths are relative to the manifest, not to where the command was typed.
fn written(origin: &Origin, manifest: &Path) -> Result<String, Failure> {
    let Origin::File(path) = origin else { return Ok(origin.to_string()) };
    // Folders are resolved, the file's own name is not: a link that is pointed elsewhere is what its owner named.
    let beside = Path::new(path).parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let file = Path::new(path).file_name().ok_or_else(|| anyhow::anyhow!("`{path}` names no file"));
    let absolute = std::fs::canonicalize(beside).code(ExitCode::BadInput)?.join(file.code(ExitCode::BadInput)?);
    let folder = manifest.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = std::fs::canonicalize(folder).code(ExitCode::BadInput)?;
    let relative = absolute.strip_prefix(&folder).unwrap_or(&absolute);
    let text = relative.to_str().ok_or_else(|| anyhow::anyhow!("`{}` is not UTF-8", relative.display()));
    Ok(text.code(ExitCode::BadInput)?.to_owned())
}

fn added(name: &ComponentName, origin: &Origin, fetched: &Fetched) -> String {
    let mut lines = vec![format!("{name} added, pinned to {}", fetched.digest)];
    if let (Origin::Registry(reference), Some(artifact)) = (origin, fetched.artifact)
        && matches!(reference.version(), Version::Tag(_))
    {
        lines.push(format!(
            "the tag leads to oci://{} now; where it leads later changes nothing",
            reference.at(artifact)
        ));
    }
    lines.push(format!("nothing is granted to it and no rule allows it: add grants to `[tools.{name}]`, and a `[[rules]]` with its tools"));
    lines.join("\n")
}
