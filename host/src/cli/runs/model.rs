//! Which models a run asks: those of the command line, by form or by their names in the manifest, or the manifest's chain.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use crate::Host;
use crate::agent::Clock;
use crate::agent::model::{Described, KeySource, Kind, Model, ModelOptions, ModelSpec, RecordError, Recorder};
use crate::cli::failure::{Failure, WithCode as _};
use crate::cli::variable;
use crate::exit_code::ExitCode;
use crate::secrets::KnownSecret;

/// Which models are asked, and how they are reached.
#[derive(Debug, Clone, Default, Args)]
pub(in crate::cli) struct ModelArguments {
    /// `openai:MODEL`, `openai-responses:MODEL`, `anthropic:MODEL`, the NAME of a model of the manifest, or `scripted:FILE` and
    /// `cassette:FILE`, which call none. Given more than once: the next one is asked where the one before is given up
    /// [default: `models` of `[run]` in the manifest; for a run that there is already, those that it had].
    #[arg(long = "model", value_name = "MODEL")]
    models: Vec<ModelSpec>,
    /// Base URL of the API of `API:MODEL`, such as http://127.0.0.1:8080/v1.
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
    /// Write what goes to the model and comes back, without secrets, to a new file that `--model cassette:FILE` plays.
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
}

/// The models of a run before there is a host: it has to know the keys of those that the command line describes.
pub(super) struct Beforehand {
    chain: Described,
    record: Option<PathBuf>,
    clock: Arc<dyn Clock>,
}

impl ModelArguments {
    /// Opens what the command line describes; `known` are the names of the models that the run had, for where none is given.
    pub(super) fn beforehand(&self, known: &[String], clock: &Arc<dyn Clock>) -> Result<Beforehand, Failure> {
        let specs = match self.models.as_slice() {
            [] => known.iter().map(|name| as_before(name)).collect::<Result<Vec<ModelSpec>, _>>()?,
            given => given.to_vec(),
        };
        let chain = self.described(&specs, clock)?;
        Ok(Beforehand { chain, record: self.record.clone(), clock: Arc::clone(clock) })
    }

    /// What the command line describes, for every run of a server that names none.
    pub(in crate::cli) fn of_a_server(&self, clock: &Arc<dyn Clock>) -> Result<Described, Failure> {
        if self.record.is_some() {
            let error = anyhow::anyhow!(
                "`--record` keeps what one run asks, and a server has many; use it with `toolhold run`"
            );
            return Err(Failure::new(ExitCode::Usage, error));
        }
        self.described(&self.models, clock)
    }

    fn described(&self, specs: &[ModelSpec], clock: &Arc<dyn Clock>) -> Result<Described, Failure> {
        self.flags_fit(specs)?;
        Described::read(specs, &self.options(), &variable, clock).code(ExitCode::BadInput)
    }

    fn options(&self) -> ModelOptions {
        let variable = self.model_key_env.clone().map(KeySource::Variable);
        let key = variable.or_else(|| self.model_key_file.clone().map(KeySource::File));
        ModelOptions { base_url: self.model_url.clone(), key, authorities: self.model_ca.clone() }
    }

    /// What says how to reach a model is for one that the command line describes.
    fn flags_fit(&self, specs: &[ModelSpec]) -> Result<(), Failure> {
        let flags = [
            ("--model-url", self.model_url.is_some()),
            ("--model-key-env", self.model_key_env.is_some()),
            ("--model-key-file", self.model_key_file.is_some()),
            ("--model-ca", self.model_ca.is_some()),
        ];
        let given = flags.into_iter().find(|(_, is_given)| *is_given);
        let remote = specs.iter().filter(|spec| matches!(spec, ModelSpec::Remote { .. })).count();
        if let Some((flag, _)) = given.filter(|_| remote > 1) {
            let message = format!(
                "`{flag}` is for one model, and {remote} are named: a key or an address must not go to another one; describe them in \
                 `[models.NAME]`"
            );
            return Err(Failure::new(ExitCode::Usage, anyhow::anyhow!(message)));
        }
        let Some((flag, _)) = given.filter(|_| !specs.iter().any(|spec| matches!(spec, ModelSpec::Remote { .. })))
        else {
            return Ok(());
        };
        let place = match specs.first() {
            Some(ModelSpec::Named(name)) => format!("for `{name}`, that stands in `[models.{name}]`"),
            Some(_) => "a file that is played calls no model".to_owned(),
            None => "name it with `--model`".to_owned(),
        };
        let message = format!("`{flag}` is for a model of the form `API:MODEL`; {place}");
        Err(Failure::new(ExitCode::Usage, anyhow::anyhow!(message)))
    }
}

/// A model of an earlier life of the run. One at an address of its own has to be described again: nothing of the run must go
/// to another address.
fn as_before(name: &str) -> Result<ModelSpec, Failure> {
    name.parse().map_err(|_| {
        let (model, address) = name.split_once(" at ").unwrap_or((name, "URL"));
        let message = format!(
            "the run asked `{name}`, which was described on the command line: describe it again with `--model {model} --model-url \
             {address}`, and with its key if it had one"
        );
        Failure::new(ExitCode::BadInput, anyhow::anyhow!(message))
    })
}

impl Beforehand {
    /// What the host must not show.
    pub(super) fn secrets(&self) -> Vec<KnownSecret> {
        self.chain.secrets()
    }

    /// The chain, in the order in which it is asked: as it was named, or as the manifest has it.
    pub(super) fn open(self, host: &Host) -> Result<Vec<Box<dyn Model>>, Failure> {
        let mut models =
            self.chain.open(host.policy().manifest(), host.secrets(), &self.clock).code(ExitCode::BadInput)?;
        if models.is_empty() {
            let message =
                "the run has no model: name one with `--model`, or a chain with `models` in `[run]` of the manifest";
            return Err(Failure::new(ExitCode::Usage, anyhow::anyhow!(message)));
        }
        match &self.record {
            Some(path) => record(path, &mut models, host).map(|()| models),
            None => Ok(models),
        }
    }
}

fn record(path: &std::path::Path, models: &mut [Box<dyn Model>], host: &Host) -> Result<(), Failure> {
    let [model] = models else { return Err(RecordError::SeveralModels).code(ExitCode::Usage) };
    if model.identity().kind != Kind::Remote {
        return Err(RecordError::NoWire(model.identity().name.clone())).code(ExitCode::Usage);
    }
    let recorder = Recorder::create(path, host.redactor().clone()).code(ExitCode::BadInput)?;
    model.record(recorder).code(ExitCode::BadInput)
}
