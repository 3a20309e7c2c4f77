//! What is found in short texts, what is left alone, and does nothing panic?

use proptest::prelude::*;

use super::*;

fn findings(text: &str) -> Vec<Finding> {
    let mut found = Vec::new();
    Unicode::default().inspect_text(text, &mut found);
    found
}

#[track_caller]
fn check(text: &str, want: &[Reason]) {
    let got: Vec<_> = findings(text).into_iter().map(|f| f.reason).collect();
    assert_eq!(got, want, "{text:?}");
}

#[test]
fn tag_characters() {
    check("see \u{e0068}\u{e0069}", &[Reason::TagCharacters]);
    check("\u{1f3f4}\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f} won", &[]);
    check(&format!("\u{1f3f4}{}", "\u{e0061}".repeat(8)), &[Reason::TagCharacters]);
}

#[test]
fn invisible_runs() {
    check("a \u{200b}\u{200b}\u{200b} b", &[Reason::InvisibleRun]);
    check("a \u{200b}\u{200c}", &[Reason::InvisibleRun]);
    check("a\u{200b}\u{200b}b", &[]);
    check("\u{feff}a b\u{200b} c", &[]);
}

#[test]
fn inside_latin_words() {
    check("pass\u{200b}word", &[Reason::ZeroWidthInWord]);
    check("pass\u{202e}\u{202d}word", &[Reason::BidiInWord]);
    check("\u{202b}word\u{202c} \u{2066}x\u{2069}", &[]);
    check("word\u{fe01}", &[Reason::VariationSelectors]);
    check("\u{1f600}\u{e0101}\u{e0102}\u{e0103}", &[Reason::VariationSelectors]);
    check("\u{2764}\u{fe0f} 1\u{fe0f}\u{20e3}", &[]);
}

#[test]
fn ordinary_joiners() {
    check("\u{0645}\u{06cc}\u{200c}\u{062e}\u{0648}\u{0627}\u{0647}\u{0645}", &[]);
    check("\u{0915}\u{094d}\u{200d}\u{0937}", &[]);
    check("\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467} \u{1f3f3}\u{fe0f}\u{200d}\u{1f308}", &[]);
}

#[test]
fn mixed_script_words() {
    check("p\u{0430}ypal and b\u{0430}nk", &[Reason::MixedScriptWords]);
    check("one p\u{0430}ypal", &[]);
    check("\u{03b2}-Carotin \u{03bc}Torrent Wi\u{0444}i x\u{0436}", &[]);
    check("\u{043c}\u{043e}\u{0441}\u{043a}\u{0432}\u{0430} \u{0441}\u{043e}\u{043d}", &[]);
}

#[test]
fn spans_are_of_the_text_and_bounded() {
    let text = "x\u{200b}y ".repeat(40);
    let found = findings(&text);
    assert_eq!((found.len(), found[0].evidence.spans.len(), found[0].evidence.observed), (1, 16, Some(40.0)));
    assert_eq!(&text[1..4], "\u{200b}");
    assert_eq!(found[0].evidence.spans[0], (1, 4));
}

proptest! {
    /// Spans lie on characters, whatever the text.
    #[test]
    fn never_panics(text in "(\u{200b}|\u{200d}|\u{fe0f}|\u{202e}|\u{e0041}|\u{1f3f4}|[aа]|ж|\\PC){0,40}") {
        for finding in findings(&text) {
            for (from, to) in finding.evidence.spans {
                prop_assert!(text.get(from as usize..to as usize).is_some_and(|s| !s.is_empty()));
            }
        }
    }
}

/// The rows of a table in `tests/data`, with `\u{...}` as the character that it names.
fn rows(table: &str) -> Vec<Vec<String>> {
    let unescaped = |cell: &str| {
        let mut parts = cell.split("\\u{");
        let mut out = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (code, rest) = part.split_once('}').expect("a code point in braces");
            out.push(u32::from_str_radix(code, 16).ok().and_then(char::from_u32).expect("a code point"));
            out.push_str(rest);
        }
        out
    };
    let lines = table.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.split('\t').map(unescaped).collect()).collect()
}

#[test]
fn nothing_is_found_in_ordinary_text_of_any_script() {
    let rows = rows(include_str!("../../../tests/data/unicode_innocent.tsv"));
    let mut scripts: Vec<&str> = rows.iter().map(|row| &*row[0]).collect();
    scripts.sort_unstable();
    scripts.dedup();
    assert!(rows.len() >= 250 && scripts.len() >= 40, "{} texts, {scripts:?}", rows.len());
    let wrong: Vec<_> = rows.iter().map(|row| (&row[1], findings(&row[1]))).filter(|(_, found)| !found.is_empty()).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn cases_that_were_judged_wrongly() {
    for row in rows(include_str!("../../../tests/data/unicode_cases.tsv")) {
        assert_eq!(!findings(&row[2]).is_empty(), row[0] == "guilty", "{}: {:?}", row[1], row[2]);
    }
}

#[test]
fn marks_are_judged_by_what_stands_beside_them() {
    // Between words of Thai, and between a letter and its mark; in a Greek, Arabic, Hebrew, Georgian or Korean word.
    check("ภาษา\u{200b}ไทย", &[]);
    check("ภาษ\u{200b}ี", &[Reason::ZeroWidthInWord]);
    check("เ\u{200b}ปิด", &[Reason::ZeroWidthInWord]);
    for word in
        ["λό\u{200b}γος", "كت\u{200b}اب", "ספ\u{2060}רים", "ენ\u{feff}ები", "한\u{200d}국어", "कम\u{200b}ल", "বাং\u{2060}লা"]
    {
        check(word, &[Reason::ZeroWidthInWord]);
    }
    // With letters that are written as two characters.
    check("Vie\u{302}\u{323}\u{200b}t", &[Reason::ZeroWidthInWord]);
    check("Việ\u{200b}t", &[Reason::ZeroWidthInWord]);
    // One break in a Chinese sentence, and one between all its words.
    check("今天天\u{200b}气很好我们一起出去散步", &[Reason::ZeroWidthInWord]);
    check("今天\u{200b}天气\u{200b}很好\u{200b}我们\u{200b}一起\u{200b}出去", &[]);
    // A run that its script has, but of many marks; and of all the marks there are.
    check(&format!("کتاب{}ها", "\u{200c}".repeat(9)), &[Reason::InvisibleRun]);
    check("کتاب\u{200c}\u{200d}\u{200c}ها", &[Reason::InvisibleRun]);
    check("pass\u{ad}\u{ad}\u{ad}word", &[Reason::InvisibleRun]);
    // Controls of direction are ordinary beside Arabic, and in no word of a text that runs one way.
    check("pass\u{200e}word", &[Reason::BidiInWord]);
    check("pass\u{200e}word العربية", &[]);
    check("الع\u{202e}ربية", &[Reason::BidiInWord]);
    check("so \u{200e}\u{200f}\u{200e}\u{200e}\u{200f} it is", &[Reason::InvisibleRun]);
    check("क\u{fe01}ल", &[Reason::VariationSelectors]);
    check("\u{1f3f4}\u{e0072}\u{e0075}\u{e006e}", &[Reason::TagCharacters]);
}

#[test]
fn look_alikes_go_both_ways_and_need_distinct_words() {
    check("москва и гоpод, нoмер", &[Reason::MixedScriptWords]);
    check("το νερo και ο κόσμoς, ο δρόμoς", &[Reason::MixedScriptWords]);
    check("p\u{0430}ypal p\u{0430}ypal P\u{0430}ypal", &[]);
    check("\u{0441}ity \u{0441}at \u{0441}ar \u{0440}en", &[Reason::MixedScriptWords]);
    check("\u{0441}ity \u{0441}at", &[]);
    check("p\u{0430}\u{200b}\u{200b}ypal and b\u{0430}nk", &[Reason::MixedScriptWords]);
}
