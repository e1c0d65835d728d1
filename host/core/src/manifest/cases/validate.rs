//! What takes more than one key of a case to know.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use serde_json::Value;
use toml::Spanned;

use crate::schema::CompiledSchema;

use super::super::problem::{Code, Problem};
use super::super::source::Source;
use super::{CannedAnswer, Case, Expected, ExpectedChange, ExpectedRequest, World, wire};

/// What a case calls itself where the key is missing, which was reported.
const NAMELESS: &str = "a case without a name";

pub(super) fn cases(file: wire::File, source: &Source, problems: &mut Vec<Problem>) -> Vec<Case> {
    let mut names = BTreeSet::new();
    let mut add = |case: Spanned<wire::Case>| {
        let span = case.span();
        let wire = case.into_inner();
        if let Some(name) = &wire.name
            && !names.insert(name.get_ref().clone())
        {
            let message = format!("there is another case with the name `{}`", name.get_ref());
            problems.push(Problem::new(Code::Case, &name.span(), message).label("the second one"));
        }
        self::case(wire, &span, source, problems)
    };
    file.cases.into_iter().map(&mut add).collect()
}

fn case(wire: wire::Case, span: &Range<usize>, source: &Source, problems: &mut Vec<Problem>) -> Case {
    let at = wire.name.as_ref().map_or_else(|| span.clone(), Spanned::span);
    let arguments = arguments(wire.arguments, wire.arguments_json, problems);
    let exactly = result(wire.result, wire.result_json, problems);
    let answer = (exactly, wire.result_schema, wire.result_at);
    Case {
        name: wire.name.map_or_else(|| NAMELESS.to_owned(), Spanned::into_inner),
        line: source.line(&at),
        tool: wire.tool.unwrap_or_default(),
        arguments,
        expected: expected(answer, wire.error, problems),
        changes: wire.changes.into_iter().filter_map(|change| self::change(change, problems)).collect(),
        requests: wire.requests.into_iter().map(request).collect(),
        world: World {
            directories: roots(wire.directories, &wire.files, problems),
            files: files(wire.files, problems),
            read_only: wire.read_only,
            env: wire.env,
            clock: wire.clock,
            random: wire.random,
            limits: wire.limits,
            answers: wire.answers.into_iter().filter_map(canned).collect(),
        },
    }
}

fn arguments(table: Option<Spanned<Value>>, text: Option<Spanned<String>>, problems: &mut Vec<Problem>) -> String {
    match (table, text) {
        (Some(_), Some(text)) => {
            contradiction(
                problems,
                &text.span(),
                "`arguments` and `arguments-json` say the same thing",
                "keep one of them",
            );
            String::new()
        }
        (Some(table), None) => table.get_ref().to_string(),
        (None, text) => text.map_or_else(|| "{}".to_owned(), Spanned::into_inner),
    }
}

fn result(value: Option<Spanned<Value>>, text: Option<Spanned<String>>, problems: &mut Vec<Problem>) -> Option<Value> {
    match (value, text) {
        (Some(_), Some(text)) => {
            contradiction(problems, &text.span(), "`result` and `result-json` say the same thing", "keep one of them");
            None
        }
        (Some(value), None) => Some(value.into_inner()),
        (None, text) => serde_json::from_str(text?.get_ref()).ok(),
    }
}

/// What is said of a result: its value, its schema, and values within it.
type Answer = (Option<Value>, Option<Spanned<Value>>, BTreeMap<String, Value>);

fn expected(
    (exactly, schema, at): Answer,
    error: Option<Spanned<wire::Error>>,
    problems: &mut Vec<Problem>,
) -> Expected {
    if let Some(error) = error {
        if exactly.is_some() || schema.is_some() || !at.is_empty() {
            contradiction(
                problems,
                &error.span(),
                "a call that fails has no result",
                "keep `error`, or what is said of the result",
            );
        }
        let wire::Error { kind, code, says } = error.into_inner();
        return Expected::Failure { class: kind, code, says };
    }
    let mut compile = |schema: Spanned<Value>| match CompiledSchema::compile(schema.get_ref()) {
        Ok(compiled) => Some(compiled),
        Err(error) => {
            contradiction(problems, &schema.span(), &format!("this is not a usable JSON Schema: {error}"), "");
            None
        }
    };
    Expected::Success { exactly, schema: schema.and_then(&mut compile), at }
}

fn change(change: Spanned<wire::Change>, problems: &mut Vec<Problem>) -> Option<ExpectedChange> {
    let span = change.span();
    let wire::Change { change, path, from, content, sha256 } = change.into_inner();
    let path = path?.into_inner();
    let is_directory = path.ends_with('/');
    if from.is_some() && change != "moved" {
        contradiction(
            problems,
            &span,
            "`from` is where something was that was moved",
            "write `change = \"moved\"`, or leave it out",
        );
    }
    if (content.is_some() || sha256.is_some()) && (is_directory || change == "deleted") {
        contradiction(problems, &span, "there is no content after this change", "leave out `content` and `sha256`");
    }
    let bare = |path: String| path.trim_end_matches('/').to_owned();
    Some(ExpectedChange { change, path: bare(path), is_directory, from: from.map(bare), content, sha256 })
}

fn request(request: wire::Request) -> ExpectedRequest {
    ExpectedRequest { method: request.method, url: request.url, request: request.request }
}

fn canned(answer: wire::Answer) -> Option<CannedAnswer> {
    let status = answer.status.map_or(Some(200), |status| status.parse().ok())?;
    let method = answer.method.unwrap_or_else(|| "GET".to_owned());
    Some(CannedAnswer { method, url: answer.url?, status, headers: answer.headers, body: answer.body })
}

/// A file that is a directory of another one cannot be made.
fn files(files: BTreeMap<Spanned<String>, String>, problems: &mut Vec<Problem>) -> BTreeMap<String, String> {
    let plain: BTreeSet<&str> =
        files.keys().map(|path| path.get_ref().as_str()).filter(|path| !path.ends_with('/')).collect();
    for path in files.keys() {
        let mut above = path.get_ref().trim_end_matches('/');
        while let Some((parent, _)) = above.rsplit_once('/') {
            above = parent;
            if plain.contains(above) {
                contradiction(problems, &path.span(), &format!("`{above}` is a file, so nothing can be in it"), "");
            }
        }
        if path.get_ref().ends_with('/') && files.get(path.get_ref().as_str()).is_some_and(|text| !text.is_empty()) {
            contradiction(
                problems,
                &path.span(),
                "a directory has no text",
                "write `= \"\"`, or a path without `/` at its end",
            );
        }
    }
    files.iter().map(|(path, text)| (path.get_ref().clone(), text.clone())).collect()
}

/// The guest directories that are granted: those that are named, and the first part of each other file's path.
fn roots(
    named: BTreeMap<Spanned<String>, String>,
    files: &BTreeMap<Spanned<String>, String>,
    problems: &mut Vec<Problem>,
) -> BTreeMap<String, String> {
    let is_within = |path: &str, root: &str| path.strip_prefix(root).is_some_and(|rest| rest.starts_with('/'));
    let mut roots: BTreeMap<String, String> = BTreeMap::new();
    for (path, folder) in &named {
        if let Some(other) = named.keys().find(|other| is_within(path.get_ref(), other.get_ref())) {
            contradiction(
                problems,
                &path.span(),
                &format!("it lies within `{}`", other.get_ref()),
                "copy one folder to one place",
            );
        }
        roots.insert(path.get_ref().clone(), folder.clone());
    }
    for path in files.keys() {
        let first = path.get_ref().split('/').nth(1).map(|first| format!("/{first}")).unwrap_or_default();
        if roots.keys().any(|root| is_within(path.get_ref(), root)) {
            continue;
        }
        if let Some(root) = named.keys().find(|root| is_within(root.get_ref(), &first)) {
            let message = format!("this file is beside `{}`, which is a directory of its own", root.get_ref());
            contradiction(problems, &path.span(), &message, "put it elsewhere, or into that directory");
        }
        roots.insert(first, String::new());
    }
    roots
}

fn contradiction(problems: &mut Vec<Problem>, span: &Range<usize>, message: &str, help: &str) {
    let help = (!help.is_empty()).then(|| help.to_owned());
    problems.push(Problem::new(Code::Case, span, message).label("this one").maybe_help(help));
}
