//! A program that prints a secret: `pass show api`, `op read …`, a script of the operator's.
//!
//! No shell reads the words, nothing is on its standard input, and neither its output nor its time is without bound. Its
//! standard error is for people and stands in the error; its standard output is the secret and never does.

use std::io::Read;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use secrecy::zeroize::Zeroizing;
use toolhold_core::escape;

use super::Why;
use crate::private_file::LONGEST_SECRET;

/// How long a program may take: a password manager may reach for a server, a person is not asked.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// How much of standard error is shown, in bytes.
const SHOWN_BYTES: u64 = 1 << 10;

/// What a running program brings forth.
enum Part {
    Secret(std::io::Result<Zeroizing<Vec<u8>>>),
    Talk(Vec<u8>),
    End(std::io::Result<ExitStatus>),
}

/// What `command`, a program and its arguments, prints within `patience`.
pub(super) fn output(command: &[String], patience: Duration) -> Result<Zeroizing<String>, Why> {
    let (program, arguments) = command.split_first().ok_or(Why::Empty)?;
    let not_started = |error| Why::NotStarted { program: program.clone(), error };
    #[expect(clippy::disallowed_methods, reason = "a program that the manifest names as the source of a secret")]
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // A group of its own, so that what it starts is stopped with it.
    let child = command.process_group(0).spawn().map_err(not_started)?;
    let group = Pid::from_child(&child);
    let ended = collect(&watch(child).map_err(not_started)?, patience);
    if ended.is_err() {
        // Gone already is as good.
        let _gone = kill_process_group(group, Signal::KILL).is_err();
    }
    let Ended { secret, talk, status } = ended.map_err(|stop| stop.why(program, patience))?;
    if !status.success() {
        return Err(Why::Failed { program: program.clone(), status: words(status), stderr: line(&talk) });
    }
    let text = std::str::from_utf8(&secret).map_err(|_| Why::NotText)?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// One thread for each thing that has to be waited for. They end with the program, at the latest when its group is killed.
fn watch(mut child: Child) -> std::io::Result<Receiver<Part>> {
    let (send, receive) = channel();
    let (out, err) = (child.stdout.take(), child.stderr.take());
    spawn(&send, move || Part::Secret(out.map_or_else(|| Ok(Zeroizing::default()), read_secret)))?;
    spawn(&send, move || Part::Talk(err.map(read_talk).unwrap_or_default()))?;
    spawn(&send, move || Part::End(child.wait()))?;
    Ok(receive)
}

fn spawn(send: &Sender<Part>, work: impl FnOnce() -> Part + Send + 'static) -> std::io::Result<()> {
    let send = send.clone();
    // Nobody listens any more once it took too long.
    let thread = std::thread::Builder::new().name("toolhold-secret".into());
    thread.spawn(move || drop(send.send(work()))).map(drop)
}

fn read_secret(out: impl Read) -> std::io::Result<Zeroizing<Vec<u8>>> {
    // All the room at once: what grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST_SECRET + 1));
    out.take(LONGEST_SECRET as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn read_talk(mut err: impl Read) -> Vec<u8> {
    let mut kept = Vec::new();
    // A program that cannot be listened to is judged by how it ends. What is not shown is read too, so that it can end.
    let _unheard = err.by_ref().take(SHOWN_BYTES).read_to_end(&mut kept).is_err();
    let _unheard = std::io::copy(&mut err, &mut std::io::sink()).is_err();
    kept
}

/// A program that came to its end.
struct Ended {
    secret: Zeroizing<Vec<u8>>,
    talk: Vec<u8>,
    status: ExitStatus,
}

/// Why a program is stopped.
enum Stop {
    Time,
    Length,
    Io(std::io::Error),
}

impl Stop {
    fn why(self, program: &str, patience: Duration) -> Why {
        match self {
            Self::Time => Why::TooSlow { program: program.to_owned(), seconds: patience.as_secs() },
            Self::Length => Why::TooLong,
            Self::Io(error) => {
                Why::Failed { program: program.to_owned(), status: error.to_string(), stderr: String::new() }
            }
        }
    }
}

fn collect(parts: &Receiver<Part>, patience: Duration) -> Result<Ended, Stop> {
    let begin = Instant::now();
    let (mut secret, mut talk, mut status) = (None, None, None);
    loop {
        if let (Some(secret), Some(talk), Some(status)) = (&mut secret, &mut talk, status) {
            return Ok(Ended { secret: std::mem::take(secret), talk: std::mem::take(talk), status });
        }
        match parts.recv_timeout(patience.saturating_sub(begin.elapsed())) {
            Ok(Part::Secret(bytes)) => {
                let bytes = bytes.map_err(Stop::Io)?;
                if bytes.len() > LONGEST_SECRET {
                    return Err(Stop::Length);
                }
                secret = Some(bytes);
            }
            Ok(Part::Talk(bytes)) => talk = Some(bytes),
            Ok(Part::End(end)) => status = Some(end.map_err(Stop::Io)?),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return Err(Stop::Time),
        }
    }
}

fn words(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "an unknown status".to_owned(),
    }
}

fn line(talk: &[u8]) -> String {
    escape::line(String::from_utf8_lossy(talk).trim()).into_owned()
}
