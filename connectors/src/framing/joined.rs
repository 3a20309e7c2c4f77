//! From which record was a text extracted? Joins the records of a WARC with those of its WET by
//! `WARC-Refers-To`, so that each page comes once.
//!
//! A *text* is a record of the type `conversion`. Texts lie in a file of their own, in the order of
//! the WARC, or each right behind its record. The file of texts is read ahead into a window. A
//! response (or resource) whose `WARC-Record-ID` a text in the window names becomes one record with
//! that text. Every other record of both files comes by itself, so nothing is lost and nothing
//! comes twice:
//!
//! - Texts in the window before one that was joined come before it, since the WARC has lost their
//!   records.
//! - Other records of the file of texts, its `warcinfo` and bad stretches, come in their place
//!   among the texts.
//! - The rest of the texts comes at the end of the WARC.
//!
//! Damage must not keep the two files apart for longer than the damage is itself. If a text names a
//! record that has passed, the WARC is ahead: that text and all before it come at once. If no text
//! names any of [`PATIENCE`] responses in a row, a full window is given up, and after that one
//! window behind every [`WINDOW_RECORDS`] further such responses. A window that is given up comes as
//! documents of their own. That is right if the WARC has lost the responses of those texts. If the
//! file of texts has lost a stretch instead, the responses of the window still come later, and
//! their pages come twice: about as many as were lost, and a thousand more. Then the window waits
//! for the WARC, and the two files meet again. A file of texts that leaves out 99 of 100 pages
//! may be given up for a while although nothing is lost.
//!
//! **Cost** one search of the window for each response. **State** the window, and on either side
//! the ids of the last 65,536 records that passed alone: some 6 MB when full.

mod recent_ids;

use std::{collections::VecDeque, io, sync::Arc};

use self::recent_ids::RecentIds;
use super::{frame::Frame, warc::WarcRecords};
use crate::{
    compress::MemberRead,
    source::{Conversion, Payload},
};

/// Most records in the window. A WARC may lose as many and still meet its texts without delay.
pub const WINDOW_RECORDS: usize = 256;
/// No more records are read into a window that holds this many bytes.
pub const WINDOW_BYTES: usize = 32 << 20;
/// A full window is given up after this many responses in a row that no text names.
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
    /// The file. A joined record begins in the archive.
    pub file: JoinedFile,
}

/// Splits an archive into records, and joins them with their texts.
#[derive(Debug)]
pub struct JoinedRecords<R> {
    archive: WarcRecords<R>,
    /// A record that was read from the archive in search of a text right behind the record before.
    held: Option<Frame>,
    texts: Option<TextFile<R>>,
    /// Records to hand out, in their order.
    out: VecDeque<JoinedFrame>,
    /// Ids of the archive's records that have passed without a text.
    passed: RecentIds,
    /// Ids that were named by texts which were handed out without their records.
    alone: RecentIds,
    /// The number of responses since one was joined, or since the window was given up.
    unnamed: usize,
    /// Whether the window was given up, and nothing has been joined since.
    given_up: bool,
}

/// The file of texts, and the records that were read ahead.
#[derive(Debug)]
struct TextFile<R> {
    records: WarcRecords<R>,
    name: Arc<str>,
    ended: bool,
    window: VecDeque<WindowRecord>,
    bytes: usize,
}

/// A record of the window.
#[derive(Debug)]
struct WindowRecord {
    /// The id of the record from which it was extracted; `None` if it is no text.
    of: Option<String>,
    frame: Frame,
}

impl WindowRecord {
    fn bytes(&self) -> usize {
        self.frame.payload.len() + self.of.as_ref().map_or(0, String::len)
    }
}

impl<R: MemberRead> JoinedRecords<R> {
    /// Frames `archive`. Its texts lie behind their records and, if it is given, in a second file,
    /// whose name comes with it.
    pub fn new(archive: WarcRecords<R>, texts: Option<(WarcRecords<R>, Arc<str>)>) -> Self {
        let texts = texts.map(|(records, name)| TextFile { records, name, ended: false, window: VecDeque::new(), bytes: 0 });
        Self {
            archive,
            held: None,
            texts,
            out: VecDeque::new(),
            passed: RecentIds::default(),
            alone: RecentIds::default(),
            unnamed: 0,
            given_up: false,
        }
    }

    /// Returns the next record; `None` at the end of both files and ever after.
    ///
    /// # Errors
    /// If a file cannot be read; the error comes with the file.
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

    /// Returns the name of the file of texts.
    pub fn texts_name(&self) -> Option<Arc<str>> {
        self.texts.as_ref().map(|texts| Arc::clone(&texts.name))
    }

    /// Returns the readers of the bytes.
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

    /// Fills the window, until a record of it can be handed out.
    fn read_ahead(&mut self) -> io::Result<()> {
        let Some(texts) = &mut self.texts else { return Ok(()) };
        let no_texts = texts.window.iter().take_while(|ahead| ahead.of.is_none()).count();
        let mut ready = no_texts;
        while ready == 0 && texts.has_room() {
            let Some(frame) = texts.records.next_frame()? else {
                texts.ended = true;
                break;
            };
            let of = source_id(&frame.payload);
            let is_late = of.as_ref().is_some_and(|of| self.passed.has(of));
            if is_late {
                (self.unnamed, self.given_up) = (0, false);
            }
            let is_ready = is_late || of.is_none() && texts.window.is_empty();
            texts.push(WindowRecord { of, frame });
            ready = if is_ready { texts.window.len() } else { 0 };
        }
        self.hand_out(ready);
        Ok(())
    }

    /// Hands out the first `count` records of the window by themselves.
    fn hand_out(&mut self, count: usize) {
        let Some(texts) = &mut self.texts else { return };
        for ahead in (0..count).map_while(|_| texts.pop()) {
            if let Some(of) = &ahead.of {
                self.alone.add(of);
            }
            self.out.push_back(JoinedFrame { frame: ahead.frame, file: JoinedFile::Texts });
        }
    }

    /// Hands out a record of the archive, joined if it has a text, behind the records of the window
    /// that go before it.
    fn place(&mut self, frame: Frame) -> io::Result<()> {
        let archived = |frame| JoinedFrame { frame, file: JoinedFile::Archive };
        let Some(id) = record_id(&frame.payload) else {
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
            (self.unnamed, self.given_up) = (0, false);
            return Ok(());
        }
        self.held = self.archive.next_frame()?;
        if let Some(behind) = self.held.take_if(|behind| source_id(&behind.payload).as_ref() == Some(&id)) {
            self.out.push_back(archived(join(frame, behind, None)));
            (self.unnamed, self.given_up) = (0, false);
            return Ok(());
        }
        self.out.push_back(archived(frame));
        self.passed_alone(&id);
        Ok(())
    }

    /// Counts a response that has passed without a text, and gives the window up if there are too
    /// many.
    fn passed_alone(&mut self, id: &str) {
        let Some(texts) = &self.texts else { return };
        let stuck = !texts.ended && !texts.has_room();
        if self.alone.has(id) {
            // Its text has gone before, so the file of texts is ahead.
            (self.unnamed, self.given_up) = (0, false);
            return;
        }
        self.passed.add(id);
        self.unnamed += 1;
        let patience = if self.given_up { WINDOW_RECORDS } else { PATIENCE };
        if self.unnamed >= patience && stuck {
            (self.unnamed, self.given_up) = (0, true);
            self.hand_out(self.waiting());
        }
    }
}

impl<R> TextFile<R> {
    /// Whether more may be read into the window.
    fn has_room(&self) -> bool {
        !self.ended && self.window.len() < WINDOW_RECORDS && self.bytes < WINDOW_BYTES
    }

    fn push(&mut self, ahead: WindowRecord) {
        self.bytes += ahead.bytes();
        self.window.push_back(ahead);
    }

    fn pop(&mut self) -> Option<WindowRecord> {
        let ahead = self.window.pop_front()?;
        self.bytes -= ahead.bytes();
        Some(ahead)
    }
}

/// Returns the id of a record from which texts are extracted.
fn record_id(payload: &Payload) -> Option<String> {
    id_field(payload, &["response", "resource"], "WARC-Record-ID")
}

/// Returns the id of the record from which a text was extracted.
fn source_id(payload: &Payload) -> Option<String> {
    id_field(payload, &["conversion"], "WARC-Refers-To")
}

/// Returns an id in the header of a record of one of these types, without its angle brackets.
fn id_field(payload: &Payload, types: &[&str], field: &str) -> Option<String> {
    let Payload::Warc { header, .. } = payload else { return None };
    let is = header.get("WARC-Type")?;
    if !types.iter().any(|name| is.eq_ignore_ascii_case(name)) {
        return None;
    }
    let id = header.get(field)?.trim_matches(['<', '>', ' ']);
    (!id.is_empty()).then(|| id.to_owned())
}

/// Joins a record with its text. `file` names the file of the text, if that is another one.
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
