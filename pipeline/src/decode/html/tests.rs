use super::*;

#[track_caller]
fn check(html: &str, want: &str) {
    check_hidden(html, want, 0);
}

#[track_caller]
fn check_hidden(html: &str, want: &str, hidden_bytes: usize) {
    let extract = to_text(html).map_err(|reject| reject.message).expect("HTML that can be parsed");
    assert_eq!((extract.text.as_str(), extract.hidden_bytes), (want, hidden_bytes), "{html}");
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
    check("<table><tr><td><p>a</p><td>b</table>", "a\nb");
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
    check("<noscript>no</noscript><iframe>no</iframe><svg><text>no</text></svg><object>no</object>a", "a");
    check("<img alt=no title=no>a<input value=no>", "a");
    check("<noscript><p>no</noscript><p>yes", "yes");
    check("<script>unclosed", "");
    check("<video><p>no</p></video><p>yes</p>", "yes");
}

#[test]
fn hidden_text_is_left_out_and_counted() {
    check_hidden("a<p hidden>secret</p>b", "a\nb", 6);
    check_hidden("a<span style='display: none'>one <b>two</b></span>b", "ab", 6);
    check_hidden("<template><p>abc</p></template>b", "b", 3);
    check_hidden("<div style=visibility:hidden>abc<div>def</div></div>x", "x", 6);
    check_hidden("<span style=\"font-size:0\">abc</span>x", "x", 3);
    check("<span aria-hidden=true>abc</span>", "abc");
    check_hidden("<textarea hidden>abc</textarea>d", "d", 3);
    check_hidden("<div hidden><script>no</script>abc</div>d", "d", 3);
}

#[test]
fn a_missing_end_tag_hides_no_more_than_its_element() {
    check_hidden("<p hidden>abc<p>seen", "seen", 3);
    check_hidden("<p hidden>abc<div>seen</div>", "seen", 3);
    check_hidden("<ul><li hidden>abc<li>seen</ul>seen", "seen\nseen", 3);
    check_hidden("<ul><li hidden>abc<ul><li>def</ul>ghi<li>seen</ul>", "seen", 9);
    check_hidden("<table><tr><td hidden>abc<td>seen<tr hidden><td>abc<tr><td>seen</table>", "seen\nseen", 6);
    check_hidden("<table><tr><td hidden><div>abc<td>seen</table>", "seen", 3);
    check_hidden("<div><p hidden>abc</div>seen", "seen", 3);
    check_hidden("<div hidden>abc</p></b></span>def</div>seen", "seen", 6);
    check_hidden("<td hidden><table><tr><td>abc</table>def", "", 6);
}

#[test]
fn any_soup_has_a_text() {
    for html in
        ["", "<", "<<<", "</", "</p>", "<p", "<p a", "<p a='", "<!--", "<!", "&", "&#", "&#x", "<![CDATA[", "\0<\0>\0", "<pre>\n"]
    {
        assert!(to_text(html).is_ok(), "{html}");
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
    assert_eq!(to_text(&soup).map(|_| ()).map_err(|reject| reject.code), Err("html_too_complex"));
    let unclosed = format!("<ul>{}</ul>", "<li>a".repeat(5_000));
    check(&unclosed, vec!["a"; 5_000].join("\n").as_str());
}
