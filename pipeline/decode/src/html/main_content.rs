//! Which lines of a page are its main content, and which are boilerplate: navigation, headers,
//! footers, sidebars, lists of links?
//!
//! The method is that of jusText (Pomikálek, "Removing Boilerplate and Duplicate Content from Web
//! Corpora", 2011), with signs of the markup added. A line is classified by its place on the page
//! (elements, roles and names: [`super::region`]), by the share of it that is link, and by its
//! length. Short lines follow their neighbours: a heading above prose stays, the title of a menu
//! goes. A page without prose keeps every line that is no list of links, and a page that would keep
//! nothing keeps all lines.
//!
//! **Cost** one pass over the text. **Misses** prose among navigation (teasers), and main content
//! that is all links.

use script::is_unspaced;

/// A line with this many words is prose, if little of it is link.
const PROSE_WORDS: usize = 15;
/// A line that ends as a sentence does is prose from this many words on.
const SENTENCE_WORDS: usize = 8;
/// A line is prose only if less than this share of it is link.
const PROSE_LINKED: f32 = 0.34;
/// A line is a list of links, if this share of it is link.
const LINKS: f32 = 0.5;
/// Short lines that stay on each side of prose.
const NEAR: usize = 3;
/// A page with fewer bytes of main content than this is taken to have no prose.
const MAIN_CONTENT_BYTES_MIN: usize = 200;

/// A line of the shown text, and what was counted while it was laid out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct PageLine {
    /// Where it ends in the text, in bytes, without its line break.
    pub end: u32,
    /// Bytes in links.
    pub linked: u32,
    /// Bytes that are boilerplate by an element or a role.
    pub boilerplate_by_role: u32,
    /// Bytes that are boilerplate by a class or an id.
    pub boilerplate_by_name: u32,
    /// Whether it is a heading.
    pub heading: bool,
    /// Whether its white space counts.
    pub preformatted: bool,
    /// Whether it is an item of a list or a row of a table.
    pub listed: bool,
}

/// The class of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LineClass {
    Prose,
    Short,
    Heading,
    Listed,
    Links,
    Boilerplate,
    Empty,
}

/// Returns for each line whether it is main content.
pub(super) fn main_content(text: &str, lines: &[PageLine]) -> Vec<bool> {
    let mut start = 0;
    let pieces: Vec<(&str, usize)> = lines
        .iter()
        .map(|line| {
            let piece = &text[start..line.end as usize];
            start = line.end as usize + 1;
            (piece, words(piece))
        })
        .collect();
    let trusts_names = trusts_names(lines, &pieces);
    let classes: Vec<LineClass> =
        lines.iter().zip(&pieces).map(|(line, &(piece, words))| class(line, piece, words, trusts_names)).collect();
    let keep = kept_lines(&classes);
    let bytes =
        |keep: &[bool]| pieces.iter().zip(keep).filter(|(_, keep)| **keep).map(|((piece, _), _)| piece.len()).sum::<usize>();
    if bytes(&keep) >= MAIN_CONTENT_BYTES_MIN {
        return keep;
    }
    let rest: Vec<bool> = classes.iter().map(|class| !matches!(class, LineClass::Links | LineClass::Boilerplate)).collect();
    if bytes(&rest) > 0 { rest } else { vec![true; lines.len()] }
}

/// Whether classes and ids can be trusted: not if they would take away most prose.
fn trusts_names(lines: &[PageLine], pieces: &[(&str, usize)]) -> bool {
    let (mut prose, mut named) = (0, 0);
    for (line, &(piece, words)) in lines.iter().zip(pieces) {
        if words >= PROSE_WORDS && share(line.linked, piece) < PROSE_LINKED && share(line.boilerplate_by_role, piece) <= 0.5 {
            prose += words;
            named += if share(line.boilerplate_by_name, piece) > 0.5 { words } else { 0 };
        }
    }
    named * 2 <= prose
}

/// Returns which share of a line so many bytes are.
fn share(bytes: u32, piece: &str) -> f32 {
    bytes as f32 / piece.len().max(1) as f32
}

/// Classifies a line.
fn class(line: &PageLine, piece: &str, words: usize, trusts_names: bool) -> LineClass {
    let linked = share(line.linked, piece);
    if piece.trim().is_empty() {
        LineClass::Empty
    } else if share(line.boilerplate_by_role, piece) > 0.5 || trusts_names && share(line.boilerplate_by_name, piece) > 0.5 {
        LineClass::Boilerplate
    } else if line.heading {
        LineClass::Heading
    } else if line.preformatted {
        LineClass::Prose
    } else if linked >= LINKS {
        LineClass::Links
    } else if linked < PROSE_LINKED && (words >= PROSE_WORDS || words >= SENTENCE_WORDS && ends_sentence(piece)) {
        LineClass::Prose
    } else if line.listed {
        LineClass::Listed
    } else {
        LineClass::Short
    }
}

/// Counts the words of a line. Two characters of a script without spaces are one word.
fn words(piece: &str) -> usize {
    let spaced = piece.split_ascii_whitespace().count();
    if piece.is_ascii() {
        return spaced;
    }
    spaced + piece.chars().filter(|&c| is_unspaced(c)).count() / 2
}

/// Whether a line ends as a sentence does.
fn ends_sentence(piece: &str) -> bool {
    let end = piece.trim_end_matches(|c: char| {
        c.is_whitespace() || matches!(c, '"' | '\'' | ')' | ']' | '\u{201d}' | '\u{bb}' | '\u{2019}')
    });
    end.ends_with(|c| c == '\u{2026}' || script::ends_sentence(c))
}

/// Returns for each line whether it is prose, or lies between prose or close to it.
fn kept_lines(classes: &[LineClass]) -> Vec<bool> {
    let mut keep: Vec<bool> = classes.iter().map(|class| *class == LineClass::Prose).collect();
    let mut at = 0;
    while at < classes.len() {
        let run = classes[at..].iter().take_while(|class| is_undecided(**class)).count();
        if run == 0 {
            at += 1;
            continue;
        }
        let before = at > 0 && keep[at - 1];
        let after = classes.get(at + run) == Some(&LineClass::Prose);
        decide(&classes[at..at + run], &mut keep[at..at + run], before, after);
        at += run;
    }
    keep
}

/// Whether a line follows its neighbours.
fn is_undecided(class: LineClass) -> bool {
    matches!(class, LineClass::Short | LineClass::Heading | LineClass::Listed | LineClass::Empty)
}

/// Decides a run of lines that follow their neighbours. `before` and `after` say whether the
/// neighbours stay.
fn decide(classes: &[LineClass], keep: &mut [bool], before: bool, after: bool) {
    if before && after {
        keep.fill(true);
        return;
    }
    if before {
        // A list or a table stays with the prose before it, and so do a few lines. A heading belongs to what follows it.
        let listed = classes.iter().take_while(|class| matches!(class, LineClass::Listed | LineClass::Empty)).count();
        let near = classes[listed..].iter().take(NEAR).take_while(|class| **class != LineClass::Heading).count();
        keep[..listed + near].fill(true);
    }
    if after {
        // The lines from the last headings on, or a few lines.
        let heading = classes.iter().rev().take(NEAR * 2).rposition(|class| *class == LineClass::Heading);
        let near = heading.map_or(NEAR.min(classes.len()), |above| above + 1);
        keep[classes.len() - near..].fill(true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROSE: &str = "A line of many words that go on and on, as the lines of a story do, until they end.";

    /// Lines with a mark each: `<` link, `^` heading, `|` row, `~` boilerplate by element, `?`
    /// boilerplate by name.
    #[track_caller]
    fn check(page: &[&str], want: &[bool]) {
        let mut text = String::new();
        let mut lines = Vec::new();
        for piece in page {
            let (mark, rest) = piece.split_at_checked(1).unwrap_or((" ", ""));
            let bytes = rest.len() as u32;
            let all = |is: bool| if is { bytes } else { 0 };
            text.push_str(rest);
            lines.push(PageLine {
                end: text.len() as u32,
                linked: all(mark == "<"),
                boilerplate_by_role: all(mark == "~"),
                boilerplate_by_name: all(mark == "?"),
                heading: mark == "^",
                preformatted: mark == "#",
                listed: mark == "|",
            });
            text.push('\n');
        }
        assert_eq!(main_content(&text, &lines), want, "{page:?}");
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
