//! A pack: objects as they are, and as differences to others. Differences of differences are a chain; it is walked, not recursed.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use toolhold_sdk::prelude::*;

use super::index::Index;
use super::{MAX_OBJECT, delta, inflate};
use crate::object::{Kind, Object};
use crate::oid::Oid;

/// Bytes of an index: that of two million objects.
const MAX_INDEX: u64 = 64 * 1024 * 1024;
/// Differences behind each other. Git makes 50, or 250 if told to pack hard.
const MAX_CHAIN: usize = 1000;

/// A pack with its index.
pub(super) struct Pack {
    path: PathBuf,
    index: Index,
}

/// An object of a pack as it stands there.
enum Stored {
    Whole(Kind),
    /// A difference to the object at this offset.
    After(u64),
    /// A difference to the object of this name.
    AfterNamed(Oid),
}

impl Pack {
    /// # Errors
    /// The index cannot be read.
    pub(super) fn open(index: &Path) -> Result<Self> {
        let context = |error: Error| error.context(format!("`{}`", index.display()));
        let parsed = granted::load(index, MAX_INDEX).and_then(Index::parse).map_err(context)?;
        Ok(Self { path: index.with_extension("pack"), index: parsed })
    }

    pub(super) fn find(&self, oid: Oid) -> Option<u64> {
        self.index.find(oid)
    }

    pub(super) fn beginning(&self, digits: &str) -> Vec<Oid> {
        self.index.beginning(digits)
    }

    /// The object at an offset; `named` gives one of another place.
    ///
    /// # Errors
    /// The pack is damaged.
    pub(super) fn read(&self, offset: u64, named: &dyn Fn(Oid) -> Result<Rc<Object>>) -> Result<Object> {
        let context = |error: Error| error.context(format!("`{}` at {offset}", self.path.display()));
        self.resolve(offset, named).map_err(context)
    }

    fn resolve(&self, mut offset: u64, named: &dyn Fn(Oid) -> Result<Rc<Object>>) -> Result<Object> {
        let file = File::open(&self.path).map_err(|error| granted::path::explain(&self.path, error))?;
        let mut reader = BufReader::with_capacity(16 * 1024, file);
        let mut deltas = Vec::new();
        let mut object = loop {
            if deltas.len() > MAX_CHAIN {
                return Err(Error::failed("is damaged: a chain of differences has no end"));
            }
            let (stored, bytes) = entry(&mut reader, offset)?;
            match stored {
                Stored::Whole(kind) => break Object { kind, bytes },
                Stored::After(base) => {
                    deltas.push(bytes);
                    offset = base;
                }
                Stored::AfterNamed(base) => {
                    deltas.push(bytes);
                    break (*named(base)?).clone();
                }
            }
        };
        for bytes in deltas.iter().rev() {
            object.bytes = delta::apply(&object.bytes, bytes)?;
        }
        Ok(object)
    }
}

fn entry(reader: &mut BufReader<File>, offset: u64) -> Result<(Stored, Vec<u8>)> {
    let damaged = || Error::failed("is damaged");
    reader.seek(SeekFrom::Start(offset))?;
    let first = byte(reader)?;
    let (mut size, mut shift, mut last) = (u64::from(first & 15), 4, first);
    while last & 0x80 != 0 {
        last = byte(reader)?;
        size |= u64::from(last & 0x7F).checked_shl(shift).ok_or_else(damaged)?;
        shift += 7;
    }
    if size > MAX_OBJECT {
        return Err(Error::failed(format!("has an object of {size} bytes, more than {MAX_OBJECT}")));
    }
    let stored = match (first >> 4) & 7 {
        1 => Stored::Whole(Kind::Commit),
        2 => Stored::Whole(Kind::Tree),
        3 => Stored::Whole(Kind::Blob),
        4 => Stored::Whole(Kind::Tag),
        6 => {
            let mut last = byte(reader)?;
            let mut back = u64::from(last & 0x7F);
            while last & 0x80 != 0 {
                last = byte(reader)?;
                back = (back + 1).checked_mul(128).ok_or_else(damaged)? | u64::from(last & 0x7F);
            }
            // A base stands before what is made of it, so a chain ends.
            Stored::After(offset.checked_sub(back).filter(|base| *base < offset).ok_or_else(damaged)?)
        }
        7 => {
            let mut name = [0; 20];
            reader.read_exact(&mut name)?;
            Stored::AfterNamed(Oid(name))
        }
        _ => return Err(damaged()),
    };
    let bytes = inflate(reader, size)?;
    if bytes.len() as u64 != size {
        return Err(damaged());
    }
    Ok((stored, bytes))
}

fn byte(reader: &mut impl Read) -> Result<u8> {
    let mut byte = [0];
    reader.read_exact(&mut byte)?;
    Ok(byte[0])
}
