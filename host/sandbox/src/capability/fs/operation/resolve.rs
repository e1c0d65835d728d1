//! From a guest's path to a link-free path below the root, and back here when the disk says it is not link-free.
//!
//! First the path is taken at its word: no part a link. The view acts only if that is true, in one system call for most
//! operations. Where it is not, or where the path has a `..`, it is walked part by part, links are followed as far as the
//! grant allows, and the link-free path that comes out is tried like the first one. Nothing that the walk saw is relied
//! on: if a link appears in between, the view fails again, and after a few rounds the guest is told so.
//!
//! A walk never leaves the directory that it started from, looks at nothing that the rules do not let the guest pass
//! through, and treats a link's own path like a directory on the way.

use std::sync::Arc;

use toolhold_core::grant::Symlinks;

use super::super::bindings::types::ErrorCode;
use super::super::ctx::FsCtx;
use super::super::descriptor::Directory;
use super::super::error::FsResult;
use super::super::grants::Grant;
use super::super::notes::{Operation, Why};
use super::super::path::{GuestPath, RelPath};
use super::super::view::Kind;
use super::{Stop, code_for};
use rustix::io::Errno;

/// How often a path is resolved anew because somebody changes it meanwhile.
const ROUNDS: usize = 8;
/// As many links as Linux follows.
const MOST_LINKS: usize = 40;
/// Parts that one path may come to with all its links: a bound on the work of one call.
const MOST_STEPS: usize = 1024;

/// What is done with a link at the end of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Last {
    Follow,
    Keep,
}

/// A path as asked for: below which directory, by which text.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Asked<'a> {
    pub(in super::super) directory: &'a Directory,
    pub(in super::super) text: &'a str,
    pub(in super::super) last: Last,
}

/// Where it is.
#[derive(Debug, Clone)]
pub(in super::super) struct Place {
    pub(in super::super) grant: Arc<Grant>,
    pub(in super::super) path: RelPath,
    pub(in super::super) must_be_directory: bool,
    pub(in super::super) ends_in_dots: bool,
}

impl FsCtx {
    /// Runs `act` on the resolved paths, as often as it finds a link in them, and notes a refusal.
    pub(super) fn resolved<const N: usize, R>(
        &mut self,
        operation: Operation,
        asked: [Asked<'_>; N],
        mut act: impl FnMut(&mut Self, &[Place; N]) -> Result<R, Stop>,
    ) -> FsResult<R> {
        let mut places = Vec::with_capacity(N);
        let outcome = self.in_rounds(&asked, &mut places, &mut act);
        let (why, code) = match outcome {
            Ok(done) => return Ok(done),
            Err(Stop::Fs(error)) => return Err(error),
            Err(Stop::Refused(why)) => (why, code_for(why)),
            Err(Stop::Link) if asked.iter().any(|asked| asked.directory.grant.symlinks == Symlinks::Deny) => {
                (Why::Symlink, code_for(Why::Symlink))
            }
            Err(Stop::Link) => return Err(ErrorCode::Loop.into()),
        };
        for (index, asked) in asked.iter().enumerate() {
            let path = places.get(index).map_or(asked.text, |place: &Place| place.path.as_str());
            self.notes.refused(&asked.directory.grant.guest, path, operation, why);
        }
        Err(code.into())
    }

    fn in_rounds<const N: usize, R>(
        &mut self,
        asked: &[Asked<'_>; N],
        places: &mut Vec<Place>,
        act: &mut impl FnMut(&mut Self, &[Place; N]) -> Result<R, Stop>,
    ) -> Result<R, Stop> {
        let mut walked = false;
        let mut tried = each(asked, |asked| self.first_guess(asked))?;
        for _ in 0..ROUNDS {
            places.clear();
            places.extend(tried.iter().cloned());
            let stop = match act(self, &tried) {
                Ok(done) => return Ok(done),
                Err(stop) => stop,
            };
            let may_follow = asked.iter().any(|asked| asked.directory.grant.symlinks != Symlinks::Deny);
            // A refused path may lead somewhere else by a link, but the second refusal is final.
            let again = matches!(stop, Stop::Link) || (matches!(stop, Stop::Refused(_)) && !walked);
            if !(again && may_follow) {
                return Err(stop);
            }
            let next = match each(asked, |asked| self.walk(asked)) {
                // What the walk could not pass is no better answer than what was refused at first.
                Err(_) if matches!(stop, Stop::Refused(_)) => return Err(stop),
                next => next?,
            };
            let same = next.iter().zip(&tried).all(|(next, tried)| next.path == tried.path);
            if same && (walked || matches!(stop, Stop::Refused(_))) {
                return Err(stop);
            }
            walked = true;
            tried = next;
        }
        Err(Stop::Link)
    }
}

impl FsCtx {
    /// The path at its word, if it has no `..`.
    fn first_guess(&self, asked: &Asked<'_>) -> Result<Place, Stop> {
        let text = parse(asked)?;
        match text.lexical(&asked.directory.path) {
            Some(path) => Ok(place(asked, text, path)),
            None => self.walk(asked),
        }
    }

    /// The path part by part, with links followed where the grant allows it.
    fn walk(&self, asked: &Asked<'_>) -> Result<Place, Stop> {
        let text = parse(asked)?;
        let grant = &asked.directory.grant;
        let base = &asked.directory.path;
        let mut here = base.clone();
        let mut ahead: Vec<String> = text.parts().rev().map(str::to_owned).collect();
        let (mut links, mut steps) = (0, 0);
        while let Some(part) = ahead.pop() {
            steps += 1;
            if steps > MOST_STEPS {
                return Err(ErrorCode::NameTooLong.into());
            }
            self.in_time()?;
            if part == ".." {
                // INVARIANT: `here` was looked at and is a directory, so that going up from it is dropping its name.
                if here == *base {
                    return Err(Why::Escape.into());
                }
                here.pop();
                continue;
            }
            let next = here.join(&part);
            if ahead.is_empty() && asked.last == Last::Keep {
                here = next;
                break;
            }
            if !grant.rules.may_enter(&next) {
                return Err(grant.rules.why_not(&next, false).into());
            }
            let look = match self.view.look(grant, &next) {
                Err(Errno::NOENT) if ahead.is_empty() => {
                    here = next;
                    break;
                }
                look => look?,
            };
            match look.kind {
                Kind::Link => {
                    links += 1;
                    follow(grant, &look.link_target()?, links, &mut ahead)?;
                }
                Kind::Directory => here = next,
                _ if ahead.is_empty() => here = next,
                _ => return Err(ErrorCode::NotDirectory.into()),
            }
        }
        Ok(place(asked, text, here))
    }
}

fn each<const N: usize>(
    asked: &[Asked<'_>; N],
    mut place: impl FnMut(&Asked<'_>) -> Result<Place, Stop>,
) -> Result<[Place; N], Stop> {
    let places = asked.iter().map(&mut place).collect::<Result<Vec<_>, _>>()?;
    places.try_into().map_err(|_| Stop::Fs(ErrorCode::Invalid.into()))
}

fn parse<'a>(asked: &Asked<'a>) -> Result<GuestPath<'a>, Stop> {
    match GuestPath::parse(asked.text) {
        Err(ErrorCode::NotPermitted) => Err(Why::Escape.into()),
        parsed => Ok(parsed?),
    }
}

fn place(asked: &Asked<'_>, text: GuestPath<'_>, path: RelPath) -> Place {
    let grant = Arc::clone(&asked.directory.grant);
    Place { grant, path, must_be_directory: text.must_be_directory, ends_in_dots: text.ends_in_dots }
}

/// Puts the parts of a link's target ahead of what is left of the path.
fn follow(grant: &Grant, target: &str, links: usize, ahead: &mut Vec<String>) -> Result<(), Stop> {
    if grant.symlinks == Symlinks::Deny {
        return Err(Why::Symlink.into());
    }
    if links > MOST_LINKS {
        return Err(ErrorCode::Loop.into());
    }
    match GuestPath::parse(target) {
        Ok(target) => ahead.extend(target.parts().rev().map(str::to_owned)),
        Err(ErrorCode::NotPermitted) => return Err(Why::Escape.into()),
        Err(code) => return Err(code.into()),
    }
    Ok(())
}
