//! A server that is a process: a line of JSON each way over its standard streams.
//!
//! It runs with the rights of the host, outside of any sandbox, because the operator named it. No shell reads the words; of the
//! host's environment it gets nothing; it is in a process group of its own, which is ended with it. Threads wait for its streams: they end
//! when it does.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::{mpsc, oneshot};
use toolhold_core::escape;
use toolhold_core::redact::Redactor;

use super::ending;
use super::link::{Answer, Hear, Heard, NoAnswer, Outgoing};
use super::message::{self, Incoming, MAX_MESSAGE};

/// Messages that wait to be written. A server that does not read them is waited for.
const QUEUE: usize = 64;

/// Bytes of its standard error that are kept for whoever has to find out why it ended.
const TALK: usize = 2 << 10;

/// Bytes of it that are kept until then: a secret that begins before what is shown has to be seen whole.
const KEPT: usize = 2 * TALK;

/// How long a server may take to end after it was told to. It is killed then.
const GRACE: Duration = Duration::from_millis(500);

/// How a server is started.
pub(super) struct Program<'a> {
    pub(super) path: &'a Path,
    pub(super) arguments: &'a [String],
    pub(super) directory: &'a Path,
    pub(super) env: &'a BTreeMap<String, String>,
    pub(super) secrets: Vec<(String, SecretString)>,
    pub(super) redactor: Redactor,
}

/// A server that runs. Dropped, it is ended.
pub(super) struct Process {
    /// `None` once it is being ended: its standard input is closed then.
    input: Mutex<Option<mpsc::Sender<Vec<u8>>>>,
    shared: Arc<Shared>,
}

struct Shared {
    /// What is waited for, by number.
    pending: Mutex<BTreeMap<u64, Pending>>,
    life: Mutex<Life>,
    ended: Condvar,
    /// It was told to end.
    is_told: AtomicBool,
    closed: AtomicBool,
    changed: AtomicBool,
    /// The end of what it said on standard error.
    talk: Mutex<Vec<u8>>,
    redactor: Redactor,
}

/// The process. Its group can be signalled until it is reaped: until then nobody else has its number.
struct Life {
    group: Pid,
    reaped: bool,
}

struct Pending {
    answer: oneshot::Sender<Answer>,
    hear: Hear,
    /// Bytes that the answer may have.
    most: usize,
}

/// A place among what is waited for, until it is dropped.
struct Waiting<'a> {
    shared: &'a Shared,
    id: u64,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        lock(&self.shared.pending).remove(&self.id);
    }
}

impl Process {
    /// Starts it.
    ///
    /// # Errors
    ///
    /// Why not, for the operator.
    pub(super) fn start(program: Program<'_>) -> Result<Self, String> {
        let fail = |error: std::io::Error| format!("`{}` cannot be started: {error}", program.path.display());
        #[expect(clippy::disallowed_methods, reason = "a program that the manifest names as an MCP server")]
        let mut command = Command::new(program.path);
        command.args(program.arguments).env_clear().envs(program.env).current_dir(program.directory);
        command.envs(program.secrets.iter().map(|(variable, value)| (variable, value.expose_secret())));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // A group of its own, so that what it starts is ended with it.
        let mut child = command.process_group(0).spawn().map_err(fail)?;
        let shared = Arc::new(Shared {
            pending: Mutex::default(),
            life: Mutex::new(Life { group: Pid::from_child(&child), reaped: false }),
            ended: Condvar::new(),
            is_told: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            changed: AtomicBool::new(false),
            talk: Mutex::default(),
            redactor: program.redactor,
        });
        let (send, receive) = mpsc::channel(QUEUE);
        let (input, output, talk) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        // Ended with what was started of it, if a thread cannot be.
        let process = Self { input: Mutex::new(Some(send.clone())), shared: Arc::clone(&shared) };
        let replies = send.downgrade();
        let (reading, listening) = (Arc::clone(&shared), Arc::clone(&shared));
        // Nothing is ever sent: it ends when all that the server said is heard.
        let (listens, all_heard) = std::sync::mpsc::channel::<()>();
        spawn("toolhold-mcp-out", move || {
            if let Some(output) = output {
                read(BufReader::new(output), &reading, &replies);
            }
            reading.end(&mut child, &all_heard);
        })
        .map_err(fail)?;
        spawn("toolhold-mcp-in", move || write(input, receive, &shared)).map_err(fail)?;
        spawn("toolhold-mcp-err", move || {
            talk.into_iter().for_each(|talk| listen(talk, &listening));
            drop(listens);
        })
        .map_err(fail)?;
        Ok(process)
    }

    /// Sends a request and waits for its answer.
    pub(super) async fn ask(&self, outgoing: Outgoing) -> Result<Answer, NoAnswer> {
        let Outgoing { id, body, hear, left, most } = outgoing;
        let input = lock(&self.input).clone().filter(|_| self.is_open());
        let input = input.ok_or_else(|| NoAnswer::not_sent(self.shared.why()))?;
        let (answer, answered) = oneshot::channel();
        let _waiting = Waiting { shared: &self.shared, id };
        lock(&self.shared.pending).insert(id, Pending { answer, hear, most });
        if !self.is_open() {
            // It ended between the two looks: nobody would take the place away.
            return Err(NoAnswer::not_sent(self.shared.why()));
        }
        let place = input.reserve().await.map_err(|_| NoAnswer::not_sent(self.shared.why()))?;
        left.store(true, Ordering::SeqCst);
        place.send(body);
        answered.await.map_err(|_| NoAnswer::sent(self.shared.why()))
    }

    /// Sends a notification, unless the server does not read what it is sent.
    pub(super) fn tell(&self, body: Vec<u8>) {
        let input = lock(&self.input).clone();
        let _full = input.is_some_and(|input| input.try_send(body).is_err());
    }

    pub(super) fn is_open(&self) -> bool {
        !self.shared.closed.load(Ordering::SeqCst)
    }

    pub(super) fn changed(&self) -> &AtomicBool {
        &self.shared.changed
    }

    /// Closes its standard input and tells it to end. What has not ended a moment later is killed: [`ending::ended`] waits for that.
    pub(super) fn end(&self) {
        drop(lock(&self.input).take());
        if self.shared.is_told.swap(true, Ordering::SeqCst) {
            return;
        }
        self.shared.signal(Signal::TERM);
        let shared = Arc::clone(&self.shared);
        ending::watch(move || shared.kill_late());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

impl Shared {
    /// Waits a moment for its end, and kills it then.
    fn kill_late(&self) {
        let life = lock(&self.life);
        let waited = self.ended.wait_timeout_while(life, GRACE, |life| !life.reaped);
        drop(waited);
        self.signal(Signal::KILL);
    }

    fn signal(&self, signal: Signal) {
        let life = lock(&self.life);
        if !life.reaped {
            // Gone already is as good.
            let _gone = kill_process_group(life.group, signal).is_err();
        }
    }

    /// It says nothing more: nobody waits for it any longer, and nothing of it is left.
    fn end(&self, child: &mut Child, all_heard: &std::sync::mpsc::Receiver<()>) {
        self.closed.store(true, Ordering::SeqCst);
        self.signal(Signal::KILL);
        let ended = child.wait();
        let mut life = lock(&self.life);
        life.reaped = true;
        self.ended.notify_all();
        drop(life);
        if let Ok(status) = ended {
            tracing::debug!(%status, "an MCP server ended");
        }
        // Why it ended is often the last thing that it says. Whatever left its group may hold the pipe open: not for long.
        let _late = all_heard.recv_timeout(GRACE).is_err();
        // Whoever waits is told by the end of its channel, and finds out here why.
        lock(&self.pending).clear();
    }

    /// Why it can be sent nothing more, for the operator.
    fn why(&self) -> String {
        // First without secrets, then cut: half a secret is not known as one.
        let kept = lock(&self.talk);
        let is_cut = kept.len() > TALK;
        let talk = self.redactor.redact(String::from_utf8_lossy(&kept).trim()).into_owned();
        drop(kept);
        let from = if is_cut { talk.ceil_char_boundary(talk.len().saturating_sub(TALK)) } else { 0 };
        let talk = talk.get(from..).unwrap_or_default();
        match talk.is_empty() {
            true => "the server ended".to_owned(),
            false => format!("the server ended; it said last: {}", escape::short(talk, TALK)),
        }
    }

    fn take(&self, incoming: Incoming, bytes: u64, secrets: &[String]) -> Option<Vec<u8>> {
        let heard_by = |id: &u64| lock(&self.pending).get(id).map(|pending| Arc::clone(&pending.hear));
        match incoming {
            Incoming::Answer(id, answer) => {
                if let Some(hear) = heard_by(&id) {
                    hear(Heard::Bytes(bytes));
                    if !secrets.is_empty() {
                        hear(Heard::Secrets(secrets.to_vec()));
                    }
                }
                // Whoever gave up waiting is not told.
                let waiting = lock(&self.pending).remove(&id);
                let _gone = waiting.is_some_and(|pending| pending.answer.send(answer).is_err());
                None
            }
            Incoming::Progress(id, progress) => {
                if let Some(hear) = heard_by(&id) {
                    hear(Heard::Progress(progress));
                }
                None
            }
            Incoming::Log(level, text) => {
                if let Some(hear) = self.only_one() {
                    hear(Heard::Log(level, text));
                }
                None
            }
            Incoming::Request(id, method) => {
                let reply = message::answer_to(&id, &method);
                if let Some(hear) = self.only_one() {
                    hear(Heard::Asked(method));
                }
                Some(reply)
            }
            Incoming::ListChanged => {
                self.changed.store(true, Ordering::SeqCst);
                None
            }
            Incoming::Other => None,
        }
    }

    /// The request that a line answers with more bytes than its answer may have. Nothing else of the line is kept.
    fn too_long(&self, line: &[u8]) -> Option<u64> {
        let is_over = |pending: &Pending| line.len() > pending.most;
        if !lock(&self.pending).values().any(is_over) {
            return None;
        }
        let id = message::answered(line)?;
        lock(&self.pending).get(&id).is_some_and(is_over).then_some(id)
    }

    /// The call that is waited for, if it is the only one: what a server says beside its answers does not say of which call.
    fn only_one(&self) -> Option<Hear> {
        let pending = lock(&self.pending);
        let mut all = pending.values();
        match (all.next(), all.next()) {
            (Some(one), None) => Some(Arc::clone(&one.hear)),
            _ => None,
        }
    }
}

/// Reads messages until the server's end, or until one is longer than a message may be.
fn read(mut output: impl BufRead, shared: &Shared, replies: &mpsc::WeakSender<Vec<u8>>) {
    let mut line = Vec::new();
    loop {
        line.clear();
        let taken = output.by_ref().take(MAX_MESSAGE as u64 + 1).read_until(b'\n', &mut line);
        if !matches!(taken, Ok(1..)) {
            return;
        }
        if line.len() > MAX_MESSAGE {
            tracing::warn!("an MCP server sent a message of more than {MAX_MESSAGE} bytes, and is ended");
            lock(&shared.talk).extend_from_slice(b"\n(a message longer than any may be)");
            return;
        }
        if let Some(id) = shared.too_long(&line) {
            shared.take(Incoming::Answer(id, Err(message::too_long())), line.len() as u64, &[]);
            continue;
        }
        let covered = shared.redactor.covered(&line);
        let secrets = covered.as_ref().map_or(&[][..], |(_, names)| names.as_slice());
        let clean = covered.as_ref().map_or(line.as_slice(), |(clean, _)| clean.as_slice());
        // Words that are no message are nobody's: some servers greet on standard output.
        let incoming = match covered.is_some() {
            true => message::read_covered(&line, clean),
            false => message::read(clean),
        };
        let Some(incoming) = incoming else { continue };
        if let (Some(reply), Some(replies)) = (shared.take(incoming, line.len() as u64, secrets), replies.upgrade()) {
            let _full = replies.try_send(reply).is_err();
        }
    }
}

/// Writes messages until nobody has any more, or the server does not take them.
fn write(input: Option<ChildStdin>, mut messages: mpsc::Receiver<Vec<u8>>, shared: &Shared) {
    let Some(mut input) = input else { return };
    while let Some(mut message) = messages.blocking_recv() {
        message.push(b'\n');
        if input.write_all(&message).and_then(|()| input.flush()).is_err() {
            shared.closed.store(true, Ordering::SeqCst);
            // It does not read, so it is of no use; its end wakes up whoever waits.
            shared.signal(Signal::KILL);
            return;
        }
    }
}

/// Keeps the end of what it says for people.
fn listen(mut talk: impl Read, shared: &Shared) {
    let mut piece = [0; 1 << 10];
    while let Ok(count @ 1..) = talk.read(&mut piece) {
        let mut kept = lock(&shared.talk);
        kept.extend_from_slice(piece.get(..count).unwrap_or_default());
        let surplus = kept.len().saturating_sub(KEPT);
        kept.drain(..surplus);
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    std::thread::Builder::new().name(name.to_owned()).spawn(work).map(drop)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each change is complete before anything can panic.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
