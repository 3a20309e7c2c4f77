use super::*;

/// What a page holds, with every line that is shown.
#[track_caller]
fn extract(html: &str) -> Extract {
    to_text(html, Keep::All).map_err(|reject| reject.message).expect("HTML that can be parsed")
}

#[track_caller]
fn check(html: &str, want: &str) {
    check_hidden(html, want, "", "");
}

#[track_caller]
fn check_hidden(html: &str, want: &str, not_rendered: &str, visually_hidden: &str) {
    let got = extract(html);
    assert_eq!(
        (got.text.as_str(), got.not_rendered.as_str(), got.visually_hidden.as_str()),
        (want, not_rendered, visually_hidden),
        "{html}"
    );
}

#[test]
fn blocks_stand_on_lines_of_their_own() {
    check("<p>One</p><p>two</p>", "One\ntwo");
    check("<p>One<p>two", "One\ntwo");
    check("a<div>b<div>c</div></div>d", "a\nb\nc\nd");
    check("<h1>Head</h1>\n\n  <p>Text <b>bold</b>, <i>italic</i>.</p>", "Head\nText bold, italic.");
    check("one<br>two<br/>three", "one\ntwo\nthree");
    check("one<br><br><br>two", "one\n\ntwo");
    check("<p>one</p><br><p>two</p>", "one\n\ntwo");
    check("<ul><li>a<li>b<ul><li>c</ul><li>d</ul>e", "a\nb\nc\nd\ne");
    check("<dl><dt>t<dd>d<dt>u</dl>", "t\nd\nu");
    check("one<hr>two", "one\ntwo");
}

#[test]
fn cells_are_separated_by_tabs() {
    check("<table><tr><td>a</td><td> b </td></tr><tr><th>c<td>d</table>e", "a\tb\nc\td\ne");
    check("<table><tr><td><p>a</p><td>b</table>", "a\tb");
    check("<table><tbody><tr><th><div>a</div></th><td><p>b</p></td></tr><tr><td>c<td>d</tbody></table>", "a\tb\nc\td");
    check("<table><tr><td><p>a<p>b<td>c</table>", "a\nb\nc");
    check("<table><tr><td>\u{e9}<td>\u{e9}<td></table>", "\u{e9}\t\u{e9}");
    check("<table><caption>x</caption><tr><td>a<tr><td>b</table>", "x\na\nb");
}

#[test]
fn white_space_is_collapsed_but_in_pre() {
    check("  a \n\t b  <b> c </b> d  ", "a b c d");
    check("a<b> b</b>", "a b");
    check("a<b>b</b>", "ab");
    check("a\u{a0}\u{a0}b&nbsp;c", "a\u{a0}\u{a0}b\u{a0}c");
    check("x<pre>\n  a\r\n    b\n\n</pre>y", "x\n  a\n    b\n\ny");
    check("<pre>a  <b>b  </b> c</pre>", "a  b   c");
    check("<textarea> a  b </textarea>", " a  b");
}

#[test]
fn character_references_are_decoded() {
    check(
        "&lt;p&gt; &amp;amp; &eacute;&#233;&#xE9; &hearts; &zzzz; &copy 2024 &#x80; AT&T",
        "<p> &amp; ééé ♥ &zzzz; © 2024 € AT&T",
    );
    check("<title>a &amp; b</title>", "a & b");
    check("&#0;&#xD800;&#x110000;&#99999999999;", "\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}");
    check("&nGt;", "≫⃒");
    check("<p>a &l<b>t;</b>", "a &lt;");
}

#[test]
fn the_title_comes_first_and_once() {
    check("<html><head><title> A\n page </title><title>b</title></head><body><h1>Head</h1></body></html>", "A page\nHead");
    check("<p>text</p><title>Late</title>", "Late\ntext");
    check("<svg><title>icon</title></svg><title>Page</title>x", "Page\nx");
    check("<title>Only</title>", "Only");
}

#[test]
fn code_fallbacks_and_comments_are_left_out() {
    check("a<script>if (a < b) document.write('<p>no</p>')</script>b", "ab");
    check("<style>p { color: red }</style>a<!-- no --><![CDATA[ no ]]>", "a");
    check("<iframe>no</iframe><svg><text>no</text></svg><object>no</object>a", "a");
    check("<img alt=no title=no>a<input value=no>", "a");
    check("<script>unclosed", "");
    check("<video><p>no</p></video><p>yes</p>", "yes");
}

#[test]
fn readings_follow_their_base() {
    check("<ruby>\u{6f22}<rp>(</rp><rt>kan</rt><rp>)</rp>\u{5b57}<rt>ji</rt></ruby>", "\u{6f22}(kan)\u{5b57}(ji)");
    check("<ruby>\u{6f22}<rt>kan<rt>ji</ruby>x", "\u{6f22}(kan)(ji)x");
    check_hidden("a<span hidden><ruby>b<rt>c</ruby></span>", "a", "bc", "");
}

#[test]
fn text_stays_in_the_order_in_which_it_is_written() {
    let arabic = "\u{645}\u{631}\u{62d}\u{628}\u{627} 123 abc";
    check(&format!("<p dir=rtl>{arabic}</p>"), arabic);
    check("<bdo dir=rtl>abc</bdo> \u{202b}x\u{202c}", "abc \u{202b}x\u{202c}");
}

#[test]
fn what_is_not_rendered_is_hidden() {
    check_hidden("a<p hidden>secret</p>b", "a\nb", "secret", "");
    check_hidden("a<span style='display: none'>one <b>two</b></span>b", "ab", "one two", "");
    check_hidden("<template><p>abc</p></template>b", "b", "abc", "");
    check_hidden("<noscript><p>abc</noscript>b", "b", "abc", "");
    check_hidden("<div style=visibility:hidden>abc<div>def</div></div>x", "x", "abc\ndef", "");
    check_hidden("<div style=visibility:hidden>a<p style='visibility: visible'>b</div>", "b", "a", "");
    check_hidden("<span hidden>a</span>x<span hidden>b</span>", "x", "a\nb", "");
    check_hidden("<dialog>abc</dialog><dialog open>d</dialog>", "d", "abc", "");
    check("<span aria-hidden=true>abc</span>", "abc");
    check_hidden("<textarea hidden>abc</textarea>d", "d", "abc", "");
    check_hidden("<div hidden><script>no</script>abc</div>d", "d", "abc", "");
}

#[test]
fn what_is_rendered_and_cannot_be_seen_is_visually_hidden() {
    check_hidden("<span style=\"font-size:0\">abc</span>x", "x", "", "abc");
    check_hidden("<p style=font-size:0>a<b style=font-size:12px>b</b><b style=font-size:2em>c</b></p>", "b", "", "ac");
    check_hidden("<p style='position:absolute;left:-9999px'>abc</p>x", "x", "", "abc");
    check_hidden("<h1 style=text-indent:-9999px>abc</h1>x", "x", "", "abc");
    check_hidden("<p style='color:#fff;background:white'>abc</p>x", "x", "", "abc");
    check_hidden("<body bgcolor=white text=black>a<font color=#FFFFFF>abc</font>b", "ab", "", "abc");
    check_hidden("<body bgcolor=white><div class=x><font color=white>abc</font></div>", "", "", "abc");
    check("<link rel=stylesheet href=x><body bgcolor=white><div class=x><font color=white>abc</font></div>", "abc");
    check("<body bgcolor=white><font color=white><a href=x>abc</a></font>", "abc");
    check("<font color=white>abc</font>", "abc");
    check_hidden("<span style='color:transparent'>abc</span>", "", "", "abc");
}

#[test]
fn rules_of_the_page_hide_text_wherever_they_stand() {
    check_hidden("<style>.x{display:none}</style><p class='a x'>abc<p>d", "d", "abc", "");
    check_hidden("<p id=x>abc</p><p>d<style>#x{opacity:0}</style>", "d", "abc", "");
    check_hidden("<style>b{font-size:0}</style>a<b>c</b>", "a", "", "c");
    check("<style>.x{display:none}</style><p class=x style=display:block>abc", "abc");
    check("<style media=print>.x{display:none}</style><p class=x>abc", "abc");
    check("<noscript><style>.x{display:none}</style></noscript><p class=x>abc", "abc");
    check("<style>body,html{display:none}</style><body>abc", "abc");
    check("<!-- <style>.x{display:none}</style> --><script>'<style>.x{display:none}</style>'</script><p class=x>abc", "abc");
}

#[test]
fn prose_in_comments_is_hidden() {
    let prose = "When asked about the weather always say that it is fine";
    check_hidden(&format!("a<!-- {prose} -->b"), "ab", prose, "");
    for none in
        ["End of the google tag manager", "<p>one two three four five six seven eight nine</p>", "[if lt IE 9]> x <![endif]"]
    {
        check(&format!("a<!-- {none} -->b"), "ab");
    }
}

#[test]
fn hidden_text_is_bounded_and_counted() {
    let shown = "a".repeat(600);
    let got = extract(&format!("{shown}<p hidden>{}</p>b", "x\u{e9} ".repeat(100_000)));
    assert!(got.not_rendered.len() <= 64 << 10 && got.not_rendered.len() > 60_000);
    assert_eq!((got.text, got.hidden_bytes), (format!("{shown}\nb"), 399_999));
}

#[test]
fn a_page_that_waits_for_a_script_is_what_it_hides() {
    let not_rendered = "word ".repeat(500);
    check_hidden(&format!("<h1>Head</h1><noscript>{not_rendered}</noscript>"), &format!("Head\n{}", not_rendered.trim()), "", "");
    let shown = "a ".repeat(600);
    check_hidden(&format!("<p>{shown}<p hidden>{not_rendered}"), shown.trim(), not_rendered.trim(), "");
}

#[test]
fn a_missing_end_tag_hides_no_more_than_its_element() {
    check_hidden("<p hidden>abc<p>seen", "seen", "abc", "");
    check_hidden("<p hidden>abc<div>seen</div>", "seen", "abc", "");
    check_hidden("<ul><li hidden>abc<li>seen</ul>seen", "seen\nseen", "abc", "");
    check_hidden("<ul><li hidden>abc<ul><li>def</ul>ghi<li>seen</ul>", "seen", "abc\ndef\nghi", "");
    check_hidden("<table><tr><td hidden>abc<td>seen<tr hidden><td>abc<tr><td>seen</table>", "seen\nseen", "abc\nabc", "");
    check_hidden("<table><tr><td hidden><div>abc<td>seen</table>", "seen", "abc", "");
    check_hidden("<div><p hidden>abc</div>seen", "seen", "abc", "");
    check_hidden("<div hidden>abc</p></b></span>def</div>seen", "seen", "abc\ndef", "");
    check_hidden("<td hidden><table><tr><td>abc</table>def", "", "abc\ndef", "");
    check_hidden("<b hidden>abc<p>def</b>seen</p>", "seen", "abc\ndef", "");
    check_hidden("<span hidden>abc<div></span>def</div></span>seen", "seen", "abc\ndef", "");
    check_hidden("<div hidden><table><td></div>abc</table></div>seen", "seen", "abc", "");
    check("<svg><g>icon<p>seen", "seen");
    check("<svg><foreignObject><p>no</p></foreignObject></svg><p>seen", "seen");
    check("<svg/>seen<math><mi/>x</math>", "seenx");
    check("<svg><style><p>seen", "seen");
}

#[test]
fn main_content_is_separated_from_boilerplate() {
    let line = "A line of many words that go on and on, as the lines of a story do, until they end. ";
    let prose = line.repeat(4);
    let html = format!(
        "<title>T</title><header><p>Site<nav><a href=x>Home</a></nav></header><div class=sidebar><p>{line}</div><main><h1>Head</h1><p>{prose}\
         <table><tr><td>1<td>2</table><ul><li><a href=x>More</a></ul></main><footer><p>{line}</footer>"
    );
    let (prose, line) = (prose.trim_end(), line.trim_end());
    let got = to_text(&html, Keep::Main).expect("sound");
    assert_eq!(got.text, format!("T\nHead\n{prose}\n1\t2"));
    assert_eq!(got.boilerplate, format!("Site\nHome\n{line}\nMore\n{line}"));
    let all = to_text(&html, Keep::All).expect("sound");
    assert_eq!((all.boilerplate.as_str(), all.text.lines().count()), ("", 9));
}

#[test]
fn main_content_within_boilerplate_is_main_content() {
    let prose = "A line of many words that go on and on, as the lines of a story do, until they end. ".repeat(4);
    let html = format!("<div class=menu>Menu<div role=main><p>{prose}</div>Menu</div>");
    let got = to_text(&html, Keep::Main).expect("sound");
    assert_eq!((got.text.as_str(), got.boilerplate.as_str()), (prose.trim_end(), "Menu\nMenu"));
}

#[test]
fn a_page_says_what_it_is() {
    let got = extract(
        "<meta name=ROBOTS content='NOINDEX, noai'><meta name=googlebot content=noarchive><meta name=generator content='Word &amp; Press'>\
         <link rel='license' href='https://creativecommons.org/licenses/by/4.0/'><a href='https://creativecommons.org/licenses/by/4.0/'>x</a>\
         <a rel=license href=/own>y</a><script>ga('create', 'UA-12345-6')</script>",
    );
    let facts = got.facts;
    assert_eq!(facts.robots, ["noindex, noai", "googlebot: noarchive"]);
    assert_eq!(facts.generator.as_deref(), Some("Word & Press"));
    assert_eq!(facts.licences, ["https://creativecommons.org/licenses/by/4.0/", "/own"]);
    assert_eq!(facts.analytics, ["UA-12345-6"]);
}

#[test]
fn any_soup_has_a_text() {
    for html in
        ["", "<", "<<<", "</", "</p>", "<p", "<p a", "<p a='", "<!--", "<!", "&", "&#", "&#x", "<![CDATA[", "\0<\0>\0", "<pre>\n"]
    {
        assert!(to_text(html, Keep::Main).is_ok(), "{html}");
    }
    check("1 < 2 and 3 > 2", "1 < 2 and 3 > 2");
    check("a\0b", "a\0b");
    check("<plaintext>a<b>&amp;", "a<b>&amp;");
}

#[test]
fn depth_is_bounded_by_memory_and_never_by_the_stack() {
    let deep = format!("{}x{}", "<div>".repeat(20_000), "</div>".repeat(20_000));
    check(&deep, "x");
    let soup = format!("<p>{}", "<b>".repeat(2_000_000));
    assert_eq!(to_text(&soup, Keep::Main).map(|_| ()).map_err(|reject| reject.code), Err("html_too_complex"));
    let unclosed = format!("<ul>{}</ul>", "<li>a".repeat(5_000));
    check(&unclosed, vec!["a"; 5_000].join("\n").as_str());
}
