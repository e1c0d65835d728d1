//! A server from its first connection to its last: what runs when it is told to end may finish, for a while.

use std::time::Duration;

use axum::Router;

use super::server::Server;
use crate::access::Access;
use crate::shutdown::{Shutdown, Signals};

/// How long what was stopped may take to be settled. A guest is stopped within milliseconds; then the journal is written.
const SETTLE_TIME: Duration = Duration::from_secs(10);

/// What SIGHUP is answered with.
const READS_BY_ITSELF: &str = "SIGHUP: tokens and certificates are read again whenever their files change, so there is nothing to do; \
                               what else changed applies from the next start on";

/// Serves until a signal comes. Then nothing new begins, what runs may finish within `grace`, and a second signal stops it at once.
///
/// `told` is called with what an operator wants to know of the end.
pub(crate) async fn serve(
    server: Server,
    (parts, access): (Router, Access),
    (shutdown, mut signals): (&Shutdown, Signals),
    grace: Duration,
    told: impl Fn(&str),
) {
    let running = tokio::spawn(server.run(parts, access, shutdown.clone()));
    signals.next(|| told(READS_BY_ITSELF)).await;
    shutdown.begin();
    told("it ends: what runs may finish; a second signal stops it at once");
    tokio::select! {
        () = shutdown.ended() => {}
        () = signals.next(|| ()) => {}
        () = tokio::time::sleep(grace) => {}
    }
    shutdown.stop_now();
    if tokio::time::timeout(SETTLE_TIME, shutdown.ended()).await.is_err() {
        told("what ran did not end in time; the journal knows what was begun");
    }
    let _ended = running.await;
}
