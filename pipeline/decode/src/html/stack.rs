//! Which elements are open, and which of them does a tag end?
//!
//! These are the rules of tree construction (WHATWG §13.2.6), as far as they bear on text. A start
//! tag may end an open paragraph, list item or cell whose end tag is missing. An end tag may not
//! reach through some elements, or may end its element alone while others inside it stay open.
//! Without these rules, one hidden paragraph would hide the rest of its page.
//!
//! **Cost** constant for each tag, besides the elements that it ends, whatever the depth: each open
//! element knows the nearest element of its own name and the nearest one that end tags do not reach
//! through. **Limit** [`DEPTH_MAX`].

use super::element::{Element, ElementKind, TAGS, bit, tag};

/// Most elements that may be open at once. No browser lays out a thousandth of that.
pub(super) const DEPTH_MAX: usize = 1 << 17;

/// The nearest elements on the stack, this one included, that have a property. Places count from 1,
/// and 0 stands for none.
#[derive(Clone, Copy, Debug, Default)]
struct Nearest {
    special: u32,
    scope: u32,
    table: u32,
    list: u32,
}

/// An open element with its state.
#[derive(Clone, Copy, Debug)]
struct OpenElement<T> {
    /// `None` once its end tag has come while others are open within it.
    element: Option<Element>,
    /// The place of the next lower element of the same name, as in [`Nearest`].
    same: u32,
    nearest: Nearest,
    state: T,
}

/// The open elements, the innermost last.
#[derive(Debug)]
pub(super) struct ElementStack<T> {
    open: Vec<OpenElement<T>>,
    last: [u32; TAGS],
}

impl<T: Copy> ElementStack<T> {
    /// Makes a stack without open elements.
    pub(super) fn new() -> Self {
        Self { open: Vec::with_capacity(64), last: [0; TAGS] }
    }

    /// Returns the state of the innermost element.
    pub(super) fn innermost(&self) -> Option<&T> {
        self.open.last().map(|open| &open.state)
    }

    /// Returns the number of open elements.
    pub(super) fn depth(&self) -> usize {
        self.open.len()
    }

    /// Whether an element of this name is open.
    pub(super) fn is_open(&self, tag: u8) -> bool {
        self.last[usize::from(tag)] > 0
    }

    /// Opens an element.
    pub(super) fn push(&mut self, element: Element, state: T) {
        let place = self.open.len() as u32 + 1;
        let mut nearest = self.nearest();
        // A phrase's end tag reaches neither through a block nor through what a block's end tag does not reach through.
        for (bit, nearest) in [
            (bit::SPECIAL, &mut nearest.special),
            (bit::SCOPE, &mut nearest.scope),
            (bit::TABLE, &mut nearest.table),
            (bit::LIST, &mut nearest.list),
        ] {
            if element.has(bit) {
                *nearest = place;
            }
        }
        let same = std::mem::replace(&mut self.last[usize::from(element.tag)], place);
        self.open.push(OpenElement { element: Some(element), same, nearest, state });
    }

    /// Closes the innermost element deeper than `depth`, and removes those on it that have ended
    /// before.
    pub(super) fn pop_above(&mut self, depth: usize) -> Option<(Element, T)> {
        while self.open.len() > depth {
            let open = self.open.pop()?;
            if let Some(element) = open.element {
                self.last[usize::from(element.tag)] = open.same;
                return Some((element, open.state));
            }
        }
        None
    }

    /// Returns the depth to which a start tag of this element closes open elements: those whose end
    /// tags are missing.
    pub(super) fn ended_by_start(&self, next: Element) -> Option<usize> {
        let nearest = self.nearest();
        let (names, barrier): (&[u8], u32) = match next.kind {
            ElementKind::ListItem => (&[tag::LI], nearest.list),
            ElementKind::Term => (&[tag::DD, tag::DT], nearest.list),
            ElementKind::Cell => (&[tag::TD, tag::TH], nearest.table),
            ElementKind::Row => (&[tag::TD, tag::TH, tag::TR], nearest.table),
            ElementKind::RowGroup => (&[tag::TD, tag::TH, tag::TR, tag::TBODY, tag::TFOOT, tag::THEAD], nearest.table),
            ElementKind::Choice if next.tag == tag::OPTION => (&[tag::OPTION], nearest.scope),
            ElementKind::Choice => (&[tag::OPTION, tag::OPTGROUP], nearest.scope),
            ElementKind::Reading => (&[tag::RT, tag::RP], nearest.special),
            ElementKind::Dropped if next.tag == tag::RP => (&[tag::RT, tag::RP], nearest.special),
            ElementKind::Inline if next.tag == tag::A => (&[tag::A], nearest.special),
            ElementKind::Inline if next.tag == tag::BUTTON => (&[tag::BUTTON], 0),
            _ => (&[], 0),
        };
        let mut least = u32::MAX;
        let mut take = |place: u32, barrier: u32| least = if place > barrier { least.min(place) } else { least };
        for &name in names {
            take(self.of(name), barrier);
        }
        if next.has(bit::HEADING) {
            take(self.open.len() as u32, self.open.len() as u32 - u32::from(self.is_heading_innermost()));
        }
        if next.has(bit::ENDS_P) {
            take(self.of(tag::P), nearest.scope);
            // Blocks do not stand within SVG or MathML: the page has forgotten to end it, and goes on.
            take(self.of(tag::SVG).max(self.of(tag::MATH)), self.of(tag::FOREIGN_OBJECT));
        }
        (least < u32::MAX).then(|| least as usize - 1)
    }

    /// Decides which open elements an end tag closes. If the tag ends its element alone, that
    /// element is closed here.
    pub(super) fn ended_by_end(&mut self, end: Element) -> EndTagEffect<T> {
        let nearest = self.nearest();
        let place = if end.has(bit::HEADING) {
            (tag::H1..=tag::H6).map(|name| self.of(name)).max().unwrap_or(0)
        } else {
            self.of(end.tag)
        };
        let barrier = match end.kind {
            _ if end.has(bit::FOREIGN) => 0,
            ElementKind::Root => return EndTagEffect::Nothing,
            // The standard reads it as one text, which no element within it could keep open.
            ElementKind::Unshown => 0,
            ElementKind::Cell | ElementKind::Row | ElementKind::RowGroup => nearest.table,
            ElementKind::ListItem => nearest.scope.max(self.of(tag::UL)).max(self.of(tag::OL)),
            _ if end.has(bit::TABLE) => nearest.table,
            _ if end.has(bit::SPECIAL) || end.has(bit::FORMAT) => nearest.scope,
            _ => nearest.special,
        };
        if place == 0 || place < barrier {
            return EndTagEffect::Nothing;
        }
        if end.has(bit::FORMAT) && place < nearest.special {
            return self.end_alone(place);
        }
        EndTagEffect::To(place as usize - 1)
    }

    fn end_alone(&mut self, place: u32) -> EndTagEffect<T> {
        let Some(open) = self.open.get_mut(place as usize - 1) else { return EndTagEffect::Nothing };
        let Some(element) = open.element.take() else { return EndTagEffect::Nothing };
        self.last[usize::from(element.tag)] = open.same;
        EndTagEffect::Alone(element, open.state)
    }

    fn of(&self, tag: u8) -> u32 {
        self.last[usize::from(tag)]
    }

    fn nearest(&self) -> Nearest {
        self.open.last().map_or_else(Nearest::default, |open| open.nearest)
    }

    fn is_heading_innermost(&self) -> bool {
        self.open.last().and_then(|open| open.element).is_some_and(|element| element.has(bit::HEADING))
    }
}

/// The effect of an end tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EndTagEffect<T> {
    /// It ends nothing: it is an error of the page.
    Nothing,
    /// It ends every element deeper than this.
    To(usize),
    /// It ends this element alone. Elements within it stay open.
    Alone(Element, T),
}
