//! The file of tokens: who may write it, how it is changed, and when it is read again.
//!
//! Who can write it can let himself in, so a file that others can write is refused, whatever is in it.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::tokens::{Tokens, TokensError};
use crate::replace_file;

/// Longest file, in bytes: much more than all tokens that there may be.
const LONGEST: u64 = 256 << 10;

/// What can be wrong with the file.
#[derive(Debug, Clone, thiserror::Error)]
pub enum TokenFileError {
    /// The operating system refused.
    #[error("`{}` cannot be {what}: {why}", .path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What was to be done.
        what: &'static str,
        /// What the operating system says.
        why: String,
    },
    /// Somebody else could let himself in.
    #[error("`{path}` {why}: who can write it can let himself in; {fix}", path = .path.display(), fix = fix(.path, why))]
    Exposed {
        /// Which file.
        path: PathBuf,
        /// In which way.
        why: &'static str,
    },
    /// It is too long.
    #[error("`{}` is longer than {LONGEST} bytes: this is not a file of tokens", .0.display())]
    TooLong(PathBuf),
    /// What is in it is wrong.
    #[error("`{}`: {source}", .path.display())]
    Content {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        source: TokensError,
    },
    /// The change cannot be made.
    #[error(transparent)]
    Change(#[from] TokensError),
}

/// What to do about a file in which somebody else could let himself in.
fn fix(path: &Path, why: &str) -> String {
    match why {
        SHARED => format!("run `chmod 600 {}`", path.display()),
        _ => format!("make one of your own with `install -m 600 {} NEW`", path.display()),
    }
}

/// Why a file is refused that its owner can mend.
const SHARED: &str = "can be written by others";

/// A file of tokens.
#[derive(Debug, Clone)]
pub struct TokenFile(PathBuf);

/// What tells one content of the file from another, without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Version(Option<[i64; 7]>);

impl TokenFile {
    /// The file at this path, which need not be there.
    #[must_use]
    pub fn at(path: PathBuf) -> Self {
        Self(path)
    }

    /// The one in a state directory.
    #[must_use]
    pub fn of_state(state: &Path) -> Self {
        Self(state.join("tokens.toml"))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Which content it has now.
    pub(super) fn version(&self) -> Version {
        let told = std::fs::metadata(&self.0).ok();
        Version(told.map(|told| {
            let (mode, uid) = (i64::from(told.mode()), i64::from(told.uid()));
            let times = [told.mtime(), told.mtime_nsec(), told.ctime(), told.ctime_nsec()];
            let [changed, changed_nanos, touched, touched_nanos] = times;
            let place = told.ino().cast_signed() ^ told.dev().cast_signed().rotate_left(32);
            [place, changed, changed_nanos, touched, touched_nanos, mode, uid]
        }))
    }

    /// What is in it. No file, no tokens.
    ///
    /// # Errors
    ///
    /// [`TokenFileError`]; none of them holds anything of a token.
    pub fn read(&self) -> Result<Tokens, TokenFileError> {
        let file = match File::open(&self.0) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Tokens::default()),
            Err(error) => return Err(self.io("read")(error)),
        };
        // The file that is open is the one that is checked, whatever the path leads to by then.
        self.check(&file.metadata().map_err(self.io("read"))?)?;
        let mut text = String::new();
        file.take(LONGEST + 1).read_to_string(&mut text).map_err(self.io("read"))?;
        if text.len() as u64 > LONGEST {
            return Err(TokenFileError::TooLong(self.0.clone()));
        }
        Tokens::parse(&text).map_err(|source| TokenFileError::Content { path: self.0.clone(), source })
    }

    /// Changes what is in it, while nobody else does.
    ///
    /// # Errors
    ///
    /// It cannot be read or written, or the change is refused: the file is as it was then.
    pub fn change<T>(&self, change: impl FnOnce(&mut Tokens) -> Result<T, TokensError>) -> Result<T, TokenFileError> {
        let _turn = self.turn()?;
        let mut tokens = self.read()?;
        let changed = change(&mut tokens)?;
        let text = tokens.render()?;
        // Made for its owner alone; what replaces it gets the same mode.
        drop(private(&self.0).map_err(self.io("written"))?);
        replace_file::replace(&self.0, text.as_bytes()).map_err(self.io("written"))?;
        Ok(changed)
    }

    /// Held by who changes the file. It goes with the process.
    fn turn(&self) -> Result<File, TokenFileError> {
        let lock = private(&self.0.with_extension("lock")).map_err(self.io("locked"))?;
        lock.lock().map_err(self.io("locked"))?;
        Ok(lock)
    }

    fn check(&self, told: &std::fs::Metadata) -> Result<(), TokenFileError> {
        let exposed = |why| Err(TokenFileError::Exposed { path: self.0.clone(), why });
        if !told.is_file() {
            return exposed("is no file");
        }
        // A secret that is mounted belongs to the superuser, who can do anything anyway.
        if told.uid() != rustix::process::geteuid().as_raw() && told.uid() != 0 {
            return exposed("belongs to another user");
        }
        if told.mode() & 0o022 != 0 {
            return exposed(SHARED);
        }
        Ok(())
    }

    fn io(&self, what: &'static str) -> impl FnOnce(io::Error) -> TokenFileError {
        let path = self.0.clone();
        move |error| TokenFileError::Io { path, what, why: error.to_string() }
    }
}

/// Opens a file that only its owner may use, without following a link in its place.
fn private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    options.custom_flags(i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or_default());
    options.open(path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use jiff::Timestamp;
    use toolhold_core::id::Digest;

    use super::super::role::Role;
    use super::super::tokens::Token;
    use super::*;

    fn token(name: &str) -> Token {
        let (name, digest) = (name.parse().unwrap(), Digest::of(name.as_bytes()));
        Token { name, role: Role::Run, digest, created: Timestamp::UNIX_EPOCH, expires: None }
    }

    fn file(folder: &tempfile::TempDir) -> TokenFile {
        TokenFile::of_state(folder.path())
    }

    #[test]
    fn it_is_for_its_owner_alone_from_the_first_token_on() {
        let folder = tempfile::tempdir().unwrap();
        let file = file(&folder);
        assert!(file.read().unwrap().is_empty());
        file.change(|tokens| tokens.add(token("a"))).unwrap();
        file.change(|tokens| tokens.add(token("b"))).unwrap();
        assert_eq!(file.read().unwrap().iter().count(), 2);
        for name in ["tokens.toml", "tokens.lock"] {
            let mode = std::fs::metadata(folder.path().join(name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
    }

    #[test]
    fn one_that_others_can_write_lets_nobody_in() {
        let folder = tempfile::tempdir().unwrap();
        let file = file(&folder);
        file.change(|tokens| tokens.add(token("a"))).unwrap();
        for mode in [0o620, 0o602, 0o666] {
            std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(mode)).unwrap();
            let told = file.read().unwrap_err().to_string();
            assert!(told.contains(&format!("run `chmod 600 {}`", file.path().display())), "{mode:o}: {told}");
            assert!(file.change(|tokens| tokens.add(token("b"))).is_err());
        }
        if rustix::process::geteuid().is_root() {
            std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(0o600)).unwrap();
            std::os::unix::fs::chown(file.path(), Some(65_534), None).unwrap();
            assert!(matches!(file.read(), Err(TokenFileError::Exposed { .. })));
        }
    }

    #[test]
    fn a_link_in_its_place_is_not_written_through() {
        let folder = tempfile::tempdir().unwrap();
        let file = file(&folder);
        let target = folder.path().join("victim");
        std::os::unix::fs::symlink(&target, file.path()).unwrap();
        assert!(file.change(|tokens| tokens.add(token("a"))).is_err());
        assert!(!target.exists());
    }

    #[test]
    fn what_is_no_file_of_tokens_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = file(&folder);
        std::fs::write(file.path(), "x".repeat(usize::try_from(LONGEST).unwrap() + 1)).unwrap();
        std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(0o600)).unwrap();
        assert!(matches!(file.read(), Err(TokenFileError::TooLong(_))));
        std::fs::write(file.path(), "nonsense").unwrap();
        assert!(matches!(file.read(), Err(TokenFileError::Content { .. })));
        let of_folder = TokenFile::at(folder.path().to_owned());
        assert!(matches!(of_folder.read(), Err(TokenFileError::Exposed { .. })));
    }

    #[test]
    fn a_change_that_is_refused_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = file(&folder);
        file.change(|tokens| tokens.add(token("a"))).unwrap();
        let before = file.version();
        assert!(file.change(|tokens| tokens.add(token("a"))).is_err());
        assert!(file.change(|tokens| tokens.remove("b")).is_err());
        assert_eq!(file.version(), before);
        file.change(|tokens| tokens.remove("a")).unwrap();
        assert_ne!(file.version(), before);
    }
}
