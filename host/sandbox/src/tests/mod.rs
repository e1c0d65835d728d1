//! Tests of the sandbox as a whole, with guests that no compiler would make: core instructions, written as text.
//!
//! Each guest tries one thing. What real compilers make is tested in the suite, which has a toolchain.

mod cache;
mod calls;
mod failures;
mod guests;
mod host_calls;
mod learned;
mod limits;
mod loading;
mod preview1;
mod stopping;
mod support;
mod typed;
