//! Files on a web server on loopback, and versions of a component that ask for more or less.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use wasm_encoder::{ComponentSection as _, CustomSection};

use crate::project::files;

/// A web server. Its thread ends with the process.
pub(crate) struct Web {
    pub(crate) address: String,
    files: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
}

impl Web {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let files: Arc<Mutex<BTreeMap<String, Vec<u8>>>> = Arc::default();
        let served = Arc::clone(&files);
        std::thread::spawn(move || listener.incoming().for_each(|stream| answer(stream.unwrap(), &served)));
        Self { address, files }
    }

    /// Has `bytes` at `path` from now on.
    pub(crate) fn put(&self, path: &str, bytes: &[u8]) {
        self.files.lock().unwrap().insert(path.to_owned(), bytes.to_vec());
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

fn answer(mut stream: TcpStream, files: &Mutex<BTreeMap<String, Vec<u8>>>) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
    let Some(first) = lines.next() else { return };
    lines.take_while(|line| !line.is_empty()).for_each(drop);
    let path = first.split(' ').nth(1).unwrap_or_default();
    let found = files.lock().unwrap().get(path).cloned();
    let (status, body) = found.map_or(("404 Not Found", Vec::new()), |body| ("200 OK", body));
    let head = format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
    // The client may be gone already, which is its right.
    let _gone = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
}

/// The files tool with only its `read`, described as `change` leaves it.
pub(crate) fn version(change: impl FnOnce(&mut Vec<Value>)) -> Vec<u8> {
    let mut bytes = std::fs::read(toolhold_tests::guests::path("files").unwrap()).unwrap();
    let packed = files();
    let name = b"toolhold:tool";
    let at = packed.windows(name.len()).rposition(|window| window == name).unwrap() + name.len();
    let mut description: Value = serde_json::from_slice(&packed[at..]).unwrap();
    let mut tools: Vec<Value> = description["tools"].as_array().unwrap().clone();
    tools.retain(|tool| tool["name"] == "read");
    change(&mut tools);
    description["tools"] = Value::Array(tools);
    let data = serde_json::to_vec(&description).unwrap();
    CustomSection { name: "toolhold:tool".into(), data: data.into() }.append_to_component(&mut bytes);
    bytes
}

/// One that reads what is below `/work` only.
pub(crate) fn modest() -> Vec<u8> {
    version(|tools| tools[0]["needs"][0]["target"] = "/work/**".into())
}

/// The same in every word, with other bytes.
pub(crate) fn rebuilt() -> Vec<u8> {
    let mut bytes = modest();
    let data = b"built anew".as_slice();
    CustomSection { name: "note".into(), data: data.into() }.append_to_component(&mut bytes);
    bytes
}

/// The same, with another title.
pub(crate) fn retitled() -> Vec<u8> {
    version(|tools| {
        tools[0]["needs"][0]["target"] = "/work/**".into();
        tools[0]["title"] = "Read a file, better".into();
    })
}

/// One that also wants to write.
pub(crate) fn greedy() -> Vec<u8> {
    version(|tools| {
        let need = serde_json::json!({ "effect": "write", "target": "/work/**", "reason": "tidies up" });
        tools[0]["needs"][0]["target"] = "/work/**".into();
        tools[0]["needs"].as_array_mut().unwrap().push(need);
    })
}
