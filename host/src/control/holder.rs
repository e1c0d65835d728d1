//! Who holds a state directory: listens on its sockets, for as long as it holds it.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use hyper::body::Incoming;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::sync::Semaphore;

use super::socket::Listener;
use super::{CONTROL, MCP, routes};
use crate::Host;
use crate::access::{Caller, Connection};
use crate::mcp::{Server, Settings};
use crate::serve::{Bounds, Marks, drive};
use crate::shutdown::Shutdown;

/// Clients of one socket at once.
const MOST_CLIENTS: usize = 32;

/// How long a client may take to say what it wants.
const HELLO_TIME: Duration = Duration::from_secs(5);

/// What a process that attaches an MCP client says first, and is told when it is attached: one byte each, after this line, so that another
/// version is told from this one.
pub(super) const HELLO: &[u8; 16] = b"toolhold mcp 1\r\n";

/// Its calls change things.
pub(super) const LIVE: u8 = b'L';

/// Its calls are previews.
pub(super) const PREVIEW: u8 = b'P';

/// Somebody listens on the sockets of a state directory, for as long as this is there.
#[derive(Debug)]
pub(crate) struct Holding(Shutdown);

impl Holding {
    /// Listens no more, and returns when everybody who was served is gone.
    pub(crate) async fn end(self) {
        self.0.stop_now();
        self.0.ended().await;
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        self.0.stop_now();
    }
}

/// Listens on the sockets of the state directory of `host`, for a process that has nothing else to serve.
pub(crate) fn hold(host: &Host) -> Holding {
    let shutdown = Shutdown::default();
    hold_with(host, routes::router(host.clone()), &shutdown);
    Holding(shutdown)
}

/// Listens on the sockets of the state directory of `host` until the process ends: commands are answered by `router`, MCP clients by a
/// server of their own.
///
/// Where there can be no socket, the log says so and the process goes on: others are told that the directory is in use.
pub(crate) fn hold_with(host: &Host, router: Router, shutdown: &Shutdown) {
    let state = host.journal().directory();
    let bound = Listener::bind(state, CONTROL).and_then(|control| Ok((control, Listener::bind(state, MCP)?)));
    let (control, mcp) = match bound {
        Ok(both) => both,
        Err(error) => return tracing::warn!(%error, "other processes cannot reach this one"),
    };
    let marks = Local(Caller::local(&rustix::process::geteuid().as_raw().to_string()));
    let ending = shutdown.clone();
    listen(control, host.clone(), shutdown, move |stream| {
        let (marks, router, shutdown) = (marks.clone(), router.clone(), ending.clone());
        async move { drive(stream, marks, router, &Bounds::default(), &shutdown).await }
    });
    let (served, ending) = (host.clone(), shutdown.clone());
    listen(mcp, host.clone(), shutdown, move |stream| attached(served.clone(), stream, ending.clone()));
}

/// Hands each client of a socket to `serve`.
///
/// INVARIANT: the socket goes before `host` does, so that it is never that of the next one who holds the directory.
fn listen<F>(listener: Listener, host: Host, shutdown: &Shutdown, serve: impl Fn(UnixStream) -> F + Send + 'static)
where
    F: Future<Output = ()> + Send + 'static,
{
    let ending = shutdown.clone();
    drop(shutdown.spawn(async move {
        let _held = host;
        let listener = listener;
        let places = Arc::new(Semaphore::new(MOST_CLIENTS));
        loop {
            let accepted = tokio::select! {
                () = ending.begun() => return,
                accepted = listener.accept() => accepted,
            };
            let (Ok(stream), Ok(place)) = (accepted, Arc::clone(&places).try_acquire_owned()) else { continue };
            let served = serve(stream);
            drop(ending.spawn(async move {
                served.await;
                drop(place);
            }));
        }
    }));
}

/// Every request by way of the control socket comes from whoever may use the state directory anyway.
#[derive(Clone)]
struct Local(Caller);

impl Marks for Local {
    fn mark(&self, request: &mut Request<Incoming>) {
        request.extensions_mut().insert(self.0.clone());
        request.extensions_mut().insert(Connection::LOCAL);
    }
}

/// Serves one MCP client at the other end of a socket: its calls are a run of their own.
async fn attached(host: Host, stream: UnixStream, shutdown: Shutdown) {
    let (mut input, mut output) = stream.into_split();
    let Ok(Some(preview)) = tokio::time::timeout(HELLO_TIME, wanted(&mut input)).await else { return };
    if output.write_all(HELLO).await.is_err() {
        return;
    }
    let server = Server::new(host, Settings { preview });
    if let Err(error) = server.serve_streams(input, output, shutdown.begun()).await {
        tracing::warn!(%error, "an attached client was not served");
    }
}

/// Whether the calls of a client are to be previews. `None` if it does not say so as it should.
async fn wanted(input: &mut (impl AsyncRead + Unpin)) -> Option<bool> {
    let mut hello = [0; HELLO.len()];
    input.read_exact(&mut hello).await.ok()?;
    let mode = input.read_u8().await.ok()?;
    match mode {
        LIVE if hello == *HELLO => Some(false),
        PREVIEW if hello == *HELLO => Some(true),
        _ => None,
    }
}
