//! Which directories the host granted. `std` opens them but does not name them, and a model that guesses paths needs names.

/// The guest paths of the granted directories, sorted: nothing outside of them exists for this call.
///
/// Natively, where nothing is granted or denied, it is `/` alone.
#[must_use]
pub fn directories() -> Vec<String> {
    let mut paths = named();
    paths.sort();
    paths.dedup();
    paths
}

#[cfg(target_arch = "wasm32")]
fn named() -> Vec<String> {
    let granted = wasip2::filesystem::preopens::get_directories();
    granted.into_iter().map(|(_, path)| path).collect()
}

#[cfg(not(target_arch = "wasm32"))]
fn named() -> Vec<String> {
    vec!["/".to_owned()]
}
