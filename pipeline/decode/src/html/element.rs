//! Which effect does an element have on text and on other elements, going by its name?
//!
//! A table of the names that HTML knows (WHATWG), with what bears on text. An unknown name is an
//! inline element.

/// An element, identified by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Element {
    /// Its number: the place in the list of known names. Unknown names share some further numbers,
    /// by their hash.
    pub tag: u8,
    /// Its effect on text.
    pub kind: ElementKind,
    /// Further properties, bits of [`bit`].
    pub bits: u16,
}

/// A kind of element, by its effect on text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ElementKind {
    /// Stays within its line.
    Inline,
    /// Stands on lines of its own.
    Block,
    /// `<p>`: a block whose end tag may be missing.
    Paragraph,
    /// `<li>`: its end tag may be missing within its list.
    ListItem,
    /// `<dt>` and `<dd>`: their end tags may be missing within their list.
    Term,
    /// `<option>`: its end tag may be missing within its list.
    Choice,
    /// `<tbody>`, `<thead>` and `<tfoot>`: their end tags may be missing.
    RowGroup,
    /// `<tr>`: its end tag may be missing.
    Row,
    /// `<td>` and `<th>`: their end tags may be missing.
    Cell,
    /// `<br>`.
    Break,
    /// A block whose white space counts.
    Preformatted,
    /// `<title>`.
    Title,
    /// `<rt>`: says how the base text is pronounced.
    Reading,
    /// Is not rendered, and neither is its text.
    Unshown,
    /// Holds no text of the page.
    Dropped,
    /// `<style>`: holds no text of the page, but its rules may hide text.
    Style,
    /// `<html>`, `<head>`, `<body>`: always open, whatever tags the page has.
    Root,
}

/// Properties of elements.
pub(super) mod bit {
    /// It has no content and no end tag.
    pub(in crate::html) const VOID: u16 = 1;
    /// End tags of phrases inside it do not reach through it.
    pub(in crate::html) const SPECIAL: u16 = 1 << 1;
    /// End tags of blocks inside it do not reach through it.
    pub(in crate::html) const SCOPE: u16 = 1 << 2;
    /// End tags of rows and cells inside it do not reach through it.
    pub(in crate::html) const TABLE: u16 = 1 << 3;
    /// List items inside it belong to no list outside it.
    pub(in crate::html) const LIST: u16 = 1 << 4;
    /// Its start tag ends an open paragraph.
    pub(in crate::html) const ENDS_P: u16 = 1 << 5;
    /// Its end tag ends it alone, and leaves elements inside it open.
    pub(in crate::html) const FORMAT: u16 = 1 << 6;
    /// Its text is a link.
    pub(in crate::html) const LINK: u16 = 1 << 7;
    /// Its text is a heading.
    pub(in crate::html) const HEADING: u16 = 1 << 8;
    /// Its text is boilerplate: navigation, footer, sidebar.
    pub(in crate::html) const ASIDE: u16 = 1 << 9;
    /// `<header>`: its text is boilerplate, unless it is a heading or main content.
    pub(in crate::html) const HEADER: u16 = 1 << 10;
    /// Its text labels a control, something to press or to fill in.
    pub(in crate::html) const CONTROL: u16 = 1 << 11;
    /// Its text is main content.
    pub(in crate::html) const MAIN: u16 = 1 << 12;
    /// It is SVG or `MathML`, in which names mean something else.
    pub(in crate::html) const FOREIGN: u16 = 1 << 13;
    /// Its white space counts.
    pub(in crate::html) const PRE: u16 = 1 << 14;
}

use bit::{ASIDE, CONTROL, ENDS_P, FOREIGN, FORMAT, HEADER, HEADING, LINK, LIST, MAIN, PRE, SCOPE, SPECIAL, TABLE, VOID};

/// The properties of an ordinary block.
const BLOCK: u16 = SPECIAL | LIST | ENDS_P;

/// The known names, sorted.
#[rustfmt::skip]
const KNOWN: [(&str, ElementKind, u16); 114] = [
    ("a", ElementKind::Inline, FORMAT | LINK),
    ("address", ElementKind::Block, SPECIAL | ENDS_P),
    ("applet", ElementKind::Dropped, SPECIAL | SCOPE | LIST),
    ("area", ElementKind::Inline, VOID),
    ("article", ElementKind::Block, BLOCK),
    ("aside", ElementKind::Block, BLOCK | ASIDE),
    ("audio", ElementKind::Dropped, 0),
    ("b", ElementKind::Inline, FORMAT),
    ("base", ElementKind::Inline, VOID),
    ("big", ElementKind::Inline, FORMAT),
    ("blockquote", ElementKind::Block, BLOCK),
    ("body", ElementKind::Root, 0),
    ("br", ElementKind::Break, VOID),
    ("button", ElementKind::Inline, SPECIAL | SCOPE | LIST | CONTROL),
    ("canvas", ElementKind::Dropped, 0),
    ("caption", ElementKind::Block, SPECIAL | SCOPE | LIST),
    ("center", ElementKind::Block, BLOCK),
    ("code", ElementKind::Inline, FORMAT),
    ("col", ElementKind::Inline, VOID),
    ("datalist", ElementKind::Dropped, 0),
    ("dd", ElementKind::Term, SPECIAL | ENDS_P),
    ("details", ElementKind::Block, BLOCK),
    ("dialog", ElementKind::Block, BLOCK),
    ("dir", ElementKind::Block, BLOCK),
    ("div", ElementKind::Block, SPECIAL | ENDS_P),
    ("dl", ElementKind::Block, BLOCK),
    ("dt", ElementKind::Term, SPECIAL | ENDS_P),
    ("em", ElementKind::Inline, FORMAT),
    ("embed", ElementKind::Inline, VOID),
    ("fieldset", ElementKind::Block, BLOCK),
    ("figcaption", ElementKind::Block, BLOCK),
    ("figure", ElementKind::Block, BLOCK),
    ("font", ElementKind::Inline, FORMAT),
    ("footer", ElementKind::Block, BLOCK | ASIDE),
    ("foreignobject", ElementKind::Inline, SPECIAL | SCOPE),
    ("form", ElementKind::Block, BLOCK),
    ("frame", ElementKind::Inline, VOID),
    ("frameset", ElementKind::Block, SPECIAL | LIST),
    ("h1", ElementKind::Block, BLOCK | HEADING),
    ("h2", ElementKind::Block, BLOCK | HEADING),
    ("h3", ElementKind::Block, BLOCK | HEADING),
    ("h4", ElementKind::Block, BLOCK | HEADING),
    ("h5", ElementKind::Block, BLOCK | HEADING),
    ("h6", ElementKind::Block, BLOCK | HEADING),
    ("head", ElementKind::Root, 0),
    ("header", ElementKind::Block, BLOCK | HEADER),
    ("hgroup", ElementKind::Block, BLOCK),
    ("hr", ElementKind::Block, BLOCK | VOID),
    ("html", ElementKind::Root, 0),
    ("i", ElementKind::Inline, FORMAT),
    ("iframe", ElementKind::Dropped, 0),
    ("img", ElementKind::Inline, VOID),
    ("input", ElementKind::Inline, VOID),
    ("label", ElementKind::Inline, CONTROL),
    ("legend", ElementKind::Block, CONTROL),
    ("li", ElementKind::ListItem, SPECIAL | ENDS_P),
    ("link", ElementKind::Inline, VOID),
    ("listing", ElementKind::Preformatted, BLOCK | PRE),
    ("main", ElementKind::Block, BLOCK | MAIN),
    ("marquee", ElementKind::Inline, SPECIAL | SCOPE | LIST),
    ("math", ElementKind::Inline, FOREIGN),
    ("menu", ElementKind::Block, BLOCK | ASIDE),
    ("meta", ElementKind::Inline, VOID),
    ("nav", ElementKind::Block, BLOCK | ASIDE),
    ("nobr", ElementKind::Inline, FORMAT),
    ("noembed", ElementKind::Dropped, 0),
    ("noframes", ElementKind::Dropped, 0),
    ("noscript", ElementKind::Unshown, 0),
    ("object", ElementKind::Dropped, SPECIAL | SCOPE | LIST),
    ("ol", ElementKind::Block, BLOCK),
    ("optgroup", ElementKind::Choice, 0),
    ("option", ElementKind::Choice, 0),
    ("p", ElementKind::Paragraph, SPECIAL | ENDS_P),
    ("param", ElementKind::Inline, VOID),
    ("plaintext", ElementKind::Preformatted, BLOCK | PRE),
    ("pre", ElementKind::Preformatted, BLOCK | PRE),
    ("q", ElementKind::Inline, 0),
    ("rp", ElementKind::Dropped, 0),
    ("rt", ElementKind::Reading, 0),
    ("rtc", ElementKind::Inline, 0),
    ("ruby", ElementKind::Inline, 0),
    ("s", ElementKind::Inline, FORMAT),
    ("script", ElementKind::Dropped, SPECIAL),
    ("search", ElementKind::Block, BLOCK | ASIDE),
    ("section", ElementKind::Block, BLOCK),
    ("select", ElementKind::Block, SPECIAL | LIST | CONTROL),
    ("small", ElementKind::Inline, FORMAT),
    ("source", ElementKind::Inline, VOID),
    ("span", ElementKind::Inline, 0),
    ("strike", ElementKind::Inline, FORMAT),
    ("strong", ElementKind::Inline, FORMAT),
    ("style", ElementKind::Style, SPECIAL),
    ("sub", ElementKind::Inline, 0),
    ("summary", ElementKind::Block, BLOCK),
    ("sup", ElementKind::Inline, 0),
    ("svg", ElementKind::Dropped, FOREIGN),
    ("table", ElementKind::Block, BLOCK | SCOPE | TABLE),
    ("tbody", ElementKind::RowGroup, SPECIAL | LIST),
    ("td", ElementKind::Cell, SPECIAL | SCOPE | LIST),
    ("template", ElementKind::Unshown, SPECIAL | SCOPE | LIST | TABLE),
    ("textarea", ElementKind::Preformatted, SPECIAL | LIST | PRE | CONTROL),
    ("tfoot", ElementKind::RowGroup, SPECIAL | LIST),
    ("th", ElementKind::Cell, SPECIAL | SCOPE | LIST),
    ("thead", ElementKind::RowGroup, SPECIAL | LIST),
    ("title", ElementKind::Title, SPECIAL),
    ("tr", ElementKind::Row, SPECIAL | LIST),
    ("track", ElementKind::Inline, VOID),
    ("tt", ElementKind::Inline, FORMAT),
    ("u", ElementKind::Inline, FORMAT),
    ("ul", ElementKind::Block, BLOCK),
    ("var", ElementKind::Inline, 0),
    ("video", ElementKind::Dropped, 0),
    ("wbr", ElementKind::Inline, VOID),
    ("xmp", ElementKind::Preformatted, BLOCK | PRE),
];

/// Unknown names share this many numbers.
const OTHERS: usize = 64;
/// The number of elements that are told apart.
pub(super) const TAGS: usize = KNOWN.len() + OTHERS;
/// Longest known name.
const NAME_BYTES_MAX: usize = 13;

/// Returns the number of a known name, at compile time.
const fn number(name: &str) -> u8 {
    let mut at = 0;
    while at < KNOWN.len() {
        if equal(KNOWN[at].0.as_bytes(), name.as_bytes()) {
            return at as u8;
        }
        at += 1;
    }
    panic!("a name that is not in the list")
}

const fn equal(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut at = 0;
    while at < a.len() {
        if a[at] != b[at] {
            return false;
        }
        at += 1;
    }
    true
}

/// Numbers of the elements that rules name.
pub(super) mod tag {
    use super::number;

    pub(in crate::html) const A: u8 = number("a");
    pub(in crate::html) const ARTICLE: u8 = number("article");
    pub(in crate::html) const BODY: u8 = number("body");
    pub(in crate::html) const BUTTON: u8 = number("button");
    pub(in crate::html) const DD: u8 = number("dd");
    pub(in crate::html) const DIALOG: u8 = number("dialog");
    pub(in crate::html) const DT: u8 = number("dt");
    pub(in crate::html) const FOREIGN_OBJECT: u8 = number("foreignobject");
    pub(in crate::html) const H1: u8 = number("h1");
    pub(in crate::html) const H6: u8 = number("h6");
    pub(in crate::html) const LI: u8 = number("li");
    pub(in crate::html) const LINK: u8 = number("link");
    pub(in crate::html) const MAIN: u8 = number("main");
    pub(in crate::html) const MATH: u8 = number("math");
    pub(in crate::html) const META: u8 = number("meta");
    pub(in crate::html) const OL: u8 = number("ol");
    pub(in crate::html) const OPTGROUP: u8 = number("optgroup");
    pub(in crate::html) const OPTION: u8 = number("option");
    pub(in crate::html) const P: u8 = number("p");
    pub(in crate::html) const RP: u8 = number("rp");
    pub(in crate::html) const RT: u8 = number("rt");
    pub(in crate::html) const SVG: u8 = number("svg");
    pub(in crate::html) const TBODY: u8 = number("tbody");
    pub(in crate::html) const TD: u8 = number("td");
    pub(in crate::html) const TFOOT: u8 = number("tfoot");
    pub(in crate::html) const TH: u8 = number("th");
    pub(in crate::html) const THEAD: u8 = number("thead");
    pub(in crate::html) const TITLE: u8 = number("title");
    pub(in crate::html) const TR: u8 = number("tr");
    pub(in crate::html) const UL: u8 = number("ul");
}

impl Element {
    /// Returns the element of this name, in letters of any case.
    pub(super) fn of(name: &str) -> Self {
        let mut lower = [0; NAME_BYTES_MAX];
        if let Some(lower) = lower.get_mut(..name.len()) {
            lower.copy_from_slice(name.as_bytes());
            lower.make_ascii_lowercase();
            if let Ok(at) = KNOWN.binary_search_by(|(known, ..)| known.as_bytes().cmp(lower)) {
                let (_, kind, bits) = KNOWN[at];
                return Self { tag: at as u8, kind, bits };
            }
        }
        let hash = name.bytes().fold(0u32, |h, b| h.wrapping_mul(31).wrapping_add(b.to_ascii_lowercase().into()));
        Self { tag: (KNOWN.len() + hash as usize % OTHERS) as u8, kind: ElementKind::Inline, bits: 0 }
    }

    /// Returns its name in lower case, or nothing if the name is unknown.
    pub(super) fn name(self) -> &'static str {
        KNOWN.get(usize::from(self.tag)).map_or("", |known| known.0)
    }

    /// Whether it has a property, one of [`bit`].
    pub(super) fn has(self, bit: u16) -> bool {
        self.bits & bit != 0
    }
}

impl ElementKind {
    /// Whether it begins and ends a line.
    pub(super) fn is_block(self) -> bool {
        matches!(
            self,
            Self::Block
                | Self::Paragraph
                | Self::ListItem
                | Self::Term
                | Self::Choice
                | Self::RowGroup
                | Self::Row
                | Self::Preformatted
        )
    }

    /// Whether it holds no text of the page.
    pub(super) fn is_dropped(self) -> bool {
        matches!(self, Self::Dropped | Self::Style)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_in_order_and_fit() {
        assert!(KNOWN.is_sorted_by(|a, b| a.0 < b.0));
        assert!(KNOWN.iter().all(|(name, ..)| name.len() <= NAME_BYTES_MAX));
        assert!(TAGS <= usize::from(u8::MAX) + 1);
    }

    #[test]
    fn names_are_known_in_any_case() {
        assert_eq!(Element::of("BLOCKquote"), Element::of("blockquote"));
        assert_eq!(Element::of("tD").kind, ElementKind::Cell);
        assert_eq!(Element::of("x-card").kind, ElementKind::Inline);
        assert_eq!(Element::of("X-Card"), Element::of("x-card"));
        assert!(Element::of(&"b".repeat(1000)).tag >= KNOWN.len() as u8);
    }
}
