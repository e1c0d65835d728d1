//! HTML that came out of a template, and nothing else.
//!
//! There is no other way to make [`Html`] than to render a template, in which every value is escaped unless it is [`Html`]
//! itself. So no text of a guest, a model or a remote is ever markup, and no template needs to say which of its values are safe.

use std::fmt;

use askama::Template;
use askama::filters::HtmlSafe;

/// A piece of a page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Html(String);

impl Html {
    /// What `template` comes to. One that fails comes to a line that says so: it never shows half of what it should.
    pub(super) fn of(template: &impl Template) -> Self {
        Self(template.render().unwrap_or_else(|_| "<p>This part could not be shown.</p>".to_owned()))
    }

    /// The text.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Html {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl HtmlSafe for Html {}

impl FromIterator<Self> for Html {
    fn from_iter<I: IntoIterator<Item = Self>>(pieces: I) -> Self {
        Self(pieces.into_iter().map(|piece| piece.0).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Template)]
    #[template(ext = "html", source = "<b title=\"{{ text }}\">{{ text }}</b>")]
    struct Inner<'a> {
        text: &'a str,
    }

    #[derive(Template)]
    #[template(ext = "html", source = "<p>{{ inner }}{{ text }}</p>")]
    struct Outer<'a> {
        inner: Html,
        text: &'a str,
    }

    #[test]
    fn a_piece_is_escaped_once_and_a_text_always() {
        let inner = Html::of(&Inner { text: "<i>\"&'" });
        let outer = Html::of(&Outer { inner, text: "<b>" });
        let shown = "&#60;i&#62;&#34;&#38;&#39;";
        assert_eq!(outer.as_str(), format!("<p><b title=\"{shown}\">{shown}</b>&#60;b&#62;</p>"));
    }
}
