//! `create`: the same files make the same archive, byte by byte: entries are sorted and carry no times and no owners.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use granted::Identity;
use toolhold_sdk::prelude::*;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::bounds::MAX_ENTRIES;
use crate::format::Format;

/// Directories within each other.
const MAX_DEPTH: usize = 64;

/// What was made.
#[output]
#[derive(Debug, Default)]
pub(crate) struct Created {
    /// Files in it.
    files: usize,
    /// Directories in it.
    directories: usize,
    /// Size of the files.
    bytes: u64,
    /// Size of the archive.
    archive_bytes: u64,
    /// Links, which are left out.
    skipped_links: usize,
}

/// Something that goes into the archive.
struct Item {
    name: String,
    path: PathBuf,
    directory: bool,
    bytes: u64,
}

/// Makes a zip, tar, tar.gz or gz of files and directories, with everything below them. Links are left out. The same files make the
/// same archive: times, owners and permissions are not kept.
#[tool(
    title = "Create an archive",
    hints(destructive, idempotent),
    needs(read("/**", "reads what it is asked to put in"), write("/**", "writes the archive"))
)]
pub(crate) fn create(
    /// Absolute path of the archive.
    path: String,
    /// Absolute paths of files and directories; each is called in the archive by its own name.
    #[schemars(length(min = 1))]
    from: Vec<String>,
    /// Format; what the end of `path` says if left out.
    format: Option<Format>,
    /// Replace a file that is there already.
    #[serde(default)]
    overwrite: bool,
) -> Result<Created> {
    let path = granted::path::check(&path)?;
    let format = format
        .or_else(|| Format::of_name(path))
        .ok_or_else(|| Error::invalid_args(format!("`{}` does not say the format; give `format`", path.display())))?;
    if !overwrite && granted::path::exists(path) {
        let message = format!("`{}` exists already; choose another name, or set `overwrite`", path.display());
        return Err(Error::failed(message));
    }
    let (items, skipped_links) = collect(&from, &Target { path, identity: granted::identity(path) })?;
    if format == Format::Gz && (items.len() != 1 || items.iter().any(|item| item.directory)) {
        return Err(Error::invalid_args("`gz` holds exactly one file; use `tar_gz` for several"));
    }
    let explain = |error| granted::path::explain(path, error);
    let file = OpenOptions::new().write(true).create(true).truncate(true).open(path).map_err(explain)?;
    match format {
        Format::Zip => zip(file, &items)?,
        Format::Tar => drop(tar(file, &items)?),
        Format::TarGz => drop(tar(encoder(file), &items)?.finish().map_err(explain)?),
        Format::Gz => {
            let mut encoder = encoder(file);
            for item in &items {
                copy(item, &mut encoder)?;
            }
            drop(encoder.finish().map_err(explain)?);
        }
    }
    let directories = items.iter().filter(|item| item.directory).count();
    Ok(Created {
        files: items.len() - directories,
        directories,
        bytes: items.iter().map(|item| item.bytes).sum(),
        archive_bytes: fs::metadata(path).map_err(explain)?.len(),
        skipped_links,
    })
}

/// The archive that is written, and what it replaces.
struct Target<'a> {
    path: &'a Path,
    identity: Option<Identity>,
}

impl Target<'_> {
    /// Whether a file is the archive itself, which stays out.
    ///
    /// # Errors
    /// It is, but it was asked for or has another name: what is in it would be gone with the first byte of the archive.
    fn is(&self, path: &Path, named: bool) -> Result<bool> {
        let found = path == self.path;
        let same = found || (self.identity.is_some() && granted::identity(path) == self.identity);
        if same && (named || !found) {
            return Err(Error::invalid_args(format!(
                "`{}` would be put into itself, as `{}`; choose another `path` for the archive",
                path.display(),
                self.path.display()
            )));
        }
        Ok(same)
    }
}

/// Everything that goes in, sorted by name, and how many links do not.
fn collect(from: &[String], archive: &Target) -> Result<(Vec<Item>, usize)> {
    let (mut items, mut links) = (Vec::new(), 0);
    for source in from {
        let source = granted::path::check(source)?;
        let name = source.file_name().and_then(|name| name.to_str()).ok_or_else(|| {
            Error::invalid_args(format!("`{}` has no name of its own; name what it contains", source.display()))
        })?;
        add(source, name, archive, &mut items, &mut links, 0)?;
    }
    items.sort_by(|left, right| left.name.cmp(&right.name));
    if let Some([twice, _]) = items.array_windows().find(|[left, right]| left.name == right.name) {
        return Err(Error::invalid_args(format!("two of `from` are called `{}` in the archive", twice.name)));
    }
    Ok((items, links))
}

fn add(
    path: &Path,
    name: &str,
    archive: &Target,
    items: &mut Vec<Item>,
    links: &mut usize,
    depth: usize,
) -> Result<()> {
    let explain = |error| granted::path::explain(path, error);
    let metadata = fs::symlink_metadata(path).map_err(explain)?;
    if metadata.is_symlink() {
        *links += 1;
        return Ok(());
    }
    if !metadata.is_dir() && archive.is(path, depth == 0)? {
        return Ok(());
    }
    if items.len() >= MAX_ENTRIES || depth > MAX_DEPTH {
        return Err(Error::failed(format!(
            "more than {MAX_ENTRIES} files or {MAX_DEPTH} directories within each other"
        )));
    }
    let bytes = if metadata.is_dir() { 0 } else { metadata.len() };
    items.push(Item { name: name.to_owned(), path: path.to_owned(), directory: metadata.is_dir(), bytes });
    if metadata.is_dir() {
        for child in fs::read_dir(path).map_err(explain)? {
            let child = child.map_err(explain)?;
            let file_name = child.file_name();
            let child_name = file_name.to_str().ok_or_else(|| {
                Error::failed(format!("`{}` is not UTF-8, so it cannot be put in", child.path().display()))
            })?;
            add(&child.path(), &format!("{name}/{child_name}"), archive, items, links, depth + 1)?;
        }
    }
    Ok(())
}

fn zip(file: File, items: &[Item]) -> Result<()> {
    let mut writer = ZipWriter::new(file);
    let broken = |problem: zip::result::ZipError| Error::failed(format!("the archive cannot be written: {problem}"));
    for item in items {
        let large = item.bytes >= u64::from(u32::MAX);
        if item.directory {
            writer
                .add_directory(item.name.clone(), SimpleFileOptions::default().unix_permissions(0o755))
                .map_err(broken)?;
        } else {
            let options = SimpleFileOptions::default().unix_permissions(0o644).large_file(large);
            writer.start_file(item.name.clone(), options).map_err(broken)?;
            copy(item, &mut writer)?;
        }
    }
    writer.finish().map(drop).map_err(broken)
}

fn tar<W: Write>(out: W, items: &[Item]) -> Result<W> {
    let mut builder = tar::Builder::new(out);
    builder.mode(tar::HeaderMode::Deterministic);
    for item in items {
        let mut header = tar::Header::new_gnu();
        header.set_mtime(0);
        let explain = |error: io::Error| granted::path::explain(&item.path, error);
        if item.directory {
            header.set_entry_type(tar::EntryType::Directory);
            header.set_mode(0o755);
            header.set_size(0);
            builder.append_data(&mut header, format!("{}/", item.name), io::empty()).map_err(explain)?;
        } else {
            header.set_mode(0o644);
            header.set_size(item.bytes);
            let file = File::open(&item.path).map_err(explain)?;
            // A file that grows while it is read would put its rest where the next header belongs.
            builder.append_data(&mut header, &item.name, io::Read::take(file, item.bytes)).map_err(explain)?;
        }
    }
    builder.into_inner().map_err(Error::from)
}

fn encoder(file: File) -> GzEncoder<File> {
    flate2::GzBuilder::new().mtime(0).write(file, Compression::default())
}

fn copy(item: &Item, out: &mut impl Write) -> Result<()> {
    let explain = |error| granted::path::explain(&item.path, error);
    let mut file = File::open(&item.path).map_err(explain)?;
    io::copy(&mut file, out).map(drop).map_err(explain)
}
