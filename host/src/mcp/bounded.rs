//! A transport that holds back a client which asks faster than it reads.
//!
//! Every request takes a place and gives it back when its answer was written, so as many are unanswered at once as there are
//! places, whatever the client sends. When there is none left nothing more is read: the client has to read first. The protocol's
//! own machinery has no such bound.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rmcp::model::{ClientNotification, JsonRpcMessage, RequestId};
use rmcp::service::{RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use rmcp::{ErrorData, RoleServer};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Requests of one client whose answers it has not read. More than [`super::client::CALLS_AT_ONCE`], so that a client which
/// has as many calls as it may is still heard when it cancels one.
pub(super) const UNANSWERED: usize = 128;

/// A transport with a bound.
pub(super) struct Bounded<T> {
    inner: T,
    places: Arc<Semaphore>,
    /// A place for the next request, taken before it is read.
    next: Option<OwnedSemaphorePermit>,
    unanswered: Unanswered,
}

/// The places of requests that are not answered yet, by their ids.
#[derive(Clone, Default)]
pub(super) struct Unanswered(Arc<Mutex<BTreeMap<String, OwnedSemaphorePermit>>>);

impl Unanswered {
    /// Whether the request is one of them.
    pub(super) fn has(&self, id: &RequestId) -> bool {
        let unanswered = self.lock();
        !unanswered.is_empty() && unanswered.contains_key(&text(id))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, OwnedSemaphorePermit>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Bounded<T> {
    /// `inner` with [`UNANSWERED`] places, all of which are free.
    pub(super) fn new(inner: T, unanswered: Unanswered) -> Self {
        let places = Arc::new(Semaphore::new(UNANSWERED));
        Self { inner, places, next: None, unanswered }
    }

    fn answered(&self, id: Option<&RequestId>) -> Option<OwnedSemaphorePermit> {
        self.unanswered.lock().remove(&text(id?))
    }

    /// Gives the request its place; `false` if its id is that of one that is not answered yet: nobody could tell whose
    /// answer is whose.
    fn begins(&mut self, id: &RequestId) -> bool {
        let mut unanswered = self.unanswered.lock();
        let is_new = !unanswered.contains_key(&text(id));
        if is_new && let Some(place) = self.next.take() {
            unanswered.insert(text(id), place);
        }
        is_new
    }
}

/// Numbers and texts are different ids.
fn text(id: &RequestId) -> String {
    match id {
        RequestId::Number(number) => format!("n{number}"),
        RequestId::String(text) => format!("s{text}"),
    }
}

impl<T: Transport<RoleServer>> Transport<RoleServer> for Bounded<T> {
    type Error = T::Error;

    fn send(
        &mut self,
        item: TxJsonRpcMessage<RoleServer>,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        let place = match &item {
            JsonRpcMessage::Response(response) => self.answered(Some(&response.id)),
            JsonRpcMessage::Error(error) => self.answered(error.id.as_ref()),
            _ => None,
        };
        let sent = self.inner.send(item);
        async move {
            let sent = sent.await;
            drop(place);
            sent
        }
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleServer>> {
        loop {
            if self.next.is_none() {
                // Whoever waits for a message may stop waiting at any time: the place is kept, and nothing was read.
                self.next = Some(Arc::clone(&self.places).acquire_owned().await.ok()?);
            }
            let message = self.inner.receive().await?;
            match &message {
                JsonRpcMessage::Request(request) if !self.begins(&request.id) => {
                    let why = ErrorData::invalid_request("this id is that of a request that is not answered yet", None);
                    let refused = self.inner.send(JsonRpcMessage::error(why, Some(request.id.clone())));
                    let place = self.next.take();
                    tokio::spawn(async move {
                        // A client that is gone needs no answer.
                        let _gone = refused.await;
                        drop(place);
                    });
                }
                JsonRpcMessage::Notification(told) => {
                    if let ClientNotification::CancelledNotification(cancelled) = &told.notification {
                        // What is cancelled is not answered.
                        drop(self.answered(cancelled.params.request_id.as_ref()));
                    }
                    return Some(message);
                }
                _ => return Some(message),
            }
        }
    }

    fn close(&mut self) -> impl Future<Output = Result<(), Self::Error>> + Send {
        self.inner.close()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rmcp::model::ServerResult;
    use rmcp::transport::async_rw::AsyncRwTransport;
    use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream};

    use super::*;

    /// A client's end, and a server's transport at the other.
    fn pair() -> (DuplexStream, Bounded<impl Transport<RoleServer>>) {
        let (client, server) = tokio::io::duplex(64 << 10);
        let (input, output) = tokio::io::split(server);
        (client, Bounded::new(AsyncRwTransport::<RoleServer, _, _>::new(input, output), Unanswered::default()))
    }

    fn ping(id: usize) -> String {
        format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"ping\"}}\n")
    }

    /// The next message, if one comes at all.
    async fn next(transport: &mut impl Transport<RoleServer>) -> Option<RxJsonRpcMessage<RoleServer>> {
        tokio::time::timeout(Duration::from_millis(200), transport.receive()).await.ok().flatten()
    }

    fn answer(id: i64) -> TxJsonRpcMessage<RoleServer> {
        JsonRpcMessage::response(ServerResult::empty(()), RequestId::Number(id))
    }

    #[tokio::test]
    async fn a_client_that_does_not_read_is_not_read_either() {
        let (mut client, mut transport) = pair();
        for id in 0..UNANSWERED + 10 {
            client.write_all(ping(id).as_bytes()).await.unwrap();
        }
        for _ in 0..UNANSWERED {
            assert!(next(&mut transport).await.is_some());
        }
        assert!(next(&mut transport).await.is_none());
        // One answer that was written makes room for one request, and no more.
        transport.send(answer(3)).await.unwrap();
        assert!(next(&mut transport).await.is_some());
        assert!(next(&mut transport).await.is_none());
    }

    #[tokio::test]
    async fn an_answer_that_cannot_be_written_keeps_its_place() {
        let (mut client, mut transport) = pair();
        for id in 0..UNANSWERED + 10 {
            client.write_all(ping(id).as_bytes()).await.unwrap();
            if id < UNANSWERED {
                assert!(next(&mut transport).await.is_some());
            }
        }
        // More than the pipe holds, so the client has to read.
        let long = rmcp::ErrorData::internal_error("x".repeat(128 << 10), None);
        let waits = tokio::spawn(transport.send(JsonRpcMessage::error(long, Some(RequestId::Number(0)))));
        assert!(next(&mut transport).await.is_none());
        let mut lines = BufReader::new(client).lines();
        assert!(lines.next_line().await.unwrap().unwrap().len() > 128 << 10);
        waits.await.unwrap().unwrap();
        assert!(next(&mut transport).await.is_some());
    }

    #[tokio::test]
    async fn what_is_cancelled_makes_room_and_an_id_is_used_once_at_a_time() {
        let (mut client, mut transport) = pair();
        client.write_all(ping(1).as_bytes()).await.unwrap();
        client.write_all(ping(1).as_bytes()).await.unwrap();
        client.write_all(ping(2).as_bytes()).await.unwrap();
        assert!(
            matches!(next(&mut transport).await, Some(JsonRpcMessage::Request(one)) if one.id == RequestId::Number(1))
        );
        assert!(
            matches!(next(&mut transport).await, Some(JsonRpcMessage::Request(two)) if two.id == RequestId::Number(2))
        );
        let cancelled = "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":1}}\n";
        client.write_all(cancelled.as_bytes()).await.unwrap();
        client.write_all(ping(1).as_bytes()).await.unwrap();
        assert!(matches!(next(&mut transport).await, Some(JsonRpcMessage::Notification(_))));
        assert!(
            matches!(next(&mut transport).await, Some(JsonRpcMessage::Request(one)) if one.id == RequestId::Number(1))
        );
        let mut lines = BufReader::new(client).lines();
        let refused = lines.next_line().await.unwrap().unwrap();
        assert!(refused.contains("is not answered yet") && refused.contains("\"id\":1"), "{refused}");
    }

    /// Otherwise a client that reuses an id would have as much going on as it likes, for one place.
    #[tokio::test]
    async fn a_text_and_a_number_are_two_ids() {
        let (mut client, mut transport) = pair();
        client.write_all(ping(1).as_bytes()).await.unwrap();
        client.write_all(ping(1).replace(":1,", ":\"1\",").as_bytes()).await.unwrap();
        assert!(next(&mut transport).await.is_some());
        assert!(next(&mut transport).await.is_some());
    }
}
