//! Opening and creating.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use rustix::fs::Stat;
use rustix::io::Errno;

use super::super::bindings::types::{DescriptorFlags, ErrorCode, OpenFlags};
use super::super::ctx::FsCtx;
use super::super::descriptor::{Descriptor, Directory, Node};
use super::super::error::{FsError, FsResult};
use super::super::file::{Content, File};
use super::super::grants::Grant;
use super::super::handle::Handle;
use super::super::identity::Identity;
use super::super::notes::{Operation, Touched, Why};
use super::super::view::{self, How, Kind};
use super::Stop;
use super::resolve::{Asked, Last, Place};

/// How often a file that others create and remove is tried.
const TRIES: usize = 8;

/// What a guest asks of `open-at` besides the path.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Request {
    pub(in super::super) open: OpenFlags,
    pub(in super::super) flags: DescriptorFlags,
}

/// What was opened.
enum Opened {
    File { content: Content, stat: Stat, created: bool },
    Directory(Stat),
}

impl Request {
    fn reads(self) -> bool {
        self.flags.contains(DescriptorFlags::READ) || !self.flags.contains(DescriptorFlags::WRITE)
    }

    fn creates(self) -> bool {
        self.open.contains(OpenFlags::CREATE)
    }

    fn is_exclusive(self) -> bool {
        self.creates() && self.open.contains(OpenFlags::EXCLUSIVE)
    }

    fn truncates(self) -> bool {
        self.open.contains(OpenFlags::TRUNCATE)
    }

    /// Needs the right to write, whether or not it comes to writing.
    fn writes(self) -> bool {
        self.flags.contains(DescriptorFlags::WRITE) || self.creates() || self.truncates()
    }

    fn check(self) -> Result<(), ErrorCode> {
        let not_for_directories = OpenFlags::CREATE | OpenFlags::EXCLUSIVE | OpenFlags::TRUNCATE;
        if self.open.contains(OpenFlags::DIRECTORY) && self.open.intersects(not_for_directories) {
            return Err(ErrorCode::Invalid);
        }
        Ok(())
    }

    fn how(self, place: &Place) -> How {
        let integrity = DescriptorFlags::FILE_INTEGRITY_SYNC
            | DescriptorFlags::DATA_INTEGRITY_SYNC
            | DescriptorFlags::REQUESTED_WRITE_SYNC;
        How {
            read: self.reads(),
            write: self.flags.contains(DescriptorFlags::WRITE) || self.truncates(),
            synchronous: self.flags.intersects(integrity),
            must_be_directory: place.must_be_directory || self.open.contains(OpenFlags::DIRECTORY),
        }
    }
}

impl FsCtx {
    /// Opens `text` below `directory`.
    pub(in super::super) fn open_at(
        &mut self,
        directory: &Directory,
        last: Last,
        text: &str,
        request: Request,
    ) -> FsResult<Descriptor> {
        request.check()?;
        let handle = Handle::take(&self.meter)?;
        // What must not be there is not looked for behind a link either: POSIX follows none at the end then.
        let last = if request.is_exclusive() { Last::Keep } else { last };
        let asked = Asked { directory, text, last };
        self.resolved(Operation::Open, [asked], |fs, [place]| fs.open_resolved(place, request))
            .map(|(node, flags)| Descriptor { node, flags, _handle: Some(handle) })
    }

    fn open_resolved(&mut self, place: &Place, request: Request) -> Result<(Node, DescriptorFlags), Stop> {
        let rules = &place.grant.rules;
        let as_file =
            (!request.reads() || rules.may_read(&place.path)) && (!request.writes() || rules.may_write(&place.path));
        let as_directory = !request.writes() && rules.may_enter(&place.path);
        if !as_file && !as_directory {
            return Err(rules.why_not(&place.path, request.writes()).into());
        }
        if request.flags.contains(DescriptorFlags::MUTATE_DIRECTORY) && rules.read_only() {
            return Err(Why::ReadOnly.into());
        }
        let opened = if as_file { self.open_any(place, request)? } else { self.enter(place)? };
        let (Opened::File { stat, .. } | Opened::Directory(stat)) = &opened;
        if self.shield.covers(stat) {
            return Err(Why::Protected.into());
        }
        match opened {
            Opened::Directory(stat) => Ok(self.directory(place, &stat)),
            Opened::File { content, stat, created } => self.file(place, request, content, &stat, created),
        }
    }

    /// Opens a directory that only leads to what is granted. A file there may not be read: that is all there is to say.
    fn enter(&self, place: &Place) -> Result<Opened, Stop> {
        match self.view.enter(&place.grant, &place.path) {
            Err(Errno::NOTDIR) => Err(Why::NotReadable.into()),
            stat => Ok(Opened::Directory(stat?)),
        }
    }

    fn open_any(&self, place: &Place, request: Request) -> Result<Opened, Stop> {
        let how = request.how(place);
        for _ in 0..TRIES {
            if !(request.creates() && request.open.contains(OpenFlags::EXCLUSIVE)) {
                match self.view.open(&place.grant, &place.path, how) {
                    Err(Errno::NOENT) if request.creates() => {}
                    // With `create` and a slash at the end, the path asks for a file that is a directory.
                    Err(Errno::NOTDIR) if request.creates() && how.must_be_directory => {
                        return Err(ErrorCode::NotDirectory.into());
                    }
                    opened => return existing(opened?, request),
                }
            }
            if how.must_be_directory {
                return Err(ErrorCode::IsDirectory.into());
            }
            match self.creating(|| self.view.create(&place.grant, &place.path, how)) {
                Err(Stop::Fs(error)) if is_exist(&error) && !request.open.contains(OpenFlags::EXCLUSIVE) => {}
                created => {
                    let (content, stat) = created?;
                    let content = content.ok_or(ErrorCode::Io)?;
                    return Ok(Opened::File { content, stat, created: true });
                }
            }
        }
        Err(ErrorCode::Busy.into())
    }

    fn directory(&mut self, place: &Place, stat: &Stat) -> (Node, DescriptorFlags) {
        let flags = directory_flags(&place.grant);
        let identity = Identity::of(stat);
        (Node::Directory(Directory { grant: Arc::clone(&place.grant), path: place.path.clone(), identity }), flags)
    }

    fn file(
        &mut self,
        place: &Place,
        request: Request,
        content: Content,
        stat: &Stat,
        created: bool,
    ) -> Result<(Node, DescriptorFlags), Stop> {
        let (guest, path) = (&place.grant.guest, place.path.as_str());
        let may_write = request.flags.contains(DescriptorFlags::WRITE);
        if created {
            self.notes.touched(guest, path, Touched::Created);
        } else {
            if request.truncates() {
                content.clear(&self.meter).map_err(Stop::Fs)?;
            }
            if may_write || request.truncates() {
                self.notes.touched(guest, path, Touched::Written);
            }
        }
        if request.reads() {
            self.notes.touched(guest, path, Touched::Read);
        }
        let size = if request.truncates() { 0 } else { u64::try_from(stat.st_size).unwrap_or(0) };
        let file = File {
            content,
            identity: Identity::of(stat),
            grant: Arc::clone(&place.grant),
            path: place.path.clone(),
            may_read: request.reads(),
            may_write,
            meter: Arc::clone(&self.meter),
            size_seen: AtomicU64::new(size),
        };
        let reading = if request.reads() { DescriptorFlags::READ } else { DescriptorFlags::empty() };
        let flags = (request.flags & !DescriptorFlags::MUTATE_DIRECTORY) | reading;
        Ok((Node::File(Arc::new(file)), flags))
    }
}

/// A granted directory as guests get it, without a handle of its own.
pub(in super::super) fn root(grant: &Arc<Grant>) -> Descriptor {
    let directory = Directory { grant: Arc::clone(grant), path: Default::default(), identity: grant.base.identity };
    Descriptor { node: Node::Directory(directory), flags: directory_flags(grant), _handle: None }
}

/// What a descriptor of a directory says of itself.
fn directory_flags(grant: &Grant) -> DescriptorFlags {
    let mutate = if grant.rules.read_only() { DescriptorFlags::empty() } else { DescriptorFlags::MUTATE_DIRECTORY };
    DescriptorFlags::READ | mutate
}

/// What was there already. The file is not truncated yet: first it must turn out to be one, and not a protected one.
fn existing((content, stat): view::Opened, request: Request) -> Result<Opened, Stop> {
    match Kind::of(&stat) {
        Kind::File => {
            let content = content.ok_or(ErrorCode::Io)?;
            Ok(Opened::File { content, stat, created: false })
        }
        Kind::Directory if request.writes() => Err(ErrorCode::IsDirectory.into()),
        Kind::Directory => Ok(Opened::Directory(stat)),
        Kind::Link | Kind::Special => Err(Why::SpecialFile.into()),
    }
}

fn is_exist(error: &FsError) -> bool {
    matches!(error, FsError::Code(ErrorCode::Exist))
}
