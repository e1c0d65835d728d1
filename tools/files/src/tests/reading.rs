//! `read`, `read_many`, `stat`.

use toolhold_sdk::Error;
use toolhold_sdk::serde_json::json;

use super::{Fixture, fails, ok};

const FIVE: &str = "one\ntwo\nthree\nfour\nfive\n";

#[test]
fn a_small_file_is_read_whole() {
    let fixture = Fixture::new(&[("a.txt", FIVE)]);
    let expected = json!({
        "text": FIVE, "encoding": "utf8", "bytes": 24, "first_line": 1, "last_line": 5, "total_lines": 5, "truncated": false,
    });
    assert_eq!(ok("read", json!({"path": fixture.path("a.txt")})), expected);
}

#[test]
fn a_range_of_lines_says_where_to_go_on() {
    let fixture = Fixture::new(&[("a.txt", FIVE)]);
    let read = ok("read", json!({"path": fixture.path("a.txt"), "start_line": 2, "end_line": 3}));
    assert_eq!(
        (&read["text"], &read["next_line"], &read["truncated"]),
        (&json!("two\nthree\n"), &json!(4), &json!(false))
    );
    let read =
        ok("read", json!({"path": fixture.path("a.txt"), "start_line": 4, "end_line": 99, "line_numbers": true}));
    assert_eq!((&read["text"], &read["total_lines"]), (&json!("     4\tfour\n     5\tfive\n"), &json!(5)));
    let error = fails("read", json!({"path": fixture.path("a.txt"), "start_line": 6}));
    assert!(error.message().ends_with("has 5 lines, so there is no line 6"), "{error}");
}

#[test]
fn a_limit_cuts_between_lines_and_reading_goes_on_there() {
    let text: String = (0..1000).map(|number| format!("line {number} ä\n")).collect();
    let fixture = Fixture::new(&[("a.txt", &text)]);
    let (mut whole, mut start) = (String::new(), json!(1));
    loop {
        let read = ok("read", json!({"path": fixture.path("a.txt"), "start_line": start, "max_bytes": 1000}));
        let part = read["text"].as_str().unwrap();
        assert!(part.len() <= 1000);
        whole.push_str(part);
        if read["truncated"] == json!(false) {
            break;
        }
        start = read["next_line"].clone();
    }
    assert_eq!(whole, text);
}

#[test]
fn a_line_longer_than_the_limit_is_continued_by_offset() {
    let text = "ä".repeat(5000);
    let fixture = Fixture::new(&[("a.txt", &text)]);
    let first = ok("read", json!({"path": fixture.path("a.txt"), "max_bytes": 1001}));
    assert_eq!((&first["truncated"], &first["next_offset"]), (&json!(true), &json!(1000)));
    let mut whole = first["text"].as_str().unwrap().to_owned();
    let mut offset = first["next_offset"].clone();
    while !offset.is_null() {
        let read = ok("read", json!({"path": fixture.path("a.txt"), "offset": offset, "max_bytes": 1001}));
        whole.push_str(read["text"].as_str().unwrap());
        offset = read["next_offset"].clone();
    }
    assert_eq!(whole, text);
}

#[test]
fn the_last_lines() {
    let fixture = Fixture::new(&[("a.txt", FIVE)]);
    let read = ok("read", json!({"path": fixture.path("a.txt"), "tail": 2}));
    assert_eq!(
        (&read["text"], &read["first_line"], &read["total_lines"]),
        (&json!("four\nfive\n"), &json!(4), &json!(5))
    );
    let read = ok("read", json!({"path": fixture.path("a.txt"), "tail": 99}));
    assert_eq!((&read["text"], &read["truncated"]), (&json!(FIVE), &json!(false)));
    let read = ok("read", json!({"path": fixture.path("a.txt"), "tail": 3, "max_bytes": 11}));
    assert_eq!((&read["text"], &read["truncated"]), (&json!("four\nfive\n"), &json!(true)));
}

#[test]
fn encodings_are_found_and_named() {
    let fixture = Fixture::new(&[]);
    fixture.put("utf16", b"\xFF\xFEh\0\xE4\0\n\0x\0");
    fixture.put("latin", b"gr\xFCn\r\nx");
    fixture.put("bom", b"\xEF\xBB\xBFmarked");
    let read = ok("read", json!({"path": fixture.path("utf16")}));
    assert_eq!(
        (&read["text"], &read["encoding"], &read["total_lines"]),
        (&json!("hä\nx"), &json!("utf16le"), &json!(2))
    );
    let read = ok("read", json!({"path": fixture.path("latin")}));
    assert_eq!((&read["text"], &read["encoding"], &read["crlf"]), (&json!("grün\nx"), &json!("latin1"), &json!(true)));
    let read = ok("read", json!({"path": fixture.path("bom")}));
    assert_eq!((&read["text"], &read["bytes"]), (&json!("marked"), &json!(9)));
}

#[test]
fn a_range_is_read_in_the_encoding_of_its_file() {
    let fixture = Fixture::new(&[("utf8", "xä€𝄞ö")]);
    let read = |name: &str, offset: usize| {
        let read = ok("read", json!({"path": fixture.path(name), "offset": offset}));
        (read["text"].as_str().unwrap().to_owned(), read["encoding"].as_str().unwrap().to_owned())
    };
    let rest = ["xä€𝄞ö", "ä€𝄞ö", "€𝄞ö", "€𝄞ö", "𝄞ö", "𝄞ö", "𝄞ö", "ö", "ö", "ö", "ö", "", ""];
    for (offset, text) in rest.into_iter().enumerate() {
        assert_eq!(read("utf8", offset), (text.to_owned(), "utf8".to_owned()), "{offset}");
    }
    let one = ok("read", json!({"path": fixture.path("utf8"), "offset": 7, "length": 1}));
    assert_eq!((&one["text"], &one["next_offset"]), (&json!(""), &json!(8)));
    fixture.put("latin", b"gr\xFCn \xB0C");
    assert_eq!(read("latin", 5), ("°C".to_owned(), "latin1".to_owned()));
    fixture.put("utf16", b"\xFF\xFEh\0\xE4\0x\0");
    assert_eq!(read("utf16", 4), ("äx".to_owned(), "utf16le".to_owned()));
    assert_eq!(read("utf16", 5), ("x".to_owned(), "utf16le".to_owned()));
    fixture.put("binary", b"text \0");
    assert_eq!(read("binary", 2).1, "base64");
}

#[test]
fn binary_files_are_read_as_base64() {
    let fixture = Fixture::new(&[]);
    fixture.put("b.bin", &[0, 1, 2, 255]);
    let error = fails("read", json!({"path": fixture.path("b.bin")}));
    assert!(matches!(&error, Error::InvalidArgs(message) if message.contains("encoding: \"base64\"")), "{error:?}");
    let read = ok("read", json!({"path": fixture.path("b.bin"), "encoding": "base64"}));
    assert_eq!((&read["text"], &read["encoding"]), (&json!("AAEC/w=="), &json!("base64")));
    let read = ok("read", json!({"path": fixture.path("b.bin"), "offset": 1, "length": 2}));
    assert_eq!((&read["text"], &read["next_offset"]), (&json!("\u{1}\u{2}"), &json!(3)));
}

#[test]
fn an_empty_file_and_a_missing_newline() {
    let fixture = Fixture::new(&[("empty", ""), ("no", "a\nb")]);
    let read = ok("read", json!({"path": fixture.path("empty")}));
    assert_eq!((&read["text"], &read["total_lines"]), (&json!(""), &json!(0)));
    assert_eq!(ok("read", json!({"path": fixture.path("no")}))["text"], json!("a\nb"));
}

#[test]
fn senseless_requests_name_the_fix() {
    let fixture = Fixture::new(&[("a.txt", FIVE)]);
    let message = |arguments| fails("read", arguments).message().to_owned();
    assert!(message(json!({"path": fixture.path("a.txt"), "tail": 1, "offset": 0})).contains("give one of"));
    assert!(message(json!({"path": fixture.path("a.txt"), "start_line": 3, "end_line": 2})).contains("lies behind"));
    assert!(message(json!({"path": fixture.path("")})).contains("name a file"));
    assert!(message(json!({"path": fixture.path("b.txt")})).contains("did you mean"));
    assert!(message(json!({"path": "a.txt"})).contains("is not absolute"));
}

#[test]
fn several_files_at_once_fail_one_by_one() {
    let fixture = Fixture::new(&[("a", "A"), ("b", "B")]);
    let read = ok("read_many", json!({"paths": [fixture.path("a"), fixture.path("zzz"), fixture.path("b")]}));
    assert_eq!(read["failed"], json!(1));
    assert_eq!(read["files"][0]["contents"]["text"], json!("A"));
    assert!(read["files"][1]["error"].as_str().unwrap().contains("does not exist"));
    assert_eq!(read["files"][2]["contents"]["text"], json!("B"));
    assert!(matches!(fails("read_many", json!({"paths": []})), Error::InvalidArgs(_)));
}

#[test]
fn stat_tells_kind_size_and_time() {
    let fixture = Fixture::new(&[("a", "abc")]);
    let stat = ok("stat", json!({"path": fixture.path("a")}));
    assert_eq!((&stat["kind"], &stat["bytes"]), (&json!("file"), &json!(3)));
    assert!(stat["modified"].as_str().unwrap().ends_with('Z'));
    std::os::unix::fs::symlink("a", fixture.at("link")).unwrap();
    let stat = ok("stat", json!({"path": fixture.path("link")}));
    assert_eq!((&stat["kind"], &stat["link_target"]), (&json!("symlink"), &json!("a")));
}
