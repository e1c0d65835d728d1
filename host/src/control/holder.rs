//! Who holds a state directory: listens on its sockets, for as long as it holds it.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use hyper::body::Incoming;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::sync::Semaphore;

use super::socket::Listener;
use super::{CONTROL, MCP, prune, reload};
use crate::Current;
use crate::access::{Caller, Connection};
use crate::mcp::{Server, Settings};
use crate::retention;
use crate::serve::{Bounds, Marks, drive};
use crate::shutdown::Shutdown;

/// Clients of one socket at once.
const MOST_CLIENTS: usize = 32;

/// How long it takes until clients are taken again, when the operating system has no room for one.
const PAUSE: Duration = Duration::from_millis(100);

/// How long a client may take to say what it wants.
const HELLO_TIME: Duration = Duration::from_secs(5);

/// What a process that attaches an MCP client says first, and is told when it is attached. Another version of what is said has another line.
/// After it, the client says in one byte how it is to be served.
pub(super) const HELLO: &[u8; 16] = b"toolhold mcp 1\r\n";

/// The byte of a client that is served as nobody said otherwise.
const PLAIN: u8 = b'@';

/// Its calls are previews.
const PREVIEW: u8 = 1;

/// Its tools have short names.
const SHORT_NAMES: u8 = 2;

/// How a client is to be served, in one byte.
pub(super) fn said(settings: Settings) -> u8 {
    let Settings { preview, short_names } = settings;
    PLAIN | if preview { PREVIEW } else { 0 } | if short_names { SHORT_NAMES } else { 0 }
}

/// What such a byte says; nothing that is not known.
fn heard(byte: u8) -> Option<Settings> {
    let settings = Settings { preview: byte & PREVIEW != 0, short_names: byte & SHORT_NAMES != 0 };
    (said(settings) == byte).then_some(settings)
}

/// Somebody listens on the sockets of a state directory, for as long as this is there.
#[derive(Debug)]
pub(crate) struct Holding(Shutdown);

impl Holding {
    /// That what ends with `shutdown` is there for.
    pub(crate) fn until(shutdown: Shutdown) -> Self {
        Self(shutdown)
    }

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

/// Listens on the sockets of the state directory of a host until the process ends: commands are answered by what `router` makes, and by what
/// has the host replaced; MCP clients by a server of their own.
///
/// The router is made for the first who comes: most processes end without one, and a start need not wait for it.
///
/// Where there can be no socket, the log says so and the process goes on: others are told that the directory is in use. What is old is
/// removed once in each `period`, whether others reach this process or not.
pub(crate) fn hold_with(
    host: &Current,
    router: impl FnOnce() -> Router + Send + 'static,
    shutdown: &Shutdown,
    period: Duration,
) {
    host.host().makes_ready();
    drop(shutdown.spawn(retention::keep(host.clone(), shutdown.clone(), period)));
    let journal = host.host().journal().clone();
    let (reloads, prunes) = (host.clone(), host.clone());
    let router = move || router().merge(reload::router(reloads)).merge(prune::router(prunes));
    let router = Arc::new(LazyLock::new(router));
    let state = journal.directory();
    let bound = Listener::bind(state, CONTROL).and_then(|control| Ok((control, Listener::bind(state, MCP)?)));
    let (control, mcp) = match bound {
        Ok(both) => both,
        Err(error) => return tracing::warn!(%error, "other processes cannot reach this one"),
    };
    let marks = Local(Caller::local(&rustix::process::geteuid().as_raw().to_string()));
    let ending = shutdown.clone();
    listen(control, host.clone(), shutdown, move |stream| {
        let (marks, router, shutdown) = (marks.clone(), Arc::clone(&router), ending.clone());
        async move { drive(stream, marks, Router::clone(&router), &Bounds::default(), &shutdown).await }
    });
    let (served, ending) = (host.clone(), shutdown.clone());
    listen(mcp, host.clone(), shutdown, move |stream| attached(served.clone(), stream, ending.clone()));
}

/// Hands each client of a socket to `serve`.
///
/// INVARIANT: the socket goes before `host` does, so that it is never that of the next one who holds the directory.
fn listen<F>(listener: Listener, host: Current, shutdown: &Shutdown, serve: impl Fn(UnixStream) -> F + Send + 'static)
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
            let Ok(stream) = accepted else {
                // Out of files: asking again at once would only take the time of what could close some.
                tokio::time::sleep(PAUSE).await;
                continue;
            };
            let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
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
async fn attached(host: Current, stream: UnixStream, shutdown: Shutdown) {
    let (mut input, mut output) = stream.into_split();
    let Ok(Some(settings)) = tokio::time::timeout(HELLO_TIME, wanted(&mut input)).await else { return };
    if output.write_all(HELLO).await.is_err() {
        return;
    }
    let server = Server::new(host, settings);
    if let Err(error) = server.serve_streams(input, output, shutdown.begun()).await {
        tracing::warn!(%error, "an attached client was not served");
    }
}

/// How a client is to be served. `None` if it does not say so as it should.
async fn wanted(input: &mut (impl AsyncRead + Unpin)) -> Option<Settings> {
    let mut hello = [0; HELLO.len()];
    input.read_exact(&mut hello).await.ok()?;
    let byte = input.read_u8().await.ok()?;
    if hello == *HELLO { heard(byte) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_client_is_served_as_it_says_and_not_at_all_if_it_says_anything_else() {
        for (preview, short_names) in [(false, false), (true, false), (false, true), (true, true)] {
            let hello = [HELLO.as_slice(), &[said(Settings { preview, short_names })]].concat();
            let wanted = wanted(&mut hello.as_slice()).await.unwrap();
            assert_eq!((wanted.preview, wanted.short_names), (preview, short_names));
        }
        let other = [b"toolhold mcp 2\r\n".as_slice(), b"@"].concat();
        for hello in [other.as_slice(), HELLO, b"", b"{\"jsonrpc\":\"2.0\"}\n", &[HELLO.as_slice(), b"L"].concat()] {
            assert!(wanted(&mut &*hello).await.is_none(), "{hello:?}");
        }
    }
}
