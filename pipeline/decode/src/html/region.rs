//! Does an element hold main content or boilerplate, going by the names that its author gives it?
//!
//! Roles of WAI-ARIA are trusted. Classes and ids are a hint, which [`super::main_content`] drops
//! where it would take most of a page's prose away (`with-sidebar` on an element that holds
//! everything).

/// What the names of an element say of the text in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RegionHint {
    /// It is main content, as the role says.
    MainContent,
    /// It is boilerplate, as the role says.
    Boilerplate,
    /// It may be boilerplate, as a class or an id suggests.
    LikelyBoilerplate,
}

/// Bytes of a class or an id that are looked at.
const NAME_BYTES_MAX: usize = 256;

/// Words in names of boilerplate, sorted.
const BOILERPLATE_WORDS: [&str; 56] = [
    "ad",
    "ads",
    "advert",
    "advertisement",
    "alert",
    "banner",
    "breadcrumb",
    "breadcrumbs",
    "consent",
    "cookie",
    "cookies",
    "copyright",
    "dialog",
    "dropdown",
    "footer",
    "gdpr",
    "hidden",
    "language",
    "languages",
    "legal",
    "login",
    "masthead",
    "menu",
    "menus",
    "modal",
    "nav",
    "navbar",
    "navi",
    "navigation",
    "newsletter",
    "pager",
    "pagination",
    "popup",
    "promo",
    "promotion",
    "recommendations",
    "recommended",
    "related",
    "search",
    "share",
    "sharebar",
    "sharing",
    "sidebar",
    "signin",
    "signup",
    "skip",
    "social",
    "sponsor",
    "sponsored",
    "subscribe",
    "tagcloud",
    "toolbar",
    "topbar",
    "trending",
    "widget",
    "widgets",
];

/// Last words in names of elements that may hold everything, whatever else the name says:
/// `content-sidebar-wrap`. Sorted.
const CONTAINER_WORDS: [&str; 14] = [
    "app",
    "article",
    "body",
    "container",
    "content",
    "entry",
    "inner",
    "layout",
    "main",
    "page",
    "post",
    "root",
    "wrap",
    "wrapper",
];

/// Returns the hint that role, `itemprop`, id and class of an element give. Each of them may be
/// empty.
pub(super) fn of(role: &str, itemprop: &str, id: &str, class: &str) -> Option<RegionHint> {
    match role.trim() {
        "main" => return Some(RegionHint::MainContent),
        "navigation" | "banner" | "contentinfo" | "complementary" | "search" | "dialog" | "alertdialog" | "menu" | "menubar"
        | "toolbar" | "tablist" => return Some(RegionHint::Boilerplate),
        _ => {}
    }
    if itemprop.eq_ignore_ascii_case("articleBody") {
        return Some(RegionHint::MainContent);
    }
    (names_boilerplate(id) || names_boilerplate(class)).then_some(RegionHint::LikelyBoilerplate)
}

/// Whether one of the names has a word of boilerplate, and none ends with a word for an element
/// that may hold everything.
fn names_boilerplate(name: &str) -> bool {
    let name = &name.as_bytes()[..name.len().min(NAME_BYTES_MAX)];
    let mut boilerplate = false;
    for name in name.split(u8::is_ascii_whitespace) {
        let mut is_container = false;
        let mut has_boilerplate_word = false;
        for word in name.split(|b| !b.is_ascii_alphanumeric()) {
            let mut lower = [0; 16];
            let Some(lower) = lower.get_mut(..word.len()) else { continue };
            lower.copy_from_slice(word);
            lower.make_ascii_lowercase();
            if matches!(&*lower, b"has" | b"with" | b"no") {
                has_boilerplate_word = false;
                break;
            }
            let is_in = |words: &[&str]| words.binary_search_by(|known| known.as_bytes().cmp(lower)).is_ok();
            is_container = is_in(&CONTAINER_WORDS);
            has_boilerplate_word |= is_in(&BOILERPLATE_WORDS);
        }
        if is_container {
            return false;
        }
        boilerplate |= has_boilerplate_word;
    }
    boilerplate
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_in_order() {
        assert!(BOILERPLATE_WORDS.is_sorted() && CONTAINER_WORDS.is_sorted());
    }

    #[test]
    fn roles_and_names_say_where_it_stands() {
        for (role, itemprop, id, class, want) in [
            ("main", "", "", "sidebar", Some(RegionHint::MainContent)),
            ("navigation", "", "", "", Some(RegionHint::Boilerplate)),
            ("", "articleBody", "", "", Some(RegionHint::MainContent)),
            ("", "", "", "site-nav", Some(RegionHint::LikelyBoilerplate)),
            ("", "", "", "content-sidebar-wrap", None),
            ("", "", "", "nav-open content", None),
            ("", "", "", "top-nav x", Some(RegionHint::LikelyBoilerplate)),
            ("", "", "Footer", "", Some(RegionHint::LikelyBoilerplate)),
            ("", "", "", "cookie__notice", Some(RegionHint::LikelyBoilerplate)),
            ("", "", "", "columns with-sidebar", None),
            ("", "", "", "navigate", None),
            ("", "", "", "", None),
        ] {
            assert_eq!(of(role, itemprop, id, class), want, "{role} {itemprop} {id} {class}");
        }
        let long = "x".repeat(NAME_BYTES_MAX) + " nav";
        assert_eq!(of("", "", "", &long), None);
    }
}
