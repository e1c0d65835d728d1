//! Which models a run asks: one of the command line, one of the manifest, or the manifest's chain.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use super::failure::{Failure, WithCode as _};
use super::variable;
use crate::Host;
use crate::agent::Clock;
use crate::agent::model::{
    KeySource, Kind, Model, ModelOptions, ModelSpec, RecordError, Recorder, open_chain, open_named,
};
use crate::exit_code::ExitCode;

/// Which model, and what it takes to reach it.
#[derive(Debug, Args)]
pub(super) struct ModelArguments {
    /// `openai:MODEL`, `openai-responses:MODEL`, `anthropic:MODEL`, the NAME of a model of the manifest, or `scripted:FILE` and `cassette:FILE`, which call none [default: `models` of `[run]`].
    #[arg(long, value_name = "MODEL")]
    model: Option<ModelSpec>,
    /// Base URL of the model's API, such as http://127.0.0.1:8080/v1.
    #[arg(long, value_name = "URL", requires = "model")]
    model_url: Option<String>,
    /// The environment variable with the API key.
    #[arg(long, value_name = "NAME", requires = "model")]
    model_key_env: Option<String>,
    /// The file with the API key; only you may be able to read it.
    #[arg(long, value_name = "FILE", conflicts_with = "model_key_env", requires = "model")]
    model_key_file: Option<PathBuf>,
    /// A PEM file with certificates of authorities that may vouch for the model's server, beside those the system trusts.
    #[arg(long, value_name = "FILE", requires = "model")]
    model_ca: Option<PathBuf>,
    /// Write what goes to the model and comes back, without secrets, to a new file that `--model cassette:FILE` plays.
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
}

impl ModelArguments {
    /// The model that the command line describes whole. Opened before the host, which has to know its key.
    pub(super) fn beforehand(&self, clock: &Arc<dyn Clock>) -> Result<Option<Box<dyn Model>>, Failure> {
        let Some(spec) = &self.model else { return Ok(None) };
        self.flags_fit(spec)?;
        if matches!(spec, ModelSpec::Named(_)) {
            return Ok(None);
        }
        spec.open(&self.options(), &variable, Arc::clone(clock)).map(Some).code(ExitCode::BadInput)
    }

    /// The models of the run, in the order in which they are asked: `own`, or those of the manifest.
    pub(super) fn chain(
        &self,
        own: Option<Box<dyn Model>>,
        host: &Host,
        clock: &Arc<dyn Clock>,
    ) -> Result<Vec<Box<dyn Model>>, Failure> {
        let (manifest, secrets) = (host.policy().manifest(), host.secrets());
        let mut models = match (own, &self.model) {
            (Some(own), _) => vec![own],
            (None, Some(ModelSpec::Named(name))) => {
                vec![open_named(name, manifest, secrets, clock).code(ExitCode::BadInput)?]
            }
            (None, _) => open_chain(manifest, secrets, clock).code(ExitCode::BadInput)?,
        };
        if models.is_empty() {
            let message =
                "the run has no model: name one with `--model`, or a chain with `models` in `[run]` of the manifest";
            return Err(Failure::new(ExitCode::Usage, anyhow::anyhow!(message)));
        }
        self.record(&mut models, host)?;
        Ok(models)
    }

    fn record(&self, models: &mut [Box<dyn Model>], host: &Host) -> Result<(), Failure> {
        let Some(path) = &self.record else { return Ok(()) };
        let [model] = models else { return Err(RecordError::SeveralModels).code(ExitCode::Usage) };
        if model.identity().kind != Kind::Remote {
            return Err(RecordError::NoWire(model.identity().name.clone())).code(ExitCode::Usage);
        }
        let recorder = Recorder::create(path, host.redactor().clone()).code(ExitCode::BadInput)?;
        model.record(recorder).code(ExitCode::BadInput)
    }

    fn options(&self) -> ModelOptions {
        let variable = self.model_key_env.clone().map(KeySource::Variable);
        let key = variable.or_else(|| self.model_key_file.clone().map(KeySource::File));
        ModelOptions { base_url: self.model_url.clone(), key, authorities: self.model_ca.clone() }
    }

    /// What says how to reach a model is for one that the command line describes.
    fn flags_fit(&self, spec: &ModelSpec) -> Result<(), Failure> {
        let flags = [
            ("--model-url", self.model_url.is_some()),
            ("--model-key-env", self.model_key_env.is_some()),
            ("--model-key-file", self.model_key_file.is_some()),
            ("--model-ca", self.model_ca.is_some()),
        ];
        let Some((flag, _)) = flags.into_iter().find(|(_, is_given)| *is_given) else { return Ok(()) };
        let place = match spec {
            ModelSpec::Remote { .. } => return Ok(()),
            ModelSpec::Named(name) => format!("for `{name}`, that stands in `[models.{name}]`"),
            ModelSpec::Scripted(_) | ModelSpec::Cassette(_) => "a file that is played calls no model".to_owned(),
        };
        let message = format!("`{flag}` is for a model of the form `API:MODEL`: {place}; leave it out");
        Err(Failure::new(ExitCode::Usage, anyhow::anyhow!(message)))
    }
}
