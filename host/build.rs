//! Hands the linker of a release build what `make release` says of the order of functions (`layout/`); any other build links as always.
//!
//! What it says is in a file of arguments whose path never changes. So nothing is compiled again when it says something else: it is read
//! when the program is next linked.

#![expect(
    clippy::disallowed_methods,
    reason = "a build script is told by its environment and answers on standard output"
)]

/// The file of arguments for the linker.
const ARGUMENTS: &str = "TOOLHOLD_LINKER_ARGUMENTS";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed={ARGUMENTS}");
    // A comma would end the argument.
    if let Ok(path) = std::env::var(ARGUMENTS)
        && !path.contains(',')
    {
        println!("cargo::rustc-link-arg-bin=toolhold=-Wl,@{path}");
    }
}
