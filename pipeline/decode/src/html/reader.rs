//! Which text does a page of HTML hold, in which part of the page does it stand, and can a reader
//! see it?
//!
//! [`PageReader`] reads the tokens of a page, keeps the open elements on a stack, and hands each
//! text to the layout together with its visibility and its context. Both follow from the effects of
//! all open elements, which are counted.

use super::{
    colour::Colour,
    effect::{self, BOILERPLATE_EFFECTS, EffectCounts},
    element::{Element, ElementKind, bit, tag},
    facts::{PageFacts, find},
    layout::{Layout, LayoutResult, TextContext, Visibility},
    page_rules::rules_of,
    region::{self, RegionHint},
    sheet::StyleSheet,
    stack::{DEPTH_MAX, ElementStack, EndTagEffect},
    style::Declarations,
    token::{HtmlToken, HtmlTokens, Text},
};
use crate::decoded::Reject;

/// Words from which a comment may be prose.
const COMMENT_WORDS: usize = 8;

/// How the text in an element looks. Elements inside inherit it.
#[derive(Clone, Copy, Debug, Default)]
struct Appearance {
    colour: Colour,
    background: Colour,
    tiny: bool,
    invisible: bool,
    indented: bool,
}

/// The state of an open element.
#[derive(Clone, Copy, Debug, Default)]
struct ElementState {
    effects: u16,
    appearance: Appearance,
    /// Where its text begins in the shown text, in bytes.
    from: u32,
}

/// Reads a page of HTML.
pub(super) struct PageReader<'a> {
    tokens: HtmlTokens<'a>,
    stack: ElementStack<ElementState>,
    counts: EffectCounts,
    /// The counts outside each main content that has begun, the innermost last.
    outside: Vec<EffectCounts>,
    /// How text looks that stands outside all elements.
    appearance: Appearance,
    layout: Layout,
    sheet: StyleSheet,
    /// Whether the page links a style sheet. A class may then give any background.
    linked_sheet: bool,
    facts: PageFacts,
}

impl<'a> PageReader<'a> {
    /// Reads a page: its texts, and the facts that it states about itself.
    pub(super) fn read(html: &'a str) -> Result<(LayoutResult, PageFacts), Reject> {
        let mut reader = Self {
            tokens: HtmlTokens::new(html),
            stack: ElementStack::new(),
            counts: EffectCounts::default(),
            outside: Vec::new(),
            appearance: Appearance::default(),
            layout: Layout::new(html.len()),
            sheet: rules_of(html),
            linked_sheet: false,
            facts: PageFacts::default(),
        };
        reader.facts.analytics(html);
        while let Some(token) = reader.tokens.next() {
            match token {
                HtmlToken::Text(text) => reader.text(text),
                HtmlToken::Start { name, closed } => reader.open(name, closed)?,
                HtmlToken::End { name } => reader.close(name),
                HtmlToken::Comment(comment) => reader.comment(comment),
            }
        }
        reader.pop_to(0);
        Ok((reader.layout.finish(), reader.facts))
    }

    /// Returns how text looks at this place.
    fn appearance(&self) -> Appearance {
        self.stack.innermost().map_or(self.appearance, |state| state.appearance)
    }

    /// Returns whether a reader sees text at this place.
    fn visibility(&self) -> Visibility {
        let appearance = self.appearance();
        if self.counts.any(effect::HIDE) || appearance.invisible {
            Visibility::NotRendered
        } else if self.counts.any(effect::MOVE_AWAY)
            || appearance.tiny
            || appearance.indented
            || appearance.colour.is_unseen_on(appearance.background)
        {
            Visibility::VisuallyHidden
        } else {
            Visibility::Shown
        }
    }

    /// Whether this place is inside of SVG or `MathML`.
    fn is_foreign(&self) -> bool {
        self.stack.is_open(tag::SVG) || self.stack.is_open(tag::MATH)
    }

    /// Takes a text.
    fn text(&mut self, text: Text<'a>) {
        if self.counts.any(effect::DROP) {
            return;
        }
        if self.stack.is_open(tag::TITLE) {
            self.layout.title(text);
            return;
        }
        let counts = &self.counts;
        let heading = counts.any(effect::HEADING);
        let context = TextContext {
            linked: counts.any(effect::LINK),
            boilerplate_by_role: counts.any(effect::BOILERPLATE_BY_ROLE) || counts.any(effect::HEADER) && !heading,
            boilerplate_by_name: counts.any(effect::BOILERPLATE_BY_NAME),
            heading,
            preformatted: counts.any(effect::PRESERVE),
            listed: counts.any(effect::LIST),
        };
        let visibility = self.visibility();
        self.layout.text(text, visibility, context);
    }

    /// Takes prose in a comment as text that is not rendered. What programs leave in comments is no
    /// text.
    fn comment(&mut self, comment: &str) {
        let is_code = |c: char| matches!(c, '<' | '>' | '{' | '}' | '=' | '[' | ']' | '|' | '_' | '#');
        if self.counts.any(effect::DROP) || comment.len() < COMMENT_WORDS * 3 || comment.contains(is_code) {
            return;
        }
        let words = comment.split_whitespace().filter(|word| word.chars().all(char::is_alphabetic)).take(COMMENT_WORDS);
        if words.count() == COMMENT_WORDS {
            self.layout.separate_hidden();
            self.layout.text(Text { source: comment, references: false }, Visibility::NotRendered, TextContext::default());
            self.layout.separate_hidden();
        }
    }

    /// Takes a start tag.
    fn open(&mut self, name: &str, closed: bool) -> Result<(), Reject> {
        let mut element = Element::of(name);
        if let Some(depth) = self.stack.ended_by_start(element) {
            self.pop_to(depth);
        }
        let foreign = self.is_foreign() && !self.stack.is_open(tag::FOREIGN_OBJECT);
        if foreign && !element.has(bit::FOREIGN) && element.tag != tag::FOREIGN_OBJECT {
            // Names of elements mean something else in SVG and MathML, and nothing to text.
            element = Element { kind: ElementKind::Inline, bits: 0, ..element };
        }
        self.facts_of(element);
        if element.kind == ElementKind::Root {
            if element.tag == tag::BODY {
                self.appearance = self.appearance_of(element, Declarations::default(), self.appearance);
            }
            return Ok(());
        }
        let dropped = self.counts.any(effect::DROP);
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
        let state = ElementState { from, ..self.state_of(element) };
        if !dropped {
            if state.effects & (effect::HIDE | effect::MOVE_AWAY) != 0 {
                self.layout.separate_hidden();
            }
            let shown = self.visibility() == Visibility::Shown;
            self.layout.begin(element, shown);
        }
        if state.effects & effect::BEGIN_MAIN_CONTENT != 0 {
            self.outside.push(self.counts);
            for effect in BOILERPLATE_EFFECTS {
                self.counts.set(effect, 0);
            }
        }
        self.counts.add(state.effects);
        self.stack.push(element, state);
        self.tokens.in_foreign(foreign || element.has(bit::FOREIGN));
        Ok(())
    }

    /// Notes the facts that an element states.
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

    /// Returns the effects of an element on the text in it, and how that text looks.
    fn state_of(&self, element: Element) -> ElementState {
        let attributes = self.tokens.attributes();
        let mut all = 0;
        for (has, what) in [
            (element.kind.is_dropped() || element.tag == tag::SVG, effect::DROP),
            (element.kind == ElementKind::Unshown, effect::HIDE),
            (element.tag == tag::DIALOG && find(attributes, "open").is_none(), effect::HIDE),
            (element.has(bit::LINK), effect::LINK),
            (element.has(bit::ASIDE | bit::CONTROL), effect::BOILERPLATE_BY_ROLE),
            (element.has(bit::HEADER) && !self.stack.is_open(tag::ARTICLE) && !self.stack.is_open(tag::MAIN), effect::HEADER),
            (element.has(bit::HEADING), effect::HEADING),
            (element.has(bit::PRE), effect::PRESERVE),
            (matches!(element.kind, ElementKind::ListItem | ElementKind::Row), effect::LIST),
            (element.has(bit::MAIN), effect::BEGIN_MAIN_CONTENT),
        ] {
            all |= if has { what } else { 0 };
        }
        let of = |name: &str| find(attributes, name).unwrap_or_default();
        let (id, class) = (of("id"), of("class"));
        let mut declared = self.sheet.of(element.name(), id, class);
        if !attributes.is_empty() {
            if let Some(style) = find(attributes, "style") {
                declared = declared.overlaid(Declarations::of(style));
            }
            all |= if find(attributes, "hidden").is_some() { effect::HIDE } else { 0 };
            if element.has(bit::SPECIAL) {
                all |= match region::of(of("role"), of("itemprop"), id, class) {
                    Some(RegionHint::MainContent) => effect::BEGIN_MAIN_CONTENT,
                    Some(RegionHint::Boilerplate) => effect::BOILERPLATE_BY_ROLE,
                    Some(RegionHint::LikelyBoilerplate) if !element.has(bit::MAIN) => effect::BOILERPLATE_BY_NAME,
                    Some(RegionHint::LikelyBoilerplate) | None => 0,
                };
            }
        }
        all |= if declared.hides() { effect::HIDE } else { 0 };
        all |= if declared.is_off_page() { effect::MOVE_AWAY } else { 0 };
        ElementState { effects: all, appearance: self.appearance_of(element, declared, self.appearance()), from: 0 }
    }

    /// Returns how text in an element looks, by the declarations for it and by old attributes such
    /// as `bgcolor`.
    fn appearance_of(&self, element: Element, declared: Declarations, parent: Appearance) -> Appearance {
        let attributes = self.tokens.attributes();
        let attribute = |name: &str| find(attributes, name).map(|value| Colour::of(&value.to_ascii_lowercase()));
        // A browser gives links a colour of their own.
        let linked = element.has(bit::LINK) && find(attributes, "href").is_some();
        let colour = if linked { Colour::Unknown } else { parent.colour };
        let old = if attributes.is_empty() { None } else { attribute("color").or_else(|| attribute("text")) };
        let painted = declared.background.or_else(|| if attributes.is_empty() { None } else { attribute("bgcolor") });
        let has_name = find(attributes, "class").or(find(attributes, "id")).is_some();
        let background = match painted {
            Some(Colour::Clear) => parent.background,
            Some(colour) => colour,
            None if has_name && self.linked_sheet => Colour::Unknown,
            None => parent.background,
        };
        Appearance {
            colour: declared.colour.or(old).unwrap_or(colour),
            background,
            tiny: declared.tiny.unwrap_or(parent.tiny),
            invisible: declared.invisible.unwrap_or(parent.invisible),
            indented: declared.indented.unwrap_or(parent.indented),
        }
    }

    /// Takes an end tag.
    fn close(&mut self, name: &str) {
        let element = Element::of(name);
        match self.stack.ended_by_end(element) {
            EndTagEffect::To(depth) => self.pop_to(depth),
            EndTagEffect::Alone(_, state) => self.counts.remove(state.effects),
            // An end tag without its start tag stands for an empty element.
            EndTagEffect::Nothing
                if matches!(element.kind, ElementKind::Paragraph | ElementKind::Break) && !self.counts.any(effect::DROP) =>
            {
                self.layout.begin(element, true);
            }
            EndTagEffect::Nothing => {}
        }
    }

    /// Closes all open elements deeper than this.
    fn pop_to(&mut self, depth: usize) {
        loop {
            let shown = self.visibility() == Visibility::Shown;
            let Some((element, state)) = self.stack.pop_above(depth) else { break };
            self.counts.remove(state.effects);
            if state.effects & effect::BEGIN_MAIN_CONTENT != 0
                && let Some(outside) = self.outside.pop()
            {
                for effect in BOILERPLATE_EFFECTS {
                    self.counts.set(effect, outside.get(effect));
                }
            }
            if !self.counts.any(effect::DROP) {
                self.layout.end(element.kind, state.from as usize, shown);
                if state.effects & (effect::HIDE | effect::MOVE_AWAY) != 0 {
                    self.layout.separate_hidden();
                }
            }
        }
        let foreign = self.is_foreign() && !self.stack.is_open(tag::FOREIGN_OBJECT);
        self.tokens.in_foreign(foreign);
    }
}
