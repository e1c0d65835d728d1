//! Setting times and sizes.

use rustix::fs::{Timespec, Timestamps, UTIME_NOW, UTIME_OMIT};

use super::super::bindings::types::{ErrorCode, NewTimestamp};
use super::super::ctx::FsCtx;
use super::super::descriptor::{Descriptor, Directory, Node};
use super::super::error::FsResult;
use super::super::file::File;
use super::super::notes::{Operation, Touched, Why};
use super::super::view::Kind;
use super::resolve::{Asked, Last};
use super::{Stop, code_for};

impl FsCtx {
    /// Sets the times of `text` below `directory`.
    pub(in super::super) fn set_times_at(
        &mut self,
        directory: &Directory,
        last: Last,
        text: &str,
        times: &Timestamps,
    ) -> FsResult<()> {
        let asked = Asked { directory, text, last };
        self.resolved(Operation::SetTimes, [asked], |fs, [place]| {
            place.grant.rules.require_write(&place.path)?;
            let look = fs.view.look(&place.grant, &place.path)?;
            match look.kind {
                Kind::Link => return Err(Stop::Link),
                Kind::Special => return Err(Why::SpecialFile.into()),
                Kind::File if place.must_be_directory => return Err(ErrorCode::NotDirectory.into()),
                Kind::File | Kind::Directory => {}
            }
            if fs.shield.covers(&look.stat) {
                return Err(Why::Protected.into());
            }
            fs.view.set_times(&place.grant, &place.path, times)?;
            fs.notes.touched(&place.grant.guest, place.path.as_str(), Touched::Written);
            Ok(())
        })
    }

    /// Sets the times of what is open. Being open for reading is enough if the path may be written.
    pub(in super::super) fn set_times(&mut self, descriptor: &Descriptor, times: &Timestamps) -> FsResult<()> {
        match &descriptor.node {
            Node::Directory(directory) => self.set_times_at(directory, Last::Keep, ".", times),
            Node::File(file) => {
                self.require_write(file, Operation::SetTimes)?;
                file.content.set_times(times)?;
                self.notes.touched(&file.grant.guest, file.path.as_str(), Touched::Written);
                Ok(())
            }
        }
    }

    /// Cuts or extends an open file.
    pub(in super::super) fn set_size(&mut self, file: &File, size: u64) -> FsResult<()> {
        self.require_write(file, Operation::SetSize)?;
        file.set_size(size)?;
        self.notes.touched(&file.grant.guest, file.path.as_str(), Touched::Written);
        Ok(())
    }

    fn require_write(&mut self, file: &File, operation: Operation) -> FsResult<()> {
        file.grant.rules.require_write(&file.path).map_err(|why| {
            self.notes.refused(&file.grant.guest, file.path.as_str(), operation, why);
            code_for(why).into()
        })
    }
}

/// What a guest wants the times to be.
pub(in super::super) fn timestamps(access: NewTimestamp, modification: NewTimestamp) -> Result<Timestamps, ErrorCode> {
    Ok(Timestamps { last_access: timespec(access)?, last_modification: timespec(modification)? })
}

fn timespec(time: NewTimestamp) -> Result<Timespec, ErrorCode> {
    match time {
        NewTimestamp::NoChange => Ok(Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT }),
        NewTimestamp::Now => Ok(Timespec { tv_sec: 0, tv_nsec: UTIME_NOW }),
        NewTimestamp::Timestamp(time) if time.nanoseconds >= 1_000_000_000 => Err(ErrorCode::Invalid),
        NewTimestamp::Timestamp(time) => {
            let tv_sec = i64::try_from(time.seconds).map_err(|_| ErrorCode::Overflow)?;
            Ok(Timespec { tv_sec, tv_nsec: time.nanoseconds.into() })
        }
    }
}
