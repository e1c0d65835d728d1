//! Everything but the way out, natively: a server is a list of answers.

mod pages;
mod requests;

use toolhold_sdk::Result;
use toolhold_sdk::serde_json::{Value, from_value, to_value};

use crate::fetch::{FetchArgs, fetch_by};
use crate::page::Page;
use crate::send::{SendArgs, send_by};
use crate::transport::{Answer, Request};

/// An answer with these headers, as `name: value` lines.
fn answer(status: u16, headers: &str, body: impl AsRef<[u8]>) -> Answer {
    let header = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned()));
    let headers = headers.lines().filter_map(header).collect();
    Answer { status, headers, body: body.as_ref().to_vec(), cut: false }
}

/// A server that gives these answers, one after the other, and what it was asked.
struct Server {
    answers: std::vec::IntoIter<Answer>,
    asked: Vec<Request>,
}

impl Server {
    fn new(answers: Vec<Answer>) -> Self {
        Self { answers: answers.into_iter(), asked: Vec::new() }
    }

    fn answer(&mut self, request: &Request, max_bytes: usize) -> Answer {
        self.asked.push(request.clone());
        let mut answer = self.answers.next().unwrap();
        answer.cut = answer.body.len() > max_bytes;
        answer.body.truncate(max_bytes);
        answer
    }

    fn fetch(&mut self, args: Value) -> Result<Page> {
        let args: FetchArgs = from_value(args).unwrap();
        fetch_by(&args, &mut |request, max_bytes| Ok(self.answer(request, max_bytes)))
    }

    fn send(&mut self, args: Value) -> Result<Page> {
        let args: SendArgs = from_value(args).unwrap();
        send_by(&args, &mut |request, max_bytes| Ok(self.answer(request, max_bytes)))
    }
}

/// What `fetch` makes of one answer, as the model sees it.
fn fetched(answer: Answer, mut args: Value) -> Value {
    args["url"] = "https://example.com/a/page?x=1".into();
    to_value(Server::new(vec![answer]).fetch(args).unwrap()).unwrap()
}
