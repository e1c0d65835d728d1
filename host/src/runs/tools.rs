//! The tools of a run: those of a host, each call through its gate.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use toolhold_core::call::ToolCall;
use toolhold_core::outcome::CallReport;
use toolhold_core::run::ToolSpec;

use crate::agent::Tools;
use crate::{CallOptions, Host, PreviewSession, RunLabels};

/// The tools of a host, for one run.
pub struct HostTools<'a> {
    /// Whose.
    pub host: &'a Host,
    /// Where changes are staged, if the run is a dry run.
    pub session: Option<Arc<PreviewSession>>,
    /// What is said of the data that its calls have read.
    pub labels: Arc<RunLabels>,
    /// Is shown the whole report of each call, with what only the operator may see, before the run hears of the call.
    pub on_report: &'a (dyn Fn(&CallReport) + Sync),
}

impl Tools for HostTools<'_> {
    fn specs(&self) -> Vec<ToolSpec> {
        let spec = |tool: &toolhold_core::tool::Tool| ToolSpec {
            name: tool.name().clone(),
            description: tool.info().description.clone(),
            input_schema: tool.info().input_schema.clone(),
            digest: Some(tool.digest()),
        };
        self.host.tools().map(spec).collect()
    }

    async fn call(&self, call: ToolCall, cancel: CancellationToken) -> CallReport {
        let labels = Some(Arc::clone(&self.labels));
        let options = CallOptions { cancel, session: self.session.clone(), labels, ..CallOptions::default() };
        let done = self.host.call(call, options).await;
        (self.on_report)(&done);
        done
    }
}
