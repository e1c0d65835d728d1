//! The host: wires what decides (`toolhold_core`) to what runs untrusted code (`toolhold_sandbox`) and to the world.

pub mod agent;
pub mod journal;
