//! The product: the same component behind a whole host, with a manifest, a lock file, a journal on disk and every limit.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use tokio::runtime::Runtime;
use toolhold::journal::Durability;
use toolhold::{CallOptions, Host, HostConfig, ToolCall};
use toolhold_core::outcome::{CallReport, Outcome};

use crate::case;
use crate::place;

/// The probes and a directory to read and write; `ATOMIC` stands for a boolean.
const MANIFEST: &str = r#"
version = 1

[tools.probes]
source = "probes.wasm"

[[tools.probes.directories]]
host = "work"
guest = "/work"
read = ["**"]
write = ["one", "out/**"]
atomic = ATOMIC

[[rules]]
name = "all probes"
decision = "allow"
tools = ["probes.*"]
"#;

/// How what is written lands.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Writes {
    /// Together, when the call succeeds; the default.
    AsAWhole,
    /// At once: `atomic = false`.
    InPlace,
}

impl Writes {
    fn atomic(self) -> &'static str {
        match self {
            Self::AsAWhole => "true",
            Self::InPlace => "false",
        }
    }
}

/// A host with the probes.
pub(crate) struct Product {
    runtime: Runtime,
    host: Host,
}

impl Product {
    /// Writes a project into `folder` and opens its host.
    ///
    /// What its calls write is staged and lands as a whole, or is written `in_place`.
    pub(crate) fn open(folder: &Path, component: &[u8], writes: Writes) -> Result<Self> {
        std::fs::write(folder.join("probes.wasm"), component)?;
        Self::with(folder, &MANIFEST.replace("ATOMIC", writes.atomic()), Durability::Normal)
    }

    /// The same at the default durability: calls with effects wait for the disk.
    pub(crate) fn open_durable(folder: &Path, component: &[u8], writes: Writes) -> Result<Self> {
        std::fs::write(folder.join("probes.wasm"), component)?;
        Self::with(folder, &MANIFEST.replace("ATOMIC", writes.atomic()), Durability::Full)
    }

    /// A host of this manifest, whose components lie in `folder`.
    pub(crate) fn open_manifest(folder: &Path, manifest: &str) -> Result<Self> {
        Self::with(folder, manifest, Durability::Normal)
    }

    /// The host of a project that lies in `folder` already, pinned.
    pub(crate) fn open_again(folder: &Path) -> Result<Self> {
        Self::opened(folder, Durability::Normal, false)
    }

    fn with(folder: &Path, manifest: &str, durability: Durability) -> Result<Self> {
        std::fs::write(folder.join("toolhold.toml"), manifest)?;
        Self::opened(folder, durability, true)
    }

    fn opened(folder: &Path, durability: Durability, pin: bool) -> Result<Self> {
        let path = folder.join("toolhold.toml");
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let config = HostConfig { durability, ..HostConfig::beside(&path) };
        if pin {
            runtime.block_on(toolhold::pin(&config)).context("the components cannot be pinned")?;
        }
        let host = runtime.block_on(Host::open(&config, &|_| ()))?;
        Ok(Self { runtime, host })
    }

    /// One call of a probe, through everything.
    pub(crate) fn call(&self, tool: &str, arguments: &str) -> Result<()> {
        let call = ToolCall::new(format!("probes.{tool}"), arguments);
        succeeded(&self.runtime.block_on(self.host.call(call, CallOptions::default())))
    }

    /// Returns when the journal has written what it was given.
    pub(crate) fn written(&self) -> Result<()> {
        Ok(self.runtime.block_on(self.host.journal().written())?)
    }

    pub(crate) fn host(&self) -> &Host {
        &self.host
    }

    pub(crate) fn runtime(&self) -> &Runtime {
        &self.runtime
    }
}

/// A project in `folder` whose host is to be another process, pinned; that has compiled into `cache`.
pub(crate) fn pinned_project(folder: &Path, cache: &Path) -> Result<()> {
    case::prepare(&folder.join("work"))?;
    std::fs::write(folder.join("probes.wasm"), place::guest("probes")?)?;
    std::fs::write(folder.join("toolhold.toml"), MANIFEST.replace("ATOMIC", Writes::AsAWhole.atomic()))?;
    place::printed(place::toolhold_in(folder, cache)?.arg("lock")).map(drop)
}

/// A call that does not do its work is not measured.
pub(crate) fn succeeded(report: &CallReport) -> Result<()> {
    match &report.outcome {
        Outcome::Success(_) => Ok(()),
        Outcome::Failure(failure) => bail!("{failure:?}"),
    }
}
