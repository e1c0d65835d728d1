//! `javascript`, `javascript_writing`: one engine per call, one script, and what came of it.

use boa_engine::builtins::promise::PromiseState;
use boa_engine::object::builtins::JsPromise;
use boa_engine::{Context, JsError, JsValue, Source};
use toolhold_sdk::prelude::*;
use toolhold_sdk::serde_json::to_string;

use crate::globals;
use crate::outputs::{Made, Output};

/// Bytes of the code.
const MAX_CODE: usize = 1024 * 1024;
/// Bytes of the result as JSON.
const MAX_RESULT: usize = 1024 * 1024;
/// Calls within each other: each takes stack, and a model learns more from an error than from a trap.
const MAX_RECURSION: usize = 400;
/// Whole numbers up to this are exact.
const MAX_EXACT: f64 = 9_007_199_254_740_991.0;
/// Lines of the console that an error repeats.
const REPEATED: usize = 20;

/// What is said of a script whose last expression may have been meant as its result.
const SILENT: &str =
    "the script has `await` outside of functions, where its last expression is no result; use `return`";

/// What came of a script.
#[output]
#[derive(Debug)]
pub(crate) struct Ran {
    /// What it returned, as JSON; null if that was nothing.
    result: Value,
    /// Why there is no result where one could be expected.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    /// What it wrote to the console, line by line.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    console: Vec<String>,
    /// What it showed: pictures, pages, files, each with its media type.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    outputs: Vec<Output>,
    /// True if more was written or shown than is returned.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schemars(default)]
    truncated: bool,
}

/// Runs JavaScript (ECMAScript, no Node, no network, no imports) and returns the value of its last expression, or what `return`
/// gives; with `await` outside of functions only `return` gives a value. It has `input`, `console.log`, `readText(path)`, `readBytes(path)`, `listFiles(path)`, and
/// `show(mediaType, textOrBytes)` for pictures and files, such as an SVG plot. Nothing is kept from one call to the next.
#[tool(
    title = "Run JavaScript",
    hints(read_only, idempotent),
    needs(read("/**", "reads the files that the script asks for"))
)]
pub(crate) fn javascript(
    /// The code.
    code: String,
    /// What the code finds in `input`.
    input: Option<Value>,
) -> Result<Ran> {
    run(&code, input, globals::Files::Read)
}

/// Runs JavaScript as `javascript` does, with `writeText(path, text)`, `writeBytes(path, bytes)` and `removeFile(path)` besides.
#[tool(
    title = "Run JavaScript that writes files",
    hints(destructive),
    needs(
        read("/**", "reads the files that the script asks for"),
        write("/**", "writes the files that the script writes")
    )
)]
pub(crate) fn javascript_writing(
    /// The code.
    code: String,
    /// What the code finds in `input`.
    input: Option<Value>,
) -> Result<Ran> {
    run(&code, input, globals::Files::Write)
}

fn run(code: &str, input: Option<Value>, files: globals::Files) -> Result<Ran> {
    if code.len() > MAX_CODE {
        return Err(Error::invalid_args(format!("`code` has more than {MAX_CODE} bytes")));
    }
    let mut context = Context::default();
    context.runtime_limits_mut().set_recursion_limit(MAX_RECURSION);
    context.insert_data(Made::default());
    let value = globals::install(&mut context, input.unwrap_or_default(), files)
        .and_then(|()| evaluate(code, &mut context))
        .and_then(|(value, silent)| Ok((settle(value, &mut context)?, silent)));
    let silent = value.as_ref().is_ok_and(|(value, silent)| *silent && value.is_undefined());
    let value = match value {
        Ok((value, _)) => value.to_json(&mut context),
        Err(error) => Err(error),
    };
    let words = value.as_ref().err().map(|error| describe(error, &mut context));
    let made = *context.remove_data::<Made>().unwrap_or_default();
    let result = match (value, words) {
        (Ok(value), _) => whole_numbers(value.unwrap_or_default()),
        (Err(_), words) => return Err(failed(&words.unwrap_or_default(), &made)),
    };
    let bytes = to_string(&result)?.len();
    if bytes > MAX_RESULT {
        return Err(Error::failed(format!(
            "the result has {bytes} bytes, more than {MAX_RESULT}; return less, or write a file"
        )));
    }
    let note = silent.then(|| SILENT.to_owned());
    Ok(Ran { result, note, truncated: made.truncated, console: made.console, outputs: made.outputs })
}

/// As a script, whose last expression is its value; or, if that is no syntax of a script, as an expression in an async function,
/// or as the body of one, in which `return` and `await` are. With the value: whether such a body has no `return`, so that it
/// could not give one.
fn evaluate(code: &str, context: &mut Context) -> boa_engine::JsResult<(JsValue, bool)> {
    let first = match boa_engine::Script::parse(Source::from_bytes(code), None, context) {
        Ok(script) => return Ok((script.evaluate(context)?, false)),
        Err(error) => error,
    };
    let expression = code.trim_end_matches(|end: char| end == ';' || end.is_whitespace());
    let forms = [
        (format!("(async () => ({expression}\n))()"), false),
        (format!("(async () => {{{code}\n}})()"), !code.contains("return")),
    ];
    for (form, silent) in &forms {
        if let Ok(script) = boa_engine::Script::parse(Source::from_bytes(form), None, context) {
            return Ok((script.evaluate(context)?, *silent));
        }
    }
    Err(first)
}

/// The value of a promise, once all that it waits for is done.
fn settle(value: JsValue, context: &mut Context) -> boa_engine::JsResult<JsValue> {
    context.run_jobs()?;
    let promise = value.as_object().and_then(|object| JsPromise::from_object(object.clone()).ok());
    match promise.map(|promise| promise.state()) {
        None => Ok(value),
        Some(PromiseState::Fulfilled(value)) => Ok(value),
        Some(PromiseState::Rejected(reason)) => Err(JsError::from_opaque(reason)),
        Some(PromiseState::Pending) => {
            let message = "the script waits for something that never comes";
            Err(boa_engine::JsNativeError::error().with_message(message).into())
        }
    }
}

/// An error as the script would see it, with its name.
fn describe(error: &JsError, context: &mut Context) -> String {
    let opaque = error.clone().into_opaque(context);
    let text = opaque.ok().and_then(|value| value.to_string(context).ok());
    text.map_or_else(|| error.to_string(), |text| text.to_std_string_escaped())
}

/// JavaScript knows no integers, JSON does: a whole number is one.
fn whole_numbers(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(whole_numbers).collect(),
        Value::Object(entries) => entries.into_iter().map(|(key, value)| (key, whole_numbers(value))).collect(),
        Value::Number(number) => {
            let whole = number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() <= MAX_EXACT);
            #[expect(clippy::cast_possible_truncation, reason = "whole, and exact up to this size")]
            whole.map_or(Value::Number(number), |float| Value::from(float as i64))
        }
        other => other,
    }
}

fn failed(words: &str, made: &Made) -> Error {
    let skipped = made.console.len().saturating_sub(REPEATED);
    let last: Vec<&str> = made.console.iter().skip(skipped).map(String::as_str).collect();
    let console = if last.is_empty() { String::new() } else { format!("\nits console before:\n{}", last.join("\n")) };
    Error::failed(format!("the script failed: {words}{console}"))
}
