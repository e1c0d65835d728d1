//! Names of hosts in a text that are not what they look like.
//!
//! Nobody can see that a letter is of another script. What is said here stands beside a text, which is left as it is.

use std::fmt::Write as _;

/// Most that are said of one text.
const MOST: usize = 8;

/// Longest that is looked at as one name, in bytes.
const LONGEST: usize = 300;

/// What a person should know of the hosts in `text`: names with letters that are not ASCII, names in their encoded form, and
/// addresses with something before an `@`. Safe to show.
#[must_use]
pub fn odd_hosts(text: &str) -> Vec<String> {
    let mut notes: Vec<String> = Vec::new();
    for (authority, is_url) in authorities(text) {
        let host = authority.rsplit('@').next().unwrap_or_default();
        let shown = super::short(host, 80);
        let note = if !host.is_ascii() && (is_url || is_mixed(host)) {
            Some(format!("`{shown}` is not what it looks like: {}", foreign(host)))
        } else if host.split('.').any(|label| label.to_ascii_lowercase().starts_with("xn--")) {
            Some(format!("`{shown}` is the encoded form of a name with letters that are not ASCII"))
        } else if is_url && authority.contains('@') {
            Some(format!(
                "a request to `{}` goes to `{shown}`: what stands before the `@` is no host",
                super::short(authority, 80)
            ))
        } else {
            None
        };
        notes.extend(note.filter(|note| !notes.contains(note)));
        if notes.len() == MOST {
            break;
        }
    }
    notes
}

/// Everything that is a host in a URL, or could be one: two or more words with dots between them.
fn authorities(text: &str) -> impl Iterator<Item = (&str, bool)> {
    let in_urls = text.match_indices("://").map(|(at, found)| {
        let rest = text.get(at + found.len()..).unwrap_or_default();
        let end = rest
            .find(|sign: char| sign.is_whitespace() || matches!(sign, '/' | '?' | '#' | '"' | '\'' | '\\' | '<' | '>'));
        (bounded(rest.get(..end.unwrap_or(rest.len())).unwrap_or_default()), true)
    });
    let is_of_name = |sign: char| sign.is_alphanumeric() || matches!(sign, '.' | '-' | '_');
    let words = text.split(move |sign: char| !is_of_name(sign)).filter(|word| word.trim_matches('.').contains('.'));
    in_urls.chain(words.map(|word| (bounded(word), false)))
}

fn bounded(text: &str) -> &str {
    text.get(..text.floor_char_boundary(LONGEST)).unwrap_or_default()
}

/// Letters of ours among those that look like them.
fn is_mixed(name: &str) -> bool {
    let has_ours = name.chars().any(|letter| letter.is_ascii_alphabetic());
    name.chars().any(looks_like_ours) && (has_ours || name.is_ascii())
}

/// Scripts with letters that are drawn as ours: Greek, Cyrillic, Armenian, Cherokee, Latin beyond ASCII, full width.
fn looks_like_ours(letter: char) -> bool {
    matches!(letter, '\u{c0}'..='\u{24f}' | '\u{250}'..='\u{2af}' | '\u{370}'..='\u{3ff}' | '\u{400}'..='\u{52f}'
        | '\u{530}'..='\u{58f}' | '\u{13a0}'..='\u{13ff}' | '\u{1d00}'..='\u{1dbf}' | '\u{1e00}'..='\u{1fff}'
        | '\u{2c60}'..='\u{2c7f}' | '\u{a720}'..='\u{a7ff}' | '\u{ab30}'..='\u{abbf}' | '\u{ff00}'..='\u{ff5e}'
        | '\u{1d400}'..='\u{1d7ff}')
}

/// The letters that are not ASCII, by their numbers.
fn foreign(host: &str) -> String {
    let mut said = String::new();
    for (index, letter) in host.chars().filter(|letter| !letter.is_ascii()).take(5).enumerate() {
        let comma = if index > 0 { ", " } else { "" };
        // Writing to a String cannot fail.
        let _infallible =
            write!(said, "{comma}`{}` is U+{:04X}", super::line(letter.encode_utf8(&mut [0; 4])), u32::from(letter));
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_of_another_script_in_a_host_is_pointed_out() {
        let notes = odd_hosts(r#"{"url":"https://ex\u0061mple.com/","to":"https://ex\u{430}mple.com/a?b"}"#);
        assert!(notes.is_empty(), "JSON escapes are for whoever reads the JSON: {notes:?}");
        let notes = odd_hosts("see https://ex\u{430}mple.com/a?b");
        assert_eq!(notes.len(), 1, "{notes:?}");
        assert!(notes[0].contains("U+0430"), "{notes:?}");
        assert_eq!(odd_hosts("g\u{43e}ogle.com").len(), 1, "without a scheme");
        assert!(odd_hosts("https://xn--80ak6aa92e.com/")[0].contains("encoded form"));
        assert!(odd_hosts("https://bank.example@evil.example/")[0].contains("goes to `evil.example`"));
    }

    #[test]
    fn ordinary_texts_are_not_pointed_at() {
        for text in
            ["https://example.com/a?b=c", "notes.md", "日本.txt", "Привет. Как дела?", "a.b@c.example", "naïve", ""]
        {
            assert_eq!(odd_hosts(text), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn what_is_said_is_safe_to_show_and_bounded() {
        let text = "https://\u{202e}moc.\u{1b}[2Jx.\u{430}/ ".repeat(100);
        let text: String = (0..100).map(|number| format!("{text}https://{number}.\u{430}.com ")).collect();
        let notes = odd_hosts(&text);
        assert!(notes.len() <= MOST);
        assert!(notes.iter().all(|note| !note.chars().any(super::super::must_escape)), "{notes:?}");
    }
}
