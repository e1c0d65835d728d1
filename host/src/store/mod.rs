//! The bytes of components by their digest: `STATE/store/sha256/…`.
//!
//! What was fetched is kept here, and what was pinned from a file, so that a host opens without a network and an earlier lock file can be
//! gone back to. It lies in the state directory and not in the user's cache: a cache may be emptied at any time, and a project would not
//! run until its registry is back. Every file is hashed when it is read: whoever can write here can make a component missing, never another one.

mod history;

use std::collections::BTreeSet;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use toolhold_core::id::{Digest, ToolDigest};

pub(crate) use self::history::History;

/// Largest component, in bytes: what the sandbox takes at most.
pub(crate) const MAX_COMPONENT: u64 = 64 << 20;

/// Why the store cannot do what it is asked to.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file system refused.
    #[error("`{}`: {source}", .path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Bytes that are not those of their name.
    #[error("`{}` is damaged: its bytes have another digest than its name; remove it, then run `toolhold fetch`", .0.display())]
    Damaged(PathBuf),
}

/// The store of one state directory. Made when something is put into it.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    folder: PathBuf,
}

impl Store {
    /// The store within `state`.
    pub(crate) fn of(state: &Path) -> Self {
        Self { folder: state.join("store").join("sha256") }
    }

    /// Keeps `bytes`. Written whole or not at all; what is there already and undamaged stays as it is.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`].
    pub(crate) fn put(&self, bytes: &[u8]) -> Result<ToolDigest, StoreError> {
        let digest = Digest::of(bytes);
        if matches!(self.get(digest), Ok(Some(_))) {
            return Ok(digest);
        }
        let path = self.file(digest);
        // A folder cannot be replaced by a file.
        if std::fs::symlink_metadata(&path).is_ok_and(|found| found.is_dir()) {
            std::fs::remove_dir_all(&path).map_err(|source| StoreError::Io { path: path.clone(), source })?;
        }
        self.write(&path, bytes).map_err(|source| StoreError::Io { path, source })?;
        Ok(digest)
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        private_folder(&self.folder)?;
        // Temporary files are made with mode 0600.
        let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(&self.folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        std::fs::File::open(&self.folder)?.sync_all()
    }

    /// The bytes of `digest`, if they are here.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`] if what is in their place is something else.
    pub(crate) fn get(&self, digest: ToolDigest) -> Result<Option<Vec<u8>>, StoreError> {
        let path = self.file(digest);
        let bytes = match read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(StoreError::Io { path, source }),
        };
        // INVARIANT: nothing leaves the store whose digest was not computed from the very bytes that leave.
        if Digest::of(&bytes) == digest { Ok(Some(bytes)) } else { Err(StoreError::Damaged(path)) }
    }

    /// Removes everything but `wanted`, and how many files that were.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`].
    pub(crate) fn keep_only(&self, wanted: &BTreeSet<ToolDigest>) -> Result<usize, StoreError> {
        let fail = |source| StoreError::Io { path: self.folder.clone(), source };
        let entries = match std::fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            Err(error) => return Err(fail(error)),
        };
        let mut removed = 0;
        for entry in entries {
            let entry = entry.map_err(fail)?;
            let name = entry.file_name();
            let digest = name.to_str().and_then(|hex| format!("sha256:{hex}").parse::<ToolDigest>().ok());
            // What has no digest for a name is somebody's unfinished write, or not ours.
            if digest.is_some_and(|digest| !wanted.contains(&digest)) {
                std::fs::remove_file(entry.path()).map_err(fail)?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    fn file(&self, digest: ToolDigest) -> PathBuf {
        self.folder.join(digest.hex())
    }
}

/// A folder that only its owner may enter.
fn private_folder(path: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// The bytes of a regular file that is no link, as far as a component may have bytes.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let flags = i32::try_from((rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK).bits()).unwrap_or_default();
    let file = std::fs::OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut bytes = Vec::new();
    file.take(MAX_COMPONENT + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn what_is_put_is_there_private_and_found_by_its_digest_alone() {
        let state = tempfile::tempdir().unwrap();
        let store = Store::of(state.path());
        let digest = store.put(b"component").unwrap();
        assert_eq!(store.put(b"component").unwrap(), digest);
        assert_eq!(store.get(digest).unwrap().as_deref(), Some(&b"component"[..]));
        assert_eq!(store.get(Digest::of(b"other")).unwrap(), None);
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&store.folder), mode(&store.file(digest))), (0o700, 0o600));
        assert_eq!(std::fs::read_dir(&store.folder).unwrap().count(), 1, "nothing unfinished is left");
    }

    #[test]
    fn a_changed_byte_a_link_and_a_pipe_are_not_the_component_and_are_mended() {
        let state = tempfile::tempdir().unwrap();
        let store = Store::of(state.path());
        let digest = store.put(b"component").unwrap();
        let path = store.file(digest);
        std::fs::write(&path, b"Component").unwrap();
        assert!(matches!(store.get(digest), Err(StoreError::Damaged(_))));
        store.put(b"component").unwrap();
        assert!(store.get(digest).unwrap().is_some());
        std::fs::rename(&path, state.path().join("elsewhere")).unwrap();
        std::os::unix::fs::symlink(state.path().join("elsewhere"), &path).unwrap();
        assert!(matches!(store.get(digest), Err(StoreError::Io { .. })), "a link, even to the right bytes");
        store.put(b"component").unwrap();
        assert!(store.get(digest).unwrap().is_some() && state.path().join("elsewhere").exists());
        std::fs::remove_file(&path).unwrap();
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0).unwrap();
        assert!(matches!(store.get(digest), Err(StoreError::Io { .. })), "a pipe on which a reader would wait");
        store.put(b"component").unwrap();
        assert!(store.get(digest).unwrap().is_some());
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir_all(path.join("deep")).unwrap();
        assert!(store.get(digest).is_err(), "a folder");
        store.put(b"component").unwrap();
        assert!(store.get(digest).unwrap().is_some());
    }

    #[test]
    fn what_nothing_wants_goes() {
        let state = tempfile::tempdir().unwrap();
        let store = Store::of(state.path());
        let (kept, dropped) = (store.put(b"kept").unwrap(), store.put(b"dropped").unwrap());
        std::fs::write(store.folder.join(".new-unfinished"), b"x").unwrap();
        assert_eq!(store.keep_only(&[kept].into()).unwrap(), 1);
        assert!(store.get(kept).unwrap().is_some() && store.get(dropped).unwrap().is_none());
        assert!(store.folder.join(".new-unfinished").exists());
    }
}
