//! The guests that compilers make, built when a test first asks for one.
//!
//! Guests are a workspace of their own with a target directory of their own. Whoever has just built them says so with
//! `TOOLHOLD_GUESTS_PREBUILT`, because every test may be a process of its own and even a build without work takes time.
//! Guests and samples in other languages need compilers that not every machine has, so no test builds them: `make guests-extra` does.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context as _, Result, anyhow, ensure};

/// Says that the guests are up to date.
const PREBUILT: &str = "TOOLHOLD_GUESTS_PREBUILT";

/// Where `tests/build-other-guests.sh` puts what it builds, from this crate.
const OTHER: &str = "../target/other-guests";

/// What a build for the host sets and a build for the guests must not inherit.
const NOT_INHERITED: [&str; 8] = [
    "CARGO_BUILD_TARGET",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_INCREMENTAL",
    "CARGO_TARGET_DIR",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTC_WRAPPER",
    "RUSTDOCFLAGS",
    "RUSTFLAGS",
];

/// The component of the guest crate `name`.
///
/// # Errors
///
/// If the guests do not build, or none has that name.
pub fn component(name: &str) -> Result<Vec<u8>> {
    let path = path(name)?;
    std::fs::read(&path).with_context(|| format!("cannot read `{}`", path.display()))
}

/// Where the component of the guest crate `name` is.
///
/// # Errors
///
/// If the guests do not build, or none has that name.
pub fn path(name: &str) -> Result<PathBuf> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let directory = BUILT.get_or_init(|| build().map_err(|error| format!("{error:#}"))).as_ref();
    let path = directory.map_err(|error| anyhow!("{error}"))?.join(format!("{name}.wasm"));
    ensure!(path.is_file(), "no guest crate makes `{}`", path.display());
    Ok(path)
}

/// The component of the guest in another language, or `None` where it is not built and need not be.
///
/// # Errors
///
/// If it is not there although this is CI, or cannot be read.
#[expect(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "CI must not skip what people may, and people must see what was skipped"
)]
pub fn other(language: &str) -> Result<Option<Vec<u8>>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(OTHER).join(format!("{language}.wasm"));
    if path.is_file() {
        return Ok(Some(std::fs::read(&path)?));
    }
    let missing = format!("the guest in `{language}` is not built: run `make guests-extra`");
    ensure!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{missing}");
    eprintln!("SKIPPED: {missing}");
    Ok(None)
}

#[expect(
    clippy::disallowed_methods,
    reason = "tests build their guests, and are told by the environment that they need not"
)]
fn build() -> Result<PathBuf> {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tools");
    let components = tools.join("target/wasm32-wasip2/release");
    if std::env::var_os(PREBUILT).is_some() {
        return Ok(components);
    }
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--release", "--locked", "--quiet", "--target", "wasm32-wasip2"]).current_dir(&tools);
    for name in NOT_INHERITED {
        cargo.env_remove(name);
    }
    let output = cargo.output().context("cannot start cargo")?;
    ensure!(output.status.success(), "the guests do not build:\n{}", String::from_utf8_lossy(&output.stderr));
    Ok(components)
}
