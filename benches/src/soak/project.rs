//! The project that is served: several tools, small bounds, and a journal that began yesterday.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::{Map, json};
use toolhold::clock;
use toolhold::journal::{Durability, Intent, Journal, Options, Settlement};
use toolhold_core::call::{Mode, ValidatedCall};
use toolhold_core::describe::{Hints, ToolInfo};
use toolhold_core::event::Effects;
use toolhold_core::id::Digest;
use toolhold_core::limit::Usage;
use toolhold_core::tool::Tool;

use super::mix::CALLS_PER_SECOND;
use crate::case;
use crate::load::ServeProcess;
use crate::place;

const MANIFEST: &str = r#"
version = 1

[host]
journal-age = "1d"                  # the smallest
undo-age = "1h"
undo-bytes = "1MiB"

[limits]
time = "5s"

[breaker]
failures = 1000000                  # a tool that traps is called again
error-rate = 0

[approvals]
prompts-per-minute = 1000

[run]
max-tokens-per-hour = 1000000000
max-tool-calls-per-hour = 1000000

[tools.probes]
source = "probes.wasm"
[[tools.probes.directories]]
host = "work"
guest = "/work"
read = ["**"]
write = ["out/**"]

[tools.hostile]
source = "hostile.wasm"

[tools.waiting]
source = "waiting.wasm"

[[rules]]
name = "most"
decision = "allow"
tools = ["probes.echo", "probes.read", "probes.write", "hostile.panics", "waiting.sleep_forever"]

[[rules]]
name = "a person"
decision = "ask"
tools = ["probes.sha256"]
"#;

/// The model of the runs: one call, and an answer.
const SCRIPT: &str = r#"
[[turn]]
text = "Let me look."
[[turn.call]]
tool = "probes.read"
arguments = { path = "/work/small", form = "text" }

[[turn]]
text = "There it is."
"#;

const DAY: u64 = 24 * 3_600_000_000;

/// What the server says beside its address.
const LOG: &str = "serve.log";

/// A folder with all of it.
pub(super) struct Project<'f> {
    folder: &'f Path,
}

impl<'f> Project<'f> {
    /// Writes it, pinned, with as many calls of yesterday as will be made in `time`.
    pub(super) fn begin(folder: &'f Path, time: Duration) -> Result<Self> {
        case::prepare(&folder.join("work"))?;
        for guest in ["probes", "hostile", "waiting"] {
            std::fs::write(folder.join(guest).with_extension("wasm"), place::guest(guest)?)?;
        }
        std::fs::write(folder.join("toolhold.toml"), MANIFEST)?;
        std::fs::write(folder.join("script.toml"), SCRIPT)?;
        yesterday(folder, time)?;
        let project = Self { folder };
        place::printed(project.command()?.arg("lock"))?;
        Ok(project)
    }

    /// The program, for this project.
    pub(super) fn command(&self) -> Result<Command> {
        place::toolhold_in(self.folder, &self.folder.join("cache"))
    }

    /// A token for its server.
    pub(super) fn token(&self, name: &str, role: &str) -> Result<String> {
        place::token(self.folder, &self.folder.join("cache"), name, role)
    }

    pub(super) fn serve(&self) -> Result<ServeProcess> {
        let token = self.token("bench", "admin")?;
        let mut serve = self.command()?;
        serve.arg("serve").arg("--model").arg(format!("scripted:{}", self.folder.join("script.toml").display()));
        serve.stderr(Stdio::from(File::create(self.folder.join(LOG))?));
        ServeProcess::of(serve, token)
    }

    /// What the server said last.
    pub(super) fn last_words(&self) -> String {
        let said = std::fs::read_to_string(self.folder.join(LOG)).unwrap_or_default();
        let last: Vec<_> = said.lines().rev().take(10).collect();
        format!("the last words of the server: {}", last.into_iter().rev().collect::<Vec<_>>().join("\n"))
    }
}

/// Calls of yesterday at the pace of those that are made today: a day after each, one like it is made.
fn yesterday(folder: &Path, time: Duration) -> Result<()> {
    let options = Options { durability: Durability::Normal, ..Options::default() };
    let journal = Journal::open(&folder.join(".toolhold"), &options)?;
    let valid = echo()?;
    let calls = time.as_secs().saturating_mul(CALLS_PER_SECOND);
    let began = clock::micros().saturating_sub(DAY);
    for number in 0..calls {
        let at = began + number * 1_000_000 / CALLS_PER_SECOND;
        let call = clock::new_call();
        let intent = Intent::new(call.clone(), clock::new_run(), &valid, Mode::Live, Effects::None, at);
        journal.admit_blocking(intent)?;
        let settled =
            Settlement::success(json!({ "number": 1 }).to_string(), Usage::default(), Effects::None, at + 100);
        journal.settle_blocking(&call, settled)?;
    }
    Ok(journal.flush_blocking()?)
}

/// What such a call asks for.
fn echo() -> Result<ValidatedCall> {
    let info = ToolInfo {
        name: "echo".parse()?,
        title: String::new(),
        description: String::new(),
        input_schema: json!({ "type": "object" }),
        output_schema: None,
        hints: Hints::default(),
        needs: Vec::new(),
        extra: Map::new(),
    };
    let tool = Tool::new(&"probes".parse()?, Digest::of(b"probes"), info).context("a tool")?;
    // As large as one of today, on the whole.
    tool.validate(&json!({ "text": "x".repeat(1_000) }).to_string()).map_err(|failure| anyhow::anyhow!("{failure:?}"))
}
