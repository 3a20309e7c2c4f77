//! Which lines of a page are its matter, and which stand around it: navigation, headers, footers, sidebars, lists of links?
//!
//! A line goes by where it stands (elements, roles and names: [`super::place`]), by how much of it is link, and by its length. Short
//! lines are like their neighbours: a heading over prose stays, a menu's title goes. A page without prose keeps every line
//! that is no list of links, and one that would keep nothing keeps all.
//!
//! **Cost** one pass over the text. **Misses** prose set among navigation (teasers), and matter that is all links.

/// Words from which a line is prose, if little of it is link.
const PROSE_WORDS: usize = 15;
/// Words from which it is, if it ends as a sentence does.
const SENTENCE_WORDS: usize = 8;
/// Share of a prose line that may be link.
const PROSE_LINKED: f32 = 0.34;
/// Share of a line from which it is a list of links.
const LINKS: f32 = 0.5;
/// Short lines beyond prose, on one side of it, that stay.
const NEAR: usize = 3;
/// Bytes of matter below which a page is taken to have no prose.
const MATTER_BYTES_MIN: usize = 200;

/// How a line came to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Line {
    /// Where it ends in the text; its line break comes after that.
    pub end: u32,
    /// Bytes in links.
    pub linked: u32,
    /// Bytes around the matter by element or role.
    pub aside: u32,
    /// Bytes around the matter by name.
    pub named: u32,
    /// Whether it is a heading.
    pub heading: bool,
    /// Whether its white space counts.
    pub preformatted: bool,
    /// Whether it is an item of a list or a row of a table.
    pub listed: bool,
}

/// What a line is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Prose,
    Short,
    Heading,
    Listed,
    Links,
    Around,
    Empty,
}

/// Which lines of the text are its matter.
pub(super) fn matter(text: &str, lines: &[Line]) -> Vec<bool> {
    let mut start = 0;
    let pieces: Vec<(&str, usize)> = lines
        .iter()
        .map(|line| {
            let piece = &text[start..line.end as usize];
            start = line.end as usize + 1;
            (piece, words(piece))
        })
        .collect();
    let named = trusts_names(lines, &pieces);
    let classes: Vec<Class> = lines.iter().zip(&pieces).map(|(line, &(piece, words))| class(line, piece, words, named)).collect();
    let kept = kept(&classes);
    let bytes =
        |kept: &[bool]| pieces.iter().zip(kept).filter(|(_, kept)| **kept).map(|((piece, _), _)| piece.len()).sum::<usize>();
    if bytes(&kept) >= MATTER_BYTES_MIN {
        return kept;
    }
    let rest: Vec<bool> = classes.iter().map(|class| !matches!(class, Class::Links | Class::Around)).collect();
    if bytes(&rest) > 0 { rest } else { vec![true; lines.len()] }
}

/// Whether names of classes and ids are to be believed: not if they take away most prose.
fn trusts_names(lines: &[Line], pieces: &[(&str, usize)]) -> bool {
    let (mut prose, mut named) = (0, 0);
    for (line, &(piece, words)) in lines.iter().zip(pieces) {
        if words >= PROSE_WORDS && share(line.linked, piece) < PROSE_LINKED && share(line.aside, piece) <= 0.5 {
            prose += words;
            named += if share(line.named, piece) > 0.5 { words } else { 0 };
        }
    }
    named * 2 <= prose
}

fn share(bytes: u32, piece: &str) -> f32 {
    bytes as f32 / piece.len().max(1) as f32
}

fn class(line: &Line, piece: &str, words: usize, named: bool) -> Class {
    let linked = share(line.linked, piece);
    if piece.trim().is_empty() {
        Class::Empty
    } else if share(line.aside, piece) > 0.5 || named && share(line.named, piece) > 0.5 {
        Class::Around
    } else if line.heading {
        Class::Heading
    } else if line.preformatted {
        Class::Prose
    } else if linked >= LINKS {
        Class::Links
    } else if linked < PROSE_LINKED && (words >= PROSE_WORDS || words >= SENTENCE_WORDS && ends_sentence(piece)) {
        Class::Prose
    } else if line.listed {
        Class::Listed
    } else {
        Class::Short
    }
}

/// Words of a line; two characters of a script without spaces are one.
fn words(piece: &str) -> usize {
    let spaced = piece.split_ascii_whitespace().count();
    if piece.is_ascii() {
        return spaced;
    }
    spaced + piece.chars().filter(|c| matches!(c, '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{20000}'..='\u{2ffff}')).count() / 2
}

fn ends_sentence(piece: &str) -> bool {
    let end = piece.trim_end_matches(|c: char| {
        c.is_whitespace() || matches!(c, '"' | '\'' | ')' | ']' | '\u{201d}' | '\u{bb}' | '\u{2019}')
    });
    end.ends_with(['.', '!', '?', ':', '\u{2026}', '\u{3002}', '\u{ff01}', '\u{ff1f}', '\u{964}', '\u{61f}', '\u{6d4}'])
}

/// Prose, and what lies between prose or close to it.
fn kept(classes: &[Class]) -> Vec<bool> {
    let mut kept: Vec<bool> = classes.iter().map(|class| *class == Class::Prose).collect();
    let mut at = 0;
    while at < classes.len() {
        let run = classes[at..].iter().take_while(|class| is_undecided(**class)).count();
        if run == 0 {
            at += 1;
            continue;
        }
        let before = at > 0 && kept[at - 1];
        let after = classes.get(at + run) == Some(&Class::Prose);
        decide(&classes[at..at + run], &mut kept[at..at + run], before, after);
        at += run;
    }
    kept
}

fn is_undecided(class: Class) -> bool {
    matches!(class, Class::Short | Class::Heading | Class::Listed | Class::Empty)
}

/// Decides a run of lines that are like their neighbours; `before` and `after` say whether those are prose.
fn decide(classes: &[Class], kept: &mut [bool], before: bool, after: bool) {
    if before && after {
        kept.fill(true);
        return;
    }
    if before {
        // A list or a table goes with the prose that it follows, and so do a few lines; the heading of what follows does not.
        let listed = classes.iter().take_while(|class| matches!(class, Class::Listed | Class::Empty)).count();
        let near = classes[listed..].iter().take(NEAR).take_while(|class| **class != Class::Heading).count();
        kept[..listed + near].fill(true);
    }
    if after {
        // From the last headings on, or a few lines.
        let heading = classes.iter().rev().take(NEAR * 2).rposition(|class| *class == Class::Heading);
        let near = heading.map_or(NEAR.min(classes.len()), |above| above + 1);
        kept[classes.len() - near..].fill(true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROSE: &str = "A line of many words that go on and on, as the lines of a story do, until they end.";

    /// Lines with a mark each: `<` link, `^` heading, `|` row, `~` around by element, `?` around by name.
    #[track_caller]
    fn check(page: &[&str], want: &[bool]) {
        let mut text = String::new();
        let mut lines = Vec::new();
        for piece in page {
            let (mark, rest) = piece.split_at_checked(1).unwrap_or((" ", ""));
            let bytes = rest.len() as u32;
            let all = |is: bool| if is { bytes } else { 0 };
            text.push_str(rest);
            lines.push(Line {
                end: text.len() as u32,
                linked: all(mark == "<"),
                aside: all(mark == "~"),
                named: all(mark == "?"),
                heading: mark == "^",
                preformatted: mark == "#",
                listed: mark == "|",
            });
            text.push('\n');
        }
        assert_eq!(matter(&text, &lines), want, "{page:?}");
    }

    fn prose(mark: &str) -> String {
        format!("{mark}{PROSE} {PROSE} {PROSE}")
    }

    #[test]
    fn links_and_places_go_prose_stays() {
        check(&["<Home", " Menu", "<News", &prose(" "), &prose("~"), "<More"], &[false, false, false, true, false, false]);
        check(&[&prose(" "), "#x = 1", "<a", "<b", &prose(" ")], &[true, true, false, false, true]);
    }

    #[test]
    fn short_lines_are_like_their_neighbours() {
        check(&["^Title", " By me", &prose(" "), " Ha!", &prose(" ")], &[true; 5]);
        check(&["<a", " b", "<c", "^Title", &prose(" "), "^Next", "<d"], &[false, false, false, true, true, false, false]);
        check(&[&prose(" "), "|1\t2", "|3\t4", "|5\t6", "|7\t8", "|9\t0", "<d"], &[true, true, true, true, true, true, false]);
        check(&[&prose(" "), " a", " b", " c", " d", " e", "<x"], &[true, true, true, true, false, false, false]);
    }

    #[test]
    fn a_name_that_takes_most_prose_is_not_believed() {
        check(&["?Menu", &prose("?"), &prose("?"), &prose(" ")], &[true; 4]);
        check(&["?Menu", &prose("?"), &prose(" "), &prose(" ")], &[false, false, true, true]);
    }

    #[test]
    fn a_page_without_prose_keeps_what_is_no_link() {
        check(&["<Home", " one", " two", "~foot"], &[false, true, true, false]);
        check(&["<Home", "<News"], &[true, true]);
        check(&[], &[]);
    }

    #[test]
    fn scripts_without_spaces_have_words() {
        assert_eq!(words("one two  three"), 3);
        assert_eq!(words("\u{65e5}\u{672c}\u{8a9e}\u{65e5}\u{672c}\u{8a9e}"), 4);
        assert!(ends_sentence("he said \u{201c}no.\u{201d} ") && !ends_sentence("no"));
    }
}
