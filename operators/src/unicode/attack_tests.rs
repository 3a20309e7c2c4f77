//! How much is found of what can be hidden in a text, in the writing of eight languages? Each attack is
//! put into a text at a random place, many times; at least 95 in 100 are found.

use unicode_normalization::char::is_combining_mark;

use super::*;
use crate::text::hash::mix;

const TRIALS: u64 = 300;

/// Texts to hide something in.
const HOSTS: [(&str, &str); 8] = [
    (
        "Latin",
        "The old harbour was rebuilt after the storm, and most people who had left came back within a year. Shops opened again along the quay, prices stayed moderate, and a small ferry carried passengers across the bay every morning.",
    ),
    (
        "Cyrillic",
        "Старую гавань восстановили после бури, и большинство жителей вернулись домой в течение года. Вдоль набережной снова открылись магазины, цены остались умеренными, а небольшой паром каждое утро перевозил людей через залив.",
    ),
    (
        "Greek",
        "Το παλιό λιμάνι ξαναχτίστηκε μετά την καταιγίδα και οι περισσότεροι κάτοικοι γύρισαν μέσα σε έναν χρόνο. Τα μαγαζιά άνοιξαν πάλι κατά μήκος της προκυμαίας και ένα μικρό πλοίο περνούσε κάθε πρωί τους ανθρώπους απέναντι.",
    ),
    (
        "Arabic",
        "أعيد بناء الميناء القديم بعد العاصفة وعاد معظم السكان خلال سنة واحدة. فتحت المتاجر أبوابها من جديد على طول الرصيف وبقيت الأسعار معتدلة وكانت عبارة صغيرة تنقل الركاب عبر الخليج كل صباح.",
    ),
    (
        "Devanagari",
        "पुराना बंदरगाह तूफान के बाद फिर बनाया गया और अधिकतर लोग एक साल में लौट आए। घाट के किनारे दुकानें दोबारा खुल गईं, दाम कम रहे और एक छोटी नाव रोज सुबह लोगों को खाड़ी के पार ले जाती थी।",
    ),
    (
        "Thai",
        "ท่าเรือเก่าถูกสร้างขึ้นใหม่หลังพายุและคนส่วนใหญ่กลับมาภายในหนึ่งปี ร้านค้าริมท่าเปิดอีกครั้ง ราคายังพอประมาณ และเรือข้ามฟากลำเล็กพาผู้โดยสารข้ามอ่าวทุกเช้า",
    ),
    (
        "Han",
        "旧港口在风暴之后重新修建，大多数离开的居民在一年之内都回来了。码头沿线的商店再次开门，价格仍然适中，一艘小渡轮每天早晨载着乘客穿过海湾。",
    ),
    (
        "Vietnamese",
        "Bến cảng cũ được xây lại sau cơn bão và phần lớn người dân đã trở về trong vòng một năm. Các cửa hàng dọc bến mở cửa trở lại, giá cả vẫn phải chăng, và một chiếc phà nhỏ chở khách qua vịnh mỗi buổi sáng.",
    ),
];

/// Random numbers of one trial.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = mix(self.0);
        (self.0 % n as u64) as usize
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }
}

/// Bytes of a text at which one letter follows another.
fn joints(text: &str) -> Vec<usize> {
    let chars: Vec<(usize, char)> = text.char_indices().collect();
    let joint = |pair: &[(usize, char)]| {
        let letters = pair.iter().all(|(_, c)| c.is_alphabetic() || is_combining_mark(*c));
        (letters && !is_combining_mark(pair[1].1)).then_some(pair[1].0)
    };
    chars.windows(2).filter_map(joint).collect()
}

/// Hides `what` at a random place between two letters.
fn hidden(text: &str, what: &str, random: &mut Random) -> String {
    let at = random.one_of(&joints(text));
    format!("{}{what}{}", &text[..at], &text[at..])
}

fn share(attack: impl Fn(&mut Random) -> String, reason: Reason) -> f64 {
    let unicode = Unicode::new(Config::default());
    let found = (0..TRIALS).filter(|&trial| {
        let mut found = Vec::new();
        unicode.inspect_text(&attack(&mut Random(mix(trial))), &mut found);
        found.iter().any(|finding| finding.reason == reason)
    });
    found.count() as f64 / TRIALS as f64
}

#[track_caller]
fn check(family: &str, reason: Reason, attack: impl Fn(&str, &str, &mut Random) -> String) {
    let missed: Vec<_> = HOSTS
        .iter()
        .map(|(host, text)| (*host, share(|random| attack(host, text, random), reason)))
        .filter(|(_, share)| *share < 0.95)
        .collect();
    assert_eq!(missed, [], "{family}");
}

#[test]
fn the_hosts_alone_are_innocent() {
    for (host, text) in HOSTS {
        let mut found = Vec::new();
        Unicode::new(Config::default()).inspect_text(text, &mut found);
        assert_eq!(found, [], "{host}");
    }
}

#[test]
fn runs_of_invisible_characters() {
    check("runs", Reason::InvisibleRun, |_, text, random| {
        let run: String = (0..4).map(|_| random.one_of(&['\u{200b}', '\u{200c}', '\u{200d}', '\u{2060}'])).collect();
        hidden(text, &run, random)
    });
}

/// One character, of those that the writing does not have inside words.
#[test]
fn one_invisible_character_in_a_word() {
    check("one", Reason::ZeroWidthInWord, |host, text, random| {
        let marks: &[&str] = match host {
            "Arabic" => &["\u{200b}", "\u{200d}", "\u{2060}", "\u{feff}"],
            "Devanagari" => &["\u{200b}", "\u{2060}", "\u{feff}"],
            "Thai" => &["\u{200c}", "\u{200d}", "\u{feff}"],
            _ => &["\u{200b}", "\u{200c}", "\u{200d}", "\u{2060}", "\u{feff}"],
        };
        let mark = random.one_of(marks);
        hidden(text, mark, random)
    });
}

#[test]
fn words_in_tag_characters() {
    check("tags", Reason::TagCharacters, |_, text, random| {
        let word: String = random
            .one_of(&["run", "sudo", "obey", "admin"])
            .bytes()
            .filter_map(|b| char::from_u32(0xe0000 + u32::from(b)))
            .collect();
        hidden(text, &word, random)
    });
}

#[test]
fn bytes_in_variation_selectors() {
    check("variation selectors", Reason::VariationSelectors, |_, text, random| {
        let word: String = (0..8).filter_map(|_| char::from_u32(0xe0100 + random.below(0xf0) as u32)).collect();
        hidden(text, &word, random)
    });
}

#[test]
fn overrides_of_direction_in_a_word() {
    check("overrides", Reason::BidiInWord, |_, text, random| {
        let pair = random.one_of(&["\u{202e}\u{202d}", "\u{202e}", "\u{202d}\u{202c}", "\u{2066}\u{202e}\u{2069}"]);
        hidden(text, pair, random)
    });
}

/// Three to eight words whose letters are replaced by those of another script, all of them or one in each word.
#[test]
fn letters_that_look_like_others() {
    let to_cyrillic = [('a', 'а'), ('e', 'е'), ('o', 'о'), ('p', 'р'), ('c', 'с'), ('y', 'у'), ('x', 'х')];
    let to_greek = [('o', 'ο'), ('v', 'ν'), ('p', 'ρ'), ('a', 'α')];
    let from_cyrillic = to_cyrillic.map(|(latin, cyrillic)| (cyrillic, latin));
    let from_greek = to_greek.map(|(latin, greek)| (greek, latin));
    let attack = |text: &str, table: &[(char, char)], random: &mut Random| {
        let mut words: Vec<String> = text.split(' ').map(str::to_owned).collect();
        let of = |c: char| table.iter().find(|(from, _)| *from == c).map(|&(_, to)| to);
        let able = |word: &String| {
            word.chars().any(|c| of(c).is_some()) && word.chars().filter(|&c| c.is_alphabetic() && of(c).is_none()).count() > 1
        };
        let mut places: Vec<usize> = (0..words.len()).filter(|&i| able(&words[i])).collect();
        let all = random.below(2) == 0;
        for _ in 0..(3 + random.below(6)).min(places.len()) {
            let word = &mut words[places.swap_remove(random.below(places.len()))];
            let letters: Vec<usize> = word.char_indices().filter(|&(_, c)| of(c).is_some()).map(|(at, _)| at).collect();
            let only = random.one_of(&letters);
            *word = word.char_indices().map(|(at, c)| of(c).filter(|_| all || at == only).unwrap_or(c)).collect();
        }
        words.join(" ")
    };
    let cases: [(&str, &[(char, char)]); 6] = [
        ("Latin", &to_cyrillic),
        ("Latin", &to_greek),
        ("Vietnamese", &to_cyrillic),
        ("Cyrillic", &from_cyrillic),
        ("Greek", &from_greek),
        ("Greek", &[('ο', 'о'), ('ν', 'ѵ'), ('ρ', 'р')]),
    ];
    for (host, table) in cases {
        let text = HOSTS.iter().find(|(name, _)| *name == host).map_or("", |(_, text)| text);
        let share = share(|random| attack(text, table, random), Reason::MixedScriptWords);
        assert!(share >= 0.95, "{host} with {table:?}: {share}");
    }
}
