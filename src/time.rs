//! A point in time as records and events carry it. Pure: it reads and writes text, it never asks the clock.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Milliseconds since 1970-01-01T00:00:00Z. The text form is always `YYYY-MM-DDThh:mm:ss.mmmZ`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(i64);

/// 9999-12-31T23:59:59.999Z: the last moment that the text form can hold.
const LAST: i64 = 253_402_300_799_999;

impl Time {
    /// The moment `millis` after the epoch, brought into the years 1970 to 9999.
    pub fn from_millis(millis: i64) -> Self {
        Self(millis.clamp(0, LAST))
    }

    /// Milliseconds since the epoch.
    pub fn millis(self) -> i64 {
        self.0
    }

    /// This moment moved by `millis`, which may be negative.
    pub fn plus(self, millis: i64) -> Self {
        Self::from_millis(self.0.saturating_add(millis))
    }

    /// Reads ISO 8601, basic (`20210706T193229Z`) or extended (`2021-07-06T19:32:29.120Z`), with a fraction or
    /// none, `Z` or an offset such as `+02:00` (absent: UTC). Fractions finer than a millisecond are cut.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.trim().as_bytes();
        let mut at = Cursor { bytes, at: 0 };
        let year = at.digits(4)?;
        let extended = at.skip(b'-');
        let month = at.digits(2)?;
        if extended && !at.skip(b'-') {
            return None;
        }
        let day = at.digits(2)?;
        let _ = at.skip(b'T') || at.skip(b't') || at.skip(b' ');
        let hour = at.digits(2)?;
        let colon = at.skip(b':');
        let minute = at.digits(2)?;
        let second = if colon && !at.skip(b':') {
            0
        } else {
            at.digits(2).unwrap_or(0)
        };
        let millis = if at.skip(b'.') || at.skip(b',') {
            at.fraction()?
        } else {
            0
        };
        let offset_minutes = at.offset()?;
        let valid = (1..=12).contains(&month)
            && (1..=days_in(year, month)).contains(&day)
            && hour < 24
            && minute < 60
            && second <= 60;
        if !valid || at.at != bytes.len() {
            return None;
        }
        let seconds = days_from_civil(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second.min(59)
            - offset_minutes * 60;
        let total = seconds * 1000 + millis;
        (0..=LAST).contains(&total).then_some(Self(total))
    }

    /// The 24 characters of the text form.
    pub fn text(self) -> [u8; 24] {
        let (days, rest) = (self.0.div_euclid(86_400_000), self.0.rem_euclid(86_400_000));
        let (year, month, day) = civil_from_days(days);
        let mut text = *b"0000-00-00T00:00:00.000Z";
        put(&mut text[0..4], year);
        put(&mut text[5..7], month);
        put(&mut text[8..10], day);
        put(&mut text[11..13], rest / 3_600_000);
        put(&mut text[14..16], rest / 60_000 % 60);
        put(&mut text[17..19], rest / 1000 % 60);
        put(&mut text[20..23], rest % 1000);
        text
    }

    /// Seconds precision in ISO basic form, `YYYYMMDDThhmmssZ`: what CIC writes, and what a key is made of.
    pub fn basic(self) -> String {
        let text = self.text();
        text[..19]
            .iter()
            .filter(|byte| !matches!(byte, b'-' | b':'))
            .map(|&byte| char::from(byte))
            .chain(['Z'])
            .collect()
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.text()))
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if !deserializer.is_human_readable() {
            return i64::deserialize(deserializer).map(Self::from_millis);
        }
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("no time"))
    }
}

/// Text for people, a number in what machines keep.
impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !serializer.is_human_readable() {
            return serializer.serialize_i64(self.0);
        }
        let text = self.text();
        serializer.serialize_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    fn skip(&mut self, byte: u8) -> bool {
        let found = self.bytes.get(self.at) == Some(&byte);
        self.at += usize::from(found);
        found
    }

    fn digits(&mut self, count: usize) -> Option<i64> {
        let mut value = 0;
        for &byte in self.bytes.get(self.at..self.at + count)? {
            if !byte.is_ascii_digit() {
                return None;
            }
            value = value * 10 + i64::from(byte - b'0');
        }
        self.at += count;
        Some(value)
    }

    fn fraction(&mut self) -> Option<i64> {
        let (mut millis, mut scale, start) = (0, 100, self.at);
        while let Some(digit) = self.bytes.get(self.at).filter(|byte| byte.is_ascii_digit()) {
            millis += i64::from(digit - b'0') * scale;
            scale /= 10;
            self.at += 1;
        }
        (self.at > start).then_some(millis)
    }

    fn offset(&mut self) -> Option<i64> {
        let sign = match self.bytes.get(self.at) {
            None => return Some(0),
            Some(b'Z' | b'z') => {
                self.at += 1;
                return Some(0);
            }
            Some(b'+') => 1,
            Some(b'-') => -1,
            Some(_) => return None,
        };
        self.at += 1;
        let hours = self.digits(2)?;
        let _ = self.skip(b':');
        let minutes = if self.at == self.bytes.len() {
            0
        } else {
            self.digits(2)?
        };
        (hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes))
    }
}

fn put(slot: &mut [u8], value: i64) {
    let mut rest = value;
    for digit in slot.iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since the epoch of a date of the Gregorian calendar, counted in years that begin in March.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year - era * 400;
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted - era * 146_097;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_what_cic_and_cloudevents_write() {
        for (text, want) in [
            ("20210706T193229Z", "2021-07-06T19:32:29.000Z"),
            ("2021-07-06T19:32:29Z", "2021-07-06T19:32:29.000Z"),
            ("2021-07-06T19:32:29.1234567Z", "2021-07-06T19:32:29.123Z"),
            ("2021-07-06T21:32:29+02:00", "2021-07-06T19:32:29.000Z"),
            ("20210706 193229", "2021-07-06T19:32:29.000Z"),
            ("2024-02-29T00:00Z", "2024-02-29T00:00:00.000Z"),
        ] {
            assert_eq!(
                Time::parse(text).map(|time| time.to_string()).as_deref(),
                Some(want),
                "{text}"
            );
        }
    }

    #[test]
    fn refuses_what_is_no_time() {
        for text in [
            "",
            "yesterday",
            "20211306T193229Z",
            "2023-02-29T00:00:00Z",
            "20210706T193229Zx",
            "1969-12-31T00:00:00Z",
        ] {
            assert_eq!(Time::parse(text), None, "{text}");
        }
    }

    #[test]
    fn basic_form_has_seconds() {
        assert_eq!(
            Time::parse("2021-07-06T19:32:29.9Z").unwrap().basic(),
            "20210706T193229Z"
        );
    }

    proptest! {
        #[test]
        fn text_reads_back(millis in 0..=LAST) {
            let time = Time::from_millis(millis);
            prop_assert_eq!(Time::parse(&time.to_string()), Some(time));
        }
    }
}
