//! The product: the same component behind a whole host, with a manifest, a lock file, a journal on disk and every limit.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use toolhold::{CallOptions, Host, HostConfig, ToolCall};
use toolhold_core::outcome::Outcome;

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
    runtime: tokio::runtime::Runtime,
    host: Host,
}

impl Product {
    /// Writes a project into `folder` and opens its host.
    ///
    /// What its calls write is staged and lands as a whole, or is written `in_place`.
    pub(crate) fn open(folder: &Path, component: &[u8], writes: Writes) -> Result<Self> {
        std::fs::write(folder.join("probes.wasm"), component)?;
        let manifest = folder.join("toolhold.toml");
        std::fs::write(&manifest, MANIFEST.replace("ATOMIC", writes.atomic()))?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let config = HostConfig { durability: toolhold::journal::Durability::Normal, ..HostConfig::beside(&manifest) };
        runtime.block_on(toolhold::pin(&config)).context("the probes cannot be pinned")?;
        let host = runtime.block_on(Host::open(&config, &|_| ()))?;
        Ok(Self { runtime, host })
    }

    /// One call, through everything.
    pub(crate) fn call(&self, tool: &str, arguments: &str) -> Result<()> {
        let call = ToolCall::new(format!("probes.{tool}"), arguments);
        let report = self.runtime.block_on(self.host.call(call, CallOptions::default()));
        match report.outcome {
            Outcome::Success(_) => Ok(()),
            Outcome::Failure(failure) => bail!("{failure:?}"),
        }
    }

    /// What the numbers of calls with effects depend on.
    pub(crate) fn durability_note(&self) -> &'static str {
        "Calls with effects: durability `normal` (they survive a kill of the process; `full`, the default, also waits for the disk)."
    }
}
