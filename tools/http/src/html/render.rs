//! The second look at a page: its elements, one by one, as Markdown.

use std::collections::BTreeSet;

use html5gum::{StartTag, Token};
use url::Url;

use super::select::Scope;
use super::writer::Writer;
use super::{Document, attribute, is_void};

/// A page on its way to Markdown.
pub(super) struct Renderer<'a> {
    base: &'a Url,
    scope: Scope,
    layout_tables: &'a BTreeSet<usize>,
    out: Writer,
    title: String,
    in_title: bool,
    /// The element that the content is in, and how many of its name are open. `None` outside of it.
    within: Option<(String, usize)>,
    /// An element that is left out, and how many of its name are open.
    dropped: Option<(String, usize)>,
    /// Code that is written when it is complete, with its language.
    pre: Option<(String, String)>,
    /// How many of each [`Mark`] are open.
    marks: [usize; 3],
    lists: Vec<List>,
    /// The target of the open link, and where its text begins.
    link: Option<(String, usize)>,
    tables: Vec<Table>,
    tables_seen: usize,
}

/// What is marked within a line.
#[derive(Debug, Clone, Copy)]
enum Mark {
    Strong,
    Emphasis,
    Code,
}

impl Mark {
    fn sign(self) -> &'static str {
        match self {
            Self::Strong => "**",
            Self::Emphasis => "*",
            Self::Code => "`",
        }
    }
}

#[derive(Debug, Default)]
struct List {
    /// The number of the next item, if they are numbered.
    next: Option<u64>,
    in_item: bool,
}

#[derive(Debug, Default)]
struct Table {
    is_layout: bool,
    rows: usize,
    /// Cells of the open row.
    cells: usize,
    in_cell: bool,
}

impl<'a> Renderer<'a> {
    pub(super) fn new(base: &'a Url, scope: Scope, layout_tables: &'a BTreeSet<usize>) -> Self {
        Self {
            base,
            scope,
            layout_tables,
            out: Writer::default(),
            title: String::new(),
            in_title: false,
            within: None,
            dropped: None,
            pre: None,
            marks: [0; 3],
            lists: Vec::new(),
            link: None,
            tables: Vec::new(),
            tables_seen: 0,
        }
    }

    pub(super) fn render(mut self, tokens: impl Iterator<Item = Token>) -> Document {
        for token in tokens {
            match token {
                Token::StartTag(tag) => {
                    let name = String::from_utf8_lossy(&tag.name).into_owned();
                    self.start(&name, &tag);
                }
                Token::EndTag(tag) => self.end(&String::from_utf8_lossy(&tag.name)),
                Token::String(text) => self.text(&String::from_utf8_lossy(&text)),
                Token::Comment(_) | Token::Doctype(_) | Token::Error(_) => {}
            }
        }
        self.end_pre();
        self.end_link();
        let title = self.title.split_whitespace().collect::<Vec<_>>().join(" ");
        Document { title: (!title.is_empty()).then_some(title), markdown: self.out.finish() }
    }

    fn text(&mut self, text: &str) {
        if self.in_title {
            self.title.push_str(text);
        } else if self.is_shown() {
            match &mut self.pre {
                Some((code, _)) => code.push_str(text),
                None => self.out.text(text),
            }
        }
    }

    fn is_shown(&self) -> bool {
        let inside = self.within.is_some() || matches!(self.scope, Scope::Body | Scope::Whole);
        inside && self.dropped.is_none()
    }

    fn start(&mut self, name: &str, tag: &StartTag<()>) {
        if let Some((dropped, depth)) = &mut self.dropped {
            *depth += usize::from(dropped == name);
            return;
        }
        if name == "title" && self.title.is_empty() && self.out.position() == 0 {
            self.in_title = true;
        }
        if let Some((within, depth)) = &mut self.within {
            *depth += usize::from(within == name);
        } else if self.is_content(name, tag) {
            self.within = Some((name.to_owned(), 1));
        }
        if self.is_dropped(name, tag) {
            if !is_void(name) && !tag.self_closing {
                self.dropped = Some((name.to_owned(), 1));
            }
        } else if self.is_shown() {
            self.open(name, tag);
        }
    }

    fn is_content(&self, name: &str, tag: &StartTag<()>) -> bool {
        match self.scope {
            Scope::Main => name == "main" || attribute(tag, "role") == Some("main"),
            Scope::Article => name == "article",
            Scope::Body | Scope::Whole => false,
        }
    }

    fn is_dropped(&self, name: &str, tag: &StartTag<()>) -> bool {
        match name {
            "script" | "style" | "noscript" | "template" | "svg" | "math" | "iframe" | "object" | "canvas"
            | "audio" | "video" | "textarea" | "select" | "button" | "input" | "dialog" => true,
            _ if self.scope == Scope::Whole => false,
            "nav" => true,
            // Within the content, a header holds its heading.
            "header" | "footer" | "aside" => self.scope == Scope::Body,
            _ => {
                let hidden =
                    tag.attributes.contains_key(b"hidden".as_slice()) || attribute(tag, "aria-hidden") == Some("true");
                hidden || attribute(tag, "role") == Some("navigation")
            }
        }
    }

    fn open(&mut self, name: &str, tag: &StartTag<()>) {
        match name {
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => {
                let level = name.bytes().last().map_or(1, |digit| usize::from(digit.saturating_sub(b'0')));
                self.out.block();
                self.out.sign(&format!("{} ", "#".repeat(level)));
            }
            "br" => self.out.line(),
            "hr" => {
                self.out.block();
                self.out.sign("---");
                self.out.block();
            }
            "strong" | "b" => self.open_mark(Mark::Strong),
            "em" | "i" => self.open_mark(Mark::Emphasis),
            "code" | "kbd" | "samp" | "pre" => self.open_code(name, tag),
            "a" => self.open_link(tag),
            "img" => self.image(tag),
            "ul" | "ol" => self.open_list(name, tag),
            "li" => self.open_item(),
            "blockquote" => {
                self.out.block();
                self.out.indent("> ");
            }
            "table" | "tr" | "td" | "th" => self.open_table(name),
            "dd" => {
                self.out.line();
                self.out.sign(": ");
            }
            _ if is_block(name) => self.out.block(),
            _ => {}
        }
    }

    fn end(&mut self, name: &str) {
        if let Some((dropped, depth)) = &mut self.dropped {
            *depth -= usize::from(dropped == name);
            if *depth == 0 {
                self.dropped = None;
            }
            return;
        }
        if name == "title" {
            self.in_title = false;
        }
        if self.is_shown() {
            self.close(name);
        }
        if let Some((within, depth)) = &mut self.within {
            *depth -= usize::from(within == name);
            if *depth == 0 {
                self.out.block();
                self.within = None;
            }
        }
    }

    fn close(&mut self, name: &str) {
        match name {
            "strong" | "b" => self.close_mark(Mark::Strong),
            "em" | "i" => self.close_mark(Mark::Emphasis),
            "code" | "kbd" | "samp" if self.pre.is_none() => self.close_mark(Mark::Code),
            "pre" => self.end_pre(),
            "a" => self.end_link(),
            "ul" | "ol" => self.close_list(),
            "li" => self.close_item(),
            "blockquote" => {
                self.out.block();
                self.out.outdent();
            }
            "table" | "tr" | "td" | "th" => self.close_table(name),
            "dt" => self.out.line(),
            _ if is_block(name) => self.out.block(),
            _ => {}
        }
    }

    fn open_code(&mut self, name: &str, tag: &StartTag<()>) {
        let classes = attribute(tag, "class").unwrap_or_default();
        let language = classes.split_whitespace().find_map(|class| class.strip_prefix("language-"));
        match (&mut self.pre, name) {
            (None, "pre") => self.pre = Some((String::new(), language.unwrap_or_default().to_owned())),
            (Some((_, known)), _) => *known = language.map_or_else(|| std::mem::take(known), str::to_owned),
            (None, _) => self.open_mark(Mark::Code),
        }
    }

    fn open_mark(&mut self, mark: Mark) {
        self.out.sign(mark.sign());
        if let Some(open) = self.marks.get_mut(mark as usize) {
            *open += 1;
        }
    }

    fn close_mark(&mut self, mark: Mark) {
        if let Some(open) = self.marks.get_mut(mark as usize).filter(|open| **open > 0) {
            *open -= 1;
            self.out.close(mark.sign());
        }
    }

    fn end_pre(&mut self) {
        let Some((code, language)) = self.pre.take() else { return };
        // Longer than any row of backticks in the code.
        let longest = code.split(|sign| sign != '`').map(str::len).max().unwrap_or(0);
        let fence = "`".repeat(longest.max(2) + 1);
        self.out.block();
        self.out.verbatim(&format!("{fence}{language}\n{}\n{fence}", code.trim_matches('\n')));
        self.out.block();
    }

    fn open_link(&mut self, tag: &StartTag<()>) {
        self.end_link();
        let target = attribute(tag, "href").filter(|target| !target.starts_with('#'));
        let url = target.and_then(|target| self.base.join(target.trim()).ok());
        if let Some(url) = url.filter(|url| matches!(url.scheme(), "http" | "https" | "mailto")) {
            self.out.sign("[");
            self.link = Some((url.into(), self.out.position()));
        }
    }

    fn end_link(&mut self) {
        let Some((target, start)) = self.link.take() else { return };
        if self.out.since(start).trim().is_empty() {
            self.out.take_back(start.saturating_sub(1));
        } else {
            self.out.close(&format!("]({target})"));
        }
    }

    fn image(&mut self, tag: &StartTag<()>) {
        if let Some(alt) = attribute(tag, "alt").map(str::trim).filter(|alt| !alt.is_empty()) {
            self.out.text(&format!("[image: {alt}]"));
        }
    }

    fn open_list(&mut self, name: &str, tag: &StartTag<()>) {
        let first = attribute(tag, "start").and_then(|start| start.parse().ok()).unwrap_or(1);
        if self.lists.is_empty() {
            self.out.block()
        } else {
            self.out.line()
        }
        self.lists.push(List { next: (name == "ol").then_some(first), in_item: false });
    }

    fn close_list(&mut self) {
        self.close_item();
        self.lists.pop();
        if self.lists.is_empty() { self.out.block() } else { self.out.line() }
    }

    fn open_item(&mut self) {
        self.close_item();
        self.out.line();
        let Some(list) = self.lists.last_mut() else {
            self.out.marker("- ");
            return;
        };
        list.in_item = true;
        match &mut list.next {
            Some(number) => {
                let sign = format!("{number}. ");
                *number = number.saturating_add(1);
                self.out.marker(&sign);
                self.out.indent("   ");
            }
            None => {
                self.out.marker("- ");
                self.out.indent("  ");
            }
        }
    }

    fn close_item(&mut self) {
        if let Some(list) = self.lists.last_mut().filter(|list| list.in_item) {
            list.in_item = false;
            self.out.outdent();
            self.out.line();
        }
    }

    fn open_table(&mut self, name: &str) {
        if name == "table" {
            self.out.block();
            let is_layout = self.layout_tables.contains(&self.tables_seen);
            self.tables_seen += 1;
            self.tables.push(Table { is_layout, ..Table::default() });
            return;
        }
        self.close_table(if name == "tr" { "tr" } else { "td" });
        let Some(table) = self.tables.last_mut() else { return };
        if table.is_layout {
            self.out.line();
        } else if name != "tr" {
            table.in_cell = true;
            table.cells += 1;
            self.out.begin_cell();
        }
    }

    fn close_table(&mut self, name: &str) {
        let Some(table) = self.tables.last_mut() else { return };
        if std::mem::take(&mut table.in_cell) {
            self.out.end_cell();
        }
        if name == "td" || name == "th" {
            return;
        }
        let cells = std::mem::take(&mut table.cells);
        if cells > 0 {
            table.rows += 1;
            self.out.close("|");
            self.out.line();
            if table.rows == 1 {
                self.out.sign(&format!("|{}", " --- |".repeat(cells)));
                self.out.line();
            }
        }
        if name == "table" {
            self.tables.pop();
            self.out.block();
        }
    }
}

fn is_block(name: &str) -> bool {
    matches!(
        name,
        "address"
            | "article"
            | "aside"
            | "body"
            | "caption"
            | "details"
            | "div"
            | "dl"
            | "dt"
            | "dd"
            | "fieldset"
            | "figcaption"
            | "figure"
            | "footer"
            | "form"
            | "h1"
            | "h2"
            | "h3"
            | "h4"
            | "h5"
            | "h6"
            | "header"
            | "html"
            | "main"
            | "nav"
            | "p"
            | "section"
            | "summary"
            | "tbody"
            | "thead"
            | "tfoot"
    )
}
