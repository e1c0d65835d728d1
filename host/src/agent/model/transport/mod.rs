//! Where a request goes and where its answer comes from: the network, or a recording of it.
//!
//! What is read from either goes through [`Answer`], so that a recording is taken apart by the very code that takes the
//! network apart. Every answer is bounded in size, and on the network in time.

mod network;
mod patience;

use std::sync::Arc;

use reqwest::Response;
use reqwest::header::HeaderMap;
use serde_json::Value;
use toolhold_core::base_url::BaseUrl;

pub(super) use self::network::Header;
use self::network::Network;
pub(super) use self::patience::Patience;
pub use self::patience::Timeouts;
use super::cassette::{Exchange, Recorder, Replay, Taken};
use super::{Authorities, Error, Turn};
use crate::agent::clock::Clock;

/// Bytes of a piece of a recorded answer: a recording does not say where the network had cut it.
const PIECE_BYTES: usize = 64 << 10;

/// The way of requests to one endpoint.
pub(super) struct Transport {
    way: Way,
    recorder: Option<Recorder>,
}

enum Way {
    Network(Box<Network>),
    Replay(Replay),
}

/// An answer, of which the head has come.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    source: Source,
    /// What was read, where it is recorded.
    taken: Option<Taken>,
}

enum Source {
    Network { response: Box<Response>, patience: Patience, first: bool },
    Recorded { body: Vec<u8>, at: usize, failure: Option<Error> },
}

impl Transport {
    /// Over the network.
    pub(super) fn network(
        base: &BaseUrl,
        path: &str,
        authorities: &Authorities,
        headers: &[Header],
        timeouts: Timeouts,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, String> {
        let network = Network::new(base.endpoint(path), authorities, headers, timeouts, clock)?;
        Ok(Self { way: Way::Network(Box::new(network)), recorder: None })
    }

    /// From a recording.
    pub(super) fn replay(replay: Replay) -> Self {
        Self { way: Way::Replay(replay), recorder: None }
    }

    /// Keeps everything from here on. `false` for what is a recording itself.
    pub(super) fn record(&mut self, recorder: Recorder) -> bool {
        let is_network = matches!(self.way, Way::Network(_));
        self.recorder = Some(recorder).filter(|_| is_network);
        is_network
    }

    /// That many turns were given in an earlier life of the run: a recording has them behind it.
    pub(super) fn skip(&mut self, turns: usize) {
        if let Way::Replay(replay) = &mut self.way {
            (0..turns).for_each(|_| replay.skip_turn());
        }
    }

    /// A turn begins: its time runs from here on.
    pub(super) fn begin(&mut self) {
        if let Way::Network(network) = &mut self.way {
            network.patience.begin();
        }
    }

    /// Sends a request. The answer has its head.
    pub(super) async fn post(&mut self, body: &Value) -> Result<Answer, Error> {
        match &mut self.way {
            Way::Replay(replay) => {
                let recorded = replay.answer(body)?;
                let source = Source::Recorded { body: recorded.body, at: 0, failure: recorded.failure };
                Ok(Answer { status: recorded.status, headers: recorded.headers, source, taken: None })
            }
            Way::Network(network) => match network.post(body.to_string()).await {
                Ok(response) => {
                    let (status, headers) = (response.status().as_u16(), response.headers().clone());
                    let patience = network.patience.clone();
                    let source = Source::Network { response: Box::new(response), patience, first: true };
                    let taken = self.recorder.as_ref().map(|_| Taken::default());
                    Ok(Answer { status, headers, source, taken })
                }
                Err(error) => {
                    let failed = Taken { failure: Some(error.clone()), ..Taken::default() };
                    self.write(body, None, &failed)?;
                    Err(error)
                }
            },
        }
    }

    /// Looks at another endpoint of the same server: its status. A recording is always there. Nothing of it is recorded.
    pub(super) async fn look(&mut self, url: url::Url) -> Result<u16, Error> {
        match &mut self.way {
            Way::Replay(_) => Ok(200),
            Way::Network(network) => {
                network.patience.begin();
                network.look(url).await
            }
        }
    }

    /// Keeps an exchange that is over, where it is recorded. `turn` is what became of it.
    pub(super) fn keep(&self, body: &Value, answer: &Answer, turn: Option<&Turn>) -> Result<(), Error> {
        let (Some(recorder), Some(taken)) = (&self.recorder, &answer.taken) else { return Ok(()) };
        if let Some(turn) = turn {
            recorder.may_be_kept(turn)?;
        }
        self.write(body, Some((answer.status, &answer.headers)), taken)
    }

    fn write(&self, body: &Value, head: Option<(u16, &HeaderMap)>, taken: &Taken) -> Result<(), Error> {
        let (Some(recorder), Way::Network(network)) = (&self.recorder, &self.way) else { return Ok(()) };
        let request = recorder.asked(network.path(), network.shown_headers(), body);
        let response = head.map(|(status, headers)| recorder.answered(status, headers, taken));
        recorder.write(&Exchange { request, response, failure: recorder.failure(taken) })
    }
}

impl Answer {
    /// The next piece of the body; `None` at its end.
    pub(super) async fn piece(&mut self) -> Result<Option<Vec<u8>>, Error> {
        let piece = self.source.piece().await;
        if let Some(taken) = &mut self.taken {
            match &piece {
                Ok(Some(bytes)) => taken.body.extend_from_slice(bytes),
                Ok(None) => {}
                Err(error) => taken.failure = Some(error.clone()),
            }
        }
        piece
    }

    /// Everything that is left, after `start`; `None` where it is more than `most` bytes.
    pub(super) async fn rest(&mut self, start: Vec<u8>, most: usize) -> Result<Option<Vec<u8>>, Error> {
        let mut body = start;
        while body.len() <= most {
            match self.piece().await? {
                Some(piece) => body.extend_from_slice(&piece),
                None => return Ok(Some(body)),
            }
        }
        Ok(None)
    }
}

impl Source {
    async fn piece(&mut self) -> Result<Option<Vec<u8>>, Error> {
        match self {
            Self::Network { response, patience, first } => {
                let piece = match std::mem::take(first) {
                    true => patience.first(response.chunk()).await?,
                    false => patience.next(response.chunk()).await?,
                };
                Ok(piece.map_err(|_broken_off| Error::Truncated)?.map(|bytes| bytes.to_vec()))
            }
            Self::Recorded { body, at, failure } => match body.get(*at..).filter(|rest| !rest.is_empty()) {
                Some(rest) => {
                    let piece: Vec<u8> = rest.iter().take(PIECE_BYTES).copied().collect();
                    *at += piece.len();
                    Ok(Some(piece))
                }
                None => failure.take().map_or(Ok(None), Err),
            },
        }
    }
}
