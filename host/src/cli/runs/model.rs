//! Which model a command asks.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use crate::agent::Clock;
use crate::agent::model::{KeySource, Model, ModelOptions, ModelSpec};
use crate::cli::failure::{Failure, WithCode as _};
use crate::cli::variable;
use crate::exit_code::ExitCode;

/// Which model is asked, and how it is reached.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct ModelArguments {
    /// `scripted:FILE` plays a file and calls no model; `openai:MODEL` calls one. Given more than once: the next one is asked
    /// where the one before is given up.
    #[arg(long = "model", value_name = "MODEL")]
    models: Vec<ModelSpec>,
    /// Base URL of an OpenAI-compatible API, such as http://127.0.0.1:8080/v1.
    #[arg(long, value_name = "URL")]
    model_url: Option<String>,
    /// The environment variable with the API key.
    #[arg(long, value_name = "NAME")]
    model_key_env: Option<String>,
    /// The file with the API key; only you may be able to read it.
    #[arg(long, value_name = "FILE", conflicts_with = "model_key_env")]
    model_key_file: Option<PathBuf>,
    /// A PEM file with certificates of authorities that may vouch for the model's server, beside those the system trusts.
    #[arg(long, value_name = "FILE")]
    model_ca: Option<PathBuf>,
}

impl ModelArguments {
    /// The chain; `known` are the names of the models that the run had, for where none is given.
    pub(super) fn open(&self, known: &[String], clock: &Arc<dyn Clock>) -> Result<Vec<Box<dyn Model>>, Failure> {
        let specs = match self.models.as_slice() {
            [] => {
                known.iter().map(|name| name.parse()).collect::<Result<Vec<ModelSpec>, _>>().code(ExitCode::BadInput)?
            }
            given => given.to_vec(),
        };
        if specs.is_empty() {
            let error = anyhow::anyhow!("no model is named: add `--model scripted:FILE` or `--model openai:MODEL`");
            return Err(Failure::new(ExitCode::Usage, error));
        }
        let open = |spec: &ModelSpec| spec.open(&self.options(), &variable, Arc::clone(clock)).code(ExitCode::BadInput);
        specs.iter().map(open).collect()
    }

    fn options(&self) -> ModelOptions {
        let variable = self.model_key_env.clone().map(KeySource::Variable);
        let key = variable.or_else(|| self.model_key_file.clone().map(KeySource::File));
        ModelOptions { base_url: self.model_url.clone(), key, authorities: self.model_ca.clone() }
    }
}
