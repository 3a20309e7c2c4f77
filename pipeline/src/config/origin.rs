//! Where does a value of the configuration come from?
//!
//! A problem can be fixed quickly only if its message names the line, the variable or the argument
//! that made it.

use std::{fmt, sync::Arc};

/// Where one value of the configuration was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// In the configuration file.
    File {
        /// The file, as it was named.
        name: Arc<str>,
        /// The line, from 1.
        line: usize,
        /// The column in characters, from 1.
        column: usize,
    },
    /// In this environment variable.
    Environment(Arc<str>),
    /// By `--set` for this key.
    Set(Arc<str>),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { name, line, column } => write!(f, "{name}:{line}:{column}"),
            Self::Environment(name) => f.write_str(name),
            Self::Set(key) => write!(f, "--set {key}"),
        }
    }
}

/// The text of a file, which turns byte offsets into lines and columns.
#[derive(Debug)]
pub(super) struct FileText<'t> {
    name: Arc<str>,
    text: &'t str,
    /// The offset of the first byte of each line.
    lines: Vec<usize>,
}

impl<'t> FileText<'t> {
    /// Indexes the lines of a file.
    pub(super) fn new(name: &str, text: &'t str) -> Self {
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { name: name.into(), text, lines }
    }

    /// Returns the place of a byte.
    pub(super) fn at(&self, offset: usize) -> Origin {
        let offset = self.text.floor_char_boundary(offset);
        let line = self.lines.partition_point(|&begin| begin <= offset);
        let column = self.text[self.lines[line - 1]..offset].chars().count() + 1;
        Origin::File { name: Arc::clone(&self.name), line, column }
    }

    /// Returns the line that a byte is on.
    pub(super) fn line_of(&self, offset: usize) -> &'t str {
        let offset = self.text.floor_char_boundary(offset);
        let begin = self.lines[self.lines.partition_point(|&begin| begin <= offset) - 1];
        self.text[begin..].lines().next().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_lines_and_characters() {
        let text = "a = 1\nb\u{e9} = 2\r\n\nc";
        let places = FileText::new("f", text);
        let place = |offset| places.at(offset).to_string();
        assert_eq!([place(0), place(4), place(6), place(10)], ["f:1:1", "f:1:5", "f:2:1", "f:2:4"]);
        assert_eq!([place(text.len() - 1), place(text.len()), place(9999)], ["f:4:1", "f:4:2", "f:4:2"]);
        assert_eq!(place(8), "f:2:2", "inside a character: its beginning");
        assert_eq!([places.line_of(10), places.line_of(text.len() + 5)], ["b\u{e9} = 2", "c"]);
        assert_eq!(FileText::new("f", "").at(0).to_string(), "f:1:1");
    }
}
