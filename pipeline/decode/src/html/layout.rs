//! Text runs and element epoch boundaries become lines: what a reader sees, what is gone, and what is there and cannot be seen.

use std::mem;

use super::{
    element::{Element, Kind},
    lines::Line,
    token::{Text, is_space},
};

/// The first estimate of a page's text, as a part of its bytes.
const TEXT_SHARE: usize = 8;
/// Bytes of each kind of hidden text that are kept; more is counted.
const HIDDEN_BYTES_MAX: usize = 64 << 10;

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

/// Whether a reader sees a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sight {
    /// It is on the page.
    Shown,
    /// It is not rendered, or not before somebody asks for it.
    Hidden,
    /// It is rendered so that nobody sees it.
    Disguised,
}

/// How a text stands on the page: what holds for all open elements together.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each holds or not, whatever the others do")]
pub(super) struct Standing {
    /// Within a link.
    pub linked: bool,
    /// Around the page's matter by element or role.
    pub aside: bool,
    /// The same, by name.
    pub named: bool,
    /// Within a heading.
    pub heading: bool,
    /// White space counts.
    pub preformatted: bool,
    /// Within an item of a list or a row of a table.
    pub listed: bool,
}

/// Text under construction.
#[derive(Debug, Default)]
struct Run {
    text: String,
    gap: Gap,
    lines: Vec<Line>,
    line: Line,
    /// Where the last line begins.
    line_start: usize,
}

/// A page's text under construction.
#[derive(Debug, Default)]
pub(super) struct Layout {
    title: String,
    shown: Run,
    hidden: Run,
    disguised: Run,
    /// Bytes of hidden text of both kinds, kept or not.
    hidden_bytes: usize,
    /// Where the text of the innermost cell begins.
    cell_from: usize,
    /// Whether a line break at this place is the one after `<pre>`, which does not count.
    after_pre_tag: bool,
    /// Decoded character references.
    decoded: String,
}

/// What a page holds.
#[derive(Debug, Default)]
pub(super) struct Laid {
    /// Its title, on one line.
    pub title: String,
    /// What a reader sees.
    pub shown: String,
    /// How its lines came to be.
    pub lines: Vec<Line>,
    /// What is not rendered.
    pub hidden: String,
    /// What is rendered so that nobody sees it.
    pub disguised: String,
    /// Bytes of the last two, also of what was too long to keep.
    pub hidden_bytes: usize,
}

impl Layout {
    /// An empty layout for a page of this many bytes.
    pub(super) fn new(html_bytes: usize) -> Self {
        let shown = Run { text: String::with_capacity(html_bytes / TEXT_SHARE), ..Run::default() };
        Self { shown, ..Self::default() }
    }

    /// Where text goes on: an element that ends there knows what it held.
    pub(super) fn at(&self) -> usize {
        self.shown.text.len()
    }

    /// The epoch boundary at an element's beginning; `shown`: whether its text is.
    pub(super) fn begin(&mut self, element: Element, shown: bool) {
        match element.kind {
            Kind::Break => {
                let gap = if self.shown.gap >= Gap::Line { Gap::EmptyLine } else { Gap::Line };
                self.widen(gap);
            }
            Kind::Cell => {
                self.widen(Gap::Tab);
                self.cell_from = self.at();
            }
            // A block that begins a cell begins no line.
            kind if kind.is_block() && !(self.shown.gap == Gap::Tab && self.cell_from == self.at()) => self.widen(Gap::Line),
            Kind::Reading if shown => self.sign("("),
            _ => {}
        }
        self.after_pre_tag = element.kind == Kind::Preformatted;
    }

    /// The epoch boundary at an element's end; `from` is where it began, `shown` whether its text is.
    pub(super) fn end(&mut self, kind: Kind, from: usize, shown: bool) {
        match kind {
            // Blocks within a cell end no line of its row, unless the cell has lines of its own.
            Kind::Cell if self.shown.gap <= Gap::Line && self.at() > from && !self.has_line_since(from) => {
                self.shown.gap = Gap::Tab;
            }
            Kind::Cell => self.widen(Gap::Tab),
            Kind::Reading if shown => self.sign(")"),
            kind if kind.is_block() => self.widen(Gap::Line),
            _ => {}
        }
        self.after_pre_tag = false;
    }

    /// Whether a line has begun since, the one that the text there begins with aside.
    fn has_line_since(&self, from: usize) -> bool {
        self.shown.line_start > from + 1
    }

    /// Hidden text that comes next stands apart from what was hidden before.
    pub(super) fn set_apart(&mut self) {
        for run in [&mut self.hidden, &mut self.disguised] {
            run.gap = run.gap.max(Gap::Line);
        }
    }

    fn widen(&mut self, gap: Gap) {
        for run in [&mut self.shown, &mut self.hidden, &mut self.disguised] {
            run.gap = run.gap.max(gap);
        }
    }

    /// A sign beside a reading, where the base text was written.
    fn sign(&mut self, sign: &str) {
        if !self.shown.text.is_empty() {
            self.shown.gap = Gap::None;
            self.shown.push(sign, Standing::default());
        }
    }

    /// A title, if it is the first one.
    pub(super) fn title(&mut self, text: Text<'_>) {
        if self.title.is_empty() {
            let decoded = if text.references { htmlize::unescape(text.source) } else { text.source.into() };
            for word in decoded.split([' ', '\t', '\n', '\r', '\x0C']).filter(|word| !word.is_empty()) {
                self.title.push_str(if self.title.is_empty() { "" } else { " " });
                self.title.push_str(word);
            }
        }
    }

    /// Text of the page.
    pub(super) fn text(&mut self, text: Text<'_>, sight: Sight, standing: Standing) {
        let mut decoded = mem::take(&mut self.decoded);
        let source = if text.references && text.source.contains('&') {
            decoded.clear();
            decoded.push_str(&htmlize::unescape(text.source));
            decoded.as_str()
        } else {
            text.source
        };
        let run = match sight {
            Sight::Shown => &mut self.shown,
            Sight::Hidden => &mut self.hidden,
            Sight::Disguised => &mut self.disguised,
        };
        let room = if sight == Sight::Shown {
            usize::MAX
        } else {
            self.hidden_bytes += source.trim().len();
            HIDDEN_BYTES_MAX.saturating_sub(run.text.len())
        };
        let source = &source[..source.floor_char_boundary(room)];
        if standing.preformatted {
            let rest = if mem::take(&mut self.after_pre_tag) { without_break(source) } else { source };
            run.keep(rest, standing);
        } else {
            run.collapse(source, standing);
        }
        self.decoded = decoded;
    }

    /// What has come together.
    pub(super) fn finish(self) -> Laid {
        let (shown, lines) = self.shown.finish();
        Laid {
            title: self.title,
            shown,
            lines,
            hidden: self.hidden.finish().0,
            disguised: self.disguised.finish().0,
            hidden_bytes: self.hidden_bytes,
        }
    }
}

/// Text without the line break that it may begin with.
fn without_break(text: &str) -> &str {
    text.strip_prefix("\r\n").or_else(|| text.strip_prefix('\n')).unwrap_or(text)
}

impl Run {
    /// Text whose white space counts.
    fn keep(&mut self, text: &str, standing: Standing) {
        if text.is_empty() {
            return;
        }
        self.separate();
        for (i, line) in text.split('\n').enumerate() {
            if i > 0 {
                self.break_line();
            }
            self.push(line.strip_suffix('\r').unwrap_or(line), standing);
        }
    }

    /// Text whose white space is one space.
    fn collapse(&mut self, text: &str, standing: Standing) {
        let bytes = text.as_bytes();
        let mut at = 0;
        while let Some(start) = bytes[at..].iter().position(|&b| !is_space(b)).map(|found| at + found) {
            if start > at {
                self.gap = self.gap.max(Gap::Space);
            }
            // Words with single spaces between are copied together.
            let mut end = start;
            loop {
                end += bytes[end..].iter().position(|&b| is_space(b)).unwrap_or(bytes.len() - end);
                let goes_on = bytes.get(end) == Some(&b' ') && bytes.get(end + 1).is_some_and(|&b| !is_space(b));
                if !goes_on {
                    break;
                }
                end += 1;
            }
            self.separate();
            self.push(&text[start..end], standing);
            at = end;
        }
        if at < bytes.len() {
            self.gap = self.gap.max(Gap::Space);
        }
    }

    fn push(&mut self, text: &str, standing: Standing) {
        self.text.push_str(text);
        let bytes = text.len() as u32;
        let counted = |is: bool| if is { bytes } else { 0 };
        self.line.linked += counted(standing.linked);
        self.line.aside += counted(standing.aside);
        self.line.named += counted(standing.named);
        self.line.heading |= standing.heading && bytes > 0;
        self.line.preformatted |= standing.preformatted && bytes > 0;
        self.line.listed |= standing.listed && bytes > 0;
    }

    fn break_line(&mut self) {
        self.line.end = self.text.len() as u32;
        self.lines.push(mem::take(&mut self.line));
        self.text.push('\n');
        self.line_start = self.text.len();
    }

    /// Writes what separates the coming text from the text before.
    fn separate(&mut self) {
        let gap = mem::take(&mut self.gap);
        if self.text.is_empty() {
            return;
        }
        let at_line_start = self.text.ends_with('\n');
        match gap {
            Gap::EmptyLine => {
                if !at_line_start {
                    self.break_line();
                }
                self.break_line();
            }
            Gap::Line if !at_line_start => self.break_line(),
            Gap::Space if !at_line_start => self.text.push(' '),
            Gap::Tab if !at_line_start => self.text.push('\t'),
            _ => {}
        }
    }

    /// The text without what it ends with, and its lines.
    fn finish(mut self) -> (String, Vec<Line>) {
        self.line.end = self.text.len() as u32;
        self.lines.push(self.line);
        let length = self.text.trim_end_matches(['\n', ' ', '\t']).len();
        self.text.truncate(length);
        let lines = 1 + self.lines.iter().take_while(|line| (line.end as usize) < length).count();
        self.lines.truncate(lines);
        if let Some(last) = self.lines.last_mut() {
            last.end = length as u32;
        }
        if self.text.is_empty() {
            self.lines.clear();
        }
        (self.text, self.lines)
    }
}
