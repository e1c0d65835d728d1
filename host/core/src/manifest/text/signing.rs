//! The kinds of string in tables of signers.

use crate::id::SignerName;
use crate::manifest::problem::Code;
use crate::signature::PublicKey;

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
