//! What a call was refused and what it touched: the words are core's, since reports and the audit use them too.

pub use toolhold_core::effect::{Notes, Operation, Refusal, Touch, Touched, Why};
