//! Machine code of one component, and the one `unsafe` of the host: loading it.
//!
//! An artifact is an open file: the cache's, or an anonymous one in memory where there is no cache. Every engine maps
//! the same file, so that the code is in memory once however many engines run it.

use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::sync::Arc;

use wasmtime::Engine;
use wasmtime::component::Component;

/// Ends each artifact file, after the digest of all that comes before.
const TRAILER: &[u8; 8] = b"toolhold";

/// Bytes of digest and [`TRAILER`].
const TRAILER_BYTES: usize = 32 + TRAILER.len();

/// How much of a file is read at once.
const PIECE_BYTES: usize = 64 << 10;

/// Why an artifact is not loaded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unusable {
    /// It could not be read or written.
    #[error("cannot be read: {0}")]
    Io(#[from] std::io::Error),
    /// Its content is not what was written.
    #[error("its content does not have the digest that it was written with")]
    Corrupt,
    /// The engine refuses it.
    #[error("refused by the engine: {0}")]
    Engine(wasmtime::Error),
}

/// Machine code that this process, or an earlier one of this user, compiled.
#[derive(Debug, Clone)]
pub(crate) struct Artifact(Arc<File>);

impl Artifact {
    /// An artifact of machine code that this process just compiled.
    pub(crate) fn from_compiled(code: &[u8]) -> Result<Self, Unusable> {
        let flags = rustix::fs::MemfdFlags::CLOEXEC;
        let mut file = File::from(rustix::fs::memfd_create("toolhold-artifact", flags).map_err(std::io::Error::from)?);
        for part in Self::parts(code, &trailer(code)) {
            file.write_all(part)?;
        }
        Ok(Self(Arc::new(file)))
    }

    /// What is written for `code`: it and its trailer.
    pub(crate) fn parts<'a>(code: &'a [u8], trailer: &'a [u8; TRAILER_BYTES]) -> [&'a [u8]; 2] {
        [code, trailer]
    }

    /// An artifact from a file that only this user can have written.
    ///
    /// # Errors
    ///
    /// [`Unusable::Corrupt`] if its content is not what was written.
    pub(crate) fn from_file(mut file: File) -> Result<Self, Unusable> {
        let code = file.metadata()?.len().checked_sub(TRAILER_BYTES as u64).ok_or(Unusable::Corrupt)?;
        let digest = digest_of(&file, code)?;
        let mut end = Vec::with_capacity(TRAILER_BYTES);
        file.read_to_end(&mut end)?;
        if end != mark(&digest) {
            return Err(Unusable::Corrupt);
        }
        file.rewind()?;
        Ok(Self(Arc::new(file)))
    }

    /// Loads the code into `engine`.
    ///
    /// # Errors
    ///
    /// [`Unusable::Engine`] if it was compiled for another engine, version or machine.
    pub(crate) fn load(&self, engine: &Engine) -> Result<Component, Unusable> {
        // The open file itself, not whatever is at its name by now.
        let path = format!("/proc/self/fd/{}", self.0.as_raw_fd());
        // SAFETY: wasmtime runs what the file contains as machine code, so nobody but this program may have chosen it,
        // and nobody may change it while it is mapped. The file is one of two. Either it is an anonymous file in
        // memory that `from_compiled` filled with the compiler's output, which no other process can open by name. Or it
        // is a cache file: `TrustedDir` opened it without following links, in a directory, both owned by this user and
        // not writable by others; `Cache` names it by component digest, engine version, configuration and target, writes
        // it under another name and renames it, so that it is never seen half-written and never written again; and
        // `from_file` compared its digest. Whoever can still change it runs as this user and needs no sandbox escape.
        // wasmtime checks version and configuration in the header by itself.
        #[expect(unsafe_code, reason = "loading compiled code; the argument is written above")]
        let loaded = unsafe { Component::deserialize_file(engine, path) };
        loaded.map_err(Unusable::Engine)
    }
}

/// The digest of the first `size` bytes of a file, from where it is.
fn digest_of(file: &File, size: u64) -> Result<blake3::Hash, Unusable> {
    let mut digest = blake3::Hasher::new();
    // In pieces: the file is mapped afterwards, and need not be in memory twice.
    let (mut piece, mut left) = (vec![0; PIECE_BYTES], file.take(size));
    loop {
        match left.read(&mut piece)? {
            0 if left.limit() > 0 => return Err(Unusable::Corrupt),
            0 => return Ok(digest.finalize()),
            read => digest.update(piece.get(..read).unwrap_or_default()),
        };
    }
}

/// The digest of `code` and the mark at the end of each artifact.
pub(crate) fn trailer(code: &[u8]) -> [u8; TRAILER_BYTES] {
    mark(&blake3::hash(code))
}

fn mark(digest: &blake3::Hash) -> [u8; TRAILER_BYTES] {
    let mut bytes = [0; TRAILER_BYTES];
    let (hash, mark) = bytes.split_at_mut(32);
    hash.copy_from_slice(digest.as_bytes());
    mark.copy_from_slice(TRAILER);
    bytes
}
