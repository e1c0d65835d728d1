//! Command lines that a model cannot bend, and results that say what happened.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn written(argv: &[&str]) -> Written {
    Written { argv: argv.iter().map(|&entry| entry.to_owned()).collect(), ..Written::default() }
}

fn input() -> Value {
    let list = json!({ "type": "array", "items": { "type": "string" } });
    json!({
        "type": "object",
        "properties": {
            "text": { "type": "string" }, "files": list, "width": { "type": "integer" }, "loud": { "type": "boolean" },
            "all": list, "any": {}, "maybe": { "type": ["string", "null"] },
        },
        "required": ["text", "maybe"],
    })
}

fn argv(entries: &[&str], arguments: Value) -> Result<Vec<String>, Violations> {
    let program = Command::new(written(entries), &input()).unwrap();
    program.invocation("say", arguments.as_object().unwrap()).map(|invocation| invocation.argv)
}

#[test]
fn each_form_of_an_entry_becomes_what_it_says() {
    let entries =
        ["-q", "{width:--width}", "{width:-w=}", "{loud:--loud}", "{all:-a}", "--text={text}", "{{}}", "--", "{files}"];
    let all = json!({ "text": "a b", "files": ["x", "-y"], "width": 7, "loud": true, "all": ["1", "2"] });
    let expected =
        ["say", "-q", "--width", "7", "-w=7", "--loud", "-a", "1", "-a", "2", "--text=a b", "{}", "--", "x", "-y"];
    assert_eq!(argv(&entries, all).unwrap(), expected);
    // What is not given leaves no trace, `null` and `false` count as not given.
    assert_eq!(argv(&entries, json!({ "loud": false, "width": null })).unwrap(), ["say", "-q", "{}", "--"]);
}

#[test]
fn a_value_never_becomes_an_option() {
    for entry in ["{text}", "{text}x", "{text:-o}", "{files}"] {
        for value in [json!("--output=/etc"), json!("-rf"), json!(-7)] {
            let arguments = json!({ "text": value, "files": [value] });
            let error = argv(&[entry], arguments).unwrap_err();
            assert!(error.to_string().contains("take for an option"), "{entry}: {error}");
        }
    }
    // `-` alone is a file name to programs, and behind a separator nothing is an option.
    assert_eq!(argv(&["{text}"], json!({ "text": "-" })).unwrap(), ["say", "-"]);
    assert_eq!(argv(&["--", "{text}"], json!({ "text": "-rf" })).unwrap(), ["say", "--", "-rf"]);
    // A separator that a caller writes is none.
    assert!(argv(&["{text}", "{files}"], json!({ "text": "--", "files": ["-rf"] })).is_err());
}

#[test]
fn what_has_no_form_on_a_command_line_is_refused_with_its_place() {
    let error = argv(&["{text}", "{files}"], json!({ "text": {}, "files": [[]] })).unwrap_err();
    assert_eq!(error.as_slice().iter().map(|wrong| wrong.pointer.as_str()).collect::<Vec<_>>(), ["/text", "/files"]);
    let error = argv(&["{text}"], json!({ "text": "a\0--b" })).unwrap_err();
    assert!(error.to_string().contains("zero byte"), "{error}");
    let error = argv(&["{text}"], json!({ "text": "x".repeat(MAX_BYTES) })).unwrap_err();
    assert_eq!(error.as_slice()[0].keyword, "size");
    // Nothing is made first and measured afterwards.
    let files = json!({ "files": vec![""; 200_000] });
    let error = argv(&["{files}"; 200], files).unwrap_err();
    assert_eq!(error.as_slice().len(), 1, "{error}");
    let error = argv(&["{files}"], json!({ "files": vec!["-a"; 100_000] })).unwrap_err();
    assert_eq!((error.as_slice().len(), error.more()), (1, 0), "{error}");
    let stdin = Written { stdin: Some("{}".repeat(1_000)), ..Written::default() };
    let program = Command::new(stdin, &input()).unwrap();
    let large = json!({ "text": "x".repeat(100_000) });
    assert_eq!(program.invocation("say", large.as_object().unwrap()).unwrap_err().as_slice().len(), 1);
}

#[test]
fn what_a_caller_leaves_out_does_not_move_what_stands_beside_it() {
    let error =
        |entries: &[&str]| Command::new(written(entries), &input()).map(drop).map_err(|error| error.to_string());
    for entries in
        [["-o", "{width}", "{text}"], ["-o", "{files}", "--"], ["-o", "{maybe}", "--"], ["-o", "x{width}", "--"]]
    {
        let error = error(&entries).unwrap_err();
        assert!(error.contains(":-o}`, or make it"), "{error}");
    }
    let either = error(&["{any:-o}", "--", "{files}"]).unwrap_err();
    assert!(either.contains("as the caller likes"), "{either}");
    for entries in [
        &["-o", "{text}", "--"][..],
        &["-o", "x{text}", "{files}"],
        &["-q", "{files}"],
        &["{width:-o}", "{text}"],
        &["--out=", "{width}", "x"],
        &["-", "{width}", "x"],
    ] {
        assert_eq!(error(entries), Ok(()), "{entries:?}");
    }
}

#[test]
fn standard_input_and_environment_are_filled_too() {
    let env = [("A".to_owned(), "<{text}>".to_owned()), ("B".to_owned(), "{width}".to_owned())].into();
    let written = Written { stdin: Some("{}\n{text}".into()), env, ..Written::default() };
    let program = Command::new(written, &input()).unwrap();
    let call = program.invocation("say", json!({ "text": "t" }).as_object().unwrap()).unwrap();
    assert_eq!(call.stdin, "{\"text\":\"t\"}\nt");
    assert_eq!(call.env, BTreeMap::from([("A".to_owned(), "<t>".to_owned())]));
}

#[test]
fn what_is_written_wrongly_is_told_before_any_call() {
    let error = |entry: &str| Command::new(written(&[entry]), &input()).unwrap_err().to_string();
    assert!(error("{txt}").ends_with("did you mean `text`?"), "{}", error("{txt}"));
    assert!(error("a{text").contains("without its `}`"));
    assert!(error("a}").contains("closes nothing"));
    assert!(error("{text:loud}").contains("begins with `-`"));
    assert!(error("{:-x}").contains("begins with `-`"));
    assert!(error("a{text:-x}").contains("without its `}`"));
    assert!(error("a\0").contains("zero byte"));
    assert!(error("{text:-\0}").contains("zero byte"));
    assert!(error(&"x".repeat(200_000)).contains("at most 131072 are allowed"));
    let named = Written { env: [("A=B".to_owned(), String::new())].into(), ..Written::default() };
    assert!(Command::new(named, &input()).is_err());
    let twice = Written { success: vec![0, 1], not_found: vec![1], ..Written::default() };
    assert_eq!(Command::new(twice, &input()), Err(Error::Status(1)));
    assert_eq!(Command::new(written(&["x"; 257]), &input()), Err(Error::TooMany(257)));
}

#[test]
fn an_exit_status_is_what_the_manifest_says_of_it() {
    let written = Written { success: vec![0, 1], invalid_args: vec![2], not_found: vec![3], ..Written::default() };
    let program = Command::new(written, &input()).unwrap();
    let result = |status| program.result(status, b"out\n", b" err \n");
    assert_eq!(result(1).unwrap(), "\"out\"");
    assert_eq!(result(2).unwrap_err(), Fault::InvalidArguments("the program exited with status 2: err".into()));
    assert_eq!(result(3).unwrap_err(), Fault::NotFound("the program exited with status 3: err".into()));
    assert_eq!(program.result(4, b"x", b"").unwrap_err(), Fault::Failed("the program exited with status 4: x".into()));
    assert_eq!(
        program.result(9, b"", b"").unwrap_err(),
        Fault::Failed("the program exited with status 9 and said nothing".into())
    );
    let long = program.result(9, b"", "é".repeat(5_000).as_bytes()).unwrap_err();
    assert!(matches!(long, Fault::Failed(text) if text.len() < TAIL_AND_WORDS && text.contains(": …é")));
}

const TAIL_AND_WORDS: usize = 2_200;

#[test]
fn each_form_of_result_conforms_to_its_schema() {
    let stdout = b"{\"a\":1}\nb\n";
    for (form, expected) in [
        (Output::Text, json!("{\"a\":1}\nb")),
        (Output::Lines, json!(["{\"a\":1}", "b"])),
        (Output::Base64, json!("eyJhIjoxfQpiCg==")),
        (Output::All, json!({ "status": 0, "stdout": "{\"a\":1}\nb\n", "stderr": "e" })),
    ] {
        let program = Command::new(Written { result: form, ..Written::default() }, &input()).unwrap();
        let value: Value = serde_json::from_str(&program.result(0, stdout, b"e").unwrap()).unwrap();
        assert_eq!(value, expected);
        let schema = crate::schema::CompiledSchema::compile(&program.output_schema().unwrap()).unwrap();
        assert!(schema.validate(&value).is_ok(), "{form:?}");
    }
    let lines = Command::new(Written { result: Output::Lines, ..Written::default() }, &input()).unwrap();
    assert!(matches!(lines.result(0, &[b'\n'; 200_000], b""), Err(Fault::Failed(text)) if text.contains("lines")));
    let json = Command::new(Written { result: Output::Json, ..Written::default() }, &input()).unwrap();
    assert_eq!(json.result(0, b"[1]", b"").unwrap(), "[1]");
    assert!(matches!(json.result(0, b"\xff", b""), Err(Fault::Failed(text)) if text.contains("base64")));
}

proptest! {
    /// Whatever a model writes: the entries are as many as the shape says, and none of a caller's begins with `-`.
    #[test]
    fn values_do_not_change_the_shape(text in ".{0,20}", files in prop::collection::vec("[ -~]{0,8}", 0..4)) {
        let arguments = json!({ "text": text, "files": files });
        if let Ok(argv) = argv(&["-x", "{text}", "--text={text}", "{files}"], arguments) {
            prop_assert_eq!(argv.len(), 4 + files.len());
            prop_assert!(argv.iter().skip(4).all(|entry| entry.len() < 2 || !entry.starts_with('-')));
        }
    }
}
