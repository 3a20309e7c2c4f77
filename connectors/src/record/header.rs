//! What does the header of an archive's record say?
//!
//! A header is parsed once, where its record is framed. Then it travels with the record as an
//! [`ArchiveHeader`]: the bytes as they were read, which outputs and dead letters repeat, and the
//! named fields, which decoding asks for. How bytes become fields depends on the format: see
//! [`crate::framing::warc`] and [`crate::framing::arc`].
//!
//! **Cost** two allocations for the fields of a header, and a scan of its fields (a dozen) for each
//! look-up.
//! **State** the bytes of the header, about as much for its fields, and 8 bytes a field.

/// The header of a record: its bytes, and the fields that they state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ArchiveHeader {
    raw: Vec<u8>,
    fields: HeaderFields,
}

impl ArchiveHeader {
    /// Joins the bytes of a header with the fields that were parsed from them.
    #[must_use]
    pub fn new(raw: Vec<u8>, fields: HeaderFields) -> Self {
        Self { raw, fields }
    }

    /// Returns the header as it was read.
    #[must_use]
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// Returns the named fields.
    #[must_use]
    pub fn fields(&self) -> &HeaderFields {
        &self.fields
    }

    /// Returns a field's value as [`HeaderFields::get`] does.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields.get(name)
    }
}

/// Named fields in their order. Several fields may have the same name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderFields {
    /// Names and values, one behind the other.
    text: String,
    /// Where the name and the value of each field end in `text`.
    ends: Vec<FieldEnds>,
}

/// Where a field's name and value end. 32 bits suffice: [`crate::limits::Limits::header_bytes_max`]
/// bounds a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FieldEnds {
    name: u32,
    value: u32,
}

impl HeaderFields {
    /// Adds a field behind the others.
    pub fn push(&mut self, name: &str, value: &str) {
        self.text.push_str(name);
        let name_end = self.text.len() as u32;
        self.text.push_str(value);
        self.ends.push(FieldEnds { name: name_end, value: self.text.len() as u32 });
    }

    /// Appends text to the value of the last field, with one space between the two. A value that is
    /// still empty gets no space, and without any field nothing happens.
    pub fn continue_last(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        if let Some(last) = self.ends.last_mut() {
            if last.name < last.value {
                self.text.push(' ');
            }
            self.text.push_str(text);
            last.value = self.text.len() as u32;
        }
    }

    /// Returns name and value of each field, in their order, as they were added.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        let starts = std::iter::once(0).chain(self.ends.iter().map(|ends| ends.value as usize));
        starts.zip(&self.ends).map(|(start, ends)| {
            let (name, value) = (ends.name as usize, ends.value as usize);
            (&self.text[start..name], &self.text[name..value])
        })
    }

    /// Returns the value of a field, trimmed; of several fields with this name, that of the first
    /// one. Names are compared without regard to ASCII case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.get_all(name).next()
    }

    /// Returns the values of all fields with this name, in their order.
    pub fn get_all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.pairs().filter(move |(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    #[test]
    fn a_value_goes_on_with_one_space_or_begins() {
        let mut fields = HeaderFields::default();
        fields.continue_last("of no field");
        fields.push("A", "");
        fields.continue_last("begins");
        fields.continue_last("");
        fields.continue_last("goes on");
        fields.push("B", " \tb ");
        assert_eq!(fields.pairs().collect::<Vec<_>>(), [("A", "begins goes on"), ("B", " \tb ")]);
        assert_eq!((fields.get("a"), fields.get("b"), fields.get("c")), (Some("begins goes on"), Some("b"), None));
    }

    proptest! {
        /// Against a list of pairs.
        #[test]
        fn fields_come_back_in_their_order(pairs in vec(("[a-cA-C]{0,2}", "[x é]{0,4}"), 0..8)) {
            let mut fields = HeaderFields::default();
            for (name, value) in &pairs {
                fields.push(name, value);
            }
            let expected: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            prop_assert_eq!(fields.pairs().collect::<Vec<_>>(), expected);
            for name in ["a", "AB", ""] {
                let values = pairs.iter().filter(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim());
                prop_assert_eq!(fields.get_all(name).collect::<Vec<_>>(), values.collect::<Vec<_>>());
            }
        }
    }
}
