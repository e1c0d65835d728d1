//! A first look at a page: where its main content is, and which of its tables only arrange things.

use std::collections::BTreeSet;

use html5gum::Token;

use super::attribute;

/// What of a page is its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// What is in `main`, or in an element of that role.
    Main,
    /// What is in the only `article`.
    Article,
    /// Everything but navigation, headers, footers and asides.
    Body,
    /// Everything but scripts and styles.
    Whole,
}

/// What the first look found.
#[derive(Debug)]
pub(super) struct Map {
    pub(super) scope: Scope,
    /// Tables by their number, from 0, that hold other tables.
    pub(super) layout_tables: BTreeSet<usize>,
}

pub(super) fn survey(tokens: impl Iterator<Item = Token>) -> Map {
    let (mut mains, mut articles, mut tables) = (0, 0, 0);
    let (mut open, mut layout_tables) = (Vec::new(), BTreeSet::new());
    for token in tokens {
        match token {
            Token::StartTag(tag) => match tag.name.as_slice() {
                b"main" => mains += 1,
                b"article" => articles += 1,
                b"table" => {
                    layout_tables.extend(open.last().copied());
                    if matches!(attribute(&tag, "role"), Some("presentation" | "none")) {
                        layout_tables.insert(tables);
                    }
                    open.push(tables);
                    tables += 1;
                }
                _ if attribute(&tag, "role") == Some("main") => mains += 1,
                _ => {}
            },
            Token::EndTag(tag) if tag.name.as_slice() == b"table" => drop(open.pop()),
            _ => {}
        }
    }
    let scope = match (mains, articles) {
        (1.., _) => Scope::Main,
        (0, 1) => Scope::Article,
        _ => Scope::Body,
    };
    Map { scope, layout_tables }
}
