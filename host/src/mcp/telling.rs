//! What a tool says while it runs, on its way to the client: progress, and log lines where they were asked for.
#![expect(
    deprecated,
    reason = "clients of the revisions until 2025-11-25 ask for log lines; the one after does so in `_meta`"
)]

use rmcp::RoleServer;
use rmcp::model::{
    LoggingLevel, LoggingMessageNotificationParam, ProgressNotificationParam, ProgressToken, RequestMetaObject,
};
use rmcp::service::Peer;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use toolhold_core::escape;
use toolhold_core::outcome::{Level, LogLine};
use toolhold_sandbox::{Event, EventSink};

use super::asked::Asked;
use super::client::Client;

/// Events of one call that wait to be sent. A tool that says more than the client takes is not waited for.
const WAITING_EVENTS: usize = 64;

/// Where events go, and the task that sends them.
pub(super) type Told = (Option<EventSink>, Option<JoinHandle<()>>);

/// Where the guest's events go, if the client wants to hear of any, and the task that sends them.
pub(super) fn events(asked: &Asked, client: &Client) -> Told {
    let Some(peer) = asked.peer.as_ref().filter(|_| wants_any(&asked.meta, client)) else { return (None, None) };
    let (token, level) = (asked.meta.get_progress_token(), level(&asked.meta, client));
    let (send, receive) = mpsc::channel(WAITING_EVENTS);
    let telling = tokio::spawn(tell(receive, peer.clone(), token, level));
    // The guest's thread must not wait for the client: what does not fit is left out.
    (Some(EventSink::new(move |event| drop(send.try_send(event)))), Some(telling))
}

/// Whether a client wants to hear of anything while a call with this `meta` runs.
pub(super) fn wants_any(meta: &RequestMetaObject, client: &Client) -> bool {
    meta.get_progress_token().is_some() || level(meta, client).is_some()
}

fn level(meta: &RequestMetaObject, client: &Client) -> Option<LoggingLevel> {
    meta.log_level().or(*client.level())
}

/// Sends events to the client until the call has ended.
async fn tell(
    mut events: mpsc::Receiver<Event>,
    peer: Peer<RoleServer>,
    token: Option<ProgressToken>,
    level: Option<LoggingLevel>,
) {
    let mut furthest = f64::NEG_INFINITY;
    while let Some(event) = events.recv().await {
        let sent = match event {
            // The protocol wants it to grow; a tool may say anything.
            Event::Progress { done, total, message } if done.is_finite() && done > furthest => {
                furthest = done;
                let Some(token) = token.clone() else { continue };
                let mut progress = ProgressNotificationParam::new(token, done);
                // JSON has no infinity, and whoever shows it shows it to a person.
                progress.total = total.filter(|total| total.is_finite());
                progress.message = Some(escape::line(&message).into_owned());
                peer.notify_progress(progress).await
            }
            Event::Log(line) if level.is_some_and(|level| rank(of_line(&line)) >= rank(level)) => {
                let log = LoggingMessageNotificationParam::new(of_line(&line), json!(escape::line(&line.message)));
                peer.notify_logging_message(log).await
            }
            Event::Progress { .. } | Event::Log(_) | Event::Emitted(_) => Ok(()),
        };
        if sent.is_err() {
            return;
        }
    }
}

fn of_line(line: &LogLine) -> LoggingLevel {
    match line.level {
        Level::Debug => LoggingLevel::Debug,
        Level::Info => LoggingLevel::Info,
        Level::Warn => LoggingLevel::Warning,
        Level::Error => LoggingLevel::Error,
    }
}

fn rank(level: LoggingLevel) -> u8 {
    match level {
        LoggingLevel::Debug => 0,
        LoggingLevel::Info => 1,
        LoggingLevel::Notice => 2,
        LoggingLevel::Warning => 3,
        LoggingLevel::Error => 4,
        LoggingLevel::Critical => 5,
        LoggingLevel::Alert => 6,
        LoggingLevel::Emergency => 7,
    }
}
