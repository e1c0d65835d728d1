//! A socket in the state directory: made by who holds it, found by others, for one user alone.

use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use tokio::net::{UnixListener, UnixStream};

/// Why there is no socket, or nobody at its other end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SocketError {
    /// The operating system refused.
    #[error("`{}` cannot be {what}: {source}", .path.display())]
    Io {
        /// Which socket.
        path: PathBuf,
        /// What was to be done.
        what: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// Something else is there, or somebody else has put it there.
    #[error("`{}` {why}: it is not used", .path.display())]
    NotOurs {
        /// Which socket.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
}

/// The state directory, opened: names in it are short, however long the path to it is, and stay in it.
#[derive(Debug)]
struct Folder {
    handle: OwnedFd,
    path: PathBuf,
}

impl Folder {
    fn open(path: &Path) -> Result<Self, SocketError> {
        let opened = rustix::fs::open(path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
        let failed =
            |error: rustix::io::Errno| SocketError::Io { path: path.to_owned(), what: "opened", source: error.into() };
        Ok(Self { handle: opened.map_err(failed)?, path: path.to_owned() })
    }

    /// A path of a name in it that fits into the address of a socket.
    fn short(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}/{name}", self.handle.as_raw_fd()))
    }

    fn io(&self, name: &str, what: &'static str) -> impl FnOnce(io::Error) -> SocketError {
        let path = self.path.join(name);
        move |source| SocketError::Io { path, what, source }
    }
}

/// A socket that is listened on. It goes when this goes.
#[derive(Debug)]
pub(super) struct Listener {
    listener: UnixListener,
    folder: Folder,
    name: &'static str,
}

impl Listener {
    /// Makes the socket, in the place of whatever was left there.
    ///
    /// Only who holds the state directory may do this: what is there is taken for left over.
    pub(super) fn bind(state: &Path, name: &'static str) -> Result<Self, SocketError> {
        let folder = Folder::open(state)?;
        // Under another name first: the socket is for its owner alone before anybody finds it.
        let fresh = format!(".new-{name}");
        match std::fs::remove_file(folder.short(&fresh)) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(folder.io(name, "made")(error)),
        }
        let listener = UnixListener::bind(folder.short(&fresh)).map_err(folder.io(name, "made"))?;
        let private = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(folder.short(&fresh), private).map_err(folder.io(name, "made"))?;
        std::fs::rename(folder.short(&fresh), folder.short(name)).map_err(folder.io(name, "made"))?;
        Ok(Self { listener, folder, name })
    }

    /// The next one who connects and is the same user.
    pub(super) async fn accept(&self) -> io::Result<UnixStream> {
        loop {
            let (stream, _) = self.listener.accept().await?;
            match is_same_user(&stream) {
                true => return Ok(stream),
                false => tracing::warn!(socket = self.name, "another user was turned away"),
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // Whoever comes after makes it anew, so it may also stay.
        let _stays = std::fs::remove_file(self.folder.short(self.name)).is_err();
    }
}

/// Connects to the one who holds the state directory. `None` where nobody listens.
///
/// # Errors
///
/// Something else is in the socket's place, or somebody else at its other end.
pub(crate) async fn connect(state: &Path, name: &str) -> Result<Option<UnixStream>, SocketError> {
    let folder = match Folder::open(state) {
        Ok(folder) => folder,
        Err(SocketError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let not_ours = |why| SocketError::NotOurs { path: state.join(name), why };
    let told = match std::fs::symlink_metadata(folder.short(name)) {
        Ok(told) => told,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(folder.io(name, "read")(error)),
    };
    if !told.file_type().is_socket() {
        return Err(not_ours("is no socket"));
    }
    if told.uid() != rustix::process::geteuid().as_raw() {
        return Err(not_ours("belongs to another user"));
    }
    match UnixStream::connect(folder.short(name)).await {
        Ok(stream) if is_same_user(&stream) => Ok(Some(stream)),
        Ok(_) => Err(not_ours("is another user's")),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(None),
        Err(error) => Err(folder.io(name, "reached")(error)),
    }
}

/// Whether the other end is a process of this user, as the kernel says.
fn is_same_user(stream: &UnixStream) -> bool {
    stream.peer_cred().is_ok_and(|peer| peer.uid() == rustix::process::geteuid().as_raw())
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    const NAME: &str = "control.sock";

    #[tokio::test]
    async fn a_socket_is_for_its_owner_alone_and_goes_with_who_made_it() {
        let folder = tempfile::tempdir().unwrap();
        assert!(connect(folder.path(), NAME).await.unwrap().is_none());
        let listener = Listener::bind(folder.path(), NAME).unwrap();
        let mode = std::fs::metadata(folder.path().join(NAME)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let mut client = connect(folder.path(), NAME).await.unwrap().unwrap();
        let mut server = listener.accept().await.unwrap();
        client.write_all(b"hello").await.unwrap();
        let mut bytes = [0; 5];
        server.read_exact(&mut bytes).await.unwrap();
        assert_eq!(&bytes, b"hello");
        drop(listener);
        assert!(!folder.path().join(NAME).exists());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn what_was_left_behind_is_replaced_and_a_link_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        // A socket of one that was killed.
        drop(std::os::unix::net::UnixListener::bind(folder.path().join(NAME)).unwrap());
        assert!(connect(folder.path(), NAME).await.unwrap().is_none());
        drop(Listener::bind(folder.path(), NAME).unwrap());
        // A link to somewhere else, where somebody listens.
        let elsewhere = tempfile::tempdir().unwrap();
        let victim = elsewhere.path().join("victim");
        let _listening = std::os::unix::net::UnixListener::bind(&victim).unwrap();
        std::os::unix::fs::symlink(&victim, folder.path().join(NAME)).unwrap();
        let error = connect(folder.path(), NAME).await.unwrap_err().to_string();
        assert!(error.contains("is no socket"), "{error}");
        let _listener = Listener::bind(folder.path(), NAME).unwrap();
        assert!(victim.exists() && connect(folder.path(), NAME).await.unwrap().is_some());
        // A file.
        drop(_listener);
        std::fs::write(folder.path().join(NAME), "").unwrap();
        assert!(connect(folder.path(), NAME).await.is_err());
    }

    #[tokio::test]
    async fn the_path_to_it_may_be_long() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("d".repeat(100)).join("e".repeat(100));
        std::fs::create_dir_all(&deep).unwrap();
        let _listener = Listener::bind(&deep, NAME).unwrap();
        assert!(connect(&deep, NAME).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn another_user_is_turned_away() {
        if !rustix::process::geteuid().is_root() {
            eprintln!("SKIPPED: only the superuser can be another user");
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let open = std::fs::Permissions::from_mode(0o777);
        std::fs::set_permissions(folder.path(), open.clone()).unwrap();
        let listener = Listener::bind(folder.path(), NAME).unwrap();
        let path = folder.path().join(NAME);
        // As whoever the program `setpriv` makes us. The socket's own mode keeps them out; so does, without it, what the kernel says.
        let other = |path: &Path| {
            let script = "$SIG{PIPE} = 'IGNORE'; socket(S, PF_UNIX, SOCK_STREAM, 0); \
                          connect(S, pack_sockaddr_un($ARGV[0])) or die $!; print 'connected '; \
                          syswrite(S, 'x'); print sysread(S, $b, 1) ? 'served' : 'ended';";
            let mut command = tokio::process::Command::new("setpriv");
            command.args([
                "--reuid=65534",
                "--regid=65534",
                "--clear-groups",
                "/usr/bin/perl",
                "-MSocket",
                "-e",
                script,
            ]);
            command.arg(path);
            command
        };
        let refused = other(&path).output().await.unwrap();
        assert!(String::from_utf8_lossy(&refused.stderr).contains("Permission denied"), "{refused:?}");
        assert!(refused.stdout.is_empty(), "{refused:?}");
        std::fs::set_permissions(&path, open).unwrap();
        let told = tokio::time::timeout(std::time::Duration::from_secs(20), async {
            tokio::select! {
                accepted = listener.accept() => panic!("{accepted:?}"),
                told = async { other(&path).output().await.unwrap() } => told,
            }
        });
        let told = told.await.unwrap();
        assert_eq!(String::from_utf8_lossy(&told.stdout), "connected ended", "{told:?}");
    }
}
