//! Many agents at once, and a world in which much goes wrong, at stated rates and from a seed: the rates of `host/tests/chaos.rs`.
//!
//! What can be absorbed has to be: a server that drops answers or refuses is asked again, and acts once. What cannot be (a guest that
//! traps or never ends, a call that is denied or makes no sense) has to fail, by itself, beside the calls that work.

use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::json;
use tokio::task::JoinSet;
use toolhold::{CallOptions, Host, ToolCall, clock};
use toolhold_core::call::Mode;
use toolhold_core::id::{Digest, RunId};
use toolhold_core::outcome::Outcome;

use crate::agents::CALLS;
use crate::case;
use crate::measure::Lane;
use crate::place;
use crate::process::resident;
use crate::product::Product;

/// Faults in a thousand, each time that one could happen.
mod rates {
    /// The server takes the request, acts, and drops the connection.
    pub(super) const DROPPED: u64 = 50;
    /// The server answers 429 or 503, asks to be left alone for a second, and does nothing.
    pub(super) const REFUSED: u64 = 60;
    /// Before its call an agent makes one that traps, never ends or is denied.
    pub(super) const BROKEN: u64 = 100;
    /// Before its call an agent makes one that makes no sense.
    pub(super) const GARBAGE: u64 = 60;
}

const SEED: u64 = 1;

const MANIFEST: &str = r#"
version = 1
[limits]
time = "60s"
[retry]
attempts = 6
budget = 100
[breaker]
failures = 1000000
error-rate = 0
[host]
max-queue = 100000
[tools.probes]
source = "probes.wasm"
[[tools.probes.directories]]
host = "work"
guest = "/work"
read = ["**"]
[tools.http]
source = "http.wasm"
[[tools.http.http]]
host = "127.0.0.1"
schemes = ["http"]
ports = [PORT]
addresses = ["127.0.0.0/8"]
methods = ["POST"]
idempotency-header = "Idempotency-Key"
[tools.hostile]
source = "hostile.wasm"
[tools.hostile.limits]
fuel = 10000000
[[rules]]
name = "most"
decision = "allow"
tools = ["probes.echo", "probes.read", "http.send", "hostile.*"]
"#;

/// Numbers that look random and are the same in each run with one seed.
struct Dice(u64, String);

impl Dice {
    fn new(name: &str) -> Self {
        Self(0, format!("{SEED}-{name}"))
    }

    fn roll(&mut self, below: u64) -> u64 {
        self.0 += 1;
        let digest = Digest::of_parts(&[self.1.as_bytes(), &self.0.to_be_bytes()]);
        let [first, second, third, fourth, ..] = *digest.as_bytes();
        u64::from(u32::from_be_bytes([first, second, third, fourth])) % below
    }

    fn happens(&mut self, in_a_thousand: u64) -> bool {
        self.roll(1000) < in_a_thousand
    }
}

/// A server that knows keys: it acts once for each.
#[derive(Default)]
struct Server {
    dropped: AtomicU64,
    refused: AtomicU64,
    /// By path, how often it acted for each key.
    acted: Mutex<HashMap<String, BTreeMap<String, u32>>>,
}

impl Server {
    /// Serves until the process ends. Its port.
    fn start(self: &Arc<Self>) -> Result<u16> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let (port, server) = (listener.local_addr()?.port(), Arc::clone(self));
        let dice = Arc::new(Mutex::new(Dice::new("server")));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (server, dice) = (Arc::clone(&server), Arc::clone(&dice));
                // A client that goes away in between is one of the faults.
                std::thread::spawn(move || drop(server.answer(stream, &dice)));
            }
        });
        Ok(port)
    }

    fn answer(&self, mut stream: TcpStream, dice: &Mutex<Dice>) -> Result<()> {
        let mut lines = BufReader::new(stream.try_clone()?);
        let (mut path, mut key, mut length, mut line) = (String::new(), String::new(), 0, String::new());
        while lines.read_line(&mut line)? > 0 && !line.trim().is_empty() {
            let lower = line.trim().to_ascii_lowercase();
            if path.is_empty() {
                lower.split(' ').nth(1).unwrap_or_default().clone_into(&mut path);
            } else if let Some(told) = lower.strip_prefix("idempotency-key: ") {
                told.clone_into(&mut key);
            } else if let Some(told) = lower.strip_prefix("content-length: ") {
                length = told.parse()?;
            }
            line.clear();
        }
        lines.take(length).read_to_end(&mut Vec::new())?;
        let (dropped, refused, busy) = {
            let mut dice = dice.lock().unwrap_or_else(PoisonError::into_inner);
            (dice.happens(rates::DROPPED), dice.happens(rates::REFUSED), dice.happens(500))
        };
        if refused {
            self.refused.fetch_add(1, Ordering::Relaxed);
            let status = if busy { "429 Too Many Requests" } else { "503 Service Unavailable" };
            let answer =
                format!("HTTP/1.1 {status}\r\nretry-after: 1\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
            return Ok(stream.write_all(answer.as_bytes())?);
        }
        *self.acted.lock().unwrap_or_else(PoisonError::into_inner).entry(path).or_default().entry(key).or_default() +=
            1;
        if dropped {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        }
        Ok(stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok")?)
    }

    /// Requests for which it acted more often than once, whoever repeated them.
    fn twice(&self) -> usize {
        self.acted.lock().unwrap_or_else(PoisonError::into_inner).values().filter(|keys| keys.len() > 1).count()
    }
}

/// What the calls of agents came to.
#[derive(Debug, Default)]
struct Came {
    took: Vec<Duration>,
    failed: u64,
    broken: u64,
    garbage: u64,
    attempts: u64,
}

/// Lets `agents` agents make their calls among faults, in a host whose files are in `folder`, and prints what came of it as JSON.
pub(crate) fn fleet(agents: usize, folder: &Path) -> Result<()> {
    case::prepare(&folder.join("work"))?;
    for guest in ["probes", "http", "hostile"] {
        std::fs::write(folder.join(guest).with_extension("wasm"), place::guest(guest)?)?;
    }
    let server = Arc::<Server>::default();
    let port = server.start()?;
    let product = Product::open_manifest(folder, &MANIFEST.replace("PORT", &port.to_string()))?;
    product.call("read", r#"{"path":"/work/small"}"#)?;
    let before = resident(std::process::id())?;
    let mut all = JoinSet::new();
    let began = Instant::now();
    for number in 0..agents {
        all.spawn_on(agent(product.host().clone(), number, port), product.runtime().handle());
    }
    let (mut lane, mut sum, mut most) = (Lane::new()?, Came::default(), before);
    while let Some(came) = product.runtime().block_on(all.join_next()) {
        let came = came.context("an agent ended")??;
        sum.failed += came.failed;
        sum.broken += came.broken;
        sum.garbage += came.garbage;
        sum.attempts += came.attempts;
        came.took.into_iter().try_for_each(|took| lane.record(took))?;
        most = most.max(resident(std::process::id())?);
    }
    let printed = json!({
        "calls": lane.len(), "seconds": began.elapsed().as_secs_f64(), "p50": lane.micros(50.0), "p99": lane.micros(99.0),
        "before": before, "most": most, "failed": sum.failed, "broken": sum.broken, "garbage": sum.garbage,
        "again": sum.attempts.saturating_sub(lane.len()), "twice": server.twice(),
        "dropped": server.dropped.load(Ordering::Relaxed), "refused": server.refused.load(Ordering::Relaxed),
    });
    println!("{printed}");
    Ok(())
}

async fn agent(host: Host, number: usize, port: u16) -> Result<Came> {
    let (run, client) = (clock::new_run(), Arc::<str>::from(format!("agent-{number}")));
    let (mut came, mut dice) = (Came::default(), Dice::new(&format!("agent-{number}")));
    let options = || CallOptions { client: Arc::clone(&client), ..CallOptions::default() };
    for index in 0..CALLS {
        if dice.happens(rates::BROKEN) {
            let broken = [("hostile.panics", "{}"), ("hostile.endless_loop", "{}"), ("probes.write", "{}")];
            let (tool, arguments) = broken.into_iter().nth(usize::try_from(dice.roll(3))?).context("three of them")?;
            fails(&host, call(&run, tool, arguments.to_owned()), options()).await?;
            came.broken += 1;
        }
        if dice.happens(rates::GARBAGE) {
            fails(&host, call(&run, "probes.read", r#"{"path": "/work/"#.to_owned()), options()).await?;
            came.garbage += 1;
        }
        let (tool, arguments) = work((number, index), port);
        let began = Instant::now();
        let report = host.call(call(&run, tool, arguments), options()).await;
        came.took.push(began.elapsed());
        came.attempts += u64::from(report.attempts);
        came.failed += u64::from(matches!(report.outcome, Outcome::Failure(_)));
    }
    Ok(came)
}

fn call(run: &RunId, tool: &str, arguments: String) -> ToolCall {
    ToolCall { run: run.clone(), tool: tool.to_owned(), arguments, key: None, mode: Mode::Live }
}

/// Makes a call that must not work.
async fn fails(host: &Host, call: ToolCall, options: CallOptions) -> Result<()> {
    let tool = call.tool.clone();
    match host.call(call, options).await.outcome {
        Outcome::Failure(_) => Ok(()),
        Outcome::Success(value) => bail!("`{tool}` was to fail, and came to {value}"),
    }
}

/// Half requests, a quarter echoes, a quarter reads.
fn work((agent, index): (usize, usize), port: u16) -> (&'static str, String) {
    match index % 4 {
        0 => ("probes.echo", json!({ "step": index }).to_string()),
        1 => ("probes.read", json!({ "path": "/work/small" }).to_string()),
        _ => {
            let url = format!("http://127.0.0.1:{port}/{agent}/{index}");
            ("http.send", json!({ "url": url, "method": "post", "text": "x" }).to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_calls_are_requests_and_no_two_are_the_same() {
        let all: Vec<_> =
            (0..CALLS).map(|index| work((7, index), 80)).filter(|(tool, _)| *tool == "http.send").collect();
        assert_eq!(all.len(), CALLS / 2);
        let different: std::collections::BTreeSet<_> = all.iter().map(|(_, arguments)| arguments).collect();
        assert_eq!(different.len(), all.len());
    }

    #[test]
    fn faults_come_at_their_rates_and_the_same_each_time() {
        let mut dice = Dice::new("a");
        let happened = (0..10_000).filter(|_| dice.happens(rates::BROKEN)).count();
        assert!((900..1_100).contains(&happened), "{happened}");
        let rolls = || (0..5).scan(Dice::new("b"), |dice, _| Some(dice.roll(100))).collect::<Vec<_>>();
        assert_eq!(rolls(), rolls());
    }
}
