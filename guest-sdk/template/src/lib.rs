//! The tools of `{{name}}`.

use toolhold_sdk::prelude::*;

/// What a text consists of.
#[output]
struct Counts {
    /// Lines of text.
    lines: usize,
    /// Words, separated by white space.
    words: usize,
}

// The doc comment is what the model reads: say what the tool does and when to use it.
/// Counts the lines and words of a text file.
#[tool(title = "Word count", hints(read_only, idempotent), needs(read("/**", "reads the file it is asked to count")))]
fn word_count(
    /// Absolute path of a UTF-8 text file.
    path: String,
    /// Count empty lines too; true if left out.
    empty_lines: Option<bool>,
) -> Result<Counts> {
    let text = std::fs::read_to_string(&path).with_context(|| format!("`{path}`"))?;
    info!("counting {} bytes", text.len());
    let lines = text.lines().filter(|line| empty_lines.unwrap_or(true) || !line.trim().is_empty()).count();
    Ok(Counts { lines, words: text.split_whitespace().count() })
}

toolhold_sdk::component!(word_count);

#[cfg(test)]
mod tests {
    use toolhold_sdk::prelude::*;
    use toolhold_sdk::testing::call;

    use super::COMPONENT;

    #[test]
    fn lines_and_words_are_counted() {
        let path = std::env::temp_dir().join("{{name}}-word-count.txt");
        std::fs::write(&path, "one two\n\nthree\n").unwrap();
        assert_eq!(call(&COMPONENT, "word_count", json!({"path": path})).value(), json!({"lines": 3, "words": 3}));
        let dense = call(&COMPONENT, "word_count", json!({"path": path, "empty_lines": false}));
        assert_eq!(dense.value(), json!({"lines": 2, "words": 3}));
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn a_missing_file_is_not_found() {
        let error = call(&COMPONENT, "word_count", json!({"path": "/nowhere/a.txt"})).error();
        assert_eq!(error, Error::not_found("`/nowhere/a.txt`: does not exist"));
    }
}
