//! Text runs and element borders become lines.
//!
//! Keeps a stack of its own beside the parser's, because the parser does not know which start tags end an open paragraph,
//! list item or cell whose end tag is missing; without that, one hidden paragraph would hide the rest of its page.

use std::mem;

use super::{Extract, element::Kind};

/// How far up the stack an element with a missing end tag is looked for: bounds the work for each tag.
const LOOK_UP_MAX: usize = 64;

/// The first estimate of a page's text, as a part of its bytes.
const TEXT_SHARE: usize = 8;

/// White space as HTML defines it. A no-break space is a character of its own.
const SPACES: [char; 5] = [' ', '\t', '\n', '\r', '\x0C'];

/// What separates the next text from the text before; the widest one wanted wins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Gap {
    #[default]
    None,
    Space,
    Tab,
    Line,
    EmptyLine,
}

/// An open element.
struct Open {
    id: u64,
    kind: Kind,
    hides: bool,
}

/// Text under construction.
#[derive(Default)]
pub(super) struct Layout {
    title: String,
    text: String,
    gap: Gap,
    /// Open elements; ids grow from the bottom to the top.
    stack: Vec<Open>,
    ids: u64,
    /// The text node being read: it arrives in pieces, and a character reference may be cut.
    node: String,
    /// Open elements that hide, drop, and keep white space.
    hiding: usize,
    dropping: usize,
    preformatted: usize,
    /// Whether text belongs to the title, and whether there has been a title.
    in_title: bool,
    titled: bool,
    /// Whether a line break at this place is the one after `<pre>`, which does not count.
    after_pre_tag: bool,
    hidden_bytes: usize,
}

impl Layout {
    /// An empty layout for a page of this many bytes.
    pub(super) fn new(html_bytes: usize) -> Self {
        Self { text: String::with_capacity(html_bytes / TEXT_SHARE), ..Self::default() }
    }

    /// A start tag. Returns the id to close the element with, if it can have content.
    pub(super) fn open(&mut self, kind: Kind, hides: bool, can_have_content: bool) -> Option<u64> {
        if self.dropping == 0 {
            self.end_implied(kind);
            self.border(kind);
            if kind == Kind::Break {
                self.gap = if self.gap >= Gap::Line { Gap::EmptyLine } else { Gap::Line };
            }
        }
        if !can_have_content {
            return None;
        }
        self.ids += 1;
        let hides = hides || kind == Kind::Template;
        self.hiding += usize::from(hides);
        match kind {
            Kind::Dropped => self.dropping += 1,
            Kind::Preformatted => {
                self.preformatted += 1;
                self.after_pre_tag = true;
            }
            Kind::Title => {
                // The title of an image within the page is none of the page's.
                self.in_title = self.dropping == 0 && !mem::replace(&mut self.titled, true);
                self.dropping += usize::from(!self.in_title);
            }
            _ => {}
        }
        // A second title is dropped like any other element without text of the page.
        let kind = if kind == Kind::Title && !self.in_title { Kind::Dropped } else { kind };
        self.stack.push(Open { id: self.ids, kind, hides });
        Some(self.ids)
    }

    /// The end of the element with this id, and of all that is open within it.
    pub(super) fn close(&mut self, id: u64) {
        if let Ok(at) = self.stack.binary_search_by_key(&id, |open| open.id) {
            self.pop_to(at);
        }
    }

    /// Ends the elements whose end tag is missing before a start tag of this kind.
    fn end_implied(&mut self, next: Kind) {
        let mut ends_at = None;
        for (at, open) in self.stack.iter().enumerate().rev().take(LOOK_UP_MAX) {
            if open.kind.ends_before(next) {
                ends_at = Some(at);
            } else if !open.kind.is_transparent_for(next) {
                break;
            }
        }
        if let Some(at) = ends_at {
            self.pop_to(at);
        }
    }

    fn pop_to(&mut self, at: usize) {
        while self.stack.len() > at {
            let Some(open) = self.stack.pop() else { return };
            self.hiding -= usize::from(open.hides);
            match open.kind {
                Kind::Dropped => self.dropping -= 1,
                Kind::Preformatted => self.preformatted -= 1,
                Kind::Title => self.in_title = false,
                _ => {}
            }
            if self.dropping == 0 {
                self.border(open.kind);
            }
        }
    }

    /// The separation that the border of an element makes, at its beginning and at its end.
    fn border(&mut self, kind: Kind) {
        if kind.is_block() {
            self.gap = self.gap.max(Gap::Line);
        } else if kind == Kind::Cell {
            self.gap = self.gap.max(Gap::Tab);
        }
        self.after_pre_tag = false;
    }

    /// A piece of a text node. `references`: whether it may hold character references.
    pub(super) fn text(&mut self, piece: &str, last: bool, references: bool) {
        if self.dropping > 0 {
            return;
        }
        self.node.push_str(piece);
        if !last {
            return;
        }
        let mut node = mem::take(&mut self.node);
        if references && node.contains('&') {
            node = htmlize::unescape(node).into_owned();
        }
        if self.hiding > 0 {
            self.hidden_bytes += node.trim().len();
        } else if self.in_title {
            self.title.push_str(&node);
        } else if self.preformatted > 0 {
            self.keep(&node);
        } else {
            self.collapse(&node);
        }
        node.clear();
        self.node = node;
    }

    /// Text whose white space counts.
    fn keep(&mut self, node: &str) {
        let mut node = node;
        if mem::take(&mut self.after_pre_tag) {
            node = node.strip_prefix("\r\n").or_else(|| node.strip_prefix('\n')).unwrap_or(node);
        }
        if !node.is_empty() {
            self.separate();
            self.text.extend(node.split("\r\n").flat_map(|line| ["\n", line]).skip(1));
        }
    }

    /// Text whose white space is one space.
    fn collapse(&mut self, node: &str) {
        let mut rest = node;
        while let Some(start) = rest.bytes().position(|byte| !is_space(byte)) {
            if start > 0 {
                self.gap = self.gap.max(Gap::Space);
            }
            rest = &rest[start..];
            let end = rest.bytes().position(is_space).unwrap_or(rest.len());
            self.separate();
            self.text.push_str(&rest[..end]);
            rest = &rest[end..];
        }
        if !rest.is_empty() {
            self.gap = self.gap.max(Gap::Space);
        }
    }

    /// Writes what separates the coming text from the text before.
    fn separate(&mut self) {
        let gap = mem::take(&mut self.gap);
        let at_line_start = self.text.is_empty() || self.text.ends_with('\n');
        self.text.push_str(match gap {
            _ if self.text.is_empty() => "",
            Gap::EmptyLine if at_line_start => "\n",
            Gap::EmptyLine => "\n\n",
            _ if at_line_start => "",
            Gap::None => "",
            Gap::Space => " ",
            Gap::Tab => "\t",
            Gap::Line => "\n",
        });
    }

    /// The page's text: the title, if any, and then the lines.
    pub(super) fn finish(mut self) -> Extract {
        self.text.truncate(self.text.trim_end_matches(['\n', ' ', '\t']).len());
        let title: Vec<&str> = self.title.split(SPACES).filter(|word| !word.is_empty()).collect();
        let text = match (title.is_empty(), self.text.is_empty()) {
            (true, _) => self.text,
            (false, true) => title.join(" "),
            (false, false) => format!("{}\n{}", title.join(" "), self.text),
        };
        Extract { text, hidden_bytes: self.hidden_bytes }
    }
}

/// Whether a byte is one of [`SPACES`].
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0C)
}
