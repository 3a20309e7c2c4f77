//! In which language is a text written? By a sample of it.
//!
//! Latin letters stand in texts of every language (addresses, names, code), and a word has fewer of
//! the letters of other scripts, most of all of Han. So the scripts of the sample are weighed, and
//! the heaviest one decides. The detector of trigrams sees the words of that script alone.
//!
//! **Cost** 5 to 30 us where the script decides; where trigrams do, 130 us for Latin letters and 60 us
//! for others. **State** none.

use unicode_script::{Script, UnicodeScript};

use super::label::Language;

/// Stretches of a text that are looked at, and bytes of each. Together they are enough for a
/// stable answer.
const STRETCHES: usize = 4;
const STRETCH_BYTES: usize = 160;
/// Least letters of the heaviest script: with fewer a text is a heading, and the detector guesses.
const LETTERS_MIN: u32 = 10;
/// Least letters that the detector of trigrams is asked about.
const TRIGRAM_LETTERS_MIN: u32 = 40;
/// Least confidence of the detector of trigrams. It calls .9 reliable; of documents in seven languages
/// with .5 to .9 most are told rightly, and below that about one half.
const CONFIDENCE_MIN: f64 = 0.5;
/// The share of kana among Han and kana from which on a text is Japanese. Japanese prose has about
/// .6, and its headings and tables have less than prose.
const KANA_SHARE_MIN: f64 = 0.05;

/// Weight of a letter in the choice of a script: about 6 Latin letters make a word, and 2 of Han.
fn weight(script: Script) -> u32 {
    match script {
        Script::Latin => 1,
        Script::Han | Script::Hiragana | Script::Katakana | Script::Hangul => 3,
        _ => 2,
    }
}

impl Language {
    /// The language of a text; see the [module documentation](super).
    ///
    /// # Complexity
    /// Looks at 640 bytes at most, from four places of the text, since a page often begins with
    /// navigation. 5 to 30 us where the script decides, else 60 us, and 130 us for Latin letters.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let sample = sample(text);
        let scripts = Letters::of(&sample);
        let Some((script, letters)) = scripts.heaviest() else { return Language::UNKNOWN };
        if letters < LETTERS_MIN {
            return Language::UNKNOWN;
        }
        match script {
            Script::Han | Script::Hiragana | Script::Katakana => east_asian(&scripts),
            Script::Latin | Script::Cyrillic | Script::Arabic | Script::Devanagari | Script::Hebrew => {
                by_trigrams(&sample, script, letters).unwrap_or_else(|| Language::undetermined_in(script))
            }
            other => Language::first_of(other).unwrap_or_default(),
        }
    }
}

/// Stretches of equal length, evenly spread, with white space between them.
fn sample(text: &str) -> String {
    if text.len() <= STRETCHES * STRETCH_BYTES {
        return text.to_owned();
    }
    let stretch = |i: usize| {
        let from = (text.len() - STRETCH_BYTES) * i / (STRETCHES - 1);
        &text[text.floor_char_boundary(from)..text.floor_char_boundary(from + STRETCH_BYTES)]
    };
    (0..STRETCHES).map(stretch).collect::<Vec<_>>().join(" ")
}

/// How many letters of each script a sample has, in the order in which they appear first.
struct Letters(Vec<(Script, u32)>);

impl Letters {
    fn of(sample: &str) -> Self {
        let mut counts: Vec<(Script, u32)> = Vec::new();
        for c in sample.chars().filter(|c| c.is_alphabetic()) {
            let script = script_of(c);
            match counts.iter_mut().find(|(known, _)| *known == script) {
                Some((_, count)) => *count += 1,
                None => counts.push((script, 1)),
            }
        }
        counts.retain(|(script, _)| !matches!(script, Script::Common | Script::Inherited | Script::Unknown));
        Self(counts)
    }

    fn count(&self, script: Script) -> u32 {
        self.0.iter().find(|(known, _)| *known == script).map_or(0, |&(_, count)| count)
    }

    /// The script with the greatest weight; of equals the first in the sample. Han and kana are
    /// one.
    fn heaviest(&self) -> Option<(Script, u32)> {
        let kana = self.count(Script::Hiragana) + self.count(Script::Katakana);
        let joined = self.0.iter().map(|&(script, count)| match script {
            Script::Han => (script, count + kana),
            Script::Hiragana | Script::Katakana => (script, self.count(Script::Han) + kana),
            _ => (script, count),
        });
        joined.rev().max_by_key(|&(script, count)| count * weight(script))
    }
}

fn script_of(c: char) -> Script {
    if c.is_ascii() { Script::Latin } else { c.script() }
}

fn east_asian(scripts: &Letters) -> Language {
    let kana = scripts.count(Script::Hiragana) + scripts.count(Script::Katakana);
    let all = kana + scripts.count(Script::Han);
    let script = if f64::from(kana) > KANA_SHARE_MIN * f64::from(all) { Script::Hiragana } else { Script::Han };
    Language::first_of(script).unwrap_or_default()
}

/// The language that the detector is sure of, by the words of one script.
fn by_trigrams(sample: &str, script: Script, letters: u32) -> Option<Language> {
    if letters < TRIGRAM_LETTERS_MIN {
        return None;
    }
    // With the marks of letters, which have the script of what they stand on.
    let belongs = |c: char| match c {
        _ if c.is_ascii() => script == Script::Latin && c.is_ascii_alphabetic(),
        _ => matches!(script_of(c), found if found == script || found == Script::Inherited),
    };
    let words: String = sample.chars().map(|c| if belongs(c) { c } else { ' ' }).collect();
    let found = whatlang::detect(&words).filter(|found| found.confidence() >= CONFIDENCE_MIN)?;
    Language::parse(found.lang().code())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sentence in each of many languages, and the code that is expected.
    const SENTENCES: &[(&str, &str)] = &[
        (
            "eng",
            "The library opens at nine in the morning, and the children wait outside until somebody lets them in. They have brought what they borrowed last week, and they would like to take something else home.",
        ),
        ("deu", "Die Bibliothek öffnet um neun Uhr morgens, und die Kinder warten draußen, bis jemand sie hineinlässt."),
        ("fra", "La bibliothèque ouvre à neuf heures du matin, et les enfants attendent dehors que quelqu’un leur ouvre."),
        ("vie", "Thư viện mở cửa lúc chín giờ sáng, và bọn trẻ đợi ở bên ngoài cho đến khi có người cho chúng vào."),
        ("tur", "Kütüphane sabah dokuzda açılır ve çocuklar birisi onları içeri alana kadar dışarıda bekler."),
        ("rus", "Библиотека открывается в девять часов утра, и дети ждут снаружи, пока кто-нибудь их не впустит."),
        ("ukr", "Бібліотека відчиняється о дев’ятій ранку, і діти чекають надворі, доки хтось їх не впустить."),
        ("ell", "Η βιβλιοθήκη ανοίγει στις εννέα το πρωί και τα παιδιά περιμένουν έξω."),
        ("ara", "تفتح المكتبة في الساعة التاسعة صباحا وينتظر الأطفال في الخارج حتى يسمح لهم أحد بالدخول."),
        ("pes", "کتابخانه ساعت نه صبح باز می‌شود و بچه‌ها بیرون منتظر می‌مانند تا کسی آن‌ها را راه بدهد."),
        ("heb", "הספרייה נפתחת בתשע בבוקר, והילדים מחכים בחוץ עד שמישהו נותן להם להיכנס."),
        (
            "hin",
            "पुस्तकालय सुबह नौ बजे खुलता है और बच्चे बाहर तब तक इंतज़ार करते हैं जब तक कोई उन्हें अंदर न आने दे। वे पिछले हफ़्ते ली हुई किताबें लौटाने आए हैं और दूसरी किताबें घर ले जाना चाहते हैं।",
        ),
        ("tha", "ห้องสมุดเปิดเก้าโมงเช้า และเด็ก ๆ รออยู่ข้างนอกจนกว่าจะมีคนให้เข้าไป"),
        ("lao", "ຫ້ອງສະໝຸດເປີດເກົ້າໂມງເຊົ້າ ແລະເດັກນ້ອຍລໍຖ້າຢູ່ຂ້າງນອກ"),
        ("khm", "បណ្ណាល័យបើកនៅម៉ោងប្រាំបួនព្រឹក ហើយក្មេងៗរង់ចាំនៅខាងក្រៅ"),
        ("mya", "စာကြည့်တိုက်သည် မနက်ကိုးနာရီတွင် ဖွင့်ပြီး ကလေးများသည် အပြင်တွင် စောင့်နေကြသည်။"),
        ("bod", "དཔེ་མཛོད་ཁང་ཞོགས་པའི་ཆུ་ཚོད་དགུ་པར་ཁ་ཕྱེ་གི་ཡོད།"),
        ("kor", "도서관은 아침 아홉 시에 열고 아이들은 누군가 들여보내 줄 때까지 밖에서 기다린다."),
        ("jpn", "図書館は午前九時に開き、子供たちは誰かが入れてくれるまで外で待っている。"),
        ("cmn", "图书馆早上九点开门，孩子们在外面等着，直到有人让他们进去。"),
        ("kat", "ბიბლიოთეკა დილის ცხრა საათზე იხსნება და ბავშვები გარეთ ელოდებიან."),
        ("hye", "Գրադարանը բացվում է առավոտյան ժամը իննին, և երեխաները սպասում են դրսում։"),
        ("amh", "ቤተ መጻሕፍቱ ከጠዋቱ ሦስት ሰዓት ይከፈታል ልጆቹም ውጭ ይጠብቃሉ።"),
        ("tam", "நூலகம் காலை ஒன்பது மணிக்குத் திறக்கிறது, குழந்தைகள் வெளியே காத்திருக்கிறார்கள்."),
        ("sin", "පුස්තකාලය උදේ නවයට විවෘත වන අතර ළමයි පිටත බලා සිටිති."),
        ("ori", "ପୁସ୍ତକାଳୟ ସକାଳ ନଅଟାରେ ଖୋଲେ ଏବଂ ପିଲାମାନେ ବାହାରେ ଅପେକ୍ଷା କରନ୍ତି।"),
        ("div", "ލައިބްރަރީ ހުޅުވެނީ ހެނދުނު ނުވައެއް ޖަހާއިރު"),
    ];

    #[test]
    fn a_sentence_in_each_language() {
        let wrong =
            SENTENCES.iter().map(|(code, sentence)| (*code, Language::of(sentence).code())).filter(|(code, got)| code != got);
        assert_eq!(wrong.collect::<Vec<_>>(), []);
    }

    #[test]
    fn other_languages_around_a_text_do_not_decide() {
        let menu = "Home About Contact";
        for (code, sentence) in SENTENCES.iter().filter(|(_, sentence)| !sentence.contains(|c: char| Script::Latin == c.script()))
        {
            let page = format!("{menu} {sentence} {menu}");
            assert_eq!(Language::of(&page).code(), *code, "{page}");
        }
        let code = "这个函数返回列表的长度。 fn length(list: &List) -> usize { list.length } 如果列表为空，则返回零。";
        assert_eq!(Language::of(code).code(), "cmn");
    }

    #[test]
    fn too_little_is_no_language() {
        assert_eq!(Language::of(""), Language::UNKNOWN);
        assert_eq!(Language::of("12 345, 6"), Language::UNKNOWN);
        assert_eq!(Language::of("short"), Language::UNKNOWN);
        assert_eq!(Language::of("qwrtz plmkn bvcxy").code(), "und-Latn");
        assert_eq!(Language::of("Привет, мир: код").code(), "und-Cyrl");
    }
}
