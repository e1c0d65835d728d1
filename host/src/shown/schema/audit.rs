//! The audit.

use utoipa::ToSchema;

/// The audit holds.
#[derive(ToSchema)]
pub(crate) struct Verified {
    /// How many entries there are.
    entries: u64,
    /// The end of the audit, to be noted elsewhere: `12:sha256:…`.
    head: String,
    /// The last entry that was removed from its beginning because it was old; null where none was.
    begins_after: Option<String>,
}
