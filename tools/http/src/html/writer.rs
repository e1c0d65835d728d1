//! Writes Markdown: white space as HTML means it, blocks with their prefixes.

/// How deep prefixes go. What is nested deeper is written at that depth: a line must not grow with the page.
const MAX_DEPTH: usize = 12;

/// Markdown that grows.
#[derive(Debug, Default)]
pub(super) struct Writer {
    out: String,
    /// Line breaks that come before the next text: 1 ends a line, 2 a block.
    breaks: usize,
    space: bool,
    /// What begins each line: of quotes, and of the text of list items.
    prefixes: Vec<&'static str>,
    /// Prefixes beyond the depth that is written.
    deeper: usize,
    /// Within a cell of a table, everything is on one line.
    in_cell: bool,
    /// The sign of a list item was just written: its text follows on the same line.
    after_marker: bool,
}

impl Writer {
    /// Text, in which any white space is one space.
    pub(super) fn text(&mut self, text: &str) {
        for (number, word) in text.split([' ', '\t', '\n', '\r', '\u{c}']).enumerate() {
            self.space |= number > 0;
            if !word.is_empty() {
                self.settle();
                if self.in_cell { self.out.push_str(&word.replace('|', "\\|")) } else { self.out.push_str(word) }
            }
        }
    }

    /// A sign of Markdown, without space around it.
    pub(super) fn sign(&mut self, sign: &str) {
        self.settle();
        self.out.push_str(sign);
    }

    /// The sign of a list item.
    pub(super) fn marker(&mut self, sign: &str) {
        self.sign(sign);
        self.after_marker = true;
    }

    /// A sign that belongs to what was written last.
    pub(super) fn close(&mut self, sign: &str) {
        self.out.push_str(sign);
    }

    /// Ends the line.
    pub(super) fn line(&mut self) {
        self.end(1);
    }

    /// Ends the block: an empty line follows.
    pub(super) fn block(&mut self) {
        self.end(2);
    }

    fn end(&mut self, breaks: usize) {
        if self.in_cell {
            self.space = true;
        } else if !self.after_marker {
            self.breaks = self.breaks.max(breaks);
            self.space = false;
        }
    }

    /// Lines as they are, such as code.
    pub(super) fn verbatim(&mut self, text: &str) {
        if self.in_cell {
            self.text(text);
            return;
        }
        for line in text.lines() {
            self.settle();
            self.out.push_str(line);
            self.breaks = 1;
        }
    }

    pub(super) fn indent(&mut self, prefix: &'static str) {
        if self.prefixes.len() < MAX_DEPTH {
            self.prefixes.push(prefix);
        } else {
            self.deeper += 1;
        }
    }

    pub(super) fn outdent(&mut self) {
        match self.deeper.checked_sub(1) {
            Some(less) => self.deeper = less,
            None => {
                self.prefixes.pop();
            }
        }
    }

    pub(super) fn begin_cell(&mut self) {
        self.sign("|");
        self.in_cell = true;
        self.space = true;
    }

    pub(super) fn end_cell(&mut self) {
        self.in_cell = false;
        self.space = false;
        self.out.push(' ');
    }

    /// How much there is: a place to come back to.
    pub(super) fn position(&self) -> usize {
        self.out.len()
    }

    /// What was written since `position`.
    pub(super) fn since(&self, position: usize) -> &str {
        self.out.get(position..).unwrap_or_default()
    }

    /// Takes back what was written since `position`.
    pub(super) fn take_back(&mut self, position: usize) {
        self.out.truncate(position);
    }

    pub(super) fn finish(mut self) -> String {
        self.out.truncate(self.out.trim_end().len());
        self.out
    }

    /// Writes the space or the line breaks that were asked for, now that something follows.
    fn settle(&mut self) {
        if self.out.is_empty() {
            self.prefixes.iter().for_each(|prefix| self.out.push_str(prefix));
        } else if self.breaks > 0 {
            for number in 1..=self.breaks {
                let end = self.out.trim_end_matches(' ').len();
                self.out.truncate(end);
                self.out.push('\n');
                let blank = number < self.breaks;
                // An empty line of a list belongs to it without a prefix.
                self.prefixes.iter().filter(|prefix| !blank || prefix.starts_with('>')).for_each(|prefix| {
                    self.out.push_str(prefix);
                });
            }
        } else if self.space && !self.out.ends_with([' ', '\n', '[']) {
            self.out.push(' ');
        }
        self.breaks = 0;
        self.space = false;
        self.after_marker = false;
    }
}
