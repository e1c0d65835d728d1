//! Programs that are tools: how each is called.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use toml::Spanned;

use crate::command::{Command, EXTRA, Output, Written, no_arguments};
use crate::describe::{Hints, ToolInfo};
use crate::id::LocalName;
use crate::manifest::problem::{Code, Problem};
use crate::manifest::source::Located;
use crate::manifest::v1;

use super::Validator;

impl Validator<'_> {
    /// The tools of a component that is a program, as the manifest describes them.
    pub(in crate::manifest) fn commands(
        &mut self,
        wire: BTreeMap<Spanned<String>, Spanned<v1::Command>>,
    ) -> BTreeMap<LocalName, Located<ToolInfo>> {
        wire.into_iter().filter_map(|(name, command)| self.command(&name, command)).collect()
    }

    fn command(
        &mut self,
        name: &Spanned<String>,
        wire: Spanned<v1::Command>,
    ) -> Option<(LocalName, Located<ToolInfo>)> {
        let local: LocalName = name.get_ref().parse().ok()?;
        let span = wire.span();
        let wire = wire.into_inner();
        let input = wire.input.map_or_else(no_arguments, object_schema);
        let hints = Hints::default();
        let written = Written {
            argv: wire.argv,
            stdin: wire.stdin,
            env: wire.env,
            result: wire.result.unwrap_or_default().into(),
            success: wire.success,
            invalid_args: wire.invalid_args,
            not_found: wire.not_found,
        };
        if let Err(error) = Command::new(written.clone(), &input) {
            let message = format!("the tool `{local}` cannot be called like this: {error}");
            let problem = Problem::new(Code::Command, &span, message).label("in here");
            self.problems
                .push(problem.help("an entry is a literal, `{argument}` or `{argument:--flag}`; `{{` is a brace"));
            return None;
        }
        let info = ToolInfo {
            title: wire.title.unwrap_or_else(|| local.as_str().to_owned()),
            description: wire.description?,
            input_schema: input,
            output_schema: wire.output,
            hints: Hints {
                read_only: wire.read_only.unwrap_or(hints.read_only),
                destructive: wire.destructive.unwrap_or(hints.destructive && !wire.read_only.unwrap_or_default()),
                idempotent: wire.idempotent.unwrap_or(hints.idempotent),
                open_world: wire.open_world.unwrap_or(hints.open_world),
            },
            needs: Vec::new(),
            extra: Map::from_iter([(EXTRA.to_owned(), serde_json::to_value(written).ok()?)]),
            name: local.clone(),
        };
        Some((local, Located::new(info, name.span())))
    }
}

/// A schema of arguments says what they are and takes no others, unless it says otherwise itself.
fn object_schema(schema: Value) -> Value {
    let Value::Object(written) = schema else { return schema };
    let mut schema = Map::from_iter([("type".to_owned(), json!("object"))]);
    schema.extend(written);
    schema.entry("additionalProperties").or_insert(Value::Bool(false));
    Value::Object(schema)
}

impl From<v1::Output> for Output {
    fn from(word: v1::Output) -> Self {
        match word {
            v1::Output::Text => Self::Text,
            v1::Output::Lines => Self::Lines,
            v1::Output::Json => Self::Json,
            v1::Output::Base64 => Self::Base64,
            v1::Output::All => Self::All,
        }
    }
}
