//! A host for tests: a component under a manifest, in a sandbox, called the way the product calls it.
//!
//! The manifest is real text and goes through every stage of the real one: parsed, resolved against what the component says
//! of itself, the arguments validated, the call decided. There is no other way to make a call that the sandbox takes.

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use secrecy::SecretString;
use serde_json::Value;
use toolhold::egress::{Client, SecretLookup};
use toolhold_core::call::{AuthorizedCall, Mode};
use toolhold_core::effect::Request;
use toolhold_core::id::SecretName;
use toolhold_core::limit::{Limits, Usage};
use toolhold_core::manifest::Manifest;
use toolhold_core::outcome::{Class, Failure, SideOutput};
use toolhold_core::policy::{Decision, Facts, Policy, RunScope};
use toolhold_core::redact::Redactor;
use toolhold_core::tool::{Catalog, Tool};
use toolhold_sandbox::capability::fs::commit::Durable;
use toolhold_sandbox::{Loaded, RunOptions, RunReport, Sandbox, SandboxConfig};

use crate::{guests, wat_guest};

/// Where compiled guests are kept between tests, beside the guests themselves.
const CACHE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tools/target/toolhold-test-cache");

/// Where calls stage what they change, on the file system on which tests make their directories or not: both must work.
const STAGING: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/toolhold-test-staging");

/// What every call is allowed and its rules, before what a test grants. Time is generous: a loaded machine is no failure.
const MANIFEST: &str = "version = 1
[limits]
time = \"300s\"
[[rules]]
name = \"all\"
decision = \"allow\"
tools = [\"guest.*\"]
[tools.guest]
source = \"guest.wasm\"
";

/// One component, ready to be called as `guest`.
#[derive(Debug)]
pub struct TestHost {
    sandbox: Sandbox,
    policy: Policy,
    catalog: Catalog,
    loaded: Loaded,
}

/// What came of a call.
#[derive(Debug)]
pub struct Reply {
    /// The result, or why there is none.
    pub outcome: Result<Value, Failure>,
    /// What was used of each limit.
    pub usage: Usage,
    /// What was allowed of each.
    pub limits: Limits,
    /// What the guest said on the side.
    pub output: SideOutput,
    /// What was requested over the network.
    pub requests: Vec<Request>,
}

/// The value of the secret `token`.
const TOKEN: &str = "t0k3n-value";

/// Secrets that tests may grant: `token`, and `lines`, which no header can hold.
fn secret(name: &SecretName) -> Option<SecretString> {
    match name.as_str() {
        "token" => Some(SecretString::from(TOKEN)),
        "lines" => Some(SecretString::from("t0k3n\r\nx-injected: yes")),
        _ => None,
    }
}

/// The settings of the sandbox of a test: compiled guests are kept between tests, and may take long to compile.
#[must_use]
pub fn config() -> SandboxConfig {
    let egress = Arc::new(Client::new(SecretLookup::new(secret), Redactor::new([("token", TOKEN)])));
    let compile_timeout = Duration::from_secs(600);
    let staging = Some(STAGING.into());
    SandboxConfig {
        cache: Some(CACHE.into()),
        workers: 2,
        compile_timeout,
        staging,
        egress,
        ..SandboxConfig::default()
    }
}

/// The sandbox that the tests of one process share.
///
/// # Errors
///
/// If the machine gives no engine.
pub fn shared() -> Result<Sandbox> {
    static SHARED: OnceLock<Result<Sandbox, String>> = OnceLock::new();
    let sandbox = SHARED.get_or_init(|| Sandbox::new(config()).map_err(|error| error.to_string()));
    sandbox.clone().map_err(|error| anyhow!(error))
}

impl TestHost {
    /// The guest crate `name` in the shared sandbox. `grants` are keys of its table in the manifest.
    ///
    /// # Errors
    ///
    /// If the guest does not build or load, or the manifest is wrong.
    pub fn of(name: &str, grants: &str) -> Result<Self> {
        Self::new(&shared()?, &guests::component(name)?, grants)
    }

    /// The guest `name` of `guests/wat` in the shared sandbox.
    ///
    /// # Errors
    ///
    /// If the guest does not load, or the manifest is wrong.
    pub fn of_text(name: &str, grants: &str) -> Result<Self> {
        Self::new(&shared()?, &wat_guest::component(name)?, grants)
    }

    /// `component` in `sandbox`.
    ///
    /// # Errors
    ///
    /// If the component does not load, or the manifest is wrong.
    pub fn new(sandbox: &Sandbox, component: &[u8], grants: &str) -> Result<Self> {
        let loaded = sandbox.load_blocking(component)?;
        let mut catalog = Catalog::default();
        for info in &loaded.description.tools {
            catalog.add(Tool::new(&"guest".parse()?, loaded.digest, info.clone())?)?;
        }
        let text = format!("{MANIFEST}{grants}");
        let manifest = Manifest::parse(&text, "toolhold.toml", Path::new("/nowhere"))?;
        let policy = Policy::resolve(Arc::new(manifest), &catalog)?;
        Ok(Self { sandbox: sandbox.clone(), policy, catalog, loaded })
    }

    /// What is known of the component.
    #[must_use]
    pub fn loaded(&self) -> &Loaded {
        &self.loaded
    }

    /// The sandbox.
    #[must_use]
    pub fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    /// A call that policy allows.
    ///
    /// # Errors
    ///
    /// If there is no such tool, the arguments do not fit, or policy does not allow it.
    pub fn authorize(&self, tool: &str, arguments: Value) -> Result<AuthorizedCall> {
        self.authorize_in(&RunScope::default(), tool, arguments)
    }

    /// A call that policy allows in a narrowed run.
    ///
    /// # Errors
    ///
    /// If there is no such tool, the arguments do not fit, or policy does not allow it.
    pub fn authorize_in(&self, scope: &RunScope, tool: &str, arguments: Value) -> Result<AuthorizedCall> {
        self.decide(&Facts::new(Mode::Live, scope), tool, arguments)
    }

    fn decide(&self, facts: &Facts<'_>, tool: &str, arguments: Value) -> Result<AuthorizedCall> {
        let tool = self.catalog.get(&format!("guest.{tool}"))?;
        let call = tool.validate_value(arguments)?;
        match self.policy.decide(call, tool, facts) {
            Decision::Allow(call) | Decision::Preview(call) => Ok(call),
            other => Err(anyhow!("not allowed: {other:?}")),
        }
    }

    /// Calls `tool` as a preview, on this thread.
    ///
    /// # Errors
    ///
    /// As [`Self::authorize`]. What comes of the call is in the reply.
    pub fn preview(&self, tool: &str, arguments: Value) -> Result<Reply> {
        let scope = RunScope::default();
        self.run(&self.decide(&Facts::new(Mode::Preview, &scope), tool, arguments)?)
    }

    /// Calls `tool` on this thread.
    ///
    /// # Errors
    ///
    /// As [`Self::authorize`]. What comes of the call is in the reply.
    pub fn call(&self, tool: &str, arguments: Value) -> Result<Reply> {
        self.run(&self.authorize(tool, arguments)?)
    }

    /// Runs a call that was decided on this thread.
    ///
    /// # Errors
    ///
    /// If it is a call of another host. What comes of it is in the reply.
    pub fn run(&self, call: &AuthorizedCall) -> Result<Reply> {
        let report = self.sandbox.run_blocking(call, RunOptions::default());
        self.reply(call, report)
    }

    /// Calls `tool` as a task.
    ///
    /// # Errors
    ///
    /// As [`Self::authorize`]. What comes of the call is in the reply.
    pub async fn call_async(&self, tool: &str, arguments: Value, options: RunOptions) -> Result<Reply> {
        let call = self.authorize(tool, arguments)?;
        let report = self.sandbox.run(&call, options).await;
        self.reply(&call, report)
    }

    fn reply(&self, call: &AuthorizedCall, report: RunReport) -> Result<Reply> {
        let tool = self.catalog.get(call.call().tool().as_str())?;
        let refused = |error| Failure::new(Class::InvalidOutput, "invalid-output", format!("{error}"));
        // As the host does: what a call staged lands when it succeeded.
        if let (Ok(_), Some(staged)) = (&report.outcome, &report.staged) {
            let prepared = staged.prepare(Durable::No)?;
            let plan = prepared.plan().clone();
            prepared.commit()?;
            plan.discard(STAGING.as_ref())?;
        }
        let outcome = match report.outcome {
            Ok(text) => tool.check_output(&text).map_err(refused),
            Err(failure) => Err(failure.into()),
        };
        Ok(Reply {
            outcome,
            usage: report.usage,
            limits: call.limits().clone(),
            output: report.output,
            requests: report.requests,
        })
    }
}

impl Reply {
    /// The result.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub fn value(&self) -> Result<&Value> {
        self.outcome.as_ref().map_err(|failure| anyhow!("{failure:?}")).context("the call failed")
    }

    /// Why there is no result.
    ///
    /// # Errors
    ///
    /// The result, if there is one.
    pub fn failure(&self) -> Result<&Failure> {
        self.outcome.as_ref().err().ok_or_else(|| anyhow!("the call succeeded: {:?}", self.outcome))
    }
}
