//! Which manifest, state and cache a command works with.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use super::failure::Failure;
use super::known;
use super::ui::Ui;
use crate::attempt::HostTime;
use crate::journal::{self, Durability};
use crate::secrets::KnownSecret;
use crate::{Current, Host, HostConfig, OpenError, Progress};

/// Which manifest, state and cache.
#[derive(Debug, Clone, Args)]
pub(super) struct Project {
    /// The permission manifest.
    #[arg(long, global = true, value_name = "FILE", env = "TOOLHOLD_MANIFEST", default_value = "toolhold.toml")]
    manifest: PathBuf,
    /// Folder of the journal [default: .toolhold beside the manifest].
    #[arg(long, global = true, value_name = "DIR", env = "TOOLHOLD_STATE")]
    state: Option<PathBuf>,
    /// Folder of compiled components [default: toolhold in the user's cache folder].
    #[arg(long, global = true, value_name = "DIR", env = "TOOLHOLD_CACHE")]
    cache: Option<PathBuf>,
    /// The user's cache folder, as the environment says.
    #[arg(long, hide = true, env = "XDG_CACHE_HOME")]
    xdg_cache_home: Option<PathBuf>,
    /// The user's home folder, as the environment says.
    #[arg(long, hide = true, env = "HOME")]
    home: Option<PathBuf>,
}

impl Project {
    /// The lock file: beside the manifest, with its name and the ending `.lock`.
    pub(super) fn lock(&self) -> PathBuf {
        self.manifest.with_extension("lock")
    }

    /// Folder of the journal.
    pub(super) fn state(&self) -> PathBuf {
        self.state.clone().unwrap_or_else(|| self.manifest.with_file_name(".toolhold"))
    }

    /// The user's home folder, if the environment names one.
    pub(super) fn home(&self) -> Option<&PathBuf> {
        self.home.as_ref()
    }

    /// Whether anything was ever recorded there.
    pub(super) fn has_state(&self) -> bool {
        self.state().join("journal.db").exists()
    }

    /// A path that is beside the manifest, or in the user's home where it begins with `~/`.
    pub(super) fn in_home(&self, path: &str) -> anyhow::Result<PathBuf> {
        match path.strip_prefix("~/") {
            Some(rest) => {
                let home = self.home.as_ref().ok_or_else(|| anyhow::anyhow!("`HOME` is not set: name the file"))?;
                Ok(home.join(rest))
            }
            None => Ok(self.manifest.with_file_name(path)),
        }
    }

    /// Folder of compiled components; `None` where the environment names no place.
    pub(super) fn cache(&self) -> Option<PathBuf> {
        let users = || self.xdg_cache_home.clone().or_else(|| Some(self.home.as_ref()?.join(".cache")));
        self.cache.clone().or_else(|| Some(users()?.join("toolhold")))
    }
}

impl Project {
    /// Where the host's files are.
    pub(super) fn host(&self) -> HostConfig {
        HostConfig {
            manifest: self.manifest.clone(),
            lock: self.lock(),
            state: self.state(),
            cache: self.cache(),
            durability: Durability::Full,
            known: Vec::new(),
            time: Arc::new(HostTime),
        }
    }
}

/// What came of opening a host.
pub(super) enum Opened {
    /// It is open.
    Ours(Box<Host>),
    /// Another process holds its state directory.
    InUse(Failure),
}

/// Opens the project's host, with a word on the terminal while components compile.
///
/// What it and `known` hold secret is not printed from here on.
pub(super) async fn open(project: &Project, known: Vec<KnownSecret>, ui: Ui) -> Result<Host, Failure> {
    match try_open(project, known, ui).await? {
        Opened::Ours(host) => Ok(*host),
        Opened::InUse(failure) => Err(failure),
    }
}

/// [`open`], for who can do something else where the state directory is in use.
pub(super) async fn try_open(project: &Project, known: Vec<KnownSecret>, ui: Ui) -> Result<Opened, Failure> {
    let spinner = Spinner::new(ui);
    let config = HostConfig { known, ..project.host() };
    let host = Host::open(&config, &|step| spinner.show(&step)).await;
    spinner.done();
    match host {
        Ok(host) => {
            known::learn(host.redactor());
            Ok(Opened::Ours(Box::new(host)))
        }
        Err(error @ OpenError::Journal(journal::Error::InUse(_))) => Ok(Opened::InUse(failure(error))),
        Err(error) => Err(failure(error)),
    }
}

/// `host`, which the project's files can be taken up into anew. It was opened with `known`.
pub(super) fn reloadable(project: &Project, host: Host, known: Vec<KnownSecret>) -> Current {
    Current::new(host, HostConfig { known, ..project.host() }, known::learn)
}

/// An error of opening, with its exit code and, where it points into a file, its places.
pub(super) fn failure(error: OpenError) -> Failure {
    let code = error.exit_code();
    match error {
        OpenError::Manifest(errors) => Failure::diagnostics(code, errors),
        other => Failure::new(code, other),
    }
}

/// Says which component is being loaded.
pub(super) struct Spinner(indicatif::ProgressBar);

impl Spinner {
    pub(super) fn new(ui: Ui) -> Self {
        Self(ui.spinner("opening".to_owned()))
    }

    pub(super) fn show(&self, step: &Progress) {
        if let Progress::Loading(name) = step {
            self.0.set_message(format!("loading {name}"));
        }
    }

    pub(super) fn done(&self) {
        self.0.finish_and_clear();
    }
}
