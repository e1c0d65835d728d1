//! The sandbox alone: calls that were decided once, run under every limit, with no host, journal or staging around them.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Result, bail};
use serde_json::Value;
use toolhold_core::call::{AuthorizedCall, Mode};
use toolhold_core::manifest::Manifest;
use toolhold_core::policy::{Decision, Facts, Policy, RunScope};
use toolhold_core::tool::{Catalog, Tool};
use toolhold_sandbox::{RunOptions, Sandbox, SandboxConfig};

const MANIFEST: &str = r#"
version = 1
[tools.probes]
source = "probes.wasm"
[[tools.probes.directories]]
host = "work"
guest = "/work"
read = ["**"]
[[rules]]
name = "all probes"
decision = "allow"
tools = ["probes.*"]
"#;

/// A sandbox, and who decides.
pub(crate) struct Alone {
    sandbox: Sandbox,
    policy: Policy,
    catalog: Catalog,
}

impl Alone {
    /// Loads the probes; `work` is a directory in `folder`.
    pub(crate) fn new(folder: &Path, component: &[u8]) -> Result<Self> {
        let sandbox = Sandbox::new(SandboxConfig::default())?;
        let loaded = sandbox.load_blocking(component)?;
        let mut catalog = Catalog::default();
        for info in &loaded.description.tools {
            catalog.add(Tool::new(&"probes".parse()?, loaded.digest, info.clone())?)?;
        }
        let manifest = Manifest::parse(MANIFEST, "toolhold.toml", folder)?;
        let policy = Policy::resolve(Arc::new(manifest), &catalog)?;
        Ok(Self { sandbox, policy, catalog })
    }

    /// A call of a probe that may be made.
    pub(crate) fn decide(&self, tool: &str, arguments: &str) -> Result<AuthorizedCall> {
        let tool = self.catalog.get(&format!("probes.{tool}"))?;
        let arguments: Value = serde_json::from_str(arguments)?;
        let call = tool.validate_value(arguments).map_err(|wrong| anyhow::anyhow!("{wrong:?}"))?;
        match self.policy.decide(call, tool, &Facts::new(Mode::Live, &RunScope::default())) {
            Decision::Allow(call) => Ok(call),
            other => bail!("not allowed: {other:?}"),
        }
    }

    /// Runs it, on this thread.
    pub(crate) fn run(&self, call: &AuthorizedCall) -> Result<()> {
        match self.sandbox.run_blocking(call, RunOptions::default()).outcome {
            Ok(_) => Ok(()),
            Err(failure) => bail!("{failure:?}"),
        }
    }
}
