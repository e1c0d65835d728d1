//! Plays a cassette: answers each request with what was recorded for it, and for no other.

use std::collections::VecDeque;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::super::Error;
use super::difference::difference;
use super::format::{Answered, Exchange, Failure, Head};

/// The version of the form.
const VERSION: u32 = Head::VERSION;

/// The largest cassette, in bytes.
const LARGEST: u64 = 64 << 20;

/// A cassette, read and not yet played.
#[derive(Debug)]
pub(in super::super) struct Cassette {
    pub(in super::super) head: Head,
    pub(in super::super) replay: Replay,
}

/// What is left of it.
#[derive(Debug)]
pub(in super::super) struct Replay {
    file: String,
    /// With the number of its line.
    exchanges: VecDeque<(usize, Exchange)>,
    played: usize,
}

/// A recorded answer.
#[derive(Debug)]
pub(in super::super) struct Recorded {
    pub(in super::super) status: u16,
    pub(in super::super) headers: HeaderMap,
    pub(in super::super) body: Vec<u8>,
    /// What comes after the body.
    pub(in super::super) failure: Option<Error>,
}

/// Why a cassette cannot be played.
#[derive(Debug, thiserror::Error)]
pub enum CassetteError {
    /// It cannot be read.
    #[error("the cassette `{}` cannot be read: {source}", .path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is too large.
    #[error("the cassette `{}` has more than {LARGEST} bytes; record a shorter run", .0.display())]
    TooLarge(PathBuf),
    /// Another version wrote it.
    #[error("the cassette `{}` has version {version}, and this build plays version {VERSION}; record it anew", .path.display())]
    Version {
        /// Which file.
        path: PathBuf,
        /// Its version.
        version: u64,
    },
    /// A line cannot be used.
    #[error("line {line} of the cassette `{}` is not one that `--record` writes: {why}", .path.display())]
    Line {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// What is wrong with it.
        why: String,
    },
}

impl Cassette {
    /// Reads a cassette.
    pub(in super::super) fn load(path: &Path) -> Result<Self, CassetteError> {
        let unreadable = |source| CassetteError::Unreadable { path: path.to_owned(), source };
        let file = std::fs::File::open(path).map_err(unreadable)?;
        let mut text = String::new();
        file.take(LARGEST + 1).read_to_string(&mut text).map_err(unreadable)?;
        if text.len() as u64 > LARGEST {
            return Err(CassetteError::TooLarge(path.to_owned()));
        }
        Self::parse(path, &text)
    }

    fn parse(path: &Path, text: &str) -> Result<Self, CassetteError> {
        let refused = |line: usize, why: String| CassetteError::Line { path: path.to_owned(), line, why };
        let mut lines = text.lines().enumerate().map(|(index, line)| (index + 1, line));
        let first = lines.next().map(|(_, line)| line).unwrap_or_default();
        let version = serde_json::from_str::<Value>(first).ok().and_then(|head| head.get("cassette")?.as_u64());
        if let Some(version) = version.filter(|version| *version != u64::from(VERSION)) {
            return Err(CassetteError::Version { path: path.to_owned(), version });
        }
        let head: Head = read(first).map_err(|why| refused(1, why))?;
        let exchanges = lines.filter(|(_, line)| !line.trim().is_empty()).map(|(number, line)| {
            let exchange: Exchange = read(line).map_err(|why| refused(number, why))?;
            check(&exchange).map_err(|why| refused(number, why.into()))?;
            Ok((number, exchange))
        });
        let exchanges = exchanges.collect::<Result<_, _>>()?;
        Ok(Self { head, replay: Replay { file: path.display().to_string(), exchanges, played: 0 } })
    }
}

fn read<T: DeserializeOwned>(line: &str) -> Result<T, String> {
    serde_json::from_str(line).map_err(|error| error.to_string())
}

fn check(exchange: &Exchange) -> Result<(), &'static str> {
    match (&exchange.response, &exchange.failure) {
        (None, None) => Err("it has neither a response nor a failure"),
        (_, Some(failure)) if failure.error().is_none() => Err("its failure has a code that is none"),
        (Some(response), _) if response.bytes().is_none() => Err("its response needs one of `body` and `body-base64`"),
        _ => Ok(()),
    }
}

impl Replay {
    /// Leaves out everything up to the end of a turn: an answer after which another request was recorded, and not the same again.
    pub(in super::super) fn skip_turn(&mut self) {
        while let Some((_, exchange)) = self.exchanges.pop_front() {
            self.played += 1;
            let answered = exchange.response.is_some_and(|response| (200..300).contains(&response.status));
            let again = self.exchanges.front().is_some_and(|(_, next)| next.request.body == exchange.request.body);
            if answered && exchange.failure.is_none() && !again {
                return;
            }
        }
    }

    /// What was recorded for this request.
    pub(in super::super) fn answer(&mut self, body: &Value) -> Result<Recorded, Error> {
        let (file, number) = (&self.file, self.played + 1);
        let Some((line, exchange)) = self.exchanges.pop_front() else {
            let recorded = self.played;
            return Err(Error::Cassette(format!(
                "the cassette `{file}` has {recorded} requests, and the run makes one more; record it anew"
            )));
        };
        if let Some(difference) = difference(&exchange.request.body, body) {
            return Err(Error::Cassette(format!(
                "request {number} differs from what the cassette `{file}` has in line {line}: {difference}; record it anew, or run it as it was recorded"
            )));
        }
        self.played = number;
        let failure = exchange.failure.as_ref().and_then(Failure::error);
        match (exchange.response, failure) {
            (Some(response), failure) => Ok(recorded(&response, failure)),
            (None, failure) => Err(failure.unwrap_or(Error::Truncated)),
        }
    }
}

fn recorded(response: &Answered, failure: Option<Error>) -> Recorded {
    let header = |(name, value): (&String, &String)| {
        Some((HeaderName::try_from(name).ok()?, HeaderValue::try_from(value).ok()?))
    };
    Recorded {
        status: response.status,
        headers: response.headers.iter().filter_map(header).collect(),
        body: response.bytes().unwrap_or_default(),
        failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = r#"{"cassette":1,"api":"openai","model":"m","url":"http://127.0.0.1:1/v1"}"#;

    fn line(rest: &str) -> String {
        format!(r#"{{"request":{{"method":"POST","path":"/v1","headers":{{}},"body":{{"a":1}}}}{rest}}}"#)
    }

    fn parse(text: &str) -> Result<Cassette, CassetteError> {
        Cassette::parse(Path::new("c.jsonl"), text)
    }

    #[test]
    fn what_is_no_cassette_says_which_line_and_why() {
        let with = |line: &str| format!("{HEAD}\n{line}");
        for (text, words) in [
            (String::new(), "line 1"),
            ("version = 1".into(), "line 1"),
            (HEAD.replace("cassette\":1", "cassette\":2"), "plays version 1"),
            (HEAD.replace("openai", "other"), "line 1"),
            (HEAD.replace("\"model\":\"m\",", ""), "line 1"),
            (with("{}"), "line 2"),
            (with(&line("")), "neither a response nor a failure"),
            (with(&line(r#","failure":{"code":"odd"}"#)), "a code that is none"),
            (with(&line(r#","response":{"status":200,"headers":{}}"#)), "one of `body`"),
            (with(&line(r#","response":{"status":200,"headers":{},"body-base64":"?"}"#)), "one of `body`"),
            (with(&line(r#","surprise":1"#)), "unknown field"),
            (format!("{HEAD}\n\n{}x", line("")), "line 3"),
        ] {
            let error = parse(&text).unwrap_err().to_string();
            assert!(error.contains(words) && error.contains("c.jsonl"), "{text}: {error}");
        }
    }

    #[test]
    fn a_request_gets_its_own_answer_once_and_another_request_gets_none() {
        let answer = line(r#","response":{"status":200,"headers":{"retry-after":"7"},"body":"x"}"#);
        let failed = line(r#","failure":{"code":"model-stalled","millis":5}"#);
        let mut replay = parse(&format!("{HEAD}\n{answer}\n{failed}\n")).unwrap().replay;
        let same = serde_json::json!({"a": 1});
        let other = replay.exchanges.clone();
        let got = replay.answer(&same).unwrap();
        assert_eq!(
            (got.status, got.body.as_slice(), got.headers["retry-after"].to_str().unwrap()),
            (200, b"x".as_slice(), "7")
        );
        assert_eq!(replay.answer(&same).unwrap_err().code(), "model-stalled");
        let error = replay.answer(&same).unwrap_err();
        assert!(error.code() == "cassette" && error.to_string().contains("has 2 requests"), "{error}");
        replay.exchanges = other;
        let error = replay.answer(&serde_json::json!({"a": 2})).unwrap_err();
        let words = "request 3 differs from what the cassette `c.jsonl` has in line 2: at `/a`";
        assert!(error.code() == "cassette" && error.to_string().contains(words), "{error}");
    }

    #[test]
    fn a_turn_that_was_given_before_is_left_out_with_the_attempts_before_it() {
        let exchange = |body: u8, status: u16| {
            let answer = format!(r#","response":{{"status":{status},"headers":{{}},"body":"{body}"}}"#);
            line(&answer).replace(r#""a":1"#, &format!("\"a\":{body}"))
        };
        let lines = [exchange(1, 429), exchange(1, 200), exchange(1, 200), exchange(2, 200), exchange(3, 200)];
        let mut replay = parse(&format!("{HEAD}\n{}", lines.join("\n"))).unwrap().replay;
        replay.skip_turn();
        replay.skip_turn();
        assert_eq!((replay.played, replay.answer(&serde_json::json!({"a": 3})).unwrap().body), (4, b"3".to_vec()));
        replay.skip_turn();
        assert_eq!(replay.answer(&serde_json::json!({"a": 3})).unwrap_err().code(), "cassette");
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        assert!(matches!(Cassette::load(Path::new("/no/such")), Err(CassetteError::Unreadable { .. })));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("large");
        std::fs::File::create(&path).unwrap().set_len(LARGEST + 1).unwrap();
        assert!(matches!(Cassette::load(&path), Err(CassetteError::TooLarge(_))));
    }
}
