//! Which files of a list does one of several machines read?

use std::{fmt, str::FromStr};

/// One machine's share of a list: the files whose number in the list, from 0, leaves the remainder
/// `index` when divided by `count`.
///
/// Files are numbered in the whole list. So shards share no file, leave none out, and call each by
/// the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileShard {
    index: u32,
    count: u32,
}

impl FileShard {
    /// The most shards of a list.
    pub const COUNT_MAX: u32 = 65_536;

    /// Returns the number of the shard, from 0.
    #[must_use]
    pub fn index(self) -> u32 {
        self.index
    }

    /// Returns how many shards there are.
    #[must_use]
    pub fn count(self) -> u32 {
        self.count
    }

    /// Tells whether file number `file` of the list belongs to this shard.
    #[must_use]
    pub fn has(self, file: usize) -> bool {
        file % self.count as usize == self.index as usize
    }
}

impl fmt::Display for FileShard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

impl FromStr for FileShard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = || {
            let (index, count) = text.split_once('/')?;
            // `parse` alone would take a plus sign.
            let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse().ok()).flatten();
            let (index, count): (u32, u32) = (digits(index)?, digits(count)?);
            (index < count && count <= Self::COUNT_MAX).then_some(Self { index, count })
        };
        parsed().ok_or_else(|| format!("got {text:?}, expected I/N with I from 0 to N - 1 and N at most {}", Self::COUNT_MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_in_one_shard() {
        for count in 1..8 {
            let shards: Vec<FileShard> = (0..count).map(|i| format!("{i}/{count}").parse().expect("a shard")).collect();
            for file in 0..40 {
                assert_eq!(shards.iter().filter(|shard| shard.has(file)).count(), 1);
            }
            assert!(shards[0].has(0) && shards.iter().all(|s| s.to_string().parse() == Ok(*s)));
        }
        for bad in ["", "1", "1/", "/2", "2/2", "0/0", "-1/2", "+0/2", "0/2/3", "0/65537", "0/99999999999"] {
            assert!(bad.parse::<FileShard>().is_err(), "{bad}");
        }
    }
}
