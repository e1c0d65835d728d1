//! Going through an archive of any format, entry after entry.

use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use tar::EntryType;
use toolhold_sdk::prelude::*;
use zip::ZipArchive;

use crate::bounds::{Bounded, Bounds, MAX_ENTRIES};
use crate::entry::{Entry, Kind};
use crate::format::Format;

/// An archive on disk.
pub(crate) struct Archive {
    file: File,
    path: PathBuf,
    /// Its format.
    pub(crate) format: Format,
    bounds: Bounds,
}

/// What is done with an entry; its contents may be read.
pub(crate) type Visit<'a> = dyn FnMut(Entry, &mut dyn Read) -> Result<()> + 'a;

impl Archive {
    /// Opens it and finds its format.
    ///
    /// # Errors
    /// It cannot be read, or has no format that is known.
    pub(crate) fn open(path: &Path, max_bytes: u64) -> Result<Self> {
        let explain = |error| granted::path::explain(path, error);
        let mut file = File::open(path).map_err(explain)?;
        let metadata = file.metadata().map_err(explain)?;
        if metadata.is_dir() {
            return Err(explain(std::io::ErrorKind::IsADirectory.into()));
        }
        let format = Format::of_file(&mut file, path)?;
        Ok(Self { file, path: path.to_owned(), format, bounds: Bounds::new(metadata.len(), max_bytes) })
    }

    /// The bounds of what may come out of it.
    pub(crate) fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// Goes through all entries from the beginning.
    ///
    /// # Errors
    /// It is damaged, more comes out of it than the bounds allow, or as `visit`.
    pub(crate) fn each(&mut self, visit: &mut Visit<'_>) -> Result<()> {
        self.file.rewind().map_err(|error| granted::path::explain(&self.path, error))?;
        let reader = BufReader::new(&self.file);
        let walked = match self.format {
            Format::Zip => each_of_zip(reader, visit),
            Format::Tar => each_of_tar(Bounded::new(reader, self.bounds), visit),
            Format::TarGz => each_of_tar(Bounded::new(MultiGzDecoder::new(reader), self.bounds), visit),
            Format::Gz => {
                let entry =
                    Entry { name: inner_name(&self.path), kind: Kind::File, bytes: 0, packed: None, problem: None };
                visit(entry, &mut Bounded::new(MultiGzDecoder::new(reader), self.bounds))
            }
        };
        walked.map_err(|error| error.context(format!("`{}`", self.path.display())))
    }
}

fn each_of_zip(reader: impl Read + Seek, visit: &mut Visit<'_>) -> Result<()> {
    let mut archive = ZipArchive::new(reader).map_err(damaged)?;
    if archive.len() > MAX_ENTRIES {
        return Err(too_many());
    }
    // Two lists of contents that differ are two archives in one: what one reader shows, another extracts.
    archive.validate_header_consistency().map_err(damaged)?;
    for index in 0..archive.len() {
        let entry = {
            let raw = archive.by_index_raw(index).map_err(damaged)?;
            let header = raw.entry();
            let kind = match header.unix_mode().map(|mode| mode & 0o170_000) {
                _ if header.is_symlink() => Kind::Link,
                Some(0 | 0o100_000 | 0o040_000) | None if header.is_dir() => Kind::Directory,
                Some(0 | 0o100_000) | None => Kind::File,
                Some(_) => Kind::Special,
            };
            let problem = header.encrypted().then(|| "it is encrypted".to_owned());
            let name = header.name().map_err(damaged)?.into_owned();
            Entry { name, kind, bytes: header.size(), packed: Some(header.compressed_size()), problem }
        };
        if entry.kind == Kind::File && entry.problem.is_none() {
            match archive.by_index(index) {
                Ok(mut contents) => visit(entry, &mut contents)?,
                Err(problem) => visit(Entry { problem: Some(problem.to_string()), ..entry }, &mut std::io::empty())?,
            }
        } else {
            visit(entry, &mut std::io::empty())?;
        }
    }
    Ok(())
}

fn each_of_tar(reader: impl Read, visit: &mut Visit<'_>) -> Result<()> {
    let mut archive = tar::Archive::new(reader);
    for (index, entry) in archive.entries().map_err(damaged)?.enumerate() {
        if index >= MAX_ENTRIES {
            return Err(too_many());
        }
        let mut contents = entry.map_err(damaged)?;
        let kind = match contents.header().entry_type() {
            EntryType::Regular | EntryType::Continuous => Kind::File,
            EntryType::Directory => Kind::Directory,
            EntryType::Symlink | EntryType::Link => Kind::Link,
            // Comments on the archive.
            EntryType::XGlobalHeader => continue,
            _ => Kind::Special,
        };
        let name = std::str::from_utf8(&contents.path_bytes()).map(str::to_owned);
        let (name, problem) = match name {
            Ok(name) => (name, None),
            Err(_) => {
                let shown = String::from_utf8_lossy(&contents.path_bytes()).into_owned();
                (shown, Some("its path is not UTF-8".to_owned()))
            }
        };
        // Old archives mark a directory by the end of its name only.
        let kind = if kind == Kind::File && name.ends_with('/') { Kind::Directory } else { kind };
        let entry = Entry { name, kind, bytes: contents.size(), packed: None, problem };
        visit(entry, &mut contents)?;
    }
    Ok(())
}

/// What the one file of a `.gz` is called: the name of the archive without its end. A name within the archive is not asked.
fn inner_name(path: &Path) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    match name.strip_suffix(".gz") {
        Some(stem) if !stem.is_empty() => stem.to_owned(),
        _ => format!("{name}.out"),
    }
}

fn too_many() -> Error {
    Error::failed(format!("it has more than {MAX_ENTRIES} entries"))
}

fn damaged(problem: impl std::fmt::Display) -> Error {
    Error::failed(format!("it is damaged, or not what its first bytes say: {problem}"))
}
