//! `toolhold inspect`: what a person should see before granting anything to a component.

use std::fmt::Write as _;

use clap::Args;
use serde_json::json;
use toolhold_core::describe::{EffectKind, Hints, ToolInfo};
use toolhold_core::escape;
use toolhold_core::origin::Origin;
use toolhold_sandbox::{DescribedBy, Kind, Loaded};

use super::failure::{CommandResult, WithCode as _};
use super::project::Project;
use super::sources::{self, Sources};
use super::ui::{Tone, Ui, paint};
use super::{pack, schema_lines};
use crate::distribution;
use crate::exit_code::ExitCode;

/// Show a component: its world, imports, tools, schemas and needs.
///
/// A component with a description section, one of plain functions and a program are not run; any other is asked once, in a
/// sandbox without any grant.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  toolhold inspect weather.wasm\n  toolhold inspect weather.wasm --json\n  toolhold inspect oci://ghcr.io/someone/weather:1.2"
)]
pub(super) struct Inspect {
    /// The component's file, `https://…`, or `oci://HOST/REPOSITORY:TAG`.
    component: String,
    /// Also print the JSON Schemas.
    #[arg(long)]
    schemas: bool,
    #[command(flatten)]
    sources: Sources,
}

impl Inspect {
    /// Runs the command.
    pub(super) async fn run(self, project: &Project, ui: Ui) -> CommandResult {
        let bytes = match Origin::parse(&self.component).code(ExitCode::Usage)? {
            Origin::File(path) => std::fs::read(&path)
                .map_err(|error| anyhow::anyhow!("`{path}` cannot be read: {error}"))
                .code(ExitCode::BadInput)?,
            origin => {
                let fetched = distribution::fetch(&origin, None, &self.sources.options(project)).await;
                fetched.map_err(sources::failure)?.bytes
            }
        };
        let loaded = pack::load(&pack::sandbox(project)?, bytes, ui).await?;
        ui.result(&to_json(&loaded), |_| readable(&loaded, self.schemas))?;
        Ok(ExitCode::Success)
    }
}

fn to_json(loaded: &Loaded) -> serde_json::Value {
    json!({
        "digest": loaded.digest,
        "bytes": loaded.size,
        "kind": kind_of(loaded),
        "described_by": described_by(loaded),
        "refused": loaded.refused.iter().map(|refused| json!({"function": refused.function, "why": refused.why})).collect::<Vec<_>>(),
        "lane": format!("{:?}", loaded.lane).to_lowercase(),
        "imports": loaded.imports,
        "exports": loaded.exports,
        "tools": loaded.description.tools,
    })
}

fn described_by(loaded: &Loaded) -> &'static str {
    match loaded.described_by {
        DescribedBy::Section => "its section; nothing was run",
        DescribedBy::Guest => "the component itself, run once without any grant",
        DescribedBy::Types => "the types of its functions; nothing was run",
        DescribedBy::Nobody => "nobody: a manifest says in `[tools.NAME.commands.TOOL]` how it is called",
    }
}

fn kind_of(loaded: &Loaded) -> &'static str {
    match loaded.kind {
        Kind::Described { .. } => "described",
        Kind::Typed { .. } => "typed",
        Kind::Command { .. } => "command",
        _ => "unknown",
    }
}

fn readable(loaded: &Loaded, schemas: bool) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _infallible = (|| -> std::fmt::Result {
        writeln!(text, "{} {}", paint(Tone::Strong, "digest"), loaded.digest)?;
        writeln!(text, "{} {} bytes, described by {}", paint(Tone::Strong, "size"), loaded.size, described_by(loaded))?;
        writeln!(text, "{} {}", paint(Tone::Strong, "kind"), kind_of(loaded))?;
        writeln!(text, "{} {}", paint(Tone::Strong, "exports"), list(&loaded.exports))?;
        writeln!(text, "{} {}", paint(Tone::Strong, "imports"), list(&loaded.imports))?;
        writeln!(
            text,
            "{} tool{}",
            loaded.description.tools.len(),
            if loaded.description.tools.len() == 1 { "" } else { "s" }
        )?;
        for refused in loaded.refused.iter() {
            let (function, why) = (escape::line(&refused.function), escape::line(&refused.why));
            writeln!(text, "{} {function}: {why}", paint(Tone::Notice, "not a tool"))?;
        }
        loaded.description.tools.iter().try_for_each(|tool| write_tool(&mut text, tool, loaded.described_by, schemas))
    })();
    text
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { escape::line(&names.join(", ")).into_owned() }
}

fn write_tool(text: &mut String, tool: &ToolInfo, by: DescribedBy, schemas: bool) -> std::fmt::Result {
    writeln!(text, "\n{}  {}", paint(Tone::Strong, tool.name.as_str()), escape::line(&tool.title))?;
    for line in tool.description.lines().filter(|line| !line.trim().is_empty()) {
        writeln!(text, "  {}", escape::line(line))?;
    }
    writeln!(text, "  {}", paint(Tone::Faint, &hints(tool.hints, by)))?;
    for line in schema_lines::lines(&tool.input_schema) {
        writeln!(text, "  {line}")?;
    }
    for need in &tool.needs {
        let effect = match need.effect {
            EffectKind::Read => "reads",
            EffectKind::Write => "writes",
            EffectKind::Network => "sends to",
        };
        writeln!(
            text,
            "  {} {}: {}",
            paint(Tone::Notice, effect),
            escape::line(&need.target),
            escape::line(&need.reason)
        )?;
    }
    if schemas {
        writeln!(text, "  input {}", tool.input_schema)?;
        writeln!(
            text,
            "  output {}",
            tool.output_schema.as_ref().map_or_else(|| "any".to_owned(), ToString::to_string)
        )?;
    }
    Ok(())
}

/// What a tool claims of itself, in words.
pub(super) fn hints(hints: Hints, by: DescribedBy) -> String {
    let says = if by == DescribedBy::Types { "counts as" } else { "claims to be" };
    let named = [
        (hints.read_only, "read-only"),
        (hints.destructive, "destructive"),
        (hints.idempotent, "idempotent"),
        (hints.open_world, "open-world"),
    ];
    let names: Vec<_> = named.iter().filter(|(is, _)| *is).map(|(_, name)| *name).collect();
    format!("{says} {}", if names.is_empty() { "nothing special".to_owned() } else { names.join(", ") })
}
