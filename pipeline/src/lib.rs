//! weir: who does what when.
