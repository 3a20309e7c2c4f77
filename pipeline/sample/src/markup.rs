//! How does a page look: as HTML on the wire, and as the text that is left when the markup is taken
//! away?

use std::fmt::Write;

use super::page::{InventedPage, TextBlock};
use super::sites::Site;

/// The text, a line for each block element: title, navigation, body, footer. `site` is `None` for a
/// print view.
pub(super) fn text(page: &InventedPage, site: Option<&Site>) -> String {
    let mut lines: Vec<String> = vec![title(page, site)];
    if let Some(site) = site {
        lines.push(site.name.clone());
        if site.navigation_list {
            lines.extend(site.navigation.iter().cloned());
        } else {
            lines.push(site.navigation.join(" | "));
        }
    }
    lines.push(page.title.clone());
    for block in &page.blocks {
        match block {
            TextBlock::Heading(line) => lines.push(line.clone()),
            TextBlock::Paragraph(sentences) => lines.push(sentences.join(" ")),
            TextBlock::List(items) => lines.extend(items.iter().cloned()),
        }
    }
    lines.extend(site.into_iter().flat_map(|site| site.footer.iter().cloned()));
    lines.extend(page.last_line.clone());
    lines.join("\n")
}

fn title(page: &InventedPage, site: Option<&Site>) -> String {
    site.map_or_else(|| page.title.clone(), |site| format!("{} - {}", page.title, site.name))
}

/// The HTML.
pub(super) fn html(page: &InventedPage, site: Option<&Site>) -> String {
    let mut out = String::with_capacity(6_000);
    out.push_str("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>");
    escape(&title(page, site), &mut out);
    out.push_str("</title>\n<meta name=\"viewport\" content=\"width=device-width\">\n");
    if let Some(site) = site {
        out.push_str(
            "<style>body { max-width: 60em; margin: auto } nav li { display: inline }</style>\n</head>\n<body>\n<header>\n",
        );
        element("p", &site.name, &mut out);
        navigation(site, &mut out);
        out.push_str("</header>\n");
    } else {
        out.push_str("</head>\n<body>\n");
    }
    out.push_str("<main>\n");
    element("h1", &page.title, &mut out);
    for block in &page.blocks {
        match block {
            TextBlock::Heading(line) => element("h2", line, &mut out),
            TextBlock::Paragraph(sentences) => element("p", &sentences.join(" "), &mut out),
            TextBlock::List(items) => {
                out.push_str("<ul>\n");
                for item in items {
                    element("li", item, &mut out);
                }
                out.push_str("</ul>\n");
            }
        }
    }
    out.push_str("</main>\n<footer>\n");
    for line in site.into_iter().flat_map(|site| &site.footer).chain(&page.last_line) {
        element("p", line, &mut out);
    }
    out.push_str("</footer>\n</body>\n</html>\n");
    out
}

fn navigation(site: &Site, out: &mut String) {
    out.push_str("<nav>");
    let (open, between, close) =
        if site.navigation_list { ("<ul>\n<li>", "</li>\n<li>", "</li>\n</ul>") } else { ("", " | ", "") };
    out.push_str(open);
    for (number, label) in site.navigation.iter().enumerate() {
        if number > 0 {
            out.push_str(between);
        }
        // Writing to a string cannot fail.
        let _ = write!(out, "<a href=\"/{}\">", slug(label));
        escape(label, out);
        out.push_str("</a>");
    }
    out.push_str(close);
    out.push_str("</nav>\n");
}

fn element(name: &str, text: &str, out: &mut String) {
    let _ = write!(out, "<{name}>");
    escape(text, out);
    let _ = writeln!(out, "</{name}>");
}

fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
}

/// The first words of a title as they stand in a URL.
pub(super) fn slug(title: &str) -> String {
    let words: Vec<String> = title
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .take(6)
        .map(str::to_lowercase)
        .collect();
    words.join("-")
}
