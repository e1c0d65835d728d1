//! HTML as Markdown: what a page says, without what is around it.
//!
//! A tokenizer that follows the standard, and no tree: pages are broken in every way, and a document that nests a hundred
//! thousand deep must cost no more than its length. Elements are matched as they come; what is never closed ends with the
//! page. Text is not escaped: a model reads it, no browser does.

mod render;
mod select;
mod writer;

use html5gum::emitters::default::DefaultEmitter;
use html5gum::{StartTag, Token, Tokenizer};
use url::Url;

use self::render::Renderer;
use self::select::Scope;

/// A page.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Document {
    pub(crate) title: Option<String>,
    pub(crate) markdown: String,
}

/// The main content of `html`, whose links are relative to `base`.
pub(crate) fn to_markdown(html: &str, base: &Url) -> Document {
    let map = select::survey(tokens(html));
    let document = Renderer::new(base, map.scope, &map.layout_tables).render(tokens(html));
    if document.markdown.is_empty() && map.scope != Scope::Whole {
        // A page that is all navigation, or whose navigation is never closed.
        return Renderer::new(base, Scope::Whole, &map.layout_tables).render(tokens(html));
    }
    document
}

fn tokens(html: &str) -> impl Iterator<Item = Token> {
    let mut emitter = DefaultEmitter::default();
    // Without a tree, scripts and styles are texts because of their names.
    emitter.naively_switch_states(true);
    Tokenizer::new_with_emitter(html, emitter).filter_map(Result::ok)
}

/// An attribute's value.
fn attribute<'t>(tag: &'t StartTag<()>, name: &str) -> Option<&'t str> {
    std::str::from_utf8(tag.attributes.get(name.as_bytes())?).ok()
}

/// Elements that have no end.
fn is_void(name: &str) -> bool {
    matches!(
        name,
        "area"
            | "base"
            | "br"
            | "col"
            | "embed"
            | "hr"
            | "img"
            | "input"
            | "link"
            | "meta"
            | "source"
            | "track"
            | "wbr"
    )
}
