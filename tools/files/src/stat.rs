//! `stat`: what a path is, without its contents.

use std::fs;

use toolhold_sdk::prelude::*;

use crate::list::Kind;
use crate::{path, rfc3339};

/// Facts about a path.
#[output]
pub(crate) struct Stat {
    /// What it is; a link is not followed.
    kind: Kind,
    /// Size in bytes.
    bytes: u64,
    /// Last change of the contents, RFC 3339 in UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    modified: Option<String>,
    /// Last reading.
    #[serde(skip_serializing_if = "Option::is_none")]
    accessed: Option<String>,
    /// Creation.
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<String>,
    /// Where a link points.
    #[serde(skip_serializing_if = "Option::is_none")]
    link_target: Option<String>,
}

/// Tells type, size and times of a file or directory.
#[tool(
    title = "Describe a path",
    hints(read_only, idempotent),
    needs(read("/**", "looks at the path it is asked for"))
)]
pub(crate) fn stat(
    /// Absolute path.
    path: String,
) -> Result<Stat> {
    let path = path::check(&path)?;
    let metadata = fs::symlink_metadata(path).map_err(|error| path::explain(path, error))?;
    let text = |time: std::io::Result<std::time::SystemTime>| time.ok().and_then(rfc3339::format);
    Ok(Stat {
        kind: Kind::from(metadata.file_type()),
        bytes: metadata.len(),
        modified: text(metadata.modified()),
        accessed: text(metadata.accessed()),
        created: text(metadata.created()),
        link_target: fs::read_link(path).ok().map(|target| target.display().to_string()),
    })
}
