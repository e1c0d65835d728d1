//! The permission manifest: what exists, what is granted, what may be called.
//!
//! It passes three typed stages, and each can only be made by the one before: as written (private) → [`Manifest`] →
//! [`crate::policy::Policy`], which is the manifest resolved against the tools that were loaded. Every stage reports all
//! that is wrong at once, with places in the text; nothing runs with a manifest that has any problem.
//!
//! Nothing here touches a file: the text arrives as a value, paths are joined and not looked at, and
//! [`Manifest::host_paths`] lists what the host has to check.

pub mod amount;
pub mod approvals;
pub mod cases;
mod check;
mod condition;
mod json_schema;
pub mod keys;
pub mod model;
mod problem;
mod reference;
mod reliability;
mod secret;
mod server;
pub mod settings;
mod source;
mod text;
pub mod tool_file;
mod tool_pattern;
mod v1;
mod validate;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use toml::de::DeTable;

pub use approvals::{Approvals, Risk};
pub use condition::Condition;
pub use json_schema::json_schema;
pub use model::{Api, Model, ModelTimeouts};
pub use problem::{Code, Errors, Problem};
pub use reference::{cases_reference, reference};
pub use reliability::{Fallback, Reliability};
pub use secret::SecretSource;
pub use server::{Server, Transport};
pub use settings::{HostLimits, RunLimits};
pub use source::{Line, Located, Source};
pub use tool_pattern::ToolPattern;

use crate::call::Mode;
use crate::describe::ToolInfo;
use crate::grant::{Clock, HttpGrant, Patterns, Random, Symlinks};
use crate::id::{ComponentName, Digest, Label, LocalName, ModelName, SecretName, SignerName, ToolDigest};
use crate::limit::{Limit, Limits};
use crate::origin::Origin;
use crate::rate::Rate;
use crate::signature::{Evidence, Signer, Untrusted, trusted, unforged};

pub(crate) use problem::suggest;

/// Longest manifest, in bytes. 10,000 rules are a tenth of it.
pub const MAX_BYTES: usize = 16 << 20;

/// A manifest in which everything fits together, as far as that can be said without looking at tools or files.
#[derive(Debug, Clone)]
pub struct Manifest {
    source: Source,
    mode: Option<Located<Mode>>,
    components: BTreeMap<ComponentName, Component>,
    secrets: BTreeMap<SecretName, SecretSource>,
    signers: BTreeMap<SignerName, Signer>,
    unsigned: Unsigned,
    rules: Vec<Arc<Rule>>,
    models: BTreeMap<ModelName, Model>,
    chain: Vec<ModelName>,
    run: RunLimits,
    host: HostLimits,
    reliability: Reliability,
    client_rate: Option<Rate>,
    approvals: Approvals,
}

/// A component and what is granted to its tools.
#[derive(Debug, Clone)]
pub struct Component {
    /// What it is called, and where the manifest says so.
    pub name: Located<ComponentName>,
    /// Where its bytes come from.
    pub origin: Located<Origin>,
    /// Its file, joined with the manifest's directory, if it comes from one.
    pub path: Option<Located<PathBuf>>,
    /// The origin as the manifest names it.
    pub written: String,
    /// Whose signature it must have: that of any of these. Nobody's if it is empty.
    pub signed_by: Vec<Located<SignerName>>,
    /// What they call it.
    pub signed_as: ComponentName,
    /// The tools that exist for callers; all of them if `None`.
    pub expose: Option<Vec<Located<LocalName>>>,
    /// Directories that its tools see. No guest path lies within another.
    pub directories: Vec<Directory>,
    /// Requests that its tools may send.
    pub http: Vec<Located<HttpGrant>>,
    /// Environment variables.
    pub env: Arc<BTreeMap<String, String>>,
    /// Where time comes from.
    pub clock: Clock,
    /// Where randomness comes from.
    pub random: Random,
    /// Limits of each call.
    pub limits: LimitsAt,
    /// What is done about failures of its tools.
    pub reliability: Reliability,
    /// The same for single tools, where it differs.
    pub tools: BTreeMap<LocalName, Located<Reliability>>,
    /// The tools of a program, as the manifest describes them.
    pub commands: BTreeMap<LocalName, Located<ToolInfo>>,
    /// How it is reached, if it is an MCP server.
    pub server: Option<Server>,
}

/// What becomes of components that nobody has to sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unsigned {
    /// They run.
    Allow,
    /// There are none: each component names its signers.
    Refuse,
}

/// A granted directory.
#[derive(Debug, Clone)]
pub struct Directory {
    /// Where it is written.
    pub span: Range<usize>,
    /// The host path, joined with the manifest's directory.
    pub host: Located<PathBuf>,
    /// The absolute guest path.
    pub guest: Located<String>,
    /// What may be read.
    pub read: PatternsAt,
    /// What may be written.
    pub write: PatternsAt,
    /// What may not be touched.
    pub deny: PatternsAt,
    /// What symbolic links may do.
    pub symlinks: Symlinks,
    /// Whether changes are staged.
    pub atomic: bool,
    /// What is said of all that is read there.
    pub labels: Arc<[Label]>,
}

/// Patterns, and where each is written.
#[derive(Debug, Clone)]
pub struct PatternsAt {
    /// The compiled patterns.
    pub patterns: Patterns,
    /// A place for each of [`Patterns::source`].
    pub spans: Vec<Range<usize>>,
}

/// Limits, and where each that differs from the default is written.
#[derive(Debug, Clone, Default)]
pub struct LimitsAt {
    /// The numbers.
    pub limits: Limits,
    /// The places. A limit that is not here has its default.
    pub spans: BTreeMap<Limit, Range<usize>>,
}

/// A rule.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Where it is written.
    pub span: Range<usize>,
    /// Its unique name.
    pub name: Located<String>,
    /// What happens to a call that it matches.
    pub verdict: Verdict,
    /// The tools that it is about: any of these.
    pub tools: Vec<Located<ToolPattern>>,
    /// What the arguments must be for it to match.
    pub when: Option<Located<Condition>>,
    /// The run must carry one of these for it to match; empty: whatever it carries.
    pub when_labels: Vec<Located<Label>>,
    /// How much is at stake.
    pub risk: Risk,
    /// An approval is good for one call, whatever the person says.
    pub every_time: bool,
    /// Why it exists. For people.
    pub reason: Option<String>,
    /// What a model is told to do instead.
    pub advice: Option<String>,
}

/// What a rule says, from the weakest to the strongest: the strongest of the rules that match wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The call runs.
    Allow,
    /// The call runs and its effects are thrown away.
    Preview,
    /// A person decides.
    Ask,
    /// The call is refused.
    Deny,
}

/// A path that the manifest names, for the host to look at before anything runs.
#[derive(Debug, Clone)]
pub struct HostPath<'a> {
    /// The path, joined with the manifest's directory.
    pub path: &'a Path,
    /// What must be there.
    pub kind: HostPathKind,
    /// Where the manifest names it.
    pub span: &'a Range<usize>,
}

/// What must be at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostPathKind {
    /// A component's file.
    Component,
    /// A directory that is granted; it must hold neither the host's state, nor this manifest, nor its lock file.
    Directory,
}

impl Manifest {
    /// Reads `text`, which came from the file that messages call `name`. Relative paths are joined to `base`.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it.
    ///
    /// # Examples
    ///
    /// ```
    /// let text = "version = 1\n[tools.files]\nsource = \"files.wasm\"";
    /// let manifest = toolhold_core::manifest::Manifest::parse(text, "toolhold.toml", std::path::Path::new("/home/me"))?;
    /// assert!(manifest.rules().is_empty());
    /// # Ok::<(), toolhold_core::manifest::Errors>(())
    /// ```
    pub fn parse(text: &str, name: &str, base: &Path) -> Result<Self, Errors> {
        if text.len() > MAX_BYTES {
            let problem = Problem::new(
                Code::TooLarge,
                &(0..0),
                format!("a manifest has at most {MAX_BYTES} bytes, this one has {}", text.len()),
            );
            return Err(Errors::of(
                &Source::new(name, text.lines().next().unwrap_or_default()),
                vec![problem.label("the file begins here")],
            ));
        }
        let source = Source::new(name, text);
        let mut document = document(&source, text)?;
        let mut checker = check::Checker::default();
        checker.document(&mut document, text, &keys::MANIFEST);
        let mut validator = validate::Validator { base, problems: checker.problems };
        if validator.problems.iter().any(|problem| problem.code == Code::Version) {
            return Err(Errors::of(&source, validator.problems));
        }
        let wire = v1::Manifest::deserialize(toml::de::Deserializer::from(document))
            .map_err(|error| Errors::of(&source, vec![syntax(&error)]))?;
        let manifest = validator.manifest(source.clone(), wire);
        Errors::check(&source, validator.problems).map(|()| manifest)
    }

    /// The text that it was read from.
    #[must_use]
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// What decisions made under it are bound to: the digest of its text.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.source.digest()
    }

    /// Whether calls may change anything. In a preview, none does unless a person applies it.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode.as_ref().map_or(Mode::Live, |mode| mode.value)
    }

    /// The line that makes every call a preview, if there is one.
    #[must_use]
    pub fn previewed_at(&self) -> Option<Line> {
        let mode = self.mode.as_ref().filter(|mode| mode.value == Mode::Preview)?;
        Some(self.source.line(&mode.span))
    }

    /// Why no data can have this label, if none can.
    #[must_use]
    pub fn lacks_label(&self, label: &Label) -> Option<String> {
        let known = validate::labels_of(&self.components);
        let suggested = || suggest(label.as_str(), known.iter().copied(), "the labels are");
        (!known.contains(label.as_str())).then(|| {
            let help = suggested().unwrap_or_else(|| "a directory or requests get it by `labels`".to_owned());
            format!("no grant has the label `{label}`; {help}")
        })
    }

    /// The components, by name.
    #[must_use]
    pub fn components(&self) -> &BTreeMap<ComponentName, Component> {
        &self.components
    }

    /// Where the values of secrets come from, by name.
    #[must_use]
    pub fn secrets(&self) -> &BTreeMap<SecretName, SecretSource> {
        &self.secrets
    }

    /// Who signs components, by name.
    #[must_use]
    pub fn signers(&self) -> &BTreeMap<SignerName, Signer> {
        &self.signers
    }

    /// Whether there may be components that nobody has to sign.
    #[must_use]
    pub fn unsigned(&self) -> Unsigned {
        self.unsigned
    }

    /// Who of those that `component` names has signed `digest`; `None` if nobody has to.
    ///
    /// # Errors
    ///
    /// [`Untrusted`]: it takes a signature, and nothing of `evidence` will do; or one of somebody in `[signers]` does not hold, needed or not.
    pub fn vouched(
        &self,
        component: &Component,
        digest: ToolDigest,
        evidence: Evidence<'_>,
    ) -> Result<Option<SignerName>, Untrusted> {
        unforged(evidence, digest, &self.signers)?;
        if component.signed_by.is_empty() && self.unsigned == Unsigned::Allow {
            return Ok(None);
        }
        let signers = component.signed_by.iter().filter_map(|signer| self.signers.get_key_value(&signer.value));
        trusted(evidence, digest, &component.signed_as, signers).map(Some)
    }

    /// The rules, in the order of the text, which has no meaning.
    #[must_use]
    pub fn rules(&self) -> &[Arc<Rule>] {
        &self.rules
    }

    /// The models, by name.
    #[must_use]
    pub fn models(&self) -> &BTreeMap<ModelName, Model> {
        &self.models
    }

    /// The models of a run, in the order in which they are asked: each is for when the ones before it fail.
    pub fn chain(&self) -> impl Iterator<Item = &Model> {
        self.chain.iter().filter_map(|name| self.models.get(name))
    }

    /// Bounds of one run of an agent.
    #[must_use]
    pub fn run(&self) -> &RunLimits {
        &self.run
    }

    /// Bounds of the whole host.
    #[must_use]
    pub fn host(&self) -> &HostLimits {
        &self.host
    }

    /// What is done about failures where no component says otherwise.
    #[must_use]
    pub fn reliability(&self) -> &Reliability {
        &self.reliability
    }

    /// How often one client may call tools.
    #[must_use]
    pub fn client_rate(&self) -> Option<Rate> {
        self.client_rate
    }

    /// How people are asked.
    #[must_use]
    pub fn approvals(&self) -> &Approvals {
        &self.approvals
    }

    /// Every path that it names. The host reports what it finds wrong with [`Manifest::complain`].
    pub fn host_paths(&self) -> impl Iterator<Item = HostPath<'_>> {
        self.components.values().flat_map(|component| {
            let own = component.path.as_ref();
            let own = own.map(|own| HostPath { path: &own.value, kind: HostPathKind::Component, span: &own.span });
            let directories = component.directories.iter().map(|directory| HostPath {
                path: &directory.host.value,
                kind: HostPathKind::Directory,
                span: &directory.host.span,
            });
            own.into_iter().chain(directories)
        })
    }

    /// Renders problems that were found later against this manifest's text.
    ///
    /// # Errors
    ///
    /// All of `problems`, if there is any that is not a warning.
    pub fn complain(&self, problems: Vec<Problem>) -> Result<(), Errors> {
        if problems.iter().all(Problem::is_warning) { Ok(()) } else { Errors::check(&self.source, problems) }
    }
}

impl Rule {
    /// Whether it matches every call of its tools.
    #[must_use]
    pub fn is_unconditional(&self) -> bool {
        self.when.is_none() && self.when_labels.is_empty()
    }
}

impl Verdict {
    /// The word of the manifest.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Preview => "preview",
            Self::Ask => "ask",
            Self::Deny => "deny",
        }
    }
}

/// The text as TOML, without a character in it that is not seen.
fn document<'i>(source: &Source, text: &'i str) -> Result<toml::Spanned<DeTable<'i>>, Errors> {
    let mut problems = invisible(text);
    let (document, errors) = DeTable::parse_recoverable(text);
    // After the first error the parser guesses where the next key begins: what it says then is about its guess.
    problems.extend(errors.iter().map(syntax).min_by_key(|problem| problem.span.start));
    Errors::check(source, problems).map(|()| document)
}

fn syntax(error: &toml::de::Error) -> Problem {
    let span = error.span().unwrap_or_default();
    Problem::new(
        Code::Syntax,
        &span,
        format!("this is not TOML: {}", error.message().lines().next().unwrap_or_default()),
    )
}

/// What is read must be what is seen.
fn invisible(text: &str) -> Vec<Problem> {
    let found = text.char_indices().filter(|(_, char)| text::is_invisible(*char));
    let problem = |(at, char): (usize, char)| {
        let span = at..at + char.len_utf8();
        Problem::new(Code::Invisible, &span, format!("the invisible character `{}`", char.escape_unicode()))
            .label("this one")
            .help("remove it, or write it as `\\uXXXX` within a string if it is meant")
    };
    found.map(problem).collect()
}

#[cfg(test)]
mod tests;
