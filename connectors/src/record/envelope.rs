//! What does a broker deliver beside the bytes of a record?

/// Key, headers and time of a broker's record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    /// The record's key.
    pub key: Option<Vec<u8>>,
    /// The headers, in their order.
    pub headers: Vec<EnvelopeHeader>,
    /// The record's own time, in milliseconds since 1970.
    pub time_ms: Option<i64>,
    /// The value exactly as delivered, where the record's payload was framed out of it; otherwise
    /// empty.
    pub value: Vec<u8>,
}

/// A named value beside a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvelopeHeader {
    /// Its name. Several headers may have the same name.
    pub name: String,
    /// Its value, if it is not null.
    pub value: Option<Vec<u8>>,
}
