//! What calls changed, sent and touched.

use std::collections::BTreeMap;

use serde_json::Value;
use utoipa::ToSchema;

/// What crossed the boundary between a guest and the world.
#[derive(ToSchema)]
pub(crate) struct EffectReport {
    /// How far it was observed: `observed`, `until-withheld` or `until-failure`.
    basis: String,
    /// What is different of files.
    #[schema(required = false)]
    changes: Vec<Change>,
    /// How many more there are.
    #[schema(required = false)]
    changes_left_out: u64,
    /// What was sent, or would have been.
    #[schema(required = false)]
    requests: Vec<Request>,
    /// How many more there are.
    #[schema(required = false)]
    requests_left_out: u64,
    /// What is said of the data that was read.
    #[schema(required = false)]
    labels: Vec<String>,
    /// What could not be observed.
    #[schema(required = false)]
    unknown: Vec<BTreeMap<String, String>>,
}

/// What is different of one path.
#[derive(ToSchema)]
pub(crate) struct Change {
    /// The path, as the guest sees it. Any text: escape before showing.
    path: String,
    /// `created`, `changed`, `deleted`, `moved` or `metadata`.
    change: String,
    /// Of what was moved, from where.
    #[schema(required = false)]
    from: String,
    /// What was there before.
    #[schema(required = false)]
    before: Properties,
    /// What is there after.
    #[schema(required = false)]
    after: Properties,
    /// How the content differs.
    #[schema(required = false)]
    content: Content,
}

/// What a path is.
#[derive(ToSchema)]
pub(crate) struct Properties {
    /// `file`, `directory` or `symlink`.
    kind: String,
    /// In bytes.
    size: u64,
    /// The digest of its content.
    #[schema(required = false)]
    sha256: String,
    /// When it was modified.
    modified: u64,
    /// Its mode bits.
    mode: u32,
    /// Where it leads, if it is a link.
    #[schema(required = false)]
    target: String,
}

/// How a content differs.
#[derive(ToSchema)]
pub(crate) struct Content {
    /// `text`, `binary` or `too-large`.
    r#type: String,
    /// A unified diff. Any text: escape before showing.
    #[schema(required = false)]
    diff: String,
    /// Lines that are new.
    #[schema(required = false)]
    added: u64,
    /// Lines that are gone.
    #[schema(required = false)]
    removed: u64,
    /// How much of the diff is left out.
    #[schema(required = false)]
    cut: u64,
}

/// A request over the network.
#[derive(ToSchema)]
pub(crate) struct Request {
    /// Its method.
    method: String,
    /// Where to.
    url: String,
    /// `refused`, `withheld`, `not-sent`, `sent` or `answered`.
    request: String,
    /// Why, where it was not answered.
    #[schema(required = false)]
    why: String,
    /// The status of the answer.
    #[schema(required = false)]
    status: u16,
    /// Bytes of its body.
    sent_bytes: u64,
    /// Bytes of the answer.
    received_bytes: u64,
    /// The names of the secrets in it.
    #[schema(required = false)]
    secrets: Vec<String>,
    /// The names of the secrets that came back.
    #[schema(required = false)]
    returned: Vec<String>,
    /// It carries an idempotency key.
    #[schema(required = false)]
    keyed: bool,
    /// The other side is at fault.
    #[schema(required = false)]
    fault: bool,
    /// In how many seconds it may be asked again.
    #[schema(required = false)]
    retry_after: u64,
}

/// What a call touched of files, and what it was refused.
#[derive(ToSchema)]
pub(crate) struct Notes {
    /// What it was refused.
    refusals: Vec<Refusal>,
    /// What it touched.
    touches: Vec<Touch>,
    /// How many more there are.
    left_out: u64,
    /// The grants that it read from.
    sources: Vec<String>,
}

/// Something that was refused.
#[derive(ToSchema)]
pub(crate) struct Refusal {
    /// The grant.
    grant: String,
    /// The path beneath it. Any text: escape before showing.
    path: String,
    /// What was tried.
    operation: String,
    /// Why not.
    why: String,
}

/// Something that was touched.
#[derive(ToSchema)]
pub(crate) struct Touch {
    /// The grant.
    grant: String,
    /// The path beneath it. Any text: escape before showing.
    path: String,
    /// `read`, `listed`, `written`, `created`, `deleted`, or an object `renamed` with where to.
    touched: Value,
}

/// A call that was taken back.
#[derive(ToSchema)]
pub(crate) struct Undone {
    /// Which call.
    call: String,
    /// What it had changed, and what is as before now.
    effects: EffectReport,
}
