//! Who signs components.

use super::{Otherwise, Shape, Table, key};
use crate::manifest::text::http::SECRET_FILE;
use crate::manifest::text::signing as text;

/// One signer.
pub static SIGNER: Table = Table {
    name: "[signers.NAME]",
    doc: "Somebody whose signatures of components count, where a component names them in `signed-by`: who has a key, or who has an identity \
          that a sigstore bundle proves.",
    keys: &[
        key(
            "key",
            Shape::Text(&text::KEY),
            Otherwise::Is("an `identity`"),
            "the public key, as `toolhold keys show` prints it: `ed25519:…`",
        ),
        key(
            "identity",
            Shape::Text(&text::SUBJECT),
            Otherwise::Is("a `key`"),
            "whom the certificate in the bundle must be made out to, whole: the address of a workflow, or an e-mail address; `*` at the end, behind `@refs/tags/` or `@refs/heads/`, is the rest of one name without `/`",
        ),
        key(
            "issuer",
            Shape::Text(&text::ISSUER),
            Otherwise::Is("required with `identity`"),
            "who must have vouched for that identity, whole, such as `https://token.actions.githubusercontent.com`",
        ),
        key(
            "trusted-root",
            Shape::Text(&SECRET_FILE),
            Otherwise::Is("required with `identity`"),
            "the file with the trusted root of the sigstore instance, relative to the manifest; nothing is fetched, and none is built in",
        ),
        key(
            "repository",
            Shape::Text(&text::REPOSITORY),
            Otherwise::Is("any"),
            "the repository that the certificate must say it was built from; needed where a workflow can be called from others' repositories",
        ),
        key(
            "unnamed",
            Shape::Choice(&UNNAMED),
            Otherwise::Is("`refuse`"),
            "what becomes of bundles over bytes alone, which name no component",
        ),
    ],
};

/// The words of `unnamed`.
pub static UNNAMED: [(&str, &str); 2] = [
    ("allow", "they count, for whatever component has these bytes"),
    ("refuse", "they do not: what is signed must also say the component's name"),
];

/// The words of `unsigned`.
pub static UNSIGNED: [(&str, &str); 2] = [
    ("allow", "they run, pinned by digest"),
    ("refuse", "there are none: each component says in `signed-by` who must have signed it"),
];
