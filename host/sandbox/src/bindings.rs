//! Bindings of the tool world, made from `wit/`. Nothing is written by hand here.

wasmtime::component::bindgen!({
    path: "../../wit",
    world: "described-tool",
    imports: { default: trappable },
    require_store_data_send: true,
});
