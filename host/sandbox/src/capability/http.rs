//! `wasi:http`: requests can be built, and none is sent.
//!
//! The type implementations are wasmtime-wasi-http's, built without the feature that can send. What a guest can make the
//! host hold is bounded: the number of resources by the handle limit, each of them by what is set here.

use wasmtime::component::{Linker, Resource};
use wasmtime_wasi_http::p2::bindings::http::types::{
    self, ErrorCode, Fields, HeaderError, HostFields as _, HostOutgoingRequest as _, Method, OutgoingRequest,
};
use wasmtime_wasi_http::p2::types::HostFutureIncomingResponse;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttp, WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks};

use crate::call::CallState;

/// Bytes of one set of headers.
const MAX_FIELDS: usize = 64 << 10;

/// Bytes of a request body that are held at once.
const BODY_CHUNK: usize = 64 << 10;

/// Bytes of a method's name. The library keeps a name of any length.
const MAX_METHOD: usize = 64;

/// The version that wasmtime-wasi-http 48 links; guests that were built for another 0.2 match it.
const TYPES: &str = "wasi:http/types@0.2.12";

/// See [`TYPES`].
const OUTGOING_HANDLER: &str = "wasi:http/outgoing-handler@0.2.12";

/// The HTTP state of one call.
#[derive(Debug)]
pub(crate) struct HttpCtx {
    ctx: WasiHttpCtx,
    hooks: Refuse,
}

impl HttpCtx {
    pub(crate) fn new() -> Self {
        let mut ctx = WasiHttpCtx::new();
        ctx.set_field_size_limit(MAX_FIELDS);
        Self { ctx, hooks: Refuse }
    }
}

/// Sends nothing.
#[derive(Debug)]
struct Refuse;

type Answer = (http::Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>);

impl WasiHttpHooks for Refuse {
    fn send_request(
        &mut self,
        _request: http::Request<WasiBody>,
        _options: Option<RequestOptions>,
        _sent: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Result<Answer, Error>> + Send> {
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
    // Not the library's form, which would start a task to find out that nothing is sent.
    linker
        .instance(OUTGOING_HANDLER)?
        .func_wrap("handle", |mut store, (request, options)| Ok((handle(store.data_mut(), request, options)?,)))
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

fn handle(
    state: &mut CallState,
    request: Resource<OutgoingRequest>,
    _options: Option<Resource<RequestOptions>>,
) -> wasmtime::Result<Result<Resource<HostFutureIncomingResponse>, ErrorCode>> {
    state.count()?;
    state.table.delete(request)?;
    Ok(Err(ErrorCode::HttpRequestDenied))
}
