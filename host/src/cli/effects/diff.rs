//! A unified diff, below the line of its file.

use toolhold_core::escape;

use super::super::ui::{Tone, paint};
use super::size::size;

/// The longest line of a diff that is shown, in bytes.
const LONGEST: usize = 2000;

/// Adds the lines of `diff`, indented: what a line of the file says cannot be taken for a line about another file.
pub(super) fn write(lines: &mut Vec<String>, diff: &str, cut: u64) {
    lines.extend(diff.split_terminator('\n').map(|line| format!("    {}", shown(line))));
    if cut > 0 {
        let note = format!("… the diff is cut here, {} are missing", size(cut));
        lines.push(format!("    {}", paint(Tone::Notice, &note)));
    }
}

fn shown(line: &str) -> String {
    let (head, tail) = line.split_at(line.floor_char_boundary(LONGEST));
    let text = if tail.is_empty() {
        escape::block(head).into_owned()
    } else {
        format!("{}… ({} bytes more)", escape::block(head), tail.len())
    };
    match line.as_bytes().first() {
        Some(b'+') => paint(Tone::Good, &text),
        Some(b'-') => paint(Tone::Bad, &text),
        Some(b'@' | b'\\') => paint(Tone::Faint, &text),
        _ => text,
    }
}
