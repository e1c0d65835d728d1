//! `code`: JavaScript that a model wrote, on what it was given and on granted files.
//!
//! The engine is a guest in the sandbox like any other code: what the script reaches is what the call reaches, a script that never
//! ends is ended by fuel, and nothing survives the call. So nothing here contains the script; it only gives it hands ([`globals`])
//! and brings back what it made ([`outputs`]).

mod globals;
mod javascript;
mod outputs;

toolhold_sdk::component!(javascript::javascript, javascript::javascript_writing);

#[cfg(test)]
mod tests;
