//! The effects of a call, put together from what the sandbox observed.

use std::collections::BTreeSet;

use toolhold_core::call::{AuthorizedCall, Mode};
use toolhold_core::effect::{Basis, Change, EffectReport, Notes, Request, RequestState, Touch, Touched, Unknown};
use toolhold_core::grant::DirectoryGrant;
use toolhold_core::id::Label;
use toolhold_sandbox::capability::fs::commit::Detail;
use toolhold_sandbox::{RunFailure, RunReport};

/// What the call changed, or would; of a preview with hashes and diffs.
pub(crate) fn of(call: &AuthorizedCall, run: &RunReport) -> EffectReport {
    let detail = if call.mode() == Mode::Preview { Detail::Full } else { Detail::Brief };
    let (changes, changes_left_out) = run.staged.as_ref().map(|staged| staged.changes(detail)).unwrap_or_default();
    let mut unknown = unknown(call, &run.files);
    unknown.extend(elsewhere(call, run));
    let basis = basis(run);
    if basis == Basis::UntilWithheld {
        unknown.push(Unknown::AfterWithheld);
    }
    let (requests, requests_left_out) = (run.requests.clone(), run.requests_left_out);
    let labels = labels(call, run);
    EffectReport { basis, changes, changes_left_out, requests, requests_left_out, labels, unknown }
}

/// What the call changed, with hashes and without diffs.
pub(crate) fn hashed(run: &RunReport) -> Vec<Change> {
    run.staged.as_ref().map(|staged| staged.changes(Detail::Hashed).0).unwrap_or_default()
}

/// What is said of all that it read, by the grants under which it did.
fn labels(call: &AuthorizedCall, run: &RunReport) -> BTreeSet<Label> {
    let labelled = call.grants().directories.iter().filter(|grant| !grant.labels.is_empty());
    let read = labelled.filter(|grant| run.files.sources.contains(&grant.guest));
    read.flat_map(|grant| grant.labels.iter()).chain(&run.labels).cloned().collect()
}

fn basis(run: &RunReport) -> Basis {
    match &run.outcome {
        // The tool came to an end of its own, be it a bad one.
        Ok(_) | Err(RunFailure::Tool(_)) => Basis::Observed,
        Err(RunFailure::Withheld) => Basis::UntilWithheld,
        Err(_) => Basis::UntilFailure,
    }
}

/// Directories that were written in place: of these, only the touches are known.
fn unknown(call: &AuthorizedCall, notes: &Notes) -> Vec<Unknown> {
    wrote_in_place(call, notes).map(|grant| Unknown::Direct { grant: grant.to_owned() }).collect()
}

/// What a server did, or would do, with a call that left or may not leave: nobody here sees it.
fn elsewhere(call: &AuthorizedCall, run: &RunReport) -> Option<Unknown> {
    call.grants().server.as_ref()?;
    let stayed =
        |request: &Request| matches!(request.state, RequestState::Refused { .. } | RequestState::NotSent { .. });
    let server = call.call().tool().component().to_string();
    (!run.requests.iter().all(stayed)).then_some(Unknown::Remote { server })
}

/// Whether something was changed there.
pub(super) fn is_write(touch: &Touch) -> bool {
    !matches!(touch.touched, Touched::Read | Touched::Listed)
}

/// The guest paths of the directories that the call has written in place, or may have.
pub(crate) fn wrote_in_place<'a>(call: &'a AuthorizedCall, notes: &'a Notes) -> impl Iterator<Item = &'a str> {
    let was_written = move |guest: &str| notes.touches.iter().any(|touch| touch.grant == guest && is_write(touch));
    let may_be_written = |grant: &&DirectoryGrant| !grant.atomic && !grant.write.is_empty();
    let in_place = call.grants().directories.iter().filter(may_be_written);
    let live = in_place.filter(move |_| call.mode() == Mode::Live);
    live.filter(move |grant| was_written(&grant.guest) || notes.left_out > 0).map(|grant| &*grant.guest)
}
