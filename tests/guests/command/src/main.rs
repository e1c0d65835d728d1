//! A program that knows nothing of Toolhold: its first argument says what it does with the others.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program speaks by its standard streams")]

use std::io::{Read as _, Write as _};
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let rest: Vec<&str> = arguments.iter().skip(2).map(String::as_str).collect();
    match (arguments.get(1).map(String::as_str), rest.as_slice()) {
        (Some("show"), _) => show(&arguments),
        (Some("cat"), [path]) => copy(path),
        (Some("save"), [path]) => save(path),
        (Some("exit"), [status]) => {
            eprintln!("leaving with {status}");
            // Like Go's programs, which never return from `run`.
            std::process::exit(status.parse().unwrap_or(99));
        }
        (Some("flood"), _) => loop {
            println!("{}", "x".repeat(4_000));
        },
        (Some("bytes"), _) => {
            drop(std::io::stdout().write_all(&[0xff, 0xfe, 0]));
            ExitCode::SUCCESS
        }
        (Some("panic"), _) => {
            #[expect(clippy::panic, reason = "that is what it is for")]
            {
                panic!("as it was asked to")
            }
        }
        _ => {
            eprintln!("usage: show | cat FILE | save FILE | exit STATUS | flood | bytes | panic");
            ExitCode::from(2)
        }
    }
}

/// Its arguments, one variable, and what it was given on standard input; each in a line.
fn show(arguments: &[String]) -> ExitCode {
    let mut input = String::new();
    drop(std::io::stdin().read_to_string(&mut input));
    println!("{arguments:?}");
    println!("{:?} {:?}", std::env::var("MOOD").ok(), std::env::var("GRANTED").ok());
    println!("{input:?}");
    ExitCode::SUCCESS
}

fn copy(path: &str) -> ExitCode {
    match std::fs::read_to_string(path) {
        Ok(text) => print!("{text}"),
        Err(error) => {
            eprintln!("{path}: {error}");
            return ExitCode::from(3);
        }
    }
    ExitCode::SUCCESS
}

/// What it was given on standard input, in a file.
fn save(path: &str) -> ExitCode {
    let mut input = Vec::new();
    let saved = std::io::stdin().read_to_end(&mut input).and_then(|_| std::fs::write(path, &input));
    match saved {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{path}: {error}");
            ExitCode::FAILURE
        }
    }
}
