//! Answers requests from a list. No code in here could send one.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use toolhold_core::manifest::cases::CannedAnswer;
use toolhold_sandbox::capability::http::{Answer, Egress, EgressError, EgressRequest, EgressResponse};

/// The answers of one case.
#[derive(Debug)]
pub(super) struct Canned(pub(super) Vec<CannedAnswer>);

impl Egress for Canned {
    fn send(&self, request: EgressRequest) -> Answer {
        let (method, url) = (request.method.as_str(), request.target.to_string());
        let answer = self.0.iter().find(|answer| answer.method == method && answer.url == url);
        let answer = answer
            .map_or_else(|| Err(EgressError::Connect(format!("the case has no answer for {method} {url}"))), response);
        Box::pin(std::future::ready(answer))
    }
}

fn response(answer: &CannedAnswer) -> Result<EgressResponse, EgressError> {
    let no_answer = |what: &str| EgressError::NoAnswer(format!("the answer of the case has {what}"));
    let mut headers = http::HeaderMap::new();
    for (name, value) in &answer.headers {
        let name = http::HeaderName::try_from(name.as_str()).map_err(|_| no_answer("a header that is none"))?;
        headers.append(name, value.parse().map_err(|_| no_answer("a value that no header can have"))?);
    }
    let status = http::StatusCode::from_u16(answer.status).map_err(|_| no_answer("a status that is none"))?;
    let body = Full::new(Bytes::from(answer.body.clone())).map_err(|never| match never {}).boxed_unsync();
    Ok(EgressResponse { status, headers, body })
}
