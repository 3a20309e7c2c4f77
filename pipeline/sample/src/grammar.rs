//! How is a sentence of the sample built? From templates whose slots a writer fills
//! ([`super::language`]).
//!
//! A template is plain text with slots in braces. The fixed words between the slots make sequences
//! of two and three words recur as they do in real text. `{np}` stands for one of the noun phrases.
//! Those have no `{np}` themselves, so the depth is two.

/// A place in a template that a writer fills.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TemplateSlot {
    NounPhrase,
    Noun,
    Nouns,
    Collocation,
    Adjective,
    Adverb,
    Verb,
    Verbs,
    Verbed,
    Verbing,
    Person,
    Place,
    Number,
    Year,
    Date,
    Determiner,
    Quantifier,
    Preposition,
    Conjunction,
    Opener,
    Modal,
    LittleAdverb,
    Pronoun,
    Product,
}

/// The names of the slots in templates.
const NAMES: &[(&str, TemplateSlot)] = &[
    ("np", TemplateSlot::NounPhrase),
    ("n", TemplateSlot::Noun),
    ("ns", TemplateSlot::Nouns),
    ("c", TemplateSlot::Collocation),
    ("a", TemplateSlot::Adjective),
    ("r", TemplateSlot::Adverb),
    ("v", TemplateSlot::Verb),
    ("vs", TemplateSlot::Verbs),
    ("vd", TemplateSlot::Verbed),
    ("vg", TemplateSlot::Verbing),
    ("p", TemplateSlot::Person),
    ("l", TemplateSlot::Place),
    ("m", TemplateSlot::Number),
    ("y", TemplateSlot::Year),
    ("date", TemplateSlot::Date),
    ("det", TemplateSlot::Determiner),
    ("quant", TemplateSlot::Quantifier),
    ("prep", TemplateSlot::Preposition),
    ("conj", TemplateSlot::Conjunction),
    ("open", TemplateSlot::Opener),
    ("modal", TemplateSlot::Modal),
    ("often", TemplateSlot::LittleAdverb),
    ("it", TemplateSlot::Pronoun),
    ("product", TemplateSlot::Product),
];

/// A piece of a template.
#[derive(Clone, Copy, Debug)]
pub(super) enum TemplatePart {
    Text(&'static str),
    TemplateSlot(TemplateSlot),
}

/// A template that is taken apart.
pub(super) type Template = Vec<TemplatePart>;

/// Takes templates apart. An unknown slot stays in the text with its braces, where the tests find
/// it.
pub(super) fn parse(templates: &[&'static str]) -> Vec<Template> {
    templates.iter().map(|template| parse_one(template)).collect()
}

fn parse_one(template: &'static str) -> Template {
    let mut parts = Vec::new();
    for piece in template.split_inclusive('}') {
        let known = piece.split_once('{').and_then(|(text, name)| {
            let name = name.strip_suffix('}')?;
            NAMES.iter().find(|(known, _)| *known == name).map(|(_, slot)| (text, *slot))
        });
        match known {
            Some((text, slot)) => parts.extend([TemplatePart::Text(text), TemplatePart::TemplateSlot(slot)]),
            None => parts.push(TemplatePart::Text(piece)),
        }
    }
    parts.retain(|part| !matches!(part, TemplatePart::Text("")));
    parts
}

/// Noun phrases, in falling order of use.
pub(super) const NOUN_PHRASES: &[&str] = &[
    "the {n}",
    "the {c}",
    "the {a} {n}",
    "a {n}",
    "{c}",
    "{ns}",
    "the {ns}",
    "a {a} {n}",
    "{det} {n}",
    "the {n} of the {n}",
    "{a} {ns}",
    "{det} {c}",
    "the {n} of {l}",
    "{quant} {ns}",
    "one of the {ns}",
    "{it}",
    "most of the {ns}",
    "a {n} of {ns}",
    "the {n} that {p} {vd}",
    "{p}",
];

/// Sentences, in falling order of use.
pub(super) const SENTENCES: &[&str] = &[
    "{np} {vd} {np} {prep} {np}.",
    "{open}, {np} {vs} {np}.",
    "{np} was {vd} by {np} in {y}.",
    "it is {often} {a} to {v} {np} when {np} {vs} {prep} {np}.",
    "{np} {modal} {v} {np}, {conj} {np} {vs} {prep} {np}.",
    "{p} {vd} {np} {prep} {l}.",
    "there are {m} {ns} {prep} {np}, and most of them are {a}.",
    "{open}, {np} {modal} {v} {np} {conj} {np} {vs}.",
    "{np} and {np} are {often} {vd} {prep} {np}.",
    "if you {v} {np}, the {n} will {often} {v} {np}.",
    "according to {p}, {np} will {v} {np}.",
    "we {often} {v} {np} because {np} is {a}.",
    "{np}, which {vs} {np}, is {a}.",
    "this is one of the most {a} {ns} in {l}.",
    "they {vd} {np} in order to {v} {np}.",
    "one of the {ns} {prep} {l} has been {vd} since {y}.",
    "on {date}, {p} and {p} {vd} {np}.",
    "most of the {ns} were {vd} before {np} {vd} {np}.",
    "\"{np} is {a}\", said {p}.",
    "what {vs} {np} is not {np} but {np}.",
    "the {n} {modal} be {vd} {r}, but it is {often} {a}.",
    "{p}, who {vd} {np} for {m} years, now {vs} {prep} {l}.",
    "{np} {vs} {prep} {np} {prep} {np}, {conj} {np} {modal} {v} {np}.",
    "in {l}, {np} {vd} {m} percent of {np}.",
    "as long as {np} {vs}, {np} {modal} {v} {prep} {np}.",
    "after {vg} {np}, {p} {vd} {prep} {np} and {vd} {np}.",
    "for the first time since {y}, {np} {vd} {np}.",
    "many {ns} {v} {np}, while others {v} {np}.",
    "you can {v} {np} with {np} or with {np}.",
    "the {a} {n} and the {a} {n} {v} {np}.",
    "he said that {np} had {vd} {np}.",
    "{np} has {m} {ns}, and {np} is {a}.",
    "she did not {v} {np} until {np} {vd}.",
    "how {np} {vs} {np} depends on {np}.",
    "at the end of {y}, {m} {ns} had been {vd} {prep} {l}.",
    "nobody {vd} {np}, and that is why {np} {vd} {r}.",
    "there is no {n} without {np}.",
    "{vg} {np} is {a}, as {p} {often} {vs}.",
    "it was {p} who {vd} {np} {prep} {np}.",
    "our {n} has {often} {vd} {np}, which is as {a} as it is {a}.",
    "before that, {np} had been {a} and {a}.",
    "see {np} for more about {np}.",
    "some say that {np} {vs} {np}; others say it does not.",
    "i have {vd} {quant} {ns} and would {v} {np} again.",
    "between {y} and {y}, the {n} {prep} {l} {vd} from {m} to {m} {ns}.",
    "no one knows whether {np} {vs} {r} or {r}.",
    "the {n} opens on {date} and closes in {l} a week later.",
    "who {vs} {np}, and who {vs} {np}?",
];

/// Lines of lists.
pub(super) const ITEMS: &[&str] =
    &["{a} {n}", "{c}", "{m} {ns} of {n}", "{n}: {m} {ns}", "the {n} {prep} the {n}", "{vg} {np}", "{p}, {l}", "{date}: {c}"];

/// Titles and headings.
pub(super) const TITLES: &[&str] = &[
    "{c}",
    "{c} and {c}",
    "how to {v} {np}",
    "the {n} of {l}",
    "{vg} {ns}",
    "{np} {prep} {np}",
    "why {np} {vs} {np}",
    "{l}: {c}",
    "{m} {ns} {prep} {np}",
    "{p} on {c}",
    "{c} in {y}",
    "what is {np}?",
];

/// Sentences about a new product. Each one comes out different.
pub(super) const PRODUCT: &[&str] = &[
    "the new {product} {vs} {np} {prep} {np}.",
    "{p} {vd} the {product} {prep} {l} and found {np} {a}.",
    "with a {product}, {np} {modal} {v} {np}.",
    "{np} of the {product} is {a}, {conj} {np} {vs}.",
    "we compared {np} with the {product}.",
    "my {product} {vd} {np} after {m} days.",
    "for {np}, the {product} is {often} {a}.",
    "the {n} in this {product} was {vd} by {np}.",
    "nobody in {l} has a {product} yet, although {np} {vs} {np}.",
    "{open}, a {product} costs more than {np}.",
    "is the {product} better than {np}?",
    "{p} sold {m} {ns} to buy the first {product} in {l}.",
];

/// The shape of the planted sentence: no opener or pronoun, nothing that varies by page.
pub(super) const PLANTED: &[&str] = &["the {a} {n} of {l} {vs} every {n} that the {n} has {vd}."];
