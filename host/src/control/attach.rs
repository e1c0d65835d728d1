//! An MCP client whose state directory somebody else holds: what it says goes to the holder, what that answers goes back.

use std::path::Path;
use std::time::Duration;

use rmcp::transport::io::stdio_pipes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::MCP;
use super::holder::{HELLO, said};
use super::socket::{SocketError, connect};
use crate::mcp::Settings;
use crate::shutdown::Signals;

/// How long the holder may take to answer.
const ANSWER_TIME: Duration = Duration::from_secs(10);

/// How an attached client came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attached {
    /// Nobody listens.
    Nobody,
    /// The client went away, or this process was told to end.
    Done,
    /// The holder went away.
    HolderEnded,
}

/// Why a client is not attached.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AttachError {
    /// There is no way to the holder.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// It does not answer as it should.
    #[error(
        "the process that holds the state serves no more MCP clients, or is another version of toolhold: stop it, or wait until it ends"
    )]
    NotServed,
    /// Signals cannot be listened to.
    #[error("signals cannot be listened to: {0}")]
    Signals(std::io::Error),
}

/// Lets the client at the other end of standard input and output speak to whoever holds the state directory.
///
/// # Errors
///
/// [`AttachError`].
pub(crate) async fn attach(state: &Path, settings: Settings) -> Result<Attached, AttachError> {
    let mut signals = Signals::listen().map_err(AttachError::Signals)?;
    let Some(mut stream) = connect(state, MCP).await? else { return Ok(Attached::Nobody) };
    let hello = [HELLO.as_slice(), &[said(settings)]].concat();
    let greeted = async {
        let mut answer = [0; HELLO.len()];
        stream.write_all(&hello).await?;
        stream.read_exact(&mut answer).await.map(|_| answer == *HELLO)
    };
    if !matches!(tokio::time::timeout(ANSWER_TIME, greeted).await, Ok(Ok(true))) {
        return Err(AttachError::NotServed);
    }
    let (mut from_holder, mut to_holder) = stream.into_split();
    let (mut input, mut output) = stdio_pipes();
    let asking = async {
        let _broken = tokio::io::copy(&mut input, &mut to_holder).await.is_err();
        let _gone = to_holder.shutdown().await.is_err();
    };
    let answering = async {
        let _broken = tokio::io::copy(&mut from_holder, &mut output).await.is_err();
    };
    tokio::pin!(asking, answering);
    let mut asks = true;
    loop {
        tokio::select! {
            () = &mut answering => return Ok(if asks { Attached::HolderEnded } else { Attached::Done }),
            () = signals.next(|| ()) => return Ok(Attached::Done),
            // The client asks nothing more. What it asked is answered, or given up by the holder, before this process ends.
            () = &mut asking, if asks => asks = false,
        }
    }
}
