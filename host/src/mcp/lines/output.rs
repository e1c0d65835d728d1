//! Messages on their way out, in the order in which they were queued, as many in one write as there are.

use std::io;
use std::sync::{Mutex, PoisonError};

use rmcp::RoleServer;
use rmcp::service::TxJsonRpcMessage;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio_util::bytes::{Buf as _, Bytes};

/// The way out of a transport.
pub(super) struct Output<W> {
    queue: Mutex<Queue>,
    stream: tokio::sync::Mutex<Stream<W>>,
}

/// What nobody has begun to write.
#[derive(Default)]
struct Queue {
    bytes: Vec<u8>,
    /// Where it ends, in bytes from the beginning of the stream.
    end: u64,
}

struct Stream<W> {
    /// Nothing once it is closed or broken.
    to: Option<W>,
    /// What is being written. Whoever writes may stop at any time, and the next one goes on with the rest.
    writing: Bytes,
    /// Where that ends.
    end: u64,
    /// Up to where everything was written and flushed.
    written: u64,
}

impl<W: AsyncWrite + Unpin> Output<W> {
    pub(super) fn new(to: W) -> Self {
        let stream = Stream { to: Some(to), writing: Bytes::new(), end: 0, written: 0 };
        Self { queue: Mutex::default(), stream: tokio::sync::Mutex::new(stream) }
    }

    /// Queues a message, and says where it ends: [`Self::written`] writes up to there.
    pub(super) fn queue(&self, message: &TxJsonRpcMessage<RoleServer>) -> io::Result<u64> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let before = queue.bytes.len();
        if let Err(error) = serde_json::to_writer(&mut queue.bytes, message) {
            // Half a message would be taken for a part of the next one.
            queue.bytes.truncate(before);
            return Err(error.into());
        }
        queue.bytes.push(b'\n');
        queue.end += u64::try_from(queue.bytes.len() - before).unwrap_or(u64::MAX);
        Ok(queue.end)
    }

    /// How many bytes nobody has begun to write.
    pub(super) fn waiting(&self) -> usize {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).bytes.len()
    }

    /// Returns when everything up to `end` was written.
    pub(super) async fn written(&self, end: u64) -> io::Result<()> {
        let mut stream = self.stream.lock().await;
        while stream.written < end {
            stream.write(&self.queue).await?;
        }
        Ok(())
    }

    /// Closes the stream: whatever is not written is left out.
    pub(super) async fn close(&self) {
        drop(self.stream.lock().await.to.take());
    }
}

impl<W: AsyncWrite + Unpin> Stream<W> {
    /// Writes what was begun, and all that is queued by then.
    async fn write(&mut self, queue: &Mutex<Queue>) -> io::Result<()> {
        let Some(to) = &mut self.to else { return Err(io::ErrorKind::NotConnected.into()) };
        if !self.writing.has_remaining() && self.end == self.written {
            let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
            (self.writing, self.end) = (std::mem::take(&mut queue.bytes).into(), queue.end);
        }
        let done = match to.write_all_buf(&mut self.writing).await {
            Ok(()) => to.flush().await,
            Err(error) => Err(error),
        };
        match done {
            Ok(()) => self.written = self.end,
            Err(_) => self.to = None,
        }
        done
    }
}
