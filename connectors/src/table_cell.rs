//! What can stand in a table's cell?

/// A value in a table that JSON lines are written as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TableCell {
    /// A text, or nothing.
    Text(Option<String>),
    /// Seconds since 1970, or nothing.
    Time(Option<i64>),
}
