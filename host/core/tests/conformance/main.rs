//! Validation against bodies of test data that others wrote: the JSON Schema test suite and the tool calls of BFCL.
//!
//! The data is not part of the repository: it is read from `TOOLHOLD_TEST_DATA`, by default `../shared/data` beside the
//! workspace. Without it these tests say loudly that they did nothing; where `CI` is set they fail instead.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test fails by panicking; one that did nothing says so"
)]

mod bfcl;
mod data;
mod suite;
