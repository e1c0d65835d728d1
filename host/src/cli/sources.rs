//! What commands that fetch or publish components are told beside a reference: further hosts, and who the user is.

use std::path::PathBuf;

use clap::Args;
use secrecy::SecretString;
use toolhold_core::origin::Site;

use super::failure::Failure;
use super::project::Project;
use crate::distribution::{Credentials, Error, Options};
use crate::exit_code::ExitCode;
use crate::store::Store;

/// Where may be fetched from, and as whom.
#[derive(Args)]
pub(super) struct Sources {
    /// A host that the registry may send us to although its address is not public.
    #[arg(long, value_name = "HOST[:PORT]")]
    allow_host: Vec<Site>,
    /// A host that is spoken to without TLS: anybody on the way can read and change what is sent, and no login is.
    #[arg(long, value_name = "HOST[:PORT]")]
    plain_http: Vec<Site>,
    /// Folder of Docker's configuration, as the environment says.
    #[arg(long, hide = true, env = "DOCKER_CONFIG")]
    docker_config: Option<PathBuf>,
    /// Docker's configuration itself, as the environment says.
    #[arg(long, hide = true, env = "DOCKER_AUTH_CONFIG", hide_env_values = true)]
    docker_auth_config: Option<String>,
}

impl std::fmt::Debug for Sources {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Sources")
            .field("allow_host", &self.allow_host)
            .field("plain_http", &self.plain_http)
            .finish_non_exhaustive()
    }
}

impl Sources {
    /// As the network takes them.
    pub(super) fn options(&self, project: &Project) -> Options {
        let folder = self.docker_config.clone().or_else(|| Some(project.home()?.join(".docker")));
        let text = self.docker_auth_config.clone().map(SecretString::from);
        let credentials = Credentials { text, file: folder.map(|folder| folder.join("config.json")) };
        Options {
            allowed: self.allow_host.clone(),
            plain: self.plain_http.clone(),
            credentials,
            store: Some(Store::of(&project.state())),
        }
    }
}

/// An error of fetching or publishing, with its exit code.
pub(super) fn failure(error: Error) -> Failure {
    let code = match &error {
        Error::Digest { .. } => ExitCode::NotPinned,
        Error::Signatures(_) => ExitCode::NotAccepted,
        Error::File { .. } | Error::Gone(_) | Error::NoTag | Error::NotAComponent(..) | Error::TooLarge { .. } => {
            ExitCode::BadInput
        }
        _ => ExitCode::Failure,
    };
    Failure::new(code, error)
}
