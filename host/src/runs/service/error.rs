//! Why a server does not work on a run.

use toolhold_core::id::RunId;

use crate::agent::model::SpecError;
use crate::{journal, runs};

/// Why a server does not work on a run.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// What is asked for makes no sense.
    #[error("{0}")]
    Task(&'static str),
    /// The answer's schema cannot be used.
    #[error("the schema of the answer cannot be used: {0}")]
    AnswerSchema(String),
    /// Nobody would be asked.
    #[error(
        "the run has no model: name one, start the server with `--model`, or name a chain with `models` in `[run]` of the manifest"
    )]
    NoModel,
    /// A model cannot be asked.
    #[error(transparent)]
    Model(#[from] SpecError),
    /// It would come to nothing. Holds names of tools and models: escape before showing.
    #[error("the run would come to nothing: {0}")]
    Blocked(String),
    /// There is another run of that name.
    #[error("run `{0}` was asked for with another task: use another key")]
    OtherTask(RunId),
    /// Somebody works on it.
    #[error("run `{0}` is worked on, or waits for its turn")]
    AtWork(RunId),
    /// There are as many runs as there may be.
    #[error("{0} runs are worked on or wait for their turn: try again when one has ended")]
    Full(usize),
    /// The server begins nothing more.
    #[error("the server ends and begins nothing more")]
    Ending,
    /// Nothing can be done with the run.
    #[error(transparent)]
    Run(#[from] runs::Error),
}

impl From<journal::Error> for Refused {
    fn from(error: journal::Error) -> Self {
        Self::Run(error.into())
    }
}
