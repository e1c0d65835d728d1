//! One call of a run once more: with the time, the randomness and the answers that it was given, and what is different now.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;
use toolhold_core::call::{Mode, ToolCall};
use toolhold_core::effect::{EffectReport, Notes, Touched};
use toolhold_core::id::{CallId, Digest, IdempotencyKey, RunId, ToolName};
use toolhold_core::outcome::{CallReport, Class, Outcome};
use toolhold_core::redact::REDACTED;
use toolhold_core::replay::{Came, Difference, differences, fuel};
use toolhold_core::run::{Occurrence, RunEvent};
use toolhold_core::tape::Tape;
use toolhold_sandbox::{Played, Player};

use super::error::Error;
use super::past::Past;
use crate::attempt::key_instead;
use crate::host::Checked;
use crate::journal::{CallRecord, Filter, KeptTape, Reader, ScopedKey, State};
use crate::{CallOptions, Host, RunLabels};

/// How many files that are others now are named.
const NAMED: usize = 20;

/// Most calls of a run that are looked through for one that stood in.
const LOOKED_THROUGH: u32 = 10_000;

/// A call that was made once more.
#[derive(Debug, Clone, Serialize)]
pub struct Replay {
    /// The call of the run.
    pub call: CallId,
    /// Its record of this time.
    pub replay: CallId,
    /// The tool.
    pub tool: ToolName,
    /// Nothing is different.
    pub same: bool,
    /// The manifest as it is now does not let it run.
    pub denied: bool,
    /// What is. Any text: escape before showing.
    pub differences: Vec<Difference>,
    /// What could not be the same, or may not be. Any text: escape before showing.
    pub notes: Vec<String>,
    /// Requests that are not on record, and were refused. Any text: escape before showing.
    pub requests_not_on_record: Vec<String>,
}

/// Makes the call of step `step` of `run` once more.
///
/// # Errors
///
/// There is no call at that step, nothing is kept of it, or the journal cannot be read.
pub async fn replay(host: &Host, run: &RunId, step: u64) -> Result<Replay, Error> {
    host.journal().flush().await?;
    let reader = host.journal().reader()?;
    let past = Past::of(&reader, run)?;
    let (at, key) = call_at(&past, step)?;
    let machine = past.machine_at(at)?;
    let not_kept = |why| Error::NotKept { run: run.clone(), step, why };
    let record = record(&reader, run, &key)?.ok_or_else(|| not_kept("it was not made"))?;
    let kept = reader.tape(run, &record.call)?.ok_or_else(|| not_kept(NOTHING))?;
    let tape: Tape = serde_json::from_str(&kept.tape).map_err(|_| not_kept("what is on record is damaged"))?;
    let arguments = record.arguments.clone().ok_or_else(|| not_kept("its arguments are not on record"))?;
    let labels = RunLabels::default();
    labels.add(machine.labels());
    let options = CallOptions { labels: Some(Arc::new(labels)), ..CallOptions::default() };
    let call = ToolCall { run: run.clone(), tool: record.tool.to_string(), arguments, key: None, mode: Mode::Preview };
    let player = Player::new(tape.clone());
    let (report, checked) = host.play(&call, &options, &player).await;
    let played = player.played();
    let mut notes = before(host, &record, machine.start().manifest.as_ref(), &report);
    notes.extend(of_tape(&tape, &played, kept.attempt));
    notes.extend(checked.as_ref().and_then(|checked| files(checked, &report.notes, record.admitted_at)));
    let differences = compared(&record, &kept, &report, &mut notes);
    let denied =
        matches!(&report.outcome, Outcome::Failure(failure) if failure.class == Class::Denied && checked.is_none());
    Ok(Replay {
        call: record.call,
        replay: report.call,
        tool: record.tool,
        same: differences.is_empty() && checked.is_some(),
        denied,
        differences,
        notes,
        requests_not_on_record: played.missing,
    })
}

const NOTHING: &str = "nothing of what it was given is on record: an older version made it, or it was cut off";

/// The step at which the call of this step started, and its key.
fn call_at(past: &Past, step: u64) -> Result<(u64, IdempotencyKey), Error> {
    let run = &past.record.run;
    if past.record.mode == Mode::Preview {
        return Err(Error::DryRun(run.clone()));
    }
    let steps = past.history.len() as u64;
    let index = usize::try_from(step).ok().and_then(|step| step.checked_sub(1));
    let happened = index.and_then(|index| past.history.get(index));
    let happened = happened.ok_or_else(|| Error::NoSuchStep { run: run.clone(), steps })?;
    let none = || Error::NoCall { run: run.clone(), step, calls: calls(&past.history) };
    let up_to = match &happened.event {
        RunEvent::CallStarted { .. } | RunEvent::CallReturned { .. } => step,
        _ => return Err(none()),
    };
    let so_far = past.history.iter().zip(1_u64..).take_while(|(_, number)| *number <= up_to);
    let started = so_far.filter_map(|(happened, number)| match &happened.event {
        RunEvent::CallStarted { key, .. } => Some((number, key.clone())),
        _ => None,
    });
    match started.last() {
        Some((number, Some(key))) => Ok((number, key)),
        _ => Err(none()),
    }
}

/// The steps with a call, for a person.
fn calls(history: &[Occurrence]) -> String {
    let numbers = history.iter().zip(1_u64..).filter_map(|(happened, number)| match &happened.event {
        RunEvent::CallStarted { tool, .. } => Some(format!("{number} ({tool})")),
        _ => None,
    });
    let numbers: Vec<String> = numbers.collect();
    if numbers.is_empty() { "none".to_owned() } else { numbers.join(", ") }
}

/// The call that was made under this key, or the one that stood in for it.
fn record(reader: &Reader, run: &RunId, key: &IdempotencyKey) -> Result<Option<CallRecord>, Error> {
    let scoped = ScopedKey { scope: CallOptions::default().client, key: key.clone() };
    if let Some(own) = reader.keyed(&scoped, Mode::Live)? {
        return Ok(Some(own));
    }
    let filter = Filter { run: Some(run.clone()), limit: LOOKED_THROUGH, ..Filter::default() };
    let stood_in =
        |record: &CallRecord| record.state != State::Abandoned && record.key == Some(key_instead(key, &record.tool));
    Ok(reader.calls(&filter)?.into_iter().find(stood_in))
}

/// What was different before it began.
fn before(host: &Host, record: &CallRecord, manifest: Option<&Digest>, report: &CallReport) -> Vec<String> {
    let mut notes = Vec::new();
    if report.digest.is_some_and(|digest| digest != record.digest) {
        notes.push(format!("the tool has other bytes now: it was {}", record.digest));
    }
    if manifest.is_some_and(|manifest| *manifest != host.policy().manifest().digest()) {
        notes.push("the manifest is another one than when the run began".to_owned());
    }
    if record.arguments.as_ref().is_some_and(|arguments| arguments.contains(REDACTED)) {
        notes.push("a secret was taken out of its arguments when they were stored".to_owned());
    }
    notes
}

/// What the tape could not give.
fn of_tape(tape: &Tape, played: &Played, attempt: u32) -> Vec<String> {
    let mut notes = Vec::new();
    if attempt > 1 {
        notes.push(format!("there were {attempt} attempts at it; this is the last one"));
    }
    if played.readings > 0 {
        let left_out = tape.readings_left_out;
        notes.push(format!(
            "it read a clock {} times more than is on record ({left_out} are left out)",
            played.readings
        ));
    }
    if played.randomness {
        notes.push("it asked for randomness, and there is no record of any".to_owned());
    }
    let each = |what: &str, list: &[String]| list.iter().map(|one| format!("{what}: {one}")).collect::<Vec<_>>();
    notes.extend(each("the answer was too large to be kept, see `replay-bytes` of `[host]`", &played.not_kept));
    notes.extend(each("sent with another body", &played.other_bodies));
    notes.extend(each("on record, and not asked for this time", &played.not_asked));
    if tape.exchanges_left_out > 0 {
        notes.push(format!("{} of its requests are not on record", tape.exchanges_left_out));
    }
    notes
}

/// Files that it has read and that somebody has changed since it was made first.
fn files(checked: &Checked, notes: &Notes, since: u64) -> Option<String> {
    let reads = notes.touches.iter().filter(|touch| matches!(touch.touched, Touched::Read | Touched::Listed));
    let mut changed: Vec<String> = Vec::new();
    for touch in reads {
        let grant = checked.call.grants().directories.iter().find(|grant| grant.guest == touch.grant)?;
        let guest = format!("{}/{}", touch.grant, touch.path);
        if is_newer(&grant.host.join(&touch.path), since) && !changed.contains(&guest) {
            changed.push(guest);
        }
    }
    let more = if changed.len() > NAMED { " and more" } else { "" };
    changed.truncate(NAMED);
    (!changed.is_empty()).then(|| format!("changed since then: {}{more}", changed.join(", ")))
}

/// By the time of its last change of any kind, which nobody can set back.
fn is_newer(path: &Path, since: u64) -> bool {
    let Ok(metadata) = std::fs::symlink_metadata(path) else { return true };
    let micros = metadata.ctime().saturating_mul(1_000_000).saturating_add(metadata.ctime_nsec() / 1_000);
    u64::try_from(micros).unwrap_or(0) > since
}

fn compared(record: &CallRecord, kept: &KeptTape, report: &CallReport, notes: &mut Vec<String>) -> Vec<Difference> {
    let text = record.outcome.as_deref().unwrap_or_default();
    let outcome = match record.succeeded {
        Some(true) => serde_json::from_str(text).map(Outcome::Success).ok(),
        Some(false) => serde_json::from_str(text).map(Outcome::Failure).ok(),
        None => None,
    };
    let effects = kept.effects.as_ref().and_then(|effects| serde_json::from_str::<EffectReport>(effects).ok());
    let usage = record.usage.as_ref().and_then(|usage| serde_json::from_str::<Value>(usage).ok());
    let spent = usage.and_then(|usage| usage.get("fuel")?.as_u64());
    if outcome.is_none() {
        notes.push("its outcome is not on record, so only what it did is compared".to_owned());
    }
    if effects.is_none() {
        notes.push("what it did is not on record, so only its outcome is compared".to_owned());
    }
    let of_now = Came { outcome: &report.outcome, effects: &report.effects, fuel: Some(fuel(&report.usage)) };
    let of_then = Came {
        outcome: outcome.as_ref().unwrap_or(&report.outcome),
        effects: effects.as_ref().unwrap_or(&report.effects),
        fuel: spent,
    };
    differences(&of_then, &of_now)
}
