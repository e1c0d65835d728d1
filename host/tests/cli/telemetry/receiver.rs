//! A collector on loopback: takes spans over HTTP, as the generated types of the protocol read them.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;

/// What came in one request.
pub(super) struct Came {
    pub(super) head: String,
    pub(super) body: Vec<u8>,
}

/// A collector. Ends with the process.
pub(super) struct Receiver {
    pub(super) base: String,
    came: Arc<Mutex<Vec<Came>>>,
}

impl Receiver {
    /// One that answers with this status.
    pub(super) fn start(status: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let came = Arc::<Mutex<Vec<Came>>>::default();
        let seen = Arc::clone(&came);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                if let Some(request) = read(&mut stream) {
                    seen.lock().unwrap().push(request);
                }
                let body = ExportTraceServiceResponse::default().encode_to_vec();
                let head = format!(
                    "HTTP/1.1 {status}\r\ncontent-type: application/x-protobuf\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
                    body.len()
                );
                // The client may be gone already, which is its right.
                let _gone = stream.write_all(&[head.as_bytes(), &body].concat()).is_err();
            }
        });
        Self { base, came }
    }

    /// The requests that came, and nothing of them left here.
    pub(super) fn requests(&self) -> Vec<Came> {
        std::mem::take(&mut self.came.lock().unwrap())
    }

    /// The spans that came, in the order in which they ended.
    pub(super) fn spans(&self) -> Spans {
        let requests = self.requests();
        let (mut spans, mut resource) = (Vec::new(), Vec::new());
        let raw = requests.iter().flat_map(|request| request.body.clone()).collect();
        for request in &requests {
            assert!(request.head.starts_with("POST /v1/traces HTTP/1.1"), "{}", request.head);
            assert!(request.head.to_ascii_lowercase().contains("content-type: application/x-protobuf"));
            for of_resource in ExportTraceServiceRequest::decode(&*request.body).unwrap().resource_spans {
                resource = of_resource.resource.unwrap().attributes;
                spans.extend(of_resource.scope_spans.into_iter().flat_map(|scope| scope.spans));
            }
        }
        Spans { spans, resource, raw }
    }
}

/// Spans, and all that came with them.
pub(super) struct Spans {
    pub(super) spans: Vec<Span>,
    pub(super) resource: Vec<KeyValue>,
    pub(super) raw: Vec<u8>,
}

impl Spans {
    pub(super) fn names(&self) -> Vec<&str> {
        self.spans.iter().map(|span| span.name.as_str()).collect()
    }

    /// The one span of that name.
    pub(super) fn one(&self, name: &str) -> &Span {
        let found: Vec<&Span> = self.spans.iter().filter(|span| span.name == name).collect();
        assert_eq!(found.len(), 1, "`{name}` in {:?}", self.names());
        found[0]
    }

    pub(super) fn has_text(&self, text: &str) -> bool {
        self.raw.windows(text.len()).any(|window| window == text.as_bytes())
    }
}

/// An attribute, as text.
pub(super) fn attribute(attributes: &[KeyValue], name: &str) -> Option<String> {
    let found = attributes.iter().find(|attribute| attribute.key == name)?;
    Some(shown(found.value.as_ref().unwrap()))
}

fn shown(value: &AnyValue) -> String {
    match value.value.as_ref().unwrap() {
        Any::StringValue(text) => text.clone(),
        Any::BoolValue(value) => value.to_string(),
        Any::IntValue(value) => value.to_string(),
        Any::DoubleValue(value) => value.to_string(),
        Any::ArrayValue(values) => values.values.iter().map(shown).collect::<Vec<_>>().join(","),
        other => panic!("{other:?}"),
    }
}

fn read(stream: &mut TcpStream) -> Option<Came> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 8192];
    loop {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
        if let Some(end) = end {
            let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
            let lower = head.to_ascii_lowercase();
            let length = lower.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.unwrap_or("0").trim().parse().unwrap();
            if bytes.len() >= end + 4 + length {
                return Some(Came { head, body: bytes[end + 4..end + 4 + length].to_vec() });
            }
        }
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return None,
            Ok(count) => bytes.extend_from_slice(&buffer[..count]),
        }
    }
}
