//! `replace`: by regular expression or plain text.

use std::borrow::Cow;

use regex::{Captures, NoExpand, Regex, Replacer};
use toolhold_sdk::prelude::*;

use crate::pattern::{self, Reading};

/// Bytes of the result; a short pattern with a long replacement can ask for any size.
const MAX_RESULT_BYTES: usize = 8 * 1024 * 1024;

/// The text after.
#[output]
pub(crate) struct Replaced {
    /// The text after.
    text: String,
    /// Places that were replaced.
    replacements: usize,
}

/// What to replace.
#[args]
pub(crate) struct ReplaceArgs {
    /// The text.
    text: String,
    /// Regular expression (Rust syntax: no look-around, no back-references); `^` and `$` match at lines.
    pattern: String,
    /// What to put there: `$1`, `${name}` are groups, `$$` is a dollar sign.
    replacement: String,
    /// Take `pattern` and `replacement` as plain text.
    #[serde(default)]
    literal: bool,
    /// Ignore upper and lower case.
    #[serde(default)]
    ignore_case: bool,
    /// Let `.` match newlines too.
    #[serde(default)]
    dot_matches_newline: bool,
    /// Replace only the first so many; all if left out.
    #[schemars(range(min = 1))]
    limit: Option<usize>,
}

/// Replaces what matches a regular expression, or plain text, and counts the places.
#[tool(title = "Replace in text", hints(read_only, idempotent))]
pub(crate) fn replace(args: ReplaceArgs) -> Result<Replaced> {
    let reading =
        Reading { literal: args.literal, ignore_case: args.ignore_case, dot_matches_newline: args.dot_matches_newline };
    let regex = pattern::compile(&args.pattern, reading)?;
    if !args.literal {
        check_groups(&regex, &args.replacement)?;
    }
    let limit = args.limit.unwrap_or(usize::MAX);
    if args.literal {
        run(&regex, &args.text, NoExpand(&args.replacement), limit)
    } else {
        run(&regex, &args.text, args.replacement.as_str(), limit)
    }
}

fn run(regex: &Regex, text: &str, mut replacement: impl Replacer, limit: usize) -> Result<Replaced> {
    let (mut result, mut copied_to, mut replacements) = (String::with_capacity(text.len()), 0, 0);
    for captures in regex.captures_iter(text).take(limit) {
        let Some(whole) = captures.get(0) else { continue };
        result.push_str(text.get(copied_to..whole.start()).unwrap_or_default());
        replacement.replace_append(&captures, &mut result);
        copied_to = whole.end();
        replacements += 1;
        if result.len() > MAX_RESULT_BYTES {
            return Err(Error::failed(format!(
                "the result has more than {MAX_RESULT_BYTES} bytes; set `limit` or work on a part of the text"
            )));
        }
    }
    result.push_str(text.get(copied_to..).unwrap_or_default());
    Ok(Replaced { text: result, replacements })
}

/// `$name` of a group that does not exist would silently become nothing: the classic mistake is `$1x` for `${1}x`.
fn check_groups(regex: &Regex, replacement: &str) -> Result<()> {
    let groups = Regex::new(r"\$\$|\$\{([^}]*)\}|\$([A-Za-z0-9_]+)").map_err(Error::failed)?;
    for reference in groups.captures_iter(replacement) {
        let Some(name) = reference.get(1).or_else(|| reference.get(2)).map(|name| name.as_str()) else { continue };
        if !exists(regex, name) {
            return Err(Error::invalid_args(format!(
                "`replacement` names the group `{name}`, which `pattern` does not have; {}",
                advice(&reference, name)
            )));
        }
    }
    Ok(())
}

fn exists(regex: &Regex, name: &str) -> bool {
    match name.parse::<usize>() {
        Ok(number) => number < regex.captures_len(),
        Err(_) => regex.capture_names().flatten().any(|known| known == name),
    }
}

fn advice(reference: &Captures<'_>, name: &str) -> Cow<'static, str> {
    let digits: String = name.chars().take_while(char::is_ascii_digit).collect();
    match (reference.get(2), digits.is_empty()) {
        (Some(_), false) if digits != name => {
            format!("for group {digits} followed by text write `${{{digits}}}`").into()
        }
        _ => "write `$$` for a dollar sign".into(),
    }
}
