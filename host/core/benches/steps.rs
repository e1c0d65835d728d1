//! `cargo bench -p toolhold-core`: what each step of a call costs that decides and touches nothing.
//!
//! The whole call, against bare wasmtime, is `make bench`.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a benchmark that cannot begin says why")]

mod common;

use std::hint::black_box;

use common::{arguments, policy, resolved, tool};
use divan::{AllocProfiler, Bencher};
use toolhold_core::call::{Mode, canonical};
use toolhold_core::id::Digest;
use toolhold_core::policy::{Facts, Policy, RunScope};
use toolhold_core::schema::parse;
use toolhold_core::tool::Tool;

#[global_allocator]
static ALLOCATIONS: AllocProfiler = AllocProfiler::system();

/// About 4 KiB of JSON in so many objects: one is a text, 56 are rows.
const ROWS: [usize; 2] = [1, 56];

fn main() {
    divan::main();
}

#[divan::bench(args = ROWS)]
fn parse_strictly(bencher: Bencher<'_, '_>, rows: usize) {
    let text = arguments(rows);
    bencher.bench(|| parse(black_box(&text), "the arguments").unwrap());
}

#[divan::bench(args = ROWS)]
fn validate(bencher: Bencher<'_, '_>, rows: usize) {
    let (tool, text) = (tool(), arguments(rows));
    bencher.bench(|| tool.validate(black_box(&text)).unwrap());
}

#[divan::bench(args = ROWS)]
fn check_schema(bencher: Bencher<'_, '_>, rows: usize) {
    let (tool, value) = (tool(), parse(&arguments(rows), "it").unwrap());
    bencher.bench(|| tool.input().validate(black_box(&value)));
}

#[divan::bench(args = ROWS)]
fn canonical_text(bencher: Bencher<'_, '_>, rows: usize) {
    let value = parse(&arguments(rows), "it").unwrap();
    bencher.bench(|| canonical(black_box(&value)));
}

#[divan::bench(args = ROWS)]
fn digest(bencher: Bencher<'_, '_>, rows: usize) {
    let text = arguments(rows);
    bencher.bench(|| Digest::of(black_box(text.as_bytes())));
}

#[divan::bench(args = ROWS)]
fn free(bencher: Bencher<'_, '_>, rows: usize) {
    let value = parse(&arguments(rows), "it").unwrap();
    bencher.with_inputs(|| value.clone()).bench_values(drop);
}

/// So many rules about one tool, each with a condition that holds for other paths; the last one allows.
fn conditional(rules: usize, condition: fn(usize) -> String, tool: &Tool) -> Policy {
    let rule = |(number, when): (usize, String)| {
        format!(
            "[[rules]]\nname = \"r{number}\"\ndecision = \"deny\"\ntools = [\"probes.*\"]\nwhen = {{ required = [\"path\"], {when} }}\n"
        )
    };
    resolved(&(1..rules).map(|number| rule((number, condition(number)))).collect::<String>(), tool)
}

const CONDITIONAL: [usize; 3] = [10, 100, 1_000];

fn decide_conditional(bencher: Bencher<'_, '_>, rules: usize, condition: fn(usize) -> String) {
    let tool = tool();
    let policy = conditional(rules, condition, &tool);
    let (call, scope) = (tool.validate(r#"{"path":"/work/small"}"#).unwrap(), RunScope::default());
    bencher
        .with_inputs(|| call.clone())
        .bench_values(|call| policy.decide(call, &tool, &Facts::new(Mode::Live, &scope)));
}

/// Found by what the argument is.
#[divan::bench(args = CONDITIONAL)]
fn decide_equal(bencher: Bencher<'_, '_>, rules: usize) {
    decide_conditional(bencher, rules, |number| format!("properties.path.const = \"/work/other{number}\""));
}

/// Found by what the argument begins with.
#[divan::bench(args = CONDITIONAL)]
fn decide_beginning(bencher: Bencher<'_, '_>, rules: usize) {
    decide_conditional(bencher, rules, |number| format!("properties.path.pattern = \"^/work/other{number}/\""));
}

/// Weighed one after the other.
#[divan::bench(args = CONDITIONAL)]
fn decide_one_by_one(bencher: Bencher<'_, '_>, rules: usize) {
    decide_conditional(bencher, rules, |number| format!("properties.path.pattern = \"/other{number}$\""));
}

#[divan::bench(args = [1, 10, 100, 1_000, 10_000])]
fn decide(bencher: Bencher<'_, '_>, rules: usize) {
    let tool = tool();
    let (policy, call, scope) = (policy(rules, &tool), tool.validate("{}").unwrap(), RunScope::default());
    bencher
        .with_inputs(|| call.clone())
        .bench_values(|call| policy.decide(call, &tool, &Facts::new(Mode::Live, &scope)));
}
