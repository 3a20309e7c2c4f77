use std::{fmt::Write as _, io};

use proptest::prelude::*;

use super::{lines::LINE_BYTES_MAX, *};

fn list(bytes: &[u8]) -> Result<Vec<ListEntry>, ListError> {
    read(Box::new(io::Cursor::new(bytes.to_vec())))
}

fn whole(path: &str, line: u64) -> ListEntry {
    ListEntry { path: path.to_owned(), line, parts: None }
}

fn parts(path: &str, line: u64, ranges: &[(u64, u64)]) -> ListEntry {
    let parts = ranges.iter().map(|&(offset, length)| ByteRange { offset, length }).collect();
    ListEntry { path: path.to_owned(), line, parts: Some(parts) }
}

#[track_caller]
fn check(text: &str, expected: &[ListEntry]) {
    assert_eq!(list(text.as_bytes()).expect("a list"), expected, "{text:?}");
    let packed = zstd::encode_all(text.as_bytes(), 1).expect("packed");
    assert_eq!(list(&packed).expect("a list"), expected, "packed: {text:?}");
}

#[track_caller]
fn error_of(text: &str) -> String {
    list(text.as_bytes()).expect_err("nonsense").to_string()
}

#[test]
fn a_paths_file_has_one_path_a_line() {
    check("", &[]);
    check(
        "a/b.warc.gz\n\n c.wet.gz \r\nwith,comma \"x",
        &[whole("a/b.warc.gz", 1), whole("c.wet.gz", 3), whole("with,comma \"x", 4)],
    );
    check("\u{feff}a.warc\n", &[whole("a.warc", 1)]);
}

#[test]
fn index_answers_are_gathered_by_file() {
    let expected = [parts("b.gz", 2, &[(5, 10), (20, 3)]), parts("a.gz", 3, &[(0, 7)])];
    check(
        "url,warc_filename,warc_record_offset,warc_record_length\nx,b.gz,20,3\ny,a.gz,0,7\n\"q,\"\"z\nw\",b.gz,5,10\nx,b.gz,20,3\n",
        &expected,
    );
    check(
        "\"WARC_RECORD_LENGTH\",\"warc_filename\",\"warc_record_offset\"\n\"3\",\"b.gz\",\"20\"\n7,a.gz,0\n10,b.gz,5",
        &expected,
    );
    check("filename,offset,length\nb.gz,20,3\na.gz,0,7\nb.gz,5,10\n", &expected);
    let json = concat!(
        "{\"warc_filename\":\"b.gz\",\"url\":\"x\",\"warc_record_offset\":20,\"warc_record_length\":3}\n\n",
        "{\"filename\": \"a.gz\", \"offset\": \"0\", \"length\": \"7\"}\n",
        "{\"warc_record_length\":10,\"warc_record_offset\":5,\"warc_filename\":\"b\\u002egz\"}\n"
    );
    check(json, &[parts("b.gz", 1, &[(5, 10), (20, 3)]), parts("a.gz", 3, &[(0, 7)])]);
}

#[test]
fn nonsense_is_reported_with_line_and_column() {
    let head = "url,warc_filename,warc_record_offset,warc_record_length\n";
    for (text, expected) in [
        ("a\nb\u{7}\n", "line 2, column 1: got \"b\\u{7}\", expected a path"),
        ("url,warc_filename,warc_record_offset\n", "line 1, column 1: got a table without a column warc_record_length"),
        (&*format!("{head}x,a.gz,5\n"), "line 2, column 8: got 3 fields, expected 4"),
        (&*format!("{head}x,a.gz,5,six\n"), "line 2, column 10: got \"six\", expected a number"),
        (&*format!("{head}x,a.gz,+5,6\n"), "line 2, column 8: got \"+5\", expected a number"),
        (&*format!("{head}x,a.gz,5,0\n"), "line 2, column 3: got 0 bytes at 5"),
        (&*format!("{head}x,,5,1\n"), "line 2, column 3: got \"\", expected the name of a file"),
        (&*format!("{head}x,a.gz,{},1\n", u64::MAX), "expected at least one, and an end below 2^64"),
        (&*format!("{head}\"x\"y,a.gz,5,1\n"), "line 2, column 4: got \"y,a.gz,5,1\" after a closing quote"),
        (&*format!("{head}\"x\n\ny,a.gz,5,1\n"), "line 2, column 1: got a quote that is never closed"),
        (
            &*format!("{head}x,a.gz,5,9\nx,b.gz,5,9\nx,a.gz,13,2\n"),
            "line 4, column 1: got 2 bytes at 13 of a.gz, which line 2 has",
        ),
        ("{\"filename\":\"a\",\"offset\":1}\n", "line 1, column 27: missing field `warc_record_length`"),
        ("{\"filename\":\"a\",\"offset\":-1,\"length\":2}\n", "got something else, expected a number"),
        ("{\"filename\":\"a\",\"offset\":1,\"length\":2}\n{oops\n", "line 2, column 2: "),
    ] {
        let message = error_of(text);
        assert!(message.contains(expected), "{text:?}: {message}");
    }
    assert!(list(b"a\nb\xff\n").expect_err("no UTF-8").to_string().contains("line 2, column 2: got bytes that are no UTF-8"));
    assert!(error_of(&"x".repeat(LINE_BYTES_MAX + 1)).contains("expected at most 65536 bytes"));
    assert!(
        error_of(&format!("{head}\"{}", format!("{}\n", "x".repeat(LINE_BYTES_MAX - 2)).repeat(3))).contains("longer record")
    );
}

proptest! {
    #[test]
    fn any_bytes_end(head in 0_usize..3, tail in "[\",\na{}:1 ]{0,80}", more in prop::collection::vec(any::<u8>(), 0..40)) {
        let heads = ["", "filename,offset,length\n", "{\"filename\":\"a\",\"offset\":1,\"length\":2}\n"];
        let _ = list(&[heads[head].as_bytes(), tail.as_bytes(), &more].concat());
    }

    /// Whatever fields hold, they come back.
    #[test]
    fn csv_comes_back(names in prop::collection::vec("[a-c\",é]{1,6}", 1..6), notes in prop::collection::vec("[x\",\n]{0,6}", 6)) {
        let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
        let mut text = "note,filename,offset,length\n".to_owned();
        for (i, (name, note)) in names.iter().zip(&notes).enumerate() {
            writeln!(text, "{},{},{},1", quoted(note), quoted(name), i * 2).expect("in memory");
        }
        let list = list(text.as_bytes()).expect("a list");
        let got: usize = list.iter().map(|l| l.parts.as_ref().expect("records").len()).sum();
        prop_assert_eq!(got, names.len());
        prop_assert_eq!(list[0].path.as_str(), names[0].as_str());
    }
}
