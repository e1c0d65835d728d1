//! The index of a pack (version 2): names in order, and where each is.

use toolhold_sdk::prelude::*;

use crate::oid::Oid;

/// What an index of version 2 begins with.
const MAGIC: [u8; 8] = [0xFF, b't', b'O', b'c', 0, 0, 0, 2];
/// Bytes of that and of the table of first bytes.
const HEAD: usize = 8 + 256 * 4;
/// Marks an offset that stands in the table of large ones.
const LARGE: u32 = 1 << 31;

/// An index.
pub(super) struct Index {
    bytes: Vec<u8>,
    count: usize,
}

impl Index {
    /// # Errors
    /// It is no index of version 2.
    pub(super) fn parse(bytes: Vec<u8>) -> Result<Self> {
        let wrong = || Error::failed("is no index of a pack, of version 2");
        if !bytes.starts_with(&MAGIC) {
            return Err(wrong());
        }
        let index = Self { count: 0, bytes };
        let count = index.number(8 + 255 * 4).ok_or_else(wrong)? as usize;
        if index.bytes.len() < HEAD + count.saturating_mul(28) {
            return Err(wrong());
        }
        Ok(Self { count, ..index })
    }

    /// Where the object is in the pack.
    pub(super) fn find(&self, oid: Oid) -> Option<u64> {
        let place = self.lower_bound(&oid.0);
        (self.name(place)? == oid).then(|| self.offset(place)).flatten()
    }

    /// The objects whose names begin with these digits.
    pub(super) fn beginning(&self, digits: &str) -> Vec<Oid> {
        let padded = format!("{digits:0<40}");
        let Some(first) = Oid::parse(&padded) else { return Vec::new() };
        let names = (self.lower_bound(&first.0)..self.count).filter_map(|place| self.name(place));
        names.take_while(|name| name.to_string().starts_with(digits)).collect()
    }

    /// The first place whose name is not less.
    fn lower_bound(&self, name: &[u8; 20]) -> usize {
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = low.midpoint(high);
            if self.name(middle).is_some_and(|there| there.0 < *name) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    fn name(&self, place: usize) -> Option<Oid> {
        if place >= self.count {
            return None;
        }
        let start = HEAD + place * 20;
        self.bytes.get(start..start + 20).and_then(Oid::from_bytes)
    }

    fn offset(&self, place: usize) -> Option<u64> {
        // Behind the names is a sum of 4 bytes for each.
        let offsets = HEAD + self.count * 24;
        let offset = self.number(offsets + place * 4)?;
        if offset < LARGE {
            return Some(u64::from(offset));
        }
        let large = offsets + self.count * 4 + (offset - LARGE) as usize * 8;
        Some((u64::from(self.number(large)?) << 32) | u64::from(self.number(large + 4)?))
    }

    fn number(&self, start: usize) -> Option<u32> {
        self.bytes.get(start..start + 4)?.try_into().ok().map(u32::from_be_bytes)
    }
}
