//! The traits of `wasi:filesystem` 0.2, generated from WASI's own WIT.
//!
//! `wasi:io` and `wasi:clocks` are the implementation's of `wasmtime-wasi`, so that a stream made here is one that its
//! `read` and `write` understand. Every function is synchronous: a file operation on the calling thread is several times
//! faster than one on another thread, and the same linking then serves synchronous and asynchronous stores.

#![expect(missing_docs, reason = "generated; the WIT files document every item")]

wasmtime::component::bindgen!({
    path: ["../../wit/deps/io.wit", "../../wit/deps/clocks.wit", "../../wit/deps/filesystem.wit"],
    world: "wasi:filesystem/imports",
    imports: { default: trappable },
    require_store_data_send: true,
    trappable_error_type: { "wasi:filesystem/types.error-code" => super::error::FsError },
    with: {
        "wasi:io": wasmtime_wasi_io::bindings::wasi::io,
        "wasi:clocks": wasmtime_wasi::p2::bindings::clocks,
        "wasi:filesystem/types.descriptor": super::descriptor::Descriptor,
        "wasi:filesystem/types.directory-entry-stream": super::listing::Listing,
    },
});

pub use wasi::filesystem::types;
