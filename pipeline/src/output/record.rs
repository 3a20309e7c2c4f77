//! What is a record on its way to a channel?

use std::borrow::Cow;

use connectors::{
    committer::{Channel, Outgoing},
    source::EnvelopeHeader,
};

/// A record to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputRecord<'a> {
    /// Where it goes.
    pub channel: Channel,
    /// Its key. Records in files have none.
    pub key: Option<Vec<u8>>,
    /// Its headers. Records in files have none.
    pub headers: Vec<EnvelopeHeader>,
    /// Its bytes. Those of a document are the input's, and are not copied.
    pub value: Cow<'a, [u8]>,
}

impl<'a> OutputRecord<'a> {
    /// A record without key and headers.
    pub fn plain(channel: Channel, value: impl Into<Cow<'a, [u8]>>) -> Self {
        Self { channel, key: None, headers: Vec::new(), value: value.into() }
    }

    /// The record with bytes of its own.
    pub fn into_owned(self) -> OutputRecord<'static> {
        let Self { channel, key, headers, value } = self;
        OutputRecord { channel, key, headers, value: Cow::Owned(value.into_owned()) }
    }

    /// The record as a committer takes it.
    pub fn outgoing(&self) -> Outgoing<'_> {
        Outgoing { channel: self.channel, key: self.key.as_deref(), headers: &self.headers, value: &self.value }
    }
}

/// A header of weir's own, with a text as its value.
pub(super) fn header(name: &str, value: String) -> EnvelopeHeader {
    EnvelopeHeader { name: name.to_owned(), value: Some(value.into_bytes()) }
}
