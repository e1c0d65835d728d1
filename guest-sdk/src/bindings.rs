//! Bindings of the WIT package `toolhold:tool`, generated. Everything an author needs of them is re-exported at the root.

wit_bindgen::generate!({
    path: "../wit",
    world: "described-tool",
    pub_export_macro: true,
    export_macro_name: "export",
    default_bindings_module: "toolhold_sdk::bindings",
    generate_unused_types: true,
});
