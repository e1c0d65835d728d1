//! `read_many`: several files in one call, because a model's round trip costs more than any file.

use toolhold_sdk::prelude::*;

use crate::read::{Contents, ReadArgs, contents};

/// Files in one call.
const MAX_FILES: usize = 50;
/// Bytes per file unless asked otherwise.
const DEFAULT_MAX_BYTES: usize = 16 * 1024;
/// Bytes of all files together.
const MAX_TOTAL_BYTES: usize = 512 * 1024;

/// One file.
#[output]
pub(crate) struct FileRead {
    /// Its path.
    path: String,
    /// Its contents.
    #[serde(skip_serializing_if = "Option::is_none")]
    contents: Option<Contents>,
    /// Why there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// All files.
#[output]
pub(crate) struct ManyRead {
    /// In the order of the arguments.
    files: Vec<FileRead>,
    /// How many could not be read.
    failed: usize,
}

/// Reads up to 50 text files at once, from the beginning of each. A file that cannot be read does not stop the others.
#[tool(
    title = "Read several files",
    hints(read_only, idempotent),
    needs(read("/**", "reads the files it is asked for"))
)]
pub(crate) fn read_many(
    /// Absolute paths.
    #[schemars(length(min = 1, max = 50))]
    paths: Vec<String>,
    /// Bytes to return of each file; 16384 if left out.
    max_bytes_each: Option<usize>,
    /// Put its number and a tab before each line.
    #[serde(default)]
    line_numbers: bool,
) -> Result<ManyRead> {
    if paths.is_empty() || paths.len() > MAX_FILES {
        return Err(Error::invalid_args(format!("`paths` names {} files; give 1 to {MAX_FILES}", paths.len())));
    }
    let mut left = MAX_TOTAL_BYTES;
    let mut files = Vec::with_capacity(paths.len());
    for path in paths {
        check_cancelled()?;
        let max_bytes = max_bytes_each.unwrap_or(DEFAULT_MAX_BYTES).min(left);
        let file = one(path, max_bytes, line_numbers);
        left -= file.contents.as_ref().map_or(0, |contents| contents.text.len()).min(left);
        files.push(file);
    }
    let failed = files.iter().filter(|file| file.error.is_some()).count();
    Ok(ManyRead { files, failed })
}

fn one(path: String, max_bytes: usize, line_numbers: bool) -> FileRead {
    if max_bytes == 0 {
        let error = format!("not read: the files before it used up {MAX_TOTAL_BYTES} bytes; read it in another call");
        return FileRead { path, contents: None, error: Some(error) };
    }
    let args = ReadArgs { path, max_bytes: Some(max_bytes), line_numbers, ..ReadArgs::default() };
    match contents(&args, max_bytes) {
        Ok(contents) => FileRead { path: args.path, contents: Some(contents), error: None },
        Err(error) => FileRead { path: args.path, contents: None, error: Some(error.message().to_owned()) },
    }
}
