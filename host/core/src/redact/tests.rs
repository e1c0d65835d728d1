//! Every encoding at every alignment, in random text: nothing of the secret survives.

use std::borrow::Cow;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn redactor(secret: &str) -> Redactor {
    Redactor::new([("token", secret)])
}

fn each(secret: &str, write: impl Fn(&mut String, char) -> std::fmt::Result) -> String {
    secret.chars().fold(String::new(), |mut text, character| {
        write(&mut text, character).unwrap();
        text
    })
}

fn json_string(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

/// Each character in one of the ways that JSON has for it, as `choice` says.
fn json_mixed(secret: &str, choice: u64) -> String {
    let mut number = 0;
    secret.chars().fold(String::new(), |mut text, character| {
        number += 1;
        match (choice >> (number % 60)) & 3 {
            0 => text.push_str(&json_string(&character.to_string())),
            1 if character == '/' => text.push_str("\\/"),
            upper => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    if upper == 3 { write!(text, "\\u{unit:04X}") } else { write!(text, "\\u{unit:04x}") }.unwrap();
                }
            }
        }
        text
    })
}

fn percent(secret: &str, upper: bool, full: bool, plus: bool) -> String {
    secret.bytes().fold(String::new(), |mut text, byte| {
        match byte {
            b' ' if plus => text.push('+'),
            _ if !full && (byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)) => text.push(char::from(byte)),
            _ if upper => write!(text, "%{byte:02X}").unwrap(),
            _ => write!(text, "%{byte:02x}").unwrap(),
        }
        text
    })
}

fn html(secret: &str) -> String {
    each(secret, |text, character| match character {
        '&' => text.write_str("&amp;"),
        '<' => text.write_str("&lt;"),
        '"' => text.write_str("&quot;"),
        '\'' => text.write_str("&#39;"),
        'a' => text.write_str("&#x61;"),
        _ => text.write_char(character),
    })
}

fn spellings(secret: &str, choice: u64) -> Vec<String> {
    let mut all = vec![
        secret.to_owned(),
        json_string(secret),
        json_mixed(secret, choice),
        json_mixed(secret, u64::MAX),
        json_string(&json_string(&json_string(secret))),
        json_string(&json_string(&percent(secret, true, false, true))),
        html(secret),
        json_string(&html(secret)),
        hex::encode(secret),
        hex::encode_upper(secret),
        each(secret, |text, character| {
            character.to_string().bytes().try_for_each(|byte| write!(text, "\\x{byte:02x}"))
        }),
        percent(&percent(secret, true, false, false), true, true, false),
        percent(&json_string(secret), false, false, false),
    ];
    for number in 0..8 {
        all.push(percent(secret, number & 1 > 0, number & 2 > 0, number & 4 > 0));
    }
    all
}

/// Around the secret, with everything that escapes begin with.
fn around() -> impl Strategy<Value = String> {
    "[#%&+\\\\;.,ä \nux04]{0,9}"
}

fn secret() -> impl Strategy<Value = String> {
    "[A-Za-z0-9/+=_.&<>\"'%\\\\ äß😀-]{6,40}".prop_filter("long enough", |text| text.len() >= MIN_SECRET_BYTES)
}

/// What is left is at most what stood around. The backslashes before an escaped quote are nothing of it.
fn nothing_left(redacted: &str, before: &str, after: &str) -> Result<(), TestCaseError> {
    let (left, right) =
        redacted.split_once(REDACTED).ok_or_else(|| TestCaseError::fail(format!("not found: {redacted}")))?;
    prop_assert!(before.starts_with(left.trim_end_matches('\\')), "before: {left:?} of {before:?}");
    prop_assert!(after.ends_with(right), "after: {right:?} of {after:?}");
    Ok(())
}

proptest! {
    #[test]
    fn nothing_survives_of_any_spelling(secret in secret(), before in around(), after in around(), choice: u64) {
        let redactor = redactor(&secret);
        let around = spellings(&before, choice).into_iter().zip(spellings(&after, choice));
        for (spelling, (before, after)) in spellings(&secret, choice).into_iter().zip(around) {
            let text = format!("{before}{spelling}{after}");
            let redacted = redactor.redact(&text);
            nothing_left(&redacted, &before, &after)?;
            prop_assert_eq!(&*redactor.redact_bytes(text.as_bytes()), redacted.as_bytes());
            prop_assert!(redactor.finds(&text));
        }
    }

    #[test]
    fn a_spelling_stands_in_any_other_text(secret in secret(), before in "[#;.,ä \\nux04]{0,9}", after in around(), choice: u64) {
        for spelling in spellings(&secret, choice) {
            nothing_left(&redactor(&secret).redact(&format!("{before}{spelling}{after}")), &before, &after)?;
        }
    }

    #[test]
    fn nothing_survives_of_base64_at_any_alignment(
        secret in secret(), before in "[#!]{0,7}", after in "[#!]{0,7}", wrap in 4_usize..80
    ) {
        let redactor = redactor(&secret);
        let bytes = format!("{before}{secret}{after}");
        let kept = (before.len() * 8 / 6, (before.len() + secret.len()) * 8);
        for text in [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD].map(|form| form.encode(&bytes)) {
            // Only characters that hold no bit of the secret.
            let (left, right) = (&text[..kept.0], &text[kept.1.div_ceil(6)..]);
            nothing_left(&redactor.redact(&text), left, right)?;
            let escaped = percent(&text.replace('/', "\\/"), true, false, false);
            prop_assert!(redactor.redact(&escaped).contains(REDACTED));
            let lines: Vec<&str> = (0..text.len()).step_by(wrap).map(|at| &text[at..text.len().min(at + wrap)]).collect();
            let redacted = redactor.redact(&lines.join("\r\n")).replace(['\r', '\n'], "");
            nothing_left(&redacted, left, right)?;
        }
    }

    #[test]
    fn a_text_that_holds_no_secret_is_left_alone(secret in "[a-z]{8,20}", text in "[A-Z0-9#%&+\\\\;.,äu \n]{0,200}") {
        prop_assert!(matches!(redactor(&secret).redact(&text), Cow::Borrowed(_)));
    }

    #[test]
    fn json_stays_json(secret in secret(), key in around(), value in around(), choice: u64) {
        let redactor = redactor(&secret);
        let around = spellings(&key, choice).into_iter().zip(spellings(&value, choice));
        for (spelling, (key, value)) in spellings(&secret, choice).into_iter().zip(around) {
            let text = json!({(format!("{key}{spelling}")): [format!("{value}{spelling}"), 5, null], "other": true}).to_string();
            let redacted = redactor.redact_json(&text);
            prop_assert!(!redactor.finds(&redacted), "{redacted}");
            let value: serde_json::Value = serde_json::from_str(&redacted).unwrap();
            prop_assert_eq!(&value["other"], &json!(true));
        }
    }
}

#[test]
fn the_password_of_basic_authentication_is_found_for_every_user() {
    for user in ["", "u", "me", "bot", "root"] {
        let header = format!("Basic {}", STANDARD.encode(format!("{user}:hunter22-long")));
        let redacted = redactor("hunter22-long").redact(&header).into_owned();
        assert!(redacted.starts_with("Basic ") && redacted.contains(REDACTED), "{redacted}");
        assert!(redacted.len() <= "Basic ".len() + 8 + REDACTED.len() + 1, "{redacted}");
    }
}

#[test]
fn secrets_that_overlap_go_together() {
    let redactor = Redactor::new([("a", "hunter22"), ("b", "hunter22-long"), ("c", "longing")]);
    assert_eq!(redactor.redact("a hunter22-longing b hunter22 c"), "a [redacted] b [redacted] c");
    assert_eq!(Redactor::new([("a", "aaaaaa")]).redact("baaaaaaaaab"), "b[redacted]b");
    assert_eq!(format!("{redactor:?}"), "Redactor(3 secrets)");
}

#[test]
fn a_long_key_is_found_by_each_of_its_lines() {
    let key = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\nAQEFAASCBKcwggSjAgEAAoIB\n-----END KEY-----";
    let redactor = redactor(key);
    assert_eq!(redactor.redact(&format!("x{key}y")), "x[redacted]y");
    assert_eq!(redactor.redact(&key.replace('\n', "\r\n")).matches("IBADANBg").count(), 0);
    assert_eq!(redactor.redact("error near AQEFAASCBKcwggSjAgEAAoIB!"), "error near [redacted]!");
    assert_eq!(redactor.redact("-----BEGIN KEY-----"), "-----BEGIN KEY-----");
}

#[test]
fn short_secrets_are_not_searched() {
    assert!(Redactor::new([("a", "short"), ("b", "")]).is_empty());
    assert_eq!(redactor("a").redact("banana"), "banana");
}

#[test]
fn keys_that_become_the_same_are_still_two_and_numbers_are_looked_at() {
    let mut value =
        json!({"hunter22": 1, "\u{68}unter22": 2, "x": {"hunter22 ": 3, "aHVudGVyMjI": 4}, "n": 1_234_567_890});
    let redactor = Redactor::new([("word", "hunter22"), ("number", "34567890")]);
    assert!(redactor.redact_value(&mut value));
    assert_eq!(value["n"], json!(REDACTED));
    assert_eq!(value["x"].as_object().unwrap().len(), 2);
    assert!(!redactor.finds(&value.to_string()));
    let mut two = json!({"a-hunter22": 1, "a-aHVudGVyMjI": 2});
    redactor.redact_value(&mut two);
    assert_eq!(two.as_object().unwrap().len(), 2, "{two}");
}

#[test]
fn a_secret_that_spans_the_structure_of_json_takes_all_of_it() {
    let redactor = redactor(r#"a","b":"c"#);
    assert_eq!(redactor.redact_json(r#"{"x":"a","b":"c"}"#), r#""[redacted]""#);
    assert_eq!(redactor.redact_json(r#"{"x":"a"}"#), r#"{"x":"a"}"#);
}

#[test]
fn a_pass_says_what_was_found_where() {
    let redactor = Redactor::new([("api", "hunter22-long"), ("other", "correct-horse")]);
    let mut pass = redactor.pass();
    let (mut text, mut value) = ("x hunter22-long".to_owned(), json!({"a": ["correct-horse"]}));
    pass.text(Place::Stdout, &mut text);
    pass.value(Place::Result, &mut value);
    pass.look(Place::Arguments, "nothing");
    let found = pass.finish();
    assert_eq!((text.as_str(), value), ("x [redacted]", json!({"a": [REDACTED]})));
    assert_eq!(found.secrets.into_iter().collect::<Vec<_>>(), ["api", "other"]);
    assert_eq!(found.places.into_iter().collect::<Vec<_>>(), [Place::Result, Place::Stdout]);
}

/// What a hostile server can cost the host: escapes within escapes, everywhere, and the same secret over and over.
#[test]
fn nested_escapes_are_undone_in_bounded_time() {
    let layers = ["\\u005cu005cu0025".repeat(4000), "%2525".repeat(8000), "a".repeat(60_000), "&#38;#38;".repeat(4000)];
    for text in layers {
        let redacted = redactor("aaaaaa").redact(&text).into_owned();
        assert!(redacted == text || redacted == REDACTED);
    }
}
