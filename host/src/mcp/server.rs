//! A host as its clients see it: what they ask for, and what they get.
#![expect(
    deprecated,
    reason = "clients of the revisions until 2025-11-25 ask for log lines; the one after does so in `_meta`"
)]

use std::sync::{Arc, OnceLock};

use rmcp::model::{
    CacheScope, CallToolRequestParams, CallToolResponse, CancelTaskParams, CancelledNotificationParam, GetTaskParams,
    GetTaskResult, Implementation, ListToolsResult, PaginatedRequestParams, ServerCapabilities, ServerConfig,
    SetLevelRequestParams, SubscriptionFilter, Tool, UpdateTaskParams,
};
use rmcp::service::{NotificationContext, RequestContext, SubscriptionContext};
use rmcp::{ErrorData, RoleServer, ServerHandler};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::asked::Asked;
use super::asking::{Asks, Person};
use super::client::Client;
use super::http::{Begun, Clients};
use super::meta::Meta;
use super::offers::Offers;
use super::telling;
use super::tools::Callable;
use crate::Current;
use crate::shutdown::Shutdown;

/// What a client is told of the server as a whole.
const INSTRUCTIONS: &str = "Every tool runs in a sandbox under a permission manifest that only the user can change. A call that is denied \
                            says what is possible instead: do that, or ask the user; the same call again is denied again.";

/// For how long a client may go by a list of tools, in milliseconds, unless it is told before that there is another one.
const LISTED_FOR: u64 = 60_000;

/// What a client of this machine is called: by its rate, and by its keys.
const LOCAL: &str = "mcp";

/// How a server deals with its clients.
#[derive(Debug, Clone, Copy, Default)]
pub struct Settings {
    /// Every call is a preview.
    pub preview: bool,
    /// Tools are listed without the name of their component, where that leaves no two of one name.
    pub short_names: bool,
}

/// A host as its clients see it. Cheap to clone; all clones are the same server.
#[derive(Clone)]
pub struct Server {
    pub(super) shared: Arc<Shared>,
    who: Who,
    /// Whoever began this session is told of changes.
    told: Arc<OnceLock<()>>,
}

pub(super) struct Shared {
    pub(super) offers: Offers,
    pub(super) settings: Settings,
    /// How people are asked through clients; nobody is where that cannot be done safely.
    pub(super) asks: Option<Asks>,
    /// The clients are gone: their calls are stopped.
    pub(super) gone: CancellationToken,
    /// Their calls. The server ends when they have.
    pub(super) calls: TaskTracker,
    /// Nothing is told any more of what may come.
    ends: CancellationToken,
}

/// Who is at the other end.
#[derive(Clone)]
enum Who {
    /// One client, from its first message to its last.
    One(Arc<Client>),
    /// Whoever each request says and proves that it is from.
    Each(Arc<Clients>),
}

impl Server {
    /// A server of `host` for one client, which started it.
    #[must_use]
    pub fn new(host: impl Into<Current>, settings: Settings) -> Self {
        Self::named(host, settings, LOCAL)
    }

    /// A server of `host` for one client, of which somebody knows who it is.
    #[must_use]
    pub fn named(host: impl Into<Current>, settings: Settings, name: &str) -> Self {
        let gone = CancellationToken::new();
        Self::of(host.into(), settings, (gone.clone(), gone), Who::One(Arc::new(Client::new(name))))
    }

    /// A server of `host` for many clients, whose calls are stopped at the end of `shutdown`.
    pub(super) fn for_each(host: Current, settings: Settings, shutdown: &Shutdown, clients: Arc<Clients>) -> Self {
        Self::of(host, settings, (shutdown.stops(), shutdown.begins()), Who::Each(clients))
    }

    fn of(host: Current, settings: Settings, (gone, ends): (CancellationToken, CancellationToken), who: Who) -> Self {
        let offers = Offers::new(host, settings.short_names);
        let (asks, calls) = (Asks::new(), TaskTracker::new());
        Self { shared: Arc::new(Shared { offers, settings, asks, gone, calls, ends }), who, told: Arc::default() }
    }

    /// The same for one more session.
    pub(super) fn for_session(&self) -> Self {
        Self { told: Arc::default(), ..self.clone() }
    }

    /// Tells the sessions when their list of tools changes, until nobody is told anything any more.
    pub(super) async fn tell_of_changes(self) {
        tokio::select! {
            () = self.shared.offers.follow() => {}
            () = self.shared.ends.cancelled() => {}
        }
    }

    /// Stops the calls of its clients.
    pub(super) fn gone(&self) -> &CancellationToken {
        &self.shared.gone
    }

    /// The calls of its clients.
    pub(super) fn calls(&self) -> &TaskTracker {
        &self.shared.calls
    }

    /// Whether the answer is all that the client of such a call is sent, and nobody is asked anything while it waits.
    pub(super) fn only_answers(&self, client: &Client, asked: &Asked) -> bool {
        let can_be_asked = !asked.is_whole() && asked.can.as_ref().is_some_and(|can| can.elicitation.is_some());
        let is_asked = || can_be_asked && Person::behind(&self.shared.offers.now().host, client, asked).is_some();
        asked.meta().is_known().is_ok() && !telling::wants_any(&asked.meta, client) && !is_asked()
    }

    /// Whether a request has to have headers with arguments of this tool.
    pub(super) fn asks_for_headers(&self, tool: &str) -> bool {
        self.shared.offers.now().tools.find(tool).is_some_and(Callable::asks_for_headers)
    }

    /// Whose request it is.
    fn client(&self, context: &RequestContext<RoleServer>) -> Result<Arc<Client>, ErrorData> {
        match &self.who {
            Who::One(client) => Ok(Arc::clone(client)),
            Who::Each(clients) => clients.of(context),
        }
    }
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_tool_list_changed()
            .enable_logging()
            .enable_tasks()
            .build();
        let mut info = ServerConfig::new(capabilities);
        info.server_info = Implementation::new("toolhold", env!("CARGO_PKG_VERSION"));
        info.instructions = Some(INSTRUCTIONS.to_owned());
        info
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        self.shared.offers.now().tools.get(name).cloned()
    }

    async fn on_initialized(&self, context: NotificationContext<RoleServer>) {
        // Once, however often a client says so.
        if self.told.set(()).is_ok() {
            if let Who::Each(clients) = &self.who {
                clients.began(&context);
            }
            self.shared.offers.tell(context.peer);
        }
    }

    async fn on_cancelled(&self, given_up: CancelledNotificationParam, context: NotificationContext<RoleServer>) {
        if let (Who::Each(clients), Some(id)) = (&self.who, &given_up.request_id) {
            clients.give_up(&context, id);
        }
    }

    fn accepted_subscription_filter(&self, _requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        Some(SubscriptionFilter::builder().tools_list_changed().build())
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        let mut editions = self.shared.offers.editions();
        loop {
            tokio::select! {
                changed = editions.changed() => {
                    if changed.is_err() || context.sink().notify_tool_list_changed().await.is_err() {
                        return Ok(());
                    }
                }
                () = context.cancelled() => return Ok(()),
                () = self.shared.ends.cancelled() => return Ok(()),
            }
        }
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let listed = ListToolsResult::with_all_items(self.shared.offers.now().tools.listed().to_vec());
        // Somebody else may be shown other tools one day: the list is of whoever asked.
        Ok(listed.with_ttl_ms(LISTED_FOR).with_cache_scope(CacheScope::Private))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        if let Some(begun) = Begun::of(&context) {
            return begun.end(&context.ct).await;
        }
        Meta(&context.meta.0).is_known()?;
        let client = self.client(&context)?;
        self.called(client, Asked::of(request, context)).await
    }

    async fn get_task(
        &self,
        request: GetTaskParams,
        context: RequestContext<RoleServer>,
    ) -> Result<GetTaskResult, ErrorData> {
        Ok(GetTaskResult::new(self.client(&context)?.tasks.get(&request.task_id)?))
    }

    /// No task asks its client for anything, so whatever it is told is not needed.
    async fn update_task(
        &self,
        request: UpdateTaskParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.client(&context)?.tasks.get(&request.task_id).map(drop)
    }

    async fn cancel_task(
        &self,
        request: CancelTaskParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.client(&context)?.tasks.cancel(&request.task_id)
    }

    async fn set_level(
        &self,
        request: SetLevelRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        *self.client(&context)?.level() = Some(request.level);
        Ok(())
    }
}
