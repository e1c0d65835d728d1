//! Where things are: the probes that are called, and the programs that are started.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

/// Where `cargo build --manifest-path tools/Cargo.toml --release --target wasm32-wasip2` leaves guests.
const GUESTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tools/target/wasm32-wasip2/release");

/// The bytes of a guest.
pub(crate) fn guest(name: &str) -> Result<Vec<u8>> {
    let path = Path::new(GUESTS).join(name).with_extension("wasm");
    std::fs::read(&path).with_context(|| format!("`{}` is not there: run `make bench`", path.display()))
}

/// This program.
pub(crate) fn itself() -> Result<PathBuf> {
    std::env::current_exe().context("the path of this program is not known")
}

/// The product's program: it lies beside this one, built in the same go.
pub(crate) fn toolhold() -> Result<PathBuf> {
    let path = itself()?.with_file_name("toolhold");
    ensure!(path.is_file(), "`{}` is not there: run `make bench`", path.display());
    Ok(path)
}

/// A program that is about to be started.
#[expect(clippy::disallowed_methods, reason = "what is measured as a process is started as one")]
pub(crate) fn command(program: &Path) -> Command {
    Command::new(program)
}

/// The product's program for the project in `folder`.
pub(crate) fn toolhold_in(folder: &Path, cache: &Path) -> Result<Command> {
    let mut command = command(&toolhold()?);
    command.arg("--manifest").arg(folder.join("toolhold.toml")).arg("--cache").arg(cache);
    Ok(command)
}

/// A token of this name and role for the project in `folder`.
pub(crate) fn token(folder: &Path, cache: &Path, name: &str, role: &str) -> Result<String> {
    let token = printed(toolhold_in(folder, cache)?.args(["tokens", "create", name, "--role", role]))?;
    Ok(token.trim().to_owned())
}

/// What a program prints that must succeed.
pub(crate) fn printed(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("{command:?} does not start"))?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}
