//! A guest without a guest: calls WASI's functions like one and reads the answers like one.

use std::path::Path;
use std::sync::Arc;

use tempfile::TempDir;
use toolhold_core::grant::{DirectoryGrant, Patterns, Symlinks};
use toolhold_core::limit::{Exceeded, Limit, Limits};
use wasmtime::component::{Resource, ResourceTable};
use wasmtime_wasi_io::streams::{DynInputStream, DynOutputStream, StreamError};

use super::super::base::Base;
use super::super::bindings::types::{
    DescriptorFlags, DescriptorStat, DescriptorType, ErrorCode, HostDescriptor, HostDirectoryEntryStream, NewTimestamp,
    OpenFlags, PathFlags,
};
use super::super::commit::Staged;
use super::super::descriptor::Descriptor;
use super::super::error::{FsError, FsResult};
use super::super::grants::{Grant, OpenedGrants};
use super::super::listing::Listing;
use super::super::view::Resolver;
use super::super::{Anchors, FsCtx, FsCtxView, Handles, Protected, Stage, Why};
use crate::meter::Meter;

pub(super) const READ: DescriptorFlags = DescriptorFlags::READ;
pub(super) const WRITE: DescriptorFlags = DescriptorFlags::WRITE;
pub(super) const CREATE: OpenFlags = OpenFlags::CREATE;
pub(super) const TRUNCATE: OpenFlags = OpenFlags::TRUNCATE;
pub(super) const EXCLUSIVE: OpenFlags = OpenFlags::EXCLUSIVE;
pub(super) const DIRECTORY: OpenFlags = OpenFlags::DIRECTORY;
pub(super) const FOLLOW: PathFlags = PathFlags::SYMLINK_FOLLOW;

/// Open what is there.
pub(super) fn plain() -> OpenFlags {
    OpenFlags::empty()
}

/// A link at the end is not followed.
pub(super) fn keep() -> PathFlags {
    PathFlags::empty()
}

/// What a guest's call came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failed {
    Code(ErrorCode),
    Limit(Limit),
    Trap,
}

pub(super) type Answer<T> = Result<T, Failed>;

/// A descriptor, as the guest knows it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fd(pub(super) u32);

pub(super) struct Guest {
    /// What is staged, where it is, and the directory that keeps it.
    pub(super) stage: Option<(Arc<Stage>, TempDir)>,
    pub(super) fs: FsCtx,
    granted: Arc<OpenedGrants>,
    pub(super) table: ResourceTable,
    pub(super) meter: Arc<Meter>,
    /// The grants, in their order.
    pub(super) roots: Vec<Fd>,
}

/// A grant of everything below `host`, to be narrowed.
pub(super) fn all_of(host: &Path) -> DirectoryGrant {
    let guest = format!("/{}", host.file_name().unwrap().to_str().unwrap());
    let everything = || Patterns::new(["**"]).unwrap();
    DirectoryGrant {
        host: host.to_owned(),
        guest,
        read: everything(),
        write: everything(),
        deny: Patterns::none(),
        symlinks: Symlinks::Deny,
        atomic: true,
        labels: std::sync::Arc::default(),
    }
}

pub(super) fn patterns(list: &[&str]) -> Patterns {
    Patterns::new(list.iter().copied()).unwrap()
}

pub(super) fn read_only(host: &Path) -> DirectoryGrant {
    DirectoryGrant { write: Patterns::none(), ..all_of(host) }
}

pub(super) fn with_links(host: &Path, symlinks: Symlinks) -> DirectoryGrant {
    DirectoryGrant { symlinks, ..all_of(host) }
}

/// A directory `ws` with a file in it, beside a directory with a canary.
pub(super) fn workspace() -> TempDir {
    let temp = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(temp.path().join("ws/sub")).unwrap();
    std::fs::create_dir_all(temp.path().join("ws-secret")).unwrap();
    std::fs::write(temp.path().join("ws/file"), "content").unwrap();
    std::fs::write(temp.path().join("ws/sub/inner"), "inner").unwrap();
    std::fs::write(temp.path().join("ws-secret/canary"), "canary").unwrap();
    std::fs::write(temp.path().join("canary"), "canary").unwrap();
    temp
}

/// Runs a test with the kernel's resolver, where there is one, and with the walk.
pub(super) fn with_both(grants: &[DirectoryGrant], mut test: impl FnMut(&mut Guest)) {
    // Staged first: whatever it does, the disk is for the next one as it was.
    test(&mut Guest::staged(grants));
    on_disk_with_both(grants, test);
}

/// [`with_both`], for tests that look at the disk afterwards.
pub(super) fn on_disk_with_both(grants: &[DirectoryGrant], mut test: impl FnMut(&mut Guest)) {
    for resolver in [Resolver::Kernel, Resolver::Walk] {
        test(&mut Guest::with(grants, &Protected::default(), Limits::default(), Some(resolver)));
    }
}

impl Guest {
    pub(super) fn new(grants: &[DirectoryGrant]) -> Self {
        Self::with(grants, &Protected::default(), Limits::default(), None)
    }

    pub(super) fn limited(grants: &[DirectoryGrant], limit: Limit, value: u64) -> Self {
        let mut limits = Limits::default();
        limits.set(limit, value);
        Self::with(grants, &Protected::default(), limits, None)
    }

    pub(super) fn with(
        grants: &[DirectoryGrant],
        protected: &Protected,
        limits: Limits,
        resolver: Option<Resolver>,
    ) -> Self {
        let mut opened = OpenedGrants::open(grants, protected, &Default::default()).unwrap();
        if let Some(resolver) = resolver {
            opened.resolve_by(resolver);
        }
        let meter = Arc::new(Meter::start(limits));
        Self::seeing(FsCtx::new(Arc::new(opened), Arc::clone(&meter)), meter, None)
    }

    /// A guest whose changes are staged.
    pub(super) fn staged(grants: &[DirectoryGrant]) -> Self {
        Self::staged_with(grants, &Protected::default(), Limits::default())
    }

    pub(super) fn staged_with(grants: &[DirectoryGrant], protected: &Protected, limits: Limits) -> Self {
        let anchors = Anchors::open(grants.iter().map(|grant| grant.host.clone()));
        let opened = Arc::new(OpenedGrants::open(grants, protected, &anchors).unwrap());
        let meter = Arc::new(Meter::start(limits));
        let home = tempfile::tempdir().unwrap();
        let stage = Arc::new(Stage::new(home.path().join("staging"), "one".to_owned()));
        let fs = FsCtx::staged(opened, Arc::clone(&meter), Arc::clone(&stage), false);
        Self::seeing(fs, meter, Some((stage, home)))
    }

    /// A further call of the same stage, with the same grants, once nothing is open any more.
    pub(super) fn next_call(self) -> Self {
        let (stage, home) = self.stage.expect("a staged guest");
        drop((self.fs, self.table));
        stage.begin_call();
        let meter = Arc::new(Meter::start(Limits::default()));
        let fs = FsCtx::staged(self.granted, Arc::clone(&meter), Arc::clone(&stage), false);
        Self::seeing(fs, meter, Some((stage, home)))
    }

    /// What was staged, once nothing is open any more, and where plans are kept.
    pub(super) fn finish(self) -> (Staged, TempDir) {
        let (stage, home) = self.stage.expect("a staged guest");
        drop((self.fs, self.table, self.granted));
        (Staged::new(stage), home)
    }

    fn seeing(fs: FsCtx, meter: Arc<Meter>, stage: Option<(Arc<Stage>, TempDir)>) -> Self {
        let mut guest =
            Self { stage, granted: Arc::clone(fs.grants()), fs, table: ResourceTable::new(), meter, roots: Vec::new() };
        let roots = guest.view().get_directories().unwrap();
        guest.roots = roots.into_iter().map(|(descriptor, _)| Fd(descriptor.rep())).collect();
        guest
    }

    pub(super) fn view(&mut self) -> FsCtxView<'_> {
        let table = Handles { opened: &mut self.table, granted: self.granted.roots() };
        FsCtxView { ctx: &mut self.fs, table, stopped: None }
    }

    pub(super) fn root(&self) -> Fd {
        self.roots[0]
    }

    /// Calls a host function with a borrowed descriptor.
    pub(super) fn call<T>(
        &mut self,
        fd: Fd,
        act: impl FnOnce(&mut FsCtxView<'_>, Resource<Descriptor>) -> FsResult<T>,
    ) -> Answer<T> {
        act(&mut self.view(), Resource::new_borrow(fd.0)).map_err(failed)
    }

    pub(super) fn open_at(
        &mut self,
        fd: Fd,
        follow: PathFlags,
        path: &str,
        open: OpenFlags,
        flags: DescriptorFlags,
    ) -> Answer<Fd> {
        self.call(fd, |view, fd| view.open_at(fd, follow, path.to_owned(), open, flags))
            .map(|resource| Fd(resource.rep()))
    }

    pub(super) fn open(&mut self, path: &str, open: OpenFlags, flags: DescriptorFlags) -> Answer<Fd> {
        self.open_at(self.root(), FOLLOW, path, open, flags)
    }

    pub(super) fn close(&mut self, fd: Fd) {
        HostDescriptor::drop(&mut self.view(), Resource::new_own(fd.0)).unwrap();
    }

    /// Opens, reads all, closes.
    pub(super) fn read_file(&mut self, path: &str) -> Answer<Vec<u8>> {
        let fd = self.open(path, plain(), READ)?;
        let mut all = Vec::new();
        let outcome = loop {
            match self.call(fd, |view, fd| view.read(fd, 1 << 16, all.len() as u64)) {
                Ok((bytes, false)) => all.extend(bytes),
                Ok((_, true)) => break Ok(all),
                Err(error) => break Err(error),
            }
        };
        self.close(fd);
        outcome
    }

    /// Opens as told, writes all at the start, closes.
    pub(super) fn write_file(&mut self, path: &str, open: OpenFlags, bytes: &[u8]) -> Answer<()> {
        let fd = self.open(path, open, WRITE)?;
        let written = self.write_at(fd, 0, bytes);
        self.close(fd);
        written
    }

    pub(super) fn write_at(&mut self, fd: Fd, offset: u64, bytes: &[u8]) -> Answer<()> {
        let written = self.call(fd, |view, fd| view.write(fd, bytes.to_vec(), offset))?;
        assert_eq!(written, bytes.len() as u64);
        Ok(())
    }

    pub(super) fn set_size(&mut self, fd: Fd, size: u64) -> Answer<()> {
        self.call(fd, |view, fd| view.set_size(fd, size))
    }

    pub(super) fn stat(&mut self, follow: PathFlags, path: &str) -> Answer<DescriptorStat> {
        self.call(self.root(), |view, fd| view.stat_at(fd, follow, path.to_owned()))
    }

    pub(super) fn mkdir(&mut self, path: &str) -> Answer<()> {
        self.call(self.root(), |view, fd| view.create_directory_at(fd, path.to_owned()))
    }

    pub(super) fn rmdir(&mut self, path: &str) -> Answer<()> {
        self.call(self.root(), |view, fd| view.remove_directory_at(fd, path.to_owned()))
    }

    pub(super) fn unlink(&mut self, path: &str) -> Answer<()> {
        self.call(self.root(), |view, fd| view.unlink_file_at(fd, path.to_owned()))
    }

    pub(super) fn rename(&mut self, from: &str, to: &str) -> Answer<()> {
        self.rename_between(self.root(), from, self.root(), to)
    }

    pub(super) fn rename_between(&mut self, from_fd: Fd, from: &str, to_fd: Fd, to: &str) -> Answer<()> {
        self.call(from_fd, |view, fd| view.rename_at(fd, from.to_owned(), Resource::new_borrow(to_fd.0), to.to_owned()))
    }

    pub(super) fn link(&mut self, from: &str, to: &str) -> Answer<()> {
        self.link_between(self.root(), from, self.root(), to)
    }

    pub(super) fn link_between(&mut self, from_fd: Fd, from: &str, to_fd: Fd, to: &str) -> Answer<()> {
        self.call(from_fd, |view, fd| {
            view.link_at(fd, keep(), from.to_owned(), Resource::new_borrow(to_fd.0), to.to_owned())
        })
    }

    pub(super) fn symlink(&mut self, target: &str, path: &str) -> Answer<()> {
        self.call(self.root(), |view, fd| view.symlink_at(fd, target.to_owned(), path.to_owned()))
    }

    pub(super) fn readlink(&mut self, path: &str) -> Answer<String> {
        self.call(self.root(), |view, fd| view.readlink_at(fd, path.to_owned()))
    }

    pub(super) fn set_times(&mut self, follow: PathFlags, path: &str, modified: NewTimestamp) -> Answer<()> {
        self.call(self.root(), |view, fd| {
            view.set_times_at(fd, follow, path.to_owned(), NewTimestamp::NoChange, modified)
        })
    }

    pub(super) fn list(&mut self, path: &str) -> Answer<Vec<(String, DescriptorType)>> {
        let fd = self.open(path, DIRECTORY, READ)?;
        let listing = self.call(fd, |view, fd| view.read_directory(fd));
        self.close(fd);
        let listing = listing?;
        let mut entries = Vec::new();
        let outcome = loop {
            let stream: Resource<Listing> = Resource::new_borrow(listing.rep());
            match self.view().read_directory_entry(stream).map_err(failed) {
                Ok(Some(entry)) => entries.push((entry.name, entry.type_)),
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        HostDirectoryEntryStream::drop(&mut self.view(), listing).unwrap();
        outcome?;
        entries.sort_by(|one, other| one.0.cmp(&other.0));
        Ok(entries)
    }

    pub(super) fn names(&mut self, path: &str) -> Answer<Vec<String>> {
        Ok(self.list(path)?.into_iter().map(|(name, _)| name).collect())
    }

    pub(super) fn input(&mut self, fd: Fd, offset: u64) -> Answer<DynInputStream> {
        let stream = self.call(fd, |view, fd| view.read_via_stream(fd, offset))?;
        Ok(self.table.delete(stream).unwrap())
    }

    pub(super) fn output(&mut self, fd: Fd, offset: Option<u64>) -> Answer<DynOutputStream> {
        let stream = self.call(fd, |view, fd| match offset {
            Some(offset) => view.write_via_stream(fd, offset),
            None => view.append_via_stream(fd),
        })?;
        Ok(self.table.delete(stream).unwrap())
    }

    pub(super) fn same(&mut self, one: Fd, other: Fd) -> bool {
        self.view().is_same_object(Resource::new_borrow(one.0), Resource::new_borrow(other.0)).unwrap()
    }

    /// Why the last refusal was one, in the operator's words.
    pub(super) fn last_why(&self) -> Why {
        self.fs.notes().refusals.last().expect("something was refused").why
    }
}

impl OpenedGrants {
    fn resolve_by(&mut self, resolver: Resolver) {
        for grant in self.iter_mut() {
            let grant: &mut Grant = Arc::get_mut(grant).unwrap();
            // Where the kernel has no `openat2`, both runs are of the walk.
            if grant.base.resolver == Resolver::Kernel {
                let Base { host, root, identity, .. } = &*grant.base;
                let root = root.try_clone().unwrap();
                grant.base = Arc::new(Base { host: host.clone(), root, identity: *identity, resolver });
            }
        }
    }
}

pub(super) fn failed(error: FsError) -> Failed {
    match error {
        FsError::Code(code) => Failed::Code(code),
        FsError::Trap(trap) => {
            trap.downcast_ref::<Exceeded>().map_or(Failed::Trap, |exceeded| Failed::Limit(exceeded.limit))
        }
    }
}

pub(super) fn stream_failed(error: StreamError) -> Failed {
    match error {
        StreamError::Trap(trap) => failed(FsError::Trap(trap)),
        StreamError::LastOperationFailed(error) => error.downcast_ref().copied().map_or(Failed::Trap, Failed::Code),
        StreamError::Closed => Failed::Trap,
    }
}

/// Asserts a refusal with its code.
#[track_caller]
pub(super) fn refused<T: std::fmt::Debug>(answer: Answer<T>, code: ErrorCode) {
    assert_eq!(answer.unwrap_err(), Failed::Code(code));
}
