//! What may run untrusted code. The only crate that names wasmtime.
//!
//! It knows no policy, database or network front: it is handed an
//! [`AuthorizedCall`](toolhold_core::call::AuthorizedCall) and gives back what came of it and what it used.

pub mod capability;
pub mod meter;
