//! Takes requests and answers down as they pass, byte for byte as the guest sees them.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt as _;
use sha2::{Digest as _, Sha256};
use toolhold_core::id::Digest;
use toolhold_core::tape::Answer as Played;

use super::egress::{Answer, Body, BodyError, EgressError, EgressResponse};
use crate::reel::{Cue, Player, Recorder, Reel};

/// One request on a tape.
#[derive(Debug, Clone)]
pub(super) enum Taped {
    /// It is taken down under this number.
    Recorded(Recorder, usize),
    /// It is answered from this number.
    Played(Player, usize, Played),
}

impl Taped {
    /// The place of a request on the tape; `None` where there is none.
    pub(super) fn of(reel: &Reel, method: &str, url: String) -> Option<Self> {
        match reel {
            Reel::Recorded(recorder) => {
                recorder.asked(method, url).map(|index| Self::Recorded(recorder.clone(), index))
            }
            Reel::Played(player) => match player.answer(method, &url) {
                Cue::Exchange(index, answer) => Some(Self::Played(player.clone(), index, answer)),
                Cue::Missing => None,
            },
        }
    }

    /// The body of the request, which is hashed as it goes.
    pub(super) fn outgoing(&self, body: Body) -> Body {
        Hashed { body, hash: Some(Sha256::new()), taped: self.clone() }.boxed_unsync()
    }

    /// The answer, which is taken down as it comes.
    pub(super) fn recorded(self, answer: Answer) -> Answer {
        let Self::Recorded(recorder, index) = self else { return answer };
        Box::pin(async move {
            match answer.await {
                Ok(EgressResponse { status, headers, body }) => {
                    recorder.came(index, status.as_u16(), in_words(&headers));
                    let body = Taken { body, recorder, index }.boxed_unsync();
                    Ok(EgressResponse { status, headers, body })
                }
                Err(error) => {
                    recorder.failed(index, error.word(), why(&error));
                    Err(error)
                }
            }
        })
    }

    fn sent(&self, body: Digest) {
        match self {
            Self::Recorded(recorder, index) => recorder.sent(*index, body),
            Self::Played(player, index, _) => player.sent(*index, body),
        }
    }
}

fn why(error: &EgressError) -> String {
    match error {
        // The rest of its words is a matter of that moment.
        EgressError::LeftAlone { why, .. } => why.clone(),
        error => error.to_string(),
    }
}

/// A byte is the character with its number, so that any value is the same again.
fn in_words(headers: &HeaderMap) -> Vec<(String, String)> {
    let value = |value: &http::HeaderValue| value.as_bytes().iter().map(|byte| char::from(*byte)).collect();
    headers.iter().map(|(name, of_name)| (name.to_string(), value(of_name))).collect()
}

/// The body of a request, on its way out.
struct Hashed {
    body: Body,
    /// `None`: it has ended.
    hash: Option<Sha256>,
    taped: Taped,
}

impl http_body::Body for Hashed {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = std::task::ready!(Pin::new(&mut self.body).poll_frame(context));
        match (&frame, &mut self.hash) {
            (Some(Ok(frame)), Some(hash)) => {
                if let Some(data) = frame.data_ref() {
                    hash.update(data);
                }
            }
            // Not whole.
            (Some(Err(_)), hash) => *hash = None,
            _ => {}
        }
        if (frame.is_none() || self.body.is_end_stream())
            && let Some(hash) = self.hash.take()
        {
            self.taped.sent(Digest::from_bytes(hash.finalize().into()));
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The body of an answer, on its way in.
struct Taken {
    body: Body,
    recorder: Recorder,
    index: usize,
}

impl http_body::Body for Taken {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = std::task::ready!(Pin::new(&mut self.body).poll_frame(context));
        match &frame {
            Some(Ok(frame)) => {
                if let Some(data) = frame.data_ref() {
                    self.recorder.more(self.index, data);
                }
                if self.body.is_end_stream() {
                    self.recorder.ended(self.index, false);
                }
            }
            Some(Err(_)) => self.recorder.ended(self.index, true),
            None => self.recorder.ended(self.index, false),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
