//! Bindings of the tool world, made from `wit/`. Nothing is written by hand here.

#![expect(missing_docs, unreachable_pub, clippy::all, reason = "generated")]

wasmtime::component::bindgen!({
    path: "../../wit",
    world: "described-tool",
    imports: { default: trappable },
    require_store_data_send: true,
});
