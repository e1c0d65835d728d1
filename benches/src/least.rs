//! The least possible MCP host: the same framing on standard streams, one permission, one line of a journal, a fresh instance on bare
//! wasmtime. What is slower than this pays for something.
//!
//! One thread, answers written together while more requests lie in the buffer; the journal is not waited for, as the product's is not for
//! calls that read.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::floor::{self, Floor};

/// What may be called.
const PERMITTED: [&str; 2] = ["echo", "read"];

#[derive(Deserialize)]
struct Message {
    id: Option<u64>,
    method: String,
    #[serde(default)]
    params: Params,
}

#[derive(Default, Deserialize)]
struct Params {
    #[serde(default)]
    name: String,
    #[serde(default)]
    arguments: Value,
}

/// Serves whoever is at the other end of the standard streams the probes in `artifact`, with `directory` at `/work`.
pub(crate) fn serve(artifact: &Path, directory: &Path, journal: &Path) -> Result<()> {
    let floor = Floor::from_artifact(artifact).map_err(floor::failed)?;
    let mut host = Least { floor, directory, journal: File::create(journal)? };
    let mut input = BufReader::with_capacity(64 << 10, std::io::stdin().lock());
    let mut output = Vec::new();
    let mut line = Vec::new();
    while input.read_until(b'\n', &mut line)? > 0 {
        host.answer(&line, &mut output)?;
        line.clear();
        if !input.buffer().contains(&b'\n') {
            std::io::stdout().write_all(&output)?;
            std::io::stdout().flush()?;
            output.clear();
        }
    }
    Ok(())
}

struct Least<'a> {
    floor: Floor,
    directory: &'a Path,
    journal: File,
}

impl Least<'_> {
    fn answer(&mut self, line: &[u8], output: &mut Vec<u8>) -> Result<()> {
        let message: Message = serde_json::from_slice(line)?;
        let Some(id) = message.id else { return Ok(()) };
        let result = match message.method.as_str() {
            "initialize" => json!({
                "protocolVersion": "2025-11-25",
                "capabilities": { "tools": {} },
                "serverInfo": { "name": "least", "version": "0" },
            }),
            "tools/call" => self.call(id, &message.params)?,
            other => anyhow::bail!("`{other}` is not served"),
        };
        serde_json::to_writer(&mut *output, &json!({ "jsonrpc": "2.0", "id": id, "result": result }))?;
        output.push(b'\n');
        Ok(())
    }

    fn call(&mut self, id: u64, params: &Params) -> Result<Value> {
        let tool = params.name.strip_prefix("probes__").context("no probe")?;
        ensure!(PERMITTED.contains(&tool), "`{tool}` is not permitted");
        let arguments = params.arguments.to_string();
        let intent = format!("{{\"call\":{id},\"tool\":\"{tool}\",\"arguments\":{arguments}}}\n");
        self.journal.write_all(intent.as_bytes())?;
        let directory = (tool == "read").then_some(self.directory);
        let text = self.floor.call(tool, &arguments, directory).map_err(floor::failed)?;
        Ok(json!({ "content": [{ "type": "text", "text": text }] }))
    }
}
