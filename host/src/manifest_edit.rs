//! Changes to the text of a manifest that leave everything else in it as its author wrote it.

use std::io;
use std::path::Path;

use toml_edit::{Array, DocumentMut, Item, Table, value};
use toolhold_core::id::{ComponentName, SignerName};

use crate::replace_file;

/// A component without a grant.
pub(crate) struct Entry<'a> {
    pub(crate) name: &'a ComponentName,
    pub(crate) source: &'a str,
    pub(crate) signer: Option<&'a SignerName>,
    pub(crate) signed_as: &'a ComponentName,
}

/// Why a manifest cannot be changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Not TOML.
    #[error("the manifest is not TOML: {0}")]
    Toml(#[from] toml_edit::TomlError),
    /// `tools` is something else.
    #[error("`tools` in the manifest is not a table")]
    NoTable,
}

/// `text` with a component.
///
/// # Errors
///
/// [`Error`].
pub(crate) fn with_component(text: &str, entry: &Entry<'_>) -> Result<String, Error> {
    let mut document: DocumentMut = text.parse()?;
    let mut implicit = Table::new();
    implicit.set_implicit(true);
    let tools = document.entry("tools").or_insert(Item::Table(implicit));
    let tools = tools.as_table_like_mut().ok_or(Error::NoTable)?;
    let mut table = Table::new();
    table.insert("source", value(entry.source));
    if let Some(signer) = entry.signer {
        let signers: Array = [signer.as_str()].into_iter().collect();
        table.insert("signed-by", value(signers));
        if entry.signed_as != entry.name {
            table.insert("signed-as", value(entry.signed_as.as_str()));
        }
    }
    table.decor_mut().set_prefix("\n");
    tools.insert(entry.name.as_str(), Item::Table(table));
    Ok(document.to_string())
}

/// Writes a manifest whole or not at all. Who may read it stays the same.
///
/// # Errors
///
/// Whatever the file system says, with the path.
pub(crate) fn write(path: &Path, text: &str) -> io::Result<()> {
    replace_file::replace(path, text.as_bytes())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn with(text: &str, signer: Option<&SignerName>) -> String {
        let (name, signed_as) = ("mail".parse().unwrap(), "post".parse().unwrap());
        let entry = Entry { name: &name, source: "oci://example.com/post:1", signer, signed_as: &signed_as };
        with_component(text, &entry).unwrap()
    }

    #[test]
    fn nothing_else_changes() {
        let text = "# mine\nversion = 1   # one\n\n[tools.files]\nsource = 'files.wasm'  # here\n\n[[tools.files.directories]]\nhost = \"a\"\nguest = \"/a\"\n\n[[rules]]\nname = \"r\"\n";
        let signer = "alice".parse().unwrap();
        let after = with(text, Some(&signer));
        let added =
            "\n[tools.mail]\nsource = \"oci://example.com/post:1\"\nsigned-by = [\"alice\"]\nsigned-as = \"post\"\n";
        assert!(after.contains(added), "{after}");
        assert_eq!(after.replace(added, ""), text);
    }

    #[test]
    fn every_way_to_write_tools_takes_one_more() {
        for text in [
            "version = 1\n",
            "version = 1\ntools = { files = { source = 'a' } }\n",
            "version = 1\n[tools]\nfiles.source = 'a'\n",
        ] {
            let parsed: toml::Table = toml::from_str(&with(text, None)).unwrap();
            assert_eq!(parsed["tools"]["mail"]["source"].as_str(), Some("oci://example.com/post:1"), "{text}");
            assert_eq!(parsed["tools"]["mail"].as_table().unwrap().len(), 1);
        }
        let (name, text) = ("mail".parse().unwrap(), "tools = 3");
        let entry = Entry { name: &name, source: "a", signer: None, signed_as: &name };
        assert!(matches!(with_component(text, &entry), Err(Error::NoTable)));
    }

    #[test]
    fn a_private_manifest_stays_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("toolhold.toml");
        std::fs::write(&path, "version = 1\n").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        write(&path, "version = 1 \n").unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
