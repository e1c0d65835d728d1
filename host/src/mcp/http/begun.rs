//! A call that is begun before it is known in which form it is answered: at once, or by a stream of the protocol.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::request::Parts;
use rmcp::model::CallToolResponse;
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

/// What came of a call.
pub(super) type Made = Result<CallToolResponse, ErrorData>;

/// A call that is under way, where its client waits for it. If nobody waits any more, it comes to its end by itself.
pub(in crate::mcp) struct Going {
    call: Option<BoxFuture<'static, Made>>,
    given_up: CancellationToken,
    /// A client that goes away has given it up.
    ends_with_client: bool,
}

impl Going {
    /// Nothing is done before this is waited for. `given_up` stops the call.
    pub(super) fn new(call: BoxFuture<'static, Made>, given_up: CancellationToken, ends_with_client: bool) -> Self {
        Self { call: Some(call), given_up, ends_with_client }
    }

    /// What came of it, if that is known within `time`; itself if not.
    pub(super) async fn within(mut self, time: Duration) -> Result<Made, Self> {
        match futures_util::poll!(&mut self) {
            Poll::Ready(made) => Ok(made),
            Poll::Pending => tokio::time::timeout(time, &mut self).await.map_err(|_| self),
        }
    }

    /// What came of it, also if `given_up` says that its client has given it up.
    pub(in crate::mcp) async fn end(mut self, given_up: &CancellationToken) -> Made {
        tokio::select! {
            biased;
            made = &mut self => return made,
            () = given_up.cancelled() => self.given_up.cancel(),
        }
        self.await
    }
}

impl Future for Going {
    type Output = Made;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Made> {
        let Some(call) = &mut self.call else { return Poll::Pending };
        let polled = call.as_mut().poll(context);
        if polled.is_ready() {
            self.call = None;
        }
        polled
    }
}

impl Drop for Going {
    fn drop(&mut self) {
        let Some(call) = self.call.take() else { return };
        if self.ends_with_client {
            self.given_up.cancel();
        }
        // Without a runtime the process ends: the journal says what was begun.
        if let Ok(runtime) = Handle::try_current() {
            drop(runtime.spawn(call));
        }
    }
}

/// A call in the extensions of the request that asked for it, for whoever answers that.
#[derive(Clone)]
pub(in crate::mcp) struct Begun(Arc<Mutex<Option<Going>>>);

impl Begun {
    pub(super) fn new(going: Going) -> Self {
        Self(Arc::new(Mutex::new(Some(going))))
    }

    /// The call that was begun for a request, for the first who asks.
    pub(in crate::mcp) fn of(context: &RequestContext<RoleServer>) -> Option<Going> {
        let begun = context.extensions.get::<Parts>()?.extensions.get::<Self>()?;
        begun.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

#[cfg(test)]
mod tests {
    use rmcp::model::{CallToolResult, ContentBlock};
    use tokio::sync::oneshot;

    use super::*;

    /// A call that ends when it is given up or told to, and tells how it began and ended.
    fn call(ends_with_client: bool) -> (Going, oneshot::Sender<()>, oneshot::Receiver<&'static str>) {
        let (go, gone) = oneshot::channel();
        let (tell, told) = oneshot::channel();
        let given_up = CancellationToken::new();
        let stops = given_up.clone();
        let call = async move {
            let how = tokio::select! {
                _ = gone => "done",
                () = stops.cancelled() => "given up",
            };
            let _nobody_listens = tell.send(how);
            Ok(CallToolResult::success(vec![ContentBlock::text(how)]).into())
        };
        (Going::new(Box::pin(call), given_up, ends_with_client), go, told)
    }

    fn is_success(made: &Made) -> bool {
        matches!(made, Ok(CallToolResponse::Complete(result)) if result.is_error == Some(false))
    }

    #[tokio::test]
    async fn a_call_that_nobody_waits_for_comes_to_its_end() {
        for (ends_with_client, expected) in [(false, "done"), (true, "given up")] {
            let (going, go, told) = call(ends_with_client);
            let going = going.within(Duration::from_millis(1)).await.err().unwrap();
            drop(going);
            tokio::task::yield_now().await;
            let _gone_already = go.send(());
            assert_eq!(told.await.unwrap(), expected);
        }
    }

    #[tokio::test]
    async fn a_call_goes_on_where_it_was_when_somebody_else_waits_for_it() {
        let (going, go, told) = call(false);
        let going = going.within(Duration::from_millis(1)).await.err().unwrap();
        let later = tokio::spawn(async move { going.end(&CancellationToken::new()).await });
        go.send(()).unwrap();
        assert!(is_success(&later.await.unwrap()));
        assert_eq!(told.await.unwrap(), "done");
        // Who gives it up there stops it.
        let (going, _go, told) = call(false);
        let given_up = CancellationToken::new();
        given_up.cancel();
        assert!(is_success(&going.end(&given_up).await));
        assert_eq!(told.await.unwrap(), "given up");
    }

    #[tokio::test]
    async fn what_is_made_at_once_is_not_waited_for() {
        let (going, go, _told) = call(true);
        go.send(()).unwrap();
        assert!(going.within(Duration::ZERO).await.is_ok_and(|made| is_success(&made)));
    }
}
