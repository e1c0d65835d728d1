//! Comparing the content of two files, within bounds.

use std::os::fd::BorrowedFd;
use std::time::Duration;

use rustix::fs::fstat;
use rustix::io::Errno;
use sha2::{Digest as _, Sha256};
use similar::{ChangeTag, TextDiff};
use toolhold_core::effect::Content;
use toolhold_core::id::Digest;

/// The largest file that is hashed for a report, in bytes.
const HASHED: u64 = 64 << 20;
/// The largest text that is compared, in bytes.
const COMPARED: u64 = 1 << 20;
/// The longest diff of one file, in bytes.
const LONGEST: usize = 256 << 10;
/// How long one comparison may take before it becomes a coarser one.
const TIME: Duration = Duration::from_millis(500);

/// One side of a comparison.
#[derive(Clone, Copy)]
pub(super) struct Side<'a>(pub(super) BorrowedFd<'a>);

/// How the content differs; a side that is `None` is empty. `room` bounds the diff's length further.
pub(super) fn compare(old: Option<Side<'_>>, new: Option<Side<'_>>, room: usize) -> Content {
    let texts = (text(old), text(new));
    let (Text::Is(old), Text::Is(new)) = texts else {
        let is_binary = matches!(texts.0, Text::IsNot) || matches!(texts.1, Text::IsNot);
        return if is_binary { Content::Binary } else { Content::TooLarge };
    };
    if old == new {
        return Content::Same;
    }
    let diff = TextDiff::configure().timeout(TIME).diff_lines(&old, &new);
    let count = |tag| diff.iter_all_changes().filter(|change| change.tag() == tag).count() as u64;
    let (added, removed) = (count(ChangeTag::Insert), count(ChangeTag::Delete));
    let mut text = diff.unified_diff().context_radius(3).to_string();
    let end = text.floor_char_boundary(LONGEST.min(room));
    let cut = text.len().saturating_sub(end) as u64;
    text.truncate(end);
    Content::Text { diff: text, added, removed, cut }
}

enum Text {
    Is(String),
    IsNot,
    TooLarge,
}

fn text(side: Option<Side<'_>>) -> Text {
    let Some(Side(fd)) = side else { return Text::Is(String::new()) };
    match bytes(fd, COMPARED) {
        Some(bytes) if bytes.contains(&0) => Text::IsNot,
        Some(bytes) => String::from_utf8(bytes).map_or(Text::IsNot, Text::Is),
        None => Text::TooLarge,
    }
}

/// The whole file, if it has at most `bound` bytes.
fn bytes(fd: BorrowedFd<'_>, bound: u64) -> Option<Vec<u8>> {
    let mut all = Vec::new();
    each_chunk(fd, bound, |chunk| all.extend_from_slice(chunk)).map(|()| all)
}

/// SHA-256 of the whole file, if it is not too large and can be read.
pub(super) fn hash(fd: BorrowedFd<'_>) -> Option<Digest> {
    let mut hash = Sha256::new();
    each_chunk(fd, HASHED, |chunk| hash.update(chunk))?;
    Some(Digest::from_bytes(hash.finalize().into()))
}

fn each_chunk(fd: BorrowedFd<'_>, bound: u64, mut tell: impl FnMut(&[u8])) -> Option<()> {
    if u64::try_from(fstat(fd).ok()?.st_size).unwrap_or(u64::MAX) > bound {
        return None;
    }
    let mut buffer = vec![0; 64 << 10];
    let mut offset = 0;
    loop {
        let read = match rustix::io::pread(fd, &mut buffer[..], offset) {
            Err(Errno::INTR) => continue,
            read => read.ok()?,
        };
        if read == 0 {
            return Some(());
        }
        offset += read as u64;
        // It may grow while it is read.
        if offset > bound {
            return None;
        }
        tell(buffer.get(..read)?);
    }
}
