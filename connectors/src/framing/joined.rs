//! Which record was a text made of? WET records joined with those of their WARC by `WARC-Refers-To`, so that a page comes once.
//!
//! Texts lie in a file of their own, in the order of the WARC, or each right behind its record. The file of texts is read ahead
//! into a window; a response (or resource) whose `WARC-Record-ID` one of them names takes it and becomes one record with it. Every
//! other record of both files comes by itself, so nothing is lost and nothing comes twice:
//!
//! - texts in front of one that was taken come before it: the WARC has lost their records;
//! - what else is in the file of texts, its `warcinfo` and lost stretches, comes in its place among them;
//! - at the end of the WARC the rest of the texts follows.
//!
//! Damage must not keep the files apart for longer than it is itself. A text that names a record which has passed says that the
//! WARC is ahead: it and all before it come at once. After [`PATIENCE`] responses in a row that no text names, a full window is given
//! up, and from then on one after every [`WINDOW_RECORDS`] of them. If that was wrong, since the texts lost a stretch and not the
//! WARC, the responses that the given-up texts name pass by, and while they do the window waits for the WARC. So about as many
//! pages come twice as were lost, and a thousand more, and then they meet again. A file of texts that leaves out 99 of 100 pages
//! may be given up for a while where nothing is lost.
//!
//! **Cost** a parse of each record's header, and a search of the window for each response. **State** the window, and the ids of the last
//! 65,536 records that passed alone, on either side: some 6 MB when full.

mod recent_ids;

use std::{collections::VecDeque, io, sync::Arc};

use self::recent_ids::RecentIds;
use super::{frame::Frame, warc::WarcRecords};
use crate::{
    compress::Members,
    source::{Conversion, Payload},
};

/// Most records in the window: what a WARC may lose and still meet its texts without delay.
pub const WINDOW_RECORDS: usize = 256;
/// Bytes in the window from which on no more are read into it.
pub const WINDOW_BYTES: usize = 32 << 20;
/// Responses in a row that no text names until a full window is given up.
pub const PATIENCE: usize = 1024;

/// One of two files that are read as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinedFile {
    /// The WARC.
    Archive,
    /// The WET.
    Texts,
}

/// A record, and the file in which it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinedFrame {
    /// The record.
    pub frame: Frame,
    /// Its file; that of a joined record is the archive.
    pub file: JoinedFile,
}

/// Splits an archive into records, joined with their texts.
#[derive(Debug)]
pub struct JoinedRecords<R> {
    archive: WarcRecords<R>,
    /// Read from the archive while looking for a text right behind a record.
    held: Option<Frame>,
    texts: Option<Texts<R>>,
    /// Records to hand out, in their order.
    out: VecDeque<JoinedFrame>,
    /// Records of the archive that have passed without a text.
    passed: RecentIds,
    /// Texts that were handed out without their records: which ones they name.
    alone: RecentIds,
    /// Responses since one last had a text, or the window was given up.
    unnamed: usize,
    /// Whether the window was given up, and nothing has been met again since.
    lost: bool,
}

/// The file of texts, and what was read ahead of it.
#[derive(Debug)]
struct Texts<R> {
    records: WarcRecords<R>,
    name: Arc<str>,
    ended: bool,
    window: VecDeque<Ahead>,
    bytes: usize,
}

/// A record of the window.
#[derive(Debug)]
struct Ahead {
    /// The record that it was made of; none if it is no text.
    of: Option<String>,
    frame: Frame,
}

impl Ahead {
    fn bytes(&self) -> usize {
        self.frame.payload.len() + self.of.as_ref().map_or(0, String::len)
    }
}

impl<R: Members> JoinedRecords<R> {
    /// Frames `archive`, whose texts lie behind their records and, if there is one, in a file of this name.
    pub fn new(archive: WarcRecords<R>, texts: Option<(WarcRecords<R>, Arc<str>)>) -> Self {
        let texts = texts.map(|(records, name)| Texts { records, name, ended: false, window: VecDeque::new(), bytes: 0 });
        Self {
            archive,
            held: None,
            texts,
            out: VecDeque::new(),
            passed: RecentIds::default(),
            alone: RecentIds::default(),
            unnamed: 0,
            lost: false,
        }
    }

    /// The next record; `None` at the end of both files and ever after.
    ///
    /// # Errors
    /// If a file cannot be read, and which.
    pub fn next_frame(&mut self) -> Result<Option<JoinedFrame>, (JoinedFile, io::Error)> {
        loop {
            if let Some(placed) = self.out.pop_front() {
                return Ok(Some(placed));
            }
            self.read_ahead().map_err(|error| (JoinedFile::Texts, error))?;
            if !self.out.is_empty() {
                continue;
            }
            match self.archive_frame().map_err(|error| (JoinedFile::Archive, error))? {
                Some(frame) => self.place(frame).map_err(|error| (JoinedFile::Archive, error))?,
                None if self.waiting() == 0 => return Ok(None),
                None => self.hand_out(self.waiting()),
            }
        }
    }

    /// The name of the file of texts.
    pub fn texts_name(&self) -> Option<Arc<str>> {
        self.texts.as_ref().map(|texts| Arc::clone(&texts.name))
    }

    /// The bytes' readers.
    pub fn readers(&self) -> impl Iterator<Item = &R> {
        [Some(self.archive.reader()), self.texts.as_ref().map(|texts| texts.records.reader())].into_iter().flatten()
    }

    fn archive_frame(&mut self) -> io::Result<Option<Frame>> {
        match self.held.take() {
            Some(frame) => Ok(Some(frame)),
            None => self.archive.next_frame(),
        }
    }

    fn waiting(&self) -> usize {
        self.texts.as_ref().map_or(0, |texts| texts.window.len())
    }

    /// Fills the window, until there is something to hand out.
    fn read_ahead(&mut self) -> io::Result<()> {
        let Some(texts) = &mut self.texts else { return Ok(()) };
        let no_texts = texts.window.iter().take_while(|ahead| ahead.of.is_none()).count();
        let mut ready = no_texts;
        while ready == 0 && texts.has_room() {
            let Some(frame) = texts.records.next_frame()? else {
                texts.ended = true;
                break;
            };
            let of = made_of(&frame.payload);
            let is_late = of.as_ref().is_some_and(|of| self.passed.has(of));
            if is_late {
                (self.unnamed, self.lost) = (0, false);
            }
            let is_ready = is_late || of.is_none() && texts.window.is_empty();
            texts.push(Ahead { of, frame });
            ready = if is_ready { texts.window.len() } else { 0 };
        }
        self.hand_out(ready);
        Ok(())
    }

    /// Hands out the first `count` records of the window, without their records of the archive.
    fn hand_out(&mut self, count: usize) {
        let Some(texts) = &mut self.texts else { return };
        for ahead in (0..count).map_while(|_| texts.pop()) {
            if let Some(of) = &ahead.of {
                self.alone.add(of);
            }
            self.out.push_back(JoinedFrame { frame: ahead.frame, file: JoinedFile::Texts });
        }
    }

    /// Hands out a record of the archive, and what goes before it.
    fn place(&mut self, frame: Frame) -> io::Result<()> {
        let archived = |frame| JoinedFrame { frame, file: JoinedFile::Archive };
        let Some(id) = id_of_source(&frame.payload) else {
            self.out.push_back(archived(frame));
            return Ok(());
        };
        let at = self.texts.iter().flat_map(|texts| &texts.window).position(|ahead| ahead.of.as_ref() == Some(&id));
        if let Some(at) = at {
            self.hand_out(at);
            if let Some(texts) = &mut self.texts
                && let Some(ahead) = texts.pop()
            {
                self.out.push_back(archived(join(frame, ahead.frame, Some(Arc::clone(&texts.name)))));
            }
            (self.unnamed, self.lost) = (0, false);
            return Ok(());
        }
        self.held = self.archive.next_frame()?;
        if let Some(behind) = self.held.take_if(|behind| made_of(&behind.payload).as_ref() == Some(&id)) {
            self.out.push_back(archived(join(frame, behind, None)));
            (self.unnamed, self.lost) = (0, false);
            return Ok(());
        }
        self.out.push_back(archived(frame));
        self.passed_alone(&id);
        Ok(())
    }

    /// A response has passed without a text: gives the window up if that goes on for too long.
    fn passed_alone(&mut self, id: &str) {
        let Some(texts) = &self.texts else { return };
        let stuck = !texts.ended && !texts.has_room();
        if self.alone.has(id) {
            // Its text has gone before: it is the texts that are ahead.
            (self.unnamed, self.lost) = (0, false);
            return;
        }
        self.passed.add(id);
        self.unnamed += 1;
        let patience = if self.lost { WINDOW_RECORDS } else { PATIENCE };
        if self.unnamed >= patience && stuck {
            (self.unnamed, self.lost) = (0, true);
            self.hand_out(self.waiting());
        }
    }
}

impl<R> Texts<R> {
    /// Whether more may be read into the window.
    fn has_room(&self) -> bool {
        !self.ended && self.window.len() < WINDOW_RECORDS && self.bytes < WINDOW_BYTES
    }

    fn push(&mut self, ahead: Ahead) {
        self.bytes += ahead.bytes();
        self.window.push_back(ahead);
    }

    fn pop(&mut self) -> Option<Ahead> {
        let ahead = self.window.pop_front()?;
        self.bytes -= ahead.bytes();
        Some(ahead)
    }
}

/// The id of a record that texts are made of.
fn id_of_source(payload: &Payload) -> Option<String> {
    id_field(payload, &["response", "resource"], "WARC-Record-ID")
}

/// The id of the record that a text was made of.
fn made_of(payload: &Payload) -> Option<String> {
    id_field(payload, &["conversion"], "WARC-Refers-To")
}

/// An id in the header of a record of one of these types, without its angle brackets.
fn id_field(payload: &Payload, types: &[&str], field: &str) -> Option<String> {
    let Payload::Warc { header, .. } = payload else { return None };
    let is = header.get("WARC-Type")?;
    if !types.iter().any(|name| is.eq_ignore_ascii_case(name)) {
        return None;
    }
    let id = header.get(field)?.trim_matches(['<', '>', ' ']);
    (!id.is_empty()).then(|| id.to_owned())
}

/// A record and its text, which lies in the same file if no other is named.
fn join(frame: Frame, text: Frame, file: Option<Arc<str>>) -> Frame {
    let payload = match (frame.payload, text.payload) {
        (Payload::Warc { header, block }, Payload::Warc { header: of_text, block: text }) => {
            let conversion = Box::new(Conversion { header: of_text, block: text, file });
            Payload::Joined { header, block, conversion }
        }
        (payload, _) => payload,
    };
    Frame { payload, ..frame }
}

#[cfg(test)]
mod tests;
