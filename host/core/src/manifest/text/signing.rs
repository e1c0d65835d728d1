//! The kinds of string in tables of signers.

use crate::id::SignerName;
use crate::manifest::problem::Code;
use crate::signature::{IdentityError, PublicKey, SubjectPattern, address};

use super::{Text, complain, shown};

pub(in crate::manifest) static SIGNER: Text = Text {
    what: "the name of a signer",
    pattern: super::NAME,
    check: |text| {
        text.parse::<SignerName>()
            .map(drop)
            .or_else(|_| complain(Code::Name, format!("{} is not the name of a signer", shown(text)), super::NAME_HELP))
    },
};

pub(in crate::manifest) static KEY: Text = Text {
    what: "a public key",
    pattern: "^ed25519:[A-Za-z0-9+/]{43}=$",
    check: |text| match text.parse::<PublicKey>() {
        Ok(_) => Ok(()),
        Err(error) => {
            complain(Code::Signer, error.to_string(), "`toolhold keys show FILE` prints the public key of a key file")
        }
    },
};

pub(in crate::manifest) static SUBJECT: Text = Text {
    what: "an identity",
    pattern: "^([^ *@]+://[^ *]+|[^ *]+@refs/(tags|heads)/[^ *]*\\*|[^ *@]+@[^ *@]+)$",
    check: |text| {
        named(
            SubjectPattern::parse(text).map(drop),
            "write it as the certificate has it: `cosign verify-blob` and `gh attestation verify` show it",
        )
    },
};

pub(in crate::manifest) static ISSUER: Text = Text {
    what: "an issuer of identities",
    pattern: "^https://[^ *]+$",
    check: |text| named(address(text), "GitHub's workflows have `https://token.actions.githubusercontent.com`"),
};

pub(in crate::manifest) static REPOSITORY: Text = Text {
    what: "a repository",
    pattern: "^https://[^ *]+$",
    check: |text| named(address(text), "write it as the certificate has it, such as `https://github.com/OWNER/NAME`"),
};

fn named(read: Result<(), IdentityError>, help: &str) -> Result<(), super::Complaint> {
    read.or_else(|error| complain(Code::Signer, error.to_string(), help))
}
