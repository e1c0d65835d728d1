//! The files that a case names, made in a folder that goes away with it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use toolhold_core::effect::{Change, EntryKind};
use toolhold_core::manifest::cases::{Contents, World};

/// Where each guest directory is on this machine.
pub(super) type Roots = BTreeMap<String, PathBuf>;

/// Makes the files of `world` below `place`; fixtures lie below `base`.
pub(super) fn make(world: &World, base: &Path, place: &Path) -> Result<Roots> {
    let mut roots = Roots::new();
    for (number, (guest, fixture)) in world.directories.iter().enumerate() {
        let root = place.join(number.to_string());
        std::fs::create_dir_all(&root)?;
        if !fixture.is_empty() {
            copy(&base.join(fixture), &root)?;
        }
        roots.insert(guest.clone(), root);
    }
    for (path, text) in &world.files {
        let on_disk = place_of(&roots, path).with_context(|| format!("`{path}` is in no directory"))?;
        let folder = if path.ends_with('/') { Some(on_disk.as_path()) } else { on_disk.parent() };
        folder.map(std::fs::create_dir_all).transpose().with_context(|| format!("`{path}` cannot be made"))?;
        if !path.ends_with('/') {
            std::fs::write(&on_disk, text).with_context(|| format!("`{path}` cannot be made"))?;
        }
    }
    Ok(roots)
}

/// Copies what is in `from` into `to`. A link could lead out of the fixture, so there is none.
fn copy(from: &Path, to: &Path) -> Result<()> {
    if !from.is_dir() {
        bail!("`{}` is no folder: `directories` names folders beside the case file", from.display());
    }
    for entry in walkdir::WalkDir::new(from).min_depth(1) {
        let entry = entry?;
        let target = to.join(entry.path().strip_prefix(from)?);
        if entry.file_type().is_dir() {
            std::fs::create_dir(&target)?;
        } else if entry.file_type().is_file() {
            std::fs::copy(entry.path(), &target)?;
        } else {
            bail!("`{}` is neither a file nor a folder: fixtures hold nothing else", entry.path().display());
        }
    }
    Ok(())
}

/// Where a guest path is on this machine.
fn place_of(roots: &Roots, path: &str) -> Option<PathBuf> {
    roots.iter().find_map(|(guest, root)| {
        let rest = path.strip_prefix(guest.as_str())?;
        (rest.is_empty() || rest.starts_with('/')).then(|| root.join(rest.trim_matches('/')))
    })
}

/// The texts of the changed files, as they are on the disk.
pub(super) fn contents(roots: &Roots, changes: &[Change]) -> Contents {
    let is_file = |change: &&Change| change.after.as_ref().is_some_and(|entry| entry.kind == EntryKind::File);
    let read = |change: &Change| std::fs::read_to_string(place_of(roots, &change.path)?).ok();
    changes.iter().filter(is_file).filter_map(|change| Some((change.path.clone(), read(change)?))).collect()
}
