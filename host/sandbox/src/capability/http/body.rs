//! Bodies that are counted as they pass.
//!
//! They pass on a thread that is not the guest's, where a crossed limit cannot be returned to it. So the body ends with an
//! error, and the guest is stopped at its next check.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use toolhold_core::limit::{Exceeded, Limit};
use wasmtime_wasi_http::{Error, WasiBody};

use super::egress::{self, BodyError};
use super::headers::fits;
use super::ledger::Entry;
use crate::call::Crossing;
use crate::meter::Meter;

/// What both directions need to count.
#[derive(Clone)]
pub(super) struct Counter {
    pub(super) meter: Arc<Meter>,
    pub(super) crossing: Crossing,
    pub(super) entry: Entry,
}

impl Counter {
    fn charge(&self, limit: Limit, bytes: u64) -> Result<(), Exceeded> {
        self.meter.charge(limit, bytes).inspect_err(|exceeded| self.crossing.cross(*exceeded))
    }
}

/// The body of a request, on its way out.
pub(super) struct Outgoing {
    pub(super) body: WasiBody,
    pub(super) counter: Counter,
    /// The call is over. What the guest has not finished by then looks finished, because its side is gone: it must not be
    /// sent as if it were whole.
    pub(super) ended: Arc<AtomicBool>,
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = std::task::ready!(Pin::new(&mut self.body).poll_frame(context));
        if self.ended.load(Ordering::Acquire) {
            return Poll::Ready(Some(Err(BodyError("the call ended before its request did".into()))));
        }
        let Some(frame) = frame else { return Poll::Ready(None) };
        Poll::Ready(Some(self.count(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Outgoing {
    fn count(&self, frame: Result<Frame<Bytes>, Error>) -> Result<Frame<Bytes>, BodyError> {
        let frame = frame.map_err(|error| BodyError(error.to_string()))?;
        if let Some(data) = frame.data_ref() {
            let bytes = data.len() as u64;
            self.counter.charge(Limit::HttpBytesSent, bytes).map_err(|exceeded| BodyError(exceeded.to_string()))?;
            self.counter.entry.sent(bytes);
        }
        Ok(frame)
    }
}

/// The body of an answer, on its way in.
pub(super) struct Incoming {
    pub(super) body: egress::Body,
    pub(super) counter: Counter,
}

impl Body for Incoming {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let frame = std::task::ready!(Pin::new(&mut self.body).poll_frame(context));
        Poll::Ready(frame.map(|frame| self.count(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Incoming {
    fn count(&self, frame: Result<Frame<Bytes>, BodyError>) -> Result<Frame<Bytes>, Error> {
        // What went wrong may name an address; the guest learns that it did.
        let frame = frame.map_err(|_| Error::HttpResponseIncomplete)?;
        if let Some(data) = frame.data_ref() {
            let bytes = data.len() as u64;
            let charged = self.counter.charge(Limit::HttpBytesReceived, bytes);
            charged.map_err(|_| Error::HttpResponseBodySize(None))?;
            self.counter.entry.received(bytes);
        }
        if frame.trailers_ref().is_some_and(|trailers| !fits(trailers)) {
            return Err(Error::HttpResponseTrailerSectionSize(None));
        }
        Ok(frame)
    }
}
