//! Hands the linker of a release build what `make release` says of the order of functions (`layout/`).
//!
//! What it says is in a file of arguments whose path never changes. So nothing is compiled again when it says something else: it is read
//! when the program is next linked. It is empty where nobody has said anything, and the functions lie as the compiler left them.

#![expect(
    clippy::disallowed_methods,
    reason = "a build script is told by its environment and answers on standard output"
)]

use std::fs::OpenOptions;
use std::io::{Error, Result};
use std::path::Path;

/// The file of arguments, beside the program.
const ARGUMENTS: &str = "layout.args";

fn main() -> Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    // Tests need no order, and their program is linked often.
    if variable("PROFILE")? != "release" || variable("CARGO_CFG_TARGET_OS")? != "linux" {
        return Ok(());
    }
    // `<directory of the program>/build/toolhold-<hash>/out`
    let own = variable("OUT_DIR")?;
    let directory = Path::new(&own).ancestors().nth(3).ok_or_else(|| Error::other("`OUT_DIR` is not below `build`"))?;
    let arguments = directory.join(ARGUMENTS);
    OpenOptions::new().append(true).create(true).open(&arguments)?;
    let path = arguments.display().to_string();
    // A comma would end the argument.
    if !path.contains(',') {
        println!("cargo::rustc-link-arg-bin=toolhold=-Wl,@{path}");
    }
    Ok(())
}

fn variable(name: &str) -> Result<String> {
    std::env::var(name).map_err(|error| Error::other(format!("`{name}`: {error}")))
}
