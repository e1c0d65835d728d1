//! What a store holds while its guest runs: the capabilities of this one call.
//!
//! Built anew for every call from its grants, and dropped with it.

use std::collections::BTreeMap;
use std::sync::Arc;

use toolhold_core::grant::Grants;
use toolhold_core::limit::Limit;
use toolhold_core::outcome::SideOutput;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::sockets::WasiSocketsCtx;

use super::limiter::Limiter;
use super::stop::Stop;
use crate::capability::clock::ClockCtx;
use crate::capability::context::ContextCtx;
use crate::capability::fs::{FsCtx, FsCtxView, FsView};
use crate::capability::http::HttpCtx;
use crate::capability::random::RandomCtx;
use crate::capability::stdio::StdioCtx;
use crate::meter::Meter;
use crate::workers::Workers;

/// The guest ended itself with this status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the guest exited with status {0}")]
pub(crate) struct Exit(pub(crate) u8);

/// The state of one call. What `Default` would be does not exist: every capability is made from a grant.
pub(crate) struct CallState {
    /// Before the table: requests that the guest has not finished are given up before their bodies are dropped.
    pub(crate) http: HttpCtx,
    pub(crate) table: ResourceTable,
    pub(crate) meter: Arc<Meter>,
    pub(crate) limiter: Limiter,
    pub(crate) stop: Stop,
    pub(crate) fs: FsCtx,
    pub(crate) env: Arc<BTreeMap<String, String>>,
    pub(crate) clock: ClockCtx,
    pub(crate) random: RandomCtx,
    pub(crate) stdio: StdioCtx,
    pub(crate) sockets: WasiSocketsCtx,
    pub(crate) context: ContextCtx,
    pub(crate) fiber: bool,
}

/// What the state of a call is made of beside its grants.
pub(crate) struct Parts {
    pub(crate) meter: Arc<Meter>,
    pub(crate) limiter: Limiter,
    pub(crate) stop: Stop,
    pub(crate) fs: FsCtx,
    pub(crate) http: HttpCtx,
    pub(crate) context: ContextCtx,
    pub(crate) workers: Workers,
    pub(crate) fiber: bool,
}

impl CallState {
    pub(crate) fn new(grants: &Grants, parts: Parts) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(usize::try_from(parts.meter.limits().get(Limit::Handles)).unwrap_or(usize::MAX));
        Self {
            table,
            limiter: parts.limiter,
            stop: parts.stop,
            fs: parts.fs,
            env: Arc::clone(&grants.env),
            clock: ClockCtx::new(grants.clock, parts.workers),
            random: RandomCtx::new(grants.random),
            stdio: StdioCtx::default(),
            http: parts.http,
            // Denies everything by default.
            sockets: WasiSocketsCtx::default(),
            context: parts.context,
            fiber: parts.fiber,
            meter: parts.meter,
        }
    }

    /// Counts a call of the guest into the host. Every linked function gets its state through here.
    ///
    /// There is no error to return at this place: see [`super::stop::Crossing`].
    pub(crate) fn count(&mut self) {
        if let Err(exceeded) = self.meter.charge(Limit::HostCalls, 1) {
            self.stop.crossing().cross(exceeded);
        }
    }

    /// This state, for interfaces that are implemented on it.
    pub(crate) fn counted(&mut self) -> &mut Self {
        self.count();
        self
    }

    /// What the guest said beside its result.
    pub(crate) fn side_output(&mut self) -> SideOutput {
        SideOutput {
            log: std::mem::take(&mut self.context.log),
            emitted: std::mem::take(&mut self.context.emitted),
            stdout: self.stdio.stdout(),
            stderr: self.stdio.stderr(),
        }
    }
}

impl FsView for CallState {
    fn fs(&mut self) -> FsCtxView<'_> {
        self.count();
        FsCtxView { ctx: &mut self.fs, table: &mut self.table }
    }
}
