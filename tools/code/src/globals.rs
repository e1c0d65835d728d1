//! What a script finds beside the language: its input, a console, files, and `show`.

use std::path::Path;

use boa_engine::object::ObjectInitializer;
use boa_engine::object::builtins::{JsArray, JsUint8Array};
use boa_engine::property::Attribute;
use boa_engine::{Context, JsNativeError, JsResult, JsString, JsValue, NativeFunction, js_string};
use granted::Existing;
use toolhold_sdk::prelude::*;

use crate::outputs::{Contents, Made};

/// Bytes of a file that is read.
const MAX_FILE: u64 = 32 * 1024 * 1024;
/// Characters of a value on the console.
const MAX_SHOWN: usize = 10_000;

/// What a script may do to files, as far as this tool goes; the host decides which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Files {
    /// Read them.
    Read,
    /// Write them too.
    Write,
}

/// A function of the host as the engine calls it.
type Function = fn(&JsValue, &[JsValue], &mut Context) -> JsResult<JsValue>;

/// Puts everything into the global object.
///
/// # Errors
/// As the engine says.
pub(crate) fn install(context: &mut Context, input: Value, files: Files) -> JsResult<()> {
    let input = JsValue::from_json(&input, context)?;
    context.register_global_property(js_string!("input"), input, Attribute::all())?;
    let mut console = ObjectInitializer::new(context);
    for name in ["log", "info", "warn", "error", "debug"] {
        console.function(NativeFunction::from_fn_ptr(log), JsString::from(name), 0);
    }
    let console = console.build();
    context.register_global_property(js_string!("console"), console, Attribute::all())?;
    let reading: [(&str, usize, Function); 4] =
        [("readText", 1, read_text), ("readBytes", 1, read_bytes), ("listFiles", 1, list_files), ("show", 2, show)];
    let writing: [(&str, usize, Function); 3] =
        [("writeText", 2, write_text), ("writeBytes", 2, write_bytes), ("removeFile", 1, remove_file)];
    let writing = writing.into_iter().filter(|_| files == Files::Write);
    for (name, length, function) in reading.into_iter().chain(writing) {
        context.register_global_builtin_callable(
            JsString::from(name),
            length,
            NativeFunction::from_fn_ptr(function),
        )?;
    }
    Ok(())
}

fn log(_: &JsValue, arguments: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let mut words = Vec::with_capacity(arguments.len());
    for argument in arguments {
        words.push(match argument.as_string() {
            Some(text) => text.to_std_string_escaped(),
            None => argument.display().to_string(),
        });
    }
    let mut line = words.join(" ");
    if let Some((end, _)) = line.char_indices().nth(MAX_SHOWN) {
        line.truncate(end);
        line.push('…');
    }
    with_made(context, |made| made.log(line));
    Ok(JsValue::undefined())
}

fn show(_: &JsValue, arguments: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let media_type = text(arguments, 0, "show(mediaType, data)", context)?;
    let contents = match arguments.get(1) {
        Some(data) if data.is_string() => Contents::Text(text(arguments, 1, "show(mediaType, data)", context)?),
        _ => Contents::Bytes(bytes(arguments, 1, "show(mediaType, data)", context)?),
    };
    let shown = with_made(context, |made| made.show(media_type, contents));
    shown.unwrap_or(Ok(())).map_err(|problem| JsNativeError::range().with_message(problem))?;
    Ok(JsValue::undefined())
}

fn read_text(_: &JsValue, arguments: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let path = text(arguments, 0, "readText(path)", context)?;
    let read = granted::path::check(&path).and_then(|path| granted::load_text(path, MAX_FILE)).map_err(thrown)?;
    Ok(JsString::from(read).into())
}

fn read_bytes(_: &JsValue, arguments: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let path = text(arguments, 0, "readBytes(path)", context)?;
    let read = granted::path::check(&path).and_then(|path| granted::load(path, MAX_FILE)).map_err(thrown)?;
    Ok(JsUint8Array::from_iter(read, context)?.into())
}

fn list_files(_: &JsValue, arguments: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let path = text(arguments, 0, "listFiles(path)", context)?;
    let mut names = names(&path).map_err(thrown)?;
    names.sort();
    let names: Vec<JsValue> = names.into_iter().map(|name| JsString::from(name).into()).collect();
    Ok(JsArray::from_iter(names, context).into())
}

/// The names in a directory, those of directories with `/`.
fn names(path: &str) -> Result<Vec<String>> {
    let path = granted::path::check(path)?;
    let explain = |error| granted::path::explain(path, error);
    let mut names = Vec::new();
    for entry in std::fs::read_dir(path).map_err(explain)? {
        let entry = entry.map_err(explain)?;
        let end = if entry.file_type().is_ok_and(|kind| kind.is_dir()) { "/" } else { "" };
        names.push(format!("{}{end}", entry.file_name().to_string_lossy()));
    }
    Ok(names)
}

fn write_text(_: &JsValue, arguments: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let path = text(arguments, 0, "writeText(path, text)", context)?;
    let contents = text(arguments, 1, "writeText(path, text)", context)?;
    store(&path, contents.as_bytes()).map_err(thrown)?;
    Ok(JsValue::undefined())
}

fn write_bytes(_: &JsValue, arguments: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let path = text(arguments, 0, "writeBytes(path, bytes)", context)?;
    let contents = bytes(arguments, 1, "writeBytes(path, bytes)", context)?;
    store(&path, &contents).map_err(thrown)?;
    Ok(JsValue::undefined())
}

fn remove_file(_: &JsValue, arguments: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let path = text(arguments, 0, "removeFile(path)", context)?;
    let remove = |path: &Path| std::fs::remove_file(path).map_err(|error| granted::path::explain(path, error));
    granted::path::check(&path).and_then(remove).map_err(thrown)?;
    Ok(JsValue::undefined())
}

fn store(path: &str, contents: &[u8]) -> Result<()> {
    let path = granted::path::check(path)?;
    granted::path::create_parents(path)?;
    granted::store(path, contents, Existing::Replace)
}

fn text(arguments: &[JsValue], index: usize, usage: &str, _: &mut Context) -> JsResult<String> {
    let text = arguments.get(index).and_then(JsValue::as_string);
    let text =
        text.ok_or_else(|| JsNativeError::typ().with_message(format!("{usage}: argument {} is no string", index + 1)))?;
    Ok(text.to_std_string_lossy())
}

fn bytes(arguments: &[JsValue], index: usize, usage: &str, context: &mut Context) -> JsResult<Vec<u8>> {
    let array = arguments
        .get(index)
        .and_then(JsValue::as_object)
        .and_then(|object| JsUint8Array::from_object(object.clone()).ok());
    let array = array.ok_or_else(|| {
        JsNativeError::typ().with_message(format!("{usage}: argument {} is no Uint8Array", index + 1))
    })?;
    Ok(array.iter(context).collect())
}

fn with_made<T>(context: &mut Context, with: impl FnOnce(&mut Made) -> T) -> Option<T> {
    let mut made = context.remove_data::<Made>()?;
    let result = with(&mut made);
    context.insert_data(*made);
    Some(result)
}

/// A failure of the host's as one that the script can catch.
#[expect(clippy::needless_pass_by_value, reason = "the form that `map_err` calls")]
fn thrown(error: Error) -> boa_engine::JsError {
    JsNativeError::error().with_message(error.message().to_owned()).into()
}
