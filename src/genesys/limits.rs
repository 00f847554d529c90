//! What an answer's headers say about the budget: `inin-ratelimit-*` and `Retry-After`.

use std::time::Duration;

use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

use crate::time::Time;

/// The budget as one answer shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Requests of this window so far, those of other agents with the same token included.
    pub count: u32,
    /// Requests allowed in a window.
    pub allowed: u32,
    /// Until the window ends, in whole seconds.
    pub reset: Duration,
}

impl Limits {
    /// Reads the three headers; `None` unless all are there and are numbers.
    pub fn read(headers: &HeaderMap) -> Option<Self> {
        let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u32>().ok();
        Some(Self {
            count: number("inin-ratelimit-count")?,
            allowed: number("inin-ratelimit-allowed").filter(|&allowed| allowed > 0)?,
            reset: Duration::from_secs(number("inin-ratelimit-reset")?.into()),
        })
    }
}

/// Reads `Retry-After`, in seconds or as an HTTP date. A date is measured against the answer's own `Date` where it
/// has one, so that a wrong clock of ours does no harm; against `now` otherwise.
pub fn retry_after(headers: &HeaderMap, now: Time) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = http_date(text)?;
    let said = headers.get(DATE).and_then(|date| http_date(date.to_str().ok()?));
    let millis = until.millis() - said.unwrap_or(now).millis();
    Some(Duration::from_millis(millis.try_into().unwrap_or(0)))
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`, the one form that servers may still write.
pub(super) fn http_date(text: &str) -> Option<Time> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let mut words = text.split_once(", ")?.1.split(' ');
    let (day, month, year, time) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let month = MONTHS.iter().position(|name| *name == month)? + 1;
    if words.next() != Some("GMT") {
        return None;
    }
    Time::parse(&format!("{year}-{month:02}-{day}T{time}Z"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderValue;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| ((*name).parse().unwrap(), HeaderValue::from_str(value).unwrap()))
            .collect()
    }

    #[test]
    fn the_budget_is_read_only_when_whole() {
        let whole = [
            ("inin-ratelimit-count", "7"),
            ("inin-ratelimit-allowed", "180"),
            ("inin-ratelimit-reset", "61"),
        ];
        let want = Limits {
            count: 7,
            allowed: 180,
            reset: Duration::from_secs(61),
        };
        assert_eq!(Limits::read(&headers(&whole)), Some(want));
        assert_eq!(Limits::read(&headers(&whole[1..])), None);
        assert_eq!(
            Limits::read(&headers(&[
                whole[0],
                ("inin-ratelimit-allowed", "many"),
                whole[2]
            ])),
            None
        );
        assert_eq!(
            Limits::read(&headers(&[whole[0], ("inin-ratelimit-allowed", "0"), whole[2]])),
            None
        );
    }

    #[test]
    fn retry_after_is_read_in_both_forms() {
        let now = Time::parse("1994-11-06T08:49:00Z").unwrap();
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        for (pairs, want) in [
            (vec![("retry-after", "5")], Some(5)),
            (vec![("retry-after", date)], Some(37)),
            (
                vec![("retry-after", date), ("date", "Sun, 06 Nov 1994 08:49:30 GMT")],
                Some(7),
            ),
            (
                vec![("retry-after", date), ("date", "Sun, 06 Nov 1994 08:50:30 GMT")],
                Some(0),
            ),
            (vec![("retry-after", "soon")], None),
            (vec![("retry-after", "-3")], None),
            (vec![], None),
        ] {
            assert_eq!(
                retry_after(&headers(&pairs), now),
                want.map(Duration::from_secs),
                "{pairs:?}"
            );
        }
    }
}
