//! Which text does a page hold, where does it stand, and can it be seen? Tokens drive the open elements and the layout.

use super::{
    colour::Colour,
    element::{Element, Kind, bit, tag},
    facts::{Facts, find},
    layout::{Laid, Layout, Sight, Standing},
    place::{self, Place},
    sheet::Sheet,
    stack::{DEPTH_MAX, Ended, Stack},
    style::Declared,
    token::{Attribute, Text, Token, Tokens},
};
use crate::decoded::Reject;

/// Words from which a comment may be prose.
const COMMENT_WORDS: usize = 8;

/// What an open element does to the text in it: bits, counted over all open elements.
mod does {
    pub(super) const DROP: u16 = 1;
    pub(super) const HIDE: u16 = 1 << 1;
    pub(super) const MOVE_AWAY: u16 = 1 << 2;
    pub(super) const LINK: u16 = 1 << 3;
    pub(super) const ASIDE: u16 = 1 << 4;
    pub(super) const NAMED: u16 = 1 << 5;
    pub(super) const HEADER: u16 = 1 << 6;
    pub(super) const HEADING: u16 = 1 << 7;
    pub(super) const PRESERVE: u16 = 1 << 8;
    pub(super) const LIST: u16 = 1 << 9;
    /// How many there are.
    pub(super) const COUNT: usize = 10;
    /// The page's matter begins in it: what it stands in no longer says that it is around. Not counted.
    pub(super) const BEGIN_MATTER: u16 = 1 << 15;
}

/// What says that text stands around the matter, until the matter begins.
const AROUND: [u16; 3] = [does::ASIDE, does::NAMED, does::HEADER];

/// Open elements that do each of [`does`].
#[derive(Clone, Copy, Debug, Default)]
struct Counts([u32; does::COUNT]);

impl Counts {
    fn get(&self, what: u16) -> u32 {
        self.0[what.trailing_zeros() as usize]
    }

    fn set(&mut self, what: u16, count: u32) {
        self.0[what.trailing_zeros() as usize] = count;
    }

    fn any(&self, what: u16) -> bool {
        self.get(what) > 0
    }

    fn add(&mut self, what: u16) {
        (0..does::COUNT).filter(|i| (what >> i) & 1 == 1).for_each(|i| self.0[i] += 1);
    }

    fn remove(&mut self, what: u16) {
        (0..does::COUNT).filter(|i| (what >> i) & 1 == 1).for_each(|i| self.0[i] = self.0[i].saturating_sub(1));
    }
}

/// What elements inside one take over from it.
#[derive(Clone, Copy, Debug, Default)]
struct Look {
    colour: Colour,
    background: Colour,
    tiny: bool,
    invisible: bool,
    indented: bool,
}

/// What is kept for an open element.
#[derive(Clone, Copy, Debug, Default)]
struct Kept {
    does: u16,
    look: Look,
    /// Where its text begins.
    from: u32,
}

/// Reads a page.
pub(super) struct Reader<'a> {
    tokens: Tokens<'a>,
    stack: Stack<Kept>,
    counts: Counts,
    /// Counts outside the matter that has begun, innermost last.
    outside: Vec<Counts>,
    /// How text looks outside all elements.
    look: Look,
    layout: Layout,
    sheet: Sheet,
    /// Whether a style sheet is linked: then classes may give any background.
    linked_sheet: bool,
    facts: Facts,
}

impl<'a> Reader<'a> {
    /// What a page holds, and what it says of itself.
    pub(super) fn read(html: &'a str) -> Result<(Laid, Facts), Reject> {
        let mut reader = Self {
            tokens: Tokens::new(html),
            stack: Stack::new(),
            counts: Counts::default(),
            outside: Vec::new(),
            look: Look::default(),
            layout: Layout::new(html.len()),
            sheet: rules_of(html),
            linked_sheet: false,
            facts: Facts::default(),
        };
        reader.facts.analytics(html);
        while let Some(token) = reader.tokens.next() {
            match token {
                Token::Text(text) => reader.text(text),
                Token::Start { name, closed } => reader.open(name, closed)?,
                Token::End { name } => reader.close(name),
                Token::Comment(comment) => reader.comment(comment),
            }
        }
        reader.pop_to(0);
        Ok((reader.layout.finish(), reader.facts))
    }

    fn look(&self) -> Look {
        self.stack.innermost().map_or(self.look, |kept| kept.look)
    }

    fn sight(&self) -> Sight {
        let look = self.look();
        if self.counts.any(does::HIDE) || look.invisible {
            Sight::Hidden
        } else if self.counts.any(does::MOVE_AWAY) || look.tiny || look.indented || look.colour.is_unseen_on(look.background) {
            Sight::Disguised
        } else {
            Sight::Shown
        }
    }

    fn is_foreign(&self) -> bool {
        self.stack.is_open(tag::SVG) || self.stack.is_open(tag::MATH)
    }

    fn text(&mut self, text: Text<'a>) {
        if self.counts.any(does::DROP) {
            return;
        }
        if self.stack.is_open(tag::TITLE) {
            self.layout.title(text);
            return;
        }
        let counts = &self.counts;
        let heading = counts.any(does::HEADING);
        let standing = Standing {
            linked: counts.any(does::LINK),
            aside: counts.any(does::ASIDE) || counts.any(does::HEADER) && !heading,
            named: counts.any(does::NAMED),
            heading,
            preformatted: counts.any(does::PRESERVE),
            listed: counts.any(does::LIST),
        };
        let sight = self.sight();
        self.layout.text(text, sight, standing);
    }

    /// Prose in a comment is hidden text; what programs leave there is not.
    fn comment(&mut self, comment: &str) {
        let is_code = |c: char| matches!(c, '<' | '>' | '{' | '}' | '=' | '[' | ']' | '|' | '_' | '#');
        if self.counts.any(does::DROP) || comment.len() < COMMENT_WORDS * 3 || comment.contains(is_code) {
            return;
        }
        let words = comment.split_whitespace().filter(|word| word.chars().all(char::is_alphabetic)).take(COMMENT_WORDS);
        if words.count() == COMMENT_WORDS {
            self.layout.set_apart();
            self.layout.text(Text { source: comment, references: false }, Sight::Hidden, Standing::default());
            self.layout.set_apart();
        }
    }

    fn open(&mut self, name: &str, closed: bool) -> Result<(), Reject> {
        let mut element = Element::of(name);
        if let Some(depth) = self.stack.ended_by_start(element) {
            self.pop_to(depth);
        }
        let foreign = self.is_foreign() && !self.stack.is_open(tag::FOREIGN_OBJECT);
        if foreign && !element.has(bit::FOREIGN) && element.tag != tag::FOREIGN_OBJECT {
            // Names mean something else there, and nothing to text.
            element = Element { kind: Kind::Inline, bits: 0, ..element };
        }
        self.facts_of(element);
        if element.kind == Kind::Root {
            if element.tag == tag::BODY {
                self.look = self.looks(element, Declared::default(), self.look);
            }
            return Ok(());
        }
        let dropped = self.counts.any(does::DROP);
        if element.has(bit::VOID) || closed && (foreign || element.has(bit::FOREIGN)) {
            if !dropped {
                self.layout.begin(element, true);
            }
            return Ok(());
        }
        if self.stack.depth() == DEPTH_MAX {
            let message = format!("got HTML with more than {DEPTH_MAX} elements open at once, expected no more than that");
            return Err(Reject::new("html_too_complex", message));
        }
        let from = self.layout.at() as u32;
        let kept = Kept { from, ..self.kept_for(element) };
        if !dropped {
            if kept.does & (does::HIDE | does::MOVE_AWAY) != 0 {
                self.layout.set_apart();
            }
            let shown = self.sight() == Sight::Shown;
            self.layout.begin(element, shown);
        }
        if kept.does & does::BEGIN_MATTER != 0 {
            self.outside.push(self.counts);
            for around in AROUND {
                self.counts.set(around, 0);
            }
        }
        self.counts.add(kept.does);
        self.stack.push(element, kept);
        self.tokens.in_foreign(foreign || element.has(bit::FOREIGN));
        Ok(())
    }

    fn facts_of(&mut self, element: Element) {
        let attributes = self.tokens.attributes();
        match element.tag {
            tag::META => self.facts.meta(attributes),
            tag::LINK => {
                self.facts.link(attributes);
                self.linked_sheet |= find(attributes, "rel").is_some_and(|rel| rel.to_ascii_lowercase().contains("stylesheet"));
            }
            tag::A => self.facts.link(attributes),
            _ => {}
        }
    }

    /// What an element does to the text in it, and how that looks.
    fn kept_for(&self, element: Element) -> Kept {
        let attributes = self.tokens.attributes();
        let mut all = 0;
        for (has, what) in [
            (element.kind.is_dropped() || element.tag == tag::SVG, does::DROP),
            (element.kind == Kind::Unshown, does::HIDE),
            (element.tag == tag::DIALOG && find(attributes, "open").is_none(), does::HIDE),
            (element.has(bit::LINK), does::LINK),
            (element.has(bit::ASIDE | bit::CONTROL), does::ASIDE),
            (element.has(bit::HEADER) && !self.stack.is_open(tag::ARTICLE) && !self.stack.is_open(tag::MAIN), does::HEADER),
            (element.has(bit::HEADING), does::HEADING),
            (element.has(bit::PRE), does::PRESERVE),
            (matches!(element.kind, Kind::ListItem | Kind::Row), does::LIST),
            (element.has(bit::MAIN), does::BEGIN_MATTER),
        ] {
            all |= if has { what } else { 0 };
        }
        let of = |name: &str| find(attributes, name).unwrap_or_default();
        let (id, class) = (of("id"), of("class"));
        let mut declared = self.sheet.of(element.name(), id, class);
        if !attributes.is_empty() {
            if let Some(style) = find(attributes, "style") {
                declared = declared.overlaid(Declared::of(style));
            }
            all |= if find(attributes, "hidden").is_some() { does::HIDE } else { 0 };
            if element.has(bit::SPECIAL) {
                all |= match place::of(of("role"), of("itemprop"), id, class) {
                    Some(Place::Main) => does::BEGIN_MATTER,
                    Some(Place::Aside) => does::ASIDE,
                    Some(Place::Named) if !element.has(bit::MAIN) => does::NAMED,
                    Some(Place::Named) | None => 0,
                };
            }
        }
        all |= if declared.hides() { does::HIDE } else { 0 };
        all |= if declared.is_away() { does::MOVE_AWAY } else { 0 };
        Kept { does: all, look: self.looks(element, declared, self.look()), from: 0 }
    }

    /// How text in an element looks, by what is declared and by old attributes.
    fn looks(&self, element: Element, declared: Declared, around: Look) -> Look {
        let attributes = self.tokens.attributes();
        let attribute = |name: &str| find(attributes, name).map(|value| Colour::of(&value.to_ascii_lowercase()));
        // Links have a colour of their own.
        let linked = element.has(bit::LINK) && find(attributes, "href").is_some();
        let colour = if linked { Colour::Unknown } else { around.colour };
        let old = if attributes.is_empty() { None } else { attribute("color").or_else(|| attribute("text")) };
        let painted = declared.background.or_else(|| if attributes.is_empty() { None } else { attribute("bgcolor") });
        let named = find(attributes, "class").or(find(attributes, "id")).is_some();
        let background = match painted {
            Some(Colour::Clear) => around.background,
            Some(colour) => colour,
            None if named && self.linked_sheet => Colour::Unknown,
            None => around.background,
        };
        Look {
            colour: declared.colour.or(old).unwrap_or(colour),
            background,
            tiny: declared.tiny.unwrap_or(around.tiny),
            invisible: declared.invisible.unwrap_or(around.invisible),
            indented: declared.indented.unwrap_or(around.indented),
        }
    }

    fn close(&mut self, name: &str) {
        let element = Element::of(name);
        match self.stack.ended_by_end(element) {
            Ended::To(depth) => self.pop_to(depth),
            Ended::Alone(_, kept) => self.counts.remove(kept.does),
            // An end tag alone is as good as an empty element.
            Ended::Nothing if matches!(element.kind, Kind::Paragraph | Kind::Break) && !self.counts.any(does::DROP) => {
                self.layout.begin(element, true);
            }
            Ended::Nothing => {}
        }
    }

    fn pop_to(&mut self, depth: usize) {
        loop {
            let shown = self.sight() == Sight::Shown;
            let Some((element, kept)) = self.stack.pop_above(depth) else { break };
            self.counts.remove(kept.does);
            if kept.does & does::BEGIN_MATTER != 0
                && let Some(outside) = self.outside.pop()
            {
                for around in AROUND {
                    self.counts.set(around, outside.get(around));
                }
            }
            if !self.counts.any(does::DROP) {
                self.layout.end(element.kind, kept.from as usize, shown);
                if kept.does & (does::HIDE | does::MOVE_AWAY) != 0 {
                    self.layout.set_apart();
                }
            }
        }
        let foreign = self.is_foreign() && !self.stack.is_open(tag::FOREIGN_OBJECT);
        self.tokens.in_foreign(foreign);
    }
}

/// The rules of all style elements of a page: they hold for what stands before them, too.
fn rules_of(html: &str) -> Sheet {
    let mut sheet = Sheet::default();
    let mut tokens = Tokens::new(html);
    let (mut in_style, mut in_noscript) = (false, false);
    while let Some(token) = tokens.next() {
        match token {
            Token::Start { name, .. } => {
                in_style = name.eq_ignore_ascii_case("style") && is_for_screens(tokens.attributes());
                in_noscript |= name.eq_ignore_ascii_case("noscript");
            }
            Token::Text(text) if in_style && !in_noscript => sheet.take(text.source),
            Token::End { name } => {
                in_style = false;
                in_noscript &= !name.eq_ignore_ascii_case("noscript");
            }
            Token::Text(_) | Token::Comment(_) => {}
        }
    }
    sheet
}

fn is_for_screens(attributes: &[Attribute<'_>]) -> bool {
    let media = find(attributes, "media").unwrap_or_default().trim().to_ascii_lowercase();
    matches!(media.as_str(), "" | "all" | "screen" | "only screen")
}
