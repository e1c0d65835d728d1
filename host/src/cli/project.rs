//! Which manifest, state and cache a command works with.

use std::path::{Path, PathBuf};

use clap::Args;

/// Which manifest, state and cache.
#[derive(Debug, Clone, Args)]
pub struct Project {
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
    /// The permission manifest.
    pub fn manifest(&self) -> &Path {
        &self.manifest
    }

    /// The lock file: beside the manifest, with its name and the ending `.lock`.
    pub fn lock(&self) -> PathBuf {
        self.manifest.with_extension("lock")
    }

    /// Folder of the journal.
    pub fn state(&self) -> PathBuf {
        self.state.clone().unwrap_or_else(|| self.manifest.with_file_name(".toolhold"))
    }

    /// Folder of compiled components; `None` where the environment names no place.
    pub fn cache(&self) -> Option<PathBuf> {
        let users = || self.xdg_cache_home.clone().or_else(|| Some(self.home.as_ref()?.join(".cache")));
        self.cache.clone().or_else(|| Some(users()?.join("toolhold")))
    }
}
