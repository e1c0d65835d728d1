//! Every source, what is wrong with it, and that nothing of a value is ever said.

use std::time::Duration;

use toolhold_core::id::SecretName;

use super::*;

fn open(source: SecretSource) -> Result<Secrets, String> {
    let name: SecretName = "token".parse().unwrap();
    let variable = |name: &str| match name {
        "SET" => Some("value-of-variable".to_owned()),
        "EMPTY" => Some("\n".to_owned()),
        "NUL" => Some("a\0b".to_owned()),
        _ => None,
    };
    Secrets::open_in([(&name, &source)], Vec::new(), &variable).map_err(|error| error.to_string())
}

fn value(source: SecretSource) -> String {
    let opened = open(source).unwrap();
    opened.get(&"token".parse().unwrap()).unwrap().expose_secret().to_owned()
}

fn command(words: &[&str]) -> SecretSource {
    SecretSource::Command(words.iter().map(|word| (*word).to_owned()).collect())
}

fn shell(script: &str) -> SecretSource {
    command(&["/bin/sh", "-c", script])
}

#[test]
fn each_source_gives_its_value_without_the_end_of_the_line() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    std::fs::write(&path, "value of file \r\n\n").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(value(SecretSource::Env("SET".into())), "value-of-variable");
    assert_eq!(value(SecretSource::File(path)), "value of file ");
    assert_eq!(value(command(&["printf", "%s\\n", "$HOME; `id`"])), "$HOME; `id`", "no shell reads the words");
    assert_eq!(value(shell("cat; printf two\\\\nlines")), "two\nlines", "nothing is on its standard input");
}

#[test]
fn what_is_missing_is_named_with_its_place_in_the_manifest_and_what_mends_it() {
    let folder = tempfile::tempdir().unwrap();
    let cases = [
        (SecretSource::Env("UNSET".into()), "the variable `UNSET` is not set; set it"),
        (SecretSource::Env("EMPTY".into()), "it is empty"),
        (SecretSource::Env("NUL".into()), "without NUL"),
        (SecretSource::File(folder.path().join("none")), "cannot be read: No such file"),
        (command(&["/nowhere/program"]), "`/nowhere/program` cannot be started: No such file"),
        (shell("exit 3"), "ended with exit code 3"),
        (shell("kill -9 $$"), "ended with signal 9"),
        (shell("printf '\\377'"), "not UTF-8"),
        (shell("true"), "it is empty"),
        (shell("yes"), "more than 8192 bytes"),
    ];
    for (source, words) in cases {
        let error = open(source.clone()).unwrap_err();
        assert!(error.starts_with("secret `token` (`[secrets.token]` in the manifest): "), "{error}");
        assert!(error.contains(words) && !error.contains('\n'), "{source:?}: {error}");
    }
}

#[test]
fn an_error_shows_what_a_program_says_and_never_what_it_prints() {
    let error = open(shell("echo hunter22-long; echo 'locked\u{1b}[2J' >&2; echo again >&2; exit 1")).unwrap_err();
    assert!(error.contains("exit code 1: locked") && error.contains("again"), "{error}");
    assert!(!error.contains("hunter22") && !error.contains('\u{1b}') && !error.contains('\n'), "{error}");
    let error = open(shell("yes hunter22 >&2 & yes | head -c 9000; wait")).unwrap_err();
    assert!(error.contains("more than 8192") && !error.contains("hunter22"), "{error}");
}

#[test]
fn a_program_that_does_not_end_is_stopped_with_all_that_it_started() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, rustix::fs::Mode::from(0o600), 0).unwrap();
    // Whoever reads the pipe comes to its end when the last one who holds it is gone: the program and its child.
    let script = format!("exec 3>{}; sleep 600 & wait", pipe.display());
    let reader = std::thread::spawn(move || std::fs::read(pipe).unwrap());
    let words = ["/bin/sh", "-c", &script].map(str::to_owned);
    let why = command::output(&words, Duration::from_secs(1)).unwrap_err();
    assert!(matches!(why, Why::TooSlow { seconds: 1, .. }), "{why}");
    assert_eq!(reader.join().unwrap(), b"");
}

#[test]
fn nothing_prints_a_value() {
    let known = KnownSecret { name: "model key".into(), value: SecretString::from("sk-hunter22") };
    let name: SecretName = "token".parse().unwrap();
    let source = SecretSource::Env("SET".into());
    let variable = |_: &str| Some("value-of-variable".to_owned());
    let secrets = Secrets::open_in([(&name, &source)], vec![known.clone()], &variable).unwrap();
    let shown = format!("{secrets:?} {known:?} {:?} {:?}", secrets.redactor(), secrets.get(&name));
    assert!(!shown.contains("hunter22") && !shown.contains("value-of"), "{shown}");
    assert_eq!(secrets.redactor().redact("sk-hunter22 value-of-variable"), "[redacted] [redacted]");
    assert!(secrets.get(&"other".parse().unwrap()).is_none());
}

#[test]
fn what_was_secret_before_is_shown_no_more_and_handed_to_nobody() {
    let name: SecretName = "token".parse().unwrap();
    let of = |value: &str| {
        let source = SecretSource::Env("X".into());
        Secrets::open_in([(&name, &source)], Vec::new(), &|_| Some(value.to_owned())).unwrap()
    };
    let first = of("the-first-value");
    let second = of("the-second-value").remembering(&first);
    let third = of("the-second-value").remembering(&second);
    for secrets in [&second, &third] {
        assert_eq!(secrets.get(&name).unwrap().expose_secret(), "the-second-value");
        let text = secrets.redactor().redact("the-first-value and the-second-value").into_owned();
        assert!(!text.contains("value"), "{text}");
        // However often the same one is read.
        assert_eq!(secrets.all().count(), 2);
    }
}
