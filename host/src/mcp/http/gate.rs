//! What a request passes before the protocol sees it: who asks, for how much at once, in whose session.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, Method, StatusCode, header};
use http_body::{Frame, SizeHint};
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::sessions::Sessions;
use crate::access::{Caller, Role};
use crate::mcp::bounded::UNANSWERED;
use crate::shutdown::Shutdown;

/// The header with the id of a session.
pub(in crate::mcp) const SESSION: &str = "mcp-session-id";

/// The header with the revision of the protocol.
pub(super) const REVISION: &str = "mcp-protocol-version";

/// The first revision without sessions.
pub(super) const STATELESS: &str = "2026-07-28";

/// The longest text of a refusal that is handed on, in bytes.
const LONGEST_REFUSAL: usize = 4096;

/// Callers whose requests are counted. There are fewer tokens.
const CALLERS: usize = 4096;

/// What is between a listener and the protocol.
pub(super) struct Gate {
    sessions: Arc<Sessions>,
    shutdown: Shutdown,
    open: Mutex<BTreeMap<Arc<str>, Arc<Semaphore>>>,
}

impl Gate {
    pub(super) fn new(sessions: Arc<Sessions>, shutdown: Shutdown) -> Self {
        Self { sessions, shutdown, open: Mutex::default() }
    }

    /// A place for one more request of a caller, until its answer was read.
    fn place(&self, caller: &Arc<str>) -> Option<OwnedSemaphorePermit> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.len() >= CALLERS {
            open.retain(|_, places| places.available_permits() < UNANSWERED);
        }
        let places = open.entry(Arc::clone(caller)).or_insert_with(|| Arc::new(Semaphore::new(UNANSWERED)));
        Arc::clone(places).try_acquire_owned().ok()
    }

    /// Why a request goes no further.
    async fn refuses(&self, caller: &Caller, method: &Method, headers: &HeaderMap) -> Option<Response> {
        if self.shutdown.is_begun() {
            return Some(refused(StatusCode::SERVICE_UNAVAILABLE, "this server is about to end"));
        }
        if headers.get_all(SESSION).iter().count() > 1 {
            return Some(refused(StatusCode::BAD_REQUEST, "a request is of one session"));
        }
        match headers.get(SESSION) {
            Some(id) if id.to_str().is_ok_and(|id| self.sessions.is_of(id, &caller.name)) => None,
            // As for one that never was: whether there is one of somebody else is not said.
            Some(_) => Some(refused(StatusCode::NOT_FOUND, "no such session; begin one with `initialize`")),
            None if may_begin_session(method, headers) && !self.sessions.have_room(&caller.name).await => {
                Some(too_many_sessions())
            }
            None => None,
        }
    }
}

/// `initialize` comes with an older revision or none. One that comes with another is found out when its session is there.
fn may_begin_session(method: &Method, headers: &HeaderMap) -> bool {
    let revision = headers.get(REVISION).and_then(|revision| revision.to_str().ok());
    method == Method::POST && revision.is_none_or(|revision| revision < STATELESS)
}

/// Lets a request through to what answers it, or says why not.
pub(super) async fn pass<N, A>(gate: &Gate, request: Request, next: N) -> Response
where
    N: FnOnce(Request, Caller) -> A,
    A: Future<Output = Response>,
{
    let Some(caller) = request.extensions().get::<Caller>().cloned() else {
        return refused(StatusCode::UNAUTHORIZED, "nobody has said who asks");
    };
    if let Err(problem) = caller.needs(Role::Run) {
        return problem.into_response();
    }
    let Some(place) = gate.place(&caller.name) else {
        let why = format!("{UNANSWERED} requests of this token are not answered yet; read their answers first");
        let mut response = refused(StatusCode::TOO_MANY_REQUESTS, &why);
        response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("1"));
        return response;
    };
    if let Some(refusal) = gate.refuses(&caller, request.method(), request.headers()).await {
        return refusal;
    }
    let listens = request.method() == Method::GET;
    let ends = (request.method() == Method::DELETE).then(|| request.headers().get(SESSION).cloned()).flatten();
    let name = Arc::clone(&caller.name);
    let response = next(request, caller).await;
    if let Some(id) = response.headers().get(SESSION).and_then(|id| id.to_str().ok())
        && !gate.sessions.began(id, &name)
    {
        gate.sessions.end(id).await;
        return too_many_sessions();
    }
    if let Some(id) = ends.as_ref().filter(|_| response.status().is_success()).and_then(|id| id.to_str().ok()) {
        gate.sessions.end(id).await;
    }
    let until = listens.then(|| -> Until {
        let shutdown = gate.shutdown.clone();
        Box::pin(async move { shutdown.begun().await })
    });
    response.map(|body| Body::new(Answer { body, until, _place: place }))
}

/// What the protocol's own listener refuses in plain text, as clients of the protocol read it.
pub(super) async fn told(response: Response) -> Response {
    let status = response.status();
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let is_error = status.is_client_error() || status.is_server_error();
    if !is_error || kind.starts_with("application/json") || kind.starts_with("text/event-stream") {
        return response;
    }
    let (parts, body) = response.into_parts();
    let text = axum::body::to_bytes(body, LONGEST_REFUSAL).await.unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let why = match text.trim() {
        "" => status.canonical_reason().unwrap_or("refused"),
        why => why,
    };
    let mut response = refused(status, why);
    for (name, value) in &parts.headers {
        response.headers_mut().entry(name).or_insert_with(|| value.clone());
    }
    response.headers_mut().remove(header::CONTENT_LENGTH);
    response
}

fn too_many_sessions() -> Response {
    refused(StatusCode::TOO_MANY_REQUESTS, "too many sessions of this token; end one with DELETE")
}

/// An error as clients of the protocol read it, without an id: the request was not looked into.
pub(super) fn refused(status: StatusCode, why: &str) -> Response {
    let error = json!({ "jsonrpc": "2.0", "id": null, "error": { "code": -32_600, "message": why } });
    (status, [(header::CONTENT_TYPE, "application/json")], error.to_string()).into_response()
}

/// Until when a stream may be open.
type Until = Pin<Box<dyn Future<Output = ()> + Send>>;

/// An answer on its way. It keeps its place until it was read, and a stream on which nothing has to come ends when asked to.
struct Answer {
    body: Body,
    until: Option<Until>,
    _place: OwnedSemaphorePermit,
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.until.as_mut().is_some_and(|until| until.as_mut().poll(context).is_ready()) {
            return Poll::Ready(None);
        }
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::routing::any;
    use http_body_util::BodyExt as _;
    use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
    use tower::ServiceExt as _;

    use super::*;
    use crate::mcp::http::sessions::OF_ONE;

    /// A gate before something that begins a session for who has none and asks with the header `begin`.
    fn gated() -> (Router, Shutdown) {
        let shutdown = Shutdown::default();
        let sessions = Arc::new(Sessions::new(LocalSessionManager::default()));
        let gate = Arc::new(Gate::new(sessions, shutdown.clone()));
        let served = move |request: Request| {
            let gate = Arc::clone(&gate);
            async move { pass(&gate, request, async |request, _caller| told(answer(&request)).await).await }
        };
        (Router::new().route("/mcp", any(served)), shutdown)
    }

    fn answer(request: &Request) -> Response {
        match request.headers().get("begin") {
            Some(id) => ([(SESSION, id.clone())], "begun").into_response(),
            None if request.headers().contains_key("fails") => {
                (StatusCode::NOT_ACCEPTABLE, [(header::ALLOW, "POST")], "say what you accept\n").into_response()
            }
            None => Body::from_stream(futures_util::stream::pending::<Result<Bytes, axum::Error>>()).into_response(),
        }
    }

    fn request(caller: Option<Caller>, method: Method, headers: &[(&'static str, &str)]) -> Request {
        let mut request = Request::builder().method(method).uri("/mcp").body(Body::empty()).unwrap();
        for (name, value) in headers {
            request.headers_mut().append(*name, value.parse().unwrap());
        }
        if let Some(caller) = caller {
            request.extensions_mut().insert(caller);
        }
        request
    }

    async fn status(router: &Router, caller: Caller, headers: &[(&'static str, &str)]) -> StatusCode {
        router.clone().oneshot(request(Some(caller), Method::POST, headers)).await.unwrap().status()
    }

    fn ann() -> Caller {
        Caller::new("ann", Role::Run)
    }

    #[tokio::test]
    async fn nobody_and_who_may_only_look_come_no_further() {
        let (router, _shutdown) = gated();
        let nobody = router.clone().oneshot(request(None, Method::POST, &[])).await.unwrap();
        assert_eq!(nobody.status(), StatusCode::UNAUTHORIZED);
        for role in [Role::Observe, Role::Approve] {
            assert_eq!(status(&router, Caller::new("eve", role), &[]).await, StatusCode::FORBIDDEN);
        }
        for role in [Role::Run, Role::Admin] {
            assert_eq!(status(&router, Caller::new("ann", role), &[]).await, StatusCode::OK);
        }
    }

    #[tokio::test]
    async fn what_the_listener_of_the_protocol_refuses_is_an_error_of_the_protocol() {
        let (router, _shutdown) = gated();
        let refused = router.oneshot(request(Some(ann()), Method::POST, &[("fails", "1")])).await.unwrap();
        assert_eq!(refused.status(), StatusCode::NOT_ACCEPTABLE);
        assert_eq!(refused.headers()[header::ALLOW], "POST");
        assert_eq!(refused.headers()[header::CONTENT_TYPE], "application/json");
        let body: serde_json::Value =
            serde_json::from_slice(&refused.into_body().collect().await.unwrap().to_bytes()).unwrap();
        assert_eq!((&body["jsonrpc"], &body["error"]["message"]), (&json!("2.0"), &json!("say what you accept")));
    }

    #[tokio::test]
    async fn a_session_is_there_only_for_who_began_it() {
        let (router, _shutdown) = gated();
        assert_eq!(status(&router, ann(), &[(SESSION, "s-1")]).await, StatusCode::NOT_FOUND);
        assert_eq!(status(&router, ann(), &[("begin", "s-1")]).await, StatusCode::OK);
        assert_eq!(status(&router, ann(), &[(SESSION, "s-1")]).await, StatusCode::OK);
        let eve = Caller::new("eve", Role::Admin);
        assert_eq!(status(&router, eve.clone(), &[(SESSION, "s-1")]).await, StatusCode::NOT_FOUND);
        assert_eq!(status(&router, ann(), &[(SESSION, "s-1"), (SESSION, "s-2")]).await, StatusCode::BAD_REQUEST);
    }

    #[tokio::test]
    async fn sessions_of_one_caller_are_bounded_whatever_revision_it_says() {
        let (router, _shutdown) = gated();
        for id in 0..OF_ONE {
            // Each is begun with a header that says that there are no sessions.
            let begin = format!("s-{id}");
            assert_eq!(status(&router, ann(), &[("begin", &begin), (REVISION, STATELESS)]).await, StatusCode::OK);
        }
        for revision in [STATELESS, "2025-11-25"] {
            let one_more = [("begin", "s-more"), (REVISION, revision)];
            // The manager of this test knows of no session, so what is looked for is swept away, except by who looks for none.
            if revision == STATELESS {
                assert_eq!(status(&router, ann(), &one_more).await, StatusCode::TOO_MANY_REQUESTS);
                assert_eq!(status(&router, Caller::new("bob", Role::Run), &one_more).await, StatusCode::OK);
            } else {
                assert_eq!(status(&router, ann(), &one_more).await, StatusCode::OK);
            }
        }
    }

    #[tokio::test]
    async fn answers_that_are_not_read_keep_their_places() {
        let (router, _shutdown) = gated();
        let mut waiting = Vec::new();
        for _ in 0..UNANSWERED {
            waiting.push(router.clone().oneshot(request(Some(ann()), Method::POST, &[])).await.unwrap());
        }
        assert_eq!(status(&router, ann(), &[]).await, StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(status(&router, Caller::new("bob", Role::Run), &[]).await, StatusCode::OK);
        drop(waiting.pop());
        assert_eq!(status(&router, ann(), &[]).await, StatusCode::OK);
    }

    #[tokio::test]
    async fn a_server_that_closes_ends_streams_on_which_nothing_has_to_come() {
        let (router, shutdown) = gated();
        let listening = router.clone().oneshot(request(Some(ann()), Method::GET, &[])).await.unwrap();
        shutdown.begin();
        assert!(listening.into_body().collect().await.unwrap().to_bytes().is_empty());
        assert_eq!(status(&router, ann(), &[]).await, StatusCode::SERVICE_UNAVAILABLE);
    }
}
