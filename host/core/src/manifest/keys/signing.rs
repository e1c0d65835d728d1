//! Who signs components.

use super::{Otherwise, Shape, Table, key};
use crate::manifest::text::signing as text;

/// One signer.
pub static SIGNER: Table = Table {
    name: "[signers.NAME]",
    doc: "Somebody whose signatures of components count, where a component names them in `signed-by`.",
    keys: &[key(
        "key",
        Shape::Text(&text::KEY),
        Otherwise::Required,
        "the public key, as `toolhold keys show` prints it: `ed25519:…`",
    )],
};

/// The words of `unsigned`.
pub static UNSIGNED: [(&str, &str); 2] = [
    ("allow", "they run, pinned by digest"),
    ("refuse", "there are none: each component says in `signed-by` who must have signed it"),
];
