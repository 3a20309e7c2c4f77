//! Where do the lines of a file begin and end? One line is one record.
//!
//! A line is handed on without its `\n` and otherwise unchanged, a `\r` included, since clean
//! output is the input's bytes. Lines that are empty (or a lone `\r`) are skipped and take no
//! offset. Nothing here reads the JSON in a line.
//!
//! **Cost** one scan for the line break and one copy. **State** one line, at most
//! [`Limits::record_bytes_max`].

use std::{io, mem};

use super::{
    frame::Frame,
    pushback::{LineRead, PushbackReader},
};
use crate::{
    compress::{Damage, MemberRead},
    limits::Limits,
    source::Payload,
};

/// Splits a file into lines of JSON.
#[derive(Debug)]
pub struct JsonLines<R> {
    input: PushbackReader<R>,
    record_bytes_max: usize,
    line: Vec<u8>,
    ended: bool,
}

impl<R: MemberRead> JsonLines<R> {
    /// Frames `reader`.
    pub fn new(reader: R, limits: Limits) -> Self {
        Self {
            input: PushbackReader::new(reader, |_| false),
            record_bytes_max: limits.record_bytes_max,
            line: Vec::new(),
            ended: false,
        }
    }

    /// Returns the next line; `None` at the end and ever after.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn next_frame(&mut self) -> io::Result<Option<Frame>> {
        while !self.ended {
            let begin = self.input.position();
            self.line.clear();
            let read = match self.input.line(self.record_bytes_max, &mut self.line) {
                Ok(read) => read,
                Err(error) => {
                    let damage = Damage::from_error(error).inspect_err(|_| self.ended = true)?;
                    let mut frame = Frame::bad(begin, damage.code, damage.message, &self.line, self.input.position() - begin);
                    if let Payload::Bad(bad) = &mut frame.payload {
                        bad.packed = Some(damage.stretch);
                    }
                    return Ok(Some(frame));
                }
            };
            match read {
                LineRead::End => self.ended = true,
                LineRead::Long => return Ok(Some(self.too_long(begin))),
                LineRead::Whole => {
                    if self.line.last() == Some(&b'\n') {
                        self.line.pop();
                    }
                    if !matches!(self.line[..], [] | [b'\r']) {
                        return Ok(Some(Frame { byte_offset: begin, payload: Payload::Line(mem::take(&mut self.line)) }));
                    }
                }
            }
        }
        Ok(None)
    }

    /// Makes a bad record of a line that is too long.
    fn too_long(&self, begin: u64) -> Frame {
        let length = self.input.position() - begin;
        let message = format!("line of {length} bytes, expected at most {}", self.record_bytes_max);
        Frame::bad(begin, "record_too_large", message, &self.line, length)
    }

    /// Returns the reader of the bytes.
    pub fn reader(&self) -> &R {
        self.input.reader()
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use proptest::prelude::*;

    use super::*;
    use crate::source::BadRecord;

    fn frames(bytes: &[u8], chunk: usize, record_bytes_max: usize) -> Vec<Frame> {
        let limits = Limits { record_bytes_max, ..Limits::default() };
        let mut lines = JsonLines::new(BufReader::with_capacity(chunk, bytes), limits);
        let mut frames = Vec::new();
        while let Some(frame) = lines.next_frame().expect("in memory") {
            frames.push(frame);
        }
        assert_eq!(lines.next_frame().expect("in memory"), None);
        frames
    }

    fn line(byte_offset: u64, text: &str) -> Frame {
        Frame { byte_offset, payload: Payload::Line(text.into()) }
    }

    #[test]
    fn lines_keep_their_bytes_and_empty_ones_take_no_offset() {
        let expected = [line(0, "{}\r"), line(8, "b"), line(10, " "), line(12, "last")];
        for chunk in 1..20 {
            assert_eq!(frames(b"{}\r\n\n\r\n\nb\n \nlast", chunk, 100), expected);
        }
    }

    #[test]
    fn a_long_line_is_lost_alone() {
        let text = format!("{}\nfits\n{}", "x".repeat(5000), "y".repeat(11));
        for chunk in [1, 7, 4096, 9000] {
            let frames = frames(text.as_bytes(), chunk, 10);
            assert_eq!(frames.len(), 3);
            let Payload::Bad(BadRecord { code, bytes, length, .. }) = &frames[0].payload else { panic!("got {:?}", frames[0]) };
            assert_eq!((*code, &bytes[..], *length), ("record_too_large", &b"xxxxxxxxxx"[..], 5001));
            assert_eq!(frames[1], line(5001, "fits"));
            assert!(matches!(&frames[2].payload, Payload::Bad(bad) if bad.length == 11));
        }
        assert_eq!(frames(b"0123456789\n", 3, 10), [line(0, "0123456789")]);
    }

    proptest! {
        /// Against the obvious way, wherever the reader's chunks end.
        #[test]
        fn equals_split(bytes in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), any::<u8>()], 0..300), chunk in 1_usize..40, max in 1_usize..30) {
            let mut expected = Vec::new();
            let mut at = 0;
            for piece in bytes.split(|byte| *byte == b'\n') {
                if !piece.is_empty() && piece != b"\r" {
                    expected.push((at, piece.len() <= max, piece[..piece.len().min(max)].to_vec()));
                }
                at += piece.len() as u64 + 1;
            }
            let got: Vec<_> = frames(&bytes, chunk, max).into_iter().map(|frame| match frame.payload {
                Payload::Line(line) => (frame.byte_offset, true, line),
                Payload::Bad(bad) => (frame.byte_offset, false, bad.bytes),
                Payload::Warc { .. } | Payload::Joined { .. } | Payload::Arc { .. } | Payload::Row(_) | Payload::Html(_) => {
                    panic!("no WARC")
                },
            }).collect();
            prop_assert_eq!(got, expected);
        }
    }
}
