//! Writes a component's description into its `toolhold:tool` custom section, so that it is listed and judged without
//! running it. Adds and replaces that one section at the top level; every other byte of the component stays as it is.

use toolhold_core::describe::{Description, SECTION};
use wasm_encoder::{ComponentSection as _, CustomSection};
use wasmparser::{Parser, Payload};

/// Why a section could not be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Not WebAssembly, or broken.
    #[error("not a readable component: {0}")]
    Parse(#[from] wasmparser::BinaryReaderError),
    /// The description has no JSON form.
    #[error("the description cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// `component` with `description` as its one `toolhold:tool` section.
///
/// # Errors
///
/// [`Error::Parse`] if the bytes are not WebAssembly.
pub(crate) fn with_description(component: &[u8], description: &Description) -> Result<Vec<u8>, Error> {
    let text = serde_json::to_vec(description)?;
    let mut out = without_description(component)?;
    CustomSection { name: SECTION.into(), data: text.into() }.append_to_component(&mut out);
    Ok(out)
}

/// `component` without the section, however often it is there.
///
/// # Errors
///
/// [`Error::Parse`] if the bytes are not WebAssembly.
pub(crate) fn without_description(component: &[u8]) -> Result<Vec<u8>, Error> {
    let mut out = Vec::with_capacity(component.len());
    let (mut kept, mut depth) = (0, 0_u32);
    for payload in Parser::new(0).parse_all(component) {
        match payload? {
            // Nested modules and components have sections of their own; only the outermost ones are ours.
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::CustomSection(section) if depth == 1 && section.name() == SECTION => {
                let range = section.range();
                let start = section_start(component, range.start, range.len());
                out.extend_from_slice(component.get(kept..start).unwrap_or_default());
                kept = range.end;
            }
            _ => {}
        }
    }
    out.extend_from_slice(component.get(kept..).unwrap_or_default());
    Ok(out)
}

/// Where the section whose content starts at `content` begins: its id byte and the LEB128 of its size come before.
fn section_start(bytes: &[u8], content: usize, size: usize) -> usize {
    for leb in 1..=5 {
        let Some(start) = content.checked_sub(leb + 1) else { break };
        if bytes.get(start) == Some(&0) && read_leb(bytes.get(start + 1..content).unwrap_or_default()) == Some(size) {
            return start;
        }
    }
    content
}

/// The LEB128 number that `bytes` is, all of them.
fn read_leb(bytes: &[u8]) -> Option<usize> {
    let (last, rest) = bytes.split_last()?;
    if last & 0x80 != 0 || rest.iter().any(|byte| byte & 0x80 == 0) {
        return None;
    }
    bytes.iter().rev().try_fold(0_usize, |sum, byte| sum.checked_mul(128)?.checked_add(usize::from(byte & 0x7f)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY_COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

    fn sections(component: &[u8]) -> Vec<(String, Vec<u8>)> {
        Parser::new(0)
            .parse_all(component)
            .filter_map(|payload| match payload.unwrap() {
                Payload::CustomSection(section) => Some((section.name().to_owned(), section.data().to_vec())),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn the_section_is_written_once_however_often_it_is_packed() {
        let mut description = Description { format: 1, tools: vec![] };
        let once = with_description(EMPTY_COMPONENT, &description).unwrap();
        description.format = 7;
        let twice = with_description(&once, &description).unwrap();
        assert_eq!(once.len(), twice.len());
        let found = sections(&twice);
        assert_eq!(found.len(), 1);
        assert_eq!(serde_json::from_slice::<Description>(&found[0].1).unwrap(), description);
    }

    #[test]
    fn sections_of_others_stay_where_they_are() {
        let mut component = EMPTY_COMPONENT.to_vec();
        CustomSection { name: "theirs".into(), data: vec![7; 300].into() }.append_to_component(&mut component);
        let packed = with_description(&component, &Description { format: 1, tools: vec![] }).unwrap();
        assert_eq!(packed[..component.len()], component[..]);
        assert_eq!(without_description(&packed).unwrap(), component);
    }

    #[test]
    fn what_is_not_wasm_is_an_error() {
        assert!(with_description(b"hello", &Description { format: 1, tools: vec![] }).is_err());
    }
}
