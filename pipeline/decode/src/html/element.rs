//! What an element does to the text around and within it, and to the elements around it.

/// An element by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Element {
    /// Its place in the list of known names; names that are not known share some more, by their hash.
    pub tag: u8,
    /// What it does to text.
    pub kind: Kind,
    /// Further properties, bits of [`bit`].
    pub bits: u16,
}

/// A kind of element, by its effect on text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Runs on in its line.
    Inline,
    /// Stands on lines of its own.
    Block,
    /// `<p>`: a block whose end tag may be missing.
    Paragraph,
    /// `<li>`, the same within its list.
    ListItem,
    /// `<dt>` and `<dd>`, the same within their list.
    Term,
    /// `<option>`, the same within its list.
    Choice,
    /// `<tbody>` and its like, the same.
    RowGroup,
    /// `<tr>`, whose end tag may be missing.
    Row,
    /// `<td>` and `<th>`, the same.
    Cell,
    /// `<br>`.
    Break,
    /// A block whose white space counts.
    Preformatted,
    /// `<title>`.
    Title,
    /// `<rt>`: how the base text is read.
    Reading,
    /// Never shown to a reader: its text is hidden.
    Unshown,
    /// Holds no text of the page.
    Dropped,
    /// `<style>`: the same, but its rules may hide text.
    Style,
    /// `<html>`, `<head>`, `<body>`: always open, whatever the tags say.
    Root,
}

/// Properties of elements.
pub(super) mod bit {
    /// Has no content and no end tag.
    pub(in crate::html) const VOID: u16 = 1;
    /// End tags of phrases inside it do not reach through it.
    pub(in crate::html) const SPECIAL: u16 = 1 << 1;
    /// Nor do end tags of blocks.
    pub(in crate::html) const SCOPE: u16 = 1 << 2;
    /// Nor do rows and cells.
    pub(in crate::html) const TABLE: u16 = 1 << 3;
    /// List items inside it are no items of a list around it.
    pub(in crate::html) const LIST: u16 = 1 << 4;
    /// Its start ends an open paragraph.
    pub(in crate::html) const ENDS_P: u16 = 1 << 5;
    /// Its end tag ends it alone, and leaves open what is open within it.
    pub(in crate::html) const FORMAT: u16 = 1 << 6;
    /// Its text is a link's.
    pub(in crate::html) const LINK: u16 = 1 << 7;
    /// Its text is a heading.
    pub(in crate::html) const HEADING: u16 = 1 << 8;
    /// Its text is around a page's matter: navigation, footer, sidebar.
    pub(in crate::html) const ASIDE: u16 = 1 << 9;
    /// The same, unless a heading of the page or its matter stands in it: `<header>`.
    pub(in crate::html) const HEADER: u16 = 1 << 10;
    /// Its text stands on something to press or to fill in.
    pub(in crate::html) const CONTROL: u16 = 1 << 11;
    /// Its text is a page's matter.
    pub(in crate::html) const MAIN: u16 = 1 << 12;
    /// SVG or `MathML`, where names mean something else.
    pub(in crate::html) const FOREIGN: u16 = 1 << 13;
    /// Its white space counts.
    pub(in crate::html) const PRE: u16 = 1 << 14;
}

use bit::{ASIDE, CONTROL, ENDS_P, FOREIGN, FORMAT, HEADER, HEADING, LINK, LIST, MAIN, PRE, SCOPE, SPECIAL, TABLE, VOID};

/// A block like any other.
const BLOCK: u16 = SPECIAL | LIST | ENDS_P;

/// Known names, in order.
#[rustfmt::skip]
const KNOWN: [(&str, Kind, u16); 114] = [
    ("a", Kind::Inline, FORMAT | LINK),
    ("address", Kind::Block, SPECIAL | ENDS_P),
    ("applet", Kind::Dropped, SPECIAL | SCOPE | LIST),
    ("area", Kind::Inline, VOID),
    ("article", Kind::Block, BLOCK),
    ("aside", Kind::Block, BLOCK | ASIDE),
    ("audio", Kind::Dropped, 0),
    ("b", Kind::Inline, FORMAT),
    ("base", Kind::Inline, VOID),
    ("big", Kind::Inline, FORMAT),
    ("blockquote", Kind::Block, BLOCK),
    ("body", Kind::Root, 0),
    ("br", Kind::Break, VOID),
    ("button", Kind::Inline, SPECIAL | SCOPE | LIST | CONTROL),
    ("canvas", Kind::Dropped, 0),
    ("caption", Kind::Block, SPECIAL | SCOPE | LIST),
    ("center", Kind::Block, BLOCK),
    ("code", Kind::Inline, FORMAT),
    ("col", Kind::Inline, VOID),
    ("datalist", Kind::Dropped, 0),
    ("dd", Kind::Term, SPECIAL | ENDS_P),
    ("details", Kind::Block, BLOCK),
    ("dialog", Kind::Block, BLOCK),
    ("dir", Kind::Block, BLOCK),
    ("div", Kind::Block, SPECIAL | ENDS_P),
    ("dl", Kind::Block, BLOCK),
    ("dt", Kind::Term, SPECIAL | ENDS_P),
    ("em", Kind::Inline, FORMAT),
    ("embed", Kind::Inline, VOID),
    ("fieldset", Kind::Block, BLOCK),
    ("figcaption", Kind::Block, BLOCK),
    ("figure", Kind::Block, BLOCK),
    ("font", Kind::Inline, FORMAT),
    ("footer", Kind::Block, BLOCK | ASIDE),
    ("foreignobject", Kind::Inline, SPECIAL | SCOPE),
    ("form", Kind::Block, BLOCK),
    ("frame", Kind::Inline, VOID),
    ("frameset", Kind::Block, SPECIAL | LIST),
    ("h1", Kind::Block, BLOCK | HEADING),
    ("h2", Kind::Block, BLOCK | HEADING),
    ("h3", Kind::Block, BLOCK | HEADING),
    ("h4", Kind::Block, BLOCK | HEADING),
    ("h5", Kind::Block, BLOCK | HEADING),
    ("h6", Kind::Block, BLOCK | HEADING),
    ("head", Kind::Root, 0),
    ("header", Kind::Block, BLOCK | HEADER),
    ("hgroup", Kind::Block, BLOCK),
    ("hr", Kind::Block, BLOCK | VOID),
    ("html", Kind::Root, 0),
    ("i", Kind::Inline, FORMAT),
    ("iframe", Kind::Dropped, 0),
    ("img", Kind::Inline, VOID),
    ("input", Kind::Inline, VOID),
    ("label", Kind::Inline, CONTROL),
    ("legend", Kind::Block, CONTROL),
    ("li", Kind::ListItem, SPECIAL | ENDS_P),
    ("link", Kind::Inline, VOID),
    ("listing", Kind::Preformatted, BLOCK | PRE),
    ("main", Kind::Block, BLOCK | MAIN),
    ("marquee", Kind::Inline, SPECIAL | SCOPE | LIST),
    ("math", Kind::Inline, FOREIGN),
    ("menu", Kind::Block, BLOCK | ASIDE),
    ("meta", Kind::Inline, VOID),
    ("nav", Kind::Block, BLOCK | ASIDE),
    ("nobr", Kind::Inline, FORMAT),
    ("noembed", Kind::Dropped, 0),
    ("noframes", Kind::Dropped, 0),
    ("noscript", Kind::Unshown, 0),
    ("object", Kind::Dropped, SPECIAL | SCOPE | LIST),
    ("ol", Kind::Block, BLOCK),
    ("optgroup", Kind::Choice, 0),
    ("option", Kind::Choice, 0),
    ("p", Kind::Paragraph, SPECIAL | ENDS_P),
    ("param", Kind::Inline, VOID),
    ("plaintext", Kind::Preformatted, BLOCK | PRE),
    ("pre", Kind::Preformatted, BLOCK | PRE),
    ("q", Kind::Inline, 0),
    ("rp", Kind::Dropped, 0),
    ("rt", Kind::Reading, 0),
    ("rtc", Kind::Inline, 0),
    ("ruby", Kind::Inline, 0),
    ("s", Kind::Inline, FORMAT),
    ("script", Kind::Dropped, SPECIAL),
    ("search", Kind::Block, BLOCK | ASIDE),
    ("section", Kind::Block, BLOCK),
    ("select", Kind::Block, SPECIAL | LIST | CONTROL),
    ("small", Kind::Inline, FORMAT),
    ("source", Kind::Inline, VOID),
    ("span", Kind::Inline, 0),
    ("strike", Kind::Inline, FORMAT),
    ("strong", Kind::Inline, FORMAT),
    ("style", Kind::Style, SPECIAL),
    ("sub", Kind::Inline, 0),
    ("summary", Kind::Block, BLOCK),
    ("sup", Kind::Inline, 0),
    ("svg", Kind::Dropped, FOREIGN),
    ("table", Kind::Block, BLOCK | SCOPE | TABLE),
    ("tbody", Kind::RowGroup, SPECIAL | LIST),
    ("td", Kind::Cell, SPECIAL | SCOPE | LIST),
    ("template", Kind::Unshown, SPECIAL | SCOPE | LIST | TABLE),
    ("textarea", Kind::Preformatted, SPECIAL | LIST | PRE | CONTROL),
    ("tfoot", Kind::RowGroup, SPECIAL | LIST),
    ("th", Kind::Cell, SPECIAL | SCOPE | LIST),
    ("thead", Kind::RowGroup, SPECIAL | LIST),
    ("title", Kind::Title, SPECIAL),
    ("tr", Kind::Row, SPECIAL | LIST),
    ("track", Kind::Inline, VOID),
    ("tt", Kind::Inline, FORMAT),
    ("u", Kind::Inline, FORMAT),
    ("ul", Kind::Block, BLOCK),
    ("var", Kind::Inline, 0),
    ("video", Kind::Dropped, 0),
    ("wbr", Kind::Inline, VOID),
    ("xmp", Kind::Preformatted, BLOCK | PRE),
];

/// Names of elements that are not known share this many places.
const OTHERS: usize = 64;
/// Elements that are told apart.
pub(super) const TAGS: usize = KNOWN.len() + OTHERS;
/// Longest known name.
const NAME_BYTES_MAX: usize = 13;

/// The place of a known name, at compile time.
const fn place(name: &str) -> u8 {
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

/// Elements that rules speak of by name.
pub(super) mod tag {
    use super::place;

    pub(in crate::html) const A: u8 = place("a");
    pub(in crate::html) const ARTICLE: u8 = place("article");
    pub(in crate::html) const BODY: u8 = place("body");
    pub(in crate::html) const BUTTON: u8 = place("button");
    pub(in crate::html) const DD: u8 = place("dd");
    pub(in crate::html) const DIALOG: u8 = place("dialog");
    pub(in crate::html) const DT: u8 = place("dt");
    pub(in crate::html) const FOREIGN_OBJECT: u8 = place("foreignobject");
    pub(in crate::html) const H1: u8 = place("h1");
    pub(in crate::html) const H6: u8 = place("h6");
    pub(in crate::html) const LI: u8 = place("li");
    pub(in crate::html) const LINK: u8 = place("link");
    pub(in crate::html) const MAIN: u8 = place("main");
    pub(in crate::html) const MATH: u8 = place("math");
    pub(in crate::html) const META: u8 = place("meta");
    pub(in crate::html) const OL: u8 = place("ol");
    pub(in crate::html) const OPTGROUP: u8 = place("optgroup");
    pub(in crate::html) const OPTION: u8 = place("option");
    pub(in crate::html) const P: u8 = place("p");
    pub(in crate::html) const RP: u8 = place("rp");
    pub(in crate::html) const RT: u8 = place("rt");
    pub(in crate::html) const SVG: u8 = place("svg");
    pub(in crate::html) const TBODY: u8 = place("tbody");
    pub(in crate::html) const TD: u8 = place("td");
    pub(in crate::html) const TFOOT: u8 = place("tfoot");
    pub(in crate::html) const TH: u8 = place("th");
    pub(in crate::html) const THEAD: u8 = place("thead");
    pub(in crate::html) const TITLE: u8 = place("title");
    pub(in crate::html) const TR: u8 = place("tr");
    pub(in crate::html) const UL: u8 = place("ul");
}

impl Element {
    /// The element of this name, in letters of any case.
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
        Self { tag: (KNOWN.len() + hash as usize % OTHERS) as u8, kind: Kind::Inline, bits: 0 }
    }

    /// Its name in lower case, if it is known; empty if not.
    pub(super) fn name(self) -> &'static str {
        KNOWN.get(usize::from(self.tag)).map_or("", |known| known.0)
    }

    /// Whether it has a property.
    pub(super) fn has(self, bit: u16) -> bool {
        self.bits & bit != 0
    }
}

impl Kind {
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

    /// Whether nothing within it is text of the page.
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
        assert_eq!(Element::of("tD").kind, Kind::Cell);
        assert_eq!(Element::of("x-card").kind, Kind::Inline);
        assert_eq!(Element::of("X-Card"), Element::of("x-card"));
        assert!(Element::of(&"b".repeat(1000)).tag >= KNOWN.len() as u8);
    }
}
