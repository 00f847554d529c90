//! Whole seconds as CIC and CloudEvents write them.

use super::json::Json;

/// Seconds since 1970 as calendar and clock; remembers the day, for most stamps fall on the one before.
#[derive(Debug, Clone, Default)]
pub(super) struct Calendar {
    day: i64,
    date: [u8; 8],
}

impl Calendar {
    /// `20260302T080000Z`.
    pub(super) fn basic(&mut self, out: &mut Vec<u8>, second: i64) {
        self.turn_to(second);
        out.extend_from_slice(&self.date);
        out.push(b'T');
        for part in clock(second) {
            out.two(part);
        }
        out.push(b'Z');
    }

    /// `2026-03-02T08:00:00Z`.
    pub(super) fn extended(&mut self, out: &mut Vec<u8>, second: i64) {
        self.turn_to(second);
        let [hour, minute, rest] = clock(second);
        out.extend_from_slice(&self.date[..4]);
        out.push(b'-');
        out.extend_from_slice(&self.date[4..6]);
        out.push(b'-');
        out.extend_from_slice(&self.date[6..]);
        out.push(b'T');
        out.two(hour);
        out.push(b':');
        out.two(minute);
        out.push(b':');
        out.two(rest);
        out.push(b'Z');
    }

    /// `2026-03-02T08:00:00.000Z`.
    pub(super) fn precise(&mut self, out: &mut Vec<u8>, millis: i64) {
        self.extended(out, millis.div_euclid(1000));
        out.pop();
        out.push(b'.');
        let rest = millis.rem_euclid(1000);
        out.push(b'0' + (rest / 100) as u8);
        out.two((rest % 100) as u8);
        out.push(b'Z');
    }

    /// `20260302`.
    pub(super) fn date(&mut self, second: i64) -> [u8; 8] {
        self.turn_to(second);
        self.date
    }

    fn turn_to(&mut self, second: i64) {
        let day = second.div_euclid(86_400);
        if day == self.day && self.date[0] != 0 {
            return;
        }
        self.day = day;
        // Days since the epoch of the Gregorian calendar, counted in years that begin in March.
        let shifted = day + 719_468;
        let era = shifted.div_euclid(146_097);
        let of_era = shifted - era * 146_097;
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * of_year + 2) / 153;
        let month = if shifted_month < 10 {
            shifted_month + 3
        } else {
            shifted_month - 9
        };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        let day_of_month = of_year - (153 * shifted_month + 2) / 5 + 1;
        let mut number = year * 10_000 + month * 100 + day_of_month;
        for digit in self.date.iter_mut().rev() {
            *digit = b'0' + (number % 10) as u8;
            number /= 10;
        }
    }
}

fn clock(second: i64) -> [u8; 3] {
    let of_day = second.rem_euclid(86_400);
    [
        (of_day / 3600) as u8,
        (of_day / 60 % 60) as u8,
        (of_day % 60) as u8,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_both_forms_across_days() {
        let mut calendar = Calendar::default();
        for (second, want) in [
            (1_772_438_400, "20260302T080000Z 2026-03-02T08:00:00Z"),
            (1_772_438_400 + 86_399, "20260303T075959Z 2026-03-03T07:59:59Z"),
            (951_782_400, "20000229T000000Z 2000-02-29T00:00:00Z"),
            (0, "19700101T000000Z 1970-01-01T00:00:00Z"),
        ] {
            let mut text = Vec::new();
            calendar.basic(&mut text, second);
            text.push(b' ');
            calendar.extended(&mut text, second);
            assert_eq!(String::from_utf8_lossy(&text), want);
        }
    }
}
