//! Answers requests from a tape. Nothing is sent: there is no way from here to whoever could.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use toolhold_core::tape::{Answer as Played, Response};

use super::egress::{Answer, Body, BodyError, EgressError, EgressRequest, EgressResponse};
use super::recorded::Taped;
use crate::workers::Workers;

/// What is on record for a request; `taped` is its place on the tape.
pub(super) fn answer(taped: Option<&Taped>, request: EgressRequest, workers: &Workers) -> Answer {
    let Some(Taped::Played(_, _, played)) = taped else {
        return refused("it is not on record: this call is made once more from what is, and sends nothing");
    };
    // A server reads what it is sent, and a tool may wait for that.
    if let (Some(body), Some(threads)) = (request.body, workers.handle()) {
        threads.spawn(async move { drop(body.collect().await) });
    }
    match played {
        Played::Nothing => Box::pin(std::future::pending()),
        Played::Failed { error, why } => Box::pin(std::future::ready(Err(EgressError::of_word(error, why)))),
        Played::NotKept => refused("its answer was too large to be kept"),
        Played::Came(response) => match begun(response) {
            Some(response) => Box::pin(std::future::ready(Ok(response))),
            None => refused("what is on record of its answer is damaged"),
        },
    }
}

fn refused(why: &str) -> Answer {
    Box::pin(std::future::ready(Err(EgressError::NotRecorded(why.to_owned()))))
}

fn begun(response: &Response) -> Option<EgressResponse> {
    let status = StatusCode::from_u16(response.status).ok()?;
    let mut headers = HeaderMap::new();
    for (name, value) in &response.headers {
        let bytes: Option<Vec<u8>> = value.chars().map(|sign| u8::try_from(u32::from(sign)).ok()).collect();
        headers.append(HeaderName::from_bytes(name.as_bytes()).ok()?, HeaderValue::from_bytes(&bytes?).ok()?);
    }
    Some(EgressResponse { status, headers, body: body(response)? })
}

fn body(response: &Response) -> Option<Body> {
    let bytes = Bytes::from(response.body.bytes()?);
    let data = (!bytes.is_empty()).then(|| Ok(Frame::data(bytes)));
    // What the guest did not read is not on record.
    let end = (!response.is_whole).then(|| Err(BodyError("nothing more is on record".into())));
    let frames = data.into_iter().chain(end);
    Some(StreamBody::new(futures_util::stream::iter(frames)).boxed_unsync())
}
