//! Which entries does the ledger's log have, and which bytes?
//!
//! ```text
//! document   0 | fate | id | position | partition u32 | offset u64 | run u32 | publisher | language u8 | time i64 | allowed by
//! change     1 | sequence number u32 | fate
//! nothing    2
//! forget     3 | sequence number u32
//! kept       4 | sequence number u32 | fate | id | position | partition u32 | offset u64 | run u32 | publisher | language u8 | time i64 | allowed by
//! fate       tag u8 | sequence number u32 of the representative of a duplicate, else 0
//! ```

use connectors::position::Position;
use operators::{
    codec::{Corrupt, Decoder, Encoder},
    document::SeqNo,
    lookup::Fate,
    text::Language,
};

const DOCUMENT: u8 = 0;
const CHANGE: u8 = 1;
const NOTHING: u8 = 2;
const FORGET: u8 = 3;
const KEPT: u8 = 4;

/// The identity of a document, for recalls and matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The id that users see.
    pub id: String,
    /// The name of the position, such as `crawl.jsonl#17`.
    pub position: String,
    /// The position in the run that saw the document.
    pub place: Position,
    /// The run that saw the document. Positions of earlier dumps are not in this run's outputs.
    pub run: u32,
    /// The name of the publisher.
    pub publisher: String,
    /// The language of its text.
    pub language: Language,
    /// When the record says that it was fetched, in seconds since 1970.
    pub time: Option<i64>,
    /// The entry of the user's allow list that the document was under when it came; empty if it was
    /// under none.
    pub allowed_by: String,
}

/// What is written where a record has no time.
const NO_TIME: i64 = i64::MIN;

/// What an entry says about fates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LedgerEntry {
    /// The next sequence number is a document of this fate.
    Document(Fate),
    /// The next sequence number is no document.
    Nothing,
    /// The fate of an earlier document has changed.
    Change(SeqNo, Fate),
    /// Everything before a sequence number is forgotten.
    Forget(SeqNo),
    /// A forgotten document, which still has copies, was written again.
    Kept(SeqNo, Fate),
}

impl LedgerEntry {
    /// Reads what an entry says about fates.
    pub(super) fn decode(from: &mut Decoder<'_>) -> Result<Self, Corrupt> {
        Ok(match from.u8()? {
            DOCUMENT => Self::Document(read_fate(from)?),
            NOTHING => Self::Nothing,
            CHANGE => Self::Change(from.u32()?, read_fate(from)?),
            FORGET => Self::Forget(from.u32()?),
            KEPT => Self::Kept(from.u32()?, read_fate(from)?),
            _ => return Err(from.corrupt("a known kind of entry")),
        })
    }

    /// Writes the entry. Only a document and a kept one have an identity.
    pub(super) fn encode(self, identity: Option<&Identity>) -> Vec<u8> {
        let mut out = Encoder::default();
        match self {
            Self::Document(fate) => {
                out.u8(DOCUMENT);
                write_fate(&mut out, fate);
            }
            Self::Nothing => out.u8(NOTHING),
            Self::Change(seqno, fate) => {
                out.u8(CHANGE);
                out.u32(seqno);
                write_fate(&mut out, fate);
            }
            Self::Forget(floor) => {
                out.u8(FORGET);
                out.u32(floor);
            }
            Self::Kept(seqno, fate) => {
                out.u8(KEPT);
                out.u32(seqno);
                write_fate(&mut out, fate);
            }
        }
        if let Some(identity) = identity {
            write_identity(&mut out, identity);
        }
        out.bytes
    }
}

fn write_fate(out: &mut Encoder, fate: Fate) {
    let (tag, of) = match fate {
        Fate::Clean => (0, 0),
        Fate::Duplicate(of) => (1, of),
        Fate::Quarantined => (2, 0),
        Fate::Recalled => (3, 0),
        Fate::Unknown => (4, 0),
    };
    out.u8(tag);
    out.u32(of);
}

fn read_fate(from: &mut Decoder<'_>) -> Result<Fate, Corrupt> {
    let tag = from.u8()?;
    let of = from.u32()?;
    Ok(match tag {
        0 => Fate::Clean,
        1 => Fate::Duplicate(of),
        2 => Fate::Quarantined,
        3 => Fate::Recalled,
        4 => Fate::Unknown,
        _ => return Err(from.corrupt("a known fate")),
    })
}

fn write_identity(out: &mut Encoder, identity: &Identity) {
    out.str(&identity.id);
    out.str(&identity.position);
    out.u32(identity.place.partition);
    out.u64(identity.place.offset);
    out.u32(identity.run);
    out.str(&identity.publisher);
    out.u8(identity.language.index());
    out.u64(identity.time.unwrap_or(NO_TIME) as u64);
    out.str(&identity.allowed_by);
}

/// Reads the identity in an entry; `None` if the entry is about no document.
pub(super) fn read_identity(entry: &[u8]) -> Result<Option<Identity>, Corrupt> {
    let mut from = Decoder::new(entry);
    match from.u8()? {
        DOCUMENT => {}
        KEPT => drop(from.u32()?),
        _ => return Ok(None),
    }
    read_fate(&mut from)?;
    let identity = Identity {
        id: from.str()?.to_owned(),
        position: from.str()?.to_owned(),
        place: Position { partition: from.u32()?, offset: from.u64()? },
        run: from.u32()?,
        publisher: from.str()?.to_owned(),
        language: Language::from_index(from.u8()?).ok_or_else(|| from.corrupt("a known language"))?,
        time: Some(from.u64()? as i64).filter(|&time| time != NO_TIME),
        allowed_by: from.str()?.to_owned(),
    };
    Ok(Some(identity))
}
