//! The API's own description, in OpenAPI 3.1, made of the code that answers.

use std::collections::BTreeSet;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::access::ACCESS;
use super::state::Api;

/// What it is called.
const TITLE: &str = "Toolhold";

/// What stands at its beginning.
const DESCRIPTION: &str = "The HTTP API of `toolhold serve`, for programs of whoever operates the host. Every request needs a bearer token; \
     `x-toolhold-role` of an operation is the role that its token must have. Errors are problem details (RFC 9457) with a stable `code`. \
     Unknown fields and parameters are errors. Texts of tools and models are data: escape them before showing. Not for models: those get MCP.";

/// The document as JSON, in an order that is always the same.
#[must_use]
pub fn document() -> Value {
    let mut document = json!(super::parts().into_openapi());
    let set = |document: &mut Value, name: &str, value: Value| {
        if let Some(all) = document.as_object_mut() {
            all.insert(name.to_owned(), value);
        }
    };
    let info = json!({ "title": TITLE, "description": DESCRIPTION, "version": env!("CARGO_PKG_VERSION"), "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" } });
    set(&mut document, "info", info);
    set(&mut document, "security", json!([{ "token": [] }]));
    if let Some(components) = document.get_mut("components") {
        set(components, "securitySchemes", json!({ "token": { "type": "http", "scheme": "bearer" } }));
    }
    if let Some(schemas) = document.pointer_mut("/components/schemas") {
        set(schemas, "Problem", problem());
    }
    let empty = bodies_that_may_be_empty(&document);
    for (method, path, role) in ACCESS {
        let operation = document.pointer_mut(&format!("/paths/{}/{}", path.replace('/', "~1"), method.to_lowercase()));
        let Some(operation) = operation.and_then(Value::as_object_mut) else { continue };
        operation.insert("operationId".to_owned(), json!(named(method, path)));
        operation.insert("x-toolhold-role".to_owned(), json!(role.as_str()));
        if let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) {
            responses.insert("default".to_owned(), failed());
        }
        if let Some(body) = operation.get_mut("requestBody").filter(|body| empty.contains(&body_of(body))) {
            set(body, "required", json!(false));
        }
    }
    sorted(document)
}

/// The schemas of which `{}` is one, by reference: no body at all stands for that.
fn bodies_that_may_be_empty(document: &Value) -> BTreeSet<String> {
    let schemas = document.pointer("/components/schemas").and_then(Value::as_object);
    let has_none = |schema: &Value| schema.get("required").and_then(Value::as_array).is_none_or(Vec::is_empty);
    let empty = schemas.into_iter().flatten().filter(|(_, schema)| has_none(schema));
    empty.map(|(name, _)| format!("#/components/schemas/{name}")).collect()
}

/// The schema of a body, by reference; nothing where it has none.
fn body_of(body: &Value) -> String {
    let schema = body.pointer("/content/application~1json/schema/$ref").and_then(Value::as_str);
    schema.unwrap_or_default().to_owned()
}

/// What programs call an operation: `getRuns`, `postRunsByRunCancel`.
fn named(method: &str, path: &str) -> String {
    let capital = |word: &str| {
        let mut signs = word.chars();
        signs.next().map(|first| first.to_ascii_uppercase().to_string() + signs.as_str()).unwrap_or_default()
    };
    let words = path.trim_start_matches("/v1/").split(['/', '-', '.']).map(|word| match word.strip_prefix('{') {
        Some(name) => format!("By{}", capital(name.trim_end_matches('}'))),
        None => capital(word),
    });
    std::iter::once(method.to_lowercase()).chain(words).collect()
}

/// Every other answer.
fn failed() -> Value {
    let content = json!({ "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } });
    json!({ "description": "It was not done, and why.", "content": content })
}

/// What a problem looks like.
fn problem() -> Value {
    let text = |description: &str| json!({ "type": "string", "description": description });
    json!({
        "type": "object",
        "description": "Why a request was not answered (RFC 9457). Some kinds have more members.",
        "required": ["type", "code", "title", "status", "detail"],
        "properties": {
            "type": text("A name for the kind, as a URN."),
            "code": text("The stable code of the kind."),
            "title": text("The kind in words."),
            "status": { "type": "integer", "description": "The status of the answer." },
            "detail": text("What was wrong, and what to do."),
        },
        "additionalProperties": true,
    })
}

/// The same with the names of each object in order.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut members: Vec<(String, Value)> = members.into_iter().collect();
            members.sort_by(|one, other| one.0.cmp(&other.0));
            Value::Object(members.into_iter().map(|(name, value)| (name, sorted(value))).collect::<Map<_, _>>())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        other => other,
    }
}

/// This document.
#[utoipa::path(
    get, path = "/v1/openapi.json", tag = "document",
    responses((status = 200, description = "The document.", body = Object)),
)]
pub(super) async fn serve(State(_): State<Api>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], document().to_string()).into_response()
}
