//! Which time does a crawl state? RFC 3339, ISO dates, the compact stamps of archives, unix seconds
//! and milliseconds.
//!
//! Anything else, and anything outside the years 1 to 9999, is no time. A time without a zone is
//! UTC.

/// The first second of year 1.
const MIN: i64 = -62_135_596_800;
/// The first second of year 10000.
const END: i64 = 253_402_300_800;
/// Numbers from here on are milliseconds. As seconds they would lie beyond the year 5000.
const MILLISECONDS_FROM: u64 = 100_000_000_000;
const DAY: i64 = 86_400;

/// Returns the time that a number states, in unix seconds.
pub(super) fn from_number(number: i64) -> Option<i64> {
    let seconds = if number.unsigned_abs() >= MILLISECONDS_FROM { number.div_euclid(1000) } else { number };
    (MIN..END).contains(&seconds).then_some(seconds)
}

/// Returns the time that a text states, in unix seconds. Fractions of a second are dropped.
pub(super) fn parse(text: &str) -> Option<i64> {
    let text = text.trim();
    let bytes = text.as_bytes();
    if !bytes.is_empty() && bytes.iter().all(u8::is_ascii_digit) {
        return match bytes.len() {
            // 20240131: as unix seconds this would be a day of 1970, when nothing was crawled.
            8 => stamp(bytes, &[]),
            14 => stamp(&bytes[..8], &bytes[8..]),
            9..=13 => from_number(text.parse().ok()?),
            _ => None,
        };
    }
    let mut rest = Cursor(bytes);
    let year = rest.digits(4)?;
    rest.expect(b'-')?;
    let month = rest.digits(2)?;
    rest.expect(b'-')?;
    let day = days(year, month, rest.digits(2)?)?;
    if rest.0.is_empty() {
        return Some(day * DAY);
    }
    rest.any(b"Tt ")?;
    let hour = rest.digits(2)?;
    rest.expect(b':')?;
    let minute = rest.digits(2)?;
    let second = if rest.expect(b':').is_some() { rest.digits(2)? } else { 0 };
    if rest.any(b".,").is_some() {
        rest.digits(1)?;
        while rest.digits(1).is_some() {}
    }
    let time = day * DAY + clock(hour, minute, second)? - rest.zone()?;
    (MIN..END).contains(&time).then_some(time)
}

/// Formats a time as RFC 3339 in UTC, in whole seconds. `time` must come from this module.
pub(super) fn format(time: i64) -> String {
    let (year, month, day) = civil(time.div_euclid(DAY));
    let second = time.rem_euclid(DAY);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Returns the time that `YYYYMMDD` and `hhmmss` state.
fn stamp(date: &[u8], clock_digits: &[u8]) -> Option<i64> {
    let mut rest = Cursor(date);
    let day = days(rest.digits(4)?, rest.digits(2)?, rest.digits(2)?)?;
    let mut rest = Cursor(clock_digits);
    let clock = if clock_digits.is_empty() { 0 } else { clock(rest.digits(2)?, rest.digits(2)?, rest.digits(2)?)? };
    Some(day * DAY + clock)
}

/// Returns the seconds since midnight. A leap second counts as the first second of the next minute,
/// as in unix time.
fn clock(hour: i64, minute: i64, second: i64) -> Option<i64> {
    (hour < 24 && minute < 60 && second <= 60).then_some(hour * 3600 + minute * 60 + second)
}

/// Returns the days since 1970 in the proleptic Gregorian calendar (Howard Hinnant,
/// "chrono-compatible low-level date algorithms").
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let month_days = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if year < 1 || !(1..=month_days).contains(&day) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468)
}

/// Returns year, month and day of a number of days since 1970. This is the reverse of [`days`].
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day_of_year - (153 * shifted_month + 2) / 5 + 1)
}

/// The bytes that are left to read.
struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    /// Reads exactly `count` digits.
    fn digits(&mut self, count: usize) -> Option<i64> {
        let (digits, rest) = self.0.split_at_checked(count)?;
        let number = digits.iter().try_fold(0, |n, b| b.is_ascii_digit().then(|| n * 10 + i64::from(b - b'0')))?;
        self.0 = rest;
        Some(number)
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        self.any(&[byte]).map(|_| ())
    }

    /// Reads one of these bytes.
    fn any(&mut self, bytes: &[u8]) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        bytes.contains(&first).then(|| self.0 = rest)?;
        Some(first)
    }

    /// Reads the offset from UTC in seconds, up to the end: nothing, `Z`, `UTC`, `+02:00`, `+0200`
    /// or `+02`.
    fn zone(&mut self) -> Option<i64> {
        let _ = self.any(b" ");
        if self.0.is_empty() || [&b"Z"[..], b"z", b"UTC", b"GMT"].contains(&self.0) {
            return Some(0);
        }
        let sign = if self.any(b"+-")? == b'-' { -1 } else { 1 };
        let hour = self.digits(2)?;
        let minute = if self.0.is_empty() {
            0
        } else {
            let _ = self.expect(b':');
            self.digits(2)?
        };
        (self.0.is_empty() && hour < 24 && minute < 60).then_some(sign * (hour * 3600 + minute * 60))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_crawls_write() {
        for (text, want) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2025-03-01T00:00:10Z", Some(1_740_787_210)),
            ("2025-03-01t00:00:10.999999Z", Some(1_740_787_210)),
            ("2025-03-01 00:00:10", Some(1_740_787_210)),
            ("2025-03-01 00:00:10 UTC", Some(1_740_787_210)),
            ("2025-03-01T02:00:10+02:00", Some(1_740_787_210)),
            ("2025-02-28T18:30:10-0530", Some(1_740_787_210)),
            ("2025-03-01T02:00+02", Some(1_740_787_200)),
            (" 2025-03-01 ", Some(1_740_787_200)),
            ("20250301", Some(1_740_787_200)),
            ("20250301000010", Some(1_740_787_210)),
            ("1740787210", Some(1_740_787_210)),
            ("1740787210123", Some(1_740_787_210)),
            ("2024-02-29", Some(1_709_164_800)),
            ("0001-01-01", Some(MIN)),
            ("9999-12-31T23:59:59Z", Some(END - 1)),
            ("9999-12-31T23:59:60Z", None),
            ("2023-02-29", None),
            ("1900-02-29", None),
            ("0000-01-01", None),
            ("2025-13-01", None),
            ("2025-03-01T24:00:00Z", None),
            ("2025-03-01T00:00:10.Z", None),
            ("2025-03-01T00:00:10Zx", None),
            ("2025-3-1", None),
            ("yesterday", None),
            ("", None),
            ("٢٠٢٥-٠٣-٠١", None),
        ] {
            assert_eq!(parse(text), want, "{text}");
        }
    }

    #[test]
    fn numbers_are_seconds_or_milliseconds() {
        for (number, want) in [
            (0, Some(0)),
            (-1, Some(-1)),
            (1_740_787_210, Some(1_740_787_210)),
            (1_740_787_210_999, Some(1_740_787_210)),
            (-99_999_999_999, None),
            (i64::MAX, None),
            (i64::MIN, None),
        ] {
            assert_eq!(from_number(number), want, "{number}");
        }
    }

    #[test]
    fn format_is_the_reverse_of_parse() {
        let mut day = MIN / DAY;
        while day * DAY < END {
            let time = day * DAY + (day * 7919).rem_euclid(DAY);
            assert_eq!(parse(&format(time)), Some(time));
            let (year, month, of_month) = civil(day);
            assert_eq!(days(year, month, of_month), Some(day));
            day += 13;
        }
    }
}
