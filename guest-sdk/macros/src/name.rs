//! Names of tools: `[a-z][a-z0-9]*([-_][a-z0-9]+)*`, at most 64 bytes, as the WIT package demands.

/// Longest name that the host accepts, in bytes.
pub(crate) const MAX_BYTES: usize = 64;

/// Whether the host accepts `name`.
pub(crate) fn is_valid(name: &str) -> bool {
    let starts_with_letter = name.starts_with(|first: char| first.is_ascii_lowercase());
    let is_word =
        |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    starts_with_letter && name.len() <= MAX_BYTES && name.split(['-', '_']).all(is_word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_wit_package() {
        for valid in ["a", "read", "read_many", "word-count", "sha256", "a-1"] {
            assert!(is_valid(valid), "{valid}");
        }
        for invalid in ["", "1a", "_a", "a_", "a--b", "Read", "a.b", "ä", &"a".repeat(65)] {
            assert!(!is_valid(invalid), "{invalid}");
        }
    }
}
