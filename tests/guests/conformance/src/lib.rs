//! The tools that the conformance suite of the Model Context Protocol asks a server for: names, words and pauses are the
//! suite's. Those that ask a client to act for the server (sampling, elicitation, roots) are not among them: no tool can.

mod schema;

use std::thread::sleep;
use std::time::Duration;

use toolhold_sdk::prelude::*;

/// Between two things that a tool says, so that a client can be seen to get them one by one.
const PAUSE: Duration = Duration::from_millis(50);

/// One pixel.
const PIXEL: &[u8] = include_bytes!("pixel.png");

/// No sound at all: a header, and one sample of silence.
const SILENCE: &[u8] =
    b"RIFF\x26\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data\x02\0\0\0\0\0";

/// Returns a text.
#[tool(hints(read_only, idempotent))]
fn test_simple_text() -> Result<Content> {
    Ok(Content::new().text("This is a simple text response for testing."))
}

/// Returns a picture.
#[tool(hints(read_only, idempotent))]
fn test_image_content() -> Result<Content> {
    Ok(Content::new().image("image/png", PIXEL))
}

/// Returns a sound.
#[tool(hints(read_only, idempotent))]
fn test_audio_content() -> Result<Content> {
    Ok(Content::new().audio("audio/wav", SILENCE))
}

/// Returns a document.
#[tool(hints(read_only, idempotent))]
fn test_embedded_resource() -> Result<Content> {
    Ok(Content::new().document("test://embedded-resource", "text/plain", "This is an embedded resource content."))
}

/// Returns a text, a picture and a document.
#[tool(hints(read_only, idempotent))]
fn test_multiple_content_types() -> Result<Content> {
    let document = json!({ "test": "data", "value": 123 }).to_string();
    Ok(Content::new().text("Multiple content types test:").image("image/png", PIXEL).document(
        "test://mixed-content-resource",
        "application/json",
        document,
    ))
}

/// Says three things to the operator's log.
#[tool(hints(read_only, idempotent))]
fn test_tool_with_logging() -> Result<Content> {
    info!("Tool execution started");
    sleep(PAUSE);
    info!("Tool processing data");
    sleep(PAUSE);
    info!("Tool execution completed");
    Ok(Content::new().text("Three lines were logged."))
}

/// Says something to the operator's log.
#[tool(hints(read_only, idempotent))]
fn test_logging_tool() -> Result<Content> {
    info!("Nobody asked for this line.");
    Ok(Content::new().text("A line was logged."))
}

/// Tells how far it is.
#[tool(hints(read_only, idempotent))]
fn test_tool_with_progress() -> Result<Content> {
    for done in [0.0, 50.0, 100.0] {
        progress(done, 100.0, "working");
        sleep(PAUSE);
    }
    Ok(Content::new().text("Progress was reported."))
}

/// Fails.
#[tool(hints(read_only, idempotent))]
fn test_error_handling() -> Result<Content> {
    Err(Error::failed("This tool intentionally returns an error for testing"))
}

/// Says where it would run, and takes the region in a header as well.
#[tool(hints(read_only, idempotent))]
fn test_header(
    /// Where.
    #[schemars(extend("x-mcp-header" = "Region"))]
    region: String,
) -> Result<Content> {
    Ok(Content::new().text(format!("It would run in {region}.")))
}

toolhold_sdk::component!(
    test_simple_text,
    test_image_content,
    test_audio_content,
    test_embedded_resource,
    test_multiple_content_types,
    test_tool_with_logging,
    test_logging_tool,
    test_tool_with_progress,
    test_error_handling,
    test_header,
    schema::Preserved,
);
