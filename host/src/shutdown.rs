//! How a process that serves comes to its end: first nothing new begins, then what still runs is stopped.
//!
//! In between, calls that run may finish. What is stopped is settled like any call whose caller goes away; a run is left as it is,
//! and goes on when somebody takes it up. A call that waits for a person ends; the question stays, and the same call finds the answer.

use std::future::Future;
use std::io::{self, IsTerminal as _};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The end of a process, as everything in it sees it. Cheap to clone; all clones are the same end.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    begun: CancellationToken,
    now: CancellationToken,
    work: TaskTracker,
}

impl Shutdown {
    /// Nothing new begins from here on.
    pub fn begin(&self) {
        self.begun.cancel();
        self.work.close();
    }

    /// What still runs is stopped.
    pub fn stop_now(&self) {
        self.begin();
        self.now.cancel();
    }

    /// Whether nothing new may begin.
    #[must_use]
    pub fn is_begun(&self) -> bool {
        self.begun.is_cancelled()
    }

    /// Returns when nothing new may begin: streams without an end, end here.
    pub async fn begun(&self) {
        self.begun.cancelled().await;
    }

    /// Is cancelled when nothing new may begin.
    #[must_use]
    pub fn begins(&self) -> CancellationToken {
        self.begun.child_token()
    }

    /// Returns when what runs is to be stopped.
    pub async fn now(&self) {
        self.now.cancelled().await;
    }

    /// Is cancelled when what runs is to be stopped: what a call is given, so that its guest is stopped and the call is settled.
    #[must_use]
    pub fn stops(&self) -> CancellationToken {
        self.now.child_token()
    }

    /// Does something that the process waits for at its end.
    pub fn spawn<F>(&self, work: F) -> tokio::task::JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.work.spawn(work)
    }

    /// Returns when everything that was begun has ended.
    pub async fn ended(&self) {
        self.work.wait().await;
    }
}

/// The signals that ask a process to end. Listened to from the moment on that this is made: one that comes before would end the process in
/// the midst of things.
#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    /// Of a server alone: any other process ends by it, as by default.
    hang_up: Option<Signal>,
}

impl Signals {
    /// Listens.
    ///
    /// # Errors
    ///
    /// The operating system refuses.
    pub fn listen() -> io::Result<Self> {
        let (terminate, interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        Ok(Self { terminate, interrupt, hang_up: None })
    }

    /// Listens for a server, whom SIGHUP asks to take up its manifest anew unless it comes from its terminal.
    ///
    /// # Errors
    ///
    /// The operating system refuses.
    pub fn listen_as_server() -> io::Result<Self> {
        Ok(Self { hang_up: Some(signal(SignalKind::hangup())?), ..Self::listen()? })
    }

    /// Returns when the next one has come. `hung_up` is told of a SIGHUP by which nothing ends.
    pub async fn next(&mut self, hung_up: impl Fn()) {
        loop {
            let hang_up = async {
                match &mut self.hang_up {
                    Some(signal) => signal.recv().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                _ = hang_up => {
                    if std::io::stderr().is_terminal() {
                        return;
                    }
                    hung_up();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_begun_is_waited_for_and_stopped_only_when_it_is_said() {
        let shutdown = Shutdown::default();
        let stops = shutdown.stops();
        let work = shutdown.spawn(async move { stops.cancelled().await });
        shutdown.begin();
        shutdown.begun().await;
        assert!(shutdown.is_begun() && !work.is_finished());
        shutdown.stop_now();
        shutdown.ended().await;
        work.await.unwrap();
    }
}
