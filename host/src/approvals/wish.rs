//! A decision that is left beside the journal, for whoever holds it: the command line decides where another process works.
//!
//! Only who may write the state directory can leave one there, and who may do that is the operator. No tool is granted anything
//! within it.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use toolhold_core::approval::{ApprovalScope, Verdict};
use toolhold_core::id::{ApprovalId, Digest};

use super::service::Decider;
use crate::Host;
use crate::replace_file::replace;

/// Largest wish that is read, in bytes.
const MAX_BYTES: u64 = 8 << 20;

/// A decision on its way.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wish {
    pub(crate) approval: ApprovalId,
    pub(crate) face: String,
    pub(crate) name: String,
    pub(crate) said: Said,
}

/// What was decided.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Said {
    Approve { scope: ApprovalScope },
    Reject { reason: String },
    Modify { arguments: String, scope: ApprovalScope },
    Withdraw,
}

fn directory(state: &Path) -> PathBuf {
    state.join("decisions")
}

/// Where whoever decided is told why nothing came of it.
fn refusal(state: &Path, id: &ApprovalId) -> PathBuf {
    directory(state).join(format!("{}.refused", name(id)))
}

fn name(id: &ApprovalId) -> String {
    // A name of ours: that of an approval may hold anything printable.
    Digest::of(id.as_str().as_bytes()).hex()
}

/// Leaves a decision.
///
/// # Errors
///
/// The state directory cannot be written.
pub(crate) fn leave(state: &Path, wish: &Wish) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    let directory = directory(state);
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&directory)?;
    let _none_yet = std::fs::remove_file(refusal(state, &wish.approval)).is_err();
    let text = serde_json::to_string(wish)?;
    replace(&directory.join(format!("{}.json", name(&wish.approval))), text.as_bytes())
}

/// Why nothing came of a decision that was left, if whoever took it said so.
pub(crate) fn refused(state: &Path, id: &ApprovalId) -> Option<String> {
    let path = refusal(state, id);
    let text = std::fs::read_to_string(&path).ok()?;
    let _gone = std::fs::remove_file(&path).is_err();
    Some(text)
}

/// Takes back a decision that nobody took. `false` where somebody did.
pub(crate) fn take_back(state: &Path, id: &ApprovalId) -> bool {
    std::fs::remove_file(directory(state).join(format!("{}.json", name(id)))).is_ok()
}

/// Whether somebody left a decision.
pub(super) fn is_any(state: &Path) -> bool {
    !left(state).is_empty()
}

fn left(state: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(directory(state)) else { return Vec::new() };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    paths.filter(|path| path.extension().is_some_and(|extension| extension == "json")).collect()
}

/// Does what was left.
pub(super) async fn take(host: &Host, state: &Path) {
    for path in left(state) {
        let wish = read(&path);
        // Whatever comes of it, it is not done twice.
        let _gone = std::fs::remove_file(&path).is_err();
        let Some(wish) = wish else {
            tracing::warn!(path = %path.display(), "a decision that was left cannot be read");
            continue;
        };
        let (id, decider) = (wish.approval.clone(), Decider::new(&wish.face, &wish.name));
        let approvals = host.approvals();
        let done = match wish.said {
            Said::Approve { scope } => approvals.decide(&id, &decider, Verdict::Approve(scope)).await,
            Said::Reject { reason } => approvals.decide(&id, &decider, Verdict::Reject(reason)).await,
            Said::Modify { arguments, scope } => {
                approvals.decide(&id, &decider, Verdict::Modify(arguments, scope)).await
            }
            Said::Withdraw => approvals.withdraw(&id, &decider).await,
        };
        if let Err(error) = done
            && let Err(why) = replace(&refusal(state, &id), error.to_string().as_bytes())
        {
            tracing::warn!(%error, %why, "a decision that was left comes to nothing");
        }
    }
}

fn read(path: &Path) -> Option<Wish> {
    use std::io::Read as _;
    let mut text = String::new();
    std::fs::File::open(path).ok()?.take(MAX_BYTES).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}
