//! What a tool usually needs: `use toolhold_sdk::prelude::*;`. Names only, nothing is defined here.

pub use crate::{
    Content, Error, ErrorContext as _, Result, args, cancelled, check_cancelled, emit, output, progress, tool,
};
pub use crate::{debug, error, info, log, warn};
pub use serde_json::{Value, json};
