//! Who somebody is to an issuer of identities, as an operator names them, and whether a certificate speaks of them.
//!
//! Nothing here looks at a certificate: what it says arrives as a [`Claim`], and whether it holds is found out elsewhere.

use std::path::PathBuf;

use crate::id::ComponentName;
use crate::origin::Origin;

/// Longest identity, issuer or repository, in bytes.
const MAX_BYTES: usize = 2_000;

/// What `*` may stand behind: only what names a revision of one repository, which its owners alone give out.
const REVISION: &str = "@refs/";

/// Why a text names nobody.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// Neither an address nor an e-mail address.
    #[error("this names nobody: an identity is `https://…`, or another address, or an e-mail address")]
    Form,
    /// A `*` somewhere else.
    #[error(
        "`*` stands for the rest of a tag's or branch's name and for nothing else: only at the end, after `@refs/…/`"
    )]
    Star,
    /// No issuer or repository.
    #[error("this is not an address: `https://…`, exactly as certificates have it, without `*`")]
    Address,
}

/// The name that a certificate is made out to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// An address, such as that of a workflow.
    Uri(String),
    /// The e-mail address of a person.
    Email(String),
}

/// What a certificate and what it signed say. A claim until somebody has checked it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Whom the certificate is made out to.
    pub subject: Subject,
    /// Who said so.
    pub issuer: String,
    /// The repository from which it was built, if the certificate names one.
    pub repository: Option<String>,
    /// Which component was signed.
    pub bound: Bound,
}

/// What was signed says which component it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bound {
    /// Only bytes were signed. They may be meant to be any component of the signer's.
    Bytes,
    /// The digest and these names.
    Named(Vec<ComponentName>),
}

/// What becomes of a signature over bytes alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unnamed {
    /// It counts, whatever component the bytes are meant to be.
    Allow,
    /// It does not.
    Refuse,
}

/// Somebody as an operator names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Whom a certificate must be made out to.
    pub subject: SubjectPattern,
    /// Who must have said so.
    pub issuer: String,
    /// From which repository it must have been built, if that matters.
    pub repository: Option<String>,
    /// The file of the trusted root.
    pub root: PathBuf,
    /// Whether signatures over bytes alone count.
    pub unnamed: Unnamed,
}

/// A [`Subject`], or every one that differs from it in the name of a tag or branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectPattern {
    fixed: Subject,
    /// Whether a rest follows.
    open: bool,
}

impl Subject {
    /// The text, of whatever kind.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let (Self::Uri(text) | Self::Email(text)) = self;
        text
    }
}

impl SubjectPattern {
    /// Reads what an operator wrote.
    ///
    /// # Errors
    ///
    /// [`IdentityError`].
    pub fn parse(text: &str) -> Result<Self, IdentityError> {
        let (fixed, open) = text.strip_suffix('*').map_or((text, false), |fixed| (fixed, true));
        if !is_plain(fixed) {
            return Err(IdentityError::Form);
        }
        if fixed.contains('*') {
            return Err(IdentityError::Star);
        }
        let is_address = fixed.split_once("://").is_some_and(|(scheme, rest)| !scheme.is_empty() && !rest.is_empty());
        let fixed = match fixed.split_once('@') {
            _ if is_address => Subject::Uri(fixed.to_owned()),
            Some((user, host)) if !user.is_empty() && !host.is_empty() && !host.contains('@') => {
                Subject::Email(fixed.to_owned())
            }
            _ => return Err(IdentityError::Form),
        };
        if open && !is_revision(&fixed) {
            return Err(IdentityError::Star);
        }
        Ok(Self { fixed, open })
    }

    /// Whether `subject` is the one, from its first to its last character.
    #[must_use]
    pub fn is(&self, subject: &Subject) -> bool {
        match (&self.fixed, subject) {
            (Subject::Uri(fixed), Subject::Uri(found)) if self.open => {
                found.strip_prefix(fixed.as_str()).is_some_and(is_rest)
            }
            (fixed, found) => !self.open && fixed == found,
        }
    }
}

impl std::fmt::Display for SubjectPattern {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}{}", self.fixed.as_str(), if self.open { "*" } else { "" })
    }
}

impl Identity {
    /// Whether `claim` is of them. Each part is compared as it is: no part of one is another one.
    #[must_use]
    pub fn is(&self, claim: &Claim) -> bool {
        self.subject.is(&claim.subject)
            && self.issuer == claim.issuer
            && self.repository.as_ref().is_none_or(|wanted| claim.repository.as_ref() == Some(wanted))
    }

    /// Whom it names, in words.
    #[must_use]
    pub fn in_words(&self) -> String {
        in_words(&self.subject.to_string(), &self.issuer, self.repository.as_deref())
    }
}

impl Claim {
    /// Whom it names, in words. What a certificate says may be anything: it is escaped and cut.
    #[must_use]
    pub fn in_words(&self) -> String {
        let short = |text: &str| crate::escape::short(text, 200).into_owned();
        let repository = self.repository.as_deref().map(short);
        in_words(&short(self.subject.as_str()), &short(&self.issuer), repository.as_deref())
    }
}

fn in_words(subject: &str, issuer: &str, repository: Option<&str>) -> String {
    let built = repository.map(|repository| format!(", built from `{repository}`")).unwrap_or_default();
    format!("`{subject}` as `{issuer}` knows it{built}")
}

/// Checks the text of an issuer or a repository.
///
/// # Errors
///
/// [`IdentityError::Address`].
pub fn address(text: &str) -> Result<(), IdentityError> {
    let is_address = text.strip_prefix("https://").is_some_and(|rest| !rest.is_empty());
    if is_address && is_plain(text) && !text.contains('*') { Ok(()) } else { Err(IdentityError::Address) }
}

/// The component that somebody means who calls a file so; `None` if that is no name of a component.
#[must_use]
pub fn named_by_file(file: &str) -> Option<ComponentName> {
    Origin::File(file.to_owned()).name()
}

/// Visible ASCII only: nothing looks like another thing.
fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_BYTES && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Whether what follows `fixed` is the name of a tag or a branch, or the end of one: `…@refs/tags/` or `…@refs/heads/release-`.
fn is_revision(fixed: &Subject) -> bool {
    let Subject::Uri(text) = fixed else { return false };
    let Some((before, kind)) = text.split_once(REVISION) else { return false };
    // What is before it names a place in one repository: a host alone would let everybody in.
    let places =
        before.split_once("://").map_or(0, |(_, rest)| rest.split('/').filter(|part| !part.is_empty()).count());
    places >= 3 && !before.contains('@') && (kind.starts_with("tags/") || kind.starts_with("heads/"))
}

/// Whether `text` is what `*` stands for: one part of a name, of at least one character.
fn is_rest(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-+".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORKFLOW: &str = "https://github.com/org/repo/.github/workflows/release.yml@refs/tags/v1";
    const ISSUER: &str = "https://token.actions.githubusercontent.com";

    fn uri(text: &str) -> Subject {
        Subject::Uri(text.to_owned())
    }

    #[test]
    fn an_identity_is_matched_whole_and_of_its_kind() {
        let exact = SubjectPattern::parse(WORKFLOW).unwrap();
        assert!(exact.is(&uri(WORKFLOW)));
        for other in [
            &format!("{WORKFLOW}0"),
            &WORKFLOW[..WORKFLOW.len() - 1],
            &format!("https://evil.example/?{WORKFLOW}"),
            &format!("{WORKFLOW}\n"),
            &WORKFLOW.to_uppercase(),
            &WORKFLOW.replace("org/repo", "org/repo2"),
            &WORKFLOW.replace("github.com", "github.com.evil.example"),
            "",
        ] {
            assert!(!exact.is(&uri(other)), "{other}");
        }
        assert!(!exact.is(&Subject::Email(WORKFLOW.to_owned())), "an e-mail address that reads like an address");
        let person = SubjectPattern::parse("alice@example.com").unwrap();
        assert!(person.is(&Subject::Email("alice@example.com".into())));
        for other in ["alice@example.com.evil.example", "malice@example.com", "alice@example.co"] {
            assert!(!person.is(&Subject::Email(other.into())), "{other}");
        }
        assert!(!person.is(&uri("alice@example.com")));
    }

    #[test]
    fn a_star_stands_for_the_rest_of_one_name_of_a_revision_and_for_nothing_else() {
        let tags = SubjectPattern::parse(&WORKFLOW.replace("v1", "v*")).unwrap();
        for good in ["v1", "v1.2.3", "v1.2.3-rc.1+build"] {
            assert!(tags.is(&uri(&WORKFLOW.replace("v1", good))), "{good}");
        }
        for bad in ["v", "1", "v1/evil", "v1@refs/tags/v2", "v1 ", "v*", "v1\u{202e}", "../v1"] {
            assert!(!tags.is(&uri(&WORKFLOW.replace("v1", bad))), "{bad}");
        }
        assert!(!tags.is(&uri(&WORKFLOW.replace("tags", "heads"))));
        assert!(!tags.is(&uri(&format!("https://evil.example/{}", WORKFLOW.replace("v1", "v2")))));
        let of_fork = WORKFLOW.replace("org/repo", "evil/repo");
        assert!(!tags.is(&uri(&of_fork)));
    }

    #[test]
    fn patterns_that_would_let_others_in_are_refused() {
        for bad in [
            "*",
            "https://*",
            "https://github.com/*",
            "https://github.com/org/*",
            "https://github.com/org/repo/.github/workflows/*",
            "https://github.com/org/repo/.github/workflows/*@refs/tags/v1",
            "https://github.com/org/*/x.yml@refs/tags/*",
            "https://github.com/org/repo/x.yml@*",
            "https://github.com/org/repo/x.yml@refs/*",
            "https://github.com/org/repo/x.yml@refs/pull/*",
            "https://github.com@refs/tags/*",
            "https://github.com/org@refs/tags/*",
            "https://a@github.com/org/repo/x.yml@refs/tags/*",
            "https://github.com/org/repo/x.yml@refs/tags/**",
            "*@example.com",
            "alice@example.*",
        ] {
            assert!(matches!(SubjectPattern::parse(bad), Err(IdentityError::Star | IdentityError::Form)), "{bad}");
        }
        for bad in ["", "alice", "@example.com", "alice@", "a@b@c", "https://", "://x", "a b@c", "älice@example.com"] {
            assert_eq!(SubjectPattern::parse(bad), Err(IdentityError::Form), "{bad}");
        }
        for bad in ["", "https://", "http://example.com", "github", "https://a b", "https://*.example.com"] {
            assert_eq!(address(bad), Err(IdentityError::Address), "{bad}");
        }
        assert_eq!(address(ISSUER), Ok(()));
    }

    #[test]
    fn issuer_and_repository_are_compared_whole() {
        let identity = Identity {
            subject: SubjectPattern::parse(WORKFLOW).unwrap(),
            issuer: ISSUER.to_owned(),
            repository: Some("https://github.com/org/repo".to_owned()),
            root: PathBuf::from("root.json"),
            unnamed: Unnamed::Refuse,
        };
        let good = Claim {
            subject: uri(WORKFLOW),
            issuer: ISSUER.to_owned(),
            repository: identity.repository.clone(),
            bound: Bound::Bytes,
        };
        assert!(identity.is(&good));
        for issuer in ["", "https://token.actions.githubusercontent.com/", "https://token.actions.githubusercontent.co"]
        {
            assert!(!identity.is(&Claim { issuer: issuer.to_owned(), ..good.clone() }), "{issuer}");
        }
        for repository in [None, Some("https://github.com/org/repo2"), Some("https://github.com/org/rep")] {
            assert!(!identity.is(&Claim { repository: repository.map(str::to_owned), ..good.clone() }));
        }
        assert!(Identity { repository: None, ..identity }.is(&Claim { repository: None, ..good }));
    }

    #[test]
    fn a_file_names_the_component_that_it_would_be_added_as() {
        let name = |file: &str| named_by_file(file).map(|name| name.to_string());
        assert_eq!(name("weather.wasm").as_deref(), Some("weather"));
        assert_eq!(name("dist/Weather.wasm").as_deref(), Some("weather"));
        assert_eq!((name("weather v1.wasm"), name(""), name("..")), (None, None, None));
    }
}
