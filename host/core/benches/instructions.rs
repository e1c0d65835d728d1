//! `make guard`: how many instructions the deciding part of a call takes, against how many it took when that was last written down.
//!
//! Instructions are counted by valgrind, so that a busy machine counts the same as an idle one. Each step is counted for few and for
//! many rounds; the difference is the steps alone. More than the tolerance above what `instructions.toml` says fails;
//! `TOOLHOLD_BLESS=1` writes down what is true now. The counts are those of the profile for work (`dev`) and of no other.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a benchmark that cannot begin says why"
)]

mod common;

use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use common::{arguments, policy, tool};
use toolhold_core::call::{Mode, canonical};
use toolhold_core::chain::Head;
use toolhold_core::id::Digest;
use toolhold_core::policy::{Facts, RunScope};
use toolhold_core::redact::Redactor;

/// How much more a step may take, in percent. Hash tables are seeded by chance, compilers differ in little.
const TOLERANCE: u64 = 10;

/// Rounds of the short count, and how many more the long one has.
const ROUNDS: (u64, u64) = (10, 100);

/// Objects in 4 KiB of JSON.
const ROWS: usize = 56;

/// A name, and so many rounds of a step.
type Step = (&'static str, fn(u64));

/// What is counted, as it is named in the file.
const STEPS: [Step; 7] = [
    ("validate-empty", |rounds| {
        let tool = tool();
        repeat(rounds, || tool.validate(black_box("{}")).unwrap());
    }),
    ("validate-4-kib", |rounds| {
        let (tool, text) = (tool(), arguments(ROWS));
        repeat(rounds, || tool.validate(black_box(&text)).unwrap());
    }),
    ("decide-10-rules", |rounds| decide(rounds, 10)),
    ("decide-1000-rules", |rounds| decide(rounds, 1_000)),
    ("check-result-4-kib", |rounds| {
        let (tool, text) = (tool(), arguments(ROWS));
        repeat(rounds, || tool.check_output(black_box(&text)).unwrap());
    }),
    ("canonical-digest-4-kib", |rounds| {
        let value = serde_json::from_str(&arguments(ROWS)).unwrap();
        repeat(rounds, || Digest::of(canonical(black_box(&value)).as_bytes()));
    }),
    ("audit-and-redact-4-kib", |rounds| {
        let (redactor, text) =
            (Redactor::new([("one", "correct-horse-battery"), ("two", "staple-staple")]), arguments(ROWS));
        repeat(rounds, || Head::default().after(&redactor.redact(black_box(&text))));
    }),
];

fn decide(rounds: u64, rules: usize) {
    let tool = tool();
    let (policy, call, scope) = (policy(rules, &tool), tool.validate("{}").unwrap(), RunScope::default());
    repeat(rounds, || policy.decide(call.clone(), &tool, &Facts::new(Mode::Live, &scope)));
}

fn repeat<T>(rounds: u64, mut step: impl FnMut() -> T) {
    (0..rounds).for_each(|_| drop(black_box(step())));
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, name, rounds] = words.as_slice()
        && flag == "--work"
    {
        let (_, step) = STEPS.iter().find(|(step, _)| step == name).expect("a step of this name");
        step(rounds.parse().expect("a number of rounds"));
        return ExitCode::SUCCESS;
    }
    compare()
}

fn compare() -> ExitCode {
    if !is_comparable() {
        println!(
            "SKIPPED: instructions are compared on x86-64 with AVX2 only; libraries search and copy in other ways elsewhere"
        );
        return ExitCode::SUCCESS;
    }
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("benches/instructions.toml");
    let now: BTreeMap<&str, u64> = STEPS.iter().map(|(name, _)| (*name, per_round(name))).collect();
    if std::env::var_os("TOOLHOLD_BLESS").is_some() {
        let lines: String = now.iter().map(|(name, count)| format!("{name} = {count}\n")).collect();
        let head = "# Instructions of one round of each step, in the profile `dev`: `TOOLHOLD_BLESS=1 make guard`.\n";
        std::fs::write(&file, format!("{head}{lines}")).expect("the file can be written");
        return ExitCode::SUCCESS;
    }
    let text = std::fs::read_to_string(&file).expect("`benches/instructions.toml` can be read");
    let before: BTreeMap<String, u64> =
        toml::from_str(&text).expect("`benches/instructions.toml` has one number for each step");
    let mut is_worse = false;
    for (name, count) in &now {
        let Some(was) = before.get(*name) else {
            println!("{name:24} {count:>10} instructions, and nothing to compare with: `TOOLHOLD_BLESS=1 make guard`");
            is_worse = true;
            continue;
        };
        let percent = (*count * 100).div_ceil(*was);
        let verdict = match percent {
            _ if percent > 100 + TOLERANCE => "TOO MANY",
            _ if percent < 100 - TOLERANCE => "fewer: write it down with `TOOLHOLD_BLESS=1 make guard`",
            _ => "as before",
        };
        is_worse |= percent > 100 + TOLERANCE;
        println!("{name:24} {count:>10} instructions, {was:>10} before: {percent:>3} % {verdict}");
    }
    if is_worse {
        println!(
            "a step takes over {TOLERANCE} % more instructions: make it as cheap as it was, or write down why not and bless it"
        );
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// Whether valgrind shows this program the processor with which the file was written: one and the same wherever there is AVX2.
fn is_comparable() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::is_x86_feature_detected!("avx2");
    #[cfg(not(target_arch = "x86_64"))]
    false
}

fn per_round(name: &str) -> u64 {
    let (few, more) = ROUNDS;
    counted(name, few + more).saturating_sub(counted(name, few)) / more
}

/// All instructions of a process that makes so many rounds.
fn counted(name: &str, rounds: u64) -> u64 {
    let itself = std::env::current_exe().expect("this program has a path");
    let output = Command::new("valgrind")
        .args(["--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"])
        .arg(itself)
        .args(["--work", name, &rounds.to_string()])
        .output()
        .expect("valgrind is there: `apt-get install valgrind`");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    let line = told.lines().find_map(|line| line.split_once("refs:")).map(|(_, number)| number.trim().replace(',', ""));
    line.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("valgrind says no number: {told}"))
}
