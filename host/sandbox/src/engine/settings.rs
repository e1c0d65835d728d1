//! The settings of every engine.
//!
//! What a guest can do is narrowed to what tools need: no threads, no 64-bit memories, no garbage-collected types, no
//! component-model async. What makes a fresh instance per call cheap is the pool; ADR 2 has the numbers.

use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig, RegallocAlgorithm,
};

/// Stack of a guest. Recursion deeper than this is a trap, on either lane. On the calling thread it is a part of that
/// thread's own stack, so it must leave room in the 2 MiB that Rust gives a thread.
const MAX_WASM_STACK: usize = 512 << 10;

/// Stack of a fiber: the guest's, and what host functions need on top of it.
const FIBER_STACK: usize = MAX_WASM_STACK + (1 << 20);

/// What one component may have of each, and so what one call may have.
pub(crate) mod bounds {
    /// Core instances. C through the preview 1 adapter has 4, composed components a dozen.
    pub(crate) const INSTANCES: u32 = 64;
    /// Memories. Toolchains make one or two.
    pub(crate) const MEMORIES: u32 = 8;
    /// Tables.
    pub(crate) const TABLES: u32 = 32;
}

/// Elements of one table, whatever a call's limit says: the pool reserves address space for as many.
const TABLE_ELEMENTS: usize = 1 << 20;

/// Kept resident in a memory slot between calls, and reset by the cheaper of copying and page map scanning.
const MEMORY_KEEP_RESIDENT: usize = 2 << 20;

/// Kept resident in a table slot between calls.
const TABLE_KEEP_RESIDENT: usize = 64 << 10;

/// How many calls an engine's pool has room for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PoolSize {
    /// Calls at the same time.
    pub(crate) calls: u32,
    /// Memory slots. More than `calls` needs keep as many components warm: a slot that its last component gets again
    /// needs no mapping.
    pub(crate) memories: u32,
}

/// An engine with a pool of `size`.
pub(crate) fn new_engine(size: PoolSize) -> wasmtime::Result<Engine> {
    let mut config = Config::new();
    bound(&mut config);
    narrow(&mut config);
    compile(&mut config);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(size)));
    Engine::new(&config)
}

fn bound(config: &mut Config) {
    config
        .epoch_interruption(true)
        .consume_fuel(true)
        .max_wasm_stack(MAX_WASM_STACK)
        .async_stack_size(FIBER_STACK)
        .async_stack_zeroing(false)
        .memory_init_cow(true)
        .concurrency_support(false)
        .gc_support(false);
    // A trap is reported by its name. Frames would name what the guest chose to be named, and cost time to collect.
    config.wasm_backtrace_max_frames(None);
}

fn narrow(config: &mut Config) {
    config
        .wasm_component_model(true)
        // What wasmtime puts between the parts of a composed component imports the memory of each. A module of a guest still has
        // one of its own at most (`max_memories_per_module`), and all memories of a call count together.
        .wasm_multi_memory(true)
        .wasm_memory64(false)
        // The same everywhere, so that a recorded call replays on another machine.
        .relaxed_simd_deterministic(true);
}

fn compile(config: &mut Config) {
    config
        .cranelift_opt_level(OptLevel::Speed)
        .cranelift_regalloc_algorithm(RegallocAlgorithm::Backtracking)
        .generate_address_map(false)
        .parallel_compilation(true);
}

fn pool(size: PoolSize) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(size.calls)
        .total_core_instances(size.calls.saturating_mul(bounds::INSTANCES))
        .total_memories(size.memories)
        .total_tables(size.memories.saturating_mul(4).max(bounds::TABLES))
        .total_stacks(size.calls)
        .max_core_instances_per_component(bounds::INSTANCES)
        .max_memories_per_component(bounds::MEMORIES)
        .max_tables_per_component(bounds::TABLES)
        .max_memories_per_module(1)
        .max_tables_per_module(bounds::TABLES)
        .table_elements(TABLE_ELEMENTS)
        .linear_memory_keep_resident(MEMORY_KEEP_RESIDENT)
        .table_keep_resident(TABLE_KEEP_RESIDENT)
        .pagemap_scan(Enabled::Auto)
        .max_unused_warm_slots(size.memories);
    pool
}
