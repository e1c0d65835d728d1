//! Where objects are: each in a file of its own, or many in a pack.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use flate2::read::ZlibDecoder;
use toolhold_sdk::prelude::*;

use crate::object::{Kind, Object};
use crate::oid::Oid;

mod delta;
mod index;
mod pack;

use pack::Pack;

/// Bytes of an object.
pub(crate) const MAX_OBJECT: u64 = 32 * 1024 * 1024;
/// Bytes of objects that are kept for the next one that asks.
const MAX_CACHE: usize = 32 * 1024 * 1024;
/// Digits that an abbreviated name has at least.
const MIN_DIGITS: usize = 4;

/// All objects of a repository.
pub(crate) struct Store {
    directory: PathBuf,
    packs: Vec<Pack>,
    cache: RefCell<(usize, HashMap<Oid, Rc<Object>>)>,
}

impl Store {
    /// Of the directory `objects` of a repository.
    ///
    /// # Errors
    /// It cannot be read.
    pub(crate) fn open(directory: PathBuf) -> Result<Self> {
        if granted::path::exists(&directory.join("info/alternates")) {
            return Err(Error::failed(
                "the repository borrows objects from another one (`objects/info/alternates`), which is not read",
            ));
        }
        let mut packs = Vec::new();
        let folder = directory.join("pack");
        if folder.is_dir() {
            let mut names: Vec<PathBuf> = Vec::new();
            for entry in fs::read_dir(&folder).map_err(|error| granted::path::explain(&folder, error))? {
                let path = entry.map_err(|error| granted::path::explain(&folder, error))?.path();
                if path.extension().is_some_and(|ending| ending == "idx") {
                    names.push(path);
                }
            }
            names.sort();
            packs = names.iter().map(|path| Pack::open(path)).collect::<Result<_>>()?;
        }
        Ok(Self { directory, packs, cache: RefCell::default() })
    }

    /// An object.
    ///
    /// # Errors
    /// There is none of this name, or it is damaged.
    pub(crate) fn get(&self, oid: Oid) -> Result<Rc<Object>> {
        if let Some(known) = self.cache.borrow().1.get(&oid) {
            return Ok(Rc::clone(known));
        }
        let object = Rc::new(self.load(oid)?);
        let mut cache = self.cache.borrow_mut();
        cache.0 += object.bytes.len();
        if cache.0 > MAX_CACHE {
            *cache = (object.bytes.len(), HashMap::new());
        }
        cache.1.insert(oid, Rc::clone(&object));
        Ok(object)
    }

    fn load(&self, oid: Oid) -> Result<Object> {
        for pack in &self.packs {
            if let Some(offset) = pack.find(oid) {
                return pack.read(offset, &|base| self.get(base));
            }
        }
        let name = oid.to_string();
        let (folder, rest) = name.split_at(2);
        let path = self.directory.join(folder).join(rest);
        if !granted::path::exists(&path) {
            return Err(Error::not_found(format!(
                "the repository has no object {oid}; a shallow or partial clone lacks some"
            )));
        }
        loose(&path).map_err(|error| error.context(format!("object {oid}")))
    }

    /// All objects whose names begin so.
    ///
    /// # Errors
    /// A directory cannot be read.
    pub(crate) fn beginning(&self, digits: &str) -> Result<Vec<Oid>> {
        let digits = digits.to_lowercase();
        if digits.len() < MIN_DIGITS || digits.len() > 40 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Ok(Vec::new());
        }
        let mut found: Vec<Oid> = self.packs.iter().flat_map(|pack| pack.beginning(&digits)).collect();
        let (folder, rest) = digits.split_at(2);
        if let Ok(entries) = fs::read_dir(self.directory.join(folder)) {
            for entry in entries.flatten() {
                let name = entry.file_name().to_string_lossy().into_owned();
                if name.starts_with(rest) {
                    found.extend(Oid::parse(&format!("{folder}{name}")));
                }
            }
        }
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }
}

/// `kind size NUL contents`, compressed.
fn loose(path: &Path) -> Result<Object> {
    let file = fs::File::open(path).map_err(|error| granted::path::explain(path, error))?;
    let bytes = inflate(file, MAX_OBJECT + 64)?;
    let damaged = || Error::failed("is damaged");
    let end = bytes.iter().take(64).position(|byte| *byte == 0).ok_or_else(damaged)?;
    let head = std::str::from_utf8(bytes.get(..end).unwrap_or_default())?;
    let (kind, size) = head.split_once(' ').ok_or_else(damaged)?;
    let kind = Kind::parse(kind).ok_or_else(damaged)?;
    let contents = bytes.get(end + 1..).unwrap_or_default().to_vec();
    if size.parse() != Ok(contents.len()) {
        return Err(damaged());
    }
    Ok(Object { kind, bytes: contents })
}

/// What a stream unpacks to, up to a bound.
///
/// # Errors
/// It is damaged, or unpacks to more.
fn inflate(from: impl Read, max_bytes: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = ZlibDecoder::new(from).take(max_bytes + 1).read_to_end(&mut bytes);
    read.map_err(|error| Error::failed(format!("is damaged: {error}")))?;
    if bytes.len() as u64 > max_bytes {
        return Err(Error::failed(format!("has more than {max_bytes} bytes")));
    }
    Ok(bytes)
}
