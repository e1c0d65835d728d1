//! A request by `wasi:http/outgoing-handler`.

use toolhold_sdk::prelude::*;
use wasip2::http::outgoing_handler;
use wasip2::http::types::{
    ErrorCode, Fields, IncomingBody, IncomingResponse, Method, OutgoingBody, OutgoingRequest, Scheme,
};
use wasip2::io::streams::StreamError;

use super::{Answer, Request, denied};

/// Bytes that `blocking-write-and-flush` takes at once.
const WRITE_BYTES: usize = 4096;
/// Bytes asked for at once.
const READ_BYTES: u64 = 64 << 10;

pub(super) fn send(request: &Request, max_bytes: usize) -> Result<Answer> {
    let outgoing = outgoing(request)?;
    // A request without a body is not one with an empty body: servers tell them apart.
    let body = (!request.body.is_empty()).then(|| outgoing.body()).transpose();
    let body = body.map_err(|()| Error::failed("the request has no body"))?;
    let pending = outgoing_handler::handle(outgoing, None).map_err(|code| explain(request, &code))?;
    // A host that refuses closes the stream; why is in the answer.
    let written = body.map_or(Ok(()), |body| write(body, &request.body));
    check_cancelled()?;
    pending.subscribe().block();
    let response = match pending.get() {
        Some(Ok(Ok(response))) => response,
        Some(Ok(Err(code))) => return Err(explain(request, &code)),
        Some(Err(())) | None => return Err(Error::failed("the host gave no answer")),
    };
    let mut answer = Answer { status: response.status(), headers: headers(&response), ..Answer::default() };
    read(&response, max_bytes, &mut answer).map_err(|error| error.context(&request.url))?;
    // A server may answer before it has read everything.
    written.or(if answer.status >= 300 { Ok(()) } else { Err(()) }).map_err(|()| unsent(request))?;
    Ok(answer)
}

fn unsent(request: &Request) -> Error {
    Error::failed(format!("`{}` did not take the whole body of the request", request.url))
}

fn outgoing(request: &Request) -> Result<OutgoingRequest> {
    let headers = Fields::new();
    for (name, value) in &request.headers {
        let refused = |why| denied(request, &format!("the header `{name}` may not be set ({why:?})"));
        headers.append(name, value.as_bytes()).map_err(refused)?;
    }
    if !request.body.is_empty() {
        // Not every server takes a body whose length it is not told.
        let length = request.body.len().to_string();
        let refused = |_| Error::failed("the length of the body could not be said");
        headers.append("content-length", length.as_bytes()).map_err(refused)?;
    }
    let outgoing = OutgoingRequest::new(headers);
    let url = &request.url;
    let invalid = |()| Error::invalid_args(format!("`{url}` cannot be requested; write `https://host/path`"));
    let scheme = if url.scheme() == "http" { Scheme::Http } else { Scheme::Https };
    let path = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
    outgoing.set_method(&method(request.method)).map_err(invalid)?;
    outgoing.set_scheme(Some(&scheme)).map_err(invalid)?;
    outgoing.set_authority(Some(url.authority())).map_err(invalid)?;
    outgoing.set_path_with_query(Some(&path)).map_err(invalid)?;
    Ok(outgoing)
}

fn method(name: &str) -> Method {
    match name {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "PATCH" => Method::Patch,
        "DELETE" => Method::Delete,
        other => Method::Other(other.to_owned()),
    }
}

fn write(body: OutgoingBody, bytes: &[u8]) -> Result<(), ()> {
    let stream = body.write()?;
    for part in bytes.chunks(WRITE_BYTES) {
        stream.blocking_write_and_flush(part).map_err(|_| ())?;
    }
    drop(stream);
    OutgoingBody::finish(body, None).map_err(|_| ())
}

fn headers(response: &IncomingResponse) -> Vec<(String, String)> {
    let text =
        |(name, value): (String, Vec<u8>)| (name.to_ascii_lowercase(), String::from_utf8_lossy(&value).into_owned());
    response.headers().entries().into_iter().map(text).collect()
}

fn read(response: &IncomingResponse, max_bytes: usize, answer: &mut Answer) -> Result<()> {
    let body: IncomingBody = response.consume().map_err(|()| Error::failed("the answer has no body"))?;
    let stream = body.stream().map_err(|()| Error::failed("the answer has no body"))?;
    while answer.body.len() <= max_bytes {
        check_cancelled()?;
        match stream.blocking_read(READ_BYTES) {
            Ok(bytes) => answer.body.extend_from_slice(&bytes),
            Err(StreamError::Closed) => return Ok(()),
            Err(StreamError::LastOperationFailed(error)) => {
                return Err(Error::failed(format!("the answer broke off: {}", error.to_debug_string())));
            }
        }
    }
    answer.body.truncate(max_bytes);
    answer.cut = true;
    Ok(())
}

fn explain(request: &Request, code: &ErrorCode) -> Error {
    let url = &request.url;
    let failed = |what: &str| Error::failed(format!("`{url}`: {what}"));
    match code {
        ErrorCode::HttpRequestDenied => denied(request, "no grant covers it"),
        ErrorCode::DestinationIpProhibited => {
            denied(request, "its address is private or reserved, and not granted by name")
        }
        ErrorCode::DnsError(_) | ErrorCode::DestinationNotFound => failed("there is no such host; check the name"),
        ErrorCode::DnsTimeout => failed("the name could not be looked up in time"),
        ErrorCode::ConfigurationError => {
            failed("the host could not add what the operator wants added; tell the operator")
        }
        ErrorCode::ConnectionRefused => failed("nothing listens there; check host and port"),
        ErrorCode::ConnectionLimitReached => failed(
            "this server failed too often lately and is left alone for a while; do something else, or try again later",
        ),
        ErrorCode::ConnectionTimeout | ErrorCode::HttpResponseTimeout | ErrorCode::ConnectionReadTimeout => {
            failed("it did not answer in time; try again later")
        }
        ErrorCode::TlsCertificateError | ErrorCode::TlsProtocolError | ErrorCode::TlsAlertReceived(_) => {
            failed("there is no safe connection: its certificate or protocol is not acceptable")
        }
        other => failed(&format!("the request failed ({other:?})")),
    }
}
