//! The files that a host is opened from, read once and whole.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use toolhold_core::manifest::{Code, HostPathKind, MAX_BYTES, Manifest, Problem};

use super::OpenError;

/// Reads and checks the manifest at `path`, and that what it names is there.
///
/// # Errors
///
/// [`OpenError::NoManifest`], [`OpenError::Read`], or [`OpenError::Manifest`] with everything that is wrong.
pub(crate) fn manifest(path: &Path) -> Result<Manifest, OpenError> {
    parsed(path, &optional_text(path)?.ok_or_else(|| OpenError::NoManifest(path.to_owned()))?)
}

/// Checks `text` as if it were in the file at `path`.
///
/// # Errors
///
/// [`OpenError::Manifest`] with everything that is wrong.
pub(crate) fn parsed(path: &Path, text: &str) -> Result<Manifest, OpenError> {
    let base = base(path)?;
    let manifest = Manifest::parse(text, &path.display().to_string(), &base)?;
    manifest.complain(missing(&manifest))?;
    Ok(manifest)
}

/// The text of the manifest at `path`; that of an empty one if there is none yet.
///
/// # Errors
///
/// [`OpenError::Read`] if it is there and cannot be read.
pub(crate) fn manifest_text(path: &Path) -> Result<String, OpenError> {
    Ok(optional_text(path)?.unwrap_or_else(|| "version = 1\n".to_owned()))
}

/// The text of `path`, or `None` if there is no such file.
///
/// # Errors
///
/// [`OpenError::Read`] if it is there and cannot be read.
pub(crate) fn optional_text(path: &Path) -> Result<Option<String>, OpenError> {
    match text(path) {
        Err(OpenError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        other => other.map(Some),
    }
}

/// At most one byte more than a manifest may have, so that one that is too large is told from one that just fits.
pub(super) fn text(path: &Path) -> Result<String, OpenError> {
    let fail = |source| OpenError::Read { path: path.to_owned(), source };
    let file = std::fs::File::open(path).map_err(fail)?;
    if !file.metadata().map_err(fail)?.is_file() {
        return Err(fail(io::Error::other("it is not a regular file")));
    }
    let mut bytes = Vec::new();
    file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(fail)?;
    String::from_utf8(bytes).map_err(|error| fail(io::Error::new(io::ErrorKind::InvalidData, error.utf8_error())))
}

/// The absolute folder of the manifest: what relative paths in it are relative to.
fn base(path: &Path) -> Result<PathBuf, OpenError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    folder.canonicalize().map_err(|source| OpenError::Read { path: folder.to_owned(), source })
}

/// What the manifest names and the disk does not have.
fn missing(manifest: &Manifest) -> Vec<Problem> {
    let problem = |path: toolhold_core::manifest::HostPath<'_>| {
        let metadata = std::fs::metadata(path.path);
        let (what, fits) = match path.kind {
            HostPathKind::Component => ("file", metadata.as_ref().is_ok_and(std::fs::Metadata::is_file)),
            HostPathKind::Directory => ("directory", metadata.as_ref().is_ok_and(std::fs::Metadata::is_dir)),
        };
        let why = match metadata {
            Ok(_) => format!("is not a {what}"),
            Err(error) if error.kind() == io::ErrorKind::NotFound => "does not exist".to_owned(),
            Err(error) => format!("cannot be looked at: {error}"),
        };
        let found = Problem::new(Code::Host, path.span, format!("`{}` {why}", path.path.display()));
        (!fits).then(|| found.label(format!("this must be a {what}")))
    };
    manifest.host_paths().filter_map(problem).collect()
}
