//! Which elements are open, and which of them does a tag end?
//!
//! The rules of tree construction (WHATWG §13.2.6) as far as they bear on text: start tags that end an open paragraph, list
//! item or cell whose end tag is missing; end tags that do not reach through what is around them, or end their element alone.
//! Without them, one hidden paragraph would hide the rest of its page.
//!
//! **Cost** constant for each tag beside the elements it ends, whatever the depth: each open element knows the nearest of its own
//! name and the nearest that end tags do not reach through. **Limit** [`DEPTH_MAX`].

use super::element::{Element, Kind, TAGS, bit, tag};

/// Most elements open at once: no browser lays out a thousandth of it.
pub(super) const DEPTH_MAX: usize = 1 << 17;

/// Nearest elements on the stack, this one included, with a property; places from 1, 0 for none.
#[derive(Clone, Copy, Debug, Default)]
struct Nearest {
    special: u32,
    scope: u32,
    table: u32,
    list: u32,
}

/// An open element with what is kept for it.
#[derive(Clone, Copy, Debug)]
struct Open<T> {
    /// `None` once its end tag has come while others are open within it.
    element: Option<Element>,
    /// The next lower element of the same name, as in [`Nearest`].
    same: u32,
    nearest: Nearest,
    kept: T,
}

/// Open elements, the innermost last.
#[derive(Debug)]
pub(super) struct Stack<T> {
    open: Vec<Open<T>>,
    last: [u32; TAGS],
}

impl<T: Copy> Stack<T> {
    /// Nothing is open.
    pub(super) fn new() -> Self {
        Self { open: Vec::with_capacity(64), last: [0; TAGS] }
    }

    /// What is kept for the innermost element.
    pub(super) fn innermost(&self) -> Option<&T> {
        self.open.last().map(|open| &open.kept)
    }

    /// Number of open elements.
    pub(super) fn depth(&self) -> usize {
        self.open.len()
    }

    /// Whether an element of this name is open.
    pub(super) fn is_open(&self, tag: u8) -> bool {
        self.last[usize::from(tag)] > 0
    }

    /// Opens an element.
    pub(super) fn push(&mut self, element: Element, kept: T) {
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
        self.open.push(Open { element: Some(element), same, nearest, kept });
    }

    /// Closes the innermost element deeper than this, and those on it that have ended before.
    pub(super) fn pop_above(&mut self, depth: usize) -> Option<(Element, T)> {
        while self.open.len() > depth {
            let open = self.open.pop()?;
            if let Some(element) = open.element {
                self.last[usize::from(element.tag)] = open.same;
                return Some((element, open.kept));
            }
        }
        None
    }

    /// To which depth a start tag of this element closes what is open: elements whose end tags are missing.
    pub(super) fn ended_by_start(&self, next: Element) -> Option<usize> {
        let nearest = self.nearest();
        let (names, barrier): (&[u8], u32) = match next.kind {
            Kind::ListItem => (&[tag::LI], nearest.list),
            Kind::Term => (&[tag::DD, tag::DT], nearest.list),
            Kind::Cell => (&[tag::TD, tag::TH], nearest.table),
            Kind::Row => (&[tag::TD, tag::TH, tag::TR], nearest.table),
            Kind::RowGroup => (&[tag::TD, tag::TH, tag::TR, tag::TBODY, tag::TFOOT, tag::THEAD], nearest.table),
            Kind::Choice if next.tag == tag::OPTION => (&[tag::OPTION], nearest.scope),
            Kind::Choice => (&[tag::OPTION, tag::OPTGROUP], nearest.scope),
            Kind::Reading => (&[tag::RT, tag::RP], nearest.special),
            Kind::Dropped if next.tag == tag::RP => (&[tag::RT, tag::RP], nearest.special),
            Kind::Inline if next.tag == tag::A => (&[tag::A], nearest.special),
            Kind::Inline if next.tag == tag::BUTTON => (&[tag::BUTTON], 0),
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
            // Blocks do not stand within SVG or MathML: a page that forgot to end one goes on.
            take(self.of(tag::SVG).max(self.of(tag::MATH)), self.of(tag::FOREIGN_OBJECT));
        }
        (least < u32::MAX).then(|| least as usize - 1)
    }

    /// To which depth an end tag closes what is open. One that ends its element alone does so here and gives back what was
    /// kept for it.
    pub(super) fn ended_by_end(&mut self, end: Element) -> Ended<T> {
        let nearest = self.nearest();
        let place = if end.has(bit::HEADING) {
            (tag::H1..=tag::H6).map(|name| self.of(name)).max().unwrap_or(0)
        } else {
            self.of(end.tag)
        };
        let barrier = match end.kind {
            _ if end.has(bit::FOREIGN) => 0,
            Kind::Root => return Ended::Nothing,
            // The standard reads it as one text, which no element within it could keep open.
            Kind::Unshown => 0,
            Kind::Cell | Kind::Row | Kind::RowGroup => nearest.table,
            Kind::ListItem => nearest.scope.max(self.of(tag::UL)).max(self.of(tag::OL)),
            _ if end.has(bit::TABLE) => nearest.table,
            _ if end.has(bit::SPECIAL) || end.has(bit::FORMAT) => nearest.scope,
            _ => nearest.special,
        };
        if place == 0 || place < barrier {
            return Ended::Nothing;
        }
        if end.has(bit::FORMAT) && place < nearest.special {
            return self.end_alone(place);
        }
        Ended::To(place as usize - 1)
    }

    fn end_alone(&mut self, place: u32) -> Ended<T> {
        let Some(open) = self.open.get_mut(place as usize - 1) else { return Ended::Nothing };
        let Some(element) = open.element.take() else { return Ended::Nothing };
        self.last[usize::from(element.tag)] = open.same;
        Ended::Alone(element, open.kept)
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

/// What an end tag ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended<T> {
    /// Nothing: it is a slip.
    Nothing,
    /// Everything deeper than this.
    To(usize),
    /// This element alone; what is open within it stays open.
    Alone(Element, T),
}
