//! What do a Parquet file's footer and page headers declare, before the library acts on it?
//!
//! The library allocates as many bytes as a page header declares, and recurses as deep as a schema
//! is nested; so both are checked first. This reader of Thrift's compact protocol does only what
//! that needs: it reads the fields of interest and skips all others.

/// Deepest nesting of skipped fields. The format has 6 levels.
const DEPTH_MAX: u8 = 32;
/// Numbers of types in the compact protocol.
const BOOLEANS: [u8; 2] = [1, 2];
const BYTE: u8 = 3;
const INTEGERS: [u8; 3] = [4, 5, 6];
const DOUBLE: u8 = 7;
const BINARY: u8 = 8;
const LISTS: [u8; 2] = [9, 10];
const MAP: u8 = 11;
const STRUCT: u8 = 12;

/// A page header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct PageHeader {
    /// Bytes of the header itself.
    pub header_bytes: u64,
    /// Bytes of the page in the file.
    pub compressed: u64,
    /// Bytes of the page once it is decompressed.
    pub uncompressed: u64,
    /// Number of values, nulls included. In a column that is not repeated these are rows.
    pub values: u64,
    /// Whether the page holds the dictionary and no rows.
    pub is_dictionary: bool,
}

/// Reads the header that `bytes` begin with; `None` if it is incomplete or not sound.
pub(super) fn page_header(bytes: &[u8]) -> Option<PageHeader> {
    let mut from = ThriftCursor { bytes };
    let mut header = PageHeader::default();
    let (mut uncompressed, mut compressed, mut values) = (None, None, 0);
    from.fields(|from, id, kind| {
        match (id, kind) {
            (2, 5) => uncompressed = Some(from.integer()?),
            (3, 5) => compressed = Some(from.integer()?),
            (5 | 7 | 8, STRUCT) => {
                header.is_dictionary = id == 7;
                from.fields(|from, id, kind| {
                    if (id, kind) == (1, 5) {
                        values = from.integer()?;
                        Some(())
                    } else {
                        from.skip(kind, DEPTH_MAX)
                    }
                })?;
            }
            _ => from.skip(kind, DEPTH_MAX)?,
        }
        Some(())
    })?;
    header.header_bytes = (bytes.len() - from.bytes.len()) as u64;
    header.compressed = u64::try_from(compressed?).ok()?;
    header.uncompressed = u64::try_from(uncompressed?).ok()?;
    header.values = u64::try_from(values).ok()?;
    Some(header)
}

/// Size and depth of a footer's schema.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct SchemaShape {
    /// Number of elements.
    pub elements: usize,
    /// How deep its groups are nested.
    pub depth: usize,
}

/// Reads the shape of a footer's schema; `None` if the footer is not sound up to there.
pub(super) fn footer_shape(footer: &[u8]) -> Option<SchemaShape> {
    let mut from = ThriftCursor { bytes: footer };
    let mut shape = SchemaShape::default();
    from.fields(|from, id, kind| {
        if id != 2 || !LISTS.contains(&kind) {
            return from.skip(kind, DEPTH_MAX);
        }
        let (count, element) = from.list()?;
        // For each open group, the number of its children that are still to come.
        let mut open: Vec<i64> = Vec::new();
        for _ in 0..count {
            let mut children = 0;
            if element != STRUCT {
                return None;
            }
            from.fields(|from, id, kind| {
                if (id, kind) == (5, 5) {
                    children = from.integer()?;
                    Some(())
                } else {
                    from.skip(kind, DEPTH_MAX)
                }
            })?;
            while open.last() == Some(&0) {
                open.pop();
            }
            if let Some(last) = open.last_mut() {
                *last -= 1;
            }
            if children > 0 {
                open.push(children);
            }
            shape.elements += 1;
            shape.depth = shape.depth.max(open.len());
        }
        Some(())
    })?;
    Some(shape)
}

/// The bytes that are left to read. Every method returns `None` if they end too early.
struct ThriftCursor<'a> {
    bytes: &'a [u8],
}

impl ThriftCursor<'_> {
    /// Calls `each` for each field of a struct, with its id and type.
    fn fields(&mut self, mut each: impl FnMut(&mut Self, i64, u8) -> Option<()>) -> Option<()> {
        let mut id = 0;
        loop {
            let head = self.byte()?;
            if head == 0 {
                return Some(());
            }
            id = if head >> 4 == 0 { self.integer()? } else { id + i64::from(head >> 4) };
            each(self, id, head & 15)?;
        }
    }

    fn byte(&mut self) -> Option<u8> {
        let (&first, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        Some(first)
    }

    fn drop(&mut self, count: u64) -> Option<()> {
        self.bytes = self.bytes.get(usize::try_from(count).ok()?..)?;
        Some(())
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn integer(&mut self) -> Option<i64> {
        let value = self.varint()?;
        Some((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// Reads how many elements of a list follow, and their type.
    fn list(&mut self) -> Option<(u64, u8)> {
        let head = self.byte()?;
        let count = if head >> 4 == 15 { self.varint()? } else { u64::from(head >> 4) };
        Some((count, head & 15))
    }

    /// Skips a value. Every element of a list takes at least a byte, so a wrong count ends with the
    /// bytes.
    fn skip(&mut self, kind: u8, depth: u8) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        match kind {
            kind if BOOLEANS.contains(&kind) => Some(()),
            BYTE => self.drop(1),
            kind if INTEGERS.contains(&kind) => self.varint().map(|_| ()),
            DOUBLE => self.drop(8),
            BINARY => {
                let length = self.varint()?;
                self.drop(length)
            }
            kind if LISTS.contains(&kind) => {
                let (count, element) = self.list()?;
                (0..count).try_for_each(|_| self.element(element, depth))
            }
            MAP => match self.varint()? {
                0 => Some(()),
                count => {
                    let kinds = self.byte()?;
                    (0..count).try_for_each(|_| {
                        self.element(kinds >> 4, depth)?;
                        self.element(kinds & 15, depth)
                    })
                }
            },
            STRUCT => self.fields(|from, _, kind| from.skip(kind, depth)),
            _ => None,
        }
    }

    /// Skips a value in a list, where a boolean has a byte of its own.
    fn element(&mut self, kind: u8, depth: u8) -> Option<()> {
        if BOOLEANS.contains(&kind) { self.drop(1) } else { self.skip(kind, depth) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Type 0, 300 bytes unpacked, 20 packed, a data page of 7 values, and a field of a future
    /// version.
    const HEADER: &[u8] =
        &[0x15, 0, 0x15, 0xd8, 4, 0x15, 40, 0x2c, 0x15, 14, 0x15, 0, 0, 0x69, 0x28, 1, b'x', 2, b'y', b'z', 0, 99];

    #[test]
    fn a_page_header_is_read_and_what_is_unknown_passed_over() {
        let expected = PageHeader { header_bytes: 21, compressed: 20, uncompressed: 300, values: 7, is_dictionary: false };
        assert_eq!(page_header(HEADER), Some(expected));
        for cut in 0..21 {
            assert_eq!(page_header(&HEADER[..cut]), None, "cut at {cut}");
        }
        let mut negative = HEADER.to_vec();
        negative[6] = 1;
        assert_eq!(page_header(&negative), None);
    }

    #[test]
    fn nesting_of_a_schema_is_counted() {
        // Version, then a list of structs with a name and a count of children each.
        let footer = |children: &[u8]| {
            let mut bytes = vec![0x15, 2, 0x19, 0xfc, children.len() as u8];
            for count in children {
                bytes.extend_from_slice(&[0x48, 1, b'n', 0x15, count * 2, 0]);
            }
            bytes.push(0);
            bytes
        };
        assert_eq!(footer_shape(&footer(&[2, 0, 1, 0])), Some(SchemaShape { elements: 4, depth: 2 }));
        assert_eq!(footer_shape(&footer(&[1; 100])), Some(SchemaShape { elements: 100, depth: 100 }));
        assert_eq!(footer_shape(&footer(&[1, 1, 0])[..14]), None);
        // Nested deeper than anything, in a field that nobody reads.
        assert_eq!(footer_shape(&vec![0x1c; 1 << 20]), None);
    }

    proptest! {
        #[test]
        fn any_bytes_end(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Some(header) = page_header(&bytes) {
                prop_assert!(header.header_bytes <= bytes.len() as u64);
            }
            footer_shape(&bytes);
        }
    }
}
