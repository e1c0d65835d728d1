//! What goes into a client's configuration so that it starts this server.

use std::path::Path;

use anyhow::{Context as _, bail};
use serde_json::{Map, Value, json};

/// The name under which clients know this server.
const NAME: &str = "toolhold";

/// A client that starts servers by its configuration.
#[derive(Debug)]
pub(crate) struct Client {
    /// What it is called on the command line.
    pub(crate) name: &'static str,
    /// Where its configuration is: beginning with `~/` in the user's home, otherwise in the project's folder.
    pub(crate) file: &'static str,
    /// How its configuration is written.
    form: Form,
}

#[derive(Debug, Clone, Copy)]
enum Form {
    /// A JSON object of servers under this key.
    Json { servers: &'static str, typed: Option<(&'static str, &'static str)> },
    /// TOML, a table for each server under this key.
    Toml { servers: &'static str },
}

const PLAIN: Form = Form::Json { servers: "mcpServers", typed: None };

/// The clients whose configuration is known, after their own documentation in 2026.
pub(crate) const CLIENTS: [Client; 8] = [
    Client { name: "claude-code", file: ".mcp.json", form: PLAIN },
    Client {
        name: "claude-desktop",
        file: if cfg!(target_os = "macos") {
            "~/Library/Application Support/Claude/claude_desktop_config.json"
        } else {
            "~/.config/Claude/claude_desktop_config.json"
        },
        form: PLAIN,
    },
    Client { name: "codex", file: "~/.codex/config.toml", form: Form::Toml { servers: "mcp_servers" } },
    Client { name: "cursor", file: ".cursor/mcp.json", form: PLAIN },
    Client { name: "gemini-cli", file: "~/.gemini/settings.json", form: PLAIN },
    Client {
        name: "vscode",
        file: ".vscode/mcp.json",
        form: Form::Json { servers: "servers", typed: Some(("type", "stdio")) },
    },
    Client { name: "windsurf", file: "~/.codeium/windsurf/mcp_config.json", form: PLAIN },
    Client {
        name: "zed",
        file: "~/.config/zed/settings.json",
        form: Form::Json { servers: "context_servers", typed: Some(("source", "custom")) },
    },
];

impl Client {
    /// The client of that name.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        CLIENTS.iter().find(|client| client.name == name)
    }

    /// `text`, the client's configuration or nothing, with this server in it and all else as it was.
    ///
    /// # Errors
    ///
    /// The text is not what such a configuration is.
    pub(crate) fn with_server(&self, text: &str, program: &Path, manifest: &Path) -> anyhow::Result<String> {
        let command = program.to_str().context("the path of this program is not text")?;
        let manifest = manifest.to_str().context("the path of the manifest is not text")?;
        let arguments = ["--manifest", manifest, "mcp"];
        match self.form {
            Form::Json { servers, typed } => {
                let mut server = Map::new();
                server.extend(typed.map(|(key, value)| (key.to_owned(), json!(value))));
                server.insert("command".into(), json!(command));
                server.insert("args".into(), json!(arguments));
                in_json(text, servers, server)
            }
            Form::Toml { servers } => in_toml(text, servers, command, &arguments),
        }
    }
}

fn in_json(text: &str, servers: &str, server: Map<String, Value>) -> anyhow::Result<String> {
    let whole: Value = if text.trim().is_empty() {
        json!({})
    } else {
        serde_json::from_str(text)
            .context("this is not plain JSON: add the server by hand, as shown without `--write`")?
    };
    let Value::Object(mut whole) = whole else { bail!("this is not a JSON object") };
    let entry = whole.entry(servers).or_insert_with(|| json!({}));
    let Value::Object(entries) = entry else { bail!("`{servers}` is not an object") };
    // What a person has added to it stays.
    match entries.entry(NAME).or_insert_with(|| json!({})) {
        Value::Object(known) => known.extend(server),
        _ => bail!("`{servers}.{NAME}` is not an object"),
    }
    Ok(format!("{:#}\n", Value::Object(whole)))
}

fn in_toml(text: &str, servers: &str, command: &str, arguments: &[&str]) -> anyhow::Result<String> {
    let mut whole: toml_edit::DocumentMut = text.parse().context("this is not TOML")?;
    let mut empty = toml_edit::Table::new();
    empty.set_implicit(true);
    let entry = whole.entry(servers).or_insert_with(|| toml_edit::Item::Table(empty));
    let Some(entries) = entry.as_table_mut() else { bail!("`{servers}` is not a table") };
    let server = entries.entry(NAME).or_insert_with(|| toml_edit::Item::Table(toml_edit::Table::new()));
    let Some(server) = server.as_table_mut() else { bail!("`{servers}.{NAME}` is not a table") };
    server.insert("command", toml_edit::value(command));
    server.insert("args", toml_edit::value(arguments.iter().copied().collect::<toml_edit::Array>()));
    Ok(whole.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(client: &str, text: &str) -> anyhow::Result<String> {
        Client::named(client).unwrap().with_server(text, Path::new("/bin/toolhold"), Path::new("/w/toolhold.toml"))
    }

    #[test]
    fn what_is_there_stays_and_the_server_is_there_once() {
        for client in CLIENTS.iter().filter(|client| client.file.ends_with(".json")) {
            let first = with(client.name, r#"{"theme":"dark"}"#).unwrap();
            let twice: Value = serde_json::from_str(&with(client.name, &first).unwrap()).unwrap();
            assert_eq!(twice, serde_json::from_str::<Value>(&first).unwrap());
            assert_eq!(twice["theme"], "dark");
            let own = first.replace("\"args\"", "\"env\": {\"A\": \"b\"}, \"args\"");
            assert!(with(client.name, &own).unwrap().contains("\"A\": \"b\""));
            assert!(first.contains(r#""command": "/bin/toolhold""#) && first.contains("/w/toolhold.toml"), "{first}");
        }
        let toml = with("codex", "# mine\nmodel = \"x\"\n[mcp_servers.other]\ncommand = \"o\"\n").unwrap();
        assert!(toml.starts_with("# mine\nmodel = \"x\"\n"), "{toml}");
        assert!(toml.contains("[mcp_servers.other]") && toml.contains("[mcp_servers.toolhold]"), "{toml}");
        assert_eq!(with("codex", &toml).unwrap(), toml);
    }

    #[test]
    fn what_cannot_be_read_is_not_written_over() {
        assert!(with("zed", "{ // a comment\n }").is_err());
        assert!(with("cursor", "[]").is_err());
        assert!(with("cursor", r#"{"mcpServers":[]}"#).is_err());
        assert!(with("codex", "a = ").is_err());
    }
}
