//! What must be one token, the same token, and never a token?

use proptest::prelude::*;

use super::*;

/// The tokens of a text, by the path for all characters alone.
fn exactly(tokenizer: &Tokenizer, text: &str) -> Tokens {
    let mut reading = Reading::new(tokenizer, text);
    let mut at = 0;
    while !reading.out.truncated && at < text.len() {
        at = reading.any(at);
    }
    reading.end()
}

/// Pieces of text in which paths meet: ASCII beside letters, marks and digits of all kinds.
fn piece() -> impl Strategy<Value = String> {
    let fixed = [
        "a",
        "B",
        "Zz",
        "_",
        "__init__",
        "x1",
        "2024",
        "12345",
        "007",
        "3d",
        "1_000",
        ".",
        "!?",
        ":;",
        "@",
        "-",
        " ",
        "  ",
        "\t",
        "\n",
        "\r\n",
        "\u{7f}",
        "\0",
        "antidisestablishmentarianism",
        "CamelCaseNameThatIsLong",
        "fifteen_letters",
        "sixteen_letters_",
        "seventeen_letters",
        "12345678901234567",
        "é",
        "ß",
        "İ",
        "\u{301}",
        "\u{ad}",
        "\u{200b}",
        "п",
        "\u{430}",
        "α",
        "日本",
        "ガ",
        "ｶﾞ",
        "ทุกวัน",
        "ཡིག",
        "م",
        "२०",
        "９",
        "①",
        "’",
        "—",
        "。",
        "\u{a0}",
        "\u{3000}",
        "\u{20000}",
    ];
    prop_oneof![4 => proptest::sample::select(fixed.to_vec()).prop_map(str::to_owned), 1 => any::<char>().prop_map(String::from), 1 => "[ -~]{0,20}"]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// The path for ASCII gives the tokens of the path for all characters, also at the limit.
    #[test]
    fn ascii_is_read_as_all_characters_are(pieces in prop::collection::vec(piece(), 0..24), seed in any::<u64>(), tokens_max in 0_usize..40) {
        let text = pieces.concat();
        let tokenizer = Tokenizer::new(Seed(seed), tokens_max);
        prop_assert_eq!(tokenizer.tokens(&text), exactly(&tokenizer, &text), "{:?}", text);
    }
}

/// The tokens that a reader sees. What is not seen stands on a line behind all tokens of its own.
fn seen(tokens: &Tokens) -> Vec<Token> {
    tokens.ids.iter().copied().filter(|token| !matches!(token.kind(), TokenKind::Break | TokenKind::Invisible)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn a_beginning_has_so_many_words_of_the_whole(pieces in prop::collection::vec(piece(), 0..24), words in 0_usize..12, tokens_max in 0_usize..40) {
        let text = pieces.concat();
        let tokenizer = Tokenizer::new(Seed(7), tokens_max);
        let (whole, beginning) = (seen(&tokenizer.tokens(&text)), seen(&tokenizer.beginning(&text, words)));
        prop_assert!(whole.starts_with(&beginning));
        let count = |tokens: &[Token]| tokens.iter().filter(|token| token.is_alphanumeric()).count().min(words);
        prop_assert_eq!(count(&beginning), count(&whole));
    }
}

#[track_caller]
fn check(text: &str, want: &[&str]) {
    let tokens = Tokenizer::new(Seed(7), 1000).tokens(text);
    let got: Vec<_> = tokens.spans.iter().map(|&(a, b)| &text[a as usize..b as usize]).collect();
    assert_eq!(got, want);
}

#[test]
fn splits() {
    check("Hello, World_1!", &["Hello", ",", "World_1", "!"]);
    check("a\nb  c", &["a", "\n", "b", "c"]);
    check("cafe\u{301} fin", &["cafe\u{301}", "fin"]);
    check("日本語。ok", &["日本語", "。", "ok"]);
    check("用Rust写程序", &["用", "Rust", "写", "程序"]);
    check("ทุกวัน 9 โมง", &["ทุก", "วัน", "9", "โมง"]);
    check("བོད་ཡིག", &["བོད", "ཡིག"]);
    check("", &[]);
}

#[test]
fn what_is_not_seen_comes_behind_its_line() {
    check("x\u{200b}\u{200c}y z\nw", &["x\u{200b}\u{200c}y", "z", "", "\u{200b}\u{200c}", "\n", "w"]);
    check("\u{200b}\n", &["\u{200b}", "\n"]);
    check("a\u{ad}b\u{ad}c p\u{430}y", &["a\u{ad}b\u{ad}c", "p\u{430}y", "", "\u{ad}", "p\u{430}y"]);
    check("ทุก\u{200b}วัน", &["ทุก", "วัน", "", "\u{200b}"]);
}

#[track_caller]
fn same(a: &str, b: &str, want: bool) {
    let t = Tokenizer::new(Seed(7), 1000);
    let visible = |text: &str| -> Vec<Token> {
        t.tokens(text).ids.into_iter().take_while(|t| *t != Token::BREAK).filter(|t| t.kind() != TokenKind::Invisible).collect()
    };
    assert_eq!(visible(a) == visible(b), want, "{a} / {b}");
}

#[test]
fn folds_and_masks() {
    same("Ｈello STRASSE", "hello straße", true);
    same("cafe\u{301}", "caf\u{e9}", true);
    same("cafe", "caf\u{e9}", false);
    same("in 2024", "in 1999", true);
    same("in 2024", "in 199", false);
    same("in 12345", "in 12346", false);
    same("सन २०२४", "सन 1999", true);
    same("ในปี ๒๕๖๗", "ในปี 2567", true);
    same("tấm", "ta\u{302}\u{301}m", true);
    same("ma", "má", false);
}

#[test]
fn what_is_not_seen_changes_no_word() {
    same("die Stadt\u{ad}bi\u{ad}bliothek", "die Stadtbibliothek", true);
    same("می\u{200c}شود", "میشود", true);
    same("ห้อง\u{200b}สมุ\u{200b}ดเปิด", "ห้องสมุดเปิด", true);
    same("图\u{fe00}书", "图书", true);
    same("o\u{2060}pen t\u{34f}he \u{200b}door", "open the door", true);
    same("p\u{430}yp\u{430}l", "paypal", true);
    same("pаypаl", "payp\u{3b1}l", true);
    same("пapoль", "пароль", true);
    same("kΩ", "ko", false);
}

#[test]
fn one_form_for_each_letter() {
    same("ﾃﾞｰﾀﾍﾞｰｽ サーバー", "データベース ｻｰﾊﾞｰ", true);
    same("تفـتح مكـتبة", "تفتح مكتبة", true);
    same("كتاب‌هاي قديمي", "کتاب‌های قدیمی", true);
    same("한국어", "한국어", true);
    same("様々な", "様様な", true);
    same("น้ำ", "น้ํา", true);
}

#[test]
fn words_with_one_ending_say_so() {
    let t = Tokenizer::new(Seed(7), 1000);
    let ending = |word: &str| t.word(word).expect("a word").ending();
    assert_eq!(ending("singing"), ending("RUNNING"));
    let words = ["singing", "gladly", "worked", "houses", "motion", "bigger", "famous", "ability"];
    let endings: std::collections::BTreeSet<_> = words.iter().map(|w| ending(w)).collect();
    assert!(endings.len() >= 6, "{endings:?}");
    assert_ne!(t.word("singing"), t.word("running"));
}

#[test]
fn verbatim_keeps_numbers_apart_and_leaves_out_what_is_not_seen() {
    let t = Tokenizer::new(Seed(7), 1000);
    let verbatim = |s: &str| t.tokens(s).verbatim().collect::<Vec<_>>();
    assert_ne!(verbatim("in 2024 or 12345"), verbatim("in 1999 or 12345"));
    assert_eq!(verbatim("in 2024\nor"), verbatim("in 2024 or"));
    assert_eq!(verbatim("in 2\u{200b}024\n\u{200b} o\u{ad}r"), verbatim("in 2024 or"));
}

#[test]
fn kinds() {
    use TokenKind::{Break, Invisible, Number, Stop, Symbol, Word};
    let t = Tokenizer::new(Seed(7), 1000);
    let kinds: Vec<_> = t.tokens("a 1 . - 日\u{200b}\n").ids.iter().map(|t| t.kind()).collect();
    assert_eq!(kinds, [Word, Number, Stop, Symbol, Word, Break, Invisible, Break]);
}

#[test]
fn sentences_end_in_every_script() {
    let t = Tokenizer::new(Seed(7), 1000);
    let sentences = |text: &str| t.tokens(text).ids.iter().filter(|t| t.is_stop()).count();
    for text in
        ["Nine. Ten? Go!", "九时！十时？好。", "九時．十時｡はい！", "متى؟ غدا۔ نعم.", "एक। दो॥ तीन।", "មួយ។ ពីរ៕ បី។", "တစ်။ နှစ်။ သုံး။"]
    {
        assert_eq!(sentences(text), 3, "{text}");
    }
    assert_eq!(t.tokens("九时！").ids, t.tokens("九时!").ids, "width makes no difference");
}

#[test]
fn stops_at_the_limit() {
    let tokens = Tokenizer::new(Seed(7), 3).tokens("a b c d");
    assert_eq!((tokens.ids.len(), tokens.truncated), (3, true));
    assert!(!Tokenizer::new(Seed(7), 4).tokens("a b c d").truncated);
    let tokens = Tokenizer::new(Seed(7), 2).tokens("日本の本を読む");
    assert_eq!((tokens.ids.len(), tokens.truncated), (2, true));
}

#[test]
fn identity_is_of_the_limit_the_seed_and_the_dictionaries() {
    let identity = |seed, tokens_max| Tokenizer::new(Seed(seed), tokens_max).identity();
    assert_eq!(identity(1, 10), identity(1, 10));
    assert!(identity(1, 10) != identity(1, 11) && identity(1, 10) != identity(2, 10));
}
