//! Where the data is, and what happens when it is not there.

use std::path::PathBuf;

/// The folder `name` of the test data, or `None` where this machine has none.
///
/// Panics where `CI` is set and there is none: there, a test that did nothing must not look like one that passed.
pub(crate) fn folder(name: &str) -> Option<PathBuf> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data");
    let root = std::env::var_os("TOOLHOLD_TEST_DATA").map_or_else(|| PathBuf::from(default), PathBuf::from);
    let folder = root.join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(std::env::var_os("CI").is_none(), "no test data in {}: set TOOLHOLD_TEST_DATA", folder.display());
    eprintln!("\n!!! SKIPPED: no test data in {}; set TOOLHOLD_TEST_DATA. NOTHING WAS TESTED.\n", folder.display());
    None
}
