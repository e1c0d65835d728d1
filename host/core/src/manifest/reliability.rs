//! What a manifest says about tools that fail: retries, breakers, rates, fallbacks.

use serde_json::Value;

use crate::breaker::BreakerSettings;
use crate::id::ToolName;
use crate::rate::Rate;
use crate::retry::RetrySettings;

use super::Located;

/// What is done about failures of one tool. Each level of a manifest (all, component, tool) changes what the one above says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reliability {
    /// How it is tried again.
    pub retry: RetrySettings,
    /// When it is left alone.
    pub breaker: BreakerSettings,
    /// How often it may be called.
    pub rate: Option<Rate>,
    /// What stands in for it.
    pub fallback: Option<Located<Fallback>>,
}

/// What stands in for a tool whose dependencies fail.
#[derive(Debug, Clone, PartialEq)]
pub enum Fallback {
    /// Another tool, with the same arguments.
    Tool(ToolName),
    /// A fixed value.
    Value(Value),
}
