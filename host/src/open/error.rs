//! Why a host cannot be opened.

use std::path::PathBuf;

use miette::{GraphicalReportHandler, GraphicalTheme};
use toolhold_core::id::{ComponentName, ToolDigest};
use toolhold_core::manifest::{Errors, Problem};
use toolhold_core::signature::Untrusted;
use toolhold_core::tool::{CatalogError, ToolError};
use toolhold_sandbox::LoadError;
use toolhold_sandbox::capability::fs;

use crate::exit_code::ExitCode;
use crate::journal;
use crate::store::StoreError;

/// Why a host cannot be opened. Nothing has run.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is no manifest.
    #[error("`{}` does not exist: name a manifest with `--manifest`, or begin one with `toolhold add SOURCE`", .0.display())]
    NoManifest(PathBuf),
    /// A file cannot be read.
    #[error("`{}` cannot be read: {source}", .path.display())]
    Read {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The manifest is wrong.
    #[error(transparent)]
    Manifest(#[from] Errors),
    /// There is no lock file.
    #[error("`{}` does not exist: `toolhold lock` pins the tools that the manifest names", .0.display())]
    NoLock(PathBuf),
    /// The lock file is wrong.
    #[error("`{}` is not usable: {message}; `toolhold lock` writes it anew", .path.display())]
    Lock {
        /// Which one.
        path: PathBuf,
        /// Why.
        message: String,
    },
    /// A component is not what the lock file pins.
    #[error(
        "component `{component}` is not what the lock file pins: {what}; look at it with `toolhold inspect`, then run `toolhold lock`"
    )]
    NotPinned {
        /// Which one.
        component: ComponentName,
        /// What is different.
        what: String,
    },
    /// A component is fetched from somewhere, and nobody has accepted it yet.
    #[error("component `{0}` was never accepted: `toolhold update {0}` fetches it and shows what it is")]
    NotAccepted(ComponentName),
    /// An MCP server that nobody has accepted anything of.
    #[error(
        "nobody accepted the server `{0}` on this machine as the manifest has it: `toolhold lock` shows how it is reached and what it says, \
         and asks you"
    )]
    ServerNotAccepted(ComponentName),
    /// An MCP server does not say what its tools are, or says what cannot be used.
    #[error("the server `{component}` cannot be asked for its tools: {why}")]
    Server {
        /// Which one.
        component: ComponentName,
        /// Why.
        why: String,
    },
    /// The bytes of a component are not on this machine.
    #[error("component `{component}` is not here: `toolhold fetch` gets what the lock file pins ({digest})")]
    NotFetched {
        /// Which one.
        component: ComponentName,
        /// Its bytes.
        digest: ToolDigest,
    },
    /// A component is not signed as the manifest asks.
    #[error("component `{component}` is not signed as the manifest asks: {source}")]
    Untrusted {
        /// Which one.
        component: ComponentName,
        /// Why its signatures do not count.
        source: Untrusted,
    },
    /// A file of signatures is wrong.
    #[error("`{}` does not sign the component beside it: {why}; sign it anew with `toolhold sign`, or remove the file", .path.display())]
    Signatures {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A file of signatures is for another version of the component.
    #[error("`{}` does not sign the component beside it: they are for {signed}, the component is {found}; sign it anew with `toolhold sign`, or remove the file", .path.display())]
    OtherBytes {
        /// Which file.
        path: PathBuf,
        /// What was signed.
        signed: ToolDigest,
        /// What the component is.
        found: ToolDigest,
    },
    /// The bundle that came with a component is for something else, or proves nothing.
    #[error("component `{component}` has a bundle that cannot be used: {why}")]
    Bundle {
        /// Which component.
        component: ComponentName,
        /// Why.
        why: String,
    },
    /// A file of a bundle is wrong.
    #[error("`{}` vouches for nothing: {why}; take the bundle that was made of this very file, or remove it", .path.display())]
    BundleFile {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The trusted root of a signer cannot be used.
    #[error("{0}")]
    TrustedRoot(String),
    /// The store of components fails.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A component cannot be loaded.
    #[error("component `{component}` cannot be loaded: {source}")]
    Load {
        /// Which one.
        component: ComponentName,
        /// Why.
        source: LoadError,
    },
    /// A tool's description cannot be used.
    #[error("component `{component}` describes a tool that cannot be used: {source}")]
    Tool {
        /// Which one.
        component: ComponentName,
        /// Why.
        source: Box<ToolError>,
    },
    /// The tools of a component do not go together with those that are there.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// What must be out of reach of every grant cannot be found out.
    #[error("Toolhold's own files cannot be kept out of reach: {0}")]
    Protect(#[from] fs::Error),
    /// The sandbox cannot be set up.
    #[error(transparent)]
    Sandbox(#[from] toolhold_sandbox::Error),
    /// A secret of the manifest cannot be had.
    #[error(transparent)]
    Secret(#[from] crate::secrets::Error),
    /// The journal cannot be opened.
    #[error(transparent)]
    Journal(#[from] journal::Error),
}

impl OpenError {
    /// Everything that is wrong, in one line.
    pub(crate) fn in_a_line(&self) -> String {
        let Self::Manifest(errors) = self else { return self.to_string() };
        let told = |problem: &Problem| match errors.place(problem) {
            Some((line, column)) => format!("{line}:{column}: {problem}"),
            None => problem.to_string(),
        };
        format!("{errors}: {}", errors.problems().iter().map(told).collect::<Vec<_>>().join("; "))
    }

    /// Everything that is wrong, with its places in the manifest.
    pub(crate) fn report(&self) -> String {
        let Self::Manifest(errors) = self else { return format!("error: {self}") };
        let mut text = String::new();
        match GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor()).render_report(&mut text, errors) {
            Ok(()) => text,
            Err(_) => errors.to_string(),
        }
    }

    /// What a command exits with that cannot go on for this.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::NotPinned { .. }
            | Self::NoLock(_)
            | Self::NotAccepted(_)
            | Self::ServerNotAccepted(_)
            | Self::NotFetched { .. }
            | Self::Store(StoreError::Damaged(_)) => ExitCode::NotPinned,
            Self::Untrusted { .. }
            | Self::Signatures { .. }
            | Self::OtherBytes { .. }
            | Self::Bundle { .. }
            | Self::BundleFile { .. }
            | Self::TrustedRoot(_) => ExitCode::NotAccepted,
            Self::Server { .. } => ExitCode::Failure,
            Self::Sandbox(_) | Self::Journal(_) | Self::Store(_) => ExitCode::Host,
            _ => ExitCode::BadInput,
        }
    }
}
