//! What a command prints: its result on standard output, its talk on standard error, JSON where asked for.
//!
//! Nothing is said in colour alone. Text of guests, models and remotes is escaped by whoever hands it in.

use std::fmt::Write as _;
use std::io::Write as _;
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use toolhold_core::escape;

use super::failure::Failure;
use super::known;
use crate::clock;

/// How to print.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ui {
    json: bool,
    quiet: bool,
    /// What is said is a log line of a program's.
    lines: bool,
}

/// How a piece of text is meant.
#[derive(Debug, Clone, Copy)]
pub(super) enum Tone {
    /// It worked, it is allowed, it was added.
    Good,
    /// It was refused, it failed, it was removed.
    Bad,
    /// Worth a look.
    Notice,
    /// Secondary.
    Faint,
    /// A heading.
    Strong,
}

impl Tone {
    fn style(self) -> Style {
        match self {
            Self::Good => AnsiColor::Green.on_default(),
            Self::Bad => AnsiColor::Red.on_default(),
            Self::Notice => AnsiColor::Yellow.on_default(),
            Self::Faint => Style::new().dimmed(),
            Self::Strong => Style::new().bold(),
        }
    }
}

/// `text` with the escape codes of `tone`; they are stripped where the stream is no terminal.
#[must_use]
pub(super) fn paint(tone: Tone, text: &str) -> String {
    let style = tone.style();
    format!("{style}{text}{style:#}")
}

/// JSON without characters that a terminal obeys or nobody sees: in JSON they stand in texts only, where they may be escaped.
fn visible(json: &str) -> String {
    if !json.chars().any(escape::must_escape) {
        return json.to_owned();
    }
    let mut out = String::with_capacity(json.len() + 16);
    for character in json.chars() {
        if escape::must_escape(character) {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                // Writing to a String cannot fail.
                let _infallible = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(character);
        }
    }
    out
}

/// What is said as a log line: the same names as in those of `telemetry::log`.
fn as_line(level: &str, text: &str) -> String {
    let message = anstream::adapter::strip_str(text.trim()).to_string();
    json!({ "time": clock::now().to_string(), "level": level, "target": "toolhold", "message": message }).to_string()
}

impl Ui {
    /// From the global flags. `lines`: whoever reads what is said is a program.
    #[must_use]
    pub(super) fn new(json: bool, quiet: bool, lines: bool) -> Self {
        Self { json, quiet, lines }
    }

    /// Whether the result is JSON.
    #[must_use]
    pub(super) fn is_json(self) -> bool {
        self.json
    }

    /// The result: JSON where asked for, else the text that `readable` makes.
    ///
    /// # Errors
    ///
    /// If standard output is closed.
    pub(super) fn result<T: serde::Serialize>(
        self,
        value: &T,
        readable: impl FnOnce(&T) -> String,
    ) -> std::io::Result<()> {
        if !self.json {
            let text = readable(value);
            // Of a call that failed there is nothing to print.
            return if text.is_empty() { Ok(()) } else { self.print(&text) };
        }
        let mut value = serde_json::to_value(value)?;
        known::clean_json(&mut value);
        self.print(&visible(&serde_json::to_string_pretty(&value)?))
    }

    /// A line of the result.
    ///
    /// # Errors
    ///
    /// If standard output is closed.
    pub(super) fn print(self, text: &str) -> std::io::Result<()> {
        let text = known::clean(text);
        let mut out = anstream::stdout().lock();
        out.write_all(text.as_bytes())?;
        if !text.ends_with('\n') {
            out.write_all(b"\n")?;
        }
        out.flush()
    }

    /// A line of talk.
    pub(super) fn say(self, text: &str) {
        if !self.quiet {
            self.talk("info", text);
        }
    }

    /// A line of talk that is not talk: an error.
    pub(super) fn say_always(self, text: &str) {
        self.talk("warn", text);
    }

    /// Why the command failed.
    pub(super) fn fail(self, failure: &Failure) {
        match self.json {
            // What is JSON already is one line as it is.
            true => Self { lines: false, ..self }.talk("error", &failure.to_json().to_string()),
            // The level says already that it is one.
            false if self.lines => self.talk("error", failure.to_string().trim_start_matches("error: ")),
            false => self.talk("error", &failure.to_string()),
        }
    }

    fn talk(self, level: &str, text: &str) {
        let text = known::clean(text);
        let text = if self.lines { as_line(level, &text) } else { text.into_owned() };
        // Nobody is left to tell when standard error is closed.
        let _closed = writeln!(anstream::stderr().lock(), "{text}");
    }

    /// A spinner for work that takes seconds; shown on a terminal only, after a moment.
    #[must_use]
    pub(super) fn spinner(self, text: String) -> ProgressBar {
        if self.quiet || self.json {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::new_spinner().with_message(text);
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        bar
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_has_no_character_that_a_terminal_obeys_and_means_the_same() {
        let value = serde_json::json!({"a\u{202e}": "\u{9b}31m \u{7f} \u{e0041} é\n"});
        let shown = visible(&serde_json::to_string_pretty(&value).unwrap());
        assert!(!shown.chars().any(escape::must_escape), "{shown:?}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
    }
}
