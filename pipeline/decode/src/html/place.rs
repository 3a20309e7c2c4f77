//! Where on a page does an element stand, going by what its author calls it?
//!
//! Roles of WAI-ARIA are taken at their word; names of classes and ids are a hint, which [`super::lines`] drops where it would
//! take most of a page's prose away (`with-sidebar` on what holds everything).

/// A place on a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Where the page's matter is.
    Main,
    /// Around it, as its role says.
    Aside,
    /// Around it, as its name suggests.
    Named,
}

/// Bytes of a class or id that are looked at.
const NAME_BYTES_MAX: usize = 256;

/// Words in names of what stands around the matter, in order.
const AROUND: [&str; 56] = [
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

/// Last words in names of what may hold everything, whatever else they say: `content-sidebar-wrap`.
const HOLDERS: [&str; 14] = [
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

/// The place of an element; each of what it says may be empty.
pub(super) fn of(role: &str, itemprop: &str, id: &str, class: &str) -> Option<Place> {
    match role.trim() {
        "main" => return Some(Place::Main),
        "navigation" | "banner" | "contentinfo" | "complementary" | "search" | "dialog" | "alertdialog" | "menu" | "menubar"
        | "toolbar" | "tablist" => return Some(Place::Aside),
        _ => {}
    }
    if itemprop.eq_ignore_ascii_case("articleBody") {
        return Some(Place::Main);
    }
    (is_around(id) || is_around(class)).then_some(Place::Named)
}

/// Whether one of the words of a name is of what stands around, and none says that it may hold everything.
fn is_around(name: &str) -> bool {
    let name = &name.as_bytes()[..name.len().min(NAME_BYTES_MAX)];
    let mut around = false;
    for name in name.split(u8::is_ascii_whitespace) {
        let mut last_holds = false;
        let mut said = false;
        for word in name.split(|b| !b.is_ascii_alphanumeric()) {
            let mut lower = [0; 16];
            let Some(lower) = lower.get_mut(..word.len()) else { continue };
            lower.copy_from_slice(word);
            lower.make_ascii_lowercase();
            if matches!(&*lower, b"has" | b"with" | b"no") {
                said = false;
                break;
            }
            let is_in = |words: &[&str]| words.binary_search_by(|known| known.as_bytes().cmp(lower)).is_ok();
            last_holds = is_in(&HOLDERS);
            said |= is_in(&AROUND);
        }
        if last_holds {
            return false;
        }
        around |= said;
    }
    around
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_in_order() {
        assert!(AROUND.is_sorted() && HOLDERS.is_sorted());
    }

    #[test]
    fn roles_and_names_say_where_it_stands() {
        for (role, itemprop, id, class, want) in [
            ("main", "", "", "sidebar", Some(Place::Main)),
            ("navigation", "", "", "", Some(Place::Aside)),
            ("", "articleBody", "", "", Some(Place::Main)),
            ("", "", "", "site-nav", Some(Place::Named)),
            ("", "", "", "content-sidebar-wrap", None),
            ("", "", "", "nav-open content", None),
            ("", "", "", "top-nav x", Some(Place::Named)),
            ("", "", "Footer", "", Some(Place::Named)),
            ("", "", "", "cookie__notice", Some(Place::Named)),
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
