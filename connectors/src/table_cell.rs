//! What can stand in a cell of a table that weir writes? The final pass of a replay gives such
//! cells to the Parquet writer.

/// A value in a table that JSON lines are written as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TableCell {
    /// A text, or nothing.
    Text(Option<String>),
    /// Seconds since 1970, or nothing.
    Time(Option<i64>),
}
