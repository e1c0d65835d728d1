//! `directories`: where everything else may look. The first call of a model that knows no path yet.

use toolhold_sdk::prelude::*;

/// The granted directories.
#[output]
pub(crate) struct Directories {
    /// Absolute paths; nothing outside of them can be reached.
    directories: Vec<String>,
}

/// Lists the directories that were granted: every path of the other tools lies below one of them.
#[tool(
    title = "List granted directories",
    hints(read_only, idempotent),
    needs(read("/**", "names the directories it was granted"))
)]
pub(crate) fn directories() -> Directories {
    Directories { directories: toolhold_sdk::directories() }
}
