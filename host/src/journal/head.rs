//! `audit.head`: the end of the audit, noted beside the database.
//!
//! A chain does not show that its end was cut off, so the end is noted in a second file after each commit that is on disk.
//! Two slots are written in turn, each with a check of its own: whatever a power cut leaves, one of them holds.
//! It never runs ahead of the database, so a crash cannot look like a cut.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use toolhold_core::chain::Head;
use toolhold_core::id::Digest;

use super::directory::private;
use super::error::Error;

/// Bytes of a slot: less than a disk's sector, so that it is written whole.
const SLOT: usize = 256;

/// The open file.
#[derive(Debug)]
pub(super) struct HeadFile {
    file: File,
    slot: u64,
}

impl HeadFile {
    /// Opens or creates the file. Returns what it notes; `None` where it is new.
    pub(super) fn open(path: &Path) -> Result<(Self, Option<Head>), Error> {
        let file = private(path).map_err(Error::io("open", path))?;
        let noted = read(&file, path)?;
        Ok((Self { file, slot: 0 }, noted))
    }

    /// Notes `head`. An error is not one of the journal: the database holds, and the next note repairs it.
    pub(super) fn note(&mut self, head: &Head) {
        let text = format!("{head}\n{}\n", check(head));
        let mut bytes = text.into_bytes();
        bytes.resize(SLOT, b'\n');
        match self.file.write_all_at(&bytes, self.slot * SLOT as u64) {
            Ok(()) => self.slot = 1 - self.slot,
            Err(error) => tracing::warn!(%error, "the end of the audit cannot be noted"),
        }
    }
}

/// Reads what a state directory notes, without opening it for writing.
pub(super) fn noted(path: &Path) -> Result<Option<Head>, Error> {
    match File::open(path) {
        Ok(file) => read(&file, path),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("open", path)(error)),
    }
}

/// The later of the two slots that hold.
fn read(file: &File, path: &Path) -> Result<Option<Head>, Error> {
    let mut bytes = vec![0; 2 * SLOT];
    let length = file.read_at(&mut bytes, 0).map_err(Error::io("read", path))?;
    bytes.truncate(length);
    let best = bytes.chunks(SLOT).filter_map(parse).max_by_key(|head| head.sequence);
    if best.is_none() && length > 0 {
        return Err(Error::Corrupt(
            "`audit.head` cannot be read; run `toolhold audit verify`, then delete it".to_owned(),
        ));
    }
    Ok(best)
}

fn parse(slot: &[u8]) -> Option<Head> {
    let mut lines = std::str::from_utf8(slot).ok()?.lines();
    let head: Head = lines.next()?.parse().ok()?;
    (lines.next()? == check(&head).to_string()).then_some(head)
}

fn check(head: &Head) -> Digest {
    Digest::of_parts(&[b"toolhold audit head 1", head.to_string().as_bytes()])
}
