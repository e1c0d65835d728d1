//! A server from its first connection to its last: what runs when it is told to end may finish, for a while.

use std::time::Duration;

use axum::Router;
use tokio::sync::Notify;

use super::server::Server;
use crate::Current;
use crate::access::Access;
use crate::shutdown::{Shutdown, Signals};

/// How long what was stopped may take to be settled. A guest is stopped within milliseconds; then the journal is written.
const SETTLE_TIME: Duration = Duration::from_secs(10);

/// Serves until a signal comes. Then nothing new begins, what runs may finish within `grace`, and a second signal stops it at once.
/// SIGHUP, unless it comes from the terminal, has `host` replaced by one of the files as they are now.
///
/// `told` is called with what an operator wants to know of the end.
pub(crate) async fn serve(
    server: Server,
    (parts, access): (Router, Access),
    host: &Current,
    (shutdown, mut signals): (&Shutdown, Signals),
    grace: Duration,
    told: impl Fn(&str),
) {
    let running = tokio::spawn(server.run(parts, access, shutdown.clone()));
    let hung_up = Notify::new();
    tokio::select! {
        () = signals.next(|| hung_up.notify_one()) => {}
        () = reload(host, &hung_up, &told) => {}
    }
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

/// Takes up the manifest anew, each time that it is asked for. Does not end.
async fn reload(host: &Current, asked: &Notify, told: &impl Fn(&str)) {
    loop {
        asked.notified().await;
        told("SIGHUP: the manifest is read anew");
        match host.reload().await {
            Ok(done) => told(&format!("the manifest {} is in force", done.manifest)),
            Err(error) => told(&format!("the manifest before stays in force: {}", error.report())),
        }
    }
}
