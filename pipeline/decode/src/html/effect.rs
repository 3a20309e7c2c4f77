//! Which effects do the open elements have on text, and how many elements have each effect?
//!
//! An effect is a bit, so that one number holds all effects of an element.

/// The text is no text of the page.
pub(super) const DROP: u16 = 1;
/// The text is not rendered.
pub(super) const HIDE: u16 = 1 << 1;
/// The text is rendered off the page.
pub(super) const MOVE_AWAY: u16 = 1 << 2;
/// The text is a link.
pub(super) const LINK: u16 = 1 << 3;
/// The text is boilerplate by an element or a role.
pub(super) const BOILERPLATE_BY_ROLE: u16 = 1 << 4;
/// The text is boilerplate by a class or an id.
pub(super) const BOILERPLATE_BY_NAME: u16 = 1 << 5;
/// The text stands in a header. It is boilerplate, unless it is a heading.
pub(super) const HEADER: u16 = 1 << 6;
/// The text is a heading.
pub(super) const HEADING: u16 = 1 << 7;
/// White space counts.
pub(super) const PRESERVE: u16 = 1 << 8;
/// The text belongs to an item of a list or a row of a table.
pub(super) const LIST: u16 = 1 << 9;
/// The number of effects that are counted.
pub(super) const COUNT: usize = 10;
/// The main content begins in the element, so the elements outside no longer make it
/// boilerplate. Not counted.
pub(super) const BEGIN_MAIN_CONTENT: u16 = 1 << 15;

/// The effects that make text boilerplate, until the main content begins.
pub(super) const BOILERPLATE_EFFECTS: [u16; 3] = [BOILERPLATE_BY_ROLE, BOILERPLATE_BY_NAME, HEADER];

/// The number of open elements with each effect.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct EffectCounts([u32; COUNT]);

impl EffectCounts {
    /// Returns the number of open elements with an effect.
    pub(super) fn get(&self, what: u16) -> u32 {
        self.0[what.trailing_zeros() as usize]
    }

    /// Sets the number of open elements with an effect.
    pub(super) fn set(&mut self, what: u16, count: u32) {
        self.0[what.trailing_zeros() as usize] = count;
    }

    /// Whether an open element has an effect.
    pub(super) fn any(&self, what: u16) -> bool {
        self.get(what) > 0
    }

    /// Counts an element with these effects.
    pub(super) fn add(&mut self, what: u16) {
        (0..COUNT).filter(|i| (what >> i) & 1 == 1).for_each(|i| self.0[i] += 1);
    }

    /// Counts an element with these effects no longer.
    pub(super) fn remove(&mut self, what: u16) {
        (0..COUNT).filter(|i| (what >> i) & 1 == 1).for_each(|i| self.0[i] = self.0[i].saturating_sub(1));
    }
}
