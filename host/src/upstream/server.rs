//! One server: its connection, which all calls share, what it must say of its tools, and when it is left alone.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{Mutex as AsyncMutex, Semaphore};
use toolhold_core::breaker::{BreakerSettings, Pass, Verdict};
use toolhold_core::describe::{Hints, ToolInfo};
use toolhold_core::id::{ComponentName, LocalName};
use toolhold_core::limit::Limit;
use toolhold_core::listing::{Listing, in_words, wire_name};
use toolhold_core::manifest::{Server as Settings, Transport};
use toolhold_core::redact::Redactor;

use super::Means;
use super::call::{Asked, Trail};
use super::connection::{Connection, changed};
use super::link::{Answer, Kind, Link, NoAnswer};
use super::process::{Process, Program};
use super::report::Ended;
use super::web::{Place, Web};
use crate::attempt::{Dependencies, WeakDependencies};
use crate::egress::Client;
use crate::secrets::Secrets;

/// How long a server may take to be started or reached, to greet, and to list its tools.
const GREETING: Duration = Duration::from_secs(30);

/// How long a server that let a call run out of time may take for a sign of life. Without one it is ended and begun anew.
const ALIVE: Duration = Duration::from_secs(3);

/// Calls of one server that are on their way at once. More wait.
const MOST_AT_ONCE: usize = 32;

/// For how long a server that could not be reached is left alone at least and at most, in microseconds.
const FIRST_WAIT: u64 = 500_000;
const LONGEST_WAIT: u64 = 60_000_000;

/// What is known of a server from the start.
pub(super) struct Setup {
    pub(super) name: ComponentName,
    pub(super) settings: Settings,
    pub(super) env: Arc<BTreeMap<String, String>>,
    /// What it must say of its tools; `None` while nobody has accepted anything.
    pub(super) pinned: Option<Listing>,
    /// The tools that exist for callers; all of them if `None`.
    pub(super) expose: Option<Vec<LocalName>>,
    pub(super) breaker: BreakerSettings,
}

/// One server.
pub(super) struct Server {
    setup: Setup,
    secrets: Secrets,
    redactor: Redactor,
    client: Client,
    dependencies: Option<WeakDependencies>,
    /// What it calls its tools, by the names that they have here.
    wire_names: BTreeMap<LocalName, String>,
    state: AsyncMutex<State>,
    turns: Semaphore,
    /// What carries messages at present, to be ended with the host.
    link: Mutex<Weak<Link>>,
}

#[derive(Default)]
struct State {
    connection: Option<Arc<Connection>>,
    /// Times in a row that it could not be reached.
    failures: u32,
    /// Until then it is left alone, for this reason.
    left_alone: Option<(u64, NoAnswer)>,
}

impl Server {
    pub(super) fn new(setup: Setup, means: &Means<'_>, dependencies: Option<&Dependencies>) -> Self {
        let infos = setup.pinned.as_ref().and_then(|listing| listing.tools(|_| Hints::default()).ok());
        let wire = |info: &ToolInfo| Some((info.name.clone(), wire_name(info)?.to_owned()));
        Self {
            wire_names: infos.iter().flatten().filter_map(wire).collect(),
            setup,
            secrets: means.secrets.clone(),
            redactor: means.secrets.redactor(),
            client: means.client.clone(),
            dependencies: dependencies.map(Dependencies::downgrade),
            state: AsyncMutex::default(),
            turns: Semaphore::new(MOST_AT_ONCE),
            link: Mutex::default(),
        }
    }

    /// What it calls a tool.
    pub(super) fn wire_name<'a>(&'a self, local: &'a LocalName) -> &'a str {
        self.wire_names.get(local).map_or(local.as_str(), String::as_str)
    }

    /// Makes a call, within its limits.
    pub(super) async fn made(self: Arc<Self>, asked: Asked) -> Result<Answer, Ended> {
        let through = self.let_through().map_err(Ended::NoAnswer)?;
        let made = tokio::select! {
            biased;
            () = asked.cancel.cancelled() => Err(Ended::Cancelled),
            exceeded = asked.trail.crossed() => Err(Ended::Exceeded(exceeded)),
            () = tokio::time::sleep(asked.time) => Err(Ended::Exceeded(asked.trail.meter.exceeded(Limit::Time))),
            answer = self.answered(&asked) => answer.map_err(Ended::NoAnswer),
        };
        through.tell(verdict(&made));
        if matches!(&made, Err(Ended::Exceeded(exceeded)) if exceeded.limit == Limit::Time) {
            drop(tokio::spawn(async move { self.look_for_life().await }));
        }
        made
    }

    /// What it says of its tools now, or why it says nothing.
    pub(super) async fn listed(self: Arc<Self>) -> Result<Listing, String> {
        let listing = async { self.connected().await?.listing(self.setup.expose.as_deref()).await };
        let listing = tokio::time::timeout(GREETING, listing).await;
        let listing = listing.unwrap_or_else(|_| Err(silent()));
        listing.map_err(|no_answer| no_answer.before_the_call().why())
    }

    /// Ends what runs of it.
    pub(super) fn end(&self) {
        let link = self.link.lock().unwrap_or_else(PoisonError::into_inner).upgrade();
        if let Some(link) = link {
            link.end();
        }
    }

    async fn answered(&self, asked: &Asked) -> Result<Answer, NoAnswer> {
        let turn = self.turns.acquire().await;
        let _turn = turn.map_err(|_| NoAnswer::not_sent("the host is being shut down"))?;
        match self.connection(&asked.trail).await?.call(asked).await {
            // By the server's word it has not looked at it: another session is begun, once.
            Err(no_answer) if no_answer.kind == Kind::SessionEnded => {
                self.connection(&asked.trail).await?.call(asked).await
            }
            answer => answer,
        }
    }

    /// The connection, to a server whose tools are those that were accepted.
    async fn connection(&self, trail: &Trail) -> Result<Arc<Connection>, NoAnswer> {
        let mut state = self.state.lock().await;
        let now = self.now();
        if let Some(connection) = state.connection.take().filter(|connection| connection.is_open()) {
            if !connection.needs_a_look(now) {
                state.connection = Some(Arc::clone(&connection));
                return Ok(connection);
            }
            match self.as_accepted(&connection).await {
                Ok(()) => {
                    connection.looked_at(now);
                    state.connection = Some(Arc::clone(&connection));
                    return Ok(connection);
                }
                Err(no_answer) if no_answer.kind == Kind::SessionEnded => {}
                Err(no_answer) => return Err(self.left_alone(&mut state, no_answer, trail)),
            }
        }
        if let Some((until, why)) =
            state.left_alone.as_ref().filter(|(until, _)| *until > now && until.abs_diff(now) <= LONGEST_WAIT)
        {
            let seconds = until.saturating_sub(now).div_ceil(1_000_000);
            return Err(NoAnswer { retry_after: Some(seconds), ..why.clone() });
        }
        let opened = async {
            let connection = self.connected().await?;
            self.as_accepted(&connection).await?;
            Ok(connection)
        };
        let opened = tokio::time::timeout(GREETING, opened).await;
        match opened.unwrap_or_else(|_| Err(silent())) {
            Ok(connection) => {
                let connection = Arc::new(connection);
                connection.looked_at(now);
                *state = State { connection: Some(Arc::clone(&connection)), ..State::default() };
                Ok(connection)
            }
            Err(no_answer) => Err(self.left_alone(&mut state, no_answer, trail)),
        }
    }

    /// It cannot be called, and is left alone for a while: longer each time.
    fn left_alone(&self, state: &mut State, no_answer: NoAnswer, trail: &Trail) -> NoAnswer {
        let no_answer = no_answer.before_the_call();
        let why = no_answer.why();
        tracing::warn!(server = %self.setup.name, %why, "an MCP server cannot be called");
        if no_answer.kind == Kind::Changed {
            trail.has_changed(why);
        }
        let wait = FIRST_WAIT.saturating_mul(1_u64.checked_shl(state.failures).unwrap_or(u64::MAX)).min(LONGEST_WAIT);
        state.failures = state.failures.saturating_add(1);
        state.left_alone = Some((self.now().saturating_add(wait), no_answer.clone()));
        no_answer
    }

    /// Whether it says of its tools what was accepted.
    async fn as_accepted(&self, connection: &Connection) -> Result<(), NoAnswer> {
        let found = connection.listing(self.setup.expose.as_deref()).await?;
        let changes = self.setup.pinned.as_ref().map(|pinned| pinned.differences(&found)).unwrap_or_default();
        match changes.as_slice() {
            [] => Ok(()),
            changes => Err(changed(format!(
                "the server says something else of its tools than what is pinned: {}; `toolhold lock` shows it, and pins it if it is meant",
                in_words(changes)
            ))),
        }
    }

    async fn connected(&self) -> Result<Connection, NoAnswer> {
        let link = Arc::new(self.start()?);
        *self.link.lock().unwrap_or_else(PoisonError::into_inner) = Arc::downgrade(&link);
        Connection::open(link).await
    }

    fn start(&self) -> Result<Link, NoAnswer> {
        match &self.setup.settings.transport {
            Transport::Http { target, addresses, secrets } => {
                let (target, addresses, secrets) = (target.clone(), addresses.clone(), secrets.clone());
                let place = Place { component: self.setup.name.clone(), target, addresses, secrets };
                Ok(Link::Web(Web::new(place, self.client.clone())))
            }
            Transport::Stdio { program, arguments, directory, secrets } => {
                let value = |(variable, name): &(String, _)| {
                    let value = self.secrets.get(name).cloned();
                    let value = value.ok_or_else(|| NoAnswer::refused(format!("the secret `{name}` has no value")))?;
                    Ok((variable.clone(), value))
                };
                let program = Program {
                    path: program,
                    arguments,
                    directory: directory.as_ref().map_or(Path::new("/"), |directory| &directory.value),
                    env: &self.setup.env,
                    secrets: secrets.iter().map(value).collect::<Result<_, NoAnswer>>()?,
                    redactor: self.redactor.clone(),
                };
                Process::start(program).map(Link::Process).map_err(NoAnswer::not_sent)
            }
        }
    }

    /// Ends a server that hangs, so that the next call finds another one.
    async fn look_for_life(&self) {
        let connection = self.state.lock().await.connection.clone();
        let Some(connection) = connection else { return };
        if tokio::time::timeout(ALIVE, connection.is_alive()).await.unwrap_or(false) {
            return;
        }
        let mut state = self.state.lock().await;
        if state.connection.as_ref().is_some_and(|present| Arc::ptr_eq(present, &connection)) {
            tracing::warn!(server = %self.setup.name, "an MCP server does not answer any more, and is begun anew");
            state.connection = None;
        }
    }

    /// Whether the breaker lets a call through.
    fn let_through(&self) -> Result<Through, NoAnswer> {
        let name = format!("server:{}", self.setup.name);
        let known = self.dependencies.as_ref().and_then(WeakDependencies::upgrade);
        let known = known.ok_or_else(|| NoAnswer::not_sent("the host is being shut down"))?;
        let pass = known.admit(&name, &self.setup.breaker).map_err(|refused| {
            let seconds = refused.wait.div_ceil(1_000_000);
            let why = format!("the server failed too often lately, and is left alone for another {seconds} s");
            NoAnswer { retry_after: Some(seconds), ..NoAnswer::not_sent(why) }
        })?;
        let dependencies = known.downgrade();
        Ok(Through { dependencies, name, settings: self.setup.breaker.clone(), pass: Some(pass) })
    }

    fn now(&self) -> u64 {
        let known = self.dependencies.as_ref().and_then(WeakDependencies::upgrade);
        known.map_or(0, |known| known.time().micros())
    }
}

/// A call that was let through: what came of it is told to the breaker, once. Dropped before, it says nothing.
struct Through {
    dependencies: WeakDependencies,
    name: String,
    settings: BreakerSettings,
    pass: Option<Pass>,
}

impl Through {
    fn tell(mut self, verdict: Verdict) {
        self.told(verdict);
    }

    fn told(&mut self, verdict: Verdict) {
        if let (Some(pass), Some(known)) = (self.pass.take(), self.dependencies.upgrade()) {
            known.tell(&self.name, &self.settings, pass, verdict);
        }
    }
}

impl Drop for Through {
    fn drop(&mut self) {
        self.told(Verdict::Nothing);
    }
}

/// What a call says of the server.
fn verdict(made: &Result<Answer, Ended>) -> Verdict {
    match made {
        Ok(_) => Verdict::Works,
        Err(Ended::NoAnswer(no_answer)) if no_answer.fault => Verdict::Fault,
        Err(Ended::Exceeded(exceeded)) if exceeded.limit == Limit::Time => Verdict::Fault,
        Err(_) => Verdict::Nothing,
    }
}

fn silent() -> NoAnswer {
    NoAnswer::not_sent(format!("the server has not greeted and listed its tools in {} s", GREETING.as_secs()))
}
