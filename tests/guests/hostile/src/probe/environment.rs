//! `environment`: everything that a program can learn about where it runs. What is not granted must be absent.

use std::io::Read;

use toolhold_sdk::prelude::*;

/// What was seen.
#[output]
pub(crate) struct Seen {
    /// Command line.
    arguments: Vec<String>,
    /// Environment variables as `name=value`.
    variables: Vec<String>,
    /// Current directory.
    directory: Option<String>,
    /// Bytes that came from standard input until its end.
    input: usize,
    /// Paths of the directories that the host opened.
    granted: Vec<String>,
    /// Whether any of the three standard streams is a terminal.
    terminal: bool,
    /// Seconds since 1970.
    seconds: u64,
    /// Nanoseconds of the monotonic clock.
    monotonic: u64,
    /// A random number as text.
    random: String,
    /// Another, from the insecure generator.
    insecure: String,
}

/// Looks around.
#[tool(hints(read_only), needs(read("/**", "test")))]
pub(crate) fn environment() -> Result<Seen> {
    let mut input = Vec::new();
    std::io::stdin().read_to_end(&mut input)?;
    let terminal = wasip2::cli::terminal_stdin::get_terminal_stdin().is_some()
        || wasip2::cli::terminal_stdout::get_terminal_stdout().is_some()
        || wasip2::cli::terminal_stderr::get_terminal_stderr().is_some();
    Ok(Seen {
        arguments: std::env::args().collect(),
        variables: std::env::vars().map(|(name, value)| format!("{name}={value}")).collect(),
        directory: wasip2::cli::environment::initial_cwd(),
        input: input.len(),
        granted: wasip2::filesystem::preopens::get_directories().into_iter().map(|(_, path)| path).collect(),
        terminal,
        seconds: wasip2::clocks::wall_clock::now().seconds,
        monotonic: wasip2::clocks::monotonic_clock::now(),
        random: wasip2::random::random::get_random_u64().to_string(),
        insecure: wasip2::random::insecure::get_insecure_random_u64().to_string(),
    })
}
