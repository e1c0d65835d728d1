//! A difference: parts of the base, and new bytes, one after another.

use toolhold_sdk::prelude::*;

use super::MAX_OBJECT;

/// The object that a difference makes of its base.
///
/// # Errors
/// It does not fit the base, or makes too much.
pub(super) fn apply(base: &[u8], delta: &[u8]) -> Result<Vec<u8>> {
    run(base, delta).ok_or_else(|| Error::failed("is damaged: a difference does not fit its base"))
}

fn run(base: &[u8], delta: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = delta.iter().copied();
    let (from, to) = (size(&mut bytes)?, size(&mut bytes)?);
    if from != base.len() as u64 || to > MAX_OBJECT {
        return None;
    }
    let mut made = Vec::with_capacity(usize::try_from(to).ok()?);
    while let Some(command) = bytes.next() {
        if command & 0x80 == 0 {
            let count = usize::from(command);
            let before = made.len();
            made.extend(bytes.by_ref().take(count));
            if count == 0 || made.len() != before + count {
                return None;
            }
        } else {
            let offset = number(&mut bytes, command, 4)?;
            let size = match number(&mut bytes, command >> 4, 3)? {
                0 => 0x10000,
                size => size,
            };
            made.extend_from_slice(base.get(offset..offset.checked_add(size)?)?);
        }
        if made.len() as u64 > to {
            return None;
        }
    }
    (made.len() as u64 == to).then_some(made)
}

/// A number of up to `count` bytes, of which those are there whose bit is set.
fn number(bytes: &mut impl Iterator<Item = u8>, bits: u8, count: u32) -> Option<usize> {
    let mut number = 0;
    for place in 0..count {
        if (bits >> place) & 1 != 0 {
            number |= usize::from(bytes.next()?) << (8 * place);
        }
    }
    Some(number)
}

fn size(bytes: &mut impl Iterator<Item = u8>) -> Option<u64> {
    let (mut size, mut shift) = (0, 0);
    loop {
        let byte = bytes.next()?;
        size |= u64::from(byte & 0x7F).checked_shl(shift)?;
        shift += 7;
        if byte & 0x80 == 0 {
            return Some(size);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_copies_and_inserts() {
        // 5 bytes become 6: two of the base from 1, three new ones, one of the base from 0.
        let delta = [5, 6, 0x91, 1, 2, 3, b'x', b'y', b'z', 0x90, 1];
        assert_eq!(apply(b"abcde", &delta).unwrap(), b"bcxyza");
    }

    #[test]
    fn differences_that_lie_are_refused() {
        for delta in [
            &[4, 1, 1, b'x'][..],                        // another base
            &[5, 2, 1, b'x'],                            // fewer bytes than it says
            &[5, 1, 2, b'x', b'y'],                      // more
            &[5, 9, 0x91, 4, 9],                         // beyond the base
            &[5, 1, 0],                                  // no command
            &[5, 3, 3, b'x'],                            // cut off
            &[5, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F, 1, b'x'], // more than anybody may make
            &[5, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1],
        ] {
            assert!(apply(b"abcde", delta).is_err(), "{delta:?}");
        }
    }
}
