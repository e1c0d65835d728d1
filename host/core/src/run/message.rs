//! The conversation with a model, free of any provider's wire format.
//!
//! Roles are given here, never taken from what a model sent: whatever comes from a model is an assistant's message, and
//! whatever comes from a tool is a tool's.

use serde::{Deserialize, Serialize};

/// One message of the conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "role", content = "content", rename_all = "kebab-case")]
pub enum Message {
    /// The rules, from the host.
    System(String),
    /// The task, or a note of the host between turns.
    User(String),
    /// What the model said.
    Assistant {
        /// Its text; may be empty.
        text: String,
        /// What it asked for, each with an id of its own.
        calls: Vec<RequestedCall>,
    },
    /// What came of one call.
    Tool {
        /// The id of the [`RequestedCall`] it answers.
        id: String,
        /// JSON text: a result or an error.
        content: String,
    },
}

/// A call as the model spelled it. Nothing of it has been looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestedCall {
    /// The model's name for the call. May be empty or used before.
    pub id: String,
    /// The tool, as the model spelled it.
    pub name: String,
    /// The text of the arguments.
    pub arguments: String,
}
