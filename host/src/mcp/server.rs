//! A host as its clients see it: what they ask for, and what they get.
#![expect(
    deprecated,
    reason = "clients of the revisions until 2025-11-25 ask for log lines; the one after does so in `_meta`"
)]

use std::sync::{Arc, OnceLock};

use rmcp::model::{
    CacheScope, CallToolRequestParams, CallToolResponse, CallToolResult, CancelTaskParams, ContentBlock,
    CreateTaskResult, GetTaskParams, GetTaskResult, Implementation, ListToolsResult, PaginatedRequestParams,
    ProtocolVersion, ServerCapabilities, ServerConfig, SetLevelRequestParams, SubscriptionFilter, Task, Tool,
    UpdateTaskParams,
};
use rmcp::service::{NotificationContext, RequestContext, SubscriptionContext};
use rmcp::{ErrorData, RoleServer, ServerHandler};
use serde_json::json;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use toolhold_core::call::{Mode, ToolCall};
use toolhold_core::outcome::{CallReport, Class, Outcome};

use super::answer;
use super::asking::{Asks, Person};
use super::client::{CALLS_AT_ONCE, Client};
use super::http::Clients;
use super::lines::AsWritten;
use super::meta::Meta;
use super::offers::{Offer, Offers};
use super::tasks::{MOMENT, Made, Running};
use super::telling::{self, Told};
use super::tools::{Callable, Shape};
use crate::shutdown::Shutdown;
use crate::telemetry::Origin;
use crate::{Asking, CallOptions, Current};

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
    shared: Arc<Shared>,
    who: Who,
    /// Whoever began this session is told of changes.
    told: Arc<OnceLock<()>>,
}

struct Shared {
    offers: Offers,
    settings: Settings,
    /// How people are asked through clients; nobody is where that cannot be done safely.
    asks: Option<Asks>,
    /// The clients are gone: their calls are stopped.
    gone: CancellationToken,
    /// Their calls. The server ends when they have.
    calls: TaskTracker,
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

    /// Whose request it is.
    fn client(&self, context: &RequestContext<RoleServer>) -> Result<Arc<Client>, ErrorData> {
        match &self.who {
            Who::One(client) => Ok(Arc::clone(client)),
            Who::Each(clients) => clients.of(context),
        }
    }

    fn call_of(&self, client: &Client, arguments: String, tool: &str, meta: &Meta<'_>) -> Result<ToolCall, ErrorData> {
        let mode = if self.shared.settings.preview || meta.wants_preview()? { Mode::Preview } else { Mode::Live };
        // A preview changes nothing, so there is nothing that must not happen twice.
        let key = if mode == Mode::Live { meta.key()? } else { None };
        Ok(ToolCall { run: client.run.clone(), tool: tool.to_owned(), arguments, key, mode })
    }

    /// Makes a call, as long as its client waits for it.
    async fn soon(
        &self,
        (client, offer): (&Arc<Client>, &Arc<Offer>),
        call: ToolCall,
        (context, form): (&RequestContext<RoleServer>, Form),
        place: OwnedSemaphorePermit,
    ) -> Result<Soon, ErrorData> {
        let told = telling::events(context, context.meta.log_level().or(*client.level()));
        let cancel = self.shared.gone.child_token();
        let origin = Meta(&context.meta.0).origin(context);
        let made = self.clone().make((Arc::clone(client), Arc::clone(offer)), call, (told, origin), cancel.clone());
        let mut made = Box::pin(made);
        let takes_tasks = form.any_shape && context.client_capabilities().is_some_and(|can| can.supports_tasks());
        if takes_tasks && client.tasks.have_room() {
            let running = tokio::spawn(async move {
                let report = made.await;
                drop(place);
                form.answer(&report)
            });
            return task_of(client, running, context, cancel).await;
        }
        let report = tokio::select! {
            biased;
            report = &mut made => report,
            () = context.ct.cancelled() => {
                cancel.cancel();
                made.await
            }
        };
        drop(place);
        form.answer(&report).map(Soon::Made)
    }

    /// Makes a call of a client, and tells it what the tool says meanwhile.
    async fn make(
        self,
        (client, offer): (Arc<Client>, Arc<Offer>),
        call: ToolCall,
        (told, origin): (Told, Origin),
        cancel: CancellationToken,
    ) -> CallReport {
        let (events, telling) = told;
        let _running = self.shared.calls.token();
        let options = CallOptions {
            client: Arc::clone(&client.name),
            asking: Asking::Park,
            events,
            cancel,
            labels: Some(Arc::clone(&client.labels)),
            origin,
            ..CallOptions::default()
        };
        let turn = client.turn(offer.ordered).await;
        let report = offer.host.call(call, options).await;
        drop(turn);
        // What the tool said comes before what it came to.
        if let Some(telling) = telling {
            tokio::select! {
                ended = telling => drop(ended),
                () = self.shared.gone.cancelled() => {}
            }
        }
        report
    }
}

/// What came of a call, as its client takes it.
#[derive(Debug, Clone, Copy)]
struct Form {
    shape: Shape,
    any_shape: bool,
}

impl Form {
    fn answer(self, report: &CallReport) -> Result<Made, ErrorData> {
        let waits = match &report.outcome {
            // What is no tool has no result.
            Outcome::Failure(failure) if failure.class == Class::UnknownTool => {
                return Err(ErrorData::invalid_params(failure.message.clone(), None));
            }
            Outcome::Failure(failure) if failure.class == Class::AwaitingApproval => failure.approval.clone(),
            _ => None,
        };
        Ok(Made { result: answer::of(report, self.shape, self.any_shape), waits })
    }
}

/// What came of a call within the time that its client waits for it.
enum Soon {
    Made(Made),
    /// It takes longer, and its client asks for it.
    Task(Task),
}

/// Waits for a call, and makes it a task if it takes longer than a moment.
async fn task_of(
    client: &Client,
    mut running: Running,
    context: &RequestContext<RoleServer>,
    cancel: CancellationToken,
) -> Result<Soon, ErrorData> {
    let gone = |_| ErrorData::internal_error("the call was not made", None);
    tokio::select! {
        ended = &mut running => return ended.map_err(gone)?.map(Soon::Made),
        () = context.ct.cancelled() => {
            cancel.cancel();
            return running.await.map_err(gone)?.map(Soon::Made);
        }
        () = tokio::time::sleep(MOMENT) => {}
    }
    Ok(Soon::Task(client.tasks.keep(running, cancel)))
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
            self.shared.offers.tell(context.peer);
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
        // What is no tool goes through the gate too: that somebody asked for it is on record.
        let offer = self.shared.offers.now();
        let tool = offer.tools.find(&request.name);
        let name = tool.map_or(&*request.name, |tool| tool.name.as_str());
        let meta = Meta(&context.meta.0);
        meta.is_known()?;
        let client = self.client(&context)?;
        let call = self.call_of(&client, arguments(&request, &context), name, &meta)?;
        let Some(place) = client.place() else { return Ok(busy().into()) };
        let host = &offer.host;
        if let Err(error) = client.arrives(host, context.client_info()).await {
            return Err(ErrorData::internal_error(format!("nothing is called without a record: {error}"), None));
        }
        let person = Person::behind(host, &client, &context);
        if let Some(asks) = &self.shared.asks {
            let said = (request.request_state.as_deref(), request.input_responses.as_ref());
            asks.answered(host, (&client, person.as_ref()), said).await?;
        }
        let newest = ProtocolVersion::V_2026_07_28;
        let any_shape = context.protocol_version().is_some_and(|version| version.as_str() >= newest.as_str());
        let form = Form { shape: tool.map(Callable::shape).unwrap_or_default(), any_shape };
        // Made again only where somebody is asked meanwhile.
        let again = person.as_ref().filter(|_| !any_shape).map(|_| call.clone());
        let made = match self.soon((&client, &offer), call, (&context, form), place).await? {
            Soon::Made(made) => made,
            Soon::Task(task) => return Ok(CreateTaskResult::new(task).into()),
        };
        let (Some(person), Some(id), Some(asks)) = (person, &made.waits, &self.shared.asks) else {
            return Ok(made.result.into());
        };
        if client.has_dismissed(id) {
            return Ok(made.result.into());
        }
        if any_shape {
            return asks.question(host, &client, id).await.map(CallToolResponse::from);
        }
        let Some(call) = again else { return Ok(made.result.into()) };
        person.ask(host, (&client, id), &context).await?;
        let Some(place) = client.place() else { return Ok(busy().into()) };
        // By what is in force and on record now, from the start.
        let offer = self.shared.offers.now();
        let form = Form { shape: offer.tools.find(&call.tool).map(Callable::shape).unwrap_or_default(), ..form };
        match self.soon((&client, &offer), call, (&context, form), place).await? {
            Soon::Made(made) => Ok(made.result.into()),
            Soon::Task(task) => Ok(CreateTaskResult::new(task).into()),
        }
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

/// The text of a call's arguments: as its client wrote them, where the transport has kept that.
fn arguments(request: &CallToolRequestParams, context: &RequestContext<RoleServer>) -> String {
    match (context.extensions.get::<AsWritten>(), &request.arguments) {
        (Some(written), _) => written.0.as_ref().to_owned(),
        (None, Some(arguments)) => json!(arguments).to_string(),
        (None, None) => "{}".to_owned(),
    }
}

/// The answer to a call that is one too many. Nothing ran, and nothing is on record: a flood must not fill the disk.
fn busy() -> CallToolResult {
    let why = format!("busy: {CALLS_AT_ONCE} calls of this client run already; call again when one of them has ended");
    CallToolResult::error(vec![ContentBlock::text(why)])
}
