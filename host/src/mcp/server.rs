//! One client of a host: what it asks for, and what it gets.
#![expect(
    deprecated,
    reason = "clients of the revisions until 2025-11-25 ask for log lines; the one after does so in `_meta`"
)]

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, Implementation, ListToolsResult, LoggingLevel,
    LoggingMessageNotificationParam, PaginatedRequestParams, ProgressNotificationParam, ProgressToken, ProtocolVersion,
    ServerCapabilities, ServerConfig, SetLevelRequestParams,
};
use rmcp::service::{Peer, RequestContext};
use rmcp::transport::async_rw::AsyncRwTransport;
use rmcp::transport::io::stdio_pipes;
use rmcp::{ErrorData, RoleServer, ServerHandler, ServiceExt as _};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use toolhold_core::call::{Mode, ToolCall};
use toolhold_core::escape;
use toolhold_core::id::{IdempotencyKey, RunId};
use toolhold_core::outcome::{Class, Level, LogLine, Outcome};
use toolhold_sandbox::{Event, EventSink};

use super::answer;
use super::tools::Tools;
use crate::telemetry::{McpRequest, Origin};
use crate::{Asking, CallOptions, Host, RunLabels, clock};

/// What a client is told of the server as a whole.
const INSTRUCTIONS: &str = "Every tool runs in a sandbox under a permission manifest that only the user can change. A call that is denied \
                            says what is possible instead: do that, or ask the user; the same call again is denied again.";

/// The key of a request's `_meta` with which a client makes repeats one call.
const KEY: &str = "toolhold/key";

/// The key of a request's `_meta` with which a client asks for a preview.
const MODE: &str = "toolhold/mode";

/// The longest message of a client, in bytes: the largest arguments, and room around them.
const LONGEST_LINE: usize = 5 << 20;

/// Events of one call that wait to be sent. A tool that says more than the client takes is not waited for.
const WAITING_EVENTS: usize = 64;

/// How a server deals with its client.
#[derive(Debug, Clone, Copy, Default)]
pub struct Settings {
    /// Every call is a preview.
    pub preview: bool,
}

/// A host as one client sees it. Its calls are one run: what an earlier one has read counts for the later ones.
#[derive(Clone)]
pub struct Server(Arc<Inner>);

struct Inner {
    host: Host,
    tools: Tools,
    run: RunId,
    labels: Arc<RunLabels>,
    settings: Settings,
    /// From where on the client wants to hear log lines. Nothing, unless it asks.
    level: Mutex<Option<LoggingLevel>>,
    /// The client is gone: its calls are stopped.
    gone: CancellationToken,
    /// Its calls. The server ends when they have.
    calls: TaskTracker,
    /// Where rules ask what was read before, one call ends before the next one is decided.
    turn: Option<tokio::sync::Mutex<()>>,
}

impl Server {
    /// A server of `host`.
    #[must_use]
    pub fn new(host: Host, settings: Settings) -> Self {
        let tools = Tools::of(&host);
        let ordered = host.policy().manifest().rules().iter().any(|rule| !rule.when_labels.is_empty());
        Self(Arc::new(Inner {
            host,
            tools,
            run: clock::new_run(),
            labels: Arc::default(),
            settings,
            level: Mutex::default(),
            gone: CancellationToken::new(),
            calls: TaskTracker::new(),
            turn: ordered.then(tokio::sync::Mutex::default),
        }))
    }

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
        let inner = Arc::clone(&self.0);
        let input = UntilGone { input, gone: inner.gone.clone() };
        let transport = AsyncRwTransport::<RoleServer, _, _>::new(input, output).with_max_line_length(LONGEST_LINE);
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
                inner.gone.cancel();
                stop.cancel();
                drop(ended.await?);
            }
        }
        // Each call is settled before the program ends: what it had staged is gone, and the journal says why.
        inner.gone.cancel();
        inner.calls.close();
        inner.calls.wait().await;
        Ok(())
    }

    fn call_of(&self, request: &CallToolRequestParams, tool: &str, meta: &Meta<'_>) -> Result<ToolCall, ErrorData> {
        let arguments = request.arguments.as_ref().map_or_else(|| "{}".to_owned(), |all| json!(all).to_string());
        let mode = if self.0.settings.preview || meta.wants_preview()? { Mode::Preview } else { Mode::Live };
        // A preview changes nothing, so there is nothing that must not happen twice.
        let key = if mode == Mode::Live { meta.key()? } else { None };
        Ok(ToolCall { run: self.0.run.clone(), tool: tool.to_owned(), arguments, key, mode })
    }
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder().enable_tools().enable_logging().build();
        let mut info = ServerConfig::new(capabilities);
        info.server_info = Implementation::new("toolhold", env!("CARGO_PKG_VERSION"));
        info.instructions = Some(INSTRUCTIONS.to_owned());
        info
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(self.0.tools.listed().to_vec()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        // What is no tool goes through the gate too: that somebody asked for it is on record.
        let tool = self.0.tools.find(&request.name);
        let name = tool.map_or(&*request.name, |tool| tool.name.as_str());
        let meta = Meta(&context.meta.0);
        meta.is_known()?;
        let call = self.call_of(&request, name, &meta)?;
        let level = context.meta.log_level().or(*self.level());
        let (events, telling) = self.events(&context, level);
        let _running = self.0.calls.token();
        let cancel = self.0.gone.child_token();
        let _linked = Linked::new(context.ct.clone(), cancel.clone());
        let options = CallOptions {
            client: "mcp".into(),
            asking: Asking::Park,
            events,
            cancel,
            labels: Some(Arc::clone(&self.0.labels)),
            origin: meta.origin(&context),
            ..CallOptions::default()
        };
        let turn = match &self.0.turn {
            Some(turn) => Some(turn.lock().await),
            None => None,
        };
        let report = self.0.host.call(call, options).await;
        drop(turn);
        // What the tool said comes before what it came to.
        if let Some(telling) = telling {
            tokio::select! {
                ended = telling => drop(ended),
                () = self.0.gone.cancelled() => {}
            }
        }
        if let Outcome::Failure(failure) = &report.outcome
            && failure.class == Class::UnknownTool
        {
            return Err(ErrorData::invalid_params(failure.message.clone(), None));
        }
        let has_schema = tool.is_some_and(|tool| tool.has_output_schema);
        let newest = ProtocolVersion::V_2026_07_28;
        let any_shape = context.protocol_version().is_some_and(|version| version.as_str() >= newest.as_str());
        Ok(answer::of(&report, has_schema, any_shape).into())
    }

    async fn set_level(
        &self,
        request: SetLevelRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        *self.level() = Some(request.level);
        Ok(())
    }
}

impl Server {
    fn level(&self) -> std::sync::MutexGuard<'_, Option<LoggingLevel>> {
        self.0.level.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the guest's events go, if the client wants to hear of any, and the task that sends them.
    fn events(
        &self,
        context: &RequestContext<RoleServer>,
        level: Option<LoggingLevel>,
    ) -> (Option<EventSink>, Option<tokio::task::JoinHandle<()>>) {
        let token = context.meta.get_progress_token();
        if token.is_none() && level.is_none() {
            return (None, None);
        }
        let (send, receive) = mpsc::channel(WAITING_EVENTS);
        let telling = tokio::spawn(tell(receive, context.peer.clone(), token, level));
        // The guest's thread must not wait for the client: what does not fit is left out.
        (Some(EventSink::new(move |event| drop(send.try_send(event)))), Some(telling))
    }
}

/// Cancels one token when another is, for as long as it is there.
struct Linked(tokio::task::JoinHandle<()>);

impl Linked {
    fn new(cause: CancellationToken, effect: CancellationToken) -> Self {
        Self(tokio::spawn(async move {
            cause.cancelled().await;
            effect.cancel();
        }))
    }
}

impl Drop for Linked {
    fn drop(&mut self) {
        self.0.abort();
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

/// What a client says in `_meta` of a call.
struct Meta<'a>(&'a rmcp::model::MetaObject);

impl Meta<'_> {
    /// A word of ours that is misspelled would be a live call where a preview was meant.
    fn is_known(&self) -> Result<(), ErrorData> {
        match self.0.0.keys().find(|key| key.starts_with("toolhold/") && ![KEY, MODE].contains(&key.as_str())) {
            None => Ok(()),
            Some(key) => {
                let key = escape::short(key, 100);
                let why = format!("`_meta[\"{key}\"]` is not known; there are `{MODE}` and `{KEY}`");
                Err(ErrorData::invalid_params(why, None))
            }
        }
    }

    fn text(&self, key: &str) -> Result<Option<&str>, ErrorData> {
        match self.0.0.get(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(ErrorData::invalid_params(format!("`_meta[\"{key}\"]` must be a string"), None)),
        }
    }

    /// The client's span, if it tells of one, and what it asks with.
    fn origin(&self, context: &RequestContext<RoleServer>) -> Origin {
        let text = |key| self.0.0.get(key).and_then(Value::as_str);
        Origin::mcp(text("traceparent"), text("tracestate"), || McpRequest {
            version: context.protocol_version().map(|version| version.as_str().to_owned()),
            request: context.id.to_string(),
            ..McpRequest::default()
        })
    }

    fn key(&self) -> Result<Option<IdempotencyKey>, ErrorData> {
        let key = self.text(KEY)?.map(str::parse).transpose();
        key.map_err(|error| ErrorData::invalid_params(format!("`_meta[\"{KEY}\"]`: {error}"), None))
    }

    fn wants_preview(&self) -> Result<bool, ErrorData> {
        match self.text(MODE)? {
            None | Some("live") => Ok(false),
            Some("preview") => Ok(true),
            Some(_) => Err(ErrorData::invalid_params(format!("`_meta[\"{MODE}\"]` is `live` or `preview`"), None)),
        }
    }
}
