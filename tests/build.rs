//! Lists the hostile guests and the limits, so that one without a test does not compile.
//!
//! What it writes are macros that call another macro with each name: the tests use them to name a function per guest and
//! per limit, and a function that does not exist is a compile error. It must not build guests: that is done when a test
//! first asks for one, as the tests of a sibling change need not wait for it.

#![expect(
    clippy::disallowed_methods,
    reason = "a build script is told by its environment and answers on standard output"
)]

use std::fmt::Write as _;
use std::io::{Error, ErrorKind, Result};
use std::path::{Path, PathBuf};

/// Where the table of limits is, from this crate.
const LIMITS: &str = "../host/core/src/limit.rs";

/// Lists of guests: the macro's suffix, the directory, the extension.
const GUESTS: [(&str, &str, &str); 3] = [
    ("hostile", "guests/hostile/src/probe", "rs"),
    ("waiting", "guests/waiting/src/probe", "rs"),
    ("wat", "guests/wat", "wat"),
];

fn main() -> Result<()> {
    let here = PathBuf::from(variable("CARGO_MANIFEST_DIR")?);
    let mut code = String::new();
    for (name, directory, extension) in GUESTS {
        println!("cargo::rerun-if-changed={directory}");
        list(&mut code, name, "guest", &stems(&here.join(directory), extension)?);
    }
    println!("cargo::rerun-if-changed={LIMITS}");
    let keys = limit_keys(&std::fs::read_to_string(here.join(LIMITS))?);
    list(&mut code, "limit", "limit", &keys);
    std::fs::write(Path::new(&variable("OUT_DIR")?).join("lists.rs"), code)
}

fn variable(name: &str) -> Result<String> {
    std::env::var(name).map_err(|error| Error::new(ErrorKind::NotFound, format!("{name}: {error}")))
}

/// Names of the files in `directory` without their extension.
fn stems(directory: &Path, extension: &str) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        if let Some(stem) =
            stem.filter(|stem| *stem != "mod" && path.extension().is_some_and(|found| found == extension))
        {
            names.push(stem.to_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// The manifest keys in the table of limits. A test compares them with the table itself.
fn limit_keys(source: &str) -> Vec<String> {
    let rows = source.split("row(Limit::").skip(1);
    rows.filter_map(|row| row.split('"').nth(1)).map(str::to_owned).collect()
}

/// A macro and a constant for one list.
fn list(code: &mut String, list: &str, what: &str, names: &[String]) {
    let calls: String = names.iter().fold(String::new(), |mut calls, name| {
        let _infallible = write!(calls, " $each!({});", identifier(list, name));
        calls
    });
    let upper = list.to_uppercase();
    let _infallible = write!(
        code,
        "/// Calls a macro with the name of the test of each {what} in the list `{list}`.\n\
         #[macro_export]\nmacro_rules! foreach_{list} {{ ($each:ident) => {{{calls} }} }}\n\n\
         /// Each {what} in the list `{list}`.\npub const {upper}: &[&str] = &{names:?};\n\n",
    );
}

fn identifier(list: &str, name: &str) -> String {
    let name = name.replace('-', "_");
    if list == "limit" { format!("limit_{name}") } else { name }
}
