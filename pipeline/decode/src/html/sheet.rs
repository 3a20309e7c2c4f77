//! Which rules of a page's own `<style>` elements bear on whether text is seen?
//!
//! A rule is read if its selector names one element by its tag, id and classes (`.a`, `p.a`, `#b`),
//! alone or in a list, on any medium or on screens. The more specific rule wins; of equal ones, the
//! later.
//!
//! **Misses** selectors of several elements, of attributes and of states; rules under conditions;
//! linked style sheets.
//! **Cost** one pass over the style sheets, and one look-up for each class of each element.
//! **Limits** [`SHEET_BYTES_MAX`], [`RULES_MAX`].

use std::{borrow::Cow, collections::HashMap};

use super::style::{Declarations, without_comments};

/// Bytes that are read of all style sheets of a page together.
const SHEET_BYTES_MAX: usize = 1 << 20;
/// Most rules that are kept.
const RULES_MAX: usize = 4096;
/// Most classes of a selector. A selector with more is ignored.
const CLASSES_MAX: usize = 3;
/// Most selectors that are kept for one class, id or tag: so many are tried for each element that
/// has it.
const TRIED_MAX: usize = 8;
/// Most classes of an element that are looked up.
const LOOKED_UP_MAX: usize = 16;
/// Bytes of the classes of an element that are looked at.
const CLASS_BYTES_MAX: usize = 512;

/// A rule: one selector, and the declarations of its body.
#[derive(Clone, Debug)]
struct StyleRule {
    tag: Option<Box<str>>,
    id: Option<Box<str>>,
    classes: Vec<Box<str>>,
    declared: Declarations,
}

impl StyleRule {
    fn selects_like(&self, other: &Self) -> bool {
        (&self.tag, &self.id, &self.classes) == (&other.tag, &other.id, &other.classes)
    }
}

/// The rules of a page.
#[derive(Debug, Default)]
pub(super) struct StyleSheet {
    rules: Vec<StyleRule>,
    /// Places of rules by the most specific part of their selector: `#id`, `.class` or `tag`. Only
    /// looked up, never iterated.
    by_key: HashMap<Box<str>, Vec<u32>>,
    bytes: usize,
}

impl StyleSheet {
    /// Reads the rules of a `<style>` element.
    pub(super) fn take(&mut self, css: &str) {
        let css = &css[..css.floor_char_boundary(SHEET_BYTES_MAX - self.bytes)];
        self.bytes += css.len();
        let css = without_comments(Cow::Borrowed(css));
        self.rules_of(&css);
    }

    /// Reads the rules of one level. Those inside of a medium are read as if they stood alone.
    fn rules_of(&mut self, css: &str) {
        let mut rest = css;
        while let Some(open) = rest.find(['{', ';', '}']) {
            let prelude = rest[..open].trim();
            let after = &rest[open + 1..];
            if rest.as_bytes()[open] != b'{' {
                rest = after;
                continue;
            }
            if let Some(condition) = prelude.strip_prefix('@') {
                // Inside a medium that everybody has, rules are read as if they stood alone. Its closing brace ends no rule.
                rest = if is_any_screen(condition) { after } else { beyond_block(after) };
                continue;
            }
            let end = after.find('}').unwrap_or(after.len());
            self.rule(prelude, &after[..end]);
            rest = after.get(end + 1..).unwrap_or_default();
        }
    }

    /// Takes one rule: its selectors and its body.
    fn rule(&mut self, selectors: &str, body: &str) {
        let declared = Declarations::of(body);
        if declared.is_empty() {
            return;
        }
        for selector in selectors.split(',').map(str::trim) {
            if self.rules.len() == RULES_MAX {
                return;
            }
            let Some((rule, key)) = compound(selector, declared) else { continue };
            let places = self.by_key.entry(key).or_default();
            let rules = &mut self.rules;
            if let Some(&same) = places.iter().find(|&&place| rules[place as usize].selects_like(&rule)) {
                let known = &mut rules[same as usize];
                known.declared = known.declared.overlaid(rule.declared);
            } else if places.len() < TRIED_MAX {
                places.push(rules.len() as u32);
                rules.push(rule);
            }
        }
    }

    /// Returns the declarations for an element. Its tag is in lower case.
    pub(super) fn of(&self, tag: &str, id: &str, classes: &str) -> Declarations {
        if self.rules.is_empty() {
            return Declarations::default();
        }
        let classes = &classes[..classes.floor_char_boundary(CLASS_BYTES_MAX)];
        let mut found: Vec<u32> = Vec::new();
        let mut key = String::new();
        let mut ask = |mark: &str, name: &str| {
            key.clear();
            key.push_str(mark);
            key.push_str(name);
            found.extend(self.by_key.get(key.as_str()).into_iter().flatten());
        };
        ask("", tag);
        if !id.is_empty() {
            ask("#", id);
        }
        classes.split_ascii_whitespace().take(LOOKED_UP_MAX).for_each(|class| ask(".", class));
        let matching = |place: &u32| {
            let rule = self.rules.get(*place as usize)?;
            let has = |class: &str| classes.split_ascii_whitespace().any(|own| own == class);
            let fits = rule.tag.as_deref().is_none_or(|own| own == tag)
                && rule.id.as_deref().is_none_or(|own| own == id)
                // The first class found the rule, unless an id did.
                && rule.classes.iter().skip(usize::from(rule.id.is_none())).all(|class| has(class));
            let specificity = (rule.id.is_some(), rule.classes.len(), rule.tag.is_some());
            fits.then_some((specificity, *place, rule.declared))
        };
        let mut matching: Vec<_> = found.iter().filter_map(matching).collect();
        matching.sort_unstable_by_key(|&(specificity, place, _)| (specificity, place));
        matching.into_iter().fold(Declarations::default(), |all, (.., declared)| all.overlaid(declared))
    }
}

/// Whether a conditional group holds for everybody who reads the page on a screen.
fn is_any_screen(condition: &str) -> bool {
    let condition = condition.to_ascii_lowercase();
    let media = condition.strip_prefix("media").map(str::trim);
    media.is_some_and(|media| media.split(',').any(|one| matches!(one.trim(), "" | "all" | "screen" | "only screen")))
}

/// Returns what follows the block that has just begun.
fn beyond_block(css: &str) -> &str {
    let mut depth = 1u32;
    for (at, byte) in css.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 1 => return &css[at + 1..],
            b'}' => depth -= 1,
            _ => {}
        }
    }
    ""
}

/// Parses a selector of one element, and returns its rule with the key that finds it; `None` for
/// any other selector.
fn compound(selector: &str, declared: Declarations) -> Option<(StyleRule, Box<str>)> {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '#');
    if selector.is_empty() || selector.len() > 256 || !selector.chars().all(plain) {
        return None;
    }
    let marks: Vec<usize> = selector.match_indices(['.', '#']).map(|(at, _)| at).collect();
    let tag = &selector[..marks.first().copied().unwrap_or(selector.len())];
    let mut rule =
        StyleRule { tag: (!tag.is_empty()).then(|| tag.to_ascii_lowercase().into()), id: None, classes: Vec::new(), declared };
    for (i, &at) in marks.iter().enumerate() {
        let name = &selector[at + 1..marks.get(i + 1).copied().unwrap_or(selector.len())];
        if name.is_empty() {
            return None;
        }
        match selector.as_bytes()[at] {
            b'#' => rule.id = Some(name.into()),
            _ => rule.classes.push(name.into()),
        }
    }
    if rule.classes.len() > CLASSES_MAX {
        return None;
    }
    let key = match (&rule.id, rule.classes.first()) {
        (Some(id), _) => format!("#{id}").into(),
        (None, Some(class)) => format!(".{class}").into(),
        (None, None) => rule.tag.clone()?,
    };
    Some((rule, key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet(css: &str) -> StyleSheet {
        let mut sheet = StyleSheet::default();
        sheet.take(css);
        sheet
    }

    #[track_caller]
    fn check(css: &str, (tag, id, classes): (&str, &str, &str), hidden: bool) {
        assert_eq!(sheet(css).of(tag, id, classes).hides(), hidden, "{css} on {tag} {id} {classes}");
    }

    #[test]
    fn selectors_of_one_element_are_known() {
        let element = ("p", "main", "a b");
        for css in [
            ".a{display:none}",
            "p{display:none}",
            "#main{display:none}",
            "P.b{display:none}",
            ".a.b { color: red; display : none }",
            "h1, .x, .b{display:none}",
            "/* {} */ .a{display:none}",
            "@media screen{.a{display:none}}",
            "@media print{.a{color:red}} .a{display:none}",
            "@charset \"x\"; .a{display:none}",
            ".c{display:none}.a{display:none",
            "} .a{display:none}",
        ] {
            check(css, element, true);
        }
        for css in [
            ".c{display:none}",
            ".a.c{display:none}",
            "div.a{display:none}",
            "#other{display:none}",
            ".a:hover{display:none}",
            ".x .a{display:none}",
            "[hidden]{display:none}",
            "@media print{.a{display:none}}",
            "@media (max-width: 3px){.a{display:none}}",
            "@keyframes x{from{opacity:0}}",
            "",
            "{",
            "}",
            "@",
            ".{display:none}",
        ] {
            check(css, element, false);
        }
    }

    #[test]
    fn the_more_specific_then_the_later_rule_wins() {
        check(".a{display:none} .a{display:block}", ("p", "", "a"), false);
        check("p.a{display:none} .a{display:block}", ("p", "", "a"), true);
        check(".a.b{display:block} p{display:none} .a{display:none}", ("p", "", "a b"), false);
        check("#i{display:none} .a.b{display:block}", ("p", "i", "a b"), true);
    }

    #[test]
    fn rules_and_bytes_are_bounded() {
        let many = (0..RULES_MAX * 2).map(|i| format!(".c{i}{{display:none}}")).collect::<Vec<_>>().concat();
        assert_eq!(sheet(&many).rules.len(), RULES_MAX);
        let same = ".a{display:none}".repeat(10_000);
        assert_eq!(sheet(&same).rules.len(), 1);
        let alike = (0..100).map(|i| format!(".a.b{i}{{display:none}}")).collect::<Vec<_>>().concat();
        assert_eq!(sheet(&alike).rules.len(), TRIED_MAX);
        let mut long = sheet(&"x".repeat(SHEET_BYTES_MAX * 2));
        long.take(".a{display:none}");
        assert!(long.rules.is_empty());
        let deep = "@media (x){".repeat(100_000);
        assert!(sheet(&deep).rules.is_empty());
    }
}
