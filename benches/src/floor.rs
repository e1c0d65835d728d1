//! The floor: the same component on bare wasmtime, with the best configuration we know and nothing of the product.
//!
//! Pooling allocator, copy-on-write images, `InstancePre`, typed call by bindings, wasmtime-wasi with blocking file calls
//! on the calling thread. No fuel, no epochs, no limiter (unless it is asked what they cost), no validation, no journal. A new store per
//! call, as the product.

use std::path::Path;

use wasmtime::component::{Component, HasSelf, InstancePre, Linker, ResourceTable};
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Result, Store, StoreLimits,
    StoreLimitsBuilder, format_err,
};
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxView, WasiView};

mod bindings {
    wasmtime::component::bindgen!({ path: "../wit", world: "described-tool" });
}
use bindings::DescribedToolPre;

/// Bounds that wasmtime itself sets. None of them is ever reached.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Bounds {
    pub(crate) epochs: bool,
    pub(crate) fuel: bool,
    pub(crate) limiter: bool,
}

/// What a call of the floor holds.
struct State {
    wasi: WasiCtx,
    table: ResourceTable,
    limits: StoreLimits,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
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

/// wasmtime has an error type of its own.
pub(crate) fn failed(error: wasmtime::Error) -> anyhow::Error {
    anyhow::anyhow!("{error:#}")
}

/// One component, ready to be instantiated.
pub(crate) struct Floor {
    engine: Engine,
    pre: DescribedToolPre<State>,
    bounds: Bounds,
}

/// Compiles `component`, for [`Floor::from_artifact`].
pub(crate) fn artifact(component: &[u8]) -> Result<Vec<u8>> {
    Engine::new(&configuration())?.precompile_component(component)
}

impl Floor {
    /// Compiles `component`.
    pub(crate) fn new(component: &[u8]) -> Result<Self> {
        Self::bounded(component, Bounds::default())
    }

    /// Compiles `component` for calls with bounds.
    pub(crate) fn bounded(component: &[u8], bounds: Bounds) -> Result<Self> {
        let engine = Engine::new(configuration().epoch_interruption(bounds.epochs).consume_fuel(bounds.fuel))?;
        let component = Component::new(&engine, component)?;
        Self::of(engine, &component, bounds)
    }

    /// Takes what [`artifact`] made, out of a file.
    pub(crate) fn from_artifact(path: &Path) -> Result<Self> {
        let engine = Engine::new(&configuration())?;
        #[expect(unsafe_code, reason = "the file was written by this program's own run, in a folder of its own")]
        // SAFETY: the bytes are those that `precompile_component` has returned: whoever starts this process wrote them just before.
        let component = unsafe { Component::deserialize_file(&engine, path) }?;
        Self::of(engine, &component, Bounds::default())
    }

    fn of(engine: Engine, component: &Component, bounds: Bounds) -> Result<Self> {
        let mut linker: Linker<State> = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_sync(&mut linker)?;
        bindings::toolhold::tool::context::add_to_linker::<_, HasSelf<_>>(&mut linker, |state| state)?;
        let pre: InstancePre<State> = linker.instantiate_pre(component)?;
        Ok(Self { engine, pre: DescribedToolPre::new(pre)?, bounds })
    }

    /// One call in a fresh store, with `directory` at `/work` if there is one.
    pub(crate) fn call(&self, tool: &str, arguments: &str, directory: Option<&Path>) -> Result<String> {
        let mut wasi = WasiCtx::builder();
        wasi.allow_blocking_current_thread(true);
        if let Some(directory) = directory {
            wasi.preopened_dir(directory, "/work", FsPerms::ReadWrite)?;
        }
        let limits = StoreLimitsBuilder::new().memory_size(256 << 20).build();
        let mut store = Store::new(&self.engine, State { wasi: wasi.build(), table: ResourceTable::new(), limits });
        if self.bounds.epochs {
            store.set_epoch_deadline(1 << 40);
        }
        if self.bounds.fuel {
            store.set_fuel(1 << 60)?;
        }
        if self.bounds.limiter {
            store.limiter(|state| &mut state.limits);
        }
        let instance = self.pre.instantiate(&mut store)?;
        let result = instance.toolhold_tool_described().call_invoke(&mut store, tool, arguments)?;
        result.map_err(|error| format_err!("{error:?}"))
    }
}

fn configuration() -> Config {
    configuration_for(16)
}

/// For as many calls at once.
pub(crate) fn configuration_for(most: u32) -> Config {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(most)
        .total_core_instances(4 * most)
        .total_memories(most)
        .total_tables(2 * most)
        .total_stacks(most)
        .linear_memory_keep_resident(2 << 20)
        .table_keep_resident(64 << 10)
        .pagemap_scan(Enabled::Auto);
    let mut config = Config::new();
    config
        .memory_init_cow(true)
        .concurrency_support(false)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    config
}
