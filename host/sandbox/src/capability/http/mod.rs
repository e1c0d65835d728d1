//! `wasi:http`: requests that are granted are judged here and sent by the host; all others are refused.
//!
//! The type implementations are wasmtime-wasi-http's, built without the feature that can send. What a guest can make the
//! host hold is bounded: the number of resources by the handle limit, each of them by what is set here, and bodies are not
//! read ahead of their reader.

mod body;
mod egress;
mod headers;
mod ledger;
mod played;
mod recorded;
mod send;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use toolhold_core::call::{Mode, Sends};
use toolhold_core::grant::HttpGrant;
use toolhold_core::id::{ComponentName, Digest};
use wasmtime::component::{Linker, Resource};
use wasmtime_wasi_http::p2::bindings::http::types::{
    self, Fields, HeaderError, HostFields as _, HostOutgoingRequest as _, Method, OutgoingRequest,
};
use wasmtime_wasi_http::{
    Error, ForbiddenHeaderFilter, RequestOptions, WasiBody, WasiHttp, WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks,
};

pub use self::egress::{
    Answer, Body, BodyError, Egress, EgressError, EgressRequest, EgressResponse, NoEgress, Returned,
};
pub(crate) use self::ledger::{Ledger, Requests};
use crate::call::{CallState, Crossing};
use crate::reel::Reel;
use crate::workers::Workers;

/// Bytes of a request body that are held at once.
const BODY_CHUNK: usize = 64 << 10;

/// Bytes of a method's name. The library keeps a name of any length.
const MAX_METHOD: usize = 64;

/// The version that wasmtime-wasi-http 48 links; guests that were built for another 0.2 match it.
const TYPES: &str = "wasi:http/types@0.2.12";

/// See [`TYPES`].
const OUTGOING_HANDLER: &str = "wasi:http/outgoing-handler@0.2.12";

/// The HTTP state of one call.
pub(crate) struct HttpCtx {
    ctx: WasiHttpCtx,
    hooks: Hooks,
    grants: Arc<[HttpGrant]>,
    mode: Mode,
    sends: Sends,
    egress: Arc<dyn Egress>,
    ledger: Ledger,
    /// What keys for servers are made of: the same in every try of the same call.
    call: Option<Digest>,
    component: Option<ComponentName>,
    reel: Option<Reel>,
    /// How many keys were made.
    keyed: u64,
    crossing: Crossing,
    workers: Workers,
    ended: Arc<AtomicBool>,
}

/// What the HTTP state of a call is made of.
pub(crate) struct HttpParts {
    pub(crate) grants: Arc<[HttpGrant]>,
    pub(crate) mode: Mode,
    pub(crate) sends: Sends,
    pub(crate) egress: Arc<dyn Egress>,
    pub(crate) call: Option<Digest>,
    pub(crate) component: Option<ComponentName>,
    pub(crate) reel: Option<Reel>,
    pub(crate) crossing: Crossing,
    pub(crate) workers: Workers,
}

impl HttpCtx {
    pub(crate) fn new(parts: HttpParts) -> Self {
        let mut ctx = WasiHttpCtx::new();
        ctx.set_field_size_limit(headers::MAX_BYTES);
        Self {
            ctx,
            hooks: Hooks,
            grants: parts.grants,
            mode: parts.mode,
            sends: parts.sends,
            egress: parts.egress,
            ledger: Ledger::default(),
            call: parts.call,
            component: parts.component,
            reel: parts.reel,
            keyed: 0,
            crossing: parts.crossing,
            workers: parts.workers,
            ended: Arc::default(),
        }
    }

    /// The call is over: what is not finished of its requests will not be.
    pub(crate) fn end(&self) {
        self.ended.store(true, Ordering::Release);
    }

    /// What was requested.
    pub(crate) fn take_requests(&self) -> Requests {
        self.ledger.take()
    }
}

impl Drop for HttpCtx {
    fn drop(&mut self) {
        self.end();
    }
}

/// What the library asks of us. It sends nothing.
#[derive(Debug)]
struct Hooks;

type Sent = (http::Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>);

impl WasiHttpHooks for Hooks {
    fn forbidden_header_filter(&mut self) -> ForbiddenHeaderFilter {
        Arc::new(headers::is_forbidden)
    }

    fn send_request(
        &mut self,
        _request: http::Request<WasiBody>,
        _options: Option<RequestOptions>,
        _sent: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Result<Sent, Error>> + Send> {
        Box::new(async { Err(Error::HttpRequestDenied) })
    }

    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        BODY_CHUNK
    }
}

impl CallState {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        // Everything that is linked with this view is of handles: past the limit of calls there are none.
        let _told_by_the_table = self.count().is_err();
        self.uncounted_http()
    }

    fn uncounted_http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { ctx: &mut self.http.ctx, hooks: &mut self.http.hooks, table: &mut self.table }
    }
}

/// Adds all of `wasi:http` that a client may import.
pub(crate) fn add_to_linker(linker: &mut Linker<CallState>) -> wasmtime::Result<()> {
    let options = types::LinkOptions::default();
    types::add_to_linker::<_, WasiHttp>(linker, &options, CallState::http)?;
    linker.allow_shadowing(true);
    linker.instance(TYPES)?.func_wrap("[method]outgoing-request.set-method", |mut store, (request, method)| {
        Ok((set_method(store.data_mut(), request, method)?,))
    })?;
    linker.instance(TYPES)?.func_wrap("[static]fields.from-list", |mut store, (entries,)| {
        Ok((fields_from_list(store.data_mut(), entries)?,))
    })?;
    linker.allow_shadowing(false);
    // Not the library's form: it knows no grants, and starts a task to find out that nothing is sent.
    linker
        .instance(OUTGOING_HANDLER)?
        .func_wrap("handle", |mut store, (request, options)| Ok((send::handle(store.data_mut(), request, options)?,)))
}

fn set_method(
    state: &mut CallState,
    request: Resource<OutgoingRequest>,
    method: Method,
) -> wasmtime::Result<Result<(), ()>> {
    state.count()?;
    match &method {
        Method::Other(name) if name.len() > MAX_METHOD => Ok(Err(())),
        _ => state.uncounted_http().set_method(request, method),
    }
}

/// The library's, but for the count: it looks at the entries before it looks for room for them.
fn fields_from_list(
    state: &mut CallState,
    entries: Vec<(String, Vec<u8>)>,
) -> wasmtime::Result<Result<Resource<Fields>, HeaderError>> {
    state.count()?;
    match state.uncounted_http().from_list(entries) {
        Ok(fields) => Ok(Ok(fields)),
        Err(error) => error.downcast().map(Err),
    }
}
