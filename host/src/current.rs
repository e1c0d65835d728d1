//! The host that is in force, and how another one takes its place: a manifest is taken up anew without a new process.
//!
//! A host never changes. To take up a manifest anew, a whole new one is made of the files as they are now, beside the one that is in force,
//! with every check of a start ([`Host::open`]). Only when there is nothing wrong with it does it take the place of the other, at once and as
//! a whole; else nothing has changed, and whoever asked is told what a start would have said. A front takes the host at the begin of each
//! request and uses it to the end, so each call is decided, run and settled under one manifest. What is of the process is the same in both:
//! the journal, breakers, rates, keys, approvals, the runs that are worked on.
//!
//! Nothing here is reachable by a model, a tool or an MCP client: a person asks for it, by a signal or by `toolhold reload`. Nothing is
//! taken up because a file changed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::extract::FromRef;
use serde::Serialize;
use tokio::sync::{Mutex, watch};
use toolhold_core::id::Digest;
use toolhold_core::redact::Redactor;

use crate::exit_code::ExitCode;
use crate::{Host, HostConfig, OpenError};

/// The host that is in force. Cheap to clone; all clones know the same.
#[derive(Debug, Clone)]
pub struct Current(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    host: watch::Sender<Host>,
    anew: Option<Anew>,
}

/// How the next one is made.
#[derive(Debug)]
struct Anew {
    config: HostConfig,
    /// Is told what must not be printed, before anything of it can be.
    learn: fn(&Redactor),
    /// One at a time: who comes second has the files read once more, after the first.
    turn: Mutex<()>,
}

/// What taking up a manifest came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reloaded {
    /// The manifest that was in force.
    pub before: Digest,
    /// The one that is.
    pub manifest: Digest,
    /// Tools that some call can use now and none could before.
    pub added: Vec<String>,
    /// Tools that no call can use any more.
    pub removed: Vec<String>,
}

/// Why the host that was in force still is.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// What the process does was begun under one manifest and ends under it.
    #[error(
        "this process goes by the manifest that it began with: it works on a run or a call; end it, and take the run up again with `toolhold runs resume`"
    )]
    NotHere,
    /// Whoever asks means other files than the process has.
    #[error(
        "the process that holds the state directory goes by `{}`, and not by `{}`: another file needs a new start", .ours.display(), .theirs.display()
    )]
    OtherFile {
        /// What the process was started with.
        ours: PathBuf,
        /// What was asked for.
        theirs: PathBuf,
    },
    /// A start would fail in the same way.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The work on it did not come to its end.
    #[error("the manifest was not taken up: the work on it was cut off")]
    CutOff,
}

impl ReloadError {
    /// Everything that is wrong, in one line.
    #[must_use]
    pub fn in_a_line(&self) -> String {
        match self {
            Self::Open(error) => error.in_a_line(),
            other => other.to_string(),
        }
    }

    /// Everything that is wrong as a start would show it, with the places in the manifest.
    #[must_use]
    pub fn report(&self) -> String {
        match self {
            Self::Open(error) => error.report(),
            other => format!("error: {other}"),
        }
    }

    /// What a start that fails in this way exits with.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::NotHere => ExitCode::Failure,
            Self::OtherFile { .. } => ExitCode::Usage,
            Self::Open(error) => error.exit_code(),
            Self::CutOff => ExitCode::Host,
        }
    }
}

impl Current {
    /// `host` is in force, and can be replaced by one of the files of `config`: those that it was opened with. `learn` is told what the next
    /// one keeps secret, with all that was secret before.
    #[must_use]
    pub fn new(host: Host, config: HostConfig, learn: fn(&Redactor)) -> Self {
        let anew = Some(Anew { config, learn, turn: Mutex::default() });
        Self(Arc::new(Inner { host: watch::Sender::new(host), anew }))
    }

    /// The host that is in force now. Whoever does one thing takes it once, and uses it to the end.
    #[must_use]
    pub fn host(&self) -> Host {
        self.0.host.borrow().clone()
    }

    /// Tells when another one is.
    pub(crate) fn changes(&self) -> watch::Receiver<Host> {
        self.0.host.subscribe()
    }

    /// Whether these are the files that the host is made of.
    ///
    /// # Errors
    ///
    /// Which one is not.
    pub(crate) fn is_of(&self, manifest: &Path, lock: &Path) -> Result<(), ReloadError> {
        let config = &self.0.anew.as_ref().ok_or(ReloadError::NotHere)?.config;
        let other = [(&config.manifest, manifest), (&config.lock, lock)]
            .into_iter()
            .find(|(ours, theirs)| resolved(ours) != resolved(theirs));
        other.map_or(Ok(()), |(ours, theirs)| {
            Err(ReloadError::OtherFile { ours: resolved(ours), theirs: theirs.into() })
        })
    }

    /// Takes up the manifest, the lock file, the components and the secrets as they are now: for a person who asks for it. Calls under way
    /// end under the host that they began with. Goes on to its end if whoever asked goes away.
    ///
    /// # Errors
    ///
    /// [`ReloadError`]: what was in force is, whole.
    pub async fn reload(&self) -> Result<Reloaded, ReloadError> {
        let (current, runtime) = (self.clone(), tokio::runtime::Handle::current());
        // Secrets may come from programs, and what compiles takes its time: on a thread of its own.
        let done = tokio::task::spawn_blocking(move || runtime.block_on(current.take_up()));
        let done = done.await.unwrap_or(Err(ReloadError::CutOff));
        match &done {
            Ok(reloaded) => {
                tracing::info!(manifest = %reloaded.manifest, before = %reloaded.before, "the manifest was taken up anew")
            }
            Err(error) => {
                tracing::warn!(error = %error.in_a_line(), "the manifest was not taken up: the one before stays in force")
            }
        }
        done
    }

    async fn take_up(&self) -> Result<Reloaded, ReloadError> {
        let anew = self.0.anew.as_ref().ok_or(ReloadError::NotHere)?;
        let _turn = anew.turn.lock().await;
        let before = self.host();
        let host = before.open_anew(&anew.config, anew.learn).await?;
        let reloaded = Reloaded::of(&before, &host);
        host.takes_over();
        // INVARIANT: this one step is the change. Before it no front has the new host, after it none takes the old one.
        self.0.host.send_replace(host.clone());
        before.replaced().cancel();
        host.keep_approvals();
        host.makes_ready();
        Ok(reloaded)
    }
}

impl From<Host> for Current {
    /// In force to the end of the process.
    fn from(host: Host) -> Self {
        Self(Arc::new(Inner { host: watch::Sender::new(host), anew: None }))
    }
}

impl FromRef<Current> for Host {
    /// For one request.
    fn from_ref(current: &Current) -> Self {
        current.host()
    }
}

impl Reloaded {
    fn of(before: &Host, now: &Host) -> Self {
        let (had, has) = (usable(before), usable(now));
        Self {
            before: before.policy().manifest().digest(),
            manifest: now.policy().manifest().digest(),
            added: has.difference(&had).cloned().collect(),
            removed: had.difference(&has).cloned().collect(),
        }
    }
}

/// The tools that some call can use.
fn usable(host: &Host) -> BTreeSet<String> {
    let names = host.tools().map(|tool| tool.name().as_str());
    names.filter(|name| host.policy().could_run(name)).map(str::to_owned).collect()
}

/// Where a file is, whatever leads there.
fn resolved(path: &Path) -> PathBuf {
    path.canonicalize().or_else(|_| std::path::absolute(path)).unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests;
