//! A client at the other end of two streams: those of the process that it started, or of a socket.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use rmcp::ServiceExt as _;
use rmcp::transport::io::stdio_pipes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::bounded::{Bounded, Unanswered};
use super::lines::{Direct, Lines};
use super::server::Server;

/// The longest message of a client, in bytes: the largest arguments, and room around them.
pub(super) const LONGEST_MESSAGE: usize = 5 << 20;

impl Server {
    /// Serves the client at the other end of standard input and output, until it goes away or this process is told to end.
    ///
    /// # Errors
    ///
    /// The client does not begin as the protocol has it.
    pub async fn serve_stdio(self) -> anyhow::Result<()> {
        // Listened to from here on: a signal that comes before would end the program in the midst of things.
        let mut told = Told::listen()?;
        let (input, output) = stdio_pipes();
        self.serve_streams(input, output, told.wait()).await
    }

    /// Serves the client at the other end of two streams, until it goes away or `told` is over. Each of its calls is settled
    /// when this returns.
    ///
    /// # Errors
    ///
    /// The client does not begin as the protocol has it.
    pub async fn serve_streams<R, W>(self, input: R, output: W, told: impl Future<Output = ()>) -> anyhow::Result<()>
    where
        R: AsyncRead + Unpin + Send + 'static,
        W: AsyncWrite + Unpin + Send + 'static,
    {
        let (gone, calls) = (self.gone().clone(), self.calls().clone());
        let _telling = AbortOnDropHandle::new(tokio::spawn(self.clone().tell_of_changes()));
        let input = UntilGone { input, gone: gone.clone() };
        let unanswered = Unanswered::default();
        let lines = Lines::new(input, output, LONGEST_MESSAGE).answering(Direct::of(&self, unanswered.clone()));
        let transport = Bounded::new(lines, unanswered);
        tokio::pin!(told);
        let running = tokio::select! {
            running = self.serve(transport) => running?,
            () = &mut told => return Ok(()),
        };
        let stop = running.cancellation_token();
        let ended = running.waiting();
        tokio::pin!(ended);
        tokio::select! {
            ended = &mut ended => drop(ended?),
            () = told => {
                gone.cancel();
                stop.cancel();
                drop(ended.await?);
            }
        }
        // Each call is settled before the program ends: what it had staged is gone, and the journal says why.
        gone.cancel();
        calls.close();
        calls.wait().await;
        Ok(())
    }
}

/// Input that says so as soon as it ends: the protocol's own machinery first waits for the calls that run.
struct UntilGone<R> {
    input: R,
    gone: CancellationToken,
}

impl<R: AsyncRead + Unpin> AsyncRead for UntilGone<R> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        let polled = Pin::new(&mut self.input).poll_read(context, into);
        let ended = match &polled {
            Poll::Ready(Ok(())) => into.filled().len() == before && into.remaining() > 0,
            Poll::Ready(Err(_)) => true,
            Poll::Pending => false,
        };
        if ended {
            self.gone.cancel();
        }
        polled
    }
}

/// The signals that ask a process to end.
struct Told {
    terminate: Signal,
    interrupt: Signal,
}

impl Told {
    fn listen() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Returns when one has come.
    async fn wait(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
