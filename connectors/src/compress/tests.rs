use std::io::{self, BufRead, Cursor, Read, Write};

use flate2::{Compression, write::GzEncoder};
use proptest::prelude::*;

use super::{reader::BUFFER_BYTES, *};
use crate::limits::Limits;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).expect("in memory");
    encoder.finish().expect("in memory")
}

fn zstd_frame(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).expect("in memory")
}

/// Text that does not pack well, so that damage in the middle leaves something on both sides.
fn text(lines: u32) -> Vec<u8> {
    (0..lines).flat_map(|i| format!("{}\n", i.wrapping_mul(2_654_435_761)).into_bytes()).collect()
}

/// A piece of what is read: text, or damage with its code and its stretch.
#[derive(Debug, PartialEq)]
enum Piece {
    Text(Vec<u8>),
    Damage(&'static str, u64, u64),
}

fn pieces_with(packed: &[u8], limits: &Limits, expected: fn(&[u8]) -> bool) -> Vec<Piece> {
    let mut reader = Reader::new(Box::new(Cursor::new(packed.to_vec())), limits).expect("in memory");
    reader.expect(expected);
    let mut pieces = Vec::new();
    loop {
        let mut bytes = Vec::new();
        let end = reader.read_to_end(&mut bytes);
        if !bytes.is_empty() {
            pieces.push(Piece::Text(bytes));
        }
        match end {
            Ok(_) => break,
            Err(error) => {
                let damage = Damage::from_error(error).expect("damage");
                pieces.push(Piece::Damage(damage.code, damage.stretch.offset, damage.stretch.length));
            }
        }
    }
    assert_eq!(reader.consumed(), packed.len() as u64);
    pieces
}

fn pieces(packed: &[u8]) -> Vec<Piece> {
    pieces_with(packed, &Limits::default(), |_| true)
}

fn whole(text: &[u8]) -> Vec<Piece> {
    vec![Piece::Text(text.to_vec())]
}

#[test]
fn kinds_are_told_apart_by_their_first_bytes() {
    let (first, second) = (b"one line\n".repeat(9000), b"another\n".repeat(5));
    let both = [first.clone(), second.clone()].concat();
    let skippable = [&[0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 9, 9, 9][..], &zstd_frame(&both)].concat();
    let cases = [
        ("plain", both.clone()),
        ("gzip members", [gzip(&first), gzip(b""), gzip(&second)].concat()),
        ("gzip with padding", [gzip(&first), vec![0; 700], gzip(&second), vec![0; 3]].concat()),
        ("zstd frames", [zstd_frame(&first), zstd_frame(&second)].concat()),
        ("zstd with metadata", skippable),
    ];
    for (name, packed) in cases {
        assert_eq!(pieces(&packed), whole(&both), "{name}");
    }
    let mut reader = Reader::new(Box::new(Cursor::new(b"WARC/1.0 and more")), &Limits::default()).expect("in memory");
    assert_eq!(reader.peek(12).expect("in memory"), b"WARC/1.0 and more");
    let mut rest = Vec::new();
    reader.read_to_end(&mut rest).expect("in memory");
    assert_eq!(rest, b"WARC/1.0 and more");
    for short in [&b"{"[..], b"{}\n"] {
        assert_eq!(pieces(short), whole(short));
    }
    assert_eq!(pieces(b""), []);
}

#[test]
fn headers_of_members_may_have_everything() {
    let mut encoder = flate2::GzBuilder::new().filename("a.warc").comment("made by hand").extra(vec![7; 300]).mtime(9);
    encoder = encoder.operating_system(3);
    let mut encoder = encoder.write(Vec::new(), Compression::default());
    encoder.write_all(b"text").expect("in memory");
    let packed = encoder.finish().expect("in memory");
    assert_eq!(pieces(&[packed.clone(), packed].concat()), whole(b"texttext"));
}

#[test]
fn a_damaged_member_is_lost_alone() {
    let (first, damaged, last) = (text(2000), text(50_000), text(100));
    for pack in [gzip, zstd_frame] {
        let (before, packed, after) = (pack(&first), pack(&damaged), pack(&last));
        let code = if before[0] == 0x1f { "gzip_corrupt" } else { "zstd_corrupt" };
        // Cut off, so that its end is missing; and with bytes written over.
        let cut = packed[..packed.len() / 2].to_vec();
        let mut overwritten = packed.clone();
        overwritten[packed.len() / 2..][..400].fill(0xff);
        // Frames of zstd need not have checksums.
        let broken = if code == "gzip_corrupt" { vec![cut, overwritten] } else { vec![cut] };
        for broken in broken {
            let got = pieces(&[&before[..], &broken, &after].concat());
            let [Piece::Text(begin), Piece::Damage(got_code, offset, length), Piece::Text(end)] = &got[..] else {
                panic!("{} pieces", got.len())
            };
            // The end of what was unpacked may be wrong: another member's bytes were taken for this one's.
            let right = begin.iter().zip([&first[..], &damaged].concat()).take_while(|(got, want)| **got == *want).count();
            assert!(right > first.len() + damaged.len() / 4, "{right} of {}", begin.len());
            assert_eq!((*got_code, *offset, *length), (code, before.len() as u64, broken.len() as u64));
            assert_eq!(end, &last);
        }
    }
}

#[test]
fn a_wrong_checksum_is_said_and_loses_nothing() {
    let mut packed = gzip(b"one");
    let at = packed.len() - 6;
    packed[at] ^= 0x40;
    let length = packed.len() as u64;
    let want = [Piece::Text(b"one".to_vec()), Piece::Damage("gzip_corrupt", 0, length), Piece::Text(b"two".to_vec())];
    assert_eq!(pieces(&[packed, gzip(b"two")].concat()), want);
}

#[test]
fn garbage_between_members_is_one_stretch() {
    // With what looks like a member's beginning and is none.
    let garbage = [&b"no member \x1f\x8b\x08\x00\x00\x00"[..], &[0x1f; 100], b"\x1f\x8b\x08\xff"].concat();
    let (one, two) = (gzip(b"one"), gzip(b"two"));
    let want = [
        Piece::Text(b"one".to_vec()),
        Piece::Damage("gzip_garbage", one.len() as u64, garbage.len() as u64),
        Piece::Text(b"two".to_vec()),
        Piece::Damage("gzip_garbage", (one.len() + garbage.len() + two.len()) as u64, 4),
    ];
    assert_eq!(pieces(&[&one[..], &garbage, &two, b"tail"].concat()), want);
}

#[test]
fn only_what_is_expected_is_gone_on_with() {
    let hidden = gzip(b"not what is looked for");
    let packed = [&gzip(b"WARC/one")[..], b"?", &hidden, &gzip(b"WARC/two")].concat();
    let got = pieces_with(&packed, &Limits::default(), |bytes| bytes.starts_with(b"WARC/"));
    let begin = gzip(b"WARC/one").len() as u64;
    let want = [
        Piece::Text(b"WARC/one".to_vec()),
        Piece::Damage("gzip_garbage", begin, hidden.len() as u64 + 1),
        Piece::Text(b"WARC/two".to_vec()),
    ];
    assert_eq!(got, want);
}

#[test]
fn a_bomb_is_cut_and_the_next_member_read() {
    let limits = Limits { ratio_max: 100, ..Limits::default() };
    let zeros = vec![0; 64 << 20];
    for pack in [gzip, zstd_frame] {
        let (bomb, last) = (pack(&zeros), pack(b"behind it"));
        let got = pieces_with(&[&bomb[..], &last].concat(), &limits, |bytes| bytes.starts_with(b"behind"));
        let [Piece::Text(begin), Piece::Damage("decompression_bomb", 0, length), Piece::Text(end)] = &got[..] else {
            panic!("{} pieces", got.len())
        };
        assert!(begin.len() as u64 <= Limits::RATIO_FREE_BYTES + BUFFER_BYTES as u64, "got {} bytes", begin.len());
        assert_eq!((*length, &end[..]), (bomb.len() as u64, &b"behind it"[..]));
    }
    // A plain file of the same bytes is none.
    let plain = vec![0; 17 << 20];
    assert_eq!(pieces_with(&plain, &Limits { ratio_max: 0, ..limits }, |_| true), whole(&plain));
}

#[test]
fn many_small_bombs_are_one_large_one() {
    let limits = Limits { ratio_max: 100, ..Limits::default() };
    let bomb = zstd_frame(&vec![0; 4 << 20]);
    let made: usize = pieces_with(&bomb.repeat(40), &limits, |_| true)
        .iter()
        .map(|piece| match piece {
            Piece::Text(text) => text.len(),
            Piece::Damage(..) => 0,
        })
        .sum();
    assert!(made < 40 << 20, "{made} bytes");
}

#[test]
fn a_dictionary_in_the_first_frame_is_used() {
    let samples: Vec<Vec<u8>> = (0..400).map(|i| format!("WARC/1.0 record {i} of a crawl of example.org").into_bytes()).collect();
    let dictionary = samples.concat();
    let frame = |text: &[u8]| {
        let mut encoder = zstd::Encoder::with_dictionary(Vec::new(), 3, &dictionary).expect("in memory");
        encoder.write_all(text).expect("in memory");
        encoder.finish().expect("in memory")
    };
    let frames = [frame(&samples[0]), frame(&samples[1])].concat();
    let both = [&samples[0][..], &samples[1]].concat();
    for content in [dictionary.clone(), zstd_frame(&dictionary)] {
        let head = [&[0x5d, 0x2a, 0x4d, 0x18][..], &(content.len() as u32).to_le_bytes(), &content].concat();
        assert_eq!(pieces(&[head, frames.clone()].concat()), whole(&both));
    }
    assert!(matches!(pieces(&frames)[..], [Piece::Damage("zstd_corrupt", ..), ..]), "it is needed");
    // One that is too large, and one that is cut off.
    let huge = [&[0x5d, 0x2a, 0x4d, 0x18][..], &u32::MAX.to_le_bytes(), &frames].concat();
    assert!(matches!(pieces(&huge)[..], [Piece::Damage("zstd_corrupt", ..), ..]));
}

#[test]
fn members_are_told_from_each_other() {
    let (one, two) = (gzip(&text(20_000)), gzip(b"two"));
    let mut reader = Reader::new(Box::new(Cursor::new([&one[..], &two].concat())), &Limits::default()).expect("in memory");
    reader.peek(64).expect("in memory");
    let mut beginnings = Vec::new();
    let mut read = 0;
    loop {
        let at_member = reader.at_member().expect("in memory");
        let available = reader.fill_buf().expect("in memory").len();
        if available == 0 {
            break;
        }
        if at_member {
            beginnings.push((read, reader.member_offset()));
        }
        // By odd steps, so that a beginning is not looked for only where a read ends.
        let step = available.min(7919);
        reader.consume(step);
        read += step;
    }
    assert_eq!(beginnings, [(0, Some(0)), (text(20_000).len(), Some(one.len() as u64))]);
}

#[test]
fn false_beginnings_cost_no_more_than_the_allowance() {
    // Stored blocks, each of which holds the next member: from every one of them on there is much to unpack before it fails.
    let mut nested = vec![0xff; 200];
    while nested.len() < 60_000 {
        let length = (nested.len() as u16).to_le_bytes();
        let head = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0, length[0], length[1], !length[0], !length[1]];
        nested.splice(..0, head);
    }
    let packed = [gzip(b"one"), nested.repeat(20)].concat();
    let started = std::time::Instant::now();
    pieces(&packed);
    assert!(started.elapsed().as_secs() < 60, "{:?}", started.elapsed());
}

#[test]
fn a_failing_disk_is_an_error_and_no_damage() {
    struct Failing(usize);
    impl Read for Failing {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            self.0 += 1;
            match self.0 {
                1 => Err(io::ErrorKind::Interrupted.into()),
                2 => (&gzip(b"text")[..15]).read(out),
                _ => Err(io::Error::new(io::ErrorKind::InvalidData, "sector")),
            }
        }
    }
    let mut reader = Reader::new(Box::new(Failing(0)), &Limits::default()).expect("magic is read");
    let error = reader.read_to_end(&mut Vec::new()).expect_err("disk fails");
    assert_eq!(Damage::from_error(error).expect_err("no damage").to_string(), "sector");
}

proptest! {
    #[test]
    fn any_bytes_end(head in 0_usize..5, pieces_of in proptest::collection::vec(prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..200), Just(gzip(b"sound")), Just(zstd_frame(b"sound")), Just(vec![0; 9]),
        Just(vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]), Just(vec![0x5d, 0x2a, 0x4d, 0x18, 4, 0, 0, 0]),
    ], 0..8)) {
        let heads: [&[u8]; 5] = [b"", &gzip::MAGIC, &zst::MAGIC, &[0x50, 0x2a, 0x4d, 0x18], &ZIP_MAGIC];
        let packed = [heads[head], &pieces_of.concat()].concat();
        // Stretches lie one behind the other within the file.
        let mut end = 0;
        for piece in pieces(&packed) {
            if let Piece::Damage(_, offset, length) = piece {
                prop_assert!(offset >= end, "{offset} {end}");
                end = offset + length;
            }
        }
        prop_assert!(end <= packed.len() as u64);
    }
}
