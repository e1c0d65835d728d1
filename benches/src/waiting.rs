//! The floor for calls that wait: bare wasmtime on fibers, with WASI and `wasi:http` as they come, and nothing of the product.

use wasmtime::component::{Component, HasSelf, Linker, ResourceTable};
use wasmtime::{Engine, Result, Store, format_err};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks, WasiHttpView};

use crate::floor::configuration_for;

/// What a call holds.
struct State {
    wasi: WasiCtx,
    http: WasiHttpCtx,
    hooks: NobodySends,
    table: ResourceTable,
}

impl State {
    fn new() -> Self {
        let wasi = WasiCtx::builder().build();
        Self { wasi, http: WasiHttpCtx::new(), hooks: NobodySends, table: ResourceTable::new() }
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { ctx: &mut self.http, hooks: &mut self.hooks, table: &mut self.table }
    }
}

/// No request is sent: this build of wasmtime has nothing that could.
struct NobodySends;

type Sent = (http::Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>);

impl WasiHttpHooks for NobodySends {
    fn send_request(
        &mut self,
        _request: http::Request<WasiBody>,
        _options: Option<RequestOptions>,
        _sent: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Result<Sent, Error>> + Send> {
        Box::new(async { Err(Error::HttpRequestDenied) })
    }
}

mod bindings {
    wasmtime::component::bindgen!({ path: "../wit", world: "described-tool", exports: { default: async } });
}

impl bindings::toolhold::tool::types::Host for State {}

impl bindings::toolhold::tool::context::Host for State {
    fn log(&mut self, _level: bindings::toolhold::tool::context::Level, _message: String) {}
    fn progress(&mut self, _done: f64, _total: Option<f64>, _message: String) {}
    fn emit(&mut self, _chunk: String) {}
    fn cancelled(&mut self) -> bool {
        false
    }
}

/// A component whose calls wait, on fibers of one engine.
#[derive(Clone)]
pub(crate) struct Waiting {
    engine: Engine,
    pre: bindings::DescribedToolPre<State>,
}

impl Waiting {
    /// Compiles `component`, for as many calls at once.
    pub(crate) fn new(component: &[u8], most: u32) -> Result<Self> {
        let engine = Engine::new(&configuration_for(most))?;
        let component = Component::new(&engine, component)?;
        let mut linker: Linker<State> = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
        bindings::toolhold::tool::context::add_to_linker::<_, HasSelf<_>>(&mut linker, |state| state)?;
        wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
        Ok(Self { pre: bindings::DescribedToolPre::new(linker.instantiate_pre(&component)?)?, engine })
    }

    /// A call that sleeps for ever.
    pub(crate) async fn call(&self) -> Result<()> {
        let mut store = Store::new(&self.engine, State::new());
        let instance = self.pre.instantiate_async(&mut store).await?;
        let result = instance.toolhold_tool_described().call_invoke(&mut store, "sleep_forever", "{}").await?;
        result.map(drop).map_err(|error| format_err!("{error:?}"))
    }
}
