//! How do the texts and elements of a page become lines?
//!
//! Three texts are laid out side by side: the text that a reader sees, the text that is not
//! rendered, and the text that is visually hidden. Elements say where lines begin and end.

use std::mem;

use super::{
    element::{Element, ElementKind},
    main_content::PageLine,
    token::{Text, is_space},
};

/// A page of n bytes is first given room for n / 8 bytes of text.
const TEXT_SHARE: usize = 8;
/// Bytes that are kept of the text that is not rendered, and of the text that is visually hidden.
/// More is only counted.
const HIDDEN_BYTES_MAX: usize = 64 << 10;

/// What separates the next text from the text before. The widest gap that was asked for wins.
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
pub(super) enum Visibility {
    /// The reader sees it.
    Shown,
    /// It is not rendered, or not before the reader asks for it.
    NotRendered,
    /// It is rendered, but so that nobody sees it.
    VisuallyHidden,
}

/// The context of a text: what its open elements say of it together.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each holds or not, whatever the others do")]
pub(super) struct TextContext {
    /// Within a link.
    pub linked: bool,
    /// Boilerplate by an element or a role.
    pub boilerplate_by_role: bool,
    /// Boilerplate by a class or an id.
    pub boilerplate_by_name: bool,
    /// Within a heading.
    pub heading: bool,
    /// White space counts.
    pub preformatted: bool,
    /// Within an item of a list or a row of a table.
    pub listed: bool,
}

/// A text under construction, and the lines of it.
#[derive(Debug, Default)]
struct TextRun {
    text: String,
    gap: Gap,
    lines: Vec<PageLine>,
    line: PageLine,
    /// Where the last line begins, in bytes.
    line_start: usize,
}

/// The texts of a page under construction.
#[derive(Debug, Default)]
pub(super) struct Layout {
    title: String,
    shown: TextRun,
    not_rendered: TextRun,
    visually_hidden: TextRun,
    /// Bytes of the two texts that nobody sees, kept or not.
    hidden_bytes: usize,
    /// Where the text of the innermost cell begins.
    cell_from: usize,
    /// Whether a line break at this place is the one right after `<pre>`, which does not count.
    after_pre_tag: bool,
    /// Room for text whose character references are decoded.
    decoded: String,
}

/// The texts of a page.
#[derive(Debug, Default)]
pub(super) struct LayoutResult {
    /// The title, on one line.
    pub title: String,
    /// The text that a reader sees.
    pub shown: String,
    /// The lines of the shown text.
    pub lines: Vec<PageLine>,
    /// The text that is not rendered.
    pub not_rendered: String,
    /// The text that is visually hidden.
    pub visually_hidden: String,
    /// Bytes of the last two, kept or not.
    pub hidden_bytes: usize,
}

impl Layout {
    /// Makes an empty layout for a page of this many bytes.
    pub(super) fn new(html_bytes: usize) -> Self {
        let shown = TextRun { text: String::with_capacity(html_bytes / TEXT_SHARE), ..TextRun::default() };
        Self { shown, ..Self::default() }
    }

    /// Returns where the shown text goes on, in bytes: an element compares it with the place where
    /// it began.
    pub(super) fn at(&self) -> usize {
        self.shown.text.len()
    }

    /// Begins an element. `shown` says whether a reader sees its text.
    pub(super) fn begin(&mut self, element: Element, shown: bool) {
        match element.kind {
            ElementKind::Break => {
                let gap = if self.shown.gap >= Gap::Line { Gap::EmptyLine } else { Gap::Line };
                self.widen(gap);
            }
            ElementKind::Cell => {
                self.widen(Gap::Tab);
                self.cell_from = self.at();
            }
            // A block at the beginning of a cell begins no line.
            kind if kind.is_block() && !(self.shown.gap == Gap::Tab && self.cell_from == self.at()) => self.widen(Gap::Line),
            ElementKind::Reading if shown => self.sign("("),
            _ => {}
        }
        self.after_pre_tag = element.kind == ElementKind::Preformatted;
    }

    /// Ends an element. `from` is where it began, and `shown` says whether a reader sees its text.
    pub(super) fn end(&mut self, kind: ElementKind, from: usize, shown: bool) {
        match kind {
            // Blocks in a cell do not end the line of its row, unless the cell has lines of its own.
            ElementKind::Cell if self.shown.gap <= Gap::Line && self.at() > from && !self.has_line_since(from) => {
                self.shown.gap = Gap::Tab;
            }
            ElementKind::Cell => self.widen(Gap::Tab),
            ElementKind::Reading if shown => self.sign(")"),
            kind if kind.is_block() => self.widen(Gap::Line),
            _ => {}
        }
        self.after_pre_tag = false;
    }

    /// Whether a line has begun behind `from`, not counting the line that begins there.
    fn has_line_since(&self, from: usize) -> bool {
        self.shown.line_start > from + 1
    }

    /// Puts text that nobody sees and that comes next on a line of its own.
    pub(super) fn separate_hidden(&mut self) {
        for run in [&mut self.not_rendered, &mut self.visually_hidden] {
            run.gap = run.gap.max(Gap::Line);
        }
    }

    /// Asks for a gap in all three texts.
    fn widen(&mut self, gap: Gap) {
        for run in [&mut self.shown, &mut self.not_rendered, &mut self.visually_hidden] {
            run.gap = run.gap.max(gap);
        }
    }

    /// Writes a parenthesis beside a reading, if there is a base text before it.
    fn sign(&mut self, sign: &str) {
        if !self.shown.text.is_empty() {
            self.shown.gap = Gap::None;
            self.shown.push(sign, TextContext::default());
        }
    }

    /// Takes a title, if it is the first one.
    pub(super) fn title(&mut self, text: Text<'_>) {
        if self.title.is_empty() {
            let decoded = if text.references { htmlize::unescape(text.source) } else { text.source.into() };
            for word in decoded.split([' ', '\t', '\n', '\r', '\x0C']).filter(|word| !word.is_empty()) {
                self.title.push_str(if self.title.is_empty() { "" } else { " " });
                self.title.push_str(word);
            }
        }
    }

    /// Takes a text of the page.
    pub(super) fn text(&mut self, text: Text<'_>, visibility: Visibility, context: TextContext) {
        let mut decoded = mem::take(&mut self.decoded);
        let source = if text.references && text.source.contains('&') {
            decoded.clear();
            decoded.push_str(&htmlize::unescape(text.source));
            decoded.as_str()
        } else {
            text.source
        };
        let run = match visibility {
            Visibility::Shown => &mut self.shown,
            Visibility::NotRendered => &mut self.not_rendered,
            Visibility::VisuallyHidden => &mut self.visually_hidden,
        };
        let room = if visibility == Visibility::Shown {
            usize::MAX
        } else {
            self.hidden_bytes += source.trim().len();
            HIDDEN_BYTES_MAX.saturating_sub(run.text.len())
        };
        let source = &source[..source.floor_char_boundary(room)];
        if context.preformatted {
            let rest = if mem::take(&mut self.after_pre_tag) { without_break(source) } else { source };
            run.preserve(rest, context);
        } else {
            run.collapse(source, context);
        }
        self.decoded = decoded;
    }

    /// Returns the texts.
    pub(super) fn finish(self) -> LayoutResult {
        let (shown, lines) = self.shown.finish();
        LayoutResult {
            title: self.title,
            shown,
            lines,
            not_rendered: self.not_rendered.finish().0,
            visually_hidden: self.visually_hidden.finish().0,
            hidden_bytes: self.hidden_bytes,
        }
    }
}

/// Returns a text without the line break that it may begin with.
fn without_break(text: &str) -> &str {
    text.strip_prefix("\r\n").or_else(|| text.strip_prefix('\n')).unwrap_or(text)
}

impl TextRun {
    /// Appends text whose white space counts.
    fn preserve(&mut self, text: &str, context: TextContext) {
        if text.is_empty() {
            return;
        }
        self.separate();
        for (i, line) in text.split('\n').enumerate() {
            if i > 0 {
                self.break_line();
            }
            self.push(line.strip_suffix('\r').unwrap_or(line), context);
        }
    }

    /// Appends text in which any white space is one space.
    fn collapse(&mut self, text: &str, context: TextContext) {
        let bytes = text.as_bytes();
        let mut at = 0;
        while let Some(start) = bytes[at..].iter().position(|&b| !is_space(b)).map(|found| at + found) {
            if start > at {
                self.gap = self.gap.max(Gap::Space);
            }
            // Words with single spaces between them are copied at once.
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
            self.push(&text[start..end], context);
            at = end;
        }
        if at < bytes.len() {
            self.gap = self.gap.max(Gap::Space);
        }
    }

    /// Appends text as it is, and counts it for its line.
    fn push(&mut self, text: &str, context: TextContext) {
        self.text.push_str(text);
        let bytes = text.len() as u32;
        let counted = |is: bool| if is { bytes } else { 0 };
        self.line.linked += counted(context.linked);
        self.line.boilerplate_by_role += counted(context.boilerplate_by_role);
        self.line.boilerplate_by_name += counted(context.boilerplate_by_name);
        self.line.heading |= context.heading && bytes > 0;
        self.line.preformatted |= context.preformatted && bytes > 0;
        self.line.listed |= context.listed && bytes > 0;
    }

    /// Ends the line.
    fn break_line(&mut self) {
        self.line.end = self.text.len() as u32;
        self.lines.push(mem::take(&mut self.line));
        self.text.push('\n');
        self.line_start = self.text.len();
    }

    /// Writes the gap between the text before and the text that comes next.
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

    /// Returns the text, without the white space at its end, and its lines.
    fn finish(mut self) -> (String, Vec<PageLine>) {
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
