//! What a store holds while its guest runs: the capabilities of this one call.
//!
//! Built anew for every call from its grants, and dropped with it.

use std::collections::BTreeMap;
use std::sync::Arc;

use toolhold_core::call::CommandCall;
use toolhold_core::grant::Grants;
use toolhold_core::limit::{Exceeded, Limit};
use toolhold_core::outcome::SideOutput;
use wasmtime::component::{HasData, ResourceTable};
use wasmtime_wasi::sockets::WasiSocketsCtx;

use super::limiter::Limiter;
use super::stop::Stop;
use crate::capability::clock::ClockCtx;
use crate::capability::context::ContextCtx;
use crate::capability::fs::{FsCtx, FsCtxView, FsView, Handles, MOST_OPENED, OpenedGrants};
use crate::capability::http::HttpCtx;
use crate::capability::random::RandomCtx;
use crate::capability::stdio::StdioCtx;
use crate::meter::Meter;
use crate::reel::Reel;
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
    /// The granted directories.
    pub(crate) granted: Arc<OpenedGrants>,
    pub(crate) env: Arc<BTreeMap<String, String>>,
    /// What a program is given. Of any other tool, nothing.
    pub(crate) command: Option<Arc<CommandCall>>,
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
    pub(crate) command: Option<Arc<CommandCall>>,
    pub(crate) reel: Option<Reel>,
    pub(crate) fiber: bool,
}

impl CallState {
    pub(crate) fn new(grants: &Grants, parts: Parts) -> Self {
        let mut table = ResourceTable::new();
        let handles = usize::try_from(parts.meter.limits().get(Limit::Handles)).unwrap_or(usize::MAX);
        table.set_max_capacity(handles.min(MOST_OPENED));
        Self {
            table,
            limiter: parts.limiter,
            stop: parts.stop,
            granted: Arc::clone(parts.fs.grants()),
            fs: parts.fs,
            env: Arc::clone(&grants.env),
            clock: ClockCtx::new(grants.clock, parts.workers, parts.reel.clone()),
            random: RandomCtx::new(grants.random, parts.reel),
            stdio: StdioCtx::new(parts.command.as_ref().map(|call| call.invocation.stdin.as_str())),
            command: parts.command,
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
    /// From the first call past the limit on, the call has no handles and gets none. So a function that works on handles,
    /// and whose view has no place for this error, ends the guest all the same: it finds nothing to work on.
    ///
    /// # Errors
    ///
    /// [`Exceeded`] for the first call past the limit and for every later one.
    pub(crate) fn count(&mut self) -> Result<(), Exceeded> {
        self.meter.charge(Limit::HostCalls, 1).inspect_err(|exceeded| {
            self.stop.crossing().cross(*exceeded);
            // Bodies that are not finished go with the table, and must not look finished.
            self.http.end();
            self.table = ResourceTable::new();
            self.table.set_max_capacity(0);
        })
    }

    /// This state, for interfaces that are implemented on it.
    pub(crate) fn counted(&mut self) -> Gate<'_> {
        Gate(self.count().map(|()| self))
    }

    /// What a program wrote and what did not become its result, no longer than any other tool's.
    fn rest_of_stdout(&self) -> Vec<u8> {
        let mut bytes = self.stdio.stdout();
        bytes.truncate(usize::try_from(self.meter.limits().get(Limit::Stdout)).unwrap_or(usize::MAX));
        bytes
    }

    /// What the guest said beside its result.
    pub(crate) fn side_output(&mut self) -> SideOutput {
        SideOutput {
            log: std::mem::take(&mut self.context.log),
            emitted: std::mem::take(&mut self.context.emitted),
            stdout: text(self.rest_of_stdout()),
            stderr: text(self.stdio.stderr()),
        }
    }
}

/// Bytes that are not UTF-8 are replaced.
fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

impl FsView for CallState {
    fn fs(&mut self) -> FsCtxView<'_> {
        let stopped = self.count().err();
        let granted = if stopped.is_some() { &[] } else { self.granted.roots() };
        FsCtxView { ctx: &mut self.fs, table: Handles { opened: &mut self.table, granted }, stopped }
    }
}

/// The way to the state of a call for one counted call of its guest; shut once the limit is crossed.
///
/// INVARIANT: interfaces that are not of handles alone are implemented on this and not on [`CallState`], so none of their
/// functions does anything, or answers anything, past the limit.
pub(crate) struct Gate<'a>(Result<&'a mut CallState, Exceeded>);

impl Gate<'_> {
    /// The state.
    ///
    /// # Errors
    ///
    /// [`Exceeded`], which ends the guest.
    pub(crate) fn enter(&mut self) -> wasmtime::Result<&mut CallState> {
        match &mut self.0 {
            Ok(state) => Ok(state),
            Err(exceeded) => Err((*exceeded).into()),
        }
    }
}

/// Names [`Gate`] to the linker.
pub(crate) struct Gated;

impl HasData for Gated {
    type Data<'a> = Gate<'a>;
}
