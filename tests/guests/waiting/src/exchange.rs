//! One request and its answer over `wasi:http`, for the probes that send some.

use toolhold_sdk::prelude::*;
use wasip2::http::outgoing_handler;
use wasip2::http::types::{
    Fields, FutureIncomingResponse, IncomingResponse, Method, OutgoingBody, OutgoingRequest, RequestOptions, Scheme,
};
use wasip2::io::streams::StreamError;

/// What is asked for, beside the body.
#[derive(Default)]
pub(crate) struct Asked {
    pub(crate) authority: String,
    pub(crate) secure: bool,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: Vec<String>,
    pub(crate) patience: u64,
}

/// Sends it whole and reads the answer whole.
pub(crate) fn exchange(asked: &Asked, body: &[u8]) -> Result<String> {
    let request = request(asked)?;
    let outgoing = if body.is_empty() { None } else { Some(request.body().map_err(refused)?) };
    let answer = handle(asked, request)?;
    if let Some(outgoing) = outgoing {
        send(outgoing, body)?;
    }
    read(&wait(&answer)?)
}

/// A request, not yet sent.
pub(crate) fn request(asked: &Asked) -> Result<OutgoingRequest> {
    let fields = Fields::new();
    for pair in asked.headers.chunks(2) {
        if let [name, value] = pair {
            let failed = |error| Error::denied(format!("{error:?}"));
            fields.append(name, value.as_bytes()).map_err(failed)?;
        }
    }
    let request = OutgoingRequest::new(fields);
    let scheme = if asked.secure { Scheme::Https } else { Scheme::Http };
    let path = if asked.path.is_empty() { "/" } else { &asked.path };
    request.set_method(&method(&asked.method)).map_err(refused)?;
    request.set_scheme(Some(&scheme)).map_err(refused)?;
    request.set_authority(Some(&asked.authority)).map_err(refused)?;
    request.set_path_with_query(Some(path)).map_err(refused)?;
    Ok(request)
}

/// Hands it over.
pub(crate) fn handle(asked: &Asked, request: OutgoingRequest) -> Result<FutureIncomingResponse> {
    let options = (asked.patience > 0).then(RequestOptions::new);
    if let Some(options) = &options {
        options.set_first_byte_timeout(Some(asked.patience * 1_000_000)).map_err(refused)?;
    }
    outgoing_handler::handle(request, options).map_err(|code| Error::denied(format!("{code:?}")))
}

/// Waits for the begin of the answer.
pub(crate) fn wait(answer: &FutureIncomingResponse) -> Result<IncomingResponse> {
    answer.subscribe().block();
    match answer.get() {
        Some(Ok(Ok(response))) => Ok(response),
        other => Err(Error::denied(format!("{other:?}"))),
    }
}

fn send(outgoing: OutgoingBody, body: &[u8]) -> Result<()> {
    let stream = outgoing.write().map_err(refused)?;
    for chunk in body.chunks(4096) {
        stream.blocking_write_and_flush(chunk).map_err(|error| Error::failed(format!("{error:?}")))?;
    }
    drop(stream);
    OutgoingBody::finish(outgoing, None).map_err(|code| Error::denied(format!("{code:?}")))
}

/// The whole answer as text.
pub(crate) fn read(response: &IncomingResponse) -> Result<String> {
    let mut text = format!("{}\n", response.status());
    for (name, value) in response.headers().entries() {
        text.push_str(&format!("{name}: {}\n", String::from_utf8_lossy(&value)));
    }
    let body = response.consume().map_err(refused)?;
    let stream = body.stream().map_err(refused)?;
    let mut bytes = Vec::new();
    loop {
        match stream.blocking_read(64 << 10) {
            Ok(chunk) => bytes.extend(chunk),
            Err(StreamError::Closed) => break,
            Err(error) => return Err(Error::failed(format!("{error:?}"))),
        }
    }
    Ok(format!("{text}\n{}", String::from_utf8_lossy(&bytes)))
}

fn method(name: &str) -> Method {
    match name {
        "" | "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "DELETE" => Method::Delete,
        "CONNECT" => Method::Connect,
        "OPTIONS" => Method::Options,
        "TRACE" => Method::Trace,
        "PATCH" => Method::Patch,
        other => Method::Other(other.to_owned()),
    }
}

fn refused(_part: ()) -> Error {
    Error::denied("the host refused a part of the request")
}
