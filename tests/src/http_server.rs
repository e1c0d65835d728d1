//! A web server on loopback for tests: it answers with the bytes that a test gives it and keeps what it was sent.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;

/// Bytes of a request that are kept. What comes after is read and dropped.
const KEPT: usize = 64 << 10;

/// A server. It ends with the process.
#[derive(Debug)]
pub struct HttpServer {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

impl HttpServer {
    /// Serves on a port of its own. `answer` writes the answer to a request, which it gets as it came: head and body.
    ///
    /// # Errors
    ///
    /// If there is no port.
    pub fn start(answer: impl Fn(&str, &mut TcpStream) + Send + Sync + 'static) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let (address, requests) = (listener.local_addr()?, Arc::<Mutex<Vec<String>>>::default());
        let (answer, seen) = (Arc::new(answer), Arc::clone(&requests));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (answer, seen) = (Arc::clone(&answer), Arc::clone(&seen));
                std::thread::spawn(move || serve(stream, &*answer, &seen));
            }
        });
        Ok(Self { address, requests })
    }

    /// A server that answers everything with these bytes.
    ///
    /// # Errors
    ///
    /// If there is no port.
    pub fn with(answer: impl Into<Vec<u8>>) -> Result<Self> {
        let answer = answer.into();
        Self::start(move |_, stream| {
            let _gone = stream.write_all(&answer);
        })
    }

    /// Host and port.
    #[must_use]
    pub fn authority(&self) -> String {
        self.address.to_string()
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// What it was sent so far, each connection's bytes as text.
    #[must_use]
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn serve(mut stream: TcpStream, answer: &dyn Fn(&str, &mut TcpStream), seen: &Mutex<Vec<String>>) {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    while !is_whole(&bytes) {
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => break,
            Ok(read) if bytes.len() < KEPT => bytes.extend(buffer.iter().take(read)),
            Ok(_) => {}
        }
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    seen.lock().unwrap_or_else(PoisonError::into_inner).push(text.clone());
    answer(&text, &mut stream);
}

/// Whether a request has come to its end.
fn is_whole(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let head = head.to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse::<usize>().ok());
    match length {
        Some(length) => body.len() >= length,
        None => !head.contains("transfer-encoding: chunked") || body.ends_with("0\r\n\r\n"),
    }
}
