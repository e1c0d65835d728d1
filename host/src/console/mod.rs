//! The web console: what a person sees of a host in a browser, and what they decide there.
//!
//! Pages are made here, by templates in which everything is escaped ([`html`]); they work without a script, and one small script of
//! ours keeps them up to date. Each page reads the journal, each form is one act of a [`Host`] that its session's role allows
//! ([`guard`]). Nothing is fetched from anywhere else, and no page lets anything be ([`headers`]).

mod acts;
mod assets;
mod chip;
mod failure;
mod guard;
mod headers;
mod html;
mod invited;
mod link;
mod live;
mod login;
mod pages;
mod parts;
mod session;
mod shell;
mod text;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn;
use axum::routing::{get, post};

use self::failure::Failure;
pub(crate) use self::invited::router as invitations;
use self::live::Audience;
use self::session::Sessions;
use crate::access::{Access, INVITED};
use crate::journal::Reader;
use crate::runs::service::Service;
use crate::serve::{Bodies, Bounds, Reads};
use crate::shutdown::Shutdown;
use crate::{Current, Host, clock};

/// The longest form, in bytes: the arguments of a call that a person changed, and room around them.
const LONGEST_FORM: usize = 2 << 20;

/// What every page needs. Cheap to clone; all clones are the same console.
#[derive(Clone)]
pub struct Console(Arc<Inner>);

struct Inner {
    host: Current,
    access: Access,
    runs: Service,
    sessions: Sessions,
    audience: Audience,
    reads: Reads,
    /// Forms of visitors.
    forms: Bodies,
    /// Forms of those who are none yet: they take no room of the others.
    logins: Bodies,
    shutdown: Shutdown,
}

impl Console {
    /// A console of `host` and the runs of its server, for whoever `access` lets in, until the end that `shutdown` is.
    #[must_use]
    pub fn new(host: impl Into<Current>, runs: Service, access: Access, shutdown: Shutdown) -> Self {
        Self::with_reads(host.into(), runs, (access, shutdown), Reads::default())
    }

    /// One whose reads count among `reads`.
    pub(crate) fn with_reads(
        host: Current,
        runs: Service,
        (access, shutdown): (Access, Shutdown),
        reads: Reads,
    ) -> Self {
        let (sessions, audience) = (Sessions::default(), Audience::default());
        let forms = Bodies::new(Bounds { body: LONGEST_FORM, ..Bounds::default() });
        let logins = Bodies::new(Bounds::of_logins());
        Self(Arc::new(Inner { host, access, runs, sessions, audience, reads, forms, logins, shutdown }))
    }

    /// The host that is in force. Taken once for whatever is done with it.
    fn host(&self) -> Host {
        self.0.host.host()
    }

    fn runs(&self) -> &Service {
        &self.0.runs
    }

    /// Reads the journal, on a thread that may wait for the disk.
    async fn read<T, R>(&self, read: R) -> Result<T, Failure>
    where
        T: Send + 'static,
        R: FnOnce(&Host, &Reader) -> Result<T, Failure> + Send + 'static,
    {
        let host = self.host();
        let done = self.0.reads.read(move || read(&host, &host.journal().reader()?)).await;
        done.ok_or_else(|| Failure::internal("the page was not finished"))?
    }

    /// Reads the journal as it is when everything that was done before is written.
    async fn read_settled<T, R>(&self, read: R) -> Result<T, Failure>
    where
        T: Send + 'static,
        R: FnOnce(&Host, &Reader) -> Result<T, Failure> + Send + 'static,
    {
        self.host().journal().written().await?;
        self.read(read).await
    }
}

/// Now, in microseconds since 1970.
fn now() -> u64 {
    clock::micros()
}

/// The console, to be put under `/`. It asks for no caller in the requests: it lets its own visitors in.
pub fn router(console: Console) -> Router {
    Router::new()
        .route("/", get(pages::overview::show))
        .route("/login", get(login::show).post(login::begin))
        .route(INVITED, get(invited::show).post(invited::begin))
        .route("/logout", post(login::end))
        .route("/approvals", get(pages::approvals::show))
        .route("/approvals/{approval}", get(pages::approval::show))
        .route("/approvals/{approval}/approve", post(pages::approval::approve))
        .route("/approvals/{approval}/reject", post(pages::approval::reject))
        // What was wrong with new arguments is shown there: whoever loads that page again gets the approval.
        .route("/approvals/{approval}/modify", post(pages::approval::modify).get(pages::approval::show))
        .route("/runs", get(pages::runs::show))
        .route("/runs/{run}", get(pages::run::show))
        .route("/runs/{run}/cancel", post(pages::run::cancel))
        .route("/calls", get(pages::calls::show))
        .route("/calls/{call}", get(pages::call::show))
        .route("/calls/{call}/undo", post(pages::call::undo))
        .route("/calls/{call}/resolve", post(pages::call::resolve))
        .route("/dead-letters", get(pages::dead::show))
        .route("/dead-letters/{run}/requeue", post(pages::dead::requeue))
        .route("/dead-letters/{run}/discard", post(pages::dead::discard))
        .route("/health", get(pages::health::show))
        .route("/breakers/reset", post(pages::health::reset))
        .route("/tools", get(pages::tools::show))
        .route("/tools/{tool}", get(pages::tool::show))
        .route("/audit", get(pages::audit::show))
        .route("/audit/verify", post(pages::audit::verify))
        .route("/live", get(live::follow))
        .route("/assets/{name}", get(assets::serve))
        .layer(from_fn(headers::add))
        .with_state(console)
}
