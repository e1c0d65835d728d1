//! `repeats`: says what it is told, in every place where a guest can put text, whole and in halves. What it is told is a
//! secret that came its way.

use std::io::Write;

use toolhold_sdk::prelude::*;
use toolhold_sdk::serde_json::{Value, json};

/// Says each text everywhere, then gives them back or fails with them.
#[tool(needs(read("/**", "test"), write("/**", "test")))]
pub(crate) fn repeats(
    /// What to say.
    texts: Vec<String>,
    /// A directory in which files get these names.
    directory: String,
    /// Fail with them.
    fail: bool,
) -> Result<Value> {
    for text in &texts {
        let (left, right) = text.split_at(text.floor_char_boundary(text.len() / 2));
        info!("{text}");
        warn!("{left}");
        warn!("{right}");
        progress(1.0, 2.0, text);
        emit(text);
        emit(left);
        emit(right);
        aside(text)?;
        if !text.contains('/') {
            std::fs::write(format!("{directory}/{text}"), "x")?;
        }
    }
    let all = texts.join(" ");
    if fail {
        return Err(Error::other(all.clone(), all));
    }
    let keys: Value =
        texts.iter().map(|text| (text.clone(), json!(text))).collect::<toolhold_sdk::serde_json::Map<_, _>>().into();
    Ok(json!({"texts": texts, "keys": keys, "text": all}))
}

fn aside(text: &str) -> std::io::Result<()> {
    let (mut out, mut err) = (std::io::stdout(), std::io::stderr());
    writeln!(out, "out {text}")?;
    writeln!(err, "err {text}")
}
